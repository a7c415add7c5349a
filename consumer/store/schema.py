"""Bringing a database to today's schema, and refusing to work with another one."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import asyncpg

from consumer import log
from consumer.errors import Fatal, OutcomesError
from consumer.printable import printable
from consumer.store.postgres import Connection, connect, original, translated
from consumer.store.sql import sql
from migrations import FOLDER, HEAD, objects

_LOCK = 0x6F757463
"""Any number of our own: who migrates holds this advisory lock ("outc")."""

_LOCK_SECONDS = 0.2
"""Pause between two attempts to have it."""
PATIENCE_SECONDS = 300.0
"""How long it is asked for: every login can hold it, and for ever."""
_SAY_SECONDS = 30.0
"""How often it is said who holds it."""

ROLES = ["outcomes_writer", "outcomes_reader", "outcomes_people", "outcomes_serve"]
_SCHEMAS = ["outcomes", "outcomes_internal"]

_PRIVILEGES = """
SELECT quote_ident(current_user) AS who, quote_ident(current_database()) AS database,
       array(SELECT schema FROM unnest($2::text[]) schema WHERE to_regnamespace(schema) IS NULL) AS missing_schemas,
       array(SELECT schema FROM unnest($2::text[]) schema
              WHERE to_regnamespace(schema) IS NOT NULL
                AND NOT (has_schema_privilege(schema, 'CREATE') AND has_schema_privilege(schema, 'USAGE'))) AS closed_schemas,
       has_database_privilege(current_database(), 'CREATE') AS may_make_schemas,
       array(SELECT role FROM unnest($1::text[]) role WHERE to_regrole(role) IS NULL) AS missing_roles,
       (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may_make_roles
"""
_SHUT_OUT = """
SELECT array(SELECT role
               FROM unnest($1::text[]) role
              WHERE NOT (SELECT bool_and(has_schema_privilege(role, schema, 'USAGE')) FROM unnest($2::text[]) schema))
"""


class Migrated(NamedTuple):
    """What `migrate` has done."""

    before: str | None
    """The revision that was there; None for no schema."""
    after: str
    objects: tuple[str, ...] = ()
    """Functions and views that were made or dropped."""
    grants: tuple[str, ...] = ()
    """What was granted again, for a role had lost it."""


async def migrate(dsn: str) -> Migrated:
    """Brings the database to this code's schema.

    Safe from several places at once: the others wait, then find nothing to do. A step and its record are one transaction, so a
    migration that was killed goes on where it was. Raises `Fatal` where somebody holds the lock for `PATIENCE_SECONDS`.
    """
    lock = await connect(dsn, application="outcomes migrate")
    try:
        await _take_turn(lock)
        before = await revision(lock)
        if before == HEAD and not await differing(lock) and not await missing_grants(lock):
            return Migrated(before, HEAD)
        _refuse_unknown(before)
        await _make_schemas(lock)
        from consumer.store import migrating  # noqa: PLC0415 - Alembic and SQLAlchemy are 40 % of a command's start

        made = await migrating.upgrade(dsn, before)
        lost = await missing_grants(lock)
        for statement in lost:
            await lock.execute(statement)
        await _look_at_grants(lock)
        return Migrated(before, HEAD, tuple(made), tuple(lost))
    except OutcomesError:
        raise
    except asyncpg.DependentObjectsStillExistError as error:
        who = printable("; ".join(filter(None, (error.detail or "").splitlines())))
        raise Fatal(f"{who}, which has to be made again: drop what is yours, migrate, and create it again") from error
    except Exception as error:
        meaning = translated(original(error))
        if meaning is None:
            raise
        raise meaning from error
    finally:
        await lock.close()


async def _make_schemas(connection: Connection) -> None:
    """Raises `Fatal` with what an administrator has to run, before anything is changed."""
    found = await connection.fetchrow(_PRIVILEGES, ROLES, _SCHEMAS)
    assert found is not None
    who, database, missing = found["who"], found["database"], found["missing_roles"]
    if missing and not found["may_make_roles"]:
        statements = " ".join(f"CREATE ROLE {role} NOLOGIN;" for role in missing)
        raise Fatal(f"{', '.join(missing)} cannot be made by {who}: have an administrator run {statements}")
    if closed := ", ".join(found["closed_schemas"]):
        raise Fatal(
            f"{who} may not make tables in the schema: "
            f"have an administrator run GRANT USAGE, CREATE ON SCHEMA {closed} TO {who}"
        )
    if found["missing_schemas"] and not found["may_make_schemas"]:
        statements = " ".join(f"CREATE SCHEMA {schema} AUTHORIZATION {who};" for schema in found["missing_schemas"])
        raise Fatal(
            f"{who} may not make the schema: have an administrator run {statements} "
            f"or GRANT CREATE ON DATABASE {database} TO {who}"
        )
    for schema in found["missing_schemas"]:
        await connection.execute(f"CREATE SCHEMA {schema}")


async def _look_at_grants(connection: Connection) -> None:
    """Who does not own the schemas cannot let others in: Postgres only warns then."""
    if shut_out := await connection.fetchval(_SHUT_OUT, ROLES, _SCHEMAS):
        statement = f"GRANT USAGE ON SCHEMA {', '.join(_SCHEMAS)} TO {', '.join(shut_out)}"
        log.get("migrate").warning(f"have an administrator run {statement}")


async def missing_grants(connection: Connection) -> list[str]:
    """What the roles lack of their rights, as statements to run by the owner."""
    return [row["statement"] for row in await connection.fetch(sql("missing_grants"), ROLES)]


async def check_writing(connection: Connection) -> None:
    """Raises `Fatal` where rows cannot be staged."""
    row = await connection.fetchrow(
        "SELECT has_database_privilege(current_database(), 'TEMPORARY') AS may, quote_ident(current_database()) AS database, "
        "quote_ident(current_user) AS who"
    )
    assert row is not None
    if not row["may"]:
        raise Fatal(
            f"{row['who']} may not make temporary tables, which writing needs: "
            f"have an administrator run GRANT TEMPORARY ON DATABASE {row['database']} TO {row['who']}"
        )


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


async def differing(connection: Connection) -> list[str]:
    """Functions and views that the database has otherwise than this code."""
    try:
        return await objects.differing(connection)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return list(objects.objects())


async def check(connection: Connection) -> None:
    """Raises `Fatal` with what to do where the schema is not exactly this code's."""
    found = await revision(connection)
    if found != HEAD:
        _refuse_unknown(found)
        at = "has no outcomes schema yet" if found is None else f"is at schema {found}"
        raise Fatal(f"the database {at}, this code needs {HEAD}: run `outcomes migrate`")
    if names := await differing(connection):
        raise Fatal(f"the database has other functions or views than this code: {', '.join(names)}: run `outcomes migrate`")


def _refuse_unknown(found: str | None) -> None:
    known = {file.name.partition("_")[0] for file in FOLDER.glob("versions/*.sql")}
    if found is not None and found not in known:
        raise Fatal(
            f"the database is at schema {found}, which this code ({HEAD}) does not know: upgrade this code, "
            "or start with a new database if an unreleased version made this one"
        )
