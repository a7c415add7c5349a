"""SQL computes what real Ruby did, to the last cent, wherever a score, a mean or a median is asked for."""

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from consumer.canvas.sql import sql as reconciled
from consumer.query import rollup
from consumer.serve.sql import sql as served
from consumer.store.postgres import Connection, connect
from tests import golden
from tests.golden import CLASSES, COURSE, STUDENT, Line
from tests.postgres.test_gradebook import assert_evaluates
from tests.postgres.writing import write
from tests.samples import NOON, TENANT

LATER = NOON + timedelta(days=1)

SCORES: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("now", "SELECT learning_outcome_id, score FROM outcome_rollup_at($1, $2, NULL)", ()),
    ("at a moment", "SELECT learning_outcome_id, score FROM outcome_rollup_at($1, $2, $3)", (LATER,)),
    ("the view", "SELECT learning_outcome_id, score FROM outcome_rollup WHERE root_account_uuid = $1 AND course_id = $2", ()),
    (
        "some students",
        "SELECT learning_outcome_id, score FROM outcomes_internal.rollup_of_students($1, $2, $3, NULL, NULL)",
        ([STUDENT],),
    ),
    ("for reconcile", reconciled("rollups"), ([STUDENT], LATER)),
)
"""(where a score of one student stands, statement, its further arguments)."""
ONE_BY_ONE = """
    SELECT o AS learning_outcome_id, r.score, t.score AS told
      FROM unnest($3::bigint[]) o
      LEFT JOIN LATERAL student_rollup_of($1, $2, $4, o, NULL, NULL) r ON true
      LEFT JOIN LATERAL (SELECT score FROM mastery_timeline($1, $2, $4, o) ORDER BY at DESC LIMIT 1) t ON true"""
CLASS = "SELECT learning_outcome_id, mean, median FROM course_outcome_summary_of($1, $2, $3, NULL)"


async def asked(dsn: str, lines: Sequence[Line]) -> None:
    """Writes what they are of, and compares each way to ask with the answers."""
    await write(dsn, *golden.events(lines))
    connection = await connect(dsn)
    scores = {n: line["score"] for n, line in enumerate(lines, start=1) if line.get("score") is not None}
    classes = {n: (line["mean"], line["median"]) for n, line in enumerate(lines, start=1) if "scores" in line}
    for what, statement, more in SCORES:
        assert found(await connection.fetch(statement, TENANT, COURSE, *more)) == scores, what
    some = [n for n, line in enumerate(lines, start=1) if "scores" not in line][::100]
    rows = await connection.fetch(ONE_BY_ONE, TENANT, COURSE, some, STUDENT)
    expected = [scores.get(n) for n in some]
    for name in ("score", "told"):
        assert [None if row[name] is None else float(row[name]) for row in rows] == expected
    students = await connection.fetchval(
        "SELECT array_agg(DISTINCT user_uuid) FROM learning_outcome_result WHERE result_context_id = $1", CLASSES
    )
    for at in (None, LATER):
        summed = await connection.fetch(CLASS, TENANT, CLASSES, at)
        assert {row[0]: (float(row[1]), float(row[2])) for row in summed} == classes
        aggregated = await connection.fetch(served("aggregate"), TENANT, CLASSES, at, students, None)
        assert {row["learning_outcome_id"]: (row["mean"], row["median"]) for row in aggregated} == classes
    (row,) = await connection.fetch(served("rollups"), TENANT, COURSE, None, [STUDENT], None)
    assert {int(one["links"]["outcome"]): one["score"] for one in json.loads(row["scores"])} == scores
    await connection.close()


def found(rows: Sequence[Any]) -> dict[int, float]:
    """Score by outcome, as the double that it is."""
    return {row["learning_outcome_id"]: float(row["score"]) for row in rows}


async def test_every_kept_number_of_ruby_is_computed_in_every_place(unchecked_database: str) -> None:
    """4,800 lines through the writer: rollups, timelines and summaries, now and at a moment, over HTTP and for reconcile."""
    await asked(unchecked_database, golden.kept())


