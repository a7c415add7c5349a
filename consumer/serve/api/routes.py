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
    Anywhere,
    AssignmentId,
    Id,
    InAccount,
    InContext,
    InCourse,
    OutcomeIds,
    Paged,
    ScaleOfAccount,
    ScaleOfCourse,
    StudentId,
    UserIds,
    not_there,
    wrong,
)
from consumer.serve.api.paging import Page
from consumer.serve.api.serializers import Stat, Style
from consumer.serve.reading import Row
from schemas import rest

LINK = {"Link": {"description": "Where the other pages are (RFC 8288).", "schema": {"type": "string"}}}
PAGED: dict[int | str, dict[str, Any]] = {200: {"headers": LINK}}

router = APIRouter(prefix="/api/v1")


# -- outcomes --


@router.get("/outcomes/{outcome_id}", response_model=rest.Outcome, tags=["Outcomes"])
async def outcome(asked: Anywhere, outcome_id: Id) -> Response:
    """Show one outcome.

    With account-level mastery scales on, points, ratings and method are left out, as Canvas does: they are the context's, and
    none is asked in here.
    """
    row = await asked.reading.row("outcome", asked.tenant, outcome_id, asked.at)
    if row is None or row["workflow_state"] != "active":
        raise not_there()
    return asked.answer(serializers.outcome(row))


@router.get("/courses/{course_id}/outcome_alignments", response_model=list[rest.OutcomeAlignment], tags=["Outcomes"])
async def outcome_alignments(asked: InCourse, student_id: StudentId = None, assignment_id: AssignmentId = None) -> Response:
    """List the alignments of an assignment, or those that a student has results of; one of the two is needed. No pages.

    Alignments have no event: shown are those that Canvas told in a backfill, and those that results prove.
    """
    if student_id is None and assignment_id is None:
        raise wrong("student_id or assignment_id is required")
    users = await asked.users(None if student_id is None else [student_id])
    rows = await asked.reading.rows("alignments", asked.tenant, asked.context_id, asked.at, assignment_id, users)
    return asked.answer([serializers.alignment(row, asked.context_id) for row in rows])


# -- mastery scales --


@router.get("/accounts/{account_id}/outcome_proficiency", response_model=rest.Proficiency, tags=["Proficiency Ratings"])
async def account_proficiency(asked: ScaleOfAccount) -> Response:
    """Show the mastery scale that applies to an account: its own or the nearest ancestor's; 404 where there is none."""
    return _proficiency(asked)


@router.get("/courses/{course_id}/outcome_proficiency", response_model=rest.Proficiency, tags=["Proficiency Ratings"])
async def course_proficiency(asked: ScaleOfCourse) -> Response:
    """Show the mastery scale that applies to a course: its own or the nearest account's; 404 where there is none."""
    return _proficiency(asked)


def _proficiency(asked: InContext) -> Response:
    if asked.told["ratings"] is None:
        raise not_there()
    return asked.answer(serializers.proficiency(asked.told["ratings"]))


# -- grading standards --


@router.get(
    "/accounts/{account_id}/grading_standards",
    response_model=list[rest.GradingStandard],
    responses=PAGED,
    tags=["Grading Standards"],
)
async def account_grading_standards(asked: InAccount, page: Paged) -> Response:
    """List the grading standards of an account; as in Canvas those of the accounts above are not among them."""
    return await _standards(asked, page)


@router.get(
    "/courses/{course_id}/grading_standards",
    response_model=list[rest.GradingStandard],
    responses=PAGED,
    tags=["Grading Standards"],
)
async def course_grading_standards(asked: InCourse, page: Paged) -> Response:
    """List the grading standards of a course; as in Canvas those of the accounts above are not among them."""
    return await _standards(asked, page)


async def _standards(asked: InContext, page: Page) -> Response:
    rows = await asked.reading.rows("standards", *asked.context, None, page.size, page.offset)
    return asked.page([serializers.standard(row) for row in rows], page, rows)


@router.get(
    "/accounts/{account_id}/grading_standards/{grading_standard_id}",
    response_model=rest.GradingStandard,
    tags=["Grading Standards"],
)
async def account_grading_standard(asked: InAccount, grading_standard_id: Id) -> Response:
    """Show one grading standard of an account or of those above it."""
    return await _standard(asked, grading_standard_id)


