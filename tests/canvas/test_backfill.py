"""A backfill makes the projection what Canvas is, writes nothing else, and comes to its end however often it is broken off."""

import asyncio
import json
import random
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
import pytest

from consumer.errors import UsageError
from tests.acceptance.running import environment, outcomes, started
from tests.canvas.filling import (
    SCALES,
    SHARD,
    client_of,
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
    told,
)
from tests.canvas.school import (
    ALGEBRA,
    ANN,
    BEN,
    BIOLOGY,
    DISTRICT,
    DORA,
    EQUATIONS,
    FRACTIONS,
    GRAPHS,
    HIGH,
    READING,
    RETIRED,
    ROOT,
    STAFF,
    UUID,
    Fault,
    Planned,
    School,
    four_levels,
)


@pytest.fixture
async def school() -> AsyncIterator[School]:
    """A small Canvas that computes with the scales of accounts and courses."""
    async with School(account_level_scales=True) as canvas:
        yield canvas


def counts(report: Any, part: str) -> dict[str, int]:
    """One count of each table, where it is not zero."""
    return {name: getattr(found, part) for name, found in report.tables.items() if getattr(found, part)}


def ratings(rows: list[tuple[Any, ...]]) -> dict[tuple[str, int], list[tuple[str, float]]]:
    """Active scales by owner."""
    return {
        (row[1], row[2]): [(level["description"], level["points"]) for level in json.loads(row[3])]
        for row in rows
        if row[-1] == "active"
    }


# What it makes


@pytest.mark.parametrize("own", [True, False])
async def test_an_empty_projection_becomes_the_school(database: str, own: bool) -> None:
    """Tree, groups, outcomes, scales with their owners, standards, results and alignments; and nothing besides."""
    async with School(account_level_scales=not own) as school:
        report = await fill(database, school)
        assert report.troubles == []
        found = await state(database)
        assert found["account"] == [
            (row["id"], row["name"], row["parent_account_id"], row["default_time_zone"], "active")
            for row in school.accounts.values()
        ]
        assert found["course"] == [
            (row["id"], row["uuid"], row["account_id"], row["name"], row["workflow_state"]) for row in school.courses.values()
        ]
        criteria = {row[0]: (row[8], row[9], json.loads(row[10]) if row[10] else None) for row in found["learning_outcome"]}
        for id_, row in school.outcomes.items():
            if id_ == RETIRED:
                assert id_ not in criteria
            elif own:
                criterion = {name: row[name] for name in ("points_possible", "mastery_points", "ratings")}
                assert criteria[id_] == (row["calculation_method"], row["calculation_int"], criterion)
            else:
                assert criteria[id_] == (None, None, None)
        assert [row[:8] for row in found["learning_outcome"]] == [
            (
                id_,
                row["context_type"],
                row["context_id"],
                row["title"],
                row["title"],
                row["display_name"],
                row["description"],
                row["vendor_guid"],
            )
            for id_, row in school.outcomes.items()
            if id_ != RETIRED
        ]
        assert found["learning_outcome_group"] == sorted(
            (row["id"], row["context_type"], row["context_id"], row["title"], row["parent_id"], "active")
            for row in school.groups.values()
        )
        assert ratings(found["outcome_proficiency"]) == {
            place: [(level["description"], level["points"]) for level in scale] for place, scale in school.scales.items()
        }
        assert found["learning_outcome_result"] == [
            (
                *(
                    id_,
                    row["outcome_id"],
                    row["course_id"],
                    f"id:{row['user_id']}",
                    row["score"],
                    row["possible"],
                    row["percent"],
                ),
                *(
                    row["mastery"],
                    datetime.fromisoformat(row["submitted_or_assessed_at"]),
                    "Assignment",
                    row["assignment_id"],
                    "active",
                ),
            )
            for id_, row in school.results.items()
        ]
        assert {row[:5] for row in found["outcome_alignment"]} == {
            (
                school.assignments[one["assignment_id"]]["course_id"],
                one["outcome_id"],
                "Assignment",
                one["assignment_id"],
                "active",
            )
            for one in school.alignments
        }
        assert [row[:4] for row in found["grading_standard"]] == [
            (id_, row["title"], row["context_type"], row["context_id"]) for id_, row in school.grading_standards.items()
        ]
        assert counts(report, "users_unknown") == {"learning_outcome_result": len(school.results)}


