"""Another session in the database that wants what the workers have."""

import asyncio
import random

from consumer.ingest.tables import TABLES
from consumer.store import erasure
from tests.acceptance.running import until
from tests.chaos.engines import Database
from tests.chaos.stream import TOPIC

TRIES = 15
"""A worker that had nothing to write in the table that is wanted comes through; then it is tried again."""


_THE_WORKER_ENDS_IT = "SET deadlock_timeout = '60s'"
"""Of a deadlock: whoever finds it out is sacrificed."""


async def lock_tables(database: Database, chance: random.Random) -> None:
    """Holds some tables for itself for some seconds."""
    names = [*TABLES, *(f"{table}_version" for table in TABLES if table != "learning_outcome_result")]
    tables = ", ".join(sorted({*chance.sample(names, 5), "learning_outcome_result_version"}))
    async with database.admin() as rival, rival.transaction():
        await rival.execute(_THE_WORKER_ENDS_IT)
        await rival.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(chance.uniform(0.5, 3))


async def erase(database: Database, chance: random.Random) -> None:
    """Takes a person out, and is cut off at any moment, or rolls back: nothing of it may stay."""
    async with database.admin() as rival:
        person = await rival.fetchrow(
            "SELECT root_account_uuid, user_uuid FROM learning_outcome_result "
            "WHERE user_uuid IS NOT NULL ORDER BY random() LIMIT 1"
        )
        if person is None:
            return
        erasing = asyncio.create_task(
            erasure.erase(rival, person["root_account_uuid"], uuids=[person["user_uuid"]], merged=True, dry_run=True)
        )
        await asyncio.wait([erasing], timeout=chance.uniform(0, 0.5))
        if not erasing.done():
            rival.terminate()
        await asyncio.gather(erasing, return_exceptions=True)


async def deadlock(database: Database) -> None:
    """Holds all positions until a worker waits for one, then wants the table in which that worker has written."""
    before = _deadlocks(database)
    for _ in range(TRIES):
        await _embrace(database)
        if _deadlocks(database) > before:
            return
    raise RuntimeError(f"no deadlock came about in {TRIES} tries")


async def _embrace(database: Database) -> None:
    async with database.admin() as rival, database.admin() as watching:
        await rival.execute(_THE_WORKER_ENDS_IT)

        async def waited_for() -> bool:
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"
            return bool(await watching.fetchval(blocked, rival.get_server_pid()))

        async with rival.transaction():
            await rival.execute("SELECT FROM stream_position WHERE source = $1 FOR UPDATE", TOPIC)
            await until(waited_for)
            await rival.execute("LOCK TABLE learning_outcome_result IN SHARE MODE")


def _deadlocks(database: Database) -> int:
    return database.server.log.count("deadlock detected")
