"""What keeps several writers from harming each other, each guard alone; `make mutation` takes them away one by one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from consumer.errors import LostPartition, Transient
from consumer.ingest.batch import Books, Partition, sort_and_dedupe
from consumer.ingest.decode import Rules
from consumer.ingest.tables import TABLES
from consumer.store import quarantine
from consumer.store.postgres import Connection, connect
from consumer.store.sql import sql
from consumer.store.store import Store
from consumer.store.writer import Writer
from tests.acceptance.running import until
from tests.postgres.test_writer import _CutAtCommit
from tests.postgres.writing import TOPIC, batch_of, books, projection, waiting_for_locks, write
from tests.samples import NOON, NOW, Event, accepted, event, result, scale


@asynccontextmanager
async def connections(dsn: str, count: int) -> AsyncIterator[list[Connection]]:
    """Several, closed afterwards."""
    opened = [await connect(dsn) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()


# -- key order --


def three_results(minute: int) -> list[Event]:
    """Objects of one table."""
    return [result(id_, minute=minute) for id_ in (1, 2, 3)]


def three_tables(minute: int) -> list[Event]:
    """An object of each of three tables."""
    at = NOON + timedelta(minutes=minute)
    return [result(1, minute=minute), event("learning_outcome_updated", at=at), scale(4, 3, 0, minute=minute)]


def three_versions(_: int) -> list[Event]:
    """The same versions for everybody, as live and replay bring them."""
    return three_results(0)


async def waiting_for_rows(connection: Connection) -> int:
    """Sessions of this database that wait for what another transaction has written, not for a table or an advisory lock."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
        "AND wait_event IN ('transactionid', 'tuple', 'spectoken')"
    )
    return count


@pytest.mark.parametrize("told", [three_results, three_tables, three_versions])
async def test_two_writers_that_meet_in_opposite_order_wait_and_never_deadlock(
    database: str, told: Callable[[int], list[Event]]
) -> None:
    """Rows are locked by table and key. A third writer stops both midway; unsorted, each then holds what the other needs."""
    there, back = Partition("there", 0), Partition("back", 0)
    async with connections(database, 4) as (one, two, three, watching):
        # Else the writers would make the partition, wait there for the third one's table, and meet at no row.
        await watching.fetchval(sql("make_version_partitions"), [NOON.year])
        writers = {there: Writer(one), back: Writer(two)}
        batches = {there: batch_of(told(1), there), back: batch_of(told(2)[::-1], back)}
        for partition, writer in writers.items():
            await writer.open_position(partition, 0)
        midway = Writer(three)
        await midway.prepare()
        holding = three.transaction()
        await holding.start()
        await midway.write_rows(batch_of(told(0)[1:2]).accepted)
        writing = [asyncio.ensure_future(writer.write(batches[partition])) for partition, writer in writers.items()]

        async def both_wait_for_its_row() -> bool:
            return await waiting_for_rows(watching) == 2

        await until(both_wait_for_its_row)
        await holding.rollback()
        written = await asyncio.gather(*writing, return_exceptions=True)
        assert [error for error in written if isinstance(error, BaseException)] == []
        assert (await books(watching)).consumed == 6


# -- which version is newer --


EARLY, LATE = "2025-03-20T12:00:00Z", "2025-03-20T12:00:01Z"
APART: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "event_time": ({"minute": 0, "updated_at": LATE}, {"minute": 1, "created": True, "updated_at": EARLY}),
    "event_name": ({"created": True, "updated_at": LATE}, {"updated_at": EARLY}),
    "updated_at": ({"updated_at": EARLY}, {"updated_at": LATE}),
    "updated_at absent": ({"updated_at": ...}, {"updated_at": LATE}),
    "version_hash": ({}, {}),
}
"""What makes one version older and another newer, by a part of the order, while the parts behind it say the contrary."""


