"""Reconcile finds exactly the differences, changes nothing without `--repair`, and repairs what it can."""

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
    deliver,
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
)
from tests.canvas.school import School
from tests.samples import Event


@pytest.fixture
async def known(database: str, school: School) -> str:
    """A projection with the whole school: the feed's events, then a backfill."""
    await deliver(database, *feed_of(school))
    await fill(database, school)
    return database


def found(done: Any) -> set[tuple[Any, ...]]:
    """Kind, table and key of each."""
    return {
        (one.kind, one.table, *(value for name, value in one.key.items() if name != "workflow_state"))
        for one in done.differences
    }


async def test_a_projection_that_equals_canvas_has_no_difference(known: str, school: School) -> None:
    """Also in scores."""
    before = await digest(known)
    done = await differences(known, school)
    assert (done.total, done.report.troubles) == (0, [])
    assert done.report.tables["outcome_rollup"].unchanged > 6
    assert await digest(known) == before


async def test_a_projection_from_rest_alone_lacks_only_the_links(database: str, school: School) -> None:
    """REST does not show their ids, so a repair cannot add them."""
    await fill(database, school)
    for repair in (False, True, False):
        done = await differences(database, school, repair=repair)
        assert done.counts == {"missing": len(school.links)}
        assert {one.table for one in done.differences} == {"learning_outcome_link"}
        assert done.repaired == 0


