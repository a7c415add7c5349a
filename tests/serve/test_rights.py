"""Nobody sees more than their rights say, whatever they ask and in whatever form, nor less."""

import os
import re
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.routing import Route

from consumer.rights.grants import Grant
from consumer.serve.access.paths import NARROWED, WITHOUT_STUDENTS
from consumer.serve.access.sign_in import PATHS
from consumer.serve.api.not_served import NOT_SERVED
from consumer.serve.app import make_app
from tests.serve import rights_school as school
from tests.serve.rights_school import marks_of, token_with
from tests.serve.serving import Answer, Served, served

_COURSE = "/api/v1/courses/{course_id}"
_ACCOUNT = "/api/v1/accounts/{account_id}"
_CONTEXT = "/{contexts:contexts}/{context_id}"
WHOLE = "WHOLE" in os.environ
OPEN = {"/livez", "/readyz", "/static/{name}", *PATHS}
"""Answered to everybody."""
OF_NOBODY = {"/docs", "/docs/oauth2-redirect", "/openapi.json", "/static-offline-docs"}
"""Answered to whoever has any right; they hold no data."""
ASKED: dict[str, tuple[str, ...]] = {
    "/api/v1/outcomes/{outcome_id}": ("",),
    "/api/v1/accounts": ("",),
    "/api/v1/courses": ("", "search_term=mark"),
    _ACCOUNT: ("",),
    f"{_ACCOUNT}/sub_accounts": ("recursive=1",),
    f"{_ACCOUNT}/courses": ("state[]=all",),
    f"{_ACCOUNT}/terms": ("",),
    f"{_ACCOUNT}/terms/{{term_id}}": ("",),
    _COURSE: ("",),
    f"{_COURSE}/sections": ("include[]=total_students",),
    f"{_COURSE}/sections/{{section_id}}": ("",),
    "/api/v1/sections/{section_id}": ("include[]=total_students",),
    "/api/v1/sections/{section_id}/enrollments": ("include[]=uuid",),
    f"{_COURSE}/assignments": ("",),
    f"{_COURSE}/assignments/{{assignment_id}}": ("",),
    f"/api/v1{_CONTEXT}/outcome_proficiency": ("",),
    f"/api/v1{_CONTEXT}/grading_standards": ("",),
    f"/api/v1{_CONTEXT}/grading_standards/{{grading_standard_id}}": ("",),
    f"/api/v1{_CONTEXT}/root_outcome_group": ("",),
    f"/api/v1{_CONTEXT}/outcome_groups": ("",),
    f"/api/v1{_CONTEXT}/outcome_groups/{{outcome_group_id}}": ("",),
    f"/api/v1{_CONTEXT}/outcome_groups/{{outcome_group_id}}/subgroups": ("",),
    f"/api/v1{_CONTEXT}/outcome_groups/{{outcome_group_id}}/outcomes": ("",),
    f"/api/v1{_CONTEXT}/outcome_group_links": ("outcome_style=full",),
    "/api/history/v1/outcomes/{outcome_id}": ("",),
    "/api/history/v1/outcome_results/{outcome_result_id}": ("",),
    "/api/history/v1/outcome_groups/{outcome_group_id}": ("",),
    "/api/history/v1/outcome_group_links/{outcome_group_link_id}": ("",),
    f"/api/history/v1{_CONTEXT}/outcome_proficiency": ("",),
    f"/api/history/v1{_CONTEXT}/effective_outcome_proficiency": ("",),
    "/api/history/v1/courses/{course_id}/mastery": ("outcome_id=1&student_id={user_id}",),
    f"{_COURSE}/outcome_alignments": ("student_id={user_id}", "assignment_id=56"),
    f"{_COURSE}/outcome_results": ("include[]=users&per_page=100", "user_ids[]={user_id}", "section_id={section_id}"),
    f"{_COURSE}/outcome_rollups": (
        "include[]=users&include[]=outcomes&rating_percents=1&sort_by=student&per_page=100",
        "aggregate=course&include[]=courses",
        "user_ids[]={user_id}",
        "section_id={section_id}&at=2099-01-01",
    ),
    f"{_COURSE}/outcome_rollups.csv": ("",),
    "/courses/{course_id}/outcome_rollups.csv": ("user_ids[]={user_id}", "section_id={section_id}"),
    f"{_COURSE}/outcomes/{{outcome_id}}/contributing_scores": ("", "user_ids[]={user_id}"),
    f"{_COURSE}/outcome_mastery_distribution": ("include[]=alignment_distributions", "student_ids[]={user_id}"),
    f"{_COURSE}/users": ("include[]=uuid&include[]=enrollments&per_page=100", "search_term=name&user_ids[]={user_id}"),
    f"{_COURSE}/search_users": ("per_page=100",),
    f"{_COURSE}/users/{{user_id}}": ("include[]=uuid",),
    f"{_COURSE}/users/{{user_id}}/lmgb_user_details": ("",),
    f"{_COURSE}/enrollments": ("state[]=active&state[]=completed&include[]=uuid&per_page=100", "user_id={user_id}"),
    "/": ("", "search=mark"),
    "/courses.csv": ("",),
    "/courses.json": ("",),
    "/accounts/{account_id}": ("",),
    "/accounts/{account_id}.csv": ("",),
    "/accounts/{account_id}.json": ("",),
    "/courses/{course_id}/gradebook": ("", "section_id={section_id}", "compare=2025-01-01"),
    "/courses/{course_id}/gradebook.csv": ("left=1",),
    "/courses/{course_id}/gradebook.json": ("",),
    "/courses/{course_id}/students/{student}": ("",),
    "/courses/{course_id}/students/{student}.csv": ("",),
    "/courses/{course_id}/students/{student}.json": ("",),
    "/courses/{course_id}/students/{student}/outcomes/{outcome_id}": ("",),
    "/courses/{course_id}/students/{student}/outcomes/{outcome_id}.csv": ("",),
    "/courses/{course_id}/students/{student}/outcomes/{outcome_id}.json": ("",),
    "/courses/{course_id}/outcomes/{outcome_id}": ("",),
    "/courses/{course_id}/outcomes/{outcome_id}.csv": ("",),
    "/courses/{course_id}/outcomes/{outcome_id}.json": ("",),
    "/outcomes/{outcome_id}": ("",),
    "/outcomes/{outcome_id}.csv": ("",),
    "/outcomes/{outcome_id}.json": ("",),
    "/students/{student}": ("",),
    "/operations": ("",),
    "/operations.csv": ("",),
    "/operations.json": ("",),
    "/operations/quarantine": ("",),
    "/operations/quarantine/{record_id}": ("",),
    "/api/v1/users/{user_id}": ("include[]=uuid",),
    "/api/v1/users/{user_id}/enrollments": ("include[]=uuid",),
}
"""Every route that shows data -> questions that it is asked. Whoever adds a route adds a line here."""
IDS = (
    {
        "course_id": 7,
        "section_id": 71,
        "user_id": 7101,
        "outcome_id": 17,
        "outcome_group_id": 700,
        "outcome_group_link_id": 701,
    },
    {"course_id": 7, "section_id": 72, "user_id": 7201, "outcome_id": 1, "outcome_group_id": 700, "outcome_group_link_id": 717},
    {"course_id": 9, "section_id": 91, "user_id": 9101, "outcome_id": 55, "outcome_group_id": 5000, "account_id": 5},
)
"""Of two sections and two courses, so that each right covers some of them and not the others."""
OTHER_IDS = {
    "account_id": 2,
    "term_id": 1,
    "assignment_id": 56,
    "grading_standard_id": 5,
    "outcome_group_link_id": 911,
    "record_id": 1,
}
RIGHTS: dict[str, tuple[Grant, ...]] = {
    "account": (Grant("account", 2, names=True),),
    "course without names": (Grant("course", 7),),
    "sections": (Grant("section", 71, names=True), Grant("section", 91, names=True)),
}


