"""A migration of a large table beside a worker that writes to it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from consumer.query.verify import verify
from consumer.store.postgres import connect
from migrations import HEAD
from tests.acceptance.running import outcomes, running, send, started, until
from tests.acceptance.test_worker import _at_least, consumed, settings, stream
from tests.postgres.older import BEFORE, RESULTS, at_before
from tests.postgres.writing import write
from tests.samples import result

MakeTopic = Callable[..., Awaitable[str]]

ROWS = 100_000


async def test_version_tables_are_partitioned_beside_a_worker_that_writes(
    empty_database: str, kafka_bootstrap: str, topic: MakeTopic
) -> None:
    """Nothing is lost, the books hold, and the worker, which began before with the code of before, says nothing of it.

    Today's code refuses that schema: `tests.faults.older` is today's code without what it asks of the database first.
    """
    connection = await at_before(empty_database, ROWS)
    name, told = await topic(partitions=2), stream(300, seed=51)
    small = settings(empty_database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="20")
    async with started(("worker",), small, module=("tests.faults.older", BEFORE), cold=True) as worker:
        await send(kafka_bootstrap, name, told)
        await until(lambda: _at_least(empty_database, ROWS + 1))
        migrating = asyncio.create_task(outcomes("migrate", DATABASE_URL=empty_database))
        sent = 1
        while not migrating.done():
            await send(kafka_bootstrap, name, told)
            sent += 1
        code, out, err = await migrating
        assert (code, out) == (0, f"schema {HEAD}: migrated from {BEFORE}\n"), err
        await send(kafka_bootstrap, name, [*told, *stream(100, seed=52)])
        everything = ROWS + (sent + 1) * len(told) + len(stream(100, seed=52))
        await until(lambda: _at_least(empty_database, everything))
        code, _, err = await worker.end()
    assert code == 0, err
    assert '"waiting"' not in err
    assert [line for line in err.splitlines() if '"level": "error"' in line and "aiokafka" not in line] == []
    assert sent > 2
    assert await consumed(empty_database) == everything
    assert (await verify(connection)).holds
    whole = await connection.fetchval("SELECT count(DISTINCT tableoid) FROM learning_outcome_result_version")
    assert whole == 1
    await connection.close()


async def test_a_migration_that_has_to_wait_lets_everybody_else_go_on(empty_database: str, unasked: None) -> None:
    """Somebody's open transaction keeps the table: the migration asks again and again, and nobody queues behind it for long."""
    reader, connection = await at_before(empty_database, 100), await connect(empty_database)
    open_transaction = reader.transaction()
    await open_transaction.start()
    await reader.fetch(f"SELECT FROM {RESULTS}")
    longest = 0.0
    async with running("migrate", DATABASE_URL=empty_database) as migrating:
        gave_way = asyncio.ensure_future(migrating.err_line())
        while not gave_way.done():
            begun = time.monotonic()
            await write(empty_database, result(7))
            longest = max(longest, time.monotonic() - begun)
        assert '"event": "waiting"' in await gave_way
        assert 0.3 < longest < 2.5, "it asked, and gave way"
        await open_transaction.commit()
        code, out, err = await migrating.end(None)
    assert (code, out) == (0, f"schema {HEAD}: migrated from {BEFORE}\n"), err
    assert (await verify(connection)).holds
    await reader.close()
    await connection.close()
