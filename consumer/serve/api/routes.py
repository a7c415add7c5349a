"""Canvas' endpoints, at Canvas' paths, answered from the projection.

Published as "Outcomes", "Outcome Groups", "Outcome Results", "Proficiency Ratings", "Grading Standards",
"Accounts".
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from consumer.serve.api import serializers
from consumer.serve.api.dependencies import (
    CONTEXT,
    PAGED,
    AccountAt,
    AssignmentId,
    ContextAt,
    CourseAt,
    Id,
    Paged,
    ScaleAt,
    StudentId,
    TenantAt,
    TenantRequest,
    bad_request,
    not_found,
)
from consumer.serve.sql import sql
from schemas import rest

router = APIRouter(prefix="/api/v1")


# -- outcomes --


@router.get("/outcomes/{outcome_id}", response_model=rest.Outcome, tags=["Outcomes"])
async def outcome(request: TenantAt, outcome_id: Id) -> Response:
    """Show one outcome.

    With account-level mastery scales on, points, ratings and method are left out, as in Canvas: they belong to a context, and
    this path names none.
    """
    row = await request.pool.fetch_row(sql("outcome"), request.tenant, outcome_id, request.at)
    if row is None or row["workflow_state"] != "active" or not await request.sees(row):
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
    rows = await request.pool.fetch(sql("alignments"), *request.of_id, assignment_id, users, False)
    return request.answer([serializers.alignment(row) for row in rows])


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


# -- the tree --


@router.get("/accounts", response_model=list[rest.Account], responses=PAGED, tags=["Accounts"])
async def accounts(request: TenantAt, page: Paged) -> Response:
    """List the accounts at the top of what the token may see: the root account, or those that its rights name."""
    if not request.viewer.sees_all:
        rows = [await request.pool.fetch_row(sql("account"), request.tenant, id_, request.at) for id_ in await _tops(request)]
        shown = [serializers.account(row, request.tenant) for row in rows if row is not None and row["name"] is not None]
        return request.page(shown[page.offset : page.offset + page.size], page, [], total=len(shown))
    context = await request.pool.fetch_row(sql("context"), request.tenant, "Account", None, request.at)
    assert context is not None
    row = None
    if context["known"] is not False:  # null: the root account has no event of its own, but exists
        row = await request.pool.fetch_row(sql("account"), request.tenant, context["id"], request.at)
    found = [serializers.account(row, request.tenant)] if row is not None else []
    return request.page(found[page.offset : page.offset + page.size], page, [], total=len(found))


async def _tops(request: TenantRequest) -> list[int]:
    """Of the accounts that rights name, those that lie below no other one."""
    named = request.viewer.accounts
    rows = await request.pool.fetch(sql("accounts_above"), request.tenant, "Account", sorted(named))
    return [row["id"] for row in rows if not (named & set(row["accounts"])) - {row["id"]}]


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