async def test_links_are_not_invented(database: str, school: School) -> None:
    """REST shows no id of a link: one that no event has told is counted, and not stored."""
    await tell(database, link_event(school, 0))
    report = await fill(database, school)
    assert counts(report, "unknown_links") == {"learning_outcome_link": len(school.links) - 1}
    assert [row[0] for row in (await state(database))["learning_outcome_link"]] == [901]


@pytest.mark.parametrize("fed", [False, True])
async def test_a_second_backfill_writes_nothing(database: str, school: School, fed: bool) -> None:
    """Whether the feed has told of it or not: each version says something that was not known."""
    if fed:
        await tell(database, *feed_of(school))
    first = await fill(database, school)
    before = await digest(database)
    second = await fill(database, school)
    assert counts(first, "written") != {}
    assert counts(second, "written") == {}
    assert second.books.consumed == 0
    assert (await digest(database)).split()[0] == before.split()[0]
    assert await query(database, "SELECT count(*) FROM outcome_alignment_version") == [(6,)]


async def test_what_the_feed_has_told_is_not_told_again(database: str, school: School) -> None:
    """Only alignments and grading standards are new, which have no events."""
    await tell(database, *feed_of(school))
    report = await fill(database, school)
    assert counts(report, "written") == {"grading_standard": 3, "outcome_alignment": 6}


@pytest.mark.parametrize("order", ["event first", "backfill first"])
async def test_a_newer_event_wins_in_whatever_order_they_come(database: str, school: School, order: str) -> None:
    """And an older one does not."""
    newer, older = datetime.now(UTC) + timedelta(hours=1), datetime(2025, 1, 1, tzinfo=UTC)
    events = [
        outcome_event(school, FRACTIONS, newer, title="Newer"),
        outcome_event(school, EQUATIONS, older, title="Older"),
        result_event(school, 801, newer, score=1.5),
        scale_event(school, ("Account", ROOT), newer, outcome_proficiency_ratings=school.scales["Course", READING]),
    ]
    if order == "event first":
        await tell(database, *events)
        report = await fill(database, school)
        assert counts(report, "newer_here")["learning_outcome_result"] == 1
    else:
        await fill(database, school)
        await tell(database, *events)
    found = await state(database)
    titles = {row[0]: row[3] for row in found["learning_outcome"]}
    assert (titles[FRACTIONS], titles[EQUATIONS]) == ("Newer", "Equations")
    assert {row[0]: row[4] for row in found["learning_outcome_result"]}[801] == 1.5
    assert await scale_in_force(database, "Account", DISTRICT) == ["Reads", "Spells", "Guesses"]


async def scale_in_force(dsn: str, context_type: str, context_id: int) -> list[str] | None:
    """Names of its levels."""
    ((found,),) = await query(
        dsn, "SELECT outcome_proficiency_ratings::text FROM mastery_setting($1, $2, $3, NULL)", UUID, context_type, context_id
    )
    return None if found is None else [level["description"] for level in json.loads(found)]


