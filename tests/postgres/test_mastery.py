"""Mastery in SQL is mastery in plain Python: two implementations of Canvas' rules, written apart, held against each other."""

import json
import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from consumer.store.postgres import Connection, connect
from tests.postgres.writing import write
from tests.reference import Reference
from tests.reference_math import Alignment, Level, Rollup, Summary, Told, rounded, score
from tests.worlds import COURSES, METHODS, OUTCOMES, STUDENTS, World

PLACES: tuple[int | None, ...] = (*COURSES, None)
COLUMNS = (
    "score",
    "mastery",
    "rating",
    "color",
    "calculation_method",
    "calculation_int",
    "points_possible",
    "mastery_points",
    "results",
    "last_assessed_at",
)
NO_ROLLUP = (None,) * 9


async def told(dsn: str, world: World, switch: str | None) -> Reference:
    """Writes a world in two transactions, in disorder and with repetitions; returns the reference that was told the same."""
    events = world.events()
    shuffled = [*events, *world.chance.sample(events, 10)]
    world.chance.shuffle(shuffled)
    half = len(shuffled) // 2
    await write(dsn, *shuffled[:half])
    await write(dsn, *shuffled[half:])
    connection = await connect(dsn)
    if switch:
        await connection.execute(
            "INSERT INTO tenant_setting VALUES ($1, 'account_level_mastery_scales', $2)", world.tenant, switch
        )
    found = await connection.fetch(
        "SELECT DISTINCT recorded_at FROM learning_outcome_result_version WHERE root_account_uuid = $1 ORDER BY 1", world.tenant
    )
    first, second = (row["recorded_at"] for row in found)
    alignments = [
        Alignment(world.tenant, *told, recorded_at=world.chance.choice((first, second))) for told in world.alignments()
    ]
    await connection.executemany(
        "INSERT INTO outcome_alignment_version (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, "
        "workflow_state, event_time, recorded_at, source) VALUES ($1, $2, $3, 'Assignment', $4, $5, $6, $7, 'canvas:x')",
        alignments,
    )
    await connection.close()
    records = [Told(event, first) for event in shuffled[:half]] + [Told(event, second) for event in shuffled[half:]]
    return Reference(records, {world.tenant: switch or "auto"}, alignments)


async def rollups(
    connection: Connection, tenant: str, course: int | None, at: datetime | None, known_at: datetime | None
) -> dict[tuple[str, int], Rollup]:
    """What `outcome_rollup_at` says."""
    rows = await connection.fetch("SELECT * FROM outcome_rollup_at($1, $2, $3, $4)", tenant, course, at, known_at)
    return {(row["user_uuid"], row["learning_outcome_id"]): Rollup(*(row[column] for column in COLUMNS)) for row in rows}


def moments(world: World) -> Iterator[datetime | None]:
    """Now, and a few moments at which something happened."""
    yield None
    times = [datetime.fromisoformat(event["metadata"]["event_time"]) for event in world.events()]
    yield from world.chance.sample(times, 4)


@pytest.mark.parametrize("seed", range(14))
async def test_rollups_scales_and_summaries_agree_with_the_reference_at_any_moment(unchecked_database: str, seed: int) -> None:
    """As of now, as of then, and as known then; for the courses, and for results whose course is unknown."""
    world = World(seed)
    reference = await told(unchecked_database, world, random.Random(seed).choice((None, None, "on", "off")))
    connection = await connect(unchecked_database)
    first = await connection.fetchval("SELECT min(recorded_at) FROM learning_outcome_result_version")
    compared = 0
    for at in moments(World(seed)):
        for known_at in (None, first):
            for course in PLACES:
                expected = reference.rollups(world.tenant, course, at, known_at)
                assert await rollups(connection, world.tenant, course, at, known_at) == expected, (at, known_at, course)
                some = await connection.fetch(
                    "SELECT * FROM outcomes_internal.rollup_of_students($1, $2, $3, $4, $5)",
                    world.tenant,
                    course,
                    STUDENTS[:2],
                    at,
                    known_at,
                )
                assert {(row["user_uuid"], row["learning_outcome_id"]): row["score"] for row in some} == {
                    key: rollup.score for key, rollup in expected.items() if key[0] in STUDENTS[:2]
                }
                assert await summaries(connection, world.tenant, course, at, known_at) == reference.summaries(
                    world.tenant, course, at, known_at
                )
                compared += len(expected)
            if known_at is None:
                for owner in (*(("Course", course) for course in COURSES), ("Account", 3), ("Account", 9)):
                    assert await scale(connection, world.tenant, *owner, at) == expected_scale(
                        reference, world.tenant, *owner, at
                    ), (at, owner)
    assert compared
    viewed = await connection.fetch("SELECT * FROM outcome_rollup WHERE root_account_uuid = $1", world.tenant)
    now = [(course, *key) for course in PLACES for key in reference.rollups(world.tenant, course)]
    assert sorted(map(repr, now)) == sorted(
        repr((row["course_id"], row["user_uuid"], row["learning_outcome_id"])) for row in viewed
    )
    await connection.close()


