"""A backfill infers the owner of a scale, and which alignments are gone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.canvas.content import (
    ALGEBRA,
    ANN,
    BEN,
    DISTRICT,
    EQUATIONS,
    FRACTIONS,
    GRAPHS,
    HIGH,
    READING,
    ROOT,
    UUID,
    four_levels,
)
from tests.canvas.filling import (
    SCALES,
    counts,
    deliver,
    differences,
    feed_of,
    fill,
    outcome_event,
    query,
    ratings,
    result_event,
    rollups,
    scale_event,
    scale_in_force,
    state,
)
from tests.canvas.school import School

# Results and links


async def test_banks_of_one_quiz_are_merged_if_only_rest_showed_them(database: str, school: School) -> None:
    """REST names the bank and the assignment of its quiz: together they have 3 of 6 points, so each counts as that."""
    bank = {"assignment_id": 601, "alignment": "assessment_question_bank_9"}
    school.results[801] |= bank | {"score": 2.0, "possible": 4.0, "percent": 0.5}
    school.results[802] |= bank | {"score": 1.0, "possible": 2.0, "percent": 0.5, "alignment": "assessment_question_bank_10"}
    school.results[804] |= bank | {"user_id": ANN, "score": 0.0, "possible": 2.0, "percent": 0.0}
    await fill(database, school)
    inputs = "SELECT id, quiz_id, merged_percent FROM rollup_input($1, $2, $3, $4)"
    rows = await query(database, inputs, UUID, ALGEBRA, f"id:{ANN}", EQUATIONS)
    by_id = {row["id"]: (row["quiz_id"], row["merged_percent"]) for row in rows}
    assert {id_ for id_, (quiz, _) in by_id.items() if quiz is not None} == {801, 802, 804}
    assert {merged for _, merged in by_id.values()} <= {None, 3 / 8}


async def test_a_link_that_was_deleted_with_its_outcome_counts_again_if_canvas_shows_it(database: str, school: School) -> None:
    """The outcome came back without its link, and no event showed the new one; REST does."""
    await deliver(database, *feed_of(school))
    shown = "SELECT shown FROM outcomes_internal.course_outcome_link($1, $2, $3, NULL)"
    gone = datetime(2025, 6, 2, tzinfo=UTC)
    await deliver(database, outcome_event(school, EQUATIONS, gone, workflow_state="deleted"))
    await deliver(database, outcome_event(school, EQUATIONS, gone + timedelta(days=1)))
    assert [row[0] for row in await query(database, shown, UUID, ALGEBRA, EQUATIONS)] == [False]
    assert (await differences(database, school)).counts
    await fill(database, school)
    assert [row[0] for row in await query(database, shown, UUID, ALGEBRA, EQUATIONS)] == [True]
    school.links = [link for link in school.links if (link["outcome_id"], link["context_id"]) != (EQUATIONS, ALGEBRA)]
    await deliver(database, outcome_event(school, EQUATIONS, datetime.now(UTC), workflow_state="deleted"))
    await deliver(database, outcome_event(school, EQUATIONS, datetime.now(UTC) + timedelta(seconds=1)))
    assert [row[0] for row in await query(database, shown, UUID, ALGEBRA, EQUATIONS)] == [False]


# Scales


async def test_a_scale_equal_to_the_one_above_is_inherited_and_not_written(database: str, school: School) -> None:
    """A context owns a scale that its parent does not have. If we know that it owns an equal one, it keeps that."""
    school.scales["Course", ALGEBRA] = school.scales["Account", HIGH]
    await deliver(database, scale_event(school, ("Account", DISTRICT), outcome_proficiency_ratings=four_levels()))
    await fill(database, school)
    assert set(ratings((await state(database))["outcome_proficiency"])) == {
        ("Account", ROOT),
        ("Account", DISTRICT),
        ("Account", HIGH),
        ("Course", READING),
    }


async def test_a_scale_that_changes_between_two_requests_is_inherited_too(database: str, school: School) -> None:
    """The root's scale changes between the root's answer and its child's: the child does not own the new one."""
    changed = school.scales["Account", HIGH]

    class Changing(dict[Any, Any]):
        def __contains__(self, place: object) -> bool:
            if place == ("Account", DISTRICT):
                self["Account", ROOT] = changed
            return super().__contains__(place)

    school.scales = Changing({("Account", ROOT): four_levels()})
    school.slow_seconds = 0.3
    school.fail("slow", times=100, path="(accounts/[2-4]|courses/.*)/outcome_groups")  # so that the root is asked first
    await fill(database, school, account=ROOT)
    assert set(ratings((await state(database))["outcome_proficiency"])) == {("Account", ROOT)}


