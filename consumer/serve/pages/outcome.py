"""An outcome: how a class was spread over its levels over time and by section, and which courses use it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from consumer.query.gradebook import Gradebook, Row, gradebook_of
from consumer.serve.api.dependencies import ContextRequest, CourseAt, Id, TenantAt, TenantRequest, not_found
from consumer.serve.api.paging import LAST_PAGE, Page
from consumer.serve.pages.gradebook_table import Table, bars
from consumer.serve.pages.rendering import place_of, shape
from consumer.serve.pages.routing import csv_answer, page, people, router_options
from consumer.serve.sql import sql

router = APIRouter(**router_options)
MOMENTS = 8
"""Of a course's time, at most: each is a summary of the whole course."""
COURSES = 15
"""Of a page: each is a summary too."""
_MONTHS = 3
"""From so many on the moments are the firsts of months."""
_COLUMNS = ("at", "assessed", "mastered", "mean", "levels")
_OF_COURSES = ("course_id", "course", "assessed", "mastered", "mean", "levels")


def moments(first: datetime, newest: datetime, until: datetime) -> list[datetime]:
    """The firsts of the last months, or evenly spread; the last one is `until`."""
    begin = datetime(first.year, first.month, 1, tzinfo=UTC)
    months = [begin]
    while months[-1] < newest:
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    found = [month for month in months[1:] if month < until]
    if len(found) < _MONTHS:
        step = (newest - first) / (MOMENTS - 1)
        found = [first + step * n for n in range(1, MOMENTS - 1)] if step else []
        found = [one.replace(microsecond=0) for one in found if one < until]
    return [*found[-(MOMENTS - 1) :], until]


async def _over_time(request: ContextRequest, outcome_id: int) -> list[dict[str, Any]]:
    [span] = await request.pool.fetch(sql("outcome_span"), *request.of_id[:2], outcome_id, request.at)
    if span["first"] is None:
        return []
    at = moments(span["first"], span["newest"], request.moment.replace(microsecond=0))
    rows = await request.pool.fetch(sql("outcome_over_time"), *request.of_id[:2], outcome_id, at)
    return [dict(row) | {"levels": json.loads(row["levels"])} for row in rows]


def _by_section(found: Gradebook, outcome: Row) -> list[dict[str, Any]]:
    """Students of several sections count in each."""
    sections: dict[str, list[float]] = {}
    for student in found.students:
        row = found.cells.get((student.key, outcome["learning_outcome_id"]))
        if student.standing == "left" or row is None or row["score"] is None:
            continue
        for name in student.section_names or ["no section is known"]:
            sections.setdefault(name, []).append(float(row["score"]))
    return [{"name": name, **_spread(scores, outcome["levels"])} for name, scores in sorted(sections.items())]


def _spread(scores: Sequence[float], levels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    places = [place_of(score, levels) for score in scores]
    counted = [{**level, "count": places.count(n)} for n, level in enumerate(levels)]
    return {
        "assessed": len(scores),
        "mastered": sum(level["count"] for level in counted if level["mastery"]),
        "mean": sum(scores) / len(scores),
        "levels": counted,
    }


# CSV and JSON come first: the page's path would take them for an id.


@router.get("/courses/{course_id}/outcomes/{outcome_id}.csv")
async def of_course_csv(request: CourseAt, outcome_id: Id) -> Response:
    """The class over time."""
    rows = await _over_time(request, outcome_id)
    return csv_answer(_COLUMNS, ([*(row[name] for name in _COLUMNS[:-1]), _written(row["levels"])] for row in rows))


@router.get("/courses/{course_id}/outcomes/{outcome_id}.json")
async def of_course_json(request: CourseAt, outcome_id: Id) -> Response:
    """The same for machines."""
    return request.answer(list(map(_plain, await _over_time(request, outcome_id))), exact_times=True)


@router.get("/courses/{course_id}/outcomes/{outcome_id}")
async def of_course(request: CourseAt, outcome_id: Id) -> Response:
    """One course: over time, by section, and where its scale changed."""
    found = await request.pool.read(
        request.tenant,
        lambda connection: gradebook_of(connection, request.tenant, request.context_id, request.at, people=people),
    )
    table = Table.of(found)
    column = next((one for one in table.columns if one.id == outcome_id), None)
    if column is None:
        raise not_found()
    scales = await request.pool.fetch(sql("scale_over_time"), request.tenant, "Course", request.context_id)
    told = [("then", one["at"], one) for one in await _over_time(request, outcome_id)]
    told += [("scale", one["valid_from"], {}) for one in scales if told and told[0][1] < one["valid_from"] <= request.moment]
    levels = column.outcome["levels"]
    return page(
        "outcome.html",
        request,
        found=found,
        column=column,
        levels=[(level, shape(n, levels)) for n, level in enumerate(levels)],
        told=sorted(told, key=lambda one: one[1]),
        sections=_by_section(found, column.outcome),
        bars=bars,
        now=datetime.now(UTC),
    )


Number = Annotated[int, Query(alias="page", ge=1, le=LAST_PAGE)]


@router.get("/outcomes/{outcome_id}.csv")
async def of_tenant_csv(request: TenantAt, outcome_id: Id, number: Number = 1) -> Response:
    """The courses of the page."""
    _, rows = await _courses(request, outcome_id, Page(number, COURSES))
    return csv_answer(_OF_COURSES, map(_listed, rows))


@router.get("/outcomes/{outcome_id}.json")
async def of_tenant_json(request: TenantAt, outcome_id: Id, number: Number = 1) -> Response:
    """The same for machines."""
    _, rows = await _courses(request, outcome_id, Page(number, COURSES))
    return request.answer([dict(zip(_OF_COURSES, _listed(_plain(row)), strict=True)) for row in rows])


@router.get("/outcomes/{outcome_id}")
async def of_tenant(request: TenantAt, outcome_id: Id, number: Number = 1) -> Response:
    """The courses that use it, a few a page."""
    outcome, rows = await _courses(request, outcome_id, Page(number, COURSES))
    last = -(-(rows[0]["total"] if rows else 0) // COURSES) or 1
    shown = {"outcome": outcome, "rows": rows, "bars": bars, "number": number, "last": last, "now": datetime.now(UTC)}
    return page("outcome_courses.html", request, **shown)


async def _courses(request: TenantRequest, outcome_id: int, shown: Page) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    outcome = await request.pool.fetch_row(sql("outcome"), request.tenant, outcome_id, request.at)
    if outcome is None:
        raise not_found()
    of = request.tenant, outcome_id, request.at, shown.size, shown.offset
    rows = await request.pool.fetch(sql("outcome_courses"), *of)
    return dict(outcome), [dict(row) | {"levels": json.loads(row["levels"])} for row in rows]


def _listed(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["id"], row["name"], row["assessed"], row["mastered"], row["mean"], _written(row["levels"])


def _written(levels: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{level['count']} {level['description'] or 'no name'}" for level in levels)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no decimals."""
    return dict(row) | {"mean": None if row["mean"] is None else float(row["mean"])}