@router.get(
    "/courses/{course_id}/grading_standards/{grading_standard_id}",
    response_model=rest.GradingStandard,
    tags=["Grading Standards"],
)
async def course_grading_standard(asked: InCourse, grading_standard_id: Id) -> Response:
    """Show one grading standard of a course or of the accounts above it."""
    return await _standard(asked, grading_standard_id)


async def _standard(asked: InContext, grading_standard_id: int) -> Response:
    row = await asked.reading.row("standards", *asked.context, grading_standard_id, 1, 0)
    if row is None:
        raise not_there()
    return asked.answer(serializers.standard(row))


# -- groups and links --


@router.get(
    "/accounts/{account_id}/outcome_groups", response_model=list[rest.OutcomeGroup], responses=PAGED, tags=["Outcome Groups"]
)
async def account_outcome_groups(asked: InAccount, page: Paged) -> Response:
    """List the outcome groups of an account."""
    return await _groups(asked, page)


@router.get(
    "/courses/{course_id}/outcome_groups", response_model=list[rest.OutcomeGroup], responses=PAGED, tags=["Outcome Groups"]
)
async def course_outcome_groups(asked: InCourse, page: Paged) -> Response:
    """List the outcome groups of a course."""
    return await _groups(asked, page)


async def _groups(asked: InContext, page: Page) -> Response:
    rows = await asked.reading.rows("groups", *asked.context, page.size, page.offset)
    return asked.page([serializers.group(row) for row in rows], page, rows)


OutcomeStyle = Annotated[Style, Query(description="Of the outcomes; full: with description, and the scale that applies here.")]
GroupStyle = Annotated[Style, Query(description="Of the groups; full: with description and parent.")]


@router.get(
    "/accounts/{account_id}/outcome_group_links",
    response_model=list[rest.OutcomeGroupLink],
    responses=PAGED,
    tags=["Outcome Groups"],
)
async def account_outcome_group_links(
    asked: InAccount, page: Paged, outcome_style: OutcomeStyle = "abbrev", outcome_group_style: GroupStyle = "abbrev"
) -> Response:
    """List which outcomes are in which groups of an account; those that no event has told are missing."""
    return await _links(asked, page, outcome_style, outcome_group_style)


@router.get(
    "/courses/{course_id}/outcome_group_links",
    response_model=list[rest.OutcomeGroupLink],
    responses=PAGED,
    tags=["Outcome Groups"],
)
async def course_outcome_group_links(
    asked: InCourse, page: Paged, outcome_style: OutcomeStyle = "abbrev", outcome_group_style: GroupStyle = "abbrev"
) -> Response:
    """List which outcomes are in which groups of a course; those that no event has told are missing."""
    return await _links(asked, page, outcome_style, outcome_group_style)


async def _links(asked: InContext, page: Page, outcome_style: Style, group_style: Style) -> Response:
    rows = await asked.reading.rows("group_links", *asked.context, page.size, page.offset)
    context = asked.context_type, asked.context_id
    return asked.page([serializers.link(row, context, outcome_style, group_style) for row in rows], page, rows)


# -- results and rollups --


@router.get(
    "/courses/{course_id}/outcome_results", response_model=rest.OutcomeResults, responses=PAGED, tags=["Outcome Results"]
)
async def outcome_results(
    asked: InCourse,
    page: Paged,
    user_ids: UserIds = None,
    outcome_ids: OutcomeIds = None,
    include_hidden: Annotated[  # noqa: ARG001 - accepted as Canvas does
        bool, Query(description="Changes nothing: no event tells which results are hidden.")
    ] = False,
) -> Response:
    """List the results of a course: active, scored or not yet, of alignments that are not known to be gone.

    Students who are unknown here are left out.
    """
    users = await asked.users(user_ids)
    rows = await asked.reading.rows(
        "results", asked.tenant, asked.context_id, asked.at, users, outcome_ids, page.size, page.offset
    )
    return asked.page({"outcome_results": [serializers.result(row) for row in rows]}, page, rows)


