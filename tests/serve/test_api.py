"""`outcomes serve` answers as Canvas does, from the projection."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from consumer.store.postgres import connect
from schemas import rest
from tests.postgres.test_gradebook import outcome as outcome_event
from tests.postgres.test_gradebook import worked
from tests.postgres.writing import write
from tests.samples import TENANT, event, iso, result, scale
from tests.serve.serving import ANA, ANA_ID, BO, DEE_ID, STANDARDS, Served, fill, minutes, served

BEFORE_SCALES = iso(minutes(29))


@pytest.fixture
async def server(database: str) -> AsyncIterator[Served]:
    """Over the small school."""
    await fill(database)
    async with served(database) as running:
        yield running


async def test_an_outcome_is_shown_as_the_document_writes_it(server: Served) -> None:
    """With `.json` behind the path and without; before account-level scales came with its own points and method."""
    told = await server.get(f"/api/v1/outcomes/2.json?at={BEFORE_SCALES}")
    assert told == await server.get(f"/api/v1/outcomes/2?at={BEFORE_SCALES}")
    rest.Outcome.model_validate(told)
    assert {name: told[name] for name in ("id", "url", "context_id", "context_type", "title", "assessed")} == {
        "id": 2,
        "url": "/api/v1/outcomes/2",
        "context_id": 7,
        "context_type": "Course",
        "title": "Writing",
        "assessed": True,
    }
    assert (told["points_possible"], told["mastery_points"]) == (5, 3)
    assert told["ratings"][0] == {"description": "Exceeds", "points": 5}
    assert (told["calculation_method"], told["calculation_int"]) == ("decaying_average", 65)
    highest = await server.get(f"/api/v1/outcomes/1?at={BEFORE_SCALES}")
    assert highest["calculation_method"] == "highest"
    assert "calculation_int" not in highest


async def test_an_outcome_without_context_hides_its_scale_where_account_level_scales_are_on(server: Served) -> None:
    """As Canvas does: points, ratings and method belong to a context, and the path names none."""
    told = await server.get("/api/v1/outcomes/2")
    assert not {"points_possible", "mastery_points", "ratings", "calculation_method", "calculation_int"} & set(told)


@pytest.mark.parametrize("outcome_id", [3, 4, 99])
async def test_only_active_outcomes_are_found(server: Served, outcome_id: int) -> None:
    """Archived, deleted and unknown: 404 in Canvas' words."""
    answer = await server.ask(f"/api/v1/outcomes/{outcome_id}")
    assert answer.status == 404
    assert answer.json == {"errors": [{"message": "The specified resource does not exist."}]}


async def test_the_scale_is_the_nearest_ancestors_and_404_where_there_is_none(server: Served) -> None:
    """A course's own wins; an account inherits from the root; before the first scale there is none."""
    inherited = await server.get("/api/v1/courses/7/outcome_proficiency")
    rest.Proficiency.model_validate(inherited)
    assert [level["points"] for level in inherited["ratings"]] == [4, 3, 0]
    assert set(inherited["ratings"][0]) == {"description", "points", "mastery", "color"}
    assert inherited == await server.get("/api/v1/accounts/3/outcome_proficiency")
    assert inherited == await server.get("/api/v1/accounts/self/outcome_proficiency")
    assert inherited == await server.get(f"/api/v1/courses/{2107 * 10**13 + 7}/outcome_proficiency")
    assert inherited == await server.get("/api/v1/courses/2107~7/outcome_proficiency")
    own = await server.get("/api/v1/courses/8/outcome_proficiency")
    assert [level["points"] for level in own["ratings"]] == [10, 7, 0]
    assert (await server.ask(f"/api/v1/courses/7/outcome_proficiency?at={BEFORE_SCALES}")).status == 404


async def test_a_scale_is_shown_also_while_canvas_does_not_compute_with_it(server: Served, database: str) -> None:
    """The switch decides on scores, and on a default scale, which only Canvas makes."""
    shown = await server.get("/api/v1/courses/7/outcome_proficiency")
    periods = await server.get("/api/history/v1/courses/8/effective_outcome_proficiency")
    assert periods
    connection = await connect(database)
    await connection.execute("INSERT INTO tenant_setting VALUES ($1, 'account_level_mastery_scales', 'off')", TENANT)
    await connection.close()
    assert await server.get("/api/v1/courses/7/outcome_proficiency") == shown
    assert await server.get("/api/history/v1/courses/8/effective_outcome_proficiency") == periods