def without(events: list[Event], member: str, *ids: int) -> list[Event]:
    """The events without these."""
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
    await deliver(
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
    assert done.total == len(found(done)), "each once, although incomplete lists are read twice"
    assert done.report.tables["learning_outcome_result"].seen == done.report.tables["learning_outcome_result"].unchanged + 2
    scores = {one for one in found(done) if one[0] == "rollup"}
    standards = {("missing", "grading_standard", id_) for id_ in (401, 402, 403)}
    added_now = {one for one in found(done) if one[0] == "alignment" and one[3:] != (EQUATIONS, "Assignment", 602)}
    assert found(done) - scores - standards - added_now == {
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
    # We know only a result of Cem's without an alignment. Canvas does not show it, so his user id stays unknown.
    stale = next(one for one in done.differences if one.key == {"id": 803})
    assert {(one.member, one.ours, one.canvas) for one in stale.members} == {
        ("score", 5.0, 1.0),
        ("percent", 1.0, 0.2),
        ("mastery", True, False),
    }


async def test_repair_writes_what_canvas_says_and_then_nothing_is_left(known: str, school: School) -> None:
    """And reports it. Scores follow by themselves."""
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


async def test_results_without_their_alignment_are_differences_of_alignments(known: str, school: School) -> None:
    """They are not extra: Canvas keeps them, but does not show them."""
    school.alignments = []
    done = await differences(known, school)
    assert {one[:2] for one in found(done) if one[0] != "rollup"} == {("alignment", "outcome_alignment")}
    assert done.counts["alignment"] == 6
    assert all(one.members[0] == ("workflow_state", "active", "deleted") for one in done.differences if one.kind == "alignment")


async def test_a_newer_event_is_no_difference(known: str, school: School) -> None:
    """Not in scores either: ours are computed at the time of the request."""
    later = datetime.now(UTC) + timedelta(hours=1)
    await deliver(
        known,
        result_event(school, 801, later, score=0.0, percent=0.0, mastery=False),
        outcome_event(school, FRACTIONS, later, title="Later"),
        scale_event(school, ("Course", READING), later, workflow_state="deleted"),
        group_event(school, 306, later, workflow_state="deleted"),
    )
    done = await differences(known, school)
    assert done.total == 0
    school.results[807]["score"] = 1.0
    await deliver(known, result_event(school, 807, later))
    school.results[807]["score"] = 4.0
    assert (await differences(known, school)).total == 0


async def test_what_canvas_never_shows_is_not_extra(known: str, school: School) -> None:
    """Results of an unlinked outcome, links of a deleted outcome, and all of a course whose requests were refused."""
    school.links = [link for link in school.links if link["outcome_id"] != EVIDENCE or link["context_type"] == "Account"]
    school.results.pop(807)
    school.links.append(
        {"context_type": "Course", "context_id": ALGEBRA, "group_id": 304, "outcome_id": RETIRED, "workflow_state": "active"}
    )
    await deliver(known, link_event(school, len(school.links) - 1, learning_outcome_link_id="990"))
    school.fail("forbidden", times=100, path=f"courses/{READING}/outcome_(results|groups|group_links)")
    done = await differences(known, school)
    assert {one for one in found(done) if one[0] != "rollup"} == {("extra", "learning_outcome_link", LINKS + 6)}
    assert len(done.report.troubles) == 3


async def test_students_whom_canvas_does_not_show_prove_nothing(known: str, school: School) -> None:
    """Their results are not extra, a repair keeps them, and that is reported. Missing results of a shown student are extra."""
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
    """It counts nowhere, and not every Canvas may show such results. With a score it is extra."""
    await deliver(known, result_event(school, 802, datetime.now(UTC), score=None, percent=None))
    row = school.results.pop(802)
    assert (await differences(known, school)).total == 0
    school.results[802] = row
    scored = result_event(school, 802, datetime.now(UTC))
    del school.results[802]
    await deliver(known, scored)
    assert ("extra", "learning_outcome_result", 802) in found(await differences(known, school))


async def test_students_are_compared_once_if_each_page_shows_all(known: str, school: School) -> None:
    """Some versions of Canvas page students, and show all rollups on each page."""
    school.all_rollups, school.page_size = True, 1
    school.rollups[ALGEBRA, ANN, FRACTIONS] = 7.5
    done = await differences(known, school)
    assert (done.total, done.counts) == (1, {"rollup": 1})


async def test_a_deletion_that_rest_alone_showed_is_undone(known: str, school: School) -> None:
    """A link that Canvas shows again is the same one; after a deletion in the feed it is another one, with an unknown id."""
    link = school.links.pop(2)
    await differences(known, school, repair=True)
    assert await query(known, "SELECT workflow_state FROM learning_outcome_link WHERE id = $1", LINKS + 2) == [("deleted",)]
    school.links.insert(2, link)
    done = await differences(known, school, repair=True)
    assert found(done) == {("stale", "learning_outcome_link", LINKS + 2)}
    assert (await differences(known, school)).total == 0
    await deliver(known, link_event(school, 2, datetime.now(UTC), workflow_state="deleted"))
    done = await differences(known, school, repair=True)
    assert found(done) == {("missing", "learning_outcome_link", "Account", HIGH, 303, EVIDENCE)}
    assert done.repaired == 0


@pytest.mark.parametrize("page_size", [1, 100])
async def test_a_link_that_was_moved_is_the_same_one(known: str, school: School, page_size: int) -> None:
    """Canvas changes its group; so do a backfill and a repair. The outcome stays in the course."""
    at = next(at for at, row in enumerate(school.links) if (row["context_id"], row["outcome_id"]) == (ALGEBRA, EQUATIONS))
    before, group = await rollups(known, ALGEBRA), school.links[at]["group_id"]
    for id_ in (390, 391):
        school.groups[id_] = school.groups[group] | {"id": id_, "title": "New", "parent_id": group}
        await deliver(known, group_event(school, id_))
    school.page_size = page_size
    statement = "SELECT learning_outcome_group_id, workflow_state FROM learning_outcome_link WHERE id = $1"
    school.links[at]["group_id"] = 390
    done = await differences(known, school, repair=True)
    assert found(done) == {("stale", "learning_outcome_link", LINKS + at)}
    assert (done.total, done.report.remarks) == (done.repaired, [])
    assert await query(known, statement, LINKS + at) == [(390, "active")]
    assert await rollups(known, ALGEBRA) == before
    school.links[at]["group_id"] = 391
    assert counts(await fill(known, school), "written") == {"learning_outcome_link": 1}
    assert await query(known, statement, LINKS + at) == [(391, "active")]
    assert (await differences(known, school)).total == 0


async def test_a_second_position_of_an_outcome_moves_no_link(known: str, school: School) -> None:
    """Canvas still shows the known link; the other one's id is unknown."""
    at = next(at for at, row in enumerate(school.links) if (row["context_id"], row["outcome_id"]) == (ALGEBRA, EQUATIONS))
    school.groups[390] = school.groups[school.links[at]["group_id"]] | {"id": 390, "parent_id": school.links[at]["group_id"]}
    await deliver(known, group_event(school, 390))
    school.links.append(school.links[at] | {"group_id": 390})
    done = await differences(known, school, repair=True)
    assert found(done) == {("missing", "learning_outcome_link", "Course", ALGEBRA, 390, EQUATIONS)}
    assert done.repaired == 0


async def test_a_rollup_that_no_version_explains_is_listed_and_stays(known: str, school: School) -> None:
    """Canvas computes another score from the same results."""
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
    """There is no tolerance; the output says where to look."""
    school.rollups[ALGEBRA, ANN, FRACTIONS] = 9.996
    done = await differences(known, school)
    assert [(one.key["learning_outcome_id"], *one.members) for one in done.differences] == [(FRACTIONS, ("score", 10.0, 9.996))]
    console = Console(width=200)
    with console.capture() as shown:
        console.print(render(done))
    about = "REST does not show how Canvas computed a score; `outcomes explain rollup` shows how we computed ours."
    assert shown.get().splitlines()[-1].strip() == about


@pytest.mark.parametrize("kind", ["500", "shape"])
async def test_an_interrupted_survey_finds_no_extras(known: str, school: School, kind: Any) -> None:
    """An object that an incomplete list did not show may exist in Canvas."""
    school.page_size = 1
    before = await state(known)
    school.fail(kind, times=1000 if kind == "500" else 1, path=f"courses/{ALGEBRA}/outcome_(results|groups|group_links)")
    done = await differences(known, school, repair=True)
    assert done.total == 0
    assert len(done.report.troubles) == 1
    assert await state(known) == before


async def test_a_list_that_shifts_between_two_pages_hides_nothing(
    known: str, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the second page the first row disappears: a row that slipped onto the page before still exists."""
    school.page_size = 2
    counting, slipped = school._counting, list[str]()

    def slipping(course: int, request: Any) -> list[Any]:
        rows = counting(course, request)
        if not request.path.endswith("outcome_results") or "page" not in request.query or slipped:
            return rows
        slipped.append(request.path)
        return rows[1:]

    monkeypatch.setattr(school, "_counting", slipping)
    done = await differences(known, school, course=ALGEBRA, repair=True)
    assert slipped
    assert done.total == 0
    assert await query(known, "SELECT DISTINCT workflow_state FROM learning_outcome_result") == [("active",)]
    # A row that both readings lack is extra.
    del school.results[802]
    done = await differences(known, school, course=ALGEBRA)
    assert {one for one in found(done) if one[0] != "rollup"} == {("extra", "learning_outcome_result", 802)}


async def test_the_command_lists_each_difference(known: str, school: School) -> None:
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
    """A client with another token."""

    url: str
    token: str


async def test_what_was_not_compared_is_not_called_equal(known: str, school: School) -> None:
    """With an invalid token there is no difference, but no comparison either."""
    done = await differences(known, Stranger(school.url, "another"))
    assert not done.report.finished
    assert str(render(done)) == "not compared to the end"
    assert done.as_json()["finished"] is False


@pytest.mark.parametrize(
    ("kind", "path"),
    [("html", "outcome_groups"), ("forbidden", "outcome|grading"), ("forbidden", "courses/101/outcome_rollups")],
)
async def test_refused_requests_are_not_called_equal(known: str, school: School, kind: Fault, path: str) -> None:
    """If not all could be compared, neither the text nor the JSON says "no difference"."""
    school.fail(kind, times=1000, path=path)
    done = await differences(known, school)
    assert done.total == 0
    assert done.report.troubles
    assert str(render(done)) == "not compared to the end"
    assert done.as_json()["finished"] is False
    (run,) = done.report.runs
    assert run.done < run.steps
