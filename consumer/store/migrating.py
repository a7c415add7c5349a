"""Running the migrations: the only place that knows Alembic and SQLAlchemy."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from consumer import log
from consumer.store.postgres import NOT_NOW, Connection, connect, sqlstate
from migrations import FOLDER, HEAD, objects

PATIENCE_SECONDS = 300.0
"""How long a migration comes again that could not have its locks; then the error is told."""
_PAUSE_SECONDS = 1.0
_SHORT_LOCKS = "SET LOCAL lock_timeout = '800ms'"
"""Below deadlock_timeout: the migration gives way, and not the others."""


async def upgrade(dsn: str, before: str | None) -> list[str]:
    """From `before` to this code; returns the functions and views that were made. `schema.migrate` holds the lock.

    Each step is one transaction with its record; functions and views are part of the last one. `NNNN_what.before.sql`, or
    several in order, run before a step, outside of its transaction. All is done again, after a pause, where it could not get
    its locks: a migration that waits for one makes everybody else wait behind it.
    """
    pending: Sequence[str | None] = _pending(before) or [None]
    made: list[str] = []
    for revision in pending:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await _prepare(dsn, revision)
                made = await _run(dsn, revision, last=revision == pending[-1])
                break
            except Exception as error:
                if sqlstate(error) not in NOT_NOW or time.monotonic() > until:
                    raise
                log.get("migrate").info("waiting", revision=revision, reason="somebody else's transaction holds a table")
                await asyncio.sleep(_PAUSE_SECONDS)
    return made


async def _prepare(dsn: str, revision: str | None) -> None:
    """Statements, one a file, that may commit on their way, and may be repeated. Rows are statements to run, in turn."""
    for file in sorted((FOLDER / "versions").glob(f"{revision}_*.before*.sql")):
        connection = await connect(dsn, application="outcomes migrate")
        try:
            for row in await connection.fetch(file.read_text(encoding="utf-8"), timeout=None):
                await connection.execute(row[0])
        finally:
            await connection.close()


async def _run(dsn: str, revision: str | None, *, last: bool) -> list[str]:
    async def creator() -> Connection:
        return await connect(dsn, application="outcomes migrate")

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(_SHORT_LOCKS))
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute((FOLDER / "ground.sql").read_text(encoding="utf-8"))
            if revision:
                await connection.run_sync(_run_alembic, revision)
            return await objects.apply(driver) if last else []
    finally:
        await engine.dispose()


def _run_alembic(connection: SyncConnection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def _pending(before: str | None) -> list[str]:
    """The revisions behind `before`, oldest first."""
    found = ScriptDirectory.from_config(_config()).iterate_revisions(HEAD, before or "base")
    return [script.revision for script in found][::-1]
