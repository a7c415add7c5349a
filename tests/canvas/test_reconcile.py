"""Reconcile finds what differs and nothing else, changes nothing unless it is to, and mends what can be mended."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from consumer.canvas.reconcile import render
from tests.acceptance.running import outcomes
from tests.canvas.content import (
    ALGEBRA,
    ANN,
    BEN,
    BIOLOGY,
    DISTRICT,
    EQUATIONS,
    EVIDENCE,
    FRACTIONS,
    GRAPHS,
    HIGH,
    READING,
    RETIRED,
    four_levels,
)
from tests.canvas.faults import Fault
from tests.canvas.filling import (
    LINKS,
    counts,
    differences,
    digest,
    feed_of,
    fill,
    group_event,
    link_event,
    outcome_event,
    query,
    result_event,
    rollups,
    scale_event,
    state,
    tell,
)
from tests.canvas.school import School
from tests.samples import Event


@pytest.fixture
async def known(database: str, school: School) -> str:
    """A projection that the feed has told the whole school, and REST what the feed cannot tell."""
    await tell(database, *feed_of(school))
    await fill(database, school)
    return database


def found(done: Any) -> set[tuple[Any, ...]]:
    """Kind, table and what it is about."""
    return {
        (one.kind, one.table, *(value for name, value in one.key.items() if name != "workflow_state"))
        for one in done.differences
    }


async def test_a_projection_that_is_what_canvas_is_has_no_difference(known: str, school: School) -> None:
    """Scores too."""
    before = await digest(known)
    done = await differences(known, school)
    assert (done.total, done.report.troubles) == (0, [])
    assert done.report.tables["outcome_rollup"].unchanged > 6
    assert await digest(known) == before


async def test_one_that_rest_alone_has_filled_lacks_the_links_and_nothing_else(database: str, school: School) -> None:
    """Whose ids REST does not tell, so that no repair helps."""
    await fill(database, school)
    for repair in (False, True, False):
        done = await differences(database, school, repair=repair)
        assert done.counts == {"missing": len(school.links)}
        assert {one.table for one in done.differences} == {"learning_outcome_link"}
        assert done.repaired == 0


def without(events: list[Event], member: str, *ids: int) -> list[Event]:
    """What is told when these are lost."""
    return [event for event in events if event["body"].get(member) not in {str(id_) for id_ in ids}]


async def test_it_finds_what_was_planted_and_nothing_else(database: str, school: School) -> None:
    """Lost events of each kind, a stale row, a removed alignment, an extra result, group, link and outcome, a changed scale."""
    ann, ben = school.users[ANN]["uuid"], school.users[BEN]["uuid"]
    events = without(feed_of(school), "id", 805)
    events = without(events, "learning_outcome_group_id", 303)
    events = [
        event for event in events if event["body"].get("learning_outcome_id") != str(EVIDENCE) or "score" in event["body"]
    ]
    school.groups[399] = school.groups[304] | {"id": 399, "title": "Gone", "parent_id": 304}
    school.outcomes[299] = school.outcomes[GRAPHS] | {"id": 299, "title": "Gone"}
    school.results[899] = school.results[804] | {"id": 899, "outcome_id": FRACTIONS}
    school.links.append({**school.links[5], "outcome_id": 299})
    await tell(
        database,
        *events,
        link_event(school, 2),
        link_event(school, 6),
        group_event(school, 399),
        outcome_event(school, 299),
        link_event(school, 8),
        result_event(school, 899),
    )
    del school.groups[399], school.results[899], school.links[8]
    school.outcomes[299]["workflow_state"] = "deleted"
    await fill(database, school, course=BIOLOGY)
    school.results[803] |= {"score": 1.0, "percent": 0.2, "mastery": False}
    school.alignments.remove({"assignment_id": 602, "outcome_id": EQUATIONS})
    school.scales["Course", READING] = four_levels()[:3]
    school.courses[READING]["name"] = "Reading aloud"

    done = await differences(database, school)
    assert done.report.finished
    assert done.total == len(found(done)), "each once, although lists that lack something are asked for twice"
    assert done.report.tables["learning_outcome_result"].seen == done.report.tables["learning_outcome_result"].unchanged + 2
    scores = {one for one in found(done) if one[0] == "rollup"}
    standards = {("missing", "grading_standard", id_) for id_ in (401, 402, 403)}
    told_now = {one for one in found(done) if one[0] == "alignment" and one[3:] != (EQUATIONS, "Assignment", 602)}
    assert found(done) - scores - standards - told_now == {
        ("missing", "learning_outcome_result", 805),
        ("missing", "learning_outcome_group", 303),
        ("stale", "learning_outcome_result", 803),
        ("stale", "course", READING),
        ("alignment", "outcome_alignment", ALGEBRA, EQUATIONS, "Assignment", 602),
        ("extra", "learning_outcome_result", 899),
        ("extra", "learning_outcome_group", 399),
        ("extra", "learning_outcome", 299),
        ("extra", "learning_outcome_link", LINKS + 8),
        ("scale", "outcome_proficiency", 1003, "Course", READING),
    }
    assert {(one[3], one[4]) for one in scores} == {
        (ann, FRACTIONS),
        (ann, EQUATIONS),
        (ben, FRACTIONS),
        (ben, GRAPHS),
        (school.users[504]["uuid"], 204),
    }
    # Of Cem nothing but a result without alignment is known: Canvas does not show it, so nothing tells which user he is.
    stale = next(one for one in done.differences if one.key == {"id": 803})
    assert {(one.member, one.ours, one.canvas) for one in stale.members} == {
        ("score", 5.0, 1.0),
        ("percent", 1.0, 0.2),
        ("mastery", True, False),
    }


async def test_repair_writes_what_canvas_says_and_then_nothing_is_left(known: str, school: School) -> None:
    """And tells what it repaired. Scores follow by themselves."""
    del school.results[805], school.groups[306], school.links[2]
    school.outcomes[GRAPHS]["title"] = "Charts"
    school.alignments.remove({"assignment_id": 602, "outcome_id": EQUATIONS})
    del school.scales["Account", HIGH]
    school.grading_standards[402]["title"] = "Passed?"
    school.accounts[DISTRICT]["name"] = "South District"
    before = datetime.now(UTC)
    planted = {
        ("extra", "learning_outcome_result", 805),
        ("extra", "learning_outcome_group", 306),
        ("extra", "learning_outcome_link", LINKS + 2),
        ("stale", "learning_outcome", GRAPHS),
        ("stale", "account", DISTRICT),
        ("stale", "grading_standard", 402),
        ("scale", "outcome_proficiency", 1002, "Account", HIGH),
        ("alignment", "outcome_alignment", ALGEBRA, EQUATIONS, "Assignment", 602),
    }
    assert {one for one in found(await differences(known, school)) if one[0] != "rollup"} == planted
    done = await differences(known, school, repair=True)
    assert found(done) == planted
    assert done.repaired == done.total
    again = await differences(known, school)
    assert again.total == 0
    ann = school.users[ANN]["uuid"]
    assert (await rollups(known, ALGEBRA, before))[ann, EQUATIONS] == 8.0
    assert (await rollups(known, ALGEBRA))[ann, EQUATIONS] == 1.6


async def test_results_without_their_alignment_are_told_as_that(known: str, school: School) -> None:
    """They are not extra: Canvas keeps them, and leaves them out."""
    school.alignments = []
    done = await differences(known, school)
    assert {one[:2] for one in found(done) if one[0] != "rollup"} == {("alignment", "outcome_alignment")}
    assert done.counts["alignment"] == 6
    assert all(one.members[0] == ("workflow_state", "active", "deleted") for one in done.differences if one.kind == "alignment")


async def test_what_an_event_has_told_since_is_no_difference(known: str, school: School) -> None:
    """Not even in scores, which are computed as of the request."""
    later = datetime.now(UTC) + timedelta(hours=1)
    await tell(
        known,
        result_event(school, 801, later, score=0.0, percent=0.0, mastery=False),
        outcome_event(school, FRACTIONS, later, title="Later"),
        scale_event(school, ("Course", READING), later, workflow_state="deleted"),
        group_event(school, 306, later, workflow_state="deleted"),
    )
    done = await differences(known, school)
    assert done.total == 0
    school.results[807]["score"] = 1.0
    await tell(known, result_event(school, 807, later))
    school.results[807]["score"] = 4.0
    assert (await differences(known, school)).total == 0


async def test_what_canvas_never_shows_is_not_extra(known: str, school: School) -> None:
    """Results of an outcome that is not linked there, links of a deleted outcome, and all of a course that was left out."""
    school.links = [link for link in school.links if link["outcome_id"] != EVIDENCE or link["context_type"] == "Account"]
    school.results.pop(807)
    school.links.append(
        {"context_type": "Course", "context_id": ALGEBRA, "group_id": 304, "outcome_id": RETIRED, "workflow_state": "active"}
    )
    await tell(known, link_event(school, len(school.links) - 1, learning_outcome_link_id="990"))
    school.fail("forbidden", times=100, path=f"courses/{READING}/outcome_(results|groups|group_links)")
    done = await differences(known, school)
    assert {one for one in found(done) if one[0] != "rollup"} == {("extra", "learning_outcome_link", LINKS + 6)}
    assert len(done.report.troubles) == 3


async def test_students_whom_canvas_does_not_show_tell_nothing(known: str, school: School) -> None:
    """Their results are neither extra nor deleted by a repair, and that is said; those of one who is shown without any are."""
    sections = school.users[BEN]["sections"].pop(ALGEBRA)
    before = await state(known)
    done = await differences(known, school, repair=True)
    assert done.total == 0
    assert done.report.tables["learning_outcome_result"].students_gone == 2
    assert "2 active results are of students whom Canvas does not show" in done.report.remarks[0]
    assert await state(known) == before
    school.users[BEN]["sections"][ALGEBRA] = sections
    del school.results[804], school.results[805]
    done = await differences(known, school, repair=True)
    assert found(done) == {("extra", "learning_outcome_result", 804), ("extra", "learning_outcome_result", 805)}
    assert done.report.remarks == []
    assert (await differences(known, school)).total == 0


async def test_a_result_without_a_score_that_is_not_shown_is_not_extra(known: str, school: School) -> None:
    """It counts nowhere, and whether every Canvas shows such results nobody knows; with a score it is."""
    await tell(known, result_event(school, 802, datetime.now(UTC), score=None, percent=None))
    row = school.results.pop(802)
    assert (await differences(known, school)).total == 0
    school.results[802] = row
    scored = result_event(school, 802, datetime.now(UTC))
    del school.results[802]
    await tell(known, scored)
    assert ("extra", "learning_outcome_result", 802) in found(await differences(known, school))


async def test_students_are_told_once_where_each_page_tells_all(known: str, school: School) -> None:
    """Some versions of Canvas count students on pages of rollups, and tell all rollups on each."""
    school.all_rollups, school.page_size = True, 1
    school.rollups[ALGEBRA, ANN, FRACTIONS] = 7.5
    done = await differences(known, school)
    assert (done.total, done.counts) == (1, {"rollup": 1})


async def test_a_deletion_that_rest_alone_told_is_taken_back(known: str, school: School) -> None:
    """A link that Canvas shows again is the same one; one that the feed has deleted is another one of unknown id."""
    link = school.links.pop(2)
    await differences(known, school, repair=True)
    assert await query(known, "SELECT workflow_state FROM learning_outcome_link WHERE id = $1", LINKS + 2) == [("deleted",)]
    school.links.insert(2, link)
    done = await differences(known, school, repair=True)
    assert found(done) == {("stale", "learning_outcome_link", LINKS + 2)}
    assert (await differences(known, school)).total == 0
    await tell(known, link_event(school, 2, datetime.now(UTC), workflow_state="deleted"))
    done = await differences(known, school, repair=True)
    assert found(done) == {("missing", "learning_outcome_link", "Account", HIGH, 303, EVIDENCE)}
    assert done.repaired == 0


@pytest.mark.parametrize("page_size", [1, 100])
async def test_a_link_that_was_moved_is_the_same_one(known: str, school: School, page_size: int) -> None:
    """Canvas writes another group into it. A backfill does too; and a repair takes no outcome out of a course that has it."""
    at = next(at for at, row in enumerate(school.links) if (row["context_id"], row["outcome_id"]) == (ALGEBRA, EQUATIONS))
    before, group = await rollups(known, ALGEBRA), school.links[at]["group_id"]
    for id_ in (390, 391):
        school.groups[id_] = school.groups[group] | {"id": id_, "title": "New", "parent_id": group}
        await tell(known, group_event(school, id_))
    school.page_size = page_size
    told = "SELECT learning_outcome_group_id, workflow_state FROM learning_outcome_link WHERE id = $1"
    school.links[at]["group_id"] = 390
    done = await differences(known, school, repair=True)
    assert found(done) == {("stale", "learning_outcome_link", LINKS + at)}
    assert (done.total, done.report.remarks) == (done.repaired, [])
    assert await query(known, told, LINKS + at) == [(390, "active")]
    assert await rollups(known, ALGEBRA) == before
    school.links[at]["group_id"] = 391
    assert counts(await fill(known, school), "written") == {"learning_outcome_link": 1}
    assert await query(known, told, LINKS + at) == [(391, "active")]
    assert (await differences(known, school)).total == 0


async def test_a_second_place_of_an_outcome_moves_no_link(known: str, school: School) -> None:
    """The link that is known is shown still; the other one has an id that nobody has told."""
    at = next(at for at, row in enumerate(school.links) if (row["context_id"], row["outcome_id"]) == (ALGEBRA, EQUATIONS))
    school.groups[390] = school.groups[school.links[at]["group_id"]] | {"id": 390, "parent_id": school.links[at]["group_id"]}
    await tell(known, group_event(school, 390))
    school.links.append(school.links[at] | {"group_id": 390})
    done = await differences(known, school, repair=True)
    assert found(done) == {("missing", "learning_outcome_link", "Course", ALGEBRA, 390, EQUATIONS)}
    assert done.repaired == 0


async def test_a_rollup_that_no_version_explains_is_told_and_stays(known: str, school: School) -> None:
    """Canvas computes something else out of the same results."""
    school.rollups[ALGEBRA, ANN, FRACTIONS] = 7.5
    school.rollups[BIOLOGY, ANN, EVIDENCE] = None
    for repair in (False, True, False):
        done = await differences(known, school, repair=repair)
        assert {(one.key["learning_outcome_id"], *one.members) for one in done.differences} == {
            (FRACTIONS, ("score", 10.0, 7.5)),
            (EVIDENCE, ("score", 8.0, None)),
        }
        assert done.repaired == 0


async def test_a_rollup_that_differs_by_less_than_a_cent_differs(known: str, school: School) -> None:
    """Nothing is tolerated, and nobody guesses why: people are told where to look."""
    school.rollups[ALGEBRA, ANN, FRACTIONS] = 9.996
    done = await differences(known, school)
    assert [(one.key["learning_outcome_id"], *one.members) for one in done.differences] == [(FRACTIONS, ("score", 10.0, 9.996))]
    console = Console(width=200)
    with console.capture() as shown:
        console.print(render(done))
    about = "REST does not show how Canvas computed a score; `outcomes explain rollup` shows how we computed ours."
    assert shown.get().splitlines()[-1].strip() == about


@pytest.mark.parametrize("kind", ["500", "shape"])
async def test_a_survey_that_is_broken_off_tells_no_extras(known: str, school: School, kind: Any) -> None:
    """What was not shown because the list was not whole is not missing in Canvas."""
    school.page_size = 1
    before = await state(known)
    school.fail(kind, times=1000 if kind == "500" else 1, path=f"courses/{ALGEBRA}/outcome_(results|groups|group_links)")
    done = await differences(known, school, repair=True)
    assert done.total == 0
    assert len(done.report.troubles) == 1
    assert await state(known) == before


async def test_a_list_that_moves_up_between_two_pages_hides_nothing(
    known: str, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the second page is asked for, the first row is gone: what slipped onto the page before is there all the same."""
    school.page_size = 2
    counting, slipped = school._counting, list[str]()

    def slipping(course: int, request: Any, *, hidden: bool) -> list[Any]:
        rows = counting(course, request, hidden=hidden)
        if not request.path.endswith("outcome_results") or "page" not in request.query or slipped:
            return rows
        slipped.append(request.path)
        return rows[1:]

    monkeypatch.setattr(school, "_counting", slipping)
    done = await differences(known, school, course=ALGEBRA, repair=True)
    assert slipped
    assert done.total == 0
    assert await query(known, "SELECT DISTINCT workflow_state FROM learning_outcome_result") == [("active",)]
    # And what is gone in both tellings is extra.
    del school.results[802]
    done = await differences(known, school, course=ALGEBRA)
    assert {one for one in found(done) if one[0] != "rollup"} == {("extra", "learning_outcome_result", 802)}


