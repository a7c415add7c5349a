"""The same objects over time, which Canvas does not serve, at paths of our own.

A period is `[valid_from, valid_to)`, times with milliseconds; members have the names of the projection's tables.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from consumer.ingest.tables import TABLES
from consumer.query.sql import sql as query_sql
from consumer.serve.access.narrowing import students_in
from consumer.serve.api import serializers
from consumer.serve.api.dependencies import (
    CONTEXT,
    PAGED,
    ContextAllTime,
    CourseAllTime,
    Id,
    Paged,
    RequiredOutcomeId,
    RequiredStudentId,
    TenantAllTime,
    TenantRequest,
    not_found,
)
from consumer.serve.api.paging import Page
from consumer.serve.read_pool import Row
from consumer.serve.sql import sql
from schemas import rest
from schemas.base import Time
from schemas.outcome_proficiency import OutcomeProficiency

router = APIRouter(prefix="/api/history/v1", tags=["History"])

_HIDDEN = ("root_account_uuid", "version_hash", "recorded_at", "source", "partition", "position", "event_time", "extra")
"""`outcomes explain` tells how a state arrived. `extra` has members that this version does not know: they may hold anything."""


class Period(BaseModel):
    """An object's state for a period, with those members of its table that have a value."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    valid_from: Time
    """Time of the event that began it."""
    valid_to: Time | None
    """Time of the event that ended it; null for the newest."""
    event_name: str
    """Name of the event that began it."""
    id: int | str
    """Local id of the object."""


class ScalePeriod(BaseModel):
    """The mastery scale that applied in a period."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    valid_from: Time
    """Since when."""
    valid_to: Time | None
    """Until when; null: still."""
    outcome_proficiency_id: int | str | None
    """The scale; null where none applied, negative where only a backfill knows it."""
    context_type: str | None
    """Of the owner: `Account` or `Course`."""
    context_id: int | str | None
    """Local id of the owner."""
    ratings: list[rest.ProficiencyRating] | None
    """Its levels, highest first."""


class Cause(BaseModel):
    """The object of an event at that moment."""

    cause: str
    table: str | None
    id: int | str | None


class Change(BaseModel):
    """A score from a moment on; a null score ends the one before."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    at: Time
    """From when on."""
    score: float | None
    """Rounded to 2 decimals."""
    mastery: bool | None
    """Whether the score reaches `mastery_points`."""
    rating: str | None
    """The level it is in."""
    color: str | None
    """Colour of that level."""
    calculation_method: str | None
    """The stored name of the method that computed it."""
    calculation_int: int | None
    """The method's number."""
    points_possible: float | None
    """Of the scale."""
    mastery_points: float | None
    """Of the scale."""
    results: int | None
    """How many results the score counts."""
    cause: str
    """Why the score changed."""
    caused_by: list[Cause]
    """The objects of the events at that moment."""


async def _periods(
    request: TenantRequest, table: str, id_: int, page: Page, shown: Callable[[TenantRequest, Row], Awaitable[bool]]
) -> Response:
    states = await request.pool.fetch(query_sql("history").format(table=table), request.tenant, id_)
    rows = [row for row in states if request.viewer.sees_all or await shown(request, row)]
    if not rows:
        raise not_found()
    return _slice(request, page, rows, lambda row: serializers.period(dict(row), TABLES[table].model, _HIDDEN))


async def _is_of_seen_student(request: TenantRequest, row: Row) -> bool:
    """Of a course that the viewer may see; where that is single sections, of a student who is in one of them."""
    if row["result_context_id"] is None or row["result_context_type"] not in ("Course", None):
        return False
    sight = (await request.sights([row["result_context_id"]])).get(row["result_context_id"])
    if sight is None or sight.sections is None:
        return sight is not None
    of_course = request.tenant, row["result_context_id"], None
    return row["user_uuid"] in await students_in(request.pool, of_course, sight)


def _slice(request: TenantRequest, page: Page, rows: Sequence[Row], shape: Callable[[Row], Any]) -> Response:
    """A page of rows. The statement gives all of them: an object has few states."""
    found = rows[page.offset : page.offset + page.size]
    return request.page([shape(row) for row in found], page, found, total=len(rows), exact_times=True)


@router.get("/outcomes/{outcome_id}", response_model=list[Period], responses=PAGED)
async def outcome(request: TenantAllTime, outcome_id: Id, page: Paged) -> Response:
    """List the states of an outcome."""
    return await _periods(request, "learning_outcome", outcome_id, page, TenantRequest.sees)


@router.get("/outcome_results/{outcome_result_id}", response_model=list[Period], responses=PAGED)
async def outcome_result(request: TenantAllTime, outcome_result_id: Id, page: Paged) -> Response:
    """List the states of a result."""
    return await _periods(request, "learning_outcome_result", outcome_result_id, page, _is_of_seen_student)


@router.get("/outcome_groups/{outcome_group_id}", response_model=list[Period], responses=PAGED)
async def outcome_group(request: TenantAllTime, outcome_group_id: Id, page: Paged) -> Response:
    """List the states of a group."""
    return await _periods(request, "learning_outcome_group", outcome_group_id, page, TenantRequest.sees)


@router.get("/outcome_group_links/{outcome_group_link_id}", response_model=list[Period], responses=PAGED)
async def outcome_group_link(request: TenantAllTime, outcome_group_link_id: Id, page: Paged) -> Response:
    """List the states of a link, by its id in the events; REST has no id of a link."""
    return await _periods(request, "learning_outcome_link", outcome_group_link_id, page, TenantRequest.sees)


@router.get(f"{CONTEXT}/outcome_proficiency", response_model=list[Period], responses=PAGED)
async def own_scales(request: ContextAllTime, page: Paged) -> Response:
    """List the states of the scale that an account or course owns or owned."""
    rows = await request.pool.fetch(sql("scales_of_context"), request.tenant, *request.context)
    return _slice(request, page, rows, lambda row: serializers.period(dict(row), OutcomeProficiency, _HIDDEN))


@router.get(f"{CONTEXT}/effective_outcome_proficiency", response_model=list[ScalePeriod], responses=PAGED)
async def scale_over_time(request: ContextAllTime, page: Paged) -> Response:
    """List which scale applied to an account or course, and its owner."""
    rows = await request.pool.fetch(sql("scale_over_time"), request.tenant, *request.context)
    return _slice(request, page, rows, serializers.scale_period)


@router.get("/courses/{course_id}/mastery", response_model=list[Change], responses=PAGED)
async def mastery(
    request: CourseAllTime, student_id: RequiredStudentId, outcome_id: RequiredOutcomeId, page: Paged
) -> Response:
    """List each change of a student's score for an outcome in a course, and its cause."""
    for user in await request.users([student_id]) or ():
        rows = await request.pool.fetch(query_sql("timeline"), request.tenant, request.context_id, user, outcome_id)
        if rows:
            return _slice(request, page, rows, serializers.change)
    raise not_found()
