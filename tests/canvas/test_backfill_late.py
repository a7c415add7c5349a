"""What the feed told before a snapshot and was read after it: the worker behind the backfill, or begun only after it."""

from datetime import UTC, datetime

import pytest

from canvas.here import LATE
from tests.canvas.content import ALGEBRA, ANN, EQUATIONS, HIGH, ROOT
from tests.canvas.filling import (
    SHARD,
    counts,
    differences,
    feed_of,
    fill,
    outcome_event,
    query,
    result_event,
    rollups,
    state,
    tell,
)
from tests.canvas.school import School

SCALES = "outcome_proficiency"
"""Under a negative id until the feed tells them, and under both from then on."""


@pytest.mark.parametrize("own", [True, False])
async def test_a_feed_that_is_read_after_the_backfill_leaves_the_same_projection(
    database: str, another_database: str, own: bool
) -> None:
    """The next backfill takes from it what REST cannot tell: uuids of students, methods, artifacts, global ids. Once."""
    async with School(account_level_scales=not own) as school:
        feed = feed_of(school)
        await tell(another_database, *feed)
        await fill(another_database, school)
        await fill(database, school)
        await tell(database, *feed)
        await fill(database, school)
        found, expected = await state(database), await state(another_database)
        assert counts(await fill(database, school), "written") == {}
    assert {table: rows for table, rows in found.items() if table != SCALES} == {
        table: rows for table, rows in expected.items() if table != SCALES
    }
    beside = "SELECT id, artifact_type, artifact_id, attempt, created_at FROM learning_outcome_result ORDER BY id"
    assert await query(database, beside) == await query(another_database, beside)
    ids = "SELECT global_id, account_uuid FROM course ORDER BY id"
    assert await query(database, ids) == await query(another_database, ids)
    users = "SELECT user_id, user_uuid FROM canvas_user ORDER BY 1"
    assert await query(database, users) == await query(another_database, users)
    assert await rollups(database, ALGEBRA) == await rollups(another_database, ALGEBRA)


async def test_what_a_worker_behind_has_not_read_yet_is_taken_over_the_next_time(database: str, school: School) -> None:
    """An outcome got another name and another method: REST told the name alone, and the event with both was older."""
    await tell(database, *feed_of(school)[:-1])  # without a method of the account
    await fill(database, school)
    school.outcomes[EQUATIONS] |= {"title": "Equality", "calculation_method": "latest", "calculation_int": None}
    late = outcome_event(school, EQUATIONS, datetime.now(UTC))
    await fill(database, school)
    await tell(database, late)
    told = f"SELECT title, calculation_method, calculation_int, event_name FROM learning_outcome WHERE id = {EQUATIONS}"
    assert (await query(database, told))[0][1] == "decaying_average"
    done = await differences(database, school)
    (one,) = [finding.as_json() for finding in done.differences if finding.kind != "rollup"]
    assert (one["kind"], one["id"]) == ("stale", EQUATIONS)
    assert one["members"]["calculation_method"] == {"ours": "decaying_average", "canvas": "latest"}
    assert counts(await fill(database, school), "written") == {"learning_outcome": 1}
    assert await query(database, told) == [("Equality", "latest", None, "learning_outcome_backfilled")]
    assert counts(await fill(database, school), "written") == {}


async def test_what_rest_says_stands_against_what_is_told_late(database: str, school: School) -> None:
    """Only what REST cannot tell is taken over, and of what hangs together nothing that has changed since."""
    await fill(database, school)
    school.outcomes[EQUATIONS]["title"] = "Equality"
    await fill(database, school)
    row = school.outcomes[EQUATIONS]
    await tell(
        database,
        outcome_event(
            school, EQUATIONS, title="Older", short_description="Older", context_id=str(HIGH), context_uuid="OF HIGH"
        ),
        result_event(school, 801, score=1.0, percent=0.2, user_uuid="SOMEBODY"),
    )
    await fill(database, school)
    told = "SELECT title, short_description, context_id, context_uuid, extra::text FROM learning_outcome WHERE id = $1"
    assert row["context_id"] == ROOT
    assert await query(database, told, EQUATIONS) == [("Equality", "Equality", ROOT, None, '{"icon": "sun"}')]
    result = "SELECT score, percent, user_uuid FROM learning_outcome_result WHERE id = 801"
    assert await query(database, result) == [(school.results[801]["score"], school.results[801]["percent"], "SOMEBODY")]


async def test_a_version_that_a_snapshot_has_taken_over_is_not_taken_again(database: str, school: School) -> None:
    """What REST told after it stands, also where REST does not tell it any more: criteria, once scales stand in for them."""
    async with School(account_level_scales=False) as computing_with_its_own:
        await tell(database, *feed_of(computing_with_its_own))
        computing_with_its_own.outcomes[EQUATIONS]["points_possible"] = 9.0
        await fill(database, computing_with_its_own)
    await query(database, f"UPDATE learning_outcome_version SET recorded_at = recorded_at - interval '{LATE}'")
    school.outcomes[EQUATIONS]["points_possible"] = 9.0
    await fill(database, school)
    points = "SELECT rubric_criterion ->> 'points_possible' FROM learning_outcome WHERE id = $1"
    assert await query(database, points, EQUATIONS) == [("9",)]


async def test_a_student_told_late_is_one_and_not_two(database: str, school: School) -> None:
    """With results that only REST has told, results of both, and one that the feed told anew."""
    await fill(database, school)
    await tell(database, *feed_of(school), result_event(school, 801, datetime.now(UTC)))
    await fill(database, school)
    ann = school.users[ANN]["uuid"]
    assert {user for user, _ in await rollups(database, ALGEBRA) if user.endswith(str(ANN))} == {ann}
    assert await query(database, "SELECT global_id FROM account WHERE id = $1", HIGH) == [(SHARD + HIGH,)]
