"""`outcomes serve` answers Canvas' gradebook: whose rows, in which order, with what beside them."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumer.serve.api import gradebook_shapes
from consumer.store.postgres import connect
from schemas import rest, rest_gradebook
from tests.postgres.test_gradebook import outcome, worked
from tests.postgres.writing import write
from tests.samples import TENANT, event, iso, result
from tests.serve.serving import (
    ANA,
    ANA_ID,
    BO,
    COURSE,
    DEE_ID,
    EVE_ID,
    SHARD,
    TEST_ID,
    Served,
    enrolled,
    fill_people,
    group,
    link,
    minutes,
    name_people,
    served,
    user,
)

ROLLUPS = "/api/v1/courses/7/outcome_rollups"
EVERYBODY = [str(ANA_ID), str(DEE_ID), str(EVE_ID), str(TEST_ID), f"uuid:{BO}", "uuid:chi"]
"""Those with a row, by id: enrolled, or unknown with results. Gus has left."""


@pytest.fixture
async def server(database: str) -> AsyncIterator[Served]:
    """Over the school and its people, with names."""
    await fill_people(database)
    await name_people(database)
    async with served(database) as running:
        yield running


async def rows(server: Served, query: str) -> list[dict[str, Any]]:
    """The links of the rows."""
    told = await server.get(f"{ROLLUPS}?{query}")
    rest.OutcomeRollups.model_validate(told)
    return [one["links"] for one in told["rollups"]]


async def users(server: Served, query: str) -> list[str]:
    """Whose rows, each once."""
    return list(dict.fromkeys(one["user"] for one in await rows(server, query)))


async def refused(server: Served, path: str) -> str:
    """The sentence of a 400."""
    answer = await server.ask(path)
    assert answer.status == 400, (path, answer)
    return str(answer.json["errors"][0]["message"])


# -- whose rows --


async def test_each_enrolment_that_is_not_deleted_is_a_row(server: Served) -> None:
    """With section and state; without results too. Who has left has none; who is unknown has one without a section."""
    assert await rows(server, "") == [
        {"user": str(ANA_ID), "section": "71", "status": "active"},
        {"user": str(DEE_ID)},
        {"user": str(EVE_ID), "section": "71", "status": "completed"},
        {"user": str(EVE_ID), "section": "72", "status": "invited"},
        {"user": str(TEST_ID), "section": "71", "status": "active"},
        {"user": f"uuid:{BO}"},
        {"user": "uuid:chi"},
    ]
    assert "506" in await users(server, f"at={iso(minutes(44))}")


async def test_a_section_has_its_students_with_one_row_each(server: Served) -> None:
    """Not somebody of whom no enrolment is known; 404 for a section of another course; not together with users."""
    assert await rows(server, "section_id=72") == [{"user": str(EVE_ID), "section": "72", "status": "invited"}]
    assert await users(server, "section_id=71") == [str(ANA_ID), str(EVE_ID), str(TEST_ID)]
    assert (await server.ask(f"{ROLLUPS}?section_id=99")).status == 404
    assert "section_id" in await refused(server, f"{ROLLUPS}?section_id=71&user_ids[]={ANA_ID}")


async def test_exclusions_look_at_every_enrolment(server: Served, database: str) -> None:
    """One that passes is enough, in the section that is asked for; words that Canvas does not know exclude nobody."""
    assert await users(server, "exclude[]=concluded_enrollments") == EVERYBODY
    assert await users(server, "exclude[]=concluded_enrollments&section_id=71") == [str(ANA_ID), str(TEST_ID)]
    await write(
        database,
        enrolled(903, EVE_ID, 72, state="completed", minute=60),
        enrolled(901, ANA_ID, 71, state="inactive", minute=60),
    )
    both = "exclude[]=concluded_enrollments&exclude[]=inactive_enrollments"
    assert await users(server, both) == [one for one in EVERYBODY if one not in (str(EVE_ID), str(ANA_ID))]
    assert await users(server, "exclude[]=nonsense") == EVERYBODY


async def test_students_and_outcomes_without_results_are_left_out_where_that_is_asked(server: Served, database: str) -> None:
    """A result without a score counts as one."""
    await write(database, outcome(9, "Spelling", context_type="Course", context_id="7"), link(109, 9, 10, COURSE))
    assert await users(server, "exclude[]=missing_user_rollups") == [str(ANA_ID), str(DEE_ID), f"uuid:{BO}", "uuid:chi"]
    await write(
        database,
        result(20, minute=60, user_uuid="eve", learning_outcome_id="1", result_context_id="7", score=None, percent=None),
    )
    assert str(EVE_ID) in await users(server, "exclude[]=missing_user_rollups")
    for query, expected in (("", ["1", "2", "9"]), ("&exclude[]=missing_outcome_results", ["1", "2"])):
        told = await server.get(f"{ROLLUPS}?include[]=outcomes{query}")
        assert [str(one["id"]) for one in told["linked"]["outcomes"]] == expected


async def test_averages_are_over_the_rows_and_count_a_student_once(server: Served, database: str) -> None:
    """Eve is in two sections; Gus has left."""
    await write(database, worked(20, "eve", 1, 1.0, minute=60))
    whole = await server.get(f"{ROLLUPS}?aggregate=course&include[]=courses")
    assert whole["linked"]["courses"] == [{"id": "7", "name": "Biology 101"}]
    assert "meta" not in whole
    reading = whole["rollups"][0]["scores"][0]
    assert (reading["count"], reading["score"]) == (5, 3.04)
    of_section = await server.get(f"{ROLLUPS}?aggregate=course&section_id=72&aggregate_stat=median")
    assert [(one["count"], one["score"]) for one in of_section["rollups"][0]["scores"]] == [(1, 4.0)]


async def test_results_count_for_whoever_had_the_uuid_when_they_were_made(server: Served, database: str) -> None:
    """A uuid that Canvas gave to another user in a merge: the old results stay the first one's, under today's uuid."""
    await write(
        database,
        user(EVE_ID, "Eve Ames", ANA, minute=60),
        user(ANA_ID, "Ana Maria Zoll", "ana-2", minute=60),
        worked(20, ANA, 1, 0.4, minute=61, created_at=iso(minutes(61))),
    )
    told = await server.get(f"{ROLLUPS}?user_ids[]={ANA_ID}&user_ids[]={EVE_ID}&outcome_ids[]=1")
    scores = {one["links"]["user"]: [score["score"] for score in one["scores"]] for one in told["rollups"]}
    assert scores == {str(ANA_ID): [4.0], str(EVE_ID): [1.6]}
    results = await server.get("/api/v1/courses/7/outcome_results?outcome_ids[]=1")
    assert [(one["id"], one["links"]["user"]) for one in results["outcome_results"] if one["id"] in (1, 20)] == [
        (1, str(ANA_ID)),
        (20, str(EVE_ID)),
    ]


async def test_after_a_reading_of_the_roster_nobody_is_unknown_without_later_results(server: Served, database: str) -> None:
    """REST has told the whole roster at minute 20: only Bo has worked since."""
    await read_roster(database, 20)
    await write(database, worked(7, BO, 2, 0.5, minute=41, created_at=iso(minutes(40))))
    assert await users(server, "") == [str(ANA_ID), str(EVE_ID), str(TEST_ID), f"uuid:{BO}"]
    assert "uuid:chi" in await users(server, f"at={iso(minutes(19))}")
    results = (await server.get("/api/v1/courses/7/outcome_results"))["outcome_results"]
    assert {one["links"]["user"] for one in results} == {str(ANA_ID), f"uuid:{BO}"}


async def test_the_time_of_work_is_that_of_the_submission(server: Served, database: str) -> None:
    """Where no rubric assessment tells it: in results as in rollups."""
    submitted = event(
        "submission_updated",
        at=minutes(50),
        submission_id=str(SHARD + 1),
        assignment_id=str(SHARD + 56),
        user_id=str(SHARD + ANA_ID),
        submitted_at="2025-03-01T10:00:00Z",
    )
    await write(database, submitted)
    (one,) = (await server.get(f"/api/v1/courses/7/outcome_results?user_ids[]={ANA_ID}"))["outcome_results"]
    (rollup,) = (await server.get(f"{ROLLUPS}?user_ids[]={ANA_ID}"))["rollups"]
    assert one["submitted_or_assessed_at"] == rollup["scores"][0]["submitted_at"] == "2025-03-01T10:00:00Z"


async def read_roster(database: str, minute: int) -> None:
    """REST has told the whole roster of course 7."""
    connection = await connect(database)
    await connection.execute(
        "INSERT INTO roster_reading (root_account_uuid, course_id, event_time) VALUES ($1, 7, $2)", TENANT, minutes(minute)
    )
    await connection.close()


async def test_results_are_those_of_the_rows(server: Served) -> None:
    """Those of Gus, who has left, are missing; with users and outcomes beside them."""
    told = await server.get("/api/v1/courses/7/outcome_results?include[]=users&include[]=outcomes&include[]=alignments")
    rest.OutcomeResults.model_validate(told)
    assert 8 not in [one["id"] for one in told["outcome_results"]]
    assert [one["id"] for one in told["linked"]["users"]] == [str(ANA_ID), str(DEE_ID), f"uuid:{BO}", "uuid:chi"]
    assert [one["id"] for one in told["linked"]["alignments"]] == ["assignment_56", "assignment_57", "quiz_9"]
    of_section = await server.get("/api/v1/courses/7/outcome_results?section_id=71")
    assert [one["links"]["user"] for one in of_section["outcome_results"]] == [str(ANA_ID)]


# -- order and pages --


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort_by=student", [EVE_ID, TEST_ID, ANA_ID]),
        ("sort_by=student_name", [ANA_ID, EVE_ID, TEST_ID]),
        ("sort_by=student_name&sort_order=desc", [TEST_ID, EVE_ID, ANA_ID]),
        ("sort_by=student_sis_id&sort_order=desc", [EVE_ID, ANA_ID]),
        ("sort_by=student_login_id", [ANA_ID, EVE_ID]),
    ],
)
async def test_students_are_sorted_by_what_is_asked(server: Served, query: str, expected: list[int]) -> None:
    """By the name that Canvas sorts by, by name, SIS id or login; who has none comes last."""
    named = [one for one in await users(server, query) if not one.startswith("uuid:") and one != str(DEE_ID)]
    assert named[: len(expected)] == [str(one) for one in expected]


async def test_a_score_sorts_with_those_who_have_none_last(server: Served) -> None:
    """In both directions; of equal scores by name."""
    up = await users(server, "sort_by=outcome&sort_outcome_id=1")
    down = await users(server, "sort_by=outcome&sort_outcome_id=1&sort_order=desc")
    assert up[:4] == ["uuid:chi", f"uuid:{BO}", str(DEE_ID), str(ANA_ID)]
    assert down[:4] == up[:4][::-1]
    assert up[4:] == down[4:] == [str(EVE_ID), str(TEST_ID)]
    raw = await users(server, "sort_by=contributing_score&sort_alignment_id=A_56&sort_order=desc")
    assert raw[:3] == [str(ANA_ID), str(DEE_ID), f"uuid:{BO}"]


async def test_an_order_that_lacks_what_it_needs_is_refused(server: Served, database: str) -> None:
    """And one by what is not stored."""
    for query, word in (
        ("sort_by=outcome", "sort_outcome_id"),
        ("sort_outcome_id=1", "sort_outcome_id"),
        ("sort_by=contributing_score", "sort_alignment_id"),
        ("sort_by=contributing_score&sort_alignment_id=56", "sort_alignment_id"),
        ("sort_by=student_integration_id", "sort_by"),
        ("sort_by=student&sort_order=up", "sort_order"),
        ("sort_by=student&aggregate=course", "sort_by"),
    ):
        assert word in await refused(server, f"{ROLLUPS}?{query}"), query


async def test_a_page_has_the_rows_of_its_students_alone(server: Served) -> None:
    """Counted by student, with the same addresses in `meta` and in the header; ours is cut without `sort_by` too."""
    found: list[str] = []
    for number in (1, 2, 3):
        told = await server.get(f"{ROLLUPS}?per_page=2&page={number}&include[]=users")
        on_page = list(dict.fromkeys(one["links"]["user"] for one in told["rollups"]))
        assert [one["id"] for one in told["linked"]["users"]] == on_page
        pages = told["meta"]["pagination"]
        assert (pages["count"], pages["page_count"], pages["page"], pages["per_page"]) == (6, 3, number, 2)
        assert ("next" in pages) == (number < 3)
        found += on_page
    assert found == EVERYBODY
    assert "page={page}" in pages["template"]


# -- which outcomes, and what is beside them --


async def test_outcomes_are_chosen_by_id_or_group(server: Served) -> None:
    """One that the course has not is refused; a group stands for its own links alone."""

    async def outcomes(query: str) -> set[str]:
        told = await server.get(f"{ROLLUPS}?{query}")
        return {score["links"]["outcome"] for one in told["rollups"] for score in one["scores"]}

    assert await outcomes("outcome_ids[]=2") == {"2"}
    assert await outcomes("outcome_group_id=11") == {"1"}
    assert await outcomes("outcome_group_id=10") == {"2"}
    assert "4" in await refused(server, f"{ROLLUPS}?outcome_ids[]=1&outcome_ids[]=4")
    assert "outcome_group_id" in await refused(server, f"{ROLLUPS}?outcome_ids[]=1&outcome_group_id=11")
    assert (await server.ask(f"{ROLLUPS}?outcome_group_id=20")).status == 404


async def test_linked_has_a_list_for_each_word(server: Served, database: str) -> None:
    """Outcomes by link, on the scale of the course; paths from below the root; alignments with their titles."""
    await write(database, group(13, "Week 1", 11, COURSE), link(105, 2, 13, COURSE, minute=1))
    words = ("outcomes", "outcome_groups", "outcome_links", "outcome_paths", "alignments", "outcomes.alignments", "assignments")
    told = await server.get(f"{ROLLUPS}?per_page=1&rating_percents=true&{'&'.join(f'include[]={word}' for word in words)}")
    rest.OutcomeRollups.model_validate(told)
    linked = told["linked"]
    assert set(linked) == set(words)
    outcomes = linked["outcomes"]
    assert [(one["id"], one["group_id"]) for one in outcomes] == [(1, "11"), (2, "10"), (2, "13")]
    assert (outcomes[0]["points_possible"], outcomes[0]["alignments"]) == (4, ["assignment_56"])
    assert [level["percent"] for level in outcomes[0]["ratings"]] == [25, 25, 50]
    assert linked["outcome_paths"][0] == {"id": 1, "parts": [{"name": "Unit 1"}, {"name": "Reading"}]}
    assert [one["id"] for one in linked["outcome_groups"]] == [11, 10, 13]
    assert [one["outcome"]["id"] for one in linked["outcome_links"]] == [1, 2, 2]
    assert linked["alignments"] == linked["outcomes.alignments"]
    assert [(one["id"], one["name"]) for one in linked["alignments"]] == [
        ("assignment_56", "Unit 1 essay"),
        ("assignment_57", "A quiz"),
        ("quiz_9", "A quiz"),
    ]
    assert [(one["id"], one["submission_types"]) for one in linked["assignments"]][1] == ("assignment_57", "online_quiz")


async def test_an_outcome_that_no_link_tells_is_in_the_list_too(server: Served, database: str) -> None:
    """A feed may have begun after the links: a result proves the outcome, though not its group."""
    await write(database, outcome(6, "Spelling", minute=1), worked(30, ANA, 6, 0.5, minute=50))
    told = await server.get(f"{ROLLUPS}?include[]=outcomes&include[]=outcome_paths&include[]=outcome_links")
    assert (told["linked"]["outcomes"][-1]["id"], told["linked"]["outcomes"][-1]["group_id"]) == (6, None)
    assert told["linked"]["outcome_paths"][-1] == {"id": 6, "parts": [{"name": "Spelling"}]}
    assert 6 not in [one["outcome"]["id"] for one in told["linked"]["outcome_links"]]


async def test_an_outcome_whose_group_nobody_told_is_in_every_list(server: Served, database: str) -> None:
    """In `linked`, in the distribution and as `outcome_ids[]`; so is one of which only its link and its results tell."""
    untold = [link(106, 6, 99, COURSE), link(107, 8, 10, COURSE)]
    await write(
        database, outcome(6, "Spelling", minute=1), *untold, *(worked(one, ANA, one - 24, 0.5, minute=50) for one in (30, 32))
    )
    told = await server.get(f"{ROLLUPS}?include[]=outcomes&include[]=outcome_paths&include[]=outcome_links")
    outcomes = told["linked"]["outcomes"]
    assert [(one["id"], one["title"], one["group_id"]) for one in outcomes][-2:] == [(6, "Spelling", "99"), (8, "", "10")]
    assert told["linked"]["outcome_paths"][-2:] == [
        {"id": 6, "parts": [{"name": "Spelling"}]},
        {"id": 8, "parts": [{"name": ""}]},
    ]
    assert 6 not in [one["outcome"]["id"] for one in told["linked"]["outcome_links"]]
    told = await server.get(f"{ROLLUPS}?outcome_ids[]=6&outcome_ids[]=8&user_ids[]={ANA_ID}")
    assert [one["links"]["outcome"] for one in told["rollups"][0]["scores"]] == ["6", "8"]
    told = await server.get("/api/v1/courses/7/outcome_mastery_distribution")
    assert [told["outcome_distributions"][id_]["total_students"] for id_ in ("6", "8")] == [1, 1]


async def test_words_that_do_not_go_together_are_refused(server: Served) -> None:
    """`users` with an aggregate, `courses` without, and any other word."""
    assert "include[]" in await refused(server, f"{ROLLUPS}?include[]=courses")
    assert "include[]" in await refused(server, f"{ROLLUPS}?aggregate=course&include[]=users")
    assert "include[]" in await refused(server, f"{ROLLUPS}?include[]=grades")


@pytest.mark.parametrize(
    ("points", "mastery", "colors"),
    [
        ([1], 1, "0B874B"),
        ([2, 1], 2, "0B874B 555555"),
        ([3, 2, 1], 2, "0374B5 0B874B 555555"),
        ([3, 2, 1], 3, "0B874B FAB901 555555"),
        ([4, 3, 2, 1], 3, "0374B5 0B874B FAB901 555555"),
        ([4, 3, 2, 1], 4, "0B874B FAB901 E0061F 555555"),
        ([4, 3, 2, 1], 2, ""),
        ([5, 4, 3, 2, 1], 4, "0374B5 0B874B FAB901 E0061F 555555"),
        ([5, 4, 3, 2, 1], 3, ""),
        ([2, 1], 7, ""),
    ],
)
def test_own_levels_get_canvas_colours(points: list[float], mastery: float, colors: str) -> None:
    """By how many there are and which is mastery; none where Canvas has none. A scale keeps its own."""
    own = {"mastery_points": mastery, "ratings": [{"description": "", "points": one} for one in points]}
    shown = gradebook_shapes.with_defaults(own)
    assert " ".join(level.get("color", "") for level in shown["ratings"]).strip() == colors
    if colors:
        assert [level["points"] for level in shown["ratings"] if level["mastery"]] == [mastery]
    scale = {"mastery_points": 1, "ratings": [{"points": 1, "color": "AAAAAA", "mastery": True}]}
    assert gradebook_shapes.with_defaults(scale) == scale


async def test_defaults_colour_the_outcomes_of_a_course_without_a_scale(server: Served) -> None:
    """Before minute 30 there is none."""
    told = await server.get(f"{ROLLUPS}?include[]=outcomes&add_defaults=true&at={iso(minutes(20))}")
    levels = told["linked"]["outcomes"][0]["ratings"]
    assert [(level["color"], level["mastery"]) for level in levels] == [("0374B5", False), ("0B874B", True), ("555555", False)]


# -- other views --


async def test_the_file_has_a_row_for_each_student_and_two_columns_for_each_outcome(server: Served) -> None:
    """With and without /api/v1; in the order that is asked for; no section makes a second row."""
    by_id = _table((await server.ask("/courses/7/outcome_rollups.csv")).body)
    assert [row[1] for row in by_id[1:]] == EVERYBODY
    answer = await server.ask("/courses/7/outcome_rollups.csv?sort_by=student")
    assert answer.body == (await server.ask(f"{ROLLUPS}.csv?sort_by=student")).body
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Outcomes-Biology_101.csv"'
    table = _table(answer.body)
    assert table[0] == [
        "Student name",
        "Student ID",
        "Student SIS ID",
        "Unit 1 > Reading result",
        "Unit 1 > Reading mastery points",
        "Writing result",
        "Writing mastery points",
    ]
    assert table[1] == ["Eve Ames", "503", "S-503", "", "3", "", "3"]
    assert table[3] == ["Ana Maria Zoll", "501", "S-501", "4", "3", "", "3"]
    assert len(table) == 7
    assert (
        len(list(csv.reader(io.StringIO((await server.ask(f"{ROLLUPS}.csv?exclude[]=missing_user_rollups")).body.decode()))))
        == 5
    )
    assert (await server.ask("/courses/7/outcome_rollups.csv", token="")).status == 401


def _table(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode())))


async def test_no_cell_of_the_file_is_a_formula(server: Served, database: str) -> None:
    """A title that begins with an equals sign gets an apostrophe."""
    await write(database, outcome(2, '=HYPERLINK("x")', minute=60, context_type="Course", context_id="7"))
    assert "'=HYPERLINK" in (await server.ask("/courses/7/outcome_rollups.csv")).body.decode()


async def test_contributing_scores_are_the_raw_ones(server: Served, database: str) -> None:
    """By what they are of; a classic quiz is called a quiz; without unpublished assignments unless asked for."""
    await write(
        database,
        worked(20, ANA, 1, 0.5, minute=60, associated_asset_type="Assignment", associated_asset_id="58"),
    )
    path = "/api/v1/courses/7/outcomes/1/contributing_scores"
    told = await server.get(path)
    rest_gradebook.ContributingScores.model_validate(told)
    assert told["outcome"] == {"id": "1", "title": "Reading"}
    assert [
        (one["alignment_id"], one["associated_asset_type"], one["associated_asset_name"]) for one in told["alignments"]
    ] == [
        ("A_56", "Assignment", "Unit 1 essay"),
        ("Q_9", "Quiz", "A quiz"),
    ]
    assert told["scores"][0] == {
        "user_id": str(ANA_ID),
        "alignment_id": "A_56",
        "score": 5.0,
        "submitted_or_assessed_at": "2025-03-20T12:01:00Z",
    }
    assert "A_58" not in [one["alignment_id"] for one in told["scores"]]
    more = await server.get(f"{path}?show_unpublished_assignments=true&only_assignment_alignments=true&user_ids[]={ANA_ID}")
    assert [one["alignment_id"] for one in more["alignments"]] == ["A_56", "A_58"]
    assert [one["alignment_id"] for one in more["scores"]] == ["A_56", "A_58"]
    assert (await server.ask("/api/v1/courses/7/outcomes/99/contributing_scores")).status == 404


async def test_a_distribution_counts_the_students_on_each_level(server: Served) -> None:
    """By outcome and, where asked, by alignment with raw scores; all students are listed."""
    path = "/api/v1/courses/7/outcome_mastery_distribution"
    told = await server.get(f"{path}?include[]=alignment_distributions")
    rest_gradebook.MasteryDistribution.model_validate(told)
    reading = told["outcome_distributions"]["1"]
    assert [(one["points"], one["count"], one["student_ids"]) for one in reading["ratings"]][:2] == [
        (4, 1, [str(ANA_ID)]),
        (3, 1, [str(DEE_ID)]),
    ]
    assert (reading["total_students"], reading["ratings"][2]["count"]) == (4, 2)
    of_essay = reading["alignment_distributions"]["A_56"]
    assert ([one["count"] for one in of_essay["ratings"]], of_essay["total_students"]) == ([2, 1, 0], 3)
    assert {one["id"] for one in told["students"]} == set(EVERYBODY)
    some = await server.get(f"{path}?outcome_ids[]=1&student_ids[]={DEE_ID}")
    assert set(some["outcome_distributions"]) == {"1"}
    assert [one["id"] for one in some["students"]] == [str(DEE_ID)]
    assert some["outcome_distributions"]["1"]["total_students"] == 1


def test_who_is_below_the_lowest_level_is_in_the_total_alone() -> None:
    """And a score above the top is on the top; without a colour it is grey."""
    outcome_ = {"ratings": [{"description": "Some", "points": 2}, {"description": "All", "points": 4}]}
    told = gradebook_shapes.distribution(outcome_, [("1", 1.0), ("2", 2.0), ("3", 9.0)])
    assert told["total_students"] == 3
    assert [(one["description"], one["student_ids"], one["color"]) for one in told["ratings"]] == [
        ("All", ["3"], "#666666"),
        ("Some", ["2"], "#666666"),
    ]
