"""Canvas' endpoints, at Canvas' paths, answered from the projection.

Published as "Outcomes", "Outcome Groups", "Outcome Results", "Proficiency Ratings", "Grading Standards",
"Accounts", "Courses".
"""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from consumer.serve.api import serializers
from consumer.serve.api.dependencies import (
    CONTEXT,
    AccountAt,
    AssignmentId,
    ContextAt,
    CourseAt,
    Id,
    OutcomeIds,
    Paged,
    ScaleAt,
    StudentId,
    TenantAt,
    UserIds,
    bad_request,
    not_found,
)
from consumer.serve.api.serializers import Stat, Style
from consumer.serve.read_pool import Row
from consumer.serve.sql import sql
from schemas import rest

PAGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"Link": {"description": "Addresses of the other pages (RFC 8288).", "schema": {"type": "string"}}}}
}

router = APIRouter(prefix="/api/v1")


# -- outcomes --


@router.get("/outcomes/{outcome_id}", response_model=rest.Outcome, tags=["Outcomes"])
async def outcome(request: TenantAt, outcome_id: Id) -> Response:
    """Show one outcome.

    With account-level mastery scales on, points, ratings and method are left out, as in Canvas: they belong to a context, and
    this path names none.
    """
    row = await request.pool.fetch_row(sql("outcome"), request.tenant, outcome_id, request.at)
    if row is None or row["workflow_state"] != "active":
        raise not_found()
    return request.answer(serializers.outcome(row))


@router.get("/courses/{course_id}/outcome_alignments", response_model=list[rest.OutcomeAlignment], tags=["Outcomes"])
async def outcome_alignments(request: CourseAt, student_id: StudentId = None, assignment_id: AssignmentId = None) -> Response:
    """List the alignments of an assignment, or those that a student has results of; one of the two is needed. No pages.

    No event tells alignments: the list has those that a backfill read from Canvas, and those that results prove.
    """
    if student_id is None and assignment_id is None:
        raise bad_request("student_id or assignment_id is required")
    users = await request.users(None if student_id is None else [student_id])
    rows = await request.pool.fetch(sql("alignments"), *request.of_id, assignment_id, users)
    return request.answer([serializers.alignment(row, request.context_id) for row in rows])


# -- mastery scales --


@router.get(f"{CONTEXT}/outcome_proficiency", response_model=rest.Proficiency, tags=["Proficiency Ratings"])
async def proficiency(request: ScaleAt) -> Response:
    """Show the mastery scale that applies to an account or course: its own or the nearest ancestor's; 404 where none does."""
    if request.row["ratings"] is None:
        raise not_found()
    return request.answer(serializers.proficiency(request.row["ratings"]))


# -- grading standards --


@router.get(
    f"{CONTEXT}/grading_standards",
    response_model=list[rest.GradingStandard],
    responses=PAGED,
    tags=["Grading Standards"],
)
async def grading_standards(request: ContextAt, page: Paged) -> Response:
    """List the grading standards of an account or course; as in Canvas, without those of the accounts above it."""
    rows = await request.pool.fetch(sql("standards"), *request.of_context, None, page.size, page.offset)
    return request.page([serializers.standard(row) for row in rows], page, rows)


@router.get(
    f"{CONTEXT}/grading_standards/{{grading_standard_id}}",
    response_model=rest.GradingStandard,
    tags=["Grading Standards"],
)
async def grading_standard(request: ContextAt, grading_standard_id: Id) -> Response:
    """Show one grading standard of an account or course, or of the accounts above it."""
    row = await request.pool.fetch_row(sql("standards"), *request.of_context, grading_standard_id, 1, 0)
    if row is None:
        raise not_found()
    return request.answer(serializers.standard(row))


# -- groups and links --


@router.get(f"{CONTEXT}/outcome_groups", response_model=list[rest.OutcomeGroup], responses=PAGED, tags=["Outcome Groups"])
async def outcome_groups(request: ContextAt, page: Paged) -> Response:
    """List the outcome groups of an account or course."""
    rows = await request.pool.fetch(sql("groups"), *request.of_context, page.size, page.offset)
    return request.page([serializers.group(row) for row in rows], page, rows)


@router.get(
    f"{CONTEXT}/outcome_group_links",
    response_model=list[rest.OutcomeGroupLink],
    responses=PAGED,
    tags=["Outcome Groups"],
)
async def outcome_group_links(
    request: ContextAt,
    page: Paged,
    outcome_style: Annotated[Style, Query(description="full: with description, and the scale of the context.")] = "abbrev",
    outcome_group_style: Annotated[Style, Query(description="full: with description and parent.")] = "abbrev",
) -> Response:
    """List which outcomes are in which groups of an account or course; without those that have no event."""
    rows = await request.pool.fetch(sql("group_links"), *request.of_context, page.size, page.offset)
    shown = [serializers.link(row, request.context, outcome_style, outcome_group_style) for row in rows]
    return request.page(shown, page, rows)


# -- results and rollups --