async def summaries(
    connection: Connection, tenant: str, course: int | None, at: datetime | None, known_at: datetime | None
) -> dict[int, Summary]:
    """What `course_outcome_summary_of` says, as the reference would."""
    rows = await connection.fetch("SELECT * FROM course_outcome_summary_of($1, $2, $3, $4)", tenant, course, at, known_at)
    return {
        row["learning_outcome_id"]: Summary(
            row["mean"],
            row["median"],
            row["students"],
            row["assessed"],
            row["mastered"],
            [Level(*(level[member] for member in Level._fields)) for level in json.loads(row["levels"])],
        )
        for row in rows
    }


async def scale(connection: Connection, tenant: str, kind: str, id_: int, at: datetime | None) -> list[Any]:
    """What `mastery_scale` says: whose, and its levels."""
    rows = await connection.fetch("SELECT * FROM mastery_scale($1, $2, $3, $4)", tenant, kind, id_, at)
    return [
        (row["owner_type"], row["owner_id"], row["points_possible"], row["mastery_points"], row["description"], row["points"])
        for row in rows
    ]


def expected_scale(reference: Reference, tenant: str, kind: str, id_: int, at: datetime | None) -> list[Any]:
    """The same from the reference."""
    found = reference.scale(tenant, kind, id_, at)
    if found is None:
        return []
    return [
        (found.context_type, found.context_id, found.points_possible, found.mastery_points, one["description"], one["points"])
        for one in found.ratings
    ]


@pytest.mark.parametrize("seed", range(100, 106))
async def test_a_timeline_is_each_moment_at_which_the_rollup_is_another(unchecked_database: str, seed: int) -> None:
    """Found by computing the rollup anew at every event there is; and each change has a cause."""
    world = World(seed)
    reference = await told(unchecked_database, world, random.Random(seed).choice((None, None, "on", "off")))
    connection = await connect(unchecked_database)
    changes = 0
    for course in PLACES:
        for student in STUDENTS:
            for outcome in OUTCOMES:
                rows = await connection.fetch(
                    "SELECT * FROM mastery_timeline($1, $2, $3, $4)", world.tenant, course, student, outcome
                )
                expected = reference.timeline(world.tenant, course, student, outcome)
                assert [(row["at"], tuple(row[column] for column in COLUMNS[:-1])) for row in rows] == [
                    (at, tuple(rollup[:-1]) if rollup else NO_ROLLUP) for at, rollup, _ in expected
                ], (course, student, outcome)
                assert all(row["cause"] for row in rows)
                changes += len(rows)
    assert changes
    await connection.close()


