"""What Canvas does not tell: the same things over time, at paths of our own.

A period is `[valid_from, valid_to)`, times with milliseconds; members have the names of the projection's tables.
"""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from consumer.ingest.tables import TABLES
from consumer.serve.api import serializers
from consumer.serve.api.dependencies import (
    Anytime,
    Asked,
    Id,
    InContext,
    OfAccount,
    OfCourse,
    Paged,
    TheOutcome,
    TheStudent,
    not_there,
)
from consumer.serve.api.paging import Page
from consumer.serve.api.routes import PAGED
from consumer.serve.reading import Row
from schemas import rest
from schemas.base import Time
from schemas.outcome_proficiency import OutcomeProficiency

router = APIRouter(prefix="/api/history/v1", tags=["History"])

_NOT_SHOWN = ("root_account_uuid", "version_hash", "recorded_at", "source", "partition", "position", "event_time", "extra")
"""How a state arrived is told by `outcomes explain`. `extra`: members that this version does not know may hold anything."""


class Period(BaseModel):
    """An object's state for a time, with those members of its table that have a value."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    valid_from: Time
    """When an event began to say this."""
    valid_to: Time | None
    """When one began to say something else; null for the newest."""
    event_name: str
    """The event that said it first."""
    id: int | str
    """Local id of the object."""


class ScalePeriod(BaseModel):
    """The mastery scale that applied for a time."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    valid_from: Time
    """Since when."""
    valid_to: Time | None
    """Until when; null: still."""
    outcome_proficiency_id: int | str | None
    """The scale; null where none applied, negative where only REST has told of it."""
    context_type: str | None
    """Whose it is: `Account` or `Course`."""
    context_id: int | str | None
    """Local id of the owner."""
    ratings: list[rest.ProficiencyRating] | None
    """Its levels, highest first."""


class Cause(BaseModel):
    """What an event at that moment was about."""

    cause: str
    table: str | None
    id: int | str | None


class Change(BaseModel):
    """A score from a moment on. Without score there is none from here on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    at: Time
    """From when on."""
    score: float | None
    """Rounded to 2 decimals."""
    mastery: bool | None
    """Whether it reaches `mastery_points`."""
    rating: str | None
    """The level it is in."""
    color: str | None
    """Colour of that level."""
    calculation_method: str | None
    """By which it was computed, by its stored name."""
    calculation_int: int | None
    """The method's number."""
    points_possible: float | None
    """Of the scale."""
    mastery_points: float | None
    """Of the scale."""
    results: int | None
    """How many results went in."""
    cause: str
    """Why it changed."""
    caused_by: list[Cause]
    """The objects whose events came at that moment."""


async def _periods(asked: Asked, table: str, id_: int, page: Page) -> Response:
    rows = await asked.reading.told("history", asked.tenant, id_, table=table)
    if not rows:
        raise not_there()
    return _sliced(asked, page, rows, lambda row: serializers.period(dict(row), TABLES[table].model, _NOT_SHOWN))


def _sliced(asked: Asked, page: Page, rows: Sequence[Row], shown: Callable[[Row], Any]) -> Response:
    """A page of rows that were read whole: an object has few states."""
    here = rows[page.offset : page.offset + page.size]
    return asked.page([shown(row) for row in here], page, here, total=len(rows), exact_times=True)


@router.get("/outcomes/{outcome_id}", response_model=list[Period], responses=PAGED)
async def outcome(asked: Anytime, outcome_id: Id, page: Paged) -> Response:
    """List the states of an outcome."""
    return await _periods(asked, "learning_outcome", outcome_id, page)


@router.get("/outcome_results/{outcome_result_id}", response_model=list[Period], responses=PAGED)
async def outcome_result(asked: Anytime, outcome_result_id: Id, page: Paged) -> Response:
    """List the states of a result."""
    return await _periods(asked, "learning_outcome_result", outcome_result_id, page)


@router.get("/outcome_groups/{outcome_group_id}", response_model=list[Period], responses=PAGED)
async def outcome_group(asked: Anytime, outcome_group_id: Id, page: Paged) -> Response:
    """List the states of a group."""
    return await _periods(asked, "learning_outcome_group", outcome_group_id, page)


@router.get("/outcome_group_links/{outcome_group_link_id}", response_model=list[Period], responses=PAGED)
async def outcome_group_link(asked: Anytime, outcome_group_link_id: Id, page: Paged) -> Response:
    """List the states of a link, by its id in the events, which REST does not tell."""
    return await _periods(asked, "learning_outcome_link", outcome_group_link_id, page)


@router.get("/accounts/{account_id}/outcome_proficiency", response_model=list[Period], responses=PAGED)
async def account_scales(asked: OfAccount, page: Paged) -> Response:
    """List the states of the scale that an account owns or owned."""
    return await _own_scales(asked, page)


@router.get("/courses/{course_id}/outcome_proficiency", response_model=list[Period], responses=PAGED)
async def course_scales(asked: OfCourse, page: Paged) -> Response:
    """List the states of the scale that a course owns or owned."""
    return await _own_scales(asked, page)


async def _own_scales(asked: InContext, page: Page) -> Response:
    rows = await asked.reading.rows("scales_of_context", asked.tenant, asked.context_type, asked.context_id)
    return _sliced(asked, page, rows, lambda row: serializers.period(dict(row), OutcomeProficiency, _NOT_SHOWN))


@router.get("/accounts/{account_id}/effective_outcome_proficiency", response_model=list[ScalePeriod], responses=PAGED)
async def account_scale_over_time(asked: OfAccount, page: Paged) -> Response:
    """List which scale applied to an account, and whose it was."""
    return await _scale_over_time(asked, page)


@router.get("/courses/{course_id}/effective_outcome_proficiency", response_model=list[ScalePeriod], responses=PAGED)
async def course_scale_over_time(asked: OfCourse, page: Paged) -> Response:
    """List which scale applied to a course, and whose it was."""
    return await _scale_over_time(asked, page)


async def _scale_over_time(asked: InContext, page: Page) -> Response:
    rows = await asked.reading.rows("scale_over_time", asked.tenant, asked.context_type, asked.context_id)
    return _sliced(asked, page, rows, serializers.scale_period)


@router.get("/courses/{course_id}/mastery", response_model=list[Change], responses=PAGED)
async def mastery(asked: OfCourse, student_id: TheStudent, outcome_id: TheOutcome, page: Paged) -> Response:
    """List each change of a student's score for an outcome in a course, and why it changed."""
    for user in await asked.users([student_id]) or ():
        rows = await asked.reading.told("timeline", asked.tenant, asked.context_id, user, outcome_id)
        if rows:
            return _sliced(asked, page, rows, serializers.change)
    raise not_there()
