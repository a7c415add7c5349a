"""One transaction, exact books, one owner per partition."""

import asyncio
from threading import Thread
from typing import Any

import asyncpg
import pytest

from consumer.errors import Fatal, LostPartition, RefusedRow, Transient
from consumer.ingest.batch import Batch, Books, Partition
from consumer.query.verify import verify
from consumer.store.dry_run import DryRunWriter, create_dry_run_tables
from consumer.store.postgres import connect, translated
from consumer.store.retrying import retrying
from consumer.store.store import Store
from consumer.store.writer import Writer
from tests.acceptance.running import until
from tests.postgres.writing import TOPIC, batch_of, books, projection, waiting_for_locks, write
from tests.samples import event, result


async def test_each_event_ends_as_exactly_one_thing(database: str) -> None:
    """Applied, superseded, duplicate, ignored, quarantined: the books of one partition."""
    first = await write(database, result(1, minute=5), result(1, minute=5), b"{", None)
    assert first == Books(applied=1, duplicate=1, ignored=1, quarantined=1)
    second = await write(database, result(1, minute=5), result(1, minute=4), result(1, minute=9), event("account_created"))
    assert second == Books(applied=2, superseded=1, duplicate=1)


async def test_behind_a_batch_of_repetitions_new_versions_are_found_among_known_ones(database: str) -> None:
    """Then the writer asks what is known before it stages anything: an older version of a known newest, too, is kept."""
    connection = await connect(database)
    writer = Writer(connection)
    await writer.open_position(TOPIC, 0)
    told = [result(1, minute=5), result(2, minute=5), event("account_created")]
    assert (await writer.write(batch_of(told)))[TOPIC] == Books(applied=3)
    for first in (3, 6):
        assert (await writer.write(batch_of(told, first=first)))[TOPIC] == Books(duplicate=3)
    mixed = [
        result(1, minute=4),
        result(1, minute=5),
        result(2, minute=6),
        result(3),
        result(1, minute=5),
        event("course_created"),
    ]
    assert (await writer.write(batch_of(mixed, first=9)))[TOPIC] == Books(applied=3, superseded=1, duplicate=2)
    assert (await writer.write(batch_of(mixed, first=15)))[TOPIC] == Books(duplicate=6)
    assert (await verify(connection)).holds
    await connection.close()


async def test_several_versions_of_one_object_in_a_batch_are_one_applied_and_the_rest_superseded(database: str) -> None:
    """Applied is what was current when committed."""
    assert await write(database, *(result(1, minute=minute) for minute in (3, 1, 4, 2))) == Books(applied=1, superseded=3)


async def test_what_was_written_is_counted_for_its_tenant(database: str) -> None:
    """Two tenants have a result with the same id: an older version of one's is not counted with a newer one of the other's."""
    connection = await connect(database)
    theirs = result(1, minute=1)
    theirs["metadata"]["root_account_uuid"] = "another tenant"
    assert await write(connection, result(1, minute=1), theirs) == Books(applied=2)
    theirs["metadata"]["event_time"] = result(1, minute=2)["metadata"]["event_time"]
    assert await write(connection, result(1), theirs) == Books(applied=1, superseded=1)
    await connection.close()


async def test_books_are_kept_per_partition_of_one_batch(database: str) -> None:
    """A batch spans partitions; each has its own line."""
    connection = await connect(database)
    writer, other = Writer(connection), Partition("topic", 1)
    for partition in (TOPIC, other):
        await writer.open_position(partition, 0)
    batch = batch_of([result(1, minute=5), result(2)])
    more = batch_of([result(1, minute=6), result(1, minute=6), None, b"?"], other)
    batch.moves |= more.moves
    batch.accepted += more.accepted
    batch.ignored += more.ignored
    batch.rejected += more.rejected
    assert await writer.write(batch) == {
        TOPIC: Books(applied=1, superseded=1),
        other: Books(applied=1, duplicate=1, ignored=1, quarantined=1),
    }
    await connection.close()


async def test_a_position_that_somebody_else_moved_rolls_everything_back(database: str) -> None:
    """The fence against zombies: the batch of the one who came second leaves nothing."""
    connection, zombie = await connect(database), await connect(database)
    await Writer(connection).open_position(TOPIC, 0)
    await Writer(connection).write(batch_of([result(1)]))
    with pytest.raises(LostPartition):
        await Writer(zombie).write(batch_of([result(2), b"{", None, result(3, surprise=1)]))
    for table in ("learning_outcome_result_version", "quarantine", "ignored_event", "unknown_member"):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == (1 if table.endswith("version") else 0)
    assert (await books(connection)).consumed == 1
    await connection.close()
    await zombie.close()


async def test_a_position_never_read_belongs_to_nobody(database: str) -> None:
    """A writer that was never told where to begin writes nothing."""
    connection = await connect(database)
    with pytest.raises(LostPartition):
        await Writer(connection).write(batch_of([result(1)]))
    await connection.close()


