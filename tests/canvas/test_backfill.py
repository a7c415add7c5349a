"""A backfill makes the projection equal to Canvas, and writes nothing else."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from consumer.errors import UsageError
from tests.canvas.content import (
    ALGEBRA,
    ANN,
    BEN,
    BIOLOGY,
    DISTRICT,
    DORA,
    EQUATIONS,
    FRACTIONS,
    HIGH,
    READING,
    RETIRED,
    ROOT,
    STAFF,
)
from tests.canvas.filling import (
    SCALES,
    SHARD,
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
    ratings,
    result_event,
    scale_event,
    scale_in_force,
    school_event,
    state,
)
from tests.canvas.school import School

# What it writes


@pytest.mark.parametrize("own", [True, False])
async def test_an_empty_projection_becomes_the_school(database: str, own: bool) -> None:
    """Tree, groups, outcomes, scales with their owners, standards, results and alignments; nothing else."""
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
    """REST shows no ids of links. A link that no event showed is counted, not stored."""
    await deliver(database, link_event(school, 0))
    report = await fill(database, school)
    assert counts(report, "unknown_links") == {"learning_outcome_link": len(school.links) - 1}
    assert [row[0] for row in (await state(database))["learning_outcome_link"]] == [901]


@pytest.mark.parametrize("fed", [False, True])
async def test_a_second_backfill_writes_nothing(database: str, school: School, fed: bool) -> None:
    """With or without a feed: each version says something new."""
    if fed:
        await deliver(database, *feed_of(school))
    first = await fill(database, school)
    before = await digest(database)
    second = await fill(database, school)
    assert counts(first, "written") != {}
    assert counts(second, "written") == {}
    assert second.books.consumed == 0
    assert (await digest(database)).split()[0] == before.split()[0]
    assert await query(database, "SELECT count(*) FROM outcome_alignment_version") == [(6,)]


async def test_what_the_feed_has_is_not_written_again(database: str, school: School) -> None:
    """Only alignments and grading standards are new: they have no events."""
    await deliver(database, *feed_of(school))
    report = await fill(database, school)
    assert counts(report, "written") == {"grading_standard": 3, "outcome_alignment": 6}


@pytest.mark.parametrize("order", ["event first", "backfill first"])
async def test_a_newer_event_wins_in_any_order(database: str, school: School, order: str) -> None:
    """An older one does not."""
    newer, older = datetime.now(UTC) + timedelta(hours=1), datetime(2025, 1, 1, tzinfo=UTC)
    events = [
        outcome_event(school, FRACTIONS, newer, title="Newer"),
        outcome_event(school, EQUATIONS, older, title="Older"),
        result_event(school, 801, newer, score=1.5),
        scale_event(school, ("Account", ROOT), newer, outcome_proficiency_ratings=school.scales["Course", READING]),
    ]
    if order == "event first":
        await deliver(database, *events)
        report = await fill(database, school)
        assert counts(report, "newer_here")["learning_outcome_result"] == 1
    else:
        await fill(database, school)
        await deliver(database, *events)
    found = await state(database)
    titles = {row[0]: row[3] for row in found["learning_outcome"]}
    assert (titles[FRACTIONS], titles[EQUATIONS]) == ("Newer", "Equations")
    assert {row[0]: row[4] for row in found["learning_outcome_result"]}[801] == 1.5
    assert await scale_in_force(database, "Account", DISTRICT) == ["Reads", "Spells", "Guesses"]


async def test_members_that_rest_does_not_show_are_kept(database: str, school: School) -> None:
    """Also unknown members; not those that depend on a changed member."""
    await deliver(
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
        school_event(
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
    """Canvas' lists show archived outcomes and groups as active ones, without their state."""
    async with School() as school:
        for row in (school.outcomes[EQUATIONS], school.groups[302]):
            row["workflow_state"] = "archived"
        await deliver(database, outcome_event(school, EQUATIONS), group_event(school, 302))
        school.outcomes[EQUATIONS]["title"] = "Equality"
        school.groups[302]["workflow_state"] = "active"  # as its list shows it
        await fill(database, school)
        found = await state(database)
    assert [row[3::8] for row in found["learning_outcome"] if row[0] == EQUATIONS] == [("Equality", "archived")]
    assert [row[-1] for row in found["learning_outcome_group"] if row[0] == 302] == ["archived"]


async def test_an_archived_grading_standard_stays_so(database: str, school: School) -> None:
    """REST does not show their state; other members are updated."""
    await deliver(database, *feed_of(school))
    await fill(database, school)
    await query(database, "UPDATE grading_standard_version SET workflow_state = 'archived' WHERE id = 401")
    assert (await differences(database, school)).total == 0
    school.grading_standards[401]["title"] = "Marks"
    assert counts(await fill(database, school), "written") == {"grading_standard": 1}
    state_of = "SELECT title, workflow_state FROM grading_standard WHERE id = 401"
    assert await query(database, state_of) == [("Marks", "archived")]
    assert counts(await fill(database, school), "written") == {}