async def test_many_thousand_scores_of_every_method_agree_to_the_last_cent(unchecked_database: str) -> None:
    """Values on and off the halves, legal and illegal numbers, one result and many; told from their sum where that is sure."""
    chance = random.Random(7)
    cases: list[tuple[str | None, int | None, list[float], float | None]] = [
        (
            chance.choice((None, *METHODS)),
            chance.choice((None, 0, 1, 2, 3, 5, 10, 11, 40, 49, 50, 65, 80, 99, 100)),
            [
                chance.choice((chance.randrange(21) / 20, round(chance.random(), 4), chance.randrange(9) / 8))
                * chance.choice((3.0, 4.0, 5.0, 10.0, 2.5))
                for _ in range(chance.choice((1, 2, 3, 4, 7, 12)))
            ],
            chance.choice((None, 0.0, 2.0, 3.0, 3.5)),
        )
        for _ in range(20_000)
    ]
    connection = await connect(unchecked_database)
    rows = await connection.fetch(
        "SELECT outcomes_internal.rollup_score(method, number, v, mastery), "
        "outcomes_internal.rollup_score(method, number, ARRAY(SELECT unnest(v) ORDER BY 1), mastery) AS sorted, "
        "(SELECT outcomes_internal.sure_score(100 * outcomes_internal.near_score(cardinality(v), sum(one), max(one), "
        "v[cardinality(v)], w.newest_weight, w.older_weight, w.mean_weight, w.highest_weight)) FROM unnest(v) one, "
        "outcomes_internal.score_weights(method, outcomes_internal.legal_int(method, number)) w "
        "GROUP BY w.newest_weight, w.older_weight, w.mean_weight, w.highest_weight) "
        "AS sure FROM (SELECT n, c ->> 0 AS method, (c ->> 1)::integer AS number, (c ->> 3)::float8 AS mastery, "
        "ARRAY(SELECT v::float8 FROM jsonb_array_elements_text(c -> 2) WITH ORDINALITY e (v, n) ORDER BY n) AS v "
        "FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY a (c, n)) a ORDER BY n",
        json.dumps(cases),
    )
    await connection.close()
    wrong = [(case, row[0], expected) for case, row in zip(cases, rows, strict=True) if row[0] != (expected := score(*case))]
    assert wrong == []
    assert sum(row[0] is not None for row in rows) > 12_000
    assert [row for row in rows if row["sure"] not in (None, row[0])] == []
    assert sum(row["sure"] is not None for row in rows) > 6_000
    any_order = [row for case, row in zip(cases, rows, strict=True) if case[0] in (None, "highest", "average", "n_mastery")]
    assert [row for row in any_order if row["sorted"] != row[0]] == []


@pytest.mark.parametrize(
    ("method", "calculation_int", "expected"),
    [
        ("highest", None, "3.20"),
        ("latest", None, "1.60"),
        ("average", None, "2.00"),
        ("n_mastery", 1, "3.20"),
        ("n_mastery", 2, None),
        ("decaying_average", 65, "1.79"),
        ("weighted_average", 80, "1.71"),
        ("standard_decaying_average", 65, "1.99"),
        ("standard_decaying_average", 80, "1.88"),
    ],
)
async def test_the_worked_example_comes_out(
    unchecked_database: str, method: str, calculation_int: int | None, expected: str | None
) -> None:
    """Percents 0.2, 0.6, 0.8, 0.4 on a scale of 4 points with mastery at 3."""
    connection = await connect(unchecked_database)
    found = await connection.fetchval(
        "SELECT outcomes_internal.rollup_score($1, $2, $3, 3)", method, calculation_int, [0.2 * 4, 0.6 * 4, 0.8 * 4, 0.4 * 4]
    )
    await connection.close()
    assert found == (Decimal(expected) if expected else None)


HALVES = [
    *((4.125, "4.13"), (2.675, "2.68"), (0.125, "0.13"), (-0.125, "-0.13"), (-2.675, "-2.68"), (-0.001, "0"), (1.005, "1.01")),
    *((0.11499999999999999, "0.12"), (0.11499999999999998, "0.11"), (0.33499999999999996, "0.34"), (1.785, "1.79")),
    *((0.024999999999999998, "0.03"), (0.08499999999999999, "0.09"), (70039981404866.2, "70039981404866.21"), (1e15, "1e15")),
    *((2.0**59 - 64, "576460752303423400"), (7.823458895787948e17, "782345889578794800"), (-1e22, "-1e22")),
]
"""Doubles and what Ruby's Float#round(2) makes of them."""


async def test_scores_are_rounded_as_ruby_rounds_doubles(unchecked_database: str) -> None:
    """Halves away from zero, also what falls short of a half by less than x 100 can tell; huge ones stay as they are."""
    connection = await connect(unchecked_database)
    for digits in (1, 0, -15):
        await connection.execute(f"SET extra_float_digits = {digits}")
        for exact, expected in HALVES:
            found = await connection.fetchval("SELECT outcomes_internal.rollup_score('latest', NULL, $1, 3)", [exact])
            assert (found, rounded(exact)) == (Decimal(expected), Decimal(expected)), (digits, exact)
    await connection.close()
