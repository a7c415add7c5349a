"""Bringing a database to today's schema, and refusing to work with another one."""

import asyncio

import asyncpg

from consumer.errors import Fatal, OutcomesError
from consumer.store.postgres import Connection, connect, original, translated
from migrations import FOLDER, HEAD

_LOCK = 0x6F757463
"""Any number of our own: who migrates holds this advisory lock ("outc")."""

_LOCK_SECONDS = 0.2
"""Pause between two attempts to have it."""


async def migrate(dsn: str) -> tuple[str | None, str]:
    """Brings the database to `HEAD`; returns (revision before, revision after).

    Safe from several places at once: the others wait, then find nothing to do. A migration and its record are one transaction;
    one that was killed goes on where it was.
    """
    lock = await connect(dsn, application="outcomes migrate")
    try:
        # Asked for again and again: who waits within a statement keeps an index from being built beside everybody's work.
        while not await lock.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(_LOCK_SECONDS)
        before = await revision(lock)
        if before == HEAD:
            return before, HEAD
        _refuse_newer(before)
        await lock.execute("CREATE SCHEMA IF NOT EXISTS outcomes")
        from consumer.store import migrating  # noqa: PLC0415 - Alembic and SQLAlchemy are 40 % of a command's start

        await migrating.upgrade(dsn, before)
        return before, HEAD
    except OutcomesError:
        raise
    except Exception as error:
        meaning = translated(original(error))
        if meaning is None:
            raise
        raise meaning from error
    finally:
        await lock.close()


async def revision(connection: Connection) -> str | None:
    """The database's revision; None where nothing has ever been migrated."""
    try:
        found: str | None = await connection.fetchval("SELECT version_num FROM outcomes.alembic_version")
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    return found


async def check(connection: Connection) -> None:
    """Raises `Fatal` with what to do where the schema is not exactly this code's."""
    found = await revision(connection)
    if found == HEAD:
        return
    _refuse_newer(found)
    at = "has no outcomes schema yet" if found is None else f"is at schema {found}"
    raise Fatal(f"the database {at}, this code needs {HEAD}: run `outcomes migrate`")


def _refuse_newer(found: str | None) -> None:
    known = {file.name.partition("_")[0] for file in FOLDER.glob("versions/*.sql")}
    if found is not None and found not in known:
        raise Fatal(f"the database is at schema {found}, which is newer than this code ({HEAD}): upgrade this code")