def _paths() -> Iterator[tuple[str, frozenset[str]]]:
    """Each route with the ids, filled in; and the marks without which it shows nothing, or not all: what it names."""
    for route, queries in ASKED.items():
        for ids in IDS if route.startswith("/api/v1/courses") else IDS[1:]:
            filled = OTHER_IDS | ids | {"outcome_result_id": ids["user_id"], "student": ids["user_id"]}
            marks = {
                "{account_id}": f"all of account {filled['account_id']}",
                "{section_id}": f"Section{ids['section_id']}Mark",
            }
            marks |= dict.fromkeys(("{user_id}", "{student}"), str(ids["user_id"]))
            for kind in ("courses", "accounts") if "{contexts" in route else ("",):
                of = {"context_id": filled[f"{kind[:-1]}_id"]} if kind else {}
                path = route.replace("{contexts:contexts}", kind).format(**filled, **of)
                for query in queries:
                    named = {mark for name, mark in marks.items() if name in f"{route}?{query}"}
                    named |= {marks["{account_id}"]} if kind == "accounts" else set()
                    named |= set() if route in NARROWED else {"all of account 2", "all of account 5"}  # it is refused
                    yield f"{path}?{query.format(**filled)}".rstrip("?"), frozenset(named)


def _marks(server: Served, answer: Answer, path: str) -> set[str]:
    """Which parts of the school an answer shows. An error may repeat what the request named."""
    body = re.sub(r"\bat=[^&\"]*", "", answer.body.decode().replace(server.base, ""))  # microseconds can be any number
    found = {mark for mark in marks_of((Grant("tenant", None, names=True),)) if re.search(rf"(?<![0-9A-Za-z]){mark}", body)}
    return found if answer.status == 200 else {mark for mark in found if mark not in path}


