"""Version tables in partitions by year: how a year gets its own."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.errors import Transient
from consumer.ingest.batch import Books
from consumer.store.postgres import Connection, connect
from consumer.store.sql import sql
from consumer.store.writer import Writer
from tests.acceptance.running import until
from tests.postgres.writing import TOPIC, batch_of, waiting_for_locks, write
from tests.samples import event

RESULTS, ASSESSMENTS = "learning_outcome_result_version", "rubric_assessment_version"
BOTH = [RESULTS, ASSESSMENTS]


def of_year(year: int, id_: int = 1) -> Any:
    """A result of that year."""
    return event("learning_outcome_result_updated", at=f"{year}-05-01T00:00:00Z", id=str(id_))


async def places(connection: Connection) -> list[tuple[str, int]]:
    """(partition, rows) of the results, those that hold any."""
    found = await connection.fetch(f"SELECT tableoid::regclass::text, count(*) FROM {RESULTS} GROUP BY 1 ORDER BY 1")
    return [(row[0].removeprefix(f"{RESULTS}_"), row[1]) for row in found]


async def made(connection: Connection, *years: int) -> list[int]:
    """Asks for partitions; returns the years that need no further asking."""
    settled: list[int] = await connection.fetchval(sql("make_version_partitions"), list(years))
    return settled


async def test_a_year_has_its_partition_before_its_first_event_is_written(database: str) -> None:
    """Whoever writes asks for it; a year of which nobody has events is left to the default one."""
    connection = await connect(database)
    assert await write(database, of_year(2024), of_year(2025), of_year(2009)) == Books(applied=1, superseded=2)
    assert await places(connection) == [("default", 1), ("y2024", 1), ("y2025", 1)]
    await connection.close()


async def test_an_event_of_a_year_without_partition_goes_to_the_default_one(database: str, unasked: None) -> None:
    """No insert fails for want of a partition; once the year has its own, its rows move there."""
    connection = await connect(database)
    await write(database, of_year(2024), of_year(2025), of_year(2009))
    assert await places(connection) == [("default", 3)]
    assert await made(connection, 2025, 2024, 2025) == [2024, 2025]
    assert await places(connection) == [("default", 1), ("y2024", 1), ("y2025", 1)]
    assert await write(database, of_year(2025), of_year(2025, 2)) == Books(applied=1, duplicate=1)
    names = await connection.fetch("SELECT indexname FROM pg_indexes WHERE tablename = $1 ORDER BY 1", f"{RESULTS}_y2025")
    assert [row[0].removeprefix(f"{RESULTS}_y2025_") for row in names] == [
        "by_course", "hint_of_account", "hint_of_root", "one_row_per_version", "without_course"
    ]  # fmt: skip
    await connection.close()


async def test_partitions_are_made_for_years_that_can_be(database: str) -> None:
    """From 2010 to the next one; once; and not where a partition holds all that was before."""
    connection = await connect(database)
    count = "SELECT count(*) FROM pg_inherits WHERE inhparent = ANY ($1::regclass[])"
    next_year = datetime.now(UTC).year + 1
    asked = [1999, 2009, next_year + 1, 2010, next_year]
    assert await made(connection, *asked) == sorted(asked)
    assert await connection.fetchval(count, BOTH) == 6
    assert await made(connection, *asked) == sorted(asked)
    assert await connection.fetchval(count, BOTH) == 6
    await connection.close()


async def test_a_year_that_an_older_partition_holds_gets_none(database: str) -> None:
    """As `outcomes retain` leaves one."""
    connection = await connect(database)
    await connection.execute(
        f"""
        SELECT outcomes_internal.new_version_partition('{RESULTS}', '{RESULTS}_before_2021', '-');
        SELECT outcomes_internal.copy_version_indexes('{RESULTS}', '{RESULTS}_before_2021');
        ALTER TABLE {RESULTS} ATTACH PARTITION {RESULTS}_before_2021 FOR VALUES FROM (MINVALUE) TO ('2021-01-01Z');
        """
    )
    await connection.execute("SET ROLE outcomes_writer")
    assert await made(connection, 2020, 2021) == [2020, 2021]
    await write(database, of_year(2020), of_year(2021))
    assert await places(connection) == [("before_2021", 1), ("y2021", 1)]
    await connection.close()


async def test_two_workers_that_ask_at_once_make_one_partition(database: str) -> None:
    """As the role that they have, while they write."""
    connections = [await connect(database) for _ in range(4)]
    for connection in connections:
        await connection.execute("SET ROLE outcomes_writer")
    answers = await asyncio.gather(
        *(made(connection, 2023, 2024, 2025) for connection in connections),
        write(database, *(of_year(year, id_) for id_ in range(50) for year in (2023, 2024, 2025) if id_)),
    )
    await made(connections[0], 2023, 2024, 2025)
    assert all(set(answer) <= {2023, 2024, 2025} for answer in answers[:4] if isinstance(answer, list))
    assert await places(connections[0]) == [("y2023", 49), ("y2024", 49), ("y2025", 49)]
    for connection in connections:
        await connection.close()


async def test_a_long_reader_only_postpones_a_partition(database: str, unasked: None) -> None:
    """Nobody queues for longer than half a second; the rows wait in the default partition."""
    reader, connection = await connect(database), await connect(database)
    await write(database, of_year(2025))
    async with reader.transaction():
        await reader.fetch(f"SELECT FROM {RESULTS}")
        assert await made(connection, 2025, 1999) == [1999]
        assert await places(connection) == [("default", 1)]
    assert await made(connection, 2025) == [2025]
    assert await places(connection) == [("y2025", 1)]
    await reader.close()
    await connection.close()


async def test_a_row_on_its_way_to_the_default_partition_comes_again(database: str, unasked: None) -> None:
    """Where its year got a partition meanwhile, Postgres refuses the row: no fault of the row, which nobody sets aside."""
    maker, admin, connection = [await connect(database) for _ in range(3)]
    writer = Writer(connection)
    await writer.open_position(TOPIC, 0)
    await writer.write(batch_of([of_year(2025, 1)]))
    async with maker.transaction():
        assert await made(maker, 2025) == [2025]
        writing = asyncio.create_task(writer.write(batch_of([of_year(2025, 2)], first=1)))
        await until(lambda: waiting_for_locks(admin))
    with pytest.raises(Transient, match="a partition was created meanwhile"):
        await writing
    assert await writer.write(batch_of([of_year(2025, 2)], first=1)) == {TOPIC: Books(applied=1)}
    assert await places(maker) == [("y2025", 2)]
    for one in (maker, admin, connection):
        await one.close()


async def test_a_moment_reads_the_partitions_up_to_it(database: str) -> None:
    """Later years are not looked into."""
    connection = await connect(database)
    await made(connection, 2023, 2024, 2025)
    await write(database, *(of_year(year, id_) for id_ in range(1, 20) for year in (2023, 2024, 2025)))
    plan = await connection.fetch(f"EXPLAIN SELECT * FROM {RESULTS} WHERE id = 1 AND event_time < '2024-07-01Z'")
    text = "\n".join(row[0] for row in plan)
    assert "y2023" in text
    assert "y2024" in text
    assert "y2025" not in text
    await connection.close()