async def test_a_rollup_tells_when_the_newest_work_was_submitted(server: Served, database: str) -> None:
    """By its rubric assessment, as results do; not when it was assessed."""
    work = {"course": "72", "artifact_type": "RubricAssessment", "artifact_id": "77"}
    await write(database, outcome_event(6, "Writing", minute=1), worked(90, "emil", 6, 0.5, minute=50, **work))
    for told in (iso(minutes(50)), "2025-03-01T10:00:00Z"):
        (rollup,) = (await server.get("/api/v1/courses/72/outcome_rollups"))["rollups"]
        (one,) = (await server.get("/api/v1/courses/72/outcome_results"))["outcome_results"]
        assert rollup["scores"][0]["submitted_at"] == one["submitted_or_assessed_at"]
        assert rollup["scores"][0]["submitted_at"][:16] == told[:16]
        await write(database, event("rubric_assessed", at=minutes(80), id="77", submitted_at="2025-03-01T10:00:00Z"))


async def test_a_change_is_answered_as_soon_as_it_is_written(server: Served, database: str) -> None:
    """The server caches no answer; `at` still gives the past."""
    await write(database, scale(8, 2, 0, minute=70, outcome_proficiency_id="90", context_type="Account", context_id="1"))
    now = await server.get("/api/v1/courses/7/outcome_proficiency")
    then = await server.get(f"/api/v1/courses/7/outcome_proficiency?at={iso(minutes(69))}")
    assert [level["points"] for level in now["ratings"]] == [8, 2, 0]
    assert [level["points"] for level in then["ratings"]] == [4, 3, 0]


async def test_alignments_are_those_rest_told_and_those_results_prove(server: Served) -> None:
    """Of an assignment, or of a student's results; a newer result brings a removed one back."""
    (known,) = await server.get("/api/v1/courses/7/outcome_alignments?assignment_id=56")
    assert known == {
        "learning_outcome_id": 1,
        "title": "Unit 1 test",
        "assignment_id": 56,
        "submission_types": "online_text_entry,online_url",
        "url": "/courses/7/assignments/56",
    }
    rest.OutcomeAlignment.model_validate(known)
    gone = await server.get(f"/api/v1/courses/7/outcome_alignments?assignment_id=57&at={iso(minutes(25))}")
    assert gone == []
    (again,) = await server.get("/api/v1/courses/7/outcome_alignments?assignment_id=57")
    assert (again["learning_outcome_id"], again["title"]) == (2, None)
    of_bo = await server.get(f"/api/v1/courses/7/outcome_alignments?student_id=uuid:{BO}")
    assert [one["assignment_id"] for one in of_bo] == [56, 57]
    of_ana = await server.get(f"/api/v1/courses/7/outcome_alignments?student_id={ANA_ID}")
    assert [one["assignment_id"] for one in of_ana] == [56]


async def test_alignments_of_nobody_and_nothing_are_a_bad_request(server: Served) -> None:
    """As Canvas answers."""
    answer = await server.ask("/api/v1/courses/7/outcome_alignments")
    assert answer.status == 400
    assert answer.json["errors"][0]["message"]


async def test_grading_standards_are_listed_with_their_context_and_found_below_it(server: Served) -> None:
    """As Canvas lists them, archived ones too; bounds as fractions and in percent; with `at` those of then."""
    of_course = await server.get("/api/v1/courses/7/grading_standards")
    TypeAdapter(list[rest.GradingStandard]).validate_python(of_course)
    assert [one["id"] for one in of_course] == [6, 8]
    (of_account,) = await server.get("/api/v1/accounts/1/grading_standards")
    assert of_account["grading_scheme"][1] == {"name": "B", "value": 0.545, "calculated_value": 54.5}
    assert of_course[0]["grading_scheme"][0] == {"name": "A", "value": 0.9, "calculated_value": 3.6}
    assert (of_course[0]["points_based"], of_course[0]["scaling_factor"]) == (True, 4.0)
    assert await server.get("/api/v1/courses/8/grading_standards") == []
    assert await server.get("/api/v1/courses/8/grading_standards/5") == of_account
    assert (await server.get("/api/v1/courses/7/grading_standards/8"))["title"] == STANDARDS[2]["title"]
    assert (await server.ask("/api/v1/courses/8/grading_standards/6")).status == 404


async def test_groups_have_their_parents_and_canvas_paths(server: Served) -> None:
    """Archived ones are not listed."""
    told = await server.get("/api/v1/courses/7/outcome_groups")
    TypeAdapter(list[rest.OutcomeGroup]).validate_python(told)
    assert [one["id"] for one in told] == [10, 11]
    assert "parent_outcome_group" not in told[0]
    assert told[1]["parent_outcome_group"]["title"] == "Course 7"
    assert told[1]["url"] == "/api/v1/courses/7/outcome_groups/11"
    assert told[1]["subgroups_url"] == "/api/v1/courses/7/outcome_groups/11/subgroups"
    assert told[1]["outcomes_url"] == "/api/v1/courses/7/outcome_groups/11/outcomes"
    assert [one["id"] for one in await server.get("/api/v1/accounts/1/outcome_groups")] == [20]


