"""Under load the next batch is staged over a second connection while the last one is written."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest

from consumer.errors import LostPartition, Transient
from consumer.ingest.batch import Batch, Books, Partition
from consumer.query.verify import verify
from consumer.store.postgres import Connection, connect
from consumer.store.store import Store
from consumer.worker.partitions import Lease, Read
from tests.acceptance.running import until
from tests.postgres.writing import TOPIC, batch_of, projection, waiting_for_locks, write
from tests.samples import Event, result

FIRST: list[Event | list[Any] | bytes | None] = [result(1, minute=5), result(2), b"{"]
NEXT: list[Event | list[Any] | bytes | None] = [result(1, minute=6), result(2), result(3), result(1, minute=4)]
NEXT_BOOKS = {TOPIC: Books(applied=2, superseded=1, duplicate=1)}


@dataclass
class Busy:
    """A store that is at work on `FIRST`, which waits for a lock that `holder` has until `finish`."""

    store: Store
    holder: Connection
    admin: Connection
    writing: asyncio.Task[dict[Partition, Books]]

    async def finish(self) -> None:
        """Lets the batch through."""
        await self.holder.execute("ROLLBACK")
        await self.writing

    async def sessions(self) -> int:
        """Connections that the store has."""
        count: int = await self.admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'outcomes'"
        )
        return count


@pytest.fixture
async def snapshots(database: str) -> None:
    """The administrator has each transaction see one moment only, unless it says otherwise."""
    connection = await connect(database)
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    await connection.close()


@pytest.fixture
async def busy(database: str) -> AsyncIterator[Busy]:
    """The store, in the middle of a transaction."""
    holder, admin = await connect(database, application="holder"), await connect(database, application="admin")
    store = Store(database, statement_seconds=60)
    await store.open_position(TOPIC, 0)
    await holder.execute("BEGIN; LOCK TABLE learning_outcome_result IN EXCLUSIVE MODE")
    writing = asyncio.create_task(store.write(batch_of(FIRST)))
    await until(lambda: waiting_for_locks(admin))
    yield Busy(store, holder, admin, writing)
    await store.close()
    await holder.close()
    await admin.close()


def following() -> Batch:
    """The batch behind `FIRST`."""
    return batch_of(NEXT, first=len(FIRST))


async def test_a_batch_staged_ahead_sees_the_one_before_it_whatever_isolation_the_database_has(
    snapshots: None, busy: Busy
) -> None:
    """It was begun before that one was committed: with its own moment it would take the position for moved by another."""
    batch = following()
    await busy.store.stage_next(batch)
    await busy.finish()
    assert busy.store._second is not None
    assert busy.store._second.has_staged(batch)
    (written,) = await asyncio.gather(busy.store.write(batch), return_exceptions=True)
    assert written == NEXT_BOOKS


async def test_a_batch_that_was_staged_ahead_is_written_as_any_other(busy: Busy, another_database: str) -> None:
    """Behind the one before it, over the second connection: the same rows, the same books."""
    batch = following()
    await busy.store.stage_next(batch)
    assert await busy.sessions() == 2
    assert not busy.writing.done()
    await busy.finish()
    assert await busy.store.write(batch) == NEXT_BOOKS
    await write(another_database, *FIRST, *NEXT)
    other = await connect(another_database)
    assert await projection(busy.admin) == await projection(other)
    assert (await verify(busy.admin)).holds
    await other.close()


async def test_a_store_that_has_nothing_to_do_needs_one_connection(busy: Busy) -> None:
    """A quiet stream costs no second one."""
    await busy.finish()
    await busy.store.stage_next(following())
    assert await busy.sessions() == 1


async def test_what_was_staged_and_is_not_written_leaves_nothing(busy: Busy) -> None:
    """The partition went to somebody else meanwhile; the batch that is written instead is another one."""
    await busy.store.stage_next(following())
    busy.store.discard_staged()
    await busy.finish()
    assert await busy.store.write(batch_of([result(9)], first=len(FIRST))) == {TOPIC: Books(applied=1)}
    await busy.store.stage_next(following())
    ids = await busy.admin.fetch("SELECT id FROM learning_outcome_result_version ORDER BY id")
    assert [row["id"] for row in ids] == [1, 2, 9]
    assert (await verify(busy.admin)).holds


async def test_no_transaction_stays_open_where_the_lease_ends_while_the_second_connection_is_made(busy: Busy) -> None:
    """The partitions may never come back: an open transaction with stages would keep vacuum from all tables."""
    lease = Lease(cast(Any, SimpleNamespace(store=busy.store)), [TOPIC], heard=0.0, member=True)
    read = Read(lease)
    read.batch = following()
    staging = asyncio.create_task(read.stage())
    await asyncio.sleep(0)
    assert busy.store._second is None
    lease.end()
    await staging
    await busy.finish()
    async with asyncio.timeout(20):  # the server ends it too, a minute later
        await until(lambda: _no_open_transaction(busy.admin))


async def _no_open_transaction(admin: Connection) -> bool:
    found: bool = await admin.fetchval(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction')"
    )
    return found


async def test_a_staged_batch_whose_position_was_moved_by_somebody_else_writes_nothing(busy: Busy) -> None:
    """The fence is as it is without."""
    batch = following()
    await busy.store.stage_next(batch)
    await busy.finish()
    await busy.admin.execute("UPDATE stream_position SET next_position = next_position + 1")
    with pytest.raises(LostPartition):
        await busy.store.write(batch)
    assert await busy.admin.fetchval("SELECT count(*) FROM learning_outcome_result_version") == 2


async def test_a_refused_row_in_a_staged_batch_goes_to_quarantine_alone(busy: Busy) -> None:
    """As in any other batch."""
    await busy.finish()
    await busy.admin.execute("ALTER TABLE learning_outcome_result ADD CONSTRAINT no_thirteen CHECK (score <> 13)")
    await busy.holder.execute("BEGIN; LOCK TABLE learning_outcome_result IN EXCLUSIVE MODE")
    busy.writing = asyncio.create_task(busy.store.write(batch_of([result(4)], first=len(FIRST))))
    await until(lambda: waiting_for_locks(busy.admin))
    batch = batch_of([result(5), result(6, score=13), result(7)], first=len(FIRST) + 1)
    await busy.store.stage_next(batch)
    await busy.finish()
    assert await busy.store.write(batch) == {TOPIC: Books(applied=2, quarantined=1)}
    assert (await verify(busy.admin)).holds


@pytest.mark.parametrize("what", ["lost", "not to be had"])
async def test_without_a_second_connection_one_does(busy: Busy, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fails, nothing is lost, and it is not asked for again at once."""
    batch = following()
    if what == "lost":
        await busy.store.stage_next(batch)
        await busy.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'outcomes' AND state = 'idle in transaction'"
        )
        await busy.finish()
        with pytest.raises(Transient):  # the loops come again
            await busy.store.write(batch)
    else:
        asked = 0

        async def refused(*arguments: object) -> None:
            nonlocal asked
            asked += 1
            raise Transient("Postgres: sorry, too many clients already (53300)")

        with monkeypatch.context() as patched:
            patched.setattr(Store, "_connected", refused)
            for _ in range(3):
                await busy.store.stage_next(batch)
        assert asked == 1
        await busy.finish()
    assert await busy.store.write(batch) == NEXT_BOOKS
    assert (await verify(busy.admin)).holds


async def test_a_batch_that_is_given_up_while_it_is_being_staged_troubles_nobody(
    busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is dropped under asyncpg, which then fails in ways of its own; the next batch is staged as ever."""
    prepare = asyncpg.Connection._get_statement  # type: ignore[attr-defined]

    async def given_up(connection: Any, *arguments: Any, **named: Any) -> Any:
        found = await prepare(connection, *arguments, **named)
        busy.store.discard_staged()
        return found

    await busy.store.stage_next(following())
    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "_get_statement", given_up)
        await busy.store.stage_next(following())
    batch = following()
    await busy.store.stage_next(batch)
    assert await busy.sessions() == 2
    await busy.finish()
    assert await busy.store.write(batch) == NEXT_BOOKS
    assert (await verify(busy.admin)).holds