async def test_an_outcomes_own_criterion_is_written_if_canvas_computes_with_it(database: str) -> None:
    """Remaining ratings keep the parts that REST does not show. With account-level scales, the criterion does not change."""
    async with School() as school:
        levels = [{"description": "Meets", "points": 3, "icon": "star"}, {"description": "Old", "points": 1}]
        await deliver(
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
    """From a result that both have. The student's other results get the uuid in the same run."""
    await fill(database, school)
    assert {row[3] for row in (await state(database))["learning_outcome_result"]} == {"id:501", "id:502", "id:503", "id:504"}
    await deliver(database, result_event(school, 807, datetime.now(UTC)))
    report = await fill(database, school)
    by_id = {row[0]: row[3] for row in (await state(database))["learning_outcome_result"]}
    assert {id_ for id_, user in by_id.items() if user == school.users[ANN]["uuid"]} == {801, 802, 803, 807}
    assert by_id[804] == f"id:{BEN}"
    assert counts(report, "written") == {"learning_outcome_result": 3}
    assert await query(database, "SELECT user_id, user_uuid FROM user_identity") == [(ANN, school.users[ANN]["uuid"])]
    assert counts(await fill(database, school), "written") == {}


async def test_nobody_is_learnt_from_results_of_merged_users(database: str, school: School) -> None:
    """Neither from an id with two uuids, nor from a uuid with two ids."""
    cem = school.users[school.results[806]["user_id"]]["uuid"]
    feed = [result_event(school, id_) for id_ in (801, 804, 806)]
    await deliver(database, *feed, result_event(school, 802, user_uuid=cem))
    await fill(database, school)
    known = [(BEN, school.users[BEN]["uuid"])]
    assert await query(database, "SELECT user_id, user_uuid FROM user_identity") == known
    assert {row[0]: row[3] for row in (await state(database))["learning_outcome_result"]}[803] == f"id:{ANN}"
    for id_ in (804, 805):
        school.results[id_]["user_id"] = DORA
    school.users[DORA]["sections"][ALGEBRA] = [701]
    await fill(database, school)
    assert await query(database, "SELECT user_id, user_uuid FROM user_identity") == known


async def test_a_student_who_is_learnt_late_is_named_in_the_same_run(database: str, school: School) -> None:
    """Even if the course that shows the student comes last; a second run writes nothing."""
    school.results[808]["user_id"] = ANN
    school.users[ANN]["sections"][READING] = [704]
    await deliver(database, result_event(school, 808))
    school.slow_seconds = 0.3
    school.fail("slow", path=f"courses/{READING}/outcome_results")
    await fill(database, school)
    named_ = {row[0] for row in (await state(database))["learning_outcome_result"] if row[3] == school.users[ANN]["uuid"]}
    assert named_ == {801, 802, 803, 807, 808}
    assert await query(database, "SELECT count(*) FROM learning_outcome_result_version WHERE id = 801") == [(2,)]
    assert counts(await fill(database, school), "written") == {}


async def test_a_dry_run_changes_nothing_and_counts_what_would_be_written(database: str, school: School) -> None:
    """The same numbers as the run after it, except for students whom that run learns while it writes."""
    await deliver(database, *feed_of(school)[:12])
    before = await digest(database)
    dry = await fill(database, school, writing=False)
    assert await digest(database) == before
    wet = await fill(database, school)
    assert counts(dry, "written") == counts(wet, "written")
    assert dry.as_json().keys() == wet.as_json().keys()


# What it requests


async def test_a_course_alone_and_an_account_alone(database: str, another_database: str, school: School) -> None:
    """Nothing beside them is requested, except to find the owner of a scale."""
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
    """For any number of courses; pages are read one after the other."""
    for id_ in range(1000, 1030):
        school.courses[id_] = school.courses[STAFF] | {"id": id_}
    school.page_size = 3
    report = await fill(database, school)
    assert report.troubles == []
    assert school.most_at_once <= 3
    assert len((await state(database))["course"]) == 34


async def test_hidden_results_and_those_of_no_row(database: str, school: School) -> None:
    """Hidden ones are written; results of New Quizzes, which have no id, are counted, not stored."""
    school.results[801]["hidden"] = True
    school.results[900] = school.results[802] | {"id": None}
    report = await fill(database, school)
    assert counts(report, "without_id") == {"learning_outcome_result": 1}
    assert [row[0] for row in (await state(database))["learning_outcome_result"]] == [*range(801, 809)]


async def test_a_deleted_course_is_written_if_it_was_known(database: str, school: School) -> None:
    """Deleted courses that no event showed are ignored."""
    await deliver(
        database,
        school_event("course_created", {"course_id": str(SHARD + BIOLOGY), "name": "Biology", "workflow_state": "available"}),
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
    """Another one is an error. If Canvas does not show it, `--tenant` is needed."""
    with pytest.raises(UsageError, match="belongs to the tenant"):
        await fill(database, school, tenant="another")
    school.no_uuids = True
    with pytest.raises(UsageError, match="--tenant"):
        await fill(database, school)
    report = await fill(database, school, tenant="another", course=ALGEBRA)
    assert [run.tenant for run in report.runs] == ["another"]
    assert {row["root_account_uuid"] for row in await query(database, "SELECT root_account_uuid FROM course")} == {"another"}


async def test_what_is_not_there_is_said(database: str, school: School) -> None:
    """A missing course or account."""
    with pytest.raises(UsageError, match="no course 999"):
        await fill(database, school, course=999)
    with pytest.raises(UsageError, match="no account 999"):
        await fill(database, school, account=999)
