"""Functions and views as they are today: what a migration makes of a database whose texts are older."""

import asyncio
import subprocess
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from consumer.engines.postgres import psql_path
from consumer.errors import Fatal
from consumer.store import schema
from consumer.store.postgres import connect
from migrations import HEAD, objects
from tests.acceptance.running import outcomes
from tests.samples import NOON

GONE = """
CREATE OR REPLACE VIEW outcomes.gone AS SELECT outcomes_internal.gone_too() AS one;
COMMENT ON VIEW outcomes.gone IS 'Nobody asks it any more.';
"""
GONE_TOO = """
CREATE OR REPLACE FUNCTION outcomes_internal.gone_too() RETURNS integer LANGUAGE sql AS 'SELECT 1';
COMMENT ON FUNCTION outcomes_internal.gone_too IS 'Nor calls it.';
"""


def _changed(name: str, old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        if f"CREATE OR REPLACE FUNCTION {name}(" not in text and f"CREATE OR REPLACE VIEW {name} " not in text:
            return text
        assert old in text
        return text.replace(old, new)

    return change


OLDER = [
    _changed("outcomes.letter_grade", "percent <> 'NaN'", "true"),
    _changed(
        "outcomes_internal.text_of_rollup",
        "coalesce(assessment.submitted_at, corrected.submitted_at, r.assessed_at)",
        "r.assessed_at",
    ),
    _changed("outcomes_internal.whole_second", '("time" timestamptz)', '("time" timestamptz, more integer DEFAULT 0)'),
    _changed("outcomes_internal.create_version_readers", "%1$I(tenant text", "%1$I(root_account_uuid text"),
    _changed("outcomes.known_at_begins", "max(known_from)", "min(known_from)"),
    _changed(
        "outcomes.course_with_results", "known.result_context_id AS course_id", "known.result_context_id AS course_id, 1 AS one"
    ),
    _changed("outcomes.course_with_results", "NULL::bigint", "NULL::bigint, 1"),
]


def older() -> list[str]:
    """Before a change of a body, of text that others are made of, of arguments, columns, readers; and two that are gone now."""
    texts = [one.text for one in objects.objects().values()]
    for change in OLDER:
        texts = [change(text) for text in texts]
    return [*texts, GONE, GONE_TOO]


def dump(dsn: str, what: str = "--schema-only") -> list[str]:
    """The whole schema, or other parts, as pg_dump writes them."""
    address = urlsplit(dsn)
    where = parse_qs(address.query).get("host", [address.hostname])[0]
    command = [
        str(psql_path().with_name("pg_dump")),
        what,
        "--host",
        str(where),
        "--username",
        str(address.username),
    ]
    if address.port:
        command += ["--port", str(address.port)]
    made = subprocess.run([*command, address.path[1:]], capture_output=True, text=True, check=True).stdout
    return [line for line in made.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


async def test_a_database_with_older_functions_comes_to_what_a_fresh_one_has(
    database: str, another_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies, arguments, columns and what depends on them, comments and rights; and what has no file any more is dropped."""
    fresh = await asyncio.to_thread(dump, database)
    connection = await connect(another_database)
    with monkeypatch.context() as then:
        before = objects.ordered(older())
        then.setattr(objects, "objects", lambda: before)
        async with connection.transaction():
            await objects.apply(connection)
    await connection.execute("DROP FUNCTION outcomes.history_begins")
    assert await connection.fetchval("SELECT one FROM gone") == 1
    assert await asyncio.to_thread(dump, another_database) != fresh
    with pytest.raises(Fatal, match=r"other functions or views than this code: .*outcomes\.gone, .*outcomes\.letter_grade"):
        await schema.check(connection)
    done = await schema.migrate(another_database)
    assert (done.before, done.after) == (HEAD, HEAD)
    assert {"outcomes.gone", "outcomes.letter_grade", "outcomes.outcome_rollup_at", "outcomes_internal.rollup_of"} <= {
        *done.objects
    }
    assert await asyncio.to_thread(dump, another_database) == fresh
    await schema.check(connection)
    await connection.close()


async def test_what_a_stranger_has_built_on_a_changed_view_is_named(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is changed then; nothing of somebody else's is dropped."""
    connection = await connect(database)
    with monkeypatch.context() as then:
        before = objects.ordered(older())
        then.setattr(objects, "objects", lambda: before)
        async with connection.transaction():
            await objects.apply(connection)
    await connection.execute("CREATE SCHEMA mine; CREATE VIEW mine.courses AS SELECT one FROM outcomes.course_with_results")
    with pytest.raises(Fatal, match=r"view mine\.courses depends on .*drop what is yours, migrate, and create it again"):
        await schema.migrate(database)
    assert await connection.fetchval("SELECT one FROM gone") == 1
    await connection.execute("DROP SCHEMA mine CASCADE")
    await schema.migrate(database)
    await connection.close()


async def test_check_tells_which_differ(database: str) -> None:
    """With the exit code of a step that is missing; `migrate` says what it has made."""
    connection = await connect(database)
    await connection.execute("UPDATE outcomes_internal.applied_file SET digest = '' WHERE name = 'outcomes.letter_grade'")
    code, _, err = await outcomes("migrate", "--check", DATABASE_URL=database)
    assert (code, "than this code: outcomes.letter_grade: run `outcomes migrate`" in err) == (2, True)
    code, out, _ = await outcomes("migrate", DATABASE_URL=database)
    assert (code, out) == (0, f"schema {HEAD}: brought up to date: outcomes.letter_grade\n")
    code, out, _ = await outcomes("migrate", "--check", DATABASE_URL=database)
    assert (code, out) == (0, f"schema {HEAD}: up to date\n")
    await connection.close()


SECTION = """
SELECT outcomes_internal.create_versioned_table('course_lantern',
    'Sections of courses. From course_lantern_created.', $columns$
    id bigint NOT NULL -- Local id of the section.
    updated_at timestamptz
    workflow_state text
    course_id bigint   -- Local id of the course;
                       -- joins course.id.
$columns$, indexes => $indexes$
    by_course (root_account_uuid, course_id)
$indexes$, by_year => true, private => true)
"""
_ROW = "INSERT INTO course_lantern{} (root_account_uuid, id, course_id, extra, event_name, event_time, version_hash{}) VALUES "
_VALUES = "('t', 1, $1, '{{\"a\": 1}}', 'course_lantern_created', $2, $1{})"


async def test_a_versioned_table_is_one_call(database: str) -> None:
    """Current, versions in their years, history, the row at a moment, hints, rights, comments, unknown values kept apart."""
    connection = await connect(database)
    await connection.execute(SECTION)
    await connection.execute("SET ROLE outcomes_writer")
    assert await connection.fetchval("SELECT make_version_partitions(ARRAY[2025])") == [2025]
    for course in (5, 6):
        values = _VALUES.format(", 'file', 0, 1")
        await connection.execute(_ROW.format("_version", ", source, partition, position") + values, course, NOON)
    await connection.execute(_ROW.format("", "") + _VALUES.format(""), 6, NOON)
    await connection.execute("SET ROLE outcomes_reader")
    assert await connection.fetchval("SELECT count(*) FROM course_lantern_history") == 2
    assert await connection.fetchval("SELECT course_id FROM course_lantern_at('t', 1, NULL)") == 6
    assert await connection.fetchval("SELECT count(extra) FROM course_lantern") == 0
    assert await connection.fetchval("SELECT count(*) FROM context_hint WHERE root_account_uuid = 't'") == 2
    await connection.execute("RESET ROLE")
    assert await connection.fetchval("SELECT count(*) FROM unknown_value WHERE table_name = 'course_lantern'") == 2
    assert (
        await connection.fetchval("SELECT DISTINCT tableoid::regclass::text FROM course_lantern_version")
        == "course_lantern_version_y2025"
    )
    silent = await connection.fetchval(
        "SELECT count(*) FROM pg_attribute WHERE attnum > 0 AND attrelid::regclass::text LIKE 'course_lantern%' "
        "AND col_description(attrelid, attnum) IS NULL "
        "AND attrelid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'v', 'p'))"
    )
    assert silent == 0
    comment = (
        "SELECT col_description('course_lantern_history'::regclass, attnum) FROM pg_attribute WHERE attname = 'course_id' "
    )
    assert (
        await connection.fetchval(comment + "AND attrelid = 'course_lantern_history'::regclass")
        == "Local id of the course; joins course.id."
    )
    await connection.close()
