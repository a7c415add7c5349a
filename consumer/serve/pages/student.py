"""A student's report: all outcomes of a course, or of all courses, each with how it came to be; to be printed too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from consumer.query.gradebook import Gradebook, gradebook_of
from consumer.query.gradebook_csv import as_csv
from consumer.query.sql import sql as query_sql
from consumer.query.students import Rows
from consumer.query.students import Student as CourseStudent
from consumer.query.timeline import Change
from consumer.rights.viewer import Sight
from consumer.serve.api.dependencies import ContextRequest, CourseAt, TenantAt, TenantRequest, not_found
from consumer.serve.api.paging import LAST_PAGE, Page
from consumer.serve.pages.cell import Student, called
from consumer.serve.pages.charts import Trend, trend
from consumer.serve.pages.gradebook_table import Table
from consumer.serve.pages.routing import page, people, router_options
from consumer.serve.sql import sql
from consumer.store.postgres import Connection

router = APIRouter(**router_options)
COURSES = 5
"""Of a page: each is a gradebook."""


@dataclass(frozen=True, slots=True)
class Report:
    """One course of a student's report."""

    table: Table
    """With this student alone."""
    student: CourseStudent
    trends: Mapping[int, Trend | None]
    """By outcome."""


async def _report(connection: Connection, request: TenantRequest, course: int, sight: Sight, student: str) -> Report | None:
    """None where the course does not know the student."""
    rows = Rows(left=True, seen=sight.sections)
    found = await gradebook_of(connection, request.tenant, course, request.at, rows=rows, people=people)
    name = called(student)
    one = next((one for one in found.students if name in one.uuids or name == f"id:{one.user_id}"), None)
    if one is None:
        return None
    ids = [row["learning_outcome_id"] for row in found.outcomes if row["learning_outcome_id"] in one.outcomes]
    changed = await connection.fetch(query_sql("student_timelines"), request.tenant, course, one.key, ids)
    changes: dict[int, list[Change]] = {id_: [] for id_ in ids}
    for row in changed:
        state = {name: row[name] for name in ("score", "color", "points_possible", "mastery_points")}
        changes[row["learning_outcome_id"]].append(Change(row["at"], "", orjson.loads(row["caused_by"]), state))
    trends = {id_: trend(told, request.moment) for id_, told in changes.items()}
    return Report(Table.of(_alone(found, one)), one, trends)


def _alone(found: Gradebook, student: CourseStudent) -> Gradebook:
    """With the class in the summaries, and this student in the only row."""
    values = {name: getattr(found, name) for name in Gradebook.__slots__}
    return Gradebook(**values | {"students": (student,)})


async def _read(request: TenantRequest, courses: Sequence[int], student: str) -> list[Report]:
    sights = await request.sights(courses)

    async def question(connection: Connection) -> list[Report]:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = [await _report(connection, request, course, sight, student) for course, sight in sights.items()]
            return [one for one in found if one is not None]

    return await request.pool.read(request.tenant, question)


async def _of_course(request: ContextRequest, student: str) -> Report:
    found = await _read(request, [request.context_id], student)
    if not found:
        raise not_found()
    return found[0]


# CSV and JSON come first: the page's path would take them for an id.


@router.get("/courses/{course_id}/students/{student}.csv")
async def of_course_csv(request: CourseAt, student: Student) -> Response:
    """As a gradebook of one."""
    report = await _of_course(request, student)
    return Response(as_csv(report.table.found), media_type="text/csv; charset=utf-8")


@router.get("/courses/{course_id}/students/{student}.json")
async def of_course_json(request: CourseAt, student: Student) -> Response:
    """The same for machines."""
    return request.answer((await _of_course(request, student)).table.found.as_json(), exact_times=True)


@router.get("/courses/{course_id}/students/{student}")
async def of_course(request: CourseAt, student: Student) -> Response:
    """The outcomes of one course."""
    report = await _of_course(request, student)
    return page("student.html", request, reports=[report], whole=False, student=student, now=datetime.now(UTC), more=None)


@router.get("/students/{student}")
async def of_all_courses(
    request: TenantAt, student: Student, number: Annotated[int, Query(alias="page", ge=1, le=LAST_PAGE)] = 1
) -> Response:
    """The outcomes of all courses, a few courses a page."""
    shown = Page(number, COURSES)
    found = await courses_of(request, student, shown)
    reports = await _read(request, [row["id"] for row in found], student)
    if not reports:
        raise not_found()
    more = number + 1 if shown.offset + shown.size < found[0]["total"] else None
    return page("student.html", request, reports=reports, whole=True, student=student, now=datetime.now(UTC), more=more)


async def courses_of(request: TenantRequest, student: str, shown: Page) -> Sequence[Any]:
    """The courses of a student, by name."""
    uuids = await request.users([student])
    id_ = None if student.startswith("uuid:") else await request.user_id(int(student))
    return await request.pool.fetch(sql("student_courses"), request.tenant, id_, uuids, shown.size, shown.offset)
