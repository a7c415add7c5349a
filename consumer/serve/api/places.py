"""Canvas' courses, sections, terms and assignments, answered from the projection.

Published as "Courses", "Sections", "Enrollment Terms", "Assignments".
"""

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from consumer.serve.api import people_shapes as shapes
from consumer.serve.api import serializers
from consumer.serve.api.dependencies import (
    PAGED,
    AccountAt,
    ContextRequest,
    CourseAt,
    Id,
    IdList,
    Paged,
    SearchTerm,
    TenantAt,
    TenantRequest,
    bad_request,
    not_found,
)
from consumer.serve.api.paging import LAST_PAGE, Page
from consumer.serve.api.people import section_of, total_students
from consumer.serve.sql import sql
from schemas import rest, rest_people

router = APIRouter(prefix="/api/v1")

_OVER = "whether it is over, null where that is not known"
CourseInclude = Annotated[
    list[Literal["term", "concluded", "total_students"]] | None,
    Query(alias="include[]", max_length=10, description=f"Also the term, {_OVER}, and how many students are in it."),
]
ListedCourseInclude = Annotated[
    list[Literal["term", "concluded"]] | None,
    Query(alias="include[]", max_length=10, description=f"Also the term, and {_OVER}."),
]
SectionInclude = Annotated[
    list[Literal["total_students"]] | None,
    Query(alias="include[]", max_length=10, description="Also how many students are in it."),
]


@router.get("/courses/{course_id}", response_model=rest.Course, tags=["Courses"])
async def course(request: CourseAt, include: CourseInclude = None) -> Response:
    """Show one course. Code, dates, SIS id and term are there where a backfill has read them: no event tells them."""
    row = await request.pool.fetch_row(sql("course"), *request.of_id)
    assert row is not None
    shown = shapes.course(row, include or (), request.moment)
    if "total_students" in (include or ()):
        shown["total_students"] = await total_students(request)
    return request.answer(shown)


_STATE = Literal["created", "claimed", "available", "completed", "deleted", "all", "unpublished"]
CourseStates = Annotated[
    list[_STATE] | None, Query(alias="state[]", max_length=7, description="In these states; any but deleted where absent.")
]
CourseTerm = Annotated[
    Id | None, Query(description="Of this term: courses whose term a backfill has read, for no event tells it.")
]


@router.get("/courses", response_model=list[rest.Course], responses=PAGED, tags=["Courses"])
async def courses(
    request: TenantAt,
    page: Paged,
    state: CourseStates = None,
    enrollment_term_id: CourseTerm = None,
    search_term: SearchTerm = None,
    include: ListedCourseInclude = None,
) -> Response:
    """List the courses of which the token may see something: by itself, by a section, or by an account above.

    Canvas lists those that the token's user is enrolled in, and has other filters.
    """
    return await _courses(request, page, *await request.places(), state, enrollment_term_id, search_term, include)


@router.get("/accounts/{account_id}/courses", response_model=list[rest.Course], responses=PAGED, tags=["Courses"])
async def account_courses(
    request: AccountAt,
    page: Paged,
    state: CourseStates = None,
    enrollment_term_id: CourseTerm = None,
    search_term: SearchTerm = None,
    include: ListedCourseInclude = None,
) -> Response:
    """List the courses of an account and of all accounts below it, as far as they have events.

    Canvas' other filters are refused: no event has the data for them.
    """
    return await _courses(request, page, [request.context_id], [], state, enrollment_term_id, search_term, include)


async def _courses(
    request: TenantRequest,
    page: Page,
    accounts: Sequence[int],
    ids: Sequence[int],
    states: Sequence[str] | None,
    term_id: int | None,
    search_term: str | None,
    include: Collection[str] | None,
) -> Response:
    of = request.tenant, accounts, request.at, serializers.course_states(states), term_id, search_term, ids
    rows = await request.pool.fetch(sql("courses"), *of, page.size, page.offset, request.viewer.sees_all)
    return request.page([shapes.course(row, include or (), request.moment) for row in rows], page, rows)


