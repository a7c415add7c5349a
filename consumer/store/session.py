"""Session settings that our statements rely on, whatever the server, database, role, address or pooler had set."""

import asyncio

import asyncpg

from consumer.errors import Fatal

LEAST_VERSION = 15

_SETTINGS = {
    "quote_all_identifiers": "off",  # before search_path, which would be quoted
    "search_path": "outcomes",
    # Each statement sees what others have committed: after waiting for a lock, the fence reads the position again.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    # Each command has its own time limits.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    # How the server parses our statements.
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "plpgsql.check_asserts": "on",
    "plpgsql.extra_errors": "none",
    "plpgsql.extra_warnings": "none",
    "check_function_bodies": "on",
    "exit_on_error": "off",
    "row_security": "on",
    # How values become text: our digests depend on it.
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    # Where tables are created. A partitioned table refuses the database's default tablespace by its name.
    "default_tablespace": "",
    "default_table_access_method": "heap",
}
_NEWER_SETTINGS = {"transaction_timeout": "0", "restrict_nonsystem_relation_kind": ""}
"""Settings that only newer servers know."""

_NEW_SETTINGS = "SELECT " + ", ".join(
    f"CASE WHEN pg_catalog.current_setting('{name}', true) IS NOT NULL "
    f"THEN pg_catalog.set_config('{name}', '{value}', false) END"
    for name, value in _NEWER_SETTINGS.items()
)

POOLED = (
    "the database address leads to a connection pooler in transaction mode, which gives each transaction another session: "
    "name the server itself, or a pooler in session mode"
)
_PROBE_SECONDS = 5.0
_PROBES = 3


def check_server(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Raises `Fatal` if the server is too old or the database is not UTF-8. Sends nothing: both are known from connecting."""
    version = connection.get_server_version()
    if version.major < LEAST_VERSION:
        raise Fatal(f"the server is PostgreSQL {version.major}; this needs at least {LEAST_VERSION}")
    encoding = getattr(connection.get_settings(), "server_encoding", "UTF8")
    if encoding != "UTF8":
        raise Fatal(
            f"the database has the encoding {encoding}; this needs UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


async def set_up(connection: "asyncpg.Connection[asyncpg.Record]", idle_in_transaction_seconds: float | None) -> None:
    """By SET, because poolers refuse most start-up parameters."""
    idle = 0 if idle_in_transaction_seconds is None else max(1, int(idle_in_transaction_seconds * 1000))
    settings = _SETTINGS | {"idle_in_transaction_session_timeout": str(idle)}
    await connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in settings.items()))
    await connection.execute(_NEW_SETTINGS)


async def is_served_by(connection: "asyncpg.Connection[asyncpg.Record]", process: int) -> bool:
    """Whether this server process runs our transactions. Relies on no setting of the session."""
    status = await connection.execute(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; "
        f"SELECT WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {process}"
    )
    return status == "SELECT 1"


async def is_shared(connection: "asyncpg.Connection[asyncpg.Record]", other: "asyncpg.Connection[asyncpg.Record]") -> bool:
    """Whether a pooler switches sessions between two connections. In session mode each connection keeps its own."""
    first: int = await connection.fetchval("SELECT pg_catalog.pg_backend_pid()")
    for _ in range(_PROBES):
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                shared = await is_served_by(other, first)
        except TimeoutError:
            return False  # the pooler has one session, which we hold
        if shared or not await is_served_by(connection, first):
            return True
    return False