async def test_the_command_tells_each_difference(known: str, school: School) -> None:
    """Exit code 0 without any, else 1; as a table or one JSON object; `--repair` repairs."""
    variables = {"DATABASE_URL": known, "OUTCOMES_CANVAS_URL": school.url, "OUTCOMES_CANVAS_TOKEN": school.token}
    code, out, err = await outcomes("reconcile", **variables)
    assert code == 0, err
    assert out.startswith("no difference")
    school.courses[READING]["name"] = "Reading aloud"
    code, out, err = await outcomes("reconcile", **variables)
    assert code == 1
    assert "Reading aloud" in out
    code, out, err = await outcomes("reconcile", "--repair", "--json", **variables)
    assert code == 1
    ((one),) = json.loads(out)["differences"]
    assert one == {
        "kind": "stale",
        "table": "course",
        "id": READING,
        "members": {"name": {"ours": "Reading", "canvas": "Reading aloud"}},
        "repaired": True,
    }
    assert (await differences(known, school)).total == 0


class Stranger(NamedTuple):
    """Who asks with a token of their own."""

    url: str
    token: str


async def test_what_was_not_compared_is_not_called_equal(known: str, school: School) -> None:
    """With a token that opens nothing there is no difference, and no comparison either."""
    done = await differences(known, Stranger(school.url, "another"))
    assert not done.report.finished
    assert str(render(done)) == "not compared to the end"
    assert done.as_json()["finished"] is False


@pytest.mark.parametrize(
    ("kind", "path"),
    [("html", "outcome_groups"), ("forbidden", "outcome|grading"), ("forbidden", "courses/101/outcome_rollups")],
)
async def test_what_was_left_out_is_not_called_equal(known: str, school: School, kind: Fault, path: str) -> None:
    """Nothing, or not all, could be compared: that is said in place of "no difference", to people and to machines."""
    school.fail(kind, times=1000, path=path)
    done = await differences(known, school)
    assert done.total == 0
    assert done.report.troubles
    assert str(render(done)) == "not compared to the end"
    assert done.as_json()["finished"] is False
    (run,) = done.report.runs
    assert run.done < run.steps
