"""Databases at the schema before partitions, with rows in them."""

from datetime import timedelta

from consumer.store import migrating
from consumer.store.postgres import Connection, connect
from tests.samples import NOON, TENANT

BEFORE = "0004"
"""The last revision whose version tables were plain."""
RESULTS, ASSESSMENTS = "learning_outcome_result_version", "rubric_assessment_version"

_COLUMNS = """
       root_account_uuid, id, learning_outcome_id, user_uuid, score, workflow_state, created_at, event_name, event_time,
       version_hash
"""
_LOAD = f"""
INSERT INTO {RESULTS} ({_COLUMNS}, source, partition, position)
SELECT $1, n, n % 20 + 1, 'student ' || n % 1000, n % 5, 'active', $2, 'learning_outcome_result_created',
       $2::timestamptz + n * $3::interval, n, 'loaded', 0, n
  FROM generate_series(1, $4::bigint) AS n
"""
_CURRENT = f"INSERT INTO learning_outcome_result ({_COLUMNS}) SELECT {_COLUMNS} FROM {RESULTS}"
_BOOK = "INSERT INTO stream_position (source, partition, next_position, consumed, applied) VALUES ('loaded', 0, $1 + 1, $1, $1)"


async def at_before(dsn: str, rows: int) -> Connection:
    """Brings an empty database to `BEFORE`, with so many results in it and in its books; a connection to it."""
    connection = await connect(dsn)
    await connection.execute("CREATE SCHEMA outcomes")
    await migrating.upgrade(dsn, None, BEFORE)
    if rows:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(_LOAD, TENANT, NOON, timedelta(seconds=30), rows)
        await connection.execute(_CURRENT)
        await connection.execute(_BOOK, rows)
    return connection
