"""A migration of a large table beside a worker that writes to it, by the step in `tests/migrations`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from consumer.ingest.batch import Books
from consumer.query.verify import verify
from consumer.store import migrating as migrating_steps
from consumer.store import schema
from consumer.store.postgres import NOT_NOW, Connection, connect
from consumer.store.sql import sql
from migrations import FOLDER, HEAD, objects
from tests.acceptance.running import send, started, until
from tests.acceptance.test_worker import _at_least, consumed, settings, stream
from tests.migrations import NEWER, copied, migrating
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, result

MakeTopic = Callable[..., Awaitable[str]]

ROWS = 20_000
ORDER = FOLDER / "versions" / "0003_index_order.sql"
MAKE_YEARS = sql("make_version_partitions")
RESULTS = "learning_outcome_result_version"

_COLUMNS = """
       root_account_uuid, id, learning_outcome_id, user_uuid, score, workflow_state, created_at, event_name, event_time,
       version_hash
"""
_LOAD = f"""
INSERT INTO {RESULTS} ({_COLUMNS}, source, partition, position)
SELECT $1, n, n % 20 + 1, 'student ' || n % 1000, n % 5, 'active', $2, 'learning_outcome_result_created',
       $2::timestamptz + n * $3::interval, n, 'loaded', 0, n
  FROM generate_series(1, $4::bigint) AS n
"""
_CURRENT = f"INSERT INTO learning_outcome_result ({_COLUMNS}) SELECT {_COLUMNS} FROM {RESULTS}"
_BOOK = "INSERT INTO stream_position (source, partition, next_position, consumed, applied) VALUES ('loaded', 0, $1 + 1, $1, $1)"


async def loaded(dsn: str, rows: int) -> Connection:
    """A connection to a database with so many results in it and in its books."""
    connection = await connect(dsn)
    await connection.execute("SET synchronous_commit = off")
    await connection.execute(_LOAD, TENANT, NOON, timedelta(seconds=30), rows)
    await connection.execute(_CURRENT)
    await connection.execute(_BOOK, rows)
    return connection


async def test_a_large_table_is_migrated_beside_a_worker_that_writes(
    database: str, kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path
) -> None:
    """Nothing is lost, the books hold, and the worker, which runs the code of before, says nothing of it."""
    copied(tmp_path)
    connection = await loaded(database, ROWS)
    name, told = await topic(partitions=2), stream(100, seed=51)
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="20")
    async with started(("worker",), small) as worker:
        await send(kafka_bootstrap, name, told)
        await until(lambda: _at_least(database, ROWS + 1))
        async with migrating(tmp_path, database) as migration:
            ended, sent = asyncio.create_task(migration.end(None)), 1
            while not ended.done():
                await send(kafka_bootstrap, name, told)
                sent += 1
                await asyncio.sleep(0.5)
            code, out, err = await ended
        assert (code, out.partition(":")[0]) == (0, f"schema {NEWER}"), err
        await send(kafka_bootstrap, name, [*told, *stream(100, seed=52)])
        everything = ROWS + (sent + 1) * len(told) + len(stream(100, seed=52))
        await until(lambda: _at_least(database, everything))
        code, _, err = await worker.end()
    assert code == 0, err
    assert '"waiting"' not in err
    assert [line for line in err.splitlines() if '"level": "error"' in line and "aiokafka" not in line] == []
    assert sent > 2
    assert await consumed(database) == everything
    assert (await verify(connection)).holds
    assert await connection.fetchval("SELECT count(note) FROM learning_outcome_result_history") == 0
    await connection.close()


async def test_a_migration_that_has_to_wait_lets_everybody_else_go_on(database: str, unasked: None, tmp_path: Path) -> None:
    """Somebody's open transaction keeps the table: the migration asks again and again, and nobody queues behind it for long."""
    copied(tmp_path)
    reader, connection = await loaded(database, 100), await connect(database)
    open_transaction = reader.transaction()
    await open_transaction.start()
    await reader.fetch("SELECT FROM learning_outcome_result")
    longest = 0.0
    async with migrating(tmp_path, database) as migration:
        gave_way = asyncio.ensure_future(migration.err_line())
        while not gave_way.done():
            begun = time.monotonic()
            await write(database, result(7))
            longest = max(longest, time.monotonic() - begun)
        assert '"event": "waiting"' in await gave_way
        assert 0.3 < longest < 2.5, "it asked, and gave way"
        await open_transaction.commit()
        code, out, err = await migration.end(None)
    assert (code, out) == (0, f"schema {NEWER}: migrated from {HEAD}\n"), err
    assert (await verify(connection)).holds
    await reader.close()
    await connection.close()


