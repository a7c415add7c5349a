"""One student's score for one outcome: what went in, how it is counted, and how it came to be."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response

from consumer.errors import UsageError
from consumer.query import rollup as rollups
from consumer.query import timeline as timelines
from consumer.query.rollup import Rollup, counted, why
from consumer.query.timeline import Change, Timeline, cause_of, shown_state
from consumer.serve.api.dependencies import ContextRequest, CourseAt, Id, UserName, not_found
from consumer.serve.pages import rendering
from consumer.serve.pages.charts import trend
from consumer.serve.pages.routing import csv_answer, page, people, router_options
from consumer.store.postgres import Connection

router = APIRouter(**router_options)
Student = Annotated[UserName, Path()]
_COLUMNS = ("result_id", "assessed", "score", "possible", "percent", "merged_percent", "value", "worked_at")
ADDRESS = "/courses/{course_id}/students/{student}/outcomes/{outcome_id}"


def called(student: str) -> str:
    """A student of an address, as questions call one: `7` is an id, `uuid:x` a uuid."""
    return student.removeprefix("uuid:") if student.startswith("uuid:") else f"id:{student}"


async def _read(request: ContextRequest, student: str, outcome_id: int) -> tuple[Rollup, Timeline | None]:
    if request.sight.sections is not None and not await request.users([student]):
        raise not_found()

    async def question(connection: Connection) -> tuple[Rollup, Timeline | None]:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            of = request.tenant, request.context_id
            found = await rollups.rollup_of(connection, *of, called(student), outcome_id, request.at, people=people)
            try:
                told = await timelines.timeline_of(connection, *of, found.student, outcome_id, found.student.key)
            except UsageError:  # results, and never a score
                told = None
            if (seen := request.sight.sections) is not None:  # what came after the student left the section is others' to see
                found = replace(found, student=found.student.within(*seen))
                told = told and replace(told, changes=tuple(one for one in told.changes if one.at <= request.moment))
            return found, told

    return await request.pool.read(request.tenant, question)


def _changes(told: Timeline) -> list[tuple[Change, str, dict[str, str]]]:
    """Each with its cause and what it came to; scale and method where they are new: they are long, and seldom change."""
    found, before = [], dict[str, str]()
    for change in told.changes:
        shown = shown_state(change.state)
        seen = {name: value for name, value in shown.items() if name not in ("scale", "method") or before.get(name) != value}
        found.append((change, cause_of(told, change), seen))
        before |= shown
    return found


# CSV and JSON come first: the page's path would take them for an id.


@router.get(f"{ADDRESS}.csv")
async def cell_csv(request: CourseAt, student: Student, outcome_id: Id) -> Response:
    """The results that went in."""
    found, _ = await _read(request, student, outcome_id)
    names = ("id", "assessed", *_COLUMNS[2:])
    return csv_answer(_COLUMNS, ([row[name] for name in names] for row in found.results))


@router.get(f"{ADDRESS}.json")
async def cell_json(request: CourseAt, student: Student, outcome_id: Id) -> Response:
    """As `outcomes explain rollup --json` prints it, with the timeline."""
    found, told = await _read(request, student, outcome_id)
    changes = told.as_json()["changes"] if told else []
    return request.answer(found.as_json() | {"changes": changes}, exact_times=True)


@router.get(ADDRESS)
async def cell(request: CourseAt, student: Student, outcome_id: Id) -> Response:
    """Results, formula, scale, timeline."""
    found, told = await _read(request, student, outcome_id)
    levels = found.outcome["levels"]
    return page(
        "cell.html",
        request,
        found=found,
        why=why(found),
        results=[(row, counted(row, found.outcome)) for row in found.results],
        levels=[(level, rendering.shape(n, levels)) for n, level in enumerate(levels)],
        changes=_changes(told) if told else [],
        trend=trend(told.changes, request.moment) if told else None,
        begins=told.history_begins if told else None,
        now=datetime.now(UTC),
    )