@pytest.fixture
async def server(database: str) -> AsyncIterator[Served]:
    """Over the school of three courses."""
    await school.fill(database)
    async with served(database) as running:
        yield running


def test_every_route_is_in_the_matrix() -> None:
    """From the router, and from the OpenAPI document: a new route without a line of questions fails here."""
    app = make_app("postgresql://nowhere")
    routes = {route.path for route in app.routes if isinstance(route, Route) and route.methods}
    shown = {path for path in routes if not path.startswith(("/api/v1/global", "/static-offline-docs"))}
    asked = set(ASKED) | OPEN | OF_NOBODY
    assert shown - asked - {f"/api/v1{path}" for path in NOT_SERVED} == set()
    documented = {path.replace("{contexts}", "{contexts:contexts}") for path in app.openapi()["paths"]}
    assert documented - asked == set()
    assert NARROWED - asked == set(), "a path that is no route"
    assert WITHOUT_STUDENTS <= NARROWED


async def test_nobody_sees_more_than_theirs_nor_less(server: Served, database: str) -> None:
    """Every route with every kind of right: of what a right to everything shows, exactly what the rights cover.

    It takes seconds, because it is every route. Each right asks every second question, with WHOLE=1 all of them.
    """
    paths = dict(_paths())
    whole = {path: _marks(server, await server.ask(path), path) for path in paths}
    assert frozenset().union(*whole.values()) >= {"7101", "Name7201", "uu-9101", "Course9Mark", school.UNPLACED}
    for number, (name, rights) in enumerate(RIGHTS.items()):
        token, covered = await token_with(database, *rights), marks_of(rights)
        for path, needed in list(paths.items())[0 if WHOLE else number % 2 :: 1 if WHOLE else 2]:
            answer = await server.ask(path, token=token)
            seen = _marks(server, answer, path)
            assert seen <= covered, (name, path, seen - covered)
            assert answer.status in (200, 302, 400, 403, 404), (name, path, answer)
            if needed <= covered and "search_term" not in path:  # names that are not shown cannot be searched
                lacking = {mark for mark in whole[path] & covered - seen if not mark.startswith("Account")}
                assert not lacking, (name, path, lacking)


async def test_what_is_not_theirs_is_as_if_it_did_not_exist(server: Served, database: str) -> None:
    """The same status and the same words as for an id that nobody has."""
    token = await token_with(database, Grant("section", 71, names=True))
    hidden = (
        ("/api/v1/courses/{}", 8, 99),
        ("/api/v1/courses/{}/outcome_rollups", 8, 99),
        ("/api/v1/accounts/{}", 2, 99),
        ("/api/v1/accounts/{}/courses", 1, 99),
        ("/api/v1/sections/{}", 72, 999),
        ("/api/v1/courses/7/sections/{}", 72, 999),
        ("/api/v1/sections/{}/enrollments", 72, 999),
        ("/api/v1/users/{}", 7201, 9999),
        ("/api/v1/users/{}/enrollments", 7201, 9999),
        ("/api/v1/courses/7/users/{}", 7201, 9999),
        ("/api/v1/courses/7/users/{}/lmgb_user_details", 7201, 9999),
        ("/api/v1/courses/7/outcome_rollups?user_ids[]={}", 7201, 9999),
        ("/api/v1/courses/7/outcome_rollups?section_id={}", 72, 999),
        ("/api/v1/courses/7/outcome_alignments?student_id={}", 7201, 9999),
        ("/api/v1/outcomes/{}", 18, 99),
        ("/api/v1/outcomes/{}", 55, 99),
        ("/api/history/v1/outcomes/{}", 18, 99),
        ("/api/history/v1/outcome_results/{}", 7201, 9999),
        ("/api/history/v1/outcome_results/{}", 9101, 9999),
        ("/api/history/v1/courses/7/mastery?outcome_id=1&student_id={}", 7201, 9999),
    )
    for path, theirs, nobodys in hidden:
        one, other = [await server.ask(path.format(id_), token=token) for id_ in (theirs, nobodys)]
        told = [answer.body.decode().replace(str(id_), "?") for answer, id_ in ((one, theirs), (other, nobodys))]
        assert (one.status, told[0]) == (other.status, told[1]), path