def told_apart(part: str, id_: int) -> tuple[Event, Event]:
    """An older and a newer version of a result. The hash, which no test chooses, says the contrary too."""
    older, newer = APART[part]
    for score in range(100):
        pair = result(id_, score=0.0, **older), result(id_, score=float(score), **newer)
        before, after = (accepted(value).key for value in pair)
        if before < after and (part == "version_hash" or before.version_hash > after.version_hash):
            return pair
    raise LookupError(f"no two versions are told apart by {part} alone")


@pytest.mark.parametrize("part", APART)
async def test_each_part_of_the_order_decides_where_those_before_it_tie(database: str, part: str) -> None:
    """In either order of arrival, in one batch or in two, against all that comes behind it; neither version is lost."""
    pairs = {id_: told_apart(part, id_) for id_ in range(1, 5)}
    assert await write(database, pairs[1][0], pairs[2][1]) == Books(applied=2)
    assert await write(database, pairs[1][1], pairs[2][0]) == Books(applied=1, superseded=1)
    assert await write(database, *pairs[3], *reversed(pairs[4])) == Books(applied=2, superseded=2)
    async with connections(database, 1) as (connection,):
        found = await connection.fetch("SELECT id, version_hash FROM learning_outcome_result ORDER BY id")
        assert [tuple(row) for row in found] == [(id_, accepted(newer).key.version_hash) for id_, (_, newer) in pairs.items()]
        assert await connection.fetchval("SELECT count(*) FROM learning_outcome_result_version") == 8


async def test_two_versions_of_one_moment_that_differ_in_their_body_alone_are_two(database: str) -> None:
    """And each is known when it comes again, the current one too."""
    told = [result(1, score=1), result(1, score=2)]
    assert await write(database, *told) == Books(applied=1, superseded=1)
    assert await write(database, *told) == Books(duplicate=2)


def test_a_sorted_batch_holds_each_version_once_in_key_order_and_marks_the_newest_of_each_object() -> None:
    """Whatever the order of arrival: one upsert may not meet a row twice."""
    told = [result(1, minute=1), result(1, minute=2), result(2, minute=1), result(1, minute=1)]
    versions = [accepted(value) for value in told]
    expected = [(versions[0].key, False), (versions[1].key, True), (versions[2].key, True)]
    for arrival in permutations(versions):
        ((_, rows),) = sort_and_dedupe(arrival).items()
        assert [(row.version.key, row.newest) for row in rows] == expected


def test_a_sorted_batch_goes_through_the_tables_in_one_order() -> None:
    """Whatever the order of arrival."""
    for told in (three_tables(0), three_tables(0)[::-1]):
        tables = list(sort_and_dedupe(map(accepted, told)))
        assert tables == [table for table in TABLES.values() if table in tables]


# -- who owns a partition --


async def test_a_batch_that_has_lost_one_of_its_partitions_writes_nothing_of_the_others(database: str) -> None:
    """All rows of the compare-and-set move, or none."""
    kept, lost = Partition("topic", 1), TOPIC
    async with connections(database, 2) as (owner, zombie):
        writer = Writer(owner)
        for partition in (kept, lost):
            await writer.open_position(partition, 0)
        await writer.write(batch_of([result(1)], lost))
        batch = batch_of([result(2)], lost)
        more = batch_of([result(3), b"{"], kept)
        batch.moves |= more.moves
        batch.accepted += more.accepted
        batch.rejected += more.rejected
        with pytest.raises(LostPartition):
            await Writer(zombie).write(batch)
        assert await writer.positions([kept, lost]) == {kept: 0, lost: 1}
        assert await owner.fetchval("SELECT count(*) FROM learning_outcome_result") == 1
        assert await owner.fetchval("SELECT count(*) FROM quarantine") == 0