async def test_a_scale_with_a_negative_id_ends_when_the_feed_shows_it(database: str, school: School) -> None:
    """Its real id is used from then on, also for a deletion."""
    await fill(database, school)
    assert await scale_in_force(database, "Account", HIGH) == ["Got it", "Not yet"]
    await deliver(
        database, scale_event(school, ("Account", HIGH), datetime.now(UTC), outcome_proficiency_ratings=four_levels())
    )
    assert await scale_in_force(database, "Account", HIGH) == [level["description"] for level in four_levels()]
    report = await fill(database, school)
    assert counts(report, "written") == {"outcome_proficiency": 1}
    assert await scale_in_force(database, "Account", HIGH) == ["Got it", "Not yet"]
    assert {row[0] for row in (await state(database))["outcome_proficiency"] if row[2] == HIGH} == {-2 * HIGH, SCALES + 1}
    await deliver(database, scale_event(school, ("Account", HIGH), datetime.now(UTC), workflow_state="deleted"))
    assert await scale_in_force(database, "Account", HIGH) == [level["description"] for level in four_levels()]


async def test_a_scale_without_any_in_force_was_deleted(database: str, school: School) -> None:
    """With its levels. If it returns, it is the same one."""
    await fill(database, school)
    scales, school.scales = school.scales, {}
    await fill(database, school)
    assert await scale_in_force(database, "Course", READING) is None
    assert counts(await fill(database, school), "written") == {}
    school.scales = scales
    await fill(database, school)
    assert await scale_in_force(database, "Course", READING) == ["Reads", "Spells", "Guesses"]
    assert await query(database, "SELECT count(*) FROM outcome_proficiency") == [(3,)]


# Alignments


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("how", ["alignment", "assignment"])
async def test_rollups_leave_out_results_of_a_removed_alignment(database: str, school: School, old: bool, how: str) -> None:
    """From the backfill on, not at times before it. An older Canvas is asked by student."""
    await deliver(database, *feed_of(school))
    await fill(database, school)
    school.old = old
    ann, ben = school.users[ANN]["uuid"], school.users[BEN]["uuid"]
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 8.0
    if how == "alignment":
        school.alignments.remove({"assignment_id": 602, "outcome_id": EQUATIONS})
    else:
        school.assignments[602]["workflow_state"] = "deleted"
    before = datetime.now(UTC)
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 8.0
    report = await fill(database, school)
    assert report.troubles == []
    after = await rollups(database, ALGEBRA)
    assert after[ann, EQUATIONS] == 4.0
    assert ((ben, GRAPHS) in after) == (how == "alignment")
    assert (await rollups(database, ALGEBRA, before))[ann, EQUATIONS] == 8.0
    assert counts(await fill(database, school), "written") == {}


async def test_an_alignment_that_returns_counts_again(database: str, school: School) -> None:
    """Even if a result was newer than the removal, and the alignment was gone anyway."""
    await deliver(database, *feed_of(school))
    gone = {"assignment_id": 602, "outcome_id": EQUATIONS}
    school.alignments.remove(gone)
    await fill(database, school)
    ann = school.users[ANN]["uuid"]
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 4.0
    await deliver(database, result_event(school, 802, datetime.now(UTC), score=4.5, percent=0.9))
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 9.0
    await fill(database, school)
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 4.0
    school.alignments.append(gone)
    school.results[802] |= {"score": 4.5, "percent": 0.9}
    await fill(database, school)
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 9.0


@pytest.mark.parametrize("old", [False, True])
async def test_a_result_that_canvas_shows_proves_its_alignment(database: str, school: School, old: bool) -> None:
    """Even if the list of alignments omits it: for an assignment that is no longer the student's, or for a quiz."""
    school.old, school.unlisted = old, frozenset({602})
    await fill(database, school)
    assert counts(await fill(database, school), "written") == {}
    assert (await rollups(database, ALGEBRA))[f"id:{ANN}", EQUATIONS] == 8.0
    school.alignments.remove({"assignment_id": 602, "outcome_id": EQUATIONS})
    await fill(database, school)
    assert (await rollups(database, ALGEBRA))[f"id:{ANN}", EQUATIONS] == 4.0


