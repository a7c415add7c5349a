"""Each parameter that the OpenAPI document tells has an effect: another answer than without it."""

import re

from consumer.serve.app import make_app
from tests.postgres.test_gradebook import outcome, worked
from tests.postgres.writing import write
from tests.serve.serving import (
    ANA_ID,
    BO,
    COURSE,
    EVE_ID,
    ON_ASSIGNMENT,
    TEST_ID,
    assignment,
    enrolled,
    fill_people,
    group,
    link,
    name_people,
    served,
    user,
)

ROWS = {
    "user_ids[]": f"user_ids[]={ANA_ID}",
    "section_id": "section_id=71",
    "outcome_ids[]": "outcome_ids[]=1",
    "exclude[]": "exclude[]=missing_user_rollups",
}
ORDER = {
    "sort_by": "sort_by=student_name",
    "sort_order": "sort_by=student_name -> sort_by=student_name&sort_order=desc",
    "sort_outcome_id": "sort_by=outcome&sort_outcome_id=1 -> sort_by=outcome&sort_outcome_id=2",
    "sort_alignment_id": "sort_by=contributing_score&sort_alignment_id=A_56 -> "
    "sort_by=contributing_score&sort_alignment_id=A_57",
}
ALIGNED = {
    "only_assignment_alignments": "only_assignment_alignments=true",
    "show_unpublished_assignments": "show_unpublished_assignments=true",
}
USERS = {
    "enrollment_type[]": "enrollment_type[]=teacher",
    "enrollment_state[]": "enrollment_state[]=completed",
    "include_inactive": "include_inactive=true",
    "user_ids[]": f"user_ids[]={ANA_ID}",
    "search_term": "search_term=ames",
    "include[]": "include[]=uuid",
}
ENROLMENTS = {"type[]": "type[]=TeacherEnrollment", "state[]": "state[]=completed", "include[]": "include[]=uuid"}
STUDENTS = {"include[]": "include[]=total_students"}
COURSES = {
    "state[]": "state[]=deleted",
    "enrollment_term_id": "enrollment_term_id=4",
    "search_term": "search_term=chemistry",
    "include[]": "include[]=term",
}