async def test_members_that_rest_cannot_tell_are_taken_over(database: str, school: School) -> None:
    """Those of no model too; what a changed member said is not."""
    await tell(
        database,
        outcome_event(school, FRACTIONS, title="Broken numbers"),
        result_event(school, 801, score=0.5),
        scale_event(
            school,
            ("Account", ROOT),
            outcome_proficiency_ratings=[
                school.scales["Account", ROOT][0] | {"outcome_proficiency_rating_id": "7", "mastery": True}
            ],
        ),
        told(
            "course_created",
            {"course_id": str(SHARD + ALGEBRA), "account_id": str(SHARD + ROOT), "account_uuid": "old", "name": "Algebra"},
        ),
    )
    await fill(database, school)
    ((outcome,),) = await query(database, "SELECT to_jsonb(o)::text FROM learning_outcome o WHERE id = $1", FRACTIONS)
    outcome = json.loads(outcome)
    assert (outcome["title"], outcome["short_description"], outcome["context_uuid"], outcome["extra"]) == (
        "Fractions",
        "Fractions",
        "U",
        {"icon": "sun"},
    )
    assert outcome["rubric_criterion"]["points_possible"] == 5
    assert await query(
        database, "SELECT score, attempt, artifact_id, user_uuid FROM learning_outcome_result WHERE id = 801"
    ) == [(2.0, 2, 801, school.users[ANN]["uuid"])]
    ((scale_id, levels),) = await query(
        database, "SELECT id, outcome_proficiency_ratings::text FROM outcome_proficiency WHERE context_id = $1", ROOT
    )
    assert scale_id == SCALES
    assert [level.get("outcome_proficiency_rating_id") for level in json.loads(levels)] == [7, None, None, None]
    assert await query(database, "SELECT global_id, account_id, account_uuid FROM course WHERE id = $1", ALGEBRA) == [
        (SHARD + ALGEBRA, HIGH, None)
    ]


async def test_what_is_archived_stays_so(database: str) -> None:
    """Canvas' lists show archived outcomes and groups like active ones, without their state."""
    async with School() as school:
        for row in (school.outcomes[EQUATIONS], school.groups[302]):
            row["workflow_state"] = "archived"
        await tell(database, outcome_event(school, EQUATIONS), group_event(school, 302))
        school.outcomes[EQUATIONS]["title"] = "Equality"
        school.groups[302]["workflow_state"] = "active"  # as its list shows it
        await fill(database, school)
        found = await state(database)
    assert [row[3::8] for row in found["learning_outcome"] if row[0] == EQUATIONS] == [("Equality", "archived")]
    assert [row[-1] for row in found["learning_outcome_group"] if row[0] == 302] == ["archived"]


async def test_an_outcomes_own_criterion_is_told_where_canvas_computes_with_it(database: str) -> None:
    """Ratings that are there still keep what REST has no place for; where scales stand in for it, it is left alone."""
    async with School() as school:
        levels = [{"description": "Meets", "points": 3, "icon": "star"}, {"description": "Old", "points": 1}]
        await tell(
            database,
            outcome_event(
                school, FRACTIONS, rubric_criterion={"id": "x", "points_possible": 3, "mastery_points": 3, "ratings": levels}
            ),
        )
        school.account_level_scales = True
        await fill(database, school)
        assert await query(database, "SELECT count(*) FROM learning_outcome_version WHERE id = $1", FRACTIONS) == [(1,)]
        school.account_level_scales = False
        report = await fill(database, school)
        ((criterion,),) = await query(database, "SELECT rubric_criterion::text FROM learning_outcome WHERE id = $1", FRACTIONS)
    criterion = json.loads(criterion)
    assert (criterion["id"], criterion["points_possible"]) == ("x", 5)
    assert [rating.get("icon") for rating in criterion["ratings"]] == [None, "star", None]
    assert any("account-level-scales off" in remark for remark in report.remarks)


async def test_a_student_is_known_by_id_until_the_feed_names_the_uuid(database: str, school: School) -> None:
    """By a result that both have told. Those of the other results are named in the same run."""
    await fill(database, school)
    assert {row[3] for row in (await state(database))["learning_outcome_result"]} == {"id:501", "id:502", "id:503", "id:504"}
    await tell(database, result_event(school, 807, datetime.now(UTC)))
    report = await fill(database, school)
    by_id = {row[0]: row[3] for row in (await state(database))["learning_outcome_result"]}
    assert {id_ for id_, user in by_id.items() if user == school.users[ANN]["uuid"]} == {801, 802, 803, 807}
    assert by_id[804] == f"id:{BEN}"
    assert counts(report, "written") == {"learning_outcome_result": 3}
    assert await query(database, "SELECT user_id, user_uuid FROM canvas_user") == [(ANN, school.users[ANN]["uuid"])]
    assert counts(await fill(database, school), "written") == {}


