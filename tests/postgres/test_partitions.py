"""Version tables in partitions by year: how a database comes to them, and how a year gets its own."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from consumer.errors import Fatal, Transient
from consumer.ingest.batch import Books
from consumer.query.verify import verify
from consumer.store import migrating, schema
from consumer.store.postgres import Connection, connect
from consumer.store.sql import sql
from consumer.store.writer import Writer
from migrations import HEAD
from tests.acceptance.running import until
from tests.postgres.older import ASSESSMENTS, BEFORE, RESULTS, at_before
from tests.postgres.writing import TOPIC, batch_of, waiting_for_locks, write
from tests.samples import event

VIEWS = """
SELECT oid::bigint, relname, relacl::text, pg_get_viewdef(oid), obj_description(oid),
       ARRAY(SELECT col_description(pg_class.oid, attnum) FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0)
  FROM pg_class WHERE relnamespace = 'outcomes'::regnamespace AND relkind = 'v' ORDER BY relname
"""
FILES = """
SELECT c.relfilenode FROM pg_class c
 WHERE c.relfilenode > 0
   AND (c.oid = ANY ($1::oid[]) OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY ($1::oid[])))
 ORDER BY 1
"""
SHAPE = """
SELECT c.relname, a.attname, a.atttypid::regtype::text, a.attnotnull, col_description(c.oid, a.attnum),
       pg_get_expr(d.adbin, d.adrelid)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.oid = ANY ($1::regclass[]) ORDER BY c.relname, a.attnum
"""
KEYS = """
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
 WHERE c.oid = ANY ($1::regclass[]) AND k.contype = 'p' ORDER BY 1, 2
"""
INDEXES = """
SELECT indexname, replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes
 WHERE schemaname = 'outcomes' AND tablename = ANY ($1::text[]) ORDER BY 1
"""
RIGHTS = """
SELECT c.relname, a.grantee::regrole::text, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.oid = ANY ($1::regclass[]) ORDER BY 1, 2, 3
"""
BOTH = [RESULTS, ASSESSMENTS]


def of_year(year: int, id_: int = 1) -> Any:
    """A result of that year."""
    return event("learning_outcome_result_updated", at=f"{year}-05-01T00:00:00Z", id=str(id_))


async def described(connection: Connection) -> list[list[tuple[Any, ...]]]:
    """Columns, comments, keys, indexes and rights of both tables, by name."""
    return [[tuple(row) for row in await connection.fetch(query, BOTH)] for query in (SHAPE, KEYS, INDEXES, RIGHTS)]


async def places(connection: Connection) -> list[tuple[str, int]]:
    """(partition, rows) of the results, those that hold any."""
    found = await connection.fetch(f"SELECT tableoid::regclass::text, count(*) FROM {RESULTS} GROUP BY 1 ORDER BY 1")
    return [(row[0].removeprefix(f"{RESULTS}_"), row[1]) for row in found]


async def made(connection: Connection, *years: int) -> list[int]:
    """Asks for partitions; returns the years that need no further asking."""
    settled: list[int] = await connection.fetchval(sql("make_version_partitions"), list(years))
    return settled


async def test_a_table_with_rows_becomes_a_partition_as_it_is(empty_database: str) -> None:
    """No row is copied and no index built; names, comments, rights and views are what they were, an operator's own too."""
    connection = await at_before(empty_database, 1000)
    await connection.execute(
        f"""
        CREATE INDEX mine ON {RESULTS} (score);
        CREATE VIEW mine_too WITH (security_barrier = true) AS SELECT id, score FROM {RESULTS};
        COMMENT ON VIEW mine_too IS 'An analyst''s.';
        GRANT SELECT ON mine_too TO outcomes_reader;
        GRANT DELETE ON {RESULTS} TO outcomes_reader WITH GRANT OPTION;
        """
    )
    oids = [await connection.fetchval("SELECT to_regclass($1)::oid", RESULTS)]
    before = [await connection.fetch(VIEWS), await connection.fetch(FILES, oids), *(await described(connection))]
    options = "SELECT reloptions FROM pg_class WHERE relname = 'mine_too'"
    assert await connection.fetchval(options) == ["security_barrier=true"]
    await migrating.upgrade(empty_database, BEFORE, "0005")
    after = [await connection.fetch(VIEWS), await connection.fetch(FILES, oids), *(await described(connection))]
    assert after == before
    assert await connection.fetchval(options) == ["security_barrier=true"]
    joined = "pg_index LEFT JOIN pg_inherits ON inhrelid = indexrelid"
    orphans = f"SELECT count(*) FROM {joined} WHERE indrelid = $1 AND inhparent IS NULL"
    assert await connection.fetchval(orphans, oids[0]) == 0
    year = datetime.now(UTC) + timedelta(days=30)
    assert await places(connection) == [(f"before_{year.year + 1}", 1000)]
    assert await connection.fetchval("SELECT count(*) FROM mine_too") == 1000
    checks = "SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid = $1"
    assert await connection.fetchval(checks, oids[0]) == 0
    await connection.close()
    await schema.migrate(empty_database)
    assert await write(empty_database, of_year(2025)) == Books(applied=1)


