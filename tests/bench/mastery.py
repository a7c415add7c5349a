"""Reading at size: gradebooks, timelines and summaries on a projection of a term, as the server measures them."""

import asyncio
import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consumer.ingest.tables import TABLES
from consumer.query.sql import sql as query_sql
from consumer.serve.sql import sql as serve_sql
from consumer.store.postgres import Connection, connect
from tests.samples import TENANT

COURSES = 2_000
RUNS = 15
MOMENT = "'2025-03-01'"
METHODS = {"latest": None, "decaying_average": 65, "standard_decaying_average": 65, "n_mastery": 2, "highest": None}
"""Asked for the two gradebooks besides `average`, which is the method of their account."""
_TERM = Path(__file__).with_name("term.sql")


async def load(connection: Connection, courses: int) -> int:
    """Fills an empty projection with `courses` courses; returns the results in it."""
    current = {
        name: f"INSERT INTO {name} ({', '.join(table.columns)}) "
        f"SELECT DISTINCT ON (id) {', '.join(table.columns)} FROM {name}_version ORDER BY id, event_time DESC;"
        for name, table in TABLES.items()
    }
    script = _TERM.read_text(encoding="utf-8").format(courses=courses, tenant=TENANT, **current)
    await connection.execute("SET synchronous_commit = off; SET work_mem = '512MB'; SET maintenance_work_mem = '1GB'")
    await connection.execute(script)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")  # so that writing what was loaded is not measured with the first question
    count: int = await connection.fetchval("SELECT count(*) FROM learning_outcome_result")
    return count


async def milliseconds(connection: Connection, question: str, runs: int) -> list[float]:
    """Execution time in the server, rows made and not sent; the first answers, which fill caches, are not counted."""
    times = []
    for run in range(runs + (2 if runs > 1 else 0)):
        found = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {question}"))
        if runs == 1 or run > 1:
            times.append(found[0]["Execution Time"])
    return times


async def _filled(connection: Connection, statement: str, course: int) -> str:
    """A statement with its parameters: the tenant, a course, and of the others none."""
    types = [parameter.name for parameter in (await connection.prepare(statement)).get_parameters()]
    values = [f"'{TENANT}'", str(course), *["NULL"] * len(types)]
    return re.sub(r"\$(\d)", lambda one: f"{values[int(one[1]) - 1]}::{types[int(one[1]) - 1]}", statement)


async def _choose(connection: Connection, method: str, number: int | None) -> None:
    """Both courses of the questions get a method of their own, as if it had always been theirs."""
    told = "workflow_state, context_type, context_id, calculation_method, calculation_int, event_name, event_time, version_hash"
    for table, more, values in (
        ("outcome_calculation_method", "", ""),
        ("outcome_calculation_method_version", ", source, partition, position", ", 'bench', 0, 1"),
    ):
        await connection.execute(f"DELETE FROM {table} WHERE context_type = 'Course'")
        await connection.execute(
            f"INSERT INTO {table} (root_account_uuid, id, {told}{more}) "
            "SELECT $1, 1000 + course, 'active', 'Course', course, $2, $3, 'outcome_calculation_method_created', "
            f"'2025-01-01', 1{values} FROM unnest(ARRAY[1, 7]) course",
            TENANT,
            method,
            number,
        )


def _gradebooks(method: str) -> list[tuple[str, str, float, int]]:
    """The two gradebooks by a method, with the roster, names and titles."""
    book = "SELECT * FROM gradebook_at('{}', {})"
    return [
        (f"the small one with all of that by {method}", book.format(TENANT, 7), 10, RUNS),
        (f"the large one with all of that by {method}", book.format(TENANT, 1), 100, RUNS),
    ]


async def _questions(connection: Connection) -> list[tuple[str, str, float, int]]:
    """(what, SQL, milliseconds that are promised, runs)."""
    found = await connection.fetchrow(
        "SELECT user_uuid, learning_outcome_id FROM learning_outcome_result "
        "WHERE root_account_uuid = $1 AND result_context_id = 7 LIMIT 1",
        TENANT,
    )
    student, outcome = found or ("", 0)
    small = f"SELECT * FROM outcome_rollup_at('{TENANT}', 7, NULL)"
    large = f"SELECT * FROM outcome_rollup_at('{TENANT}', 1, NULL)"
    book = "SELECT * FROM gradebook_at('{}', {})"
    return [
        ("gradebook of 30 students x 15 outcomes, 11 results each", small, 10, RUNS),
        ("gradebook of 500 x 20, 5 results each", large, 100, RUNS),
        ("the small one with the roster, names and titles", book.format(TENANT, 7), 10, RUNS),
        ("the large one with the roster, names and titles", book.format(TENANT, 1), 100, RUNS),
        ("the small one at a date", small.replace("NULL", MOMENT), 30, RUNS),
        ("the large one at a date", large.replace("NULL", MOMENT), 300, RUNS),
        ("roster of 500 students and 50 without results", f"SELECT * FROM course_roster_at('{TENANT}', 1, NULL)", 10, RUNS),
        ("a student's timeline", f"SELECT * FROM mastery_timeline('{TENANT}', 7, '{student}', {outcome})", 10, RUNS),
        ("`outcomes gradebook` of the large one: its students", await _filled(connection, query_sql("students"), 1), 150, RUNS),
        ("its outcomes and their summaries", await _filled(connection, query_sql("gradebook_outcomes"), 1), 150, RUNS),
        (
            "`outcomes serve` of the large one: its students",
            await _filled(connection, serve_sql("gradebook_students"), 1),
            40,
            RUNS,
        ),
        ("summary of all courses", "SELECT * FROM course_outcome_summary", 60_000, 1),
    ]


def run(dsn: str, *, courses: int) -> Iterator[dict[str, Any]]:
    """A line for each question: median, least and most milliseconds beside what is promised at 2,000 courses."""

    async def measure() -> list[dict[str, Any]]:
        connection = await connect(dsn)
        await connection.execute("SET statement_timeout = 0")
        results = await load(connection, courses)

        async def line(what: str, question: str, promised: float, runs: int) -> dict[str, Any]:
            times = await milliseconds(connection, question, runs)
            return {
                "what": what,
                "results in all": results,
                "median ms": round(statistics.median(times), 1),
                "least": round(min(times), 1),
                "most": round(max(times), 1),
                "promised": promised,
            }

        lines = [await line(*question) for question in await _questions(connection)]
        for method, number in METHODS.items():
            await _choose(connection, method, number)
            lines += [await line(*question) for question in _gradebooks(method)]
        await connection.close()
        return lines

    yield from asyncio.run(measure())