async def test_nobody_is_learnt_from_results_of_merged_users(database: str, school: School) -> None:
    """Neither whose id it is that has two uuids, nor that one uuid has a second id."""
    cem = school.users[school.results[806]["user_id"]]["uuid"]
    feed = [result_event(school, id_) for id_ in (801, 804, 806)]
    await tell(database, *feed, result_event(school, 802, user_uuid=cem))
    await fill(database, school)
    known = [(BEN, school.users[BEN]["uuid"])]
    assert await query(database, "SELECT user_id, user_uuid FROM canvas_user") == known
    assert {row[0]: row[3] for row in (await state(database))["learning_outcome_result"]}[803] == f"id:{ANN}"
    for id_ in (804, 805):
        school.results[id_]["user_id"] = DORA
    school.users[DORA]["sections"][ALGEBRA] = [701]
    await fill(database, school)
    assert await query(database, "SELECT user_id, user_uuid FROM canvas_user") == known


async def test_a_student_who_is_learnt_late_is_named_in_the_same_run(database: str, school: School) -> None:
    """The course that tells it comes last; a second run finds nothing left to do."""
    school.results[808]["user_id"] = ANN
    school.users[ANN]["sections"][READING] = [704]
    await tell(database, result_event(school, 808))
    school.slow_seconds = 0.3
    school.fail("slow", path=f"courses/{READING}/outcome_results")
    await fill(database, school)
    named_ = {row[0] for row in (await state(database))["learning_outcome_result"] if row[3] == school.users[ANN]["uuid"]}
    assert named_ == {801, 802, 803, 807, 808}
    assert await query(database, "SELECT count(*) FROM learning_outcome_result_version WHERE id = 801") == [(2,)]
    assert counts(await fill(database, school), "written") == {}


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


async def test_a_scale_that_canvas_cannot_have_saved_is_refused_with_a_sentence(database: str, school: School) -> None:
    """It does not go to quarantine either, for nobody could mend it there."""
    school.scales["Account", HIGH][1]["points"] = 10.0
    report = await fill(database, school)
    assert len(report.refused) == 1
    assert "points fall from rating to rating" in report.refused[0]
    assert await query(database, "SELECT count(*) FROM quarantine") == [(0,)]
    assert counts(report, "refused") == {"outcome_proficiency": 1}


async def test_what_postgres_cannot_hold_is_refused_with_a_sentence(database: str, school: School) -> None:
    """The text is not shown, and all else is written."""
    school.outcomes[GRAPHS]["title"] = "secret\0"
    school.assignments[603]["title"] = "secret\0"
    report = await fill(database, school)
    assert len(report.refused) == 1
    assert "learning_outcome 205: body.title: holds U+0000" in report.refused[0]
    assert len(report.troubles) == 1
    assert f"course:{BIOLOGY}: Postgres refuses a row" in report.troubles[0]
    assert "secret" not in report.refused[0] + report.troubles[0]
    assert len((await state(database))["learning_outcome_result"]) == len(school.results)
    assert await query(database, "SELECT count(*) FROM quarantine") == [(0,)]


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


# What is asked


async def test_a_course_alone_and_an_account_alone(database: str, another_database: str, school: School) -> None:
    """What is beside them is not asked, but for whose scale it is."""
    await fill(database, school, course=ALGEBRA)
    found = await state(database)
    assert [row[0] for row in found["course"]] == [ALGEBRA]
    assert found["account"] == []
    assert {row[2] for row in found["learning_outcome_result"]} == {ALGEBRA}
    assert found["outcome_proficiency"] == []
    assert school.requests(f"courses/{BIOLOGY}") == []
    await fill(another_database, school, account=HIGH)
    found = await state(another_database)
    assert [row[0] for row in found["account"]] == [HIGH]
    assert [row[0] for row in found["course"]] == [ALGEBRA, BIOLOGY]
    assert list(ratings(found["outcome_proficiency"])) == [("Account", HIGH)]


