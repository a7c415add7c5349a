"""Running the migrations: the only place that knows Alembic and SQLAlchemy."""

import asyncio
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from consumer import log
from consumer.store.postgres import NOT_NOW, Connection, connect, sqlstate
from migrations import FOLDER, HEAD

PATIENCE_SECONDS = 300.0
"""How long a migration comes again that could not have its locks; then the error is told."""
_PAUSE_SECONDS = 1.0


async def upgrade(dsn: str, before: str | None, target: str = HEAD) -> None:
    """From `before` to `target`, each migration in one transaction with its record. `schema.migrate` holds the lock.

    What a migration needs beforehand (`NNNN_what.before.sql`, or several in order) runs outside of its transaction. All is done
    again, after a pause, where it could not have its locks: a migration that waits for one makes everybody else wait behind it.
    """
    for revision in _pending(before, target):
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await _prepare(dsn, revision)
                await _run(dsn, revision)
                break
            except Exception as error:
                if sqlstate(error) not in NOT_NOW or time.monotonic() > until:
                    raise
                log.get("migrate").info("waiting", revision=revision, reason="somebody else's transaction holds a table")
                await asyncio.sleep(_PAUSE_SECONDS)


async def _prepare(dsn: str, revision: str) -> None:
    """Statements, one a file, that may commit on their way, and may be repeated."""
    for file in _before(revision):
        connection = await connect(dsn, application="outcomes migrate")
        try:
            await connection.execute(file.read_text(encoding="utf-8"))
        finally:
            await connection.close()


def _before(revision: str) -> list[Path]:
    return sorted((FOLDER / "versions").glob(f"{revision}_*.before*.sql"))


async def _run(dsn: str, revision: str) -> None:
    async def creator() -> Connection:
        return await connect(dsn, application="outcomes migrate")

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run_alembic, revision)
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


def _pending(before: str | None, target: str) -> list[str]:
    """The revisions behind `before`, oldest first."""
    found = ScriptDirectory.from_config(_config()).iterate_revisions(target, before or "base")
    return [script.revision for script in found][::-1]


def head() -> str | None:
    """The newest migration in the folder; a test keeps `HEAD` equal to it."""
    return ScriptDirectory.from_config(_config()).get_current_head()