async def test_links_show_outcomes_with_the_scale_of_the_context(server: Served) -> None:
    """Abbreviated unless the request says full; without links of deleted outcomes."""
    short = await server.get("/api/v1/courses/7/outcome_group_links")
    TypeAdapter(list[rest.OutcomeGroupLink]).validate_python(short)
    assert [(one["outcome_group"]["id"], one["outcome"]["id"]) for one in short] == [(11, 1), (10, 2)]
    assert "points_possible" not in short[0]["outcome"]
    assert "parent_outcome_group" not in short[0]["outcome_group"]
    style = "outcome_style=full&outcome_group_style=full"
    (first, second) = await server.get(f"/api/v1/courses/7/outcome_group_links?{style}")
    assert first["url"] == "/api/v1/courses/7/outcome_groups/11/outcomes/1"
    assert first["outcome_group"]["parent_outcome_group"]["id"] == 10
    assert (first["outcome"]["points_possible"], first["outcome"]["mastery_points"]) == (4, 3)
    assert first["assessed"]
    assert second["outcome"]["calculation_method"] == "decaying_average"  # no method is known here: its own
    (then, _) = await server.get(f"/api/v1/courses/7/outcome_group_links?{style}&at={BEFORE_SCALES}")
    assert then["outcome"]["points_possible"] == 5
    assert [one["assessed"] for one in await server.get("/api/v1/accounts/1/outcome_group_links")] == [False]


async def test_results_are_the_active_scored_aligned_ones(server: Served) -> None:
    """By user id, unknown ids last; deleted ones and those of a removed alignment are missing."""
    told = await server.get("/api/v1/courses/7/outcome_results?include_hidden=true")
    rest.OutcomeResults.model_validate(told)
    results = told["outcome_results"]
    assert [one["id"] for one in results] == [1, 6, 3, 7, 4]
    users = [str(ANA_ID), str(DEE_ID), f"uuid:{BO}", f"uuid:{BO}", "uuid:chi"]
    assert [one["links"]["user"] for one in results] == users
    assert results[0] == {
        "id": 1,
        "score": 5.0,
        "mastery": True,
        "possible": 5.0,
        "percent": 1.0,
        "hidden": False,
        "hide_points": False,
        "submitted_or_assessed_at": "2025-03-20T12:01:00Z",
        "links": {"user": "501", "learning_outcome": "1", "alignment": "assignment_56", "assignment": "assignment_56"},
    }
    assert results[4]["links"]["alignment"] == "quiz_9"
    assert "assignment" not in results[4]["links"]


async def test_results_of_a_moment_are_what_was_there_then(server: Served) -> None:
    """A result counts while its alignment exists, and not before its own time."""
    told = await server.get(f"/api/v1/courses/7/outcome_results?at={iso(minutes(19))}")
    assert [one["id"] for one in told["outcome_results"]] == [1, 2, 6, 3, 4]
    told = await server.get(f"/api/v1/courses/7/outcome_results?at={iso(minutes(2))}")
    assert [one["id"] for one in told["outcome_results"]] == [1, 2]


async def test_results_and_rollups_are_asked_for_by_students_and_outcomes(server: Served) -> None:
    """By id where it is known, by `uuid:` always; one who has no row is a 400, as in Canvas."""
    asked = f"user_ids[]={ANA_ID}&user_ids[]=uuid:{BO}&outcome_ids[]=1"
    results = await server.get(f"/api/v1/courses/7/outcome_results?{asked}")
    assert [one["id"] for one in results["outcome_results"]] == [1, 3]
    rollups = (await server.get(f"/api/v1/courses/7/outcome_rollups?{asked}"))["rollups"]
    assert [one["links"]["user"] for one in rollups] == [str(ANA_ID), f"uuid:{BO}"]
    assert [[score["links"]["outcome"] for score in one["scores"]] for one in rollups] == [["1"], ["1"]]
    again = (await server.get(f"/api/v1/courses/7/outcome_rollups?user_ids[]=uuid:{ANA}&outcome_ids[]=1"))["rollups"]
    assert again == rollups[:1]
    for path, name in (("outcome_results", "user_ids"), ("outcome_mastery_distribution", "student_ids")):
        for unknown in ("999", "uuid:nobody"):
            answer = await server.ask(f"/api/v1/courses/7/{path}?{name}[]={ANA_ID}&{name}[]={unknown}")
            assert answer.json == {"errors": [{"message": f"{unknown} is no student who has a row in this course"}]}
            assert answer.status == 400


