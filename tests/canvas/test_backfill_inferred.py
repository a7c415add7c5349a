"""A backfill infers whose a scale is and which alignments are gone."""

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
    tell,
)
from tests.canvas.school import School

# Results and links


async def test_banks_of_one_quiz_are_merged_where_only_rest_told_them(database: str, school: School) -> None:
    """REST names the bank and the assignment of its quiz: together they were 3 of 6 points, and each counts so."""
    bank = {"assignment_id": 601, "alignment": "assessment_question_bank_9"}
    school.results[801] |= bank | {"score": 2.0, "possible": 4.0, "percent": 0.5}
    school.results[802] |= bank | {"score": 1.0, "possible": 2.0, "percent": 0.5, "alignment": "assessment_question_bank_10"}
    school.results[804] |= bank | {"user_id": ANN, "score": 0.0, "possible": 2.0, "percent": 0.0}
    await fill(database, school)
    inputs = "SELECT id, quiz_id, merged_percent FROM rollup_input($1, $2, $3, $4)"
    rows = await query(database, inputs, UUID, ALGEBRA, f"id:{ANN}", EQUATIONS)
    told = {row["id"]: (row["quiz_id"], row["merged_percent"]) for row in rows}
    assert {id_ for id_, (quiz, _) in told.items() if quiz is not None} == {801, 802, 804}
    assert {merged for _, merged in told.values()} <= {None, 3 / 8}


async def test_a_link_that_went_in_silence_counts_again_where_canvas_shows_one(database: str, school: School) -> None:
    """With its outcome, which came back without it. No event of the new one came; REST tells of it."""
    await tell(database, *feed_of(school))
    place = "SELECT shown FROM course_outcome_link($1, $2, $3, NULL)"
    gone = datetime(2025, 6, 2, tzinfo=UTC)
    await tell(database, outcome_event(school, EQUATIONS, gone, workflow_state="deleted"))
    await tell(database, outcome_event(school, EQUATIONS, gone + timedelta(days=1)))
    assert [row[0] for row in await query(database, place, UUID, ALGEBRA, EQUATIONS)] == [False]
    assert (await differences(database, school)).counts
    await fill(database, school)
    assert [row[0] for row in await query(database, place, UUID, ALGEBRA, EQUATIONS)] == [True]
    school.links = [link for link in school.links if (link["outcome_id"], link["context_id"]) != (EQUATIONS, ALGEBRA)]
    await tell(database, outcome_event(school, EQUATIONS, datetime.now(UTC), workflow_state="deleted"))
    await tell(database, outcome_event(school, EQUATIONS, datetime.now(UTC) + timedelta(seconds=1)))
    assert [row[0] for row in await query(database, place, UUID, ALGEBRA, EQUATIONS)] == [False]


# Scales


async def test_the_same_answer_is_inherited_and_nobodys_news(database: str, school: School) -> None:
    """A context owns what its parent does not answer; one that is known to own an equal one keeps it."""
    school.scales["Course", ALGEBRA] = school.scales["Account", HIGH]
    await tell(database, scale_event(school, ("Account", DISTRICT), outcome_proficiency_ratings=four_levels()))
    await fill(database, school)
    assert set(ratings((await state(database))["outcome_proficiency"])) == {
        ("Account", ROOT),
        ("Account", DISTRICT),
        ("Account", HIGH),
        ("Course", READING),
    }


async def test_a_scale_that_changes_while_it_is_asked_is_nobodys_either(database: str, school: School) -> None:
    """The root's changes between its own answer and its child's: the child does not own the new one."""
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


async def test_a_scale_under_a_negative_id_is_over_when_the_feed_tells_it(database: str, school: School) -> None:
    """Its real id is used from then on; a deletion under it counts as well."""
    await fill(database, school)
    assert await scale_in_force(database, "Account", HIGH) == ["Got it", "Not yet"]
    await tell(database, scale_event(school, ("Account", HIGH), datetime.now(UTC), outcome_proficiency_ratings=four_levels()))
    assert await scale_in_force(database, "Account", HIGH) == [level["description"] for level in four_levels()]
    report = await fill(database, school)
    assert counts(report, "written") == {"outcome_proficiency": 1}
    assert await scale_in_force(database, "Account", HIGH) == ["Got it", "Not yet"]
    assert {row[0] for row in (await state(database))["outcome_proficiency"] if row[2] == HIGH} == {-2 * HIGH, SCALES + 1}
    await tell(database, scale_event(school, ("Account", HIGH), datetime.now(UTC), workflow_state="deleted"))
    assert await scale_in_force(database, "Account", HIGH) == [level["description"] for level in four_levels()]


async def test_a_scale_that_is_nowhere_any_more_was_deleted(database: str, school: School) -> None:
    """With its levels; and one that comes again is the same."""
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
    """After the backfill, and not before it nor of a moment before; an older Canvas is asked by student."""
    await tell(database, *feed_of(school))
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