async def test_sums_count_only_who_is_seen(server: Served, database: str) -> None:
    """Who sees one section reads its mean, its distribution and its number of students, and not those of the course."""
    token = await token_with(database, Grant("section", 71))
    path = "/api/v1/courses/7"
    (whole,) = (await server.get(f"{path}/outcome_rollups?aggregate=course"))["rollups"]
    (own,) = (await server.ask(f"{path}/outcome_rollups?aggregate=course", token=token)).json["rollups"]
    assert ([one["count"] for one in whole["scores"]], [one["count"] for one in own["scores"]]) == ([4], [2])
    spread = (await server.ask(f"{path}/outcome_mastery_distribution", token=token)).json["outcome_distributions"]
    assert {one["total_students"] for one in spread.values()} == {0, 2}
    assert (await server.ask(f"{path}?include[]=total_students", token=token)).json["total_students"] == 2
    rows = (await server.ask(f"{path}/outcome_rollups", token=token)).json["rollups"]
    assert {one["links"]["section"] for one in rows} == {"71"}  # also of who is in 72 too


async def test_a_page_that_cannot_be_narrowed_is_refused_to_who_sees_sections(
    server: Served, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A route that nobody has said anything about shows whole courses alone."""
    token = await token_with(database, Grant("section", 71))
    monkeypatch.setattr("consumer.serve.api.dependencies.NARROWED", frozenset())
    answer = await server.ask("/api/v1/courses/7/users", token=token)
    assert (answer.status, "all of the course" in answer.json["errors"][0]["message"]) == (403, True)
    assert (await server.ask("/api/v1/courses/7/users")).status == 200


async def test_names_are_shown_where_a_right_with_names_covers_them(server: Served, database: str) -> None:
    """A right to another course gives none, nor does one to another section of the same course."""
    mixed = await token_with(database, Grant("course", 7), Grant("course", 9, names=True))
    for path, named in (("/api/v1/courses/7/users", False), ("/api/v1/courses/9/users", True), ("/api/v1/users/9101", False)):
        body = (await server.ask(path, token=mixed)).body.decode()
        assert ("Mark" in body, "pseudonym" in body or "student " in body) == (named, not named), path
    sections = await token_with(database, Grant("section", 71, names=True), Grant("section", 72))
    assert b"Mark" not in (await server.ask("/api/v1/courses/7/users", token=sections)).body


async def test_accounts_and_courses_are_listed_as_far_as_they_are_theirs(server: Served, database: str) -> None:
    """Accounts at the top of the rights, and all courses of which anything may be seen."""
    token = await token_with(database, Grant("account", 3), Grant("account", 2), Grant("section", 91))
    assert [one["id"] for one in (await server.ask("/api/v1/accounts", token=token)).json] == [2]
    assert [one["id"] for one in (await server.ask("/api/v1/courses", token=token)).json] == [7, 8, 9]
    assert [one["id"] for one in await server.get("/api/v1/courses")] == [7, 8, 9]


async def test_only_who_sees_the_whole_tenant_writes(server: Served, database: str) -> None:
    """A right to see is none to change."""
    token = await token_with(database, Grant("account", 1))
    answer = await server.ask("/api/v1/courses/7/outcome_proficiency", token=token, method="POST")
    assert (answer.status, "whole tenant" in answer.json["errors"][0]["message"]) == (403, True)
    assert (await server.ask("/api/v1/courses/7/outcome_proficiency", method="POST")).status == 405