async def test_a_row_that_the_database_refuses_goes_to_quarantine_alone(database: str) -> None:
    """Found by bisecting; its batch mates are applied, its bytes are kept."""
    admin = await connect(database)
    await admin.execute("ALTER TABLE learning_outcome_result ADD CONSTRAINT no_thirteen CHECK (score <> 13)")
    bad = result(7, score=13)
    found = await write(database, *(result(id_) for id_ in range(1, 7)), bad, [result(8), result(9, score=13)], result(10))
    assert found == Books(applied=8, quarantined=2)
    rows = await admin.fetch("SELECT reason, event_name, position, raw FROM quarantine ORDER BY position")
    assert [(row["reason"], row["event_name"], row["position"]) for row in rows] == [
        ("refused_by_database", "learning_outcome_result_updated", 6),
        ("refused_by_database", "learning_outcome_result_updated", 7),
    ]
    assert b'"13"' not in rows[1]["raw"]
    assert b'"9"' in rows[1]["raw"]
    assert b'"8"' not in rows[1]["raw"]
    await admin.close()


async def test_a_connection_lost_while_looking_for_a_refused_row_is_made_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the refusal and its rollback: whoever writes is told to come again, and then the row is found."""
    admin = await connect(database)
    await admin.execute("ALTER TABLE learning_outcome_result ADD CONSTRAINT no_thirteen CHECK (score <> 13)")
    ended: list[int] = []
    write_rows = Writer._write_rows

    async def refused_and_lost(self: Writer, accepted: Any) -> Any:
        try:
            return await write_rows(self, accepted)
        except asyncpg.CheckViolationError:
            if not ended:
                ended.append(self._connection.get_server_pid())
                # In another thread that is waited for: this one must not hear of the end before it asks for the rollback.
                ending = Thread(target=lambda: asyncio.run(end(ended[0])))
                ending.start()
                ending.join()
            raise

    async def end(pid: int) -> None:
        connection = await connect(database)
        assert await connection.fetchval("SELECT pg_terminate_backend($1, 10000)", pid)
        await connection.close()

    monkeypatch.setattr(Writer, "_write_rows", refused_and_lost)
    store = Store(database, statement_seconds=10)
    await store.open_position(TOPIC, 0)
    batch = batch_of([result(1), result(2, score=13), result(3)])
    with pytest.raises(Transient):
        await store.write(batch)
    assert ended
    assert await store.write(batch) == {TOPIC: Books(applied=2, quarantined=1)}
    assert (await verify(admin)).holds
    await store.close()
    await admin.close()


async def test_a_value_that_does_not_fit_an_index_is_a_bad_row_too(database: str) -> None:
    """SQLSTATE 54000: such a row would block its partition for ever."""
    admin = await connect(database)
    await admin.execute("CREATE INDEX ON learning_outcome (description)")
    import os

    incompressible = os.urandom(6000).hex()
    found = await write(database, event("learning_outcome_created", description=incompressible), result(1))
    assert found == Books(applied=1, quarantined=1)
    await admin.close()


SEEN = """
SELECT (SELECT count(*) FROM learning_outcome_result_version), (SELECT count(*) FROM learning_outcome_result),
       (SELECT count(*) FROM quarantine), (SELECT next_position FROM stream_position)