async def test_only_a_few_requests_are_made_at_once(database: str, school: School) -> None:
    """However many courses there are; pages are read one after the other."""
    for id_ in range(1000, 1030):
        school.courses[id_] = school.courses[STAFF] | {"id": id_}
    school.page_size = 3
    report = await fill(database, school)
    assert report.troubles == []
    assert school.most_at_once <= 3
    assert len((await state(database))["course"]) == 34


async def test_hidden_results_and_those_of_no_row(database: str, school: School) -> None:
    """Hidden ones exist; results of New Quizzes, which have no id, are counted and not stored."""
    school.results[801]["hidden"] = True
    school.results[900] = school.results[802] | {"id": None}
    report = await fill(database, school)
    assert counts(report, "without_id") == {"learning_outcome_result": 1}
    assert [row[0] for row in (await state(database))["learning_outcome_result"]] == [*range(801, 809)]


async def test_a_course_that_is_over_is_told_where_it_was_known(database: str, school: School) -> None:
    """Deleted courses that nobody told of are not dug up."""
    await tell(
        database, told("course_created", {"course_id": str(SHARD + BIOLOGY), "name": "Biology", "workflow_state": "available"})
    )
    for id_ in (ALGEBRA, BIOLOGY):
        school.courses[id_]["workflow_state"] = "deleted"
    report = await fill(database, school)
    assert report.troubles == []
    assert {row[0]: row[-1] for row in (await state(database))["course"]} == {
        BIOLOGY: "deleted",
        READING: "available",
        STAFF: "unpublished",
    }


async def test_the_tenant_is_the_root_accounts(database: str, school: School) -> None:
    """Another one is an error; where Canvas does not show it, it is to be named."""
    with pytest.raises(UsageError, match="is of the tenant"):
        await fill(database, school, tenant="another")
    school.no_uuids = True
    with pytest.raises(UsageError, match="--tenant"):
        await fill(database, school)
    report = await fill(database, school, tenant="another", course=ALGEBRA)
    assert [run.tenant for run in report.runs] == ["another"]
    assert {row["root_account_uuid"] for row in await query(database, "SELECT root_account_uuid FROM course")} == {"another"}


async def test_what_is_not_there_is_said(database: str, school: School) -> None:
    """A course or an account of another number."""
    with pytest.raises(UsageError, match="no course 999"):
        await fill(database, school, course=999)
    assert "there is no such thing (404)" in (await fill(database, school, account=999)).troubles[0]


# What goes wrong


@pytest.fixture
async def faultless(another_database: str, school: School) -> dict[str, Any]:
    """What a backfill without faults makes."""
    await fill(another_database, school)
    return await state(another_database)


@pytest.mark.parametrize("kind", ["throttle", "429", "500", "503", "break", "cut", "garbage"])
async def test_what_passes_is_waited_for(database: str, school: School, faultless: dict[str, Any], kind: Fault) -> None:
    """Wherever it happens: the backfill ends complete, as if nothing had been."""
    for path in (
        "accounts$",
        "courses$",
        "outcome_results",
        "outcome_group_links",
        "outcome_alignments",
        "outcome_proficiency",
    ):
        school.fail(kind, times=2, path=path)
    report = await fill(database, school)
    assert report.troubles == []
    assert not any(plan.times for plan in school.planned)
    assert await state(database) == faultless


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *(
            ("shape", path)
            for path in ("outcome_results", "outcome_groups", "outcome_alignments", "outcome_proficiency", "outcomes/")
        ),
        *(("html", path) for path in ("outcome_group_links", "accounts/1/grading_standards")),
        *(("circle", path) for path in ("outcome_results", "outcome_group_links")),
    ],
)
async def test_a_wrong_shape_stops_its_step_with_a_sentence(
    database: str, school: School, faultless: dict[str, Any], path: str, kind: Fault
) -> None:
    """The other steps are written, nothing of the answer is, and the next run mends it."""
    school.fail(kind, path=path)
    report = await fill(database, school)
    assert len(report.troubles) == 1
    assert "the rest of this step was left out" in report.troubles[0]
    assert "secret" not in report.troubles[0]
    (run,) = report.runs
    assert run.finished
    assert run.done == run.steps - 1
    partly = await state(database)
    assert all(set(rows) <= set(faultless[table]) for table, rows in partly.items())
    assert partly != faultless or kind == "circle" or path == "outcome_proficiency"  # of one that owns no scale
    assert (await fill(database, school)).troubles == []
    assert await state(database) == faultless


