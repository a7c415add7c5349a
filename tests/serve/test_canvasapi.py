"""canvasapi, the Python client that institutions use, works unmodified when it is given our address.

`recorded/` holds each call: the request line, and the answer. With RECORD=1 in the environment this test writes the files.
"""

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from canvasapi import Canvas

from tests.serve.serving import ANA_ID, Served, fill_people, name_people, served

pytestmark = pytest.mark.filterwarnings("ignore:Canvas may respond unexpectedly when making requests to HTTP")
"""Our server speaks plain HTTP: a proxy in front of it ends TLS."""
RECORDED = Path(__file__).parent / "recorded"
LINKED = (
    "users",
    "outcomes",
    "outcome_groups",
    "outcome_links",
    "outcome_paths",
    "alignments",
    "outcomes.alignments",
    "assignments",
)

CALLS: dict[str, Callable[[Canvas], Any]] = {
    "course": lambda canvas: canvas.get_course(7, include=["term", "concluded", "total_students"]),
    "users": lambda canvas: canvas.get_course(7).get_users(include=["enrollments", "uuid", "test_student"]),
    "students": lambda canvas: canvas.get_course(7).get_users(
        enrollment_type=["student"], enrollment_state=["active", "completed"]
    ),
    "user_of_course": lambda canvas: canvas.get_course(7).get_user(ANA_ID),
    "user": lambda canvas: canvas.get_user(ANA_ID),
    "enrollments": lambda canvas: canvas.get_course(7).get_enrollments(state=["active", "deleted"], include=["uuid"]),
    "enrollments_of_section": lambda canvas: canvas.get_section(71).get_enrollments(state=["active", "completed"]),
    "enrollments_of_user": lambda canvas: canvas.get_user(ANA_ID).get_enrollments(),
    "sections": lambda canvas: canvas.get_course(7).get_sections(include=["total_students"]),
    "section": lambda canvas: canvas.get_section(72),
    "section_of_course": lambda canvas: canvas.get_course(7).get_section(71),
    "terms": lambda canvas: canvas.get_account(1).get_enrollment_terms(),
    "term": lambda canvas: canvas.get_account(1).get_enrollment_term(4),
    "assignment": lambda canvas: canvas.get_course(7).get_assignment(57),
    "assignments": lambda canvas: canvas.get_course(7).get_assignments(order_by="name"),
    "accounts": lambda canvas: canvas.get_accounts(),
    "courses_of_account": lambda canvas: canvas.get_account(1).get_courses(enrollment_term_id=4, include=["term", "concluded"]),
    "root_group": lambda canvas: canvas.get_course(7).get_root_outcome_group(),
    "groups": lambda canvas: canvas.get_course(7).get_outcome_groups_in_context(),
    "subgroups": lambda canvas: canvas.get_course(7).get_outcome_group(10).get_subgroups(),
    "outcomes_of_group": lambda canvas: canvas.get_course(7).get_outcome_group(11).get_linked_outcomes(),
    "outcome_links": lambda canvas: canvas.get_course(7).get_all_outcome_links_in_context(),
    "outcome": lambda canvas: canvas.get_outcome(1),
    "results": lambda canvas: canvas.get_course(7).get_outcome_results(include=list(LINKED), per_page=2),
    "rollups": lambda canvas: canvas.get_course(7).get_outcome_result_rollups(),
    "rollups_aggregate": lambda canvas: canvas.get_course(7).get_outcome_result_rollups(
        aggregate="course", aggregate_stat="median", include=["courses"]
    ),
    "rollups_sorted": lambda canvas: canvas.get_course(7).get_outcome_result_rollups(
        sort_by="outcome", sort_outcome_id=1, sort_order="desc", exclude=["missing_user_rollups"], per_page=2
    ),
    "rollups_percents": lambda canvas: canvas.get_course(7).get_outcome_result_rollups(
        rating_percents=True, add_defaults=True, include=["outcomes"], section_id=71
    ),
    **{
        f"rollups_{word}": lambda canvas, word=word: canvas.get_course(7).get_outcome_result_rollups(  # type: ignore[misc]
            include=[word], user_ids=[ANA_ID]
        )
        for word in LINKED
    },
}


@pytest.fixture
def exchanged(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the client asks, and is answered, as it happens; addresses without the host."""
    found: list[dict[str, Any]] = []
    send = requests.Session.send

    def sending(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = send(session, request, **options)
        if options.get("allow_redirects", True):
            found.extend(_exchange(one) for one in (*answer.history, answer))
        return answer

    monkeypatch.setattr(requests.Session, "send", sending)
    return found


def _exchange(answer: requests.Response) -> dict[str, Any]:
    def plain(text: str) -> str:
        return re.sub(r"http://127\.0\.0\.1:\d+", "https://canvas.example.edu", text)

    told: dict[str, Any] = {"request": f"{answer.request.method} {answer.request.path_url}", "status": answer.status_code}
    told |= {name: plain(answer.headers[name]) for name in ("Link", "Location") if name in answer.headers}
    return told | ({"answer": json.loads(plain(answer.text))} if answer.text else {})


async def test_canvasapi_works_and_its_calls_are_as_recorded(database: str, exchanged: list[dict[str, Any]]) -> None:
    """Every call returns objects of the client's own classes; each request and answer is the one in the files."""
    await fill_people(database)
    await name_people(database)
    async with served(database) as server:
        for name, told in (await asyncio.to_thread(_call_all, server, exchanged)).items():
            file = RECORDED / f"{name}.json"
            if os.environ.get("RECORD"):
                file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            assert told == json.loads(file.read_text(encoding="utf-8")), f"{file} has another call"


def _call_all(server: Served, exchanged: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    canvas = Canvas(server.base, server.token)
    found = {}
    for name, call in CALLS.items():
        exchanged.clear()
        told = call(canvas)
        if not isinstance(told, dict) and hasattr(told, "__iter__"):
            assert len(list(told)) > 0, name
        found[name] = list(exchanged)
    return found


async def test_canvasapis_objects_have_what_programs_use(database: str) -> None:
    """Names, enrolments, sections, scores; page by page."""
    await fill_people(database)
    await name_people(database)
    async with served(database) as server:
        await asyncio.to_thread(_use, Canvas(server.base, server.token))


def _use(canvas: Canvas) -> None:
    course = canvas.get_course(7)
    assert (course.name, course.course_code) == ("Biology 101", "BIO-7")
    assert [one.sortable_name for one in course.get_users(per_page=1)] == ["Ames, Eve", "Dean, Tia", "Zoll, Ana Maria"]
    assert [one.user["name"] for one in course.get_enrollments(type=["TeacherEnrollment"])] == ["Tia Dean"]
    assert [one.name for one in course.get_sections()] == ["Evening", "Morning"]
    group = course.get_root_outcome_group()
    assert [one.title for one in group.get_subgroups()] == ["Unit 1"]
    assert [one.outcome["title"] for one in group.get_linked_outcomes()] == ["Writing"]
    assert [one.score for one in course.get_outcome_results(per_page=2)] == [5.0, 4.0, 3.0, 2.5, 2.0]
    rollups = course.get_outcome_result_rollups(user_ids=[ANA_ID])["rollups"]
    assert [one["scores"][0]["score"] for one in rollups] == [4.0]