EFFECTS: dict[str, dict[str, str]] = {
    "/api/v1/courses/{course_id}/outcome_alignments": {
        "student_id": f"assignment_id=56 -> assignment_id=56&student_id={TEST_ID}",
        "assignment_id": f"student_id={ANA_ID} -> student_id={ANA_ID}&assignment_id=57",
    },
    "/api/v1/accounts/{account_id}/sub_accounts": {"recursive": "recursive=true"},
    "/api/v1/{contexts}/{context_id}/outcome_groups/{outcome_group_id}/outcomes": {"outcome_style": "outcome_style=full"},
    "/api/v1/{contexts}/{context_id}/outcome_group_links": {
        "outcome_style": "outcome_style=full",
        "outcome_group_style": "outcome_group_style=full",
    },
    "/api/v1/courses/{course_id}/outcome_results": {name: ROWS[name] for name in ("user_ids[]", "section_id", "outcome_ids[]")}
    | {"include[]": "include[]=users"},
    "/api/v1/courses/{course_id}/outcome_rollups": ROWS
    | ORDER
    | {
        "outcome_group_id": "outcome_group_id=11",
        "include[]": "include[]=users",
        "aggregate": "aggregate=course",
        "aggregate_stat": "aggregate=course -> aggregate=course&aggregate_stat=median",
        "rating_percents": "include[]=outcomes -> include[]=outcomes&rating_percents=true",
        "add_defaults": "include[]=outcomes&at=2025-03-20T12:20:00Z -> include[]=outcomes&at=2025-03-20T12:20:00Z"
        "&add_defaults=true",
    },
    "/api/v1/courses/{course_id}/outcome_rollups.csv": ROWS | ORDER,
    "/courses/{course_id}/outcome_rollups.csv": ROWS | ORDER,
    "/api/v1/courses/{course_id}/outcomes/{outcome_id}/contributing_scores": {"user_ids[]": ROWS["user_ids[]"]} | ALIGNED,
    "/api/v1/courses/{course_id}/outcome_mastery_distribution": {
        "outcome_ids[]": ROWS["outcome_ids[]"],
        "student_ids[]": f"student_ids[]=uuid:{BO}",
        "exclude[]": ROWS["exclude[]"],
        "add_defaults": "at=2025-03-20T12:20:00Z -> at=2025-03-20T12:20:00Z&add_defaults=true",
        "include[]": "include[]=alignment_distributions",
    }
    | {
        name: f"include[]=alignment_distributions -> include[]=alignment_distributions&{query}"
        for name, query in ALIGNED.items()
    },
    "/api/v1/courses/{course_id}": {"include[]": "include[]=term"},
    "/api/v1/accounts/{account_id}/courses": COURSES,
    "/api/v1/courses": COURSES,
    "/api/v1/courses/{course_id}/sections": STUDENTS,
    "/api/v1/courses/{course_id}/sections/{section_id}": STUDENTS,
    "/api/v1/sections/{section_id}": STUDENTS,
    "/api/v1/accounts/{account_id}/terms": {"workflow_state[]": "workflow_state[]=deleted", "term_name": "term_name=fall"},
    "/api/v1/courses/{course_id}/assignments": {
        "assignment_ids[]": "assignment_ids[]=57",
        "search_term": "search_term=essay",
        "order_by": "order_by=name",
    },
    "/api/v1/courses/{course_id}/search_users": USERS,
    "/api/v1/courses/{course_id}/users": USERS,
    "/api/v1/courses/{course_id}/users/{user_id}": {"include[]": "include[]=uuid"},
    "/api/v1/users/{user_id}": {"include[]": "include[]=uuid"},
    "/api/v1/courses/{course_id}/enrollments": ENROLMENTS | {"user_id": f"user_id={EVE_ID}"},
    "/api/v1/sections/{section_id}/enrollments": ENROLMENTS | {"user_id": f"user_id={EVE_ID}"},
    "/api/v1/users/{user_id}/enrollments": ENROLMENTS,
}
"""Path, parameter, a query with it; before an arrow the query without it, where that is not empty."""
EVERYWHERE = {"at", "page", "per_page"}
"""Tested in `test_rules.py`, `test_manners.py`."""
NOTHING_TO_DO = {("/api/v1/courses/{course_id}/outcome_results", "include_hidden")}
"""No event tells which results are hidden, so all are shown, as this parameter asks."""
IDS = {
    "contexts": "courses",
    "context_id": "7",
    "course_id": "7",
    "account_id": "1",
    "outcome_group_id": "11",
    "outcome_id": "1",
    "section_id": "71",
    "user_id": str(ANA_ID),
}


def test_every_parameter_has_an_example_of_its_effect() -> None:
    """A new one without an example fails here; the paths of history have tests of their own."""
    declared = {
        (path, one["name"])
        for path, operations in make_app("postgresql://nowhere").openapi()["paths"].items()
        for one in operations["get"].get("parameters", ())
        if one["in"] == "query" and one["name"] not in EVERYWHERE and not path.startswith("/api/history/")
    }
    assert {(path, name) for path, of_path in EFFECTS.items() for name in of_path} == declared - NOTHING_TO_DO


async def test_every_parameter_changes_the_answer(database: str) -> None:
    """One that changed nothing would be ignored."""
    await fill_people(database)
    await name_people(database)
    await write(
        database,
        user(507, "Ina Low", "ina"),
        enrolled(907, 507, 71, state="inactive"),
        group(14, "Week 2", 11, COURSE),
        outcome(7, "Spelling", context_type="Course", context_id="7"),
        link(110, 7, 11, COURSE),
        assignment(61, "A first one"),
        worked(21, "eve", 1, 0.1, minute=55, **ON_ASSIGNMENT | {"associated_asset_id": "58"}),
    )
    async with served(database) as server:
        for path, of_path in EFFECTS.items():
            address = re.sub("{([^}]*)}", lambda found: IDS[found[1]], path)
            for name, example in of_path.items():
                base, _, query = example.rpartition(" -> ")
                without, with_it = await server.ask(f"{address}?{base}"), await server.ask(f"{address}?{query}")
                assert (without.status, with_it.status) == (200, 200), (path, name, with_it.json)
                assert without.body != with_it.body, (path, name)
