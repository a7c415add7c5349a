"""Servers as they are found: of every version that will do, set up by somebody else for something else, or behind a pooler."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from consumer.store.postgres import Connection, connect
from consumer.store.schema import migrate
from tests.acceptance.running import outcomes, outcomes_json, send
from tests.acceptance.test_replay import ndjson
from tests.acceptance.test_worker import settings, stream
from tests.conftest import named
from tests.faults.cluster import VERSIONS, LocalPostgres
from tests.samples import Event, iso
from tests.scratch import folder
from tests.worlds import COURSES, World

NewTopic = Callable[..., Awaitable[str]]

TURNED = {
    "search_path": "evil, pg_catalog",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "300ms",
    "lock_timeout": "300ms",
    "idle_in_transaction_session_timeout": "300ms",
    "idle_session_timeout": "400ms",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "escape_string_warning": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "plpgsql.check_asserts": "off",
    "plpgsql.extra_errors": "all",
    "plpgsql.variable_conflict": "use_variable",
    "check_function_bodies": "off",
    "exit_on_error": "on",
    "row_security": "off",
    "TimeZone": "Australia/Lord_Howe",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "xmloption": "document",
    "client_encoding": "LATIN1",
    "default_tablespace": "pg_default",
    "default_toast_compression": "pglz",
    "session_replication_role": "replica",
    "synchronous_commit": "off",
    "constraint_exclusion": "on",
    "enable_hashagg": "off",
    "enable_hashjoin": "off",
    "enable_partition_pruning": "off",
    "enable_seqscan": "off",
    "enable_sort": "off",
    "jit": "on",
    "jit_above_cost": "0",
    "plan_cache_mode": "force_custom_plan",
    "cursor_tuple_fraction": "0.001",
    "client_min_messages": "debug1",
}
TURNED_SINCE = {
    16: {"debug_parallel_query": "on", "createrole_self_grant": "set, inherit"},
    17: {"transaction_timeout": "300ms", "restrict_nonsystem_relation_kind": "view"},
}
"""Settings of newer versions."""


@pytest.fixture(scope="module", params=sorted(VERSIONS))
def server(request: pytest.FixtureRequest) -> Iterator[LocalPostgres]:
    """A server of each version, as its administrator has it."""
    programs = VERSIONS[request.param]
    if not (programs / "initdb").exists():
        pytest.skip(f"PostgreSQL {request.param} is not installed (Debian's package postgresql-{request.param})")
    with folder() as place:
        running = LocalPostgres(place / "postgres", programs=programs).start()
        try:
            yield running
        finally:
            running.stop("immediate")


async def execute(dsn: str, *statements: str) -> None:
    """As an administrator, whose sessions are nobody's but their own."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