async def test_rollups_are_the_projections(server: Served) -> None:
    """Students by id, scores by outcome, on the scale in force; with `at` those of then."""
    told = await server.get("/api/v1/courses/7/outcome_rollups")
    rest.OutcomeRollups.model_validate(told)
    assert [[score["score"] for score in one["scores"]] for one in told["rollups"]] == [[4.0], [3.2], [2.4, 2.0], [1.6]]
    assert told["rollups"][0] == {
        "scores": [
            {
                "score": 4.0,
                "title": "Reading",
                "submitted_at": "2025-03-20T12:01:00Z",
                "count": 1,
                "hide_points": False,
                "links": {"outcome": "1"},
            }
        ],
        "links": {"user": str(ANA_ID)},
    }
    then = (await server.get(f"/api/v1/courses/7/outcome_rollups?at={iso(minutes(3))}"))["rollups"]
    assert [[score["score"] for score in one["scores"]] for one in then] == [[5.0, 1.0], [3.0]]


@pytest.mark.parametrize(("stat", "score"), [("mean", 2.8), ("median", 2.8)])
async def test_the_aggregate_is_over_the_students(server: Served, stat: str, score: float) -> None:
    """Mean and median of the rollups, and how many students they are over."""
    told = await server.get(f"/api/v1/courses/7/outcome_rollups?aggregate=course&aggregate_stat={stat}")
    rest.OutcomeRollups.model_validate(told)
    (rollup,) = told["rollups"]
    assert rollup["links"] == {"course": "7"}
    assert [(one["links"]["outcome"], one["score"], one["count"]) for one in rollup["scores"]] == [
        ("1", score, 4),
        ("2", 2.0, 1),
    ]


async def test_mean_is_rounded_and_median_is_not(server: Served, database: str) -> None:
    """Only over these students where the request names some."""
    await write(
        database,
        worked(31, "one", 1, 0.5, course="70"),
        worked(32, "two", 1, 0.5025, course="70"),
        worked(33, "three", 1, 1.0, course="70"),
    )
    asked = "/api/v1/courses/70/outcome_rollups?aggregate=course&user_ids[]=uuid:one&user_ids[]=uuid:two&aggregate_stat="
    scores = [(await server.get(asked + stat))["rollups"][0]["scores"][0] for stat in ("mean", "median")]
    assert [one["score"] for one in scores] == [2.01, 2.005]
    assert [one["count"] for one in scores] == [2, 2]


async def test_the_tree_is_walked_as_in_canvas(server: Served) -> None:
    """Root, accounts below, courses of all below; deleted ones are not listed, and the root's uuid is the tenant."""
    (root,) = await server.get("/api/v1/accounts")
    rest.Account.model_validate(root)
    assert root == await server.get("/api/v1/accounts/1")
    assert (root["id"], root["uuid"], root["parent_account_id"], root["root_account_id"]) == (1, TENANT, None, None)
    assert [one["id"] for one in await server.get("/api/v1/accounts/1/sub_accounts")] == [2]
    below = await server.get("/api/v1/accounts/1/sub_accounts?recursive=true")
    assert [(one["id"], one["parent_account_id"], one["root_account_id"], one["uuid"]) for one in below] == [
        (2, 1, 1, None),
        (3, 2, 1, None),
    ]
    courses = await server.get("/api/v1/accounts/1/courses?state[]=all")
    TypeAdapter(list[rest.Course]).validate_python(courses)
    assert [(one["id"], one["account_id"]) for one in courses] == [(7, 3), (8, 2)]
    assert [one["id"] for one in await server.get("/api/v1/accounts/2/courses?state[]=available")] == [7, 8]
    assert await server.get("/api/v1/accounts/3/courses?state[]=completed") == []
    assert (await server.ask("/api/v1/accounts/4")).status == 404