async def test_an_alignment_that_comes_again_counts_again(database: str, school: School) -> None:
    """Also where a result was newer than the news of its removal, and the alignment was gone all the same."""
    await tell(database, *feed_of(school))
    gone = {"assignment_id": 602, "outcome_id": EQUATIONS}
    school.alignments.remove(gone)
    await fill(database, school)
    ann = school.users[ANN]["uuid"]
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 4.0
    await tell(database, result_event(school, 802, datetime.now(UTC), score=4.5, percent=0.9))
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 9.0
    await fill(database, school)
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 4.0
    school.alignments.append(gone)
    school.results[802] |= {"score": 4.5, "percent": 0.9}
    await fill(database, school)
    assert (await rollups(database, ALGEBRA))[ann, EQUATIONS] == 9.0


@pytest.mark.parametrize("old", [False, True])
async def test_a_result_that_canvas_shows_proves_its_alignment(database: str, school: School, old: bool) -> None:
    """Also where the list of alignments leaves it out: of an assignment that is not the student's any more, or of a quiz."""
    school.old, school.unlisted = old, frozenset({602})
    await fill(database, school)
    assert counts(await fill(database, school), "written") == {}
    assert (await rollups(database, ALGEBRA))[f"id:{ANN}", EQUATIONS] == 8.0
    school.alignments.remove({"assignment_id": 602, "outcome_id": EQUATIONS})
    await fill(database, school)
    assert (await rollups(database, ALGEBRA))[f"id:{ANN}", EQUATIONS] == 4.0


async def test_an_older_canvas_tells_nothing_of_students_who_are_unknown(database: str, school: School) -> None:
    """Whose alignment it is cannot be asked, so nothing is said to be gone."""
    await tell(database, *feed_of(school))
    school.old = True
    school.alignments = []
    assert counts(await fill(database, school), "written") == {"grading_standard": 3}


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("unlisted", [frozenset[int](), frozenset({601, 602})])
async def test_students_whom_canvas_does_not_show_tell_nothing_of_alignments(
    database: str, school: School, old: bool, unlisted: frozenset[int]
) -> None:
    """A course is over, or the token's user sees another section: no result is shown, and that tells nothing of it."""
    school.old = old
    await tell(database, *feed_of(school))
    school.unlisted = unlisted
    await fill(database, school)
    before = await rollups(database, ALGEBRA)
    for user in school.users.values():
        user["sections"].pop(ALGEBRA, None)
    report = await fill(database, school)
    assert (counts(report, "written"), report.troubles) == ({}, [])
    assert await rollups(database, ALGEBRA) == before != {}


@pytest.mark.parametrize("old", [False, True])
async def test_one_student_who_is_shown_is_enough_to_tell_that_an_alignment_is_gone(
    database: str, school: School, old: bool
) -> None:
    """Also one who has no other result, and whom only the rollups show."""
    await tell(database, *feed_of(school))
    await fill(database, school)
    school.old = old
    school.alignments = [one for one in school.alignments if one["assignment_id"] != 601]
    school.users[ANN]["sections"].pop(ALGEBRA)
    del school.results[805]
    await fill(database, school)
    told = (
        "SELECT learning_outcome_id, workflow_state FROM outcome_alignment WHERE course_id = $1 AND asset_id = 601 ORDER BY 1"
    )
    assert await query(database, told, ALGEBRA) == [(FRACTIONS, "active"), (EQUATIONS, "deleted")]


@pytest.mark.parametrize("old", [False, True])
async def test_a_result_that_is_shown_again_brings_its_alignment_back(database: str, school: School, old: bool) -> None:
    """Where the list leaves it out: nothing else would tell."""
    await tell(database, *feed_of(school))
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
    """What is gone of those is gone; that one question was not answered is said."""
    await tell(database, *feed_of(school))
    await fill(database, school)
    school.alignments.remove({"assignment_id": 601, "outcome_id": EQUATIONS})
    school.fail("forbidden", times=9, path="outcome_alignments.*assignment_id=602")
    report = await fill(database, school)
    assert len(report.troubles) == 1
    told = "SELECT workflow_state FROM outcome_alignment WHERE course_id = $1 AND asset_id = 601 AND learning_outcome_id = $2"
    assert await query(database, told, ALGEBRA, EQUATIONS) == [("deleted",)]


async def test_an_assignment_that_is_refused_takes_nothing_back_that_another_was_told_of(database: str, school: School) -> None:
    """Some are asked by student then: of these alone."""
    await tell(database, *feed_of(school))
    await fill(database, school)
    school.results = {id_: row for id_, row in school.results.items() if row["assignment_id"] != 601}
    school.fail("rejected", times=9, path="outcome_alignments.*assignment_id=602")
    assert counts(await fill(database, school), "written") == {}


async def test_a_result_without_a_score_that_is_not_shown_tells_nothing(database: str, school: School) -> None:
    """Not of its alignment either: another student's score hangs on that."""
    await tell(database, *feed_of(school), result_event(school, 804, associated_asset_id="699"))
    await tell(database, result_event(school, 801, id="899", associated_asset_id="699", score=None, percent=None))
    school.users[BEN]["sections"].pop(ALGEBRA)
    del school.results[804]
    before = await rollups(database, ALGEBRA)
    school.unlisted = frozenset({699})
    school.assignments[699] = school.assignments[601] | {"id": 699}
    await fill(database, school)
    assert await rollups(database, ALGEBRA) == before