async def test_of_two_writers_at_one_position_at_the_same_moment_one_wins(database: str) -> None:
    """The second waits for the first one's transaction, sees that the position has moved, and leaves nothing."""
    async with connections(database, 3) as (one, two, watching):
        await Writer(one).open_position(TOPIC, 0)
        batches: Sequence[Any] = [batch_of([result(1), b"{"]), batch_of([result(2), b"{"])]
        holding = watching.transaction()
        await holding.start()
        await watching.execute("SELECT FROM stream_position FOR UPDATE")
        writing = [asyncio.ensure_future(Writer(c).write(b)) for c, b in zip((one, two), batches, strict=True)]
        async with connections(database, 1) as (asking,):

            async def both_wait() -> bool:
                return await waiting_for_locks(asking) == 2

            await until(both_wait)
        await holding.rollback()
        written = await asyncio.gather(*writing, return_exceptions=True)
        assert sorted(type(found).__name__ for found in written) == ["LostPartition", "dict"]
        assert await books(watching) == Books(applied=1, quarantined=1)
        assert await watching.fetchval("SELECT count(*) FROM learning_outcome_result_version") == 1


async def test_a_position_is_moved_by_nobody_who_does_not_know_it(database: str) -> None:
    """Every move is fenced, not only that of a batch: a new start, a gap, an opening that comes too late."""
    await write(database, result(1), result(2))
    async with connections(database, 1) as (connection,):
        writer = Writer(connection)
        with pytest.raises(LostPartition):
            await writer.begin_again(TOPIC, 1)
        with pytest.raises(LostPartition):
            await writer.skip_gap(TOPIC, 1, 9, "retention_passed")
        await writer.open_position(TOPIC, 0)
        assert await writer.positions([TOPIC]) == {TOPIC: 2}
        assert await connection.fetchval("SELECT count(*) FROM stream_gap") == 0


# -- once --


async def test_a_commit_that_was_done_and_not_answered_is_known_by_its_position(database: str) -> None:
    """The batch is told as written, with its books: nobody takes the partition for lost."""
    store = Store(database, statement_seconds=10)
    await store.open_position(TOPIC, 0)
    await store.close()
    cutting = _CutAtCommit(await connect(database))
    cutting.after = True
    store._writer = cutting
    batch = batch_of([result(1), result(1)])
    with pytest.raises(Transient):
        await store.write(batch)
    (again,) = await asyncio.gather(store.write(batch), return_exceptions=True)
    await store.close()
    assert again == {TOPIC: Books(applied=1, duplicate=1)}


async def test_looking_for_a_refused_row_changes_nothing(database: str) -> None:
    """The trials are rolled back: a batch that has lost its partition meanwhile leaves nothing."""
    async with connections(database, 2) as (connection, zombie):
        await connection.execute("ALTER TABLE learning_outcome_result ADD CONSTRAINT no_thirteen CHECK (score <> 13)")
        await Writer(connection).open_position(TOPIC, 0)
        await Writer(connection).write(batch_of([None]))
        before = await projection(connection)
        with pytest.raises(LostPartition):
            await Writer(zombie).write(batch_of([result(1), result(2, score=13), result(3), result(4)]))
        assert await projection(connection) == before


async def test_two_retries_at_once_apply_a_record_once(database: str) -> None:
    """The second leaves alone what the first has taken."""
    await write(database, event("course_created", tenant=None))
    rules = Rules(default_tenant="school")
    async with connections(database, 4) as (one, two, three, watching):
        holding = three.transaction()
        await holding.start()
        await three.execute("SELECT FROM stream_position FOR UPDATE")  # the first stops before its books, all else done
        first = asyncio.ensure_future(quarantine.retry(one, rules, NOW))

        async def first_waits() -> bool:
            return await waiting_for_locks(watching) == 1

        await until(first_waits)
        second = asyncio.ensure_future(quarantine.retry(two, rules, NOW))

        async def second_ends_or_waits() -> bool:
            return second.done() or await waiting_for_locks(watching) == 2

        await until(second_ends_or_waits)
        await holding.rollback()
        retried = tuple(await asyncio.gather(first, second, return_exceptions=True))
        assert retried == (quarantine.Retried(1, 0, Books(applied=1)), quarantine.Retried(0, 0, Books()))
        assert await books(watching) == Books(applied=1)