"""


async def test_nothing_of_a_batch_is_visible_before_its_commit(database: str) -> None:
    """Versions, current rows, quarantine and the position appear together."""
    connection, holding, reader = await connect(database), await connect(database), await connect(database)
    writer = Writer(connection)
    await writer.open_position(TOPIC, 0)
    async with holding.transaction():  # the position is what a batch writes last
        await holding.execute("SELECT FROM stream_position FOR UPDATE")
        writing = asyncio.ensure_future(writer.write(batch_of([result(1), b"{"])))

        async def waits() -> bool:
            return await waiting_for_locks(reader) == 1

        await until(waits)
        assert tuple(await reader.fetchrow(SEEN) or ()) == (0, 0, 0, 0)
    await writing
    assert tuple(await reader.fetchrow(SEEN) or ()) == (1, 1, 1, 2)
    for one in (connection, holding, reader):
        await one.close()


class _CutAtCommit(Writer):
    """Breaks the connection at COMMIT: before it, or after the server has done it."""

    after: bool

    async def write(self, batch: Batch, before_commit: Any = lambda books: None) -> dict[Partition, Books]:
        def cut(books_: dict[Partition, Books]) -> None:
            before_commit(books_)
            if not self.after:
                self.abandon()

        found = await super().write(batch, cut)
        if self.after:
            self.abandon()
            raise Transient("the answer to COMMIT was lost")
        return found


@pytest.mark.parametrize("after", [True, False])
async def test_a_connection_lost_during_commit_neither_loses_nor_doubles_the_batch(database: str, after: bool) -> None:
    """The position is read back before anything else is done."""
    store = Store(database, statement_seconds=10)
    await store.open_position(TOPIC, 0)
    await store.close()
    cutting = _CutAtCommit(await connect(database))
    cutting.after = after
    store._writer = cutting
    batch = batch_of([result(1), result(1), b"{"])
    waits: list[str] = []
    found = await retrying(
        lambda: store.write(batch),
        on_failure=lambda error, seconds: waits.append(str(error)),
        first_seconds=0.01,
        jitter=lambda: 0.5,
    )
    assert len(waits) == 1
    assert found == {TOPIC: Books(applied=1, duplicate=1, quarantined=1)}
    connection = await connect(database)
    assert await books(connection) == Books(applied=1, duplicate=1, quarantined=1)
    await connection.close()
    await store.close()


async def test_a_dry_run_tells_the_books_and_changes_nothing(database: str) -> None:
    """The same statements on temporary tables, over several batches and beside what is there."""
    await write(database, result(1, minute=5), result(2))
    connection, dry = await connect(database), await connect(database)
    before = await projection(connection)
    await create_dry_run_tables(dry)
    writer, file = DryRunWriter(dry), Partition("file:x", 0)
    await writer.open_position(file, 1)
    told = [result(1, minute=5), result(1, minute=4), result(1, minute=6), result(3), b"{", None]
    assert (await writer.write(batch_of(told, file, 1)))[file] == Books(
        applied=2, superseded=1, duplicate=1, ignored=1, quarantined=1
    )
    assert (await writer.write(batch_of(told, file, 7)))[file] == Books(duplicate=4, ignored=1, quarantined=1)
    assert await projection(connection) == before
    assert await connection.fetchval("SELECT count(*) FROM quarantine") == 0
    assert await writer.positions([TOPIC]) == {TOPIC: 2}
    await connection.close()
    await dry.close()


async def test_two_writers_on_the_same_objects_in_opposite_order_do_not_deadlock(database: str) -> None:
    """Rows are written in key order, whatever the order of the records."""
    writers = []
    for number in range(2):
        connection = await connect(database)
        writer, partition = Writer(connection), Partition("topic", number)
        await writer.open_position(partition, 0)
        writers.append((connection, writer, partition))

    async def run(writer: Writer, partition: Partition, backwards: bool) -> None:
        for round_ in range(20):
            ids = sorted(range(1, 60), reverse=backwards)
            events = [result(id_, minute=round_, score=float(partition.partition)) for id_ in ids]
            await writer.write(batch_of(events, partition, round_ * len(ids)))

    await asyncio.gather(*(run(writer, partition, bool(number)) for number, (_, writer, partition) in enumerate(writers)))
    for connection, _, _ in writers:
        await connection.close()


async def test_retrying_goes_on_for_as_long_as_it_takes() -> None:
    """With growing pauses."""
    pauses: list[float] = []
    answers = iter([Transient("away")] * 5)

    async def action() -> str:
        for error in answers:
            raise error
        return "done"

    assert (
        await retrying(
            action, on_failure=lambda _, s: pauses.append(s), first_seconds=0.001, most_seconds=0.004, jitter=lambda: 0.5
        )
        == "done"
    )
    assert pauses == [0.001, 0.002, 0.004, 0.004, 0.004]


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (asyncpg.ConnectionDoesNotExistError("x"), Transient),
        (asyncpg.AdminShutdownError("x"), Transient),
        (asyncpg.DiskFullError("x"), Transient),
        (asyncpg.TooManyConnectionsError("x"), Transient),
        (asyncpg.SerializationError("x"), Transient),
        (asyncpg.DeadlockDetectedError("x"), Transient),
        (asyncpg.LockNotAvailableError("x"), Transient),
        (asyncpg.ReadOnlySQLTransactionError("x"), Transient),
        (asyncpg.QueryCanceledError("x"), Transient),
        (asyncpg.InterfaceError("connection is closed"), Transient),
        (ConnectionRefusedError(111, "x"), Transient),
        (TimeoutError(), Transient),
        (asyncpg.NumericValueOutOfRangeError("x"), RefusedRow),
        (asyncpg.CheckViolationError("x"), RefusedRow),
        (asyncpg.ProgramLimitExceededError("x"), RefusedRow),
        (asyncpg.DataError("x"), RefusedRow),
        (asyncpg.InvalidPasswordError("x"), Fatal),
        (asyncpg.InvalidCatalogNameError("x"), Fatal),
        (asyncpg.InsufficientPrivilegeError("x"), Fatal),
        (asyncpg.UndefinedTableError("x"), Fatal),
        (asyncpg.ProtocolViolationError("expected a message"), Fatal),
        (asyncpg.ProtocolViolationError("unsupported startup parameter: search_path"), Fatal),
        (asyncpg.ProtocolViolationError("transaction blocks not allowed in statement pooling mode"), Fatal),
        (asyncpg.ProtocolViolationError("server login has been failing, try again later (server_login_retry)"), Transient),
        (asyncpg.ProtocolViolationError("query_wait_timeout"), Transient),
        (asyncpg.InvalidSQLStatementNameError("prepared statement does not exist"), Fatal),
        (asyncpg.DuplicatePreparedStatementError("prepared statement exists already"), Fatal),
    ],
)
def test_each_error_of_postgres_has_its_class(error: Exception, meaning: type[Exception]) -> None:
    """Design 7: what the loop does follows from the type alone."""
    assert isinstance(translated(error), meaning)


def test_other_errors_are_not_swallowed() -> None:
    """A mistake of ours is not taken for an outage."""
    assert translated(KeyError("x")) is None