async def test_an_older_canvas_proves_nothing_about_unknown_students(database: str, school: School) -> None:
    """We cannot ask for their alignments, so none counts as gone."""
    await deliver(database, *feed_of(school))
    school.old = True
    school.alignments = []
    assert counts(await fill(database, school), "written") == {"grading_standard": 3}


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("unlisted", [frozenset[int](), frozenset({601, 602})])
async def test_students_whom_canvas_does_not_show_prove_nothing_about_alignments(
    database: str, school: School, old: bool, unlisted: frozenset[int]
) -> None:
    """A course is over, or the token's user sees another section: Canvas shows no results, which proves nothing."""
    school.old = old
    await deliver(database, *feed_of(school))
    school.unlisted = unlisted
    await fill(database, school)
    before = await rollups(database, ALGEBRA)
    for user in school.users.values():
        user["sections"].pop(ALGEBRA, None)
    report = await fill(database, school)
    assert (counts(report, "written"), report.troubles) == ({}, [])
    assert await rollups(database, ALGEBRA) == before != {}


@pytest.mark.parametrize("old", [False, True])
async def test_one_student_who_is_shown_proves_that_an_alignment_is_gone(database: str, school: School, old: bool) -> None:
    """Even one without another result, whom only the rollups show."""
    await deliver(database, *feed_of(school))
    await fill(database, school)
    school.old = old
    school.alignments = [one for one in school.alignments if one["assignment_id"] != 601]
    school.users[ANN]["sections"].pop(ALGEBRA)
    del school.results[805]
    await fill(database, school)
    statement = (
        "SELECT learning_outcome_id, workflow_state FROM outcome_alignment WHERE course_id = $1 AND asset_id = 601 ORDER BY 1"
    )
    assert await query(database, statement, ALGEBRA) == [(FRACTIONS, "active"), (EQUATIONS, "deleted")]


@pytest.mark.parametrize("old", [False, True])
async def test_a_result_that_is_shown_again_brings_its_alignment_back(database: str, school: School, old: bool) -> None:
    """Even if the list omits it."""
    await deliver(database, *feed_of(school))
    gone = {"assignment_id": 602, "outcome_id": EQUATIONS}
    school.alignments.remove(gone)
    await fill(database, school)
    ann = school.users[ANN]["uuid"]
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 4.0
    school.alignments.append(gone)
    school.old, school.unlisted = old, frozenset({602})
    assert counts(await fill(database, school, writing=False), "written") == {"outcome_alignment": 1}
    await fill(database, school)
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 8.0
    assert counts(await fill(database, school), "written") == {}


async def test_one_assignment_that_may_not_be_seen_hides_nothing_of_the_others(database: str, school: School) -> None:
    """Removals in the others are found; the refused request is reported."""
    await deliver(database, *feed_of(school))
    await fill(database, school)
    school.alignments.remove({"assignment_id": 601, "outcome_id": EQUATIONS})
    school.fail("forbidden", times=9, path="outcome_alignments.*assignment_id=602")
    report = await fill(database, school)
    assert len(report.troubles) == 1
    statement = (
        "SELECT workflow_state FROM outcome_alignment WHERE course_id = $1 AND asset_id = 601 AND learning_outcome_id = $2"
    )
    assert await query(database, statement, ALGEBRA, EQUATIONS) == [("deleted",)]


async def test_a_refused_assignment_undoes_nothing_of_another_one(database: str, school: School) -> None:
    """Only the remaining ones are requested by student."""
    await deliver(database, *feed_of(school))
    await fill(database, school)
    school.results = {id_: row for id_, row in school.results.items() if row["assignment_id"] != 601}
    school.fail("rejected", times=9, path="outcome_alignments.*assignment_id=602")
    assert counts(await fill(database, school), "written") == {}


async def test_a_result_without_a_score_that_is_not_shown_proves_nothing(database: str, school: School) -> None:
    """Not about its alignment either, on which another student's score depends."""
    await deliver(database, *feed_of(school), result_event(school, 804, associated_asset_id="699"))
    await deliver(database, result_event(school, 801, id="899", associated_asset_id="699", score=None, percent=None))
    school.users[BEN]["sections"].pop(ALGEBRA)
    del school.results[804]
    before = await rollups(database, ALGEBRA)
    school.unlisted = frozenset({699})
    school.assignments[699] = school.assignments[601] | {"id": 699}
    await fill(database, school)
    assert await rollups(database, ALGEBRA) == before
