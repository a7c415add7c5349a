"""A session as our statements need it, whatever server, database, role, address or pooler had set before."""

import asyncio

import asyncpg

from consumer.errors import Fatal

LEAST_VERSION = 15

_SETTINGS = {
    "quote_all_identifiers": "off",  # before search_path, which would be quoted
    "search_path": "outcomes",
    # Each statement sees what others have committed: the fences of positions are read again when a lock was waited for.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    # How long to wait is decided here, by each command.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    # How our statements are read.
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
    # How values are written as text: digests are made of it.
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    # Where and as what tables are made. A partitioned table refuses the database's own tablespace when it is named.
    "default_tablespace": "",
    "default_table_access_method": "heap",
}
_NEWER_SETTINGS = {"transaction_timeout": "0", "restrict_nonsystem_relation_kind": ""}
"""Settings that not every server knows which is new enough for us."""

_NEW_SETTINGS = "SELECT " + ", ".join(
    f"CASE WHEN pg_catalog.current_setting('{name}', true) IS NOT NULL "
    f"THEN pg_catalog.set_config('{name}', '{value}', false) END"
    for name, value in _NEWER_SETTINGS.items()
)

POOLED = (
    "a connection pooler in transaction mode answers at the database address, where each transaction may get another session: "
    "name the server itself, or a pooler in session mode"
)
_PROBE_SECONDS = 2.0
_PROBES = 3


def check_server(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Raises `Fatal` where the server is too old or the database has no UTF-8. Asks nothing: both were told at the start."""
    version = connection.get_server_version()
    if version.major < LEAST_VERSION:
        raise Fatal(f"the server is PostgreSQL {version.major}, at least {LEAST_VERSION} is needed")
    encoding = getattr(connection.get_settings(), "server_encoding", "UTF8")
    if encoding != "UTF8":
        raise Fatal(
            f"the database has the encoding {encoding}, UTF8 is needed: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


async def set_up(connection: "asyncpg.Connection[asyncpg.Record]", idle_in_transaction_seconds: float | None) -> None:
    """Gives a session our settings: by SET, because poolers refuse most start-up parameters."""
    idle = 0 if idle_in_transaction_seconds is None else max(1, int(idle_in_transaction_seconds * 1000))
    settings = _SETTINGS | {"idle_in_transaction_session_timeout": str(idle)}
    await connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in settings.items()))
    await connection.execute(_NEW_SETTINGS)


async def is_behind(connection: "asyncpg.Connection[asyncpg.Record]", process: int) -> bool:
    """Whether this process of the server serves a transaction of ours. Asked under no settings but the default ones."""
    told = await connection.execute(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; "
        f"SELECT WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {process}"
    )
    return told == "SELECT 1"


async def is_shared(connection: "asyncpg.Connection[asyncpg.Record]", other: "asyncpg.Connection[asyncpg.Record]") -> bool:
    """Whether a pooler hands the sessions behind two connections to and fro. In session mode each keeps its own."""
    first: int = await connection.fetchval("SELECT pg_catalog.pg_backend_pid()")
    for _ in range(_PROBES):
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                shared = await is_behind(other, first)
        except TimeoutError:
            return False  # the pooler has one session, and it is ours alone
        if shared or not await is_behind(connection, first):
            return True
    return False