@pytest.mark.parametrize("kind", ["forbidden", "forbidden401"])
@pytest.mark.parametrize(
    "path",
    [
        "accounts/3/grading_standards",
        "courses/101/outcome_results",
        "courses/101/outcome_alignments",
        "accounts/1/outcome_proficiency",
    ],
)
async def test_what_may_not_be_seen_is_said_and_left_out(database: str, school: School, kind: Fault, path: str) -> None:
    """All else is written, and the run has come to its end: nothing would be different the next time."""
    school.fail(kind, times=100, path=path)
    report = await fill(database, school)
    (run,) = report.runs
    assert run.finished
    assert len(report.troubles) == 1
    assert "may not see this" in report.troubles[0]
    found = await state(database)
    assert {row[2] for row in found["learning_outcome_result"]} == (
        {ALGEBRA, BIOLOGY, READING} if "results" not in path else {BIOLOGY, READING}
    )
    assert len(found["grading_standard"]) == (2 if "standards" in path else 3)


class Dying:
    """In place of a pattern: from the first question of this path on it matches each."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._dead = False

    def search(self, path: str) -> bool:
        """Whether it has been asked."""
        self._dead = self._dead or self._path in path
        return self._dead


async def test_a_canvas_that_is_away_stops_it_and_the_next_run_goes_on(
    database: str, school: School, faultless: dict[str, Any]
) -> None:
    """Steps that were written are not asked again; those that were not, are."""
    school.planned.append(Planned("500", cast(Any, Dying(f"courses/{READING}/outcome_results")), 10_000, {}))
    first = await fill(database, school)
    (run,) = first.runs
    assert not run.finished
    assert "run it again to go on from here" in first.troubles[0]
    done = {row["step"] for row in await query(database, "SELECT step FROM backfill_step")}
    assert "tree" in done
    assert f"course:{READING}" not in done
    school.planned.clear()
    school.asked.clear()
    second = await fill(database, school)
    (run,) = second.runs
    assert run.finished
    assert run.resumed_from is not None
    assert run.done == run.steps == 9
    assert school.requests(f"accounts/{ROOT}/outcome_groups") == []
    assert school.requests(f"courses/{READING}/outcome_groups") != []
    assert await state(database) == faultless
    school.asked.clear()
    (run,) = (await fill(database, school)).runs
    assert run.resumed_from is None
    assert school.requests(f"accounts/{ROOT}/outcome_groups") != []


async def test_an_unfinished_one_can_be_given_up_for_a_new_one(
    database: str, school: School, faultless: dict[str, Any]
) -> None:
    """With `--again` everything is asked once more, also what was written; the next one goes on with nothing."""
    school.planned.append(Planned("500", cast(Any, Dying(f"courses/{READING}/outcome_results")), 10_000, {}))
    assert not (await fill(database, school)).runs[0].finished
    school.planned.clear()
    school.asked.clear()
    (run,) = (await fill(database, school, again=True)).runs
    assert run.resumed_from is None
    assert school.requests(f"accounts/{ROOT}/outcome_groups") != []
    assert await state(database) == faultless
    assert await query(database, "SELECT id FROM backfill_run WHERE finished_at IS NULL") == []


async def test_a_course_at_which_canvas_always_fails_is_left_out(
    database: str, school: School, faultless: dict[str, Any]
) -> None:
    """It answers all else, so it is not away: the others are written, and the next run begins anew."""
    school.fail("500", times=10_000, path=f"courses/{READING}/outcome_groups")
    report = await fill(database, school)
    (run,) = report.runs
    assert (run.finished, run.done) == (True, run.steps - 1)
    assert len(report.troubles) == 1
    assert f"course:{READING}: GET /api/v1/courses/{READING}/outcome_groups: given up" in report.troubles[0]
    school.planned.clear()
    assert (await fill(database, school)).troubles == []
    assert await state(database) == faultless


async def test_a_clock_that_is_ahead_of_canvas_is_said(database: str, school: School) -> None:
    """What events tell of the time between the two clocks would be hidden behind what was told at the request."""
    school.date = format_datetime(datetime.now(UTC) - timedelta(minutes=5), usegmt=True)
    (sentence,) = (await fill(database, school)).troubles
    assert re.search(r"clock is (299|30\d) seconds ahead of Canvas'", sentence)
    school.date = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    assert (await fill(database, school)).troubles == []


async def test_a_token_that_is_unknown_is_said(database: str, school: School) -> None:
    """At once, without many tries."""
    client, school.token = client_of(school), "another"
    report = await fill(database, school, client=client)
    assert "OUTCOMES_CANVAS_TOKEN" in report.troubles[0]
    assert len(school.asked) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_any_faults_end_complete_or_with_a_sentence(
    database: str, school: School, faultless: dict[str, Any], seed: int
) -> None:
    """In whatever mixture they come: nothing wrong is written meanwhile, and in the end it is as if nothing had been."""
    chance = random.Random(seed)
    kinds: list[Fault] = ["throttle", "429", "500", "503", "break", "cut", "garbage", "shape", "html", "circle", "forbidden"]
    for number in range(30):
        school.planned.clear()
        for _ in range(max(0, 6 - number)):
            path = chance.choice(["", "courses/", "results", "links", "proficiency", "alignments", "accounts/"])
            school.fail(chance.choice(kinds), times=chance.randrange(1, 5), path=path)
        report = await fill(database, school)
        found = await state(database)
        assert all({row[0] for row in rows} <= {row[0] for row in faultless[table]} for table, rows in found.items())
        if not report.troubles and all(run.resumed_from is None for run in report.runs):
            break
    assert report.troubles == []
    # A forbidden answer about a parent leaves open whose a scale is; all else is never wrong.
    assert await state(database) == faultless


@pytest.mark.parametrize("seed", range(4))
async def test_cancelled_anywhere_it_goes_on(database: str, school: School, faultless: dict[str, Any], seed: int) -> None:
    """With whatever was written by then."""
    chance = random.Random(seed)
    for _ in range(6):
        running = asyncio.ensure_future(fill(database, school))
        await asyncio.sleep(chance.uniform(0.01, 0.12))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    report = await fill(database, school)
    assert report.troubles == []
    if report.runs[0].resumed_from is None:
        assert await state(database) == faultless
    assert (await fill(database, school)).troubles == []
    assert await state(database) == faultless


async def test_told_to_stop_it_ends_after_what_is_being_written(
    database: str, school: School, faultless: dict[str, Any]
) -> None:
    """With a sentence, and goes on the next time."""
    school.fail("slow", path=f"courses/{BIOLOGY}/outcome_groups")

    @contextmanager
    def soon(stop: Callable[[], None]) -> Iterator[None]:
        timer = asyncio.get_running_loop().call_later(0.3, stop)
        yield
        timer.cancel()

    report = await fill(database, school, signals=soon)
    assert report.seconds < school.slow_seconds
    assert "stopped after" in report.troubles[0]
    assert not report.runs[0].finished
    assert (await fill(database, school)).runs[0].resumed_from is not None
    assert await state(database) == faultless


async def test_two_at_once_do_not_write_twice(database: str, school: School, faultless: dict[str, Any]) -> None:
    """One of them comes to its end; the other says why it did not, or found nothing left to write."""
    reports = await asyncio.gather(fill(database, school), fill(database, school))
    troubles = [sentence for report in reports for sentence in report.troubles]
    assert len(troubles) <= 1
    assert all("another backfill or repair from the same Canvas is running" in sentence for sentence in troubles)
    await fill(database, school)
    assert await state(database) == faultless


async def test_postgres_is_waited_for(database: str, postgres_dsn: str, school: School, faultless: dict[str, Any]) -> None:
    """It breaks all connections, again and again, in the middle of it; that is said, and nothing is lost or written twice."""
    said: list[str] = []
    owner = await asyncpg.connect(postgres_dsn)
    try:
        running = asyncio.ensure_future(fill(database, school, say=said.append))
        for _ in range(5):
            await asyncio.sleep(0.06)
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                urlsplit(database).path.removeprefix("/"),
            )
        report = await running
    finally:
        await owner.close()
    assert report.troubles == []
    assert any("waiting for Postgres" in sentence for sentence in said)
    assert await state(database) == faultless
    assert counts(await fill(database, school), "written") == {}


async def test_a_dry_run_changes_nothing_and_tells_what_would_be_written(database: str, school: School) -> None:
    """The same numbers as the run that follows it, but for students whom that one learns while it writes."""
    await tell(database, *feed_of(school)[:12])
    before = await digest(database)
    dry = await fill(database, school, writing=False)
    assert await digest(database) == before
    wet = await fill(database, school)
    assert counts(dry, "written") == counts(wet, "written")
    assert dry.as_json().keys() == wet.as_json().keys()


# The command


def of(school: School, dsn: str) -> dict[str, str]:
    """The settings of a process."""
    return {"DATABASE_URL": dsn, "OUTCOMES_CANVAS_URL": school.url, "OUTCOMES_CANVAS_TOKEN": school.token}


async def test_the_command_fills_and_tells(database: str, school: School) -> None:
    """Exit code 0 and one JSON object; 1 and a sentence where something was left out; 2 where no Canvas is named."""
    code, out, err = await outcomes("backfill", "--json", **of(school, database))
    assert code == 0, err
    told_ = json.loads(out)
    assert told_["tables"]["learning_outcome_result"]["written"] == 8
    assert told_["consumed"] == told_["applied"] > 20
    school.fail("forbidden", path="accounts/1/outcome_groups")
    code, out, err = await outcomes("backfill", "--account", "1", **of(school, database))
    assert code == 1
    assert "may not see this" in out
    assert school.token not in out + err
    code, out, err = await outcomes("backfill", DATABASE_URL=database)
    assert code == 2
    assert "OUTCOMES_CANVAS_URL" in err
    assert len(err.strip().splitlines()) == 1


async def test_killed_in_the_middle_it_goes_on(database: str, school: School, faultless: dict[str, Any]) -> None:
    """SIGKILL while a course is asked; the next process does what is left."""
    school.slow_seconds = 60
    school.fail("slow", times=3, path=f"courses/{READING}/outcome_results")
    school.asked.clear()
    async with started(["backfill"], environment(**of(school, database))) as process:
        async with asyncio.timeout(30):
            while not school.requests(f"courses/{READING}/outcome_results"):  # noqa: ASYNC110 - another process asks
                await asyncio.sleep(0.01)
        await process.end(signal.SIGKILL)
    school.planned.clear()
    shown = (await outcomes("status", **of(school, database)))[1]
    assert "backfills that are not finished" in shown
    code, out, err = await outcomes("backfill", "--json", **of(school, database))
    assert code == 0, err
    assert json.loads(out)["runs"][0]["resumed_from"] is not None
    assert await state(database) == faultless


async def test_the_status_names_the_canvas_and_asks_kafka_for_no_lag_of_it(database: str, school: School) -> None:
    """No Kafka is there: it would say so."""
    await fill(database, school)
    code, out, err = await outcomes("status", **of(school, database))
    assert (code, err) == (0, "")  # without a remark that Kafka does not answer
    assert school.url in out
    assert "canvas:" not in out
    assert "not finished" not in out
    (run,) = json.loads((await outcomes("status", "--json", **of(school, database)))[1])["backfills"]
    assert (run["scope"], run["steps"]) == (f"account:{ROOT}", 9)
    assert run["begun_at"] < run["finished_at"]
