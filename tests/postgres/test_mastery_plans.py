"""Reading a gradebook, roster or timeline goes by index: what Postgres counts when it answers, on a projection of some size."""

from consumer.store.postgres import Connection, connect
from consumer.store.sql import sql
from tests.bench import mastery
from tests.samples import TENANT

SCANS = """
    SELECT coalesce(parent.relname, stat.relname), sum(seq_scan)::bigint, sum(coalesce(idx_scan, 0))::bigint
      FROM pg_stat_user_tables AS stat
      LEFT JOIN pg_inherits ON inhrelid = stat.relid
      LEFT JOIN pg_class AS parent ON parent.oid = inhparent
     WHERE stat.relname ~ '^(learning_outcome_result|enrollment_state|canvas_user|user_identity|person_name)(_version.*)?$'
       AND pg_relation_size(stat.relid) > 0
     GROUP BY 1
"""


async def scans(connection: Connection) -> dict[str, tuple[int, int]]:
    """(sequential, index) scans of each table of results and people so far; of its partitions that hold anything.

    Not of enrolments: most of them are the large course's, so that Postgres may well read them all.
    """
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    return {row[0]: (row[1], row[2]) for row in await connection.fetch(SCANS)}


QUESTIONS = (
    ("learning_outcome_result", "SELECT count(*) FROM outcome_rollup_at($1, 7, NULL)"),
    ("learning_outcome_result", "SELECT count(*) FROM outcome_rollup WHERE root_account_uuid = $1 AND course_id = 7"),
    (
        "learning_outcome_result",
        "SELECT count(*) FROM course_outcome_summary WHERE root_account_uuid = $1 AND course_id = 7",
    ),
    ("learning_outcome_result_version", "SELECT count(*) FROM outcome_rollup_at($1, 7, '2025-03-01Z')"),
    ("learning_outcome_result_version", "SELECT count(*) FROM mastery_timeline($1, 7, $2, $3)"),
    ("enrollment_state_version", "SELECT count(*) FROM course_roster_at($1, 7, '2025-03-01Z')"),
    ("canvas_user_version", "SELECT count(*) FROM course_roster_at($1, 7, '2025-03-01Z')"),
    ("user_identity", "SELECT count(*) FROM gradebook_at($1, 7)"),
    ("person_name", "SELECT count(name) FROM gradebook_at($1, 7)"),
)


async def test_a_course_is_read_by_index(unchecked_database: str) -> None:
    """No sequential scan of results or people, now or then, of a course or of a student; in ten courses, one of them large."""
    connection = await connect(unchecked_database)
    await connection.execute("SET statement_timeout = 0")
    await connection.execute(sql("make_version_partitions"), [2024, 2025, 2026])
    assert await mastery.load(connection, 10) > 90_000
    who = await connection.fetchrow(
        "SELECT user_uuid, learning_outcome_id FROM outcome_rollup_at($1, 7, NULL) ORDER BY 1, 2 LIMIT 1", TENANT
    )
    assert who is not None
    for table, question in QUESTIONS:
        before = await scans(connection)
        found = await connection.fetchval(question, *((TENANT, *who) if "$2" in question else (TENANT,)))
        after = await scans(connection)
        assert found > 10, question
        assert {name: after[name][0] - before[name][0] for name in before} == dict.fromkeys(before, 0), question
        assert after[table][1] > before[table][1], question
    await connection.close()