async def test_an_outcome_no_event_told_is_no_reason_to_fail(server: Served, database: str) -> None:
    """A broken criterion, a result of an unknown outcome in a course that only results name: the answer has what is known."""
    broken = outcome_event(5, "Broken", minute=1)
    broken["body"]["rubric_criterion"] = {"ratings": [{"points": None}, {}], "mastery_points": None}
    await write(
        database,
        worked(40, "dora", 77, 0.5, course="71"),
        broken,
    )
    (rollup,) = (await server.get("/api/v1/courses/71/outcome_rollups"))["rollups"]
    assert rollup["scores"][0]["title"] is None
    assert (await server.get("/api/v1/courses/71/outcome_results"))["outcome_results"][0]["links"]["user"] == "uuid:dora"
    assert (await server.get("/api/v1/courses/71/outcome_proficiency"))["ratings"]
    told = await server.get(f"/api/v1/outcomes/5?at={BEFORE_SCALES}")
    rest.Outcome.model_validate(told)
    assert (told["points_possible"], told["assessed"]) == (None, False)


async def test_a_title_is_told_as_it_is(server: Served, database: str) -> None:
    """Quotes, backslashes, percent signs, line breaks, other scripts: the database joins the scores of a page as text."""
    title = 'She said "100 %s", \\n\n\tand {"left": %1$I} – 学'
    await write(database, outcome_event(6, title, minute=1), worked(41, "emil", 6, 0.5, course="71"))
    (rollup,) = (await server.get("/api/v1/courses/71/outcome_rollups"))["rollups"]
    rest.OutcomeRollup.model_validate(rollup)
    assert [score["title"] for score in rollup["scores"]] == [title]


async def test_history_tells_each_state_as_a_period(server: Served, database: str) -> None:
    """Outcomes, results, groups, links; oldest first, with the members of each."""
    await write(database, outcome_event(1, "Reading aloud", minute=60), result(1, minute=61, workflow_state="deleted"))
    states = await server.get("/api/history/v1/outcomes/1")
    assert [(one["title"], one["valid_from"], one["valid_to"]) for one in states] == [
        ("Reading", "2025-03-20T12:00:00Z", "2025-03-20T13:00:00Z"),
        ("Reading aloud", "2025-03-20T13:00:00Z", None),
    ]
    states = await server.get("/api/history/v1/outcome_results/1")
    assert [one["workflow_state"] for one in states] == ["active", "deleted"]
    assert (await server.get("/api/history/v1/outcome_groups/11"))[0]["parent_outcome_group_id"] == 10
    assert (await server.get("/api/history/v1/outcome_group_links/100"))[0]["learning_outcome_group_id"] == 11
    assert (await server.ask("/api/history/v1/outcomes/99")).status == 404


async def test_history_tells_whose_scale_applied_when(server: Served, database: str) -> None:
    """A course's own states, and what applied to it and to an account: none, the root's, its own, the root's again."""
    gone: dict[str, Any] = {"outcome_proficiency_id": "92", "context_type": "Course", "context_id": "7"}
    await write(database, scale(6, 2, minute=60, **gone), scale(6, 2, minute=80, workflow_state="deleted", **gone))
    own = await server.get("/api/history/v1/courses/7/outcome_proficiency")
    assert [(one["workflow_state"], len(one["outcome_proficiency_ratings"])) for one in own] == [("active", 2), ("deleted", 2)]
    over = await server.get("/api/history/v1/courses/7/effective_outcome_proficiency")
    assert [(one["valid_from"][11:16], one["context_type"], one["ratings"][0]["points"]) for one in over] == [
        ("12:30", "Account", 4),
        ("13:00", "Course", 6),
        ("13:20", "Account", 4),
    ]
    assert [one["valid_to"] for one in over][:2] == [over[1]["valid_from"], over[2]["valid_from"]]
    of_account = await server.get("/api/history/v1/accounts/3/effective_outcome_proficiency")
    assert [(one["valid_from"][11:16], one["context_id"]) for one in of_account] == [("12:30", 1)]
    await write(
        database,
        scale(
            4, 3, 0, minute=90, outcome_proficiency_id="90", context_type="Account", context_id="1", workflow_state="deleted"
        ),
    )
    last = (await server.get("/api/history/v1/accounts/3/effective_outcome_proficiency"))[-1]
    assert (last["valid_from"][11:16], last["ratings"], last["context_id"]) == ("13:30", None, None)


async def test_history_tells_how_a_score_came_about(server: Served) -> None:
    """The same as `outcomes timeline`, for a student by id or uuid."""
    for student in (str(ANA_ID), f"uuid:{ANA}"):
        changes: Any = await server.get(f"/api/history/v1/courses/7/mastery?student_id={student}&outcome_id=1")
        assert [(one["score"], one["cause"]) for one in changes] == [
            (5.0, "new result"),
            (4.0, "account-level scales seen, scale"),
        ]
    assert (await server.ask("/api/history/v1/courses/7/mastery?student_id=999&outcome_id=1")).status == 404
    assert (await server.ask("/api/history/v1/courses/7/mastery?outcome_id=1")).status == 400