@router.get(
    "/courses/{course_id}/outcome_results", response_model=rest.OutcomeResults, responses=PAGED, tags=["Outcome Results"]
)
async def outcome_results(
    request: CourseAt,
    page: Paged,
    user_ids: UserIds = None,
    outcome_ids: OutcomeIds = None,
    include_hidden: Annotated[  # noqa: ARG001 - accepted as Canvas does
        bool, Query(description="Has no effect: no event tells which results are hidden.")
    ] = False,
) -> Response:
    """List the results of a course: active, scored or not yet, without those of removed alignments.

    Ignores unknown students.
    """
    users = await request.users(user_ids)
    rows = await request.pool.fetch(sql("results"), *request.of_id, users, outcome_ids, page.size, page.offset)
    return request.page({"outcome_results": [serializers.result(row) for row in rows]}, page, rows)


@router.get(
    "/courses/{course_id}/outcome_rollups", response_model=rest.OutcomeRollups, responses=PAGED, tags=["Outcome Results"]
)
async def outcome_rollups(
    request: CourseAt,
    page: Paged,
    user_ids: UserIds = None,
    outcome_ids: OutcomeIds = None,
    aggregate: Annotated[Literal["course"] | None, Query(description="One rollup over the students of the course.")] = None,
    aggregate_stat: Annotated[Stat, Query(description="Of the aggregate; the mean has 2 decimals.")] = "mean",
) -> Response:
    """List the scores of a course's students, by student or as an aggregate.

    The students are those with any result in the course, also without a score. No event tells sections, so there is no
    `links.section`.
    """
    users = await request.users(user_ids)
    if aggregate is not None:
        rows = await request.pool.fetch(sql("aggregate"), *request.of_id, users, outcome_ids)
        return request.answer(serializers.aggregate(rows, request.context_id, aggregate_stat))
    students = await request.pool.fetch(sql("students"), *request.of_id, users, page.size, page.offset)
    middle = (len(students) + 1) // 2
    halves = [half for half in (students[:middle], students[middle:]) if half]
    scores = await asyncio.gather(*(_scores(request, half, outcome_ids) for half in halves))
    return request.page(serializers.rollups(students, chain.from_iterable(scores)), page, students)


async def _scores(request: CourseAt, students: Sequence[Row], outcome_ids: Sequence[int] | None) -> Sequence[Row]:
    """The scores of half a page: two halves at once take little more than half as long as the whole."""
    uuids = [student["user_uuid"] for student in students]
    return await request.pool.fetch(sql("rollups"), *request.of_id, uuids, outcome_ids)


# -- the tree --


@router.get("/accounts", response_model=list[rest.Account], responses=PAGED, tags=["Accounts"])
async def accounts(request: TenantAt, page: Paged) -> Response:
    """List the accounts at the top of what the token opens: the root account."""
    context = await request.pool.fetch_row(sql("context"), request.tenant, "Account", None, request.at)
    assert context is not None
    row = None
    if context["known"] is not False:  # null: the root account has no event of its own, but exists
        row = await request.pool.fetch_row(sql("account"), request.tenant, context["id"], request.at)
    found = [serializers.account(row, request.tenant)] if row is not None else []
    return request.page(found[page.offset : page.offset + page.size], page, [], total=len(found))


@router.get("/accounts/{account_id}", response_model=rest.Account, tags=["Accounts"])
async def account(request: AccountAt) -> Response:
    """Show one account. The name of an account without an event is empty."""
    row = await request.pool.fetch_row(sql("account"), *request.of_id)
    assert row is not None
    return request.answer(serializers.account(row, request.tenant))


@router.get("/accounts/{account_id}/sub_accounts", response_model=list[rest.Account], responses=PAGED, tags=["Accounts"])
async def sub_accounts(
    request: AccountAt, page: Paged, recursive: Annotated[bool, Query(description="Also those further below.")] = False
) -> Response:
    """List the accounts below an account."""
    rows = await request.pool.fetch(sql("sub_accounts"), *request.of_id, recursive, page.size, page.offset)
    return request.page([serializers.account(row, request.tenant) for row in rows], page, rows)


_COURSE_FILTERS = (
    "blueprint",
    "blueprint_associated",
    "by_subaccounts",
    "by_teachers",
    "completed",
    "ends_after",
    "enrollment_term_id",
    "enrollment_type",
    "enrollment_workflow_state",
    "hide_enrollmentless_courses",
    "homeroom",
    "public",
    "published",
    "search_by",
    "search_term",
    "starts_before",
    "with_enrollments",
)
"""Parameters of "Accounts", "List active courses in an account" that no event has the data for."""
_STATE = Literal["created", "claimed", "available", "completed", "deleted", "all", "unpublished"]


@router.get("/accounts/{account_id}/courses", response_model=list[rest.Course], responses=PAGED, tags=["Courses"])
async def account_courses(
    request: AccountAt,
    page: Paged,
    state: Annotated[
        list[_STATE] | None, Query(alias="state[]", max_length=7, description="In these states; any but deleted where absent.")
    ] = None,
) -> Response:
    """List the courses of an account and of all accounts below it, as far as they have events.

    Refuses filters of Canvas that are not listed here.
    """
    request.refuse_filters(*_COURSE_FILTERS)
    if "state" in request.http.query_params:
        raise bad_request("state: state[] is expected, once for each state")
    states = serializers.course_states(state)
    rows = await request.pool.fetch(sql("courses"), *request.of_id, states, page.size, page.offset)
    return request.page([serializers.course(row) for row in rows], page, rows)