async def test_what_a_killed_migration_has_left_is_done_again(database: str, tmp_path: Path) -> None:
    """Postgres leaves an index that is there, and not valid; what was done before stays."""
    first, second = sorted((copied(tmp_path) / "versions").glob("*.before.*.sql"))
    connection = await loaded(database, 10)
    reader, builder = await connect(database), await connect(database)
    await connection.execute(first.read_text(encoding="utf-8"))
    not_valid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    async with reader.transaction():  # whoever builds waits for those who write
        await reader.execute("LOCK learning_outcome_result IN ROW EXCLUSIVE MODE")
        building = asyncio.create_task(builder.execute(second.read_text(encoding="utf-8")))
        await until(lambda: connection.fetchval(not_valid))
        await connection.execute("SELECT pg_terminate_backend($1)", builder.get_server_pid())
        with pytest.raises(asyncpg.PostgresError, match="terminating connection"):
            await building
    assert await connection.fetchval(not_valid) == 1
    async with migrating(tmp_path, database) as migration:
        code, out, err = await migration.end(None)
    assert (code, out) == (0, f"schema {NEWER}: migrated from {HEAD}\n"), err
    assert await connection.fetchval(not_valid) == 0
    await reader.close()
    await connection.close()


INDEXES = """
    SELECT relname::text, pg_get_indexdef(indexrelid), indisvalid, indisprimary
      FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE relname LIKE 'learning\\_outcome\\_result%' ORDER BY 1
"""


async def test_indexes_of_results_change_their_order_beside_who_writes(
    empty_database: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill within a build, and beside a year that began meanwhile, the indexes are those of a new database."""
    ground = await connect(empty_database)
    await schema._make_schemas(ground)
    for revision in ("0001", "0002"):
        await migrating_steps._run(empty_database, revision, last=False)
    later = [step for step in ORDER.parent.glob("*.sql") if step.name > ORDER.name and ".before" not in step.name]
    for step in sorted(later):  # what today's writer needs
        script = step.read_text(encoding="utf-8")
        await objects.apply(ground, objects.called(script))
        await ground.execute(script)
    await objects.apply(ground)
    monkeypatch.setattr(migrating_steps, "_pending", lambda _: ["0003"])
    await ground.fetchval(MAKE_YEARS, [2025])
    for number in range(1, 30):
        await write(ground, result(number, minute=number))
    await _kill_a_build(empty_database, ground)
    statements = [row[0] for row in await ground.fetch(ORDER.with_suffix(".before.sql").read_text(encoding="utf-8"))]
    assert statements[0].startswith("DROP INDEX")
    for statement in statements:
        await ground.execute(statement)
    await ground.fetchval(MAKE_YEARS, [2024])
    with pytest.raises(asyncpg.PostgresError) as refused:
        await ground.execute(ORDER.read_text(encoding="utf-8"))
    assert refused.value.sqlstate in NOT_NOW
    migration = asyncio.create_task(schema.migrate(empty_database))
    number = 30
    while not migration.done():
        await write(ground, result(number), result(number, minute=1), result(1, minute=number))
        number += 1
    assert (await migration)[:2] == ("0002", HEAD)
    assert number > 31
    new = await connect(database)
    await new.fetchval(MAKE_YEARS, [2024, 2025])
    assert await ground.fetch(INDEXES) == await new.fetch(INDEXES)
    assert await write(ground, result(number), result(number, minute=1), result(number)) == Books(
        applied=1, superseded=1, duplicate=1
    )
    assert (await verify(ground)).holds
    await ground.close()
    await new.close()


async def _kill_a_build(dsn: str, connection: Connection) -> None:
    """The first index of the step that waits for a writer is left invalid."""
    statement = (await connection.fetch(ORDER.with_suffix(".before.sql").read_text(encoding="utf-8")))[0][0]
    writer, builder = await connect(dsn), await connect(dsn)
    async with writer.transaction():
        await writer.execute("LOCK learning_outcome_result IN ROW EXCLUSIVE MODE")
        building = asyncio.create_task(builder.execute(statement))
        await until(lambda: connection.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid"))
        await connection.execute("SELECT pg_terminate_backend($1)", builder.get_server_pid())
        with pytest.raises(asyncpg.PostgresError, match="terminating connection"):
            await building
    await writer.close()