@router.get(
    "/courses/{course_id}/outcome_rollups", response_model=rest.OutcomeRollups, responses=PAGED, tags=["Outcome Results"]
)
async def outcome_rollups(
    asked: InCourse,
    page: Paged,
    user_ids: UserIds = None,
    outcome_ids: OutcomeIds = None,
    aggregate: Annotated[Literal["course"] | None, Query(description="One rollup over the students of the course.")] = None,
    aggregate_stat: Annotated[Stat, Query(description="Of the aggregate; the mean is rounded to 2 decimals.")] = "mean",
) -> Response:
    """List the scores of a course's students, by student, or summed up over them.

    A student is who has a result in the course; enrolments and sections are not known, so there is no `links.section`.
    """
    users = await asked.users(user_ids)
    if aggregate is not None:
        rows = await asked.reading.rows("aggregate", asked.tenant, asked.context_id, asked.at, users, outcome_ids)
        return asked.answer(serializers.aggregate(rows, asked.context_id, aggregate_stat))
    students = await asked.reading.rows("students", asked.tenant, asked.context_id, asked.at, users, page.size, page.offset)
    middle = (len(students) + 1) // 2
    halves = await asyncio.gather(
        *(_scores(asked, half, outcome_ids) for half in (students[:middle], students[middle:]) if half)
    )
    return asked.page(serializers.rollups(students, chain.from_iterable(halves)), page, students)


async def _scores(asked: InCourse, students: Sequence[Row], outcome_ids: Sequence[int] | None) -> Sequence[Row]:
    """Of half a page: two halves at once take little more than half as long as a whole one."""
    uuids = [student["user_uuid"] for student in students]
    return await asked.reading.rows("rollups", asked.tenant, asked.context_id, asked.at, uuids, outcome_ids)


# -- the tree --


@router.get("/accounts", response_model=list[rest.Account], responses=PAGED, tags=["Accounts"])
async def accounts(asked: Anywhere, page: Paged) -> Response:
    """List the accounts that the token opens: the root account, and with it all below."""
    context = await asked.reading.row("context", asked.tenant, "Account", None, asked.at)
    assert context is not None
    row = None
    if context["known"] is not False:  # one without an event of its own is known as the root
        row = await asked.reading.row("account", asked.tenant, context["id"], asked.at)
    told = [serializers.account(row, asked.tenant)] if row is not None else []
    return asked.page(told[page.offset : page.offset + page.size], page, [], total=len(told))


@router.get("/accounts/{account_id}", response_model=rest.Account, tags=["Accounts"])
async def account(asked: InAccount) -> Response:
    """Show one account. Of one that no event has told the name is empty."""
    row = await asked.reading.row("account", asked.tenant, asked.context_id, asked.at)
    assert row is not None
    return asked.answer(serializers.account(row, asked.tenant))


@router.get("/accounts/{account_id}/sub_accounts", response_model=list[rest.Account], responses=PAGED, tags=["Accounts"])
async def sub_accounts(
    asked: InAccount, page: Paged, recursive: Annotated[bool, Query(description="Also those further below.")] = False
) -> Response:
    """List the accounts below an account."""
    rows = await asked.reading.rows("sub_accounts", asked.tenant, asked.context_id, asked.at, recursive, page.size, page.offset)
    return asked.page([serializers.account(row, asked.tenant) for row in rows], page, rows)


_OF_COURSES = (
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
"""Published as parameters of "Accounts", "List active courses in an account"; no event tells what they ask for."""
_STATE = Literal["created", "claimed", "available", "completed", "deleted", "all", "unpublished"]


@router.get("/accounts/{account_id}/courses", response_model=list[rest.Course], responses=PAGED, tags=["Courses"])
async def account_courses(
    asked: InAccount,
    page: Paged,
    state: Annotated[
        list[_STATE] | None, Query(alias="state[]", max_length=7, description="In these states; any but deleted where absent.")
    ] = None,
) -> Response:
    """List the courses of an account and of all below it: those that course events have told.

    Filters of Canvas' that are not named here are refused.
    """
    asked.refuse(*_OF_COURSES)
    if "state" in asked.request.query_params:
        raise wrong("state: state[] is expected, once for each state")
    rows = await asked.reading.rows(
        "courses", asked.tenant, asked.context_id, asked.at, serializers.course_states(state), page.size, page.offset
    )
    return asked.page([serializers.course(row) for row in rows], page, rows)
