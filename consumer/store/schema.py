"""Bringing a database to today's schema, and refusing to work with another one."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import asyncpg

from consumer import log
from consumer.errors import Fatal, OutcomesError
from consumer.printable import printable
from consumer.store.postgres import Connection, connect, original, translated
from consumer.store.sql import sql
from migrations import FOLDER, HEAD

_LOCK = 0x6F757463
"""Any number of our own: who migrates holds this advisory lock ("outc")."""

_LOCK_SECONDS = 0.2
"""Pause between two attempts to have it."""
PATIENCE_SECONDS = 300.0
"""How long it is asked for: every login can hold it, and for ever."""
_SAY_SECONDS = 30.0
"""How often it is said who holds it."""


async def migrate(dsn: str) -> tuple[str | None, str]:
    """Brings the database to `HEAD`; returns (revision before, revision after).

    Safe from several places at once: the others wait, then find nothing to do. A migration and its record are one transaction;
    one that was killed goes on where it was. Raises `Fatal` where somebody holds the lock for `PATIENCE_SECONDS`.
    """
    lock = await connect(dsn, application="outcomes migrate")
    try:
        await _take_turn(lock)
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


async def _take_turn(lock: Connection) -> None:
    """Asks for it again and again: who waits within a statement keeps an index from being built beside everybody's work."""
    begun = say_at = time.monotonic()
    while not await lock.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        now = time.monotonic()
        lost = now - begun > PATIENCE_SECONDS
        if lost or now >= say_at:
            holder = await lock.fetchrow(sql("lock_holders"), _LOCK)
            if holder is not None:  # else it has just been given back
                who = _who(dict(holder))
                if lost:
                    raise Fatal(
                        f"somebody else migrates, or holds the lock of migrations: {who}. It was asked for during "
                        f"{PATIENCE_SECONDS:.0f} s; end that session, or migrate again when it is done"
                    )
                log.get("migrate").info("waiting", reason="somebody else migrates", holder=who, seconds=round(now - begun, 1))
                say_at = now + _SAY_SECONDS
        await asyncio.sleep(_LOCK_SECONDS)


def _who(holder: Mapping[str, Any]) -> str:
    """A session of the server: its process, user, application, and since when it is there, as far as we may know."""
    since = f", connected since {holder['since']:%Y-%m-%d %H:%M:%S} UTC" if holder["since"] else ""
    named = f", application {holder['application']}" if holder["application"] else ""
    return printable(f"pid {holder['pid']}, user {holder['user']}{named}{since}")


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