async def test_migrated_with_rows_or_without_the_tables_are_the_same(empty_database: str, database: str) -> None:
    """Columns, comments, keys, indexes, rights."""
    connection = await at_before(empty_database, 10)
    await schema.migrate(empty_database)
    new = await connect(database)
    assert await described(connection) == await described(new)
    assert await connection.fetch(VIEWS.replace("oid::bigint, ", "")) == await new.fetch(VIEWS.replace("oid::bigint, ", ""))
    await connection.close()
    await new.close()


async def test_a_migration_that_was_killed_on_its_way_is_done_by_the_next(empty_database: str) -> None:
    """Also when years have passed: a CHECK that has come too near gives way to one of a later year."""
    connection = await at_before(empty_database, 10)
    await connection.execute(f"ALTER TABLE {RESULTS} ADD CONSTRAINT {RESULTS}_before_2026 CHECK (event_time < '2026-01-01Z')")
    await migrating._prepare(empty_database, "0005")
    await migrating._prepare(empty_database, "0005")
    checks = await connection.fetch(
        "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'c' AND conname LIKE '%before%' ORDER BY 1"
    )
    later = (datetime.now(UTC) + timedelta(days=30)).year + 1
    assert [tuple(row) for row in checks] == [(f"{RESULTS}_before_{later}", True)]
    assert await schema.migrate(empty_database) == (BEFORE, HEAD)
    assert (await verify(connection)).holds
    await connection.close()


async def test_an_index_whose_building_was_killed_is_built_by_the_next(empty_database: str) -> None:
    """Postgres leaves one that is there, and not valid."""
    connection = await at_before(empty_database, 10)
    await migrating.upgrade(empty_database, BEFORE, "0005")
    reader, builder = await connect(empty_database), await connect(empty_database)
    _, statement = (file.read_text(encoding="utf-8") for file in migrating._before("0006"))
    not_valid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    async with reader.transaction():  # whoever builds waits for those who write
        await reader.execute("LOCK learning_outcome_result IN ROW EXCLUSIVE MODE")
        building = asyncio.create_task(builder.execute(statement))
        await until(lambda: connection.fetchval(not_valid))
        await connection.execute("SELECT pg_terminate_backend($1)", builder.get_server_pid())
        with pytest.raises(asyncpg.PostgresError, match="terminating connection"):
            await building
    assert await connection.fetchval(not_valid) == 1
    assert await schema.migrate(empty_database) == ("0005", HEAD)
    assert await connection.fetchval(not_valid) == 0
    await reader.close()
    await connection.close()


async def test_versions_of_the_future_put_the_cutoff_behind_them(empty_database: str) -> None:
    """Whoever has let such in (OUTCOMES_MAX_FUTURE_SECONDS) can migrate."""
    connection = await at_before(empty_database, 1)
    await connection.execute(f"UPDATE {RESULTS} SET event_time = '2040-02-03Z'")
    await schema.migrate(empty_database)
    assert await places(connection) == [("before_2041", 1)]
    await connection.close()


async def test_what_is_bound_to_the_table_itself_stops_the_migration_in_a_sentence(empty_database: str) -> None:
    """It would go on reading one partition only; nothing has changed then."""
    connection = await at_before(empty_database, 1)
    await connection.execute(f"CREATE MATERIALIZED VIEW mine AS SELECT * FROM {RESULTS}")
    with pytest.raises(
        Fatal, match=r"bound to a version table that becomes a partitioned one: materialized view outcomes\.mine"
    ):
        await schema.migrate(empty_database)
    assert await schema.revision(connection) == BEFORE
    await connection.close()


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


async def test_a_year_that_an_older_partition_holds_gets_none(empty_database: str) -> None:
    """As in a database that had rows when it was migrated."""
    connection = await at_before(empty_database, 1)
    await schema.migrate(empty_database)
    assert await made(connection, 2020, 2025) == [2020, 2025]
    await connection.execute("SET ROLE outcomes_writer")
    later = (datetime.now(UTC) + timedelta(days=30)).year
    assert await made(connection, later) == [later]
    assert await places(connection) == [(f"before_{later + 1}", 1)]
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