@pytest.mark.skipif(golden.RUBY is None, reason="Ruby is not installed: only the numbers that are kept were tried")
async def test_fresh_numbers_of_ruby_are_computed_in_every_place(unchecked_database: str) -> None:
    """Of cases that are not kept."""
    await asked(unchecked_database, golden.answered(golden.cases(golden.FRESH, seed=2)))


CASES: dict[str, dict[tuple[str, int], float]] = {
    "mastery_rounding": {
        ("s-030", 1): 0.53,
        ("s-121", 1): 1.18,
        ("s-2-35", 1): 2.98,
        ("s-020", 2): 0.46,
        ("s-240", 2): 1.16,
        ("s-avg", 3): 1.98,
        ("s-hi", 4): 1.48,
    },
    "course_mean": {("u0", 1): 0.09, ("u1", 1): 4.56},
    "canvas_edge_rollups": {
        ("a", 1): 1.5,
        ("a", 2): 2.0,
        ("a", 3): 5.0,
        ("a", 4): -1.0,
        ("a", 6): 3.44,
        ("a", 7): 4.0,
        ("a", 8): 3.02,
        ("a", 10): 2.0,
        ("a", 11): 1.0,
        ("a", 12): 3.0,
        ("a", 13): 3.0,
        ("a", 15): 4.0,
        ("new-uuid", 9): 3.0,
    },
}
"""Captured files, and the scores that Ruby computes of them."""
MEANS = {("mastery_rounding", 1): (1.56, 1.18), ("course_mean", 1): (2.32, 2.3249999999999997)}


@pytest.mark.parametrize("name", CASES)
async def test_scores_of_captured_files_are_rubys(database: str, name: str) -> None:
    """Students and outcomes of a course, their means and medians; and a formula that comes to each score."""
    told = [json.loads(line) for line in (golden.FOLDER / "cases" / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()]
    await write(database, *told)
    (course,) = {int(event["body"]["result_context_id"]) for event in told if "result_context_id" in event["body"]}
    connection = await connect(database)
    tenant = told[0]["metadata"]["root_account_uuid"]
    rows = await connection.fetch("SELECT * FROM outcome_rollup_at($1, $2, NULL)", tenant, course)
    scores = {(row["user_uuid"], row["learning_outcome_id"]): float(row["score"]) for row in rows}
    assert scores == CASES[name]
    summed = await connection.fetch(CLASS, tenant, course, None)
    means = {(name, row[0]): (float(row[1]), float(row[2])) for row in summed}
    assert {key: means[key] for key in MEANS if key[0] == name} == {key: MEANS[key] for key in MEANS if key[0] == name}
    for (student, outcome), score in scores.items():
        explained = await rollup.rollup(connection, course, student, outcome, tenant, None)
        assert explained.formula is not None
        assert_evaluates(explained.formula, Decimal(repr(score)))
    await connection.close()


@pytest.mark.parametrize("scale", golden.MASTERY)
async def test_the_scores_of_all_lists_of_whole_scores_are_rubys(unchecked_database: str, scale: int) -> None:
    """Up to five of them, on scales of 4, 5 and 10 points; by the digests of what Ruby computed."""
    connection = await connect(unchecked_database)
    await connection.execute("SET statement_timeout = 0")
    await make_lists(connection, scale)
    for rule, method, number, digest in golden.rules(scale):
        computed = await connection.fetchval(
            "SELECT encode(sha256(string_agg(coalesce(trim_scale(s * 100)::text, '-'), ',')::bytea), 'hex') "
            "FROM (SELECT outcomes_internal.rollup_score($1, $2, v, $3) FROM (SELECT v FROM list ORDER BY n) l) r (s)",
            method,
            number,
            golden.MASTERY[scale],
        )
        assert computed == digest, rule
    await connection.close()


async def make_lists(connection: Connection, scale: int) -> None:
    """A temporary table of them, in the order of `golden.lists`."""
    lists = json.dumps(list(golden.lists(scale)))
    await connection.execute("CREATE TEMPORARY TABLE list (n bigint, v double precision[])")
    await connection.execute(
        "INSERT INTO list SELECT n, ARRAY(SELECT one::float8 FROM jsonb_array_elements_text(l) one) "
        "FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY a (l, n)",
        lists,
    )