@router.get("/courses/{course_id}/sections", response_model=list[rest_people.Section], responses=PAGED, tags=["Sections"])
async def sections(request: CourseAt, page: Paged, include: SectionInclude = None) -> Response:
    """List the sections of a course, by name."""
    rows = await request.pool.fetch(sql("sections"), *request.of_id, None, bool(include), LAST_PAGE, 0)
    seen = [row for row in rows if request.sight.shows(row["id"])]
    shown = [shapes.section(row, include or ()) for row in seen[page.offset : page.offset + page.size]]
    return request.page(shown, page, [], total=len(seen))


@router.get("/courses/{course_id}/sections/{section_id}", response_model=rest_people.Section, tags=["Sections"])
async def section_of_course(request: CourseAt, section_id: Id, include: SectionInclude = None) -> Response:
    """Show one section of a course."""
    return await _section(request, request.context_id, section_id, include or ())


@router.get("/sections/{section_id}", response_model=rest_people.Section, tags=["Sections"])
async def section(request: TenantAt, section_id: Id, include: SectionInclude = None) -> Response:
    """Show one section."""
    return await _section(request, None, section_id, include or ())


async def _section(request: TenantRequest, course_id: int | None, section_id: int, include: Collection[str]) -> Response:
    row = await section_of(request, course_id, await request.own_id(section_id), count=bool(include))
    return request.answer(shapes.section(row, include))


@router.get(
    "/accounts/{account_id}/terms", response_model=rest_people.EnrollmentTerms, responses=PAGED, tags=["Enrollment Terms"]
)
async def terms(
    request: AccountAt,
    page: Paged,
    workflow_state: Annotated[
        list[Literal["active", "deleted", "all"]] | None,
        Query(alias="workflow_state[]", max_length=3, description="In these states; active where absent."),
    ] = None,
    term_name: SearchTerm = None,
) -> Response:
    """List the terms of the root account, the newest start first. They are there where a backfill has read them."""
    await _only_root(request)
    states = ["active", "deleted"] if "all" in (workflow_state or ()) else workflow_state or ["active"]
    rows = await request.pool.fetch(sql("terms"), request.tenant, request.at, states, term_name, None, page.size, page.offset)
    return request.page({"enrollment_terms": [shapes.term(row) for row in rows]}, page, rows)


@router.get("/accounts/{account_id}/terms/{term_id}", response_model=rest.Term, tags=["Enrollment Terms"])
async def term(request: AccountAt, term_id: Id) -> Response:
    """Show one term of the root account, also a deleted one; without the dates of single types of enrolment."""
    await _only_root(request)
    row = await request.pool.fetch_row(
        sql("terms"), request.tenant, request.at, None, None, await request.own_id(term_id), 1, 0
    )
    if row is None:
        raise not_found()
    return request.answer(shapes.term(row))


async def _only_root(request: ContextRequest) -> None:
    (root,) = await request.pool.fetch(sql("account"), *request.of_id)
    if root["root_id"] != request.context_id:
        raise bad_request("Terms only belong to root_accounts.")


@router.get(
    "/courses/{course_id}/assignments", response_model=list[rest_people.Assignment], responses=PAGED, tags=["Assignments"]
)
async def assignments(
    request: CourseAt,
    page: Paged,
    assignment_ids: Annotated[IdList, Query(alias="assignment_ids[]", description="These assignments.")] = None,
    search_term: SearchTerm = None,
    order_by: Annotated[
        Literal["name", "due_at"] | None, Query(description="By id where absent: no event tells positions.")
    ] = None,
) -> Response:
    """List the assignments of a course, without deleted ones."""
    ids = None if assignment_ids is None else [await request.own_id(one) for one in assignment_ids]
    of = *request.of_id, ids, search_term, order_by
    rows = await request.pool.fetch(sql("assignments"), *of, page.size, page.offset)
    return request.page([shapes.assignment(row) for row in rows], page, rows)


@router.get("/courses/{course_id}/assignments/{assignment_id}", response_model=rest_people.Assignment, tags=["Assignments"])
async def assignment(request: CourseAt, assignment_id: Id) -> Response:
    """Show one assignment of a course."""
    of = *request.of_id, [await request.own_id(assignment_id)], None, None
    row = await request.pool.fetch_row(sql("assignments"), *of, 1, 0)
    if row is None:
        raise not_found()
    return request.answer(shapes.assignment(row))
