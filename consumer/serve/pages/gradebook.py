"""The gradebook of a course, at one moment or beside another."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from consumer.query import gradebook as gradebooks
from consumer.query.comparison import Comparison, compared
from consumer.query.gradebook import Gradebook
from consumer.query.gradebook_csv import as_csv
from consumer.query.members import Exclude
from consumer.query.students import Rows
from consumer.serve.api.dependencies import At, ContextRequest, CourseAt, Id
from consumer.serve.api.paging import LAST_PAGE
from consumer.serve.pages.gradebook_table import SIZES, Table
from consumer.serve.pages.routing import page, people, router_options
from consumer.serve.sql import sql
from consumer.store.postgres import Connection

router = APIRouter(**router_options)
_STUDENT = "student"


@dataclass(frozen=True, slots=True)
class View:
    """How somebody looks at a gradebook, as the address says it."""

    compare: datetime | None
    one_scale: bool
    rows: Rows
    sort: int | None
    """The outcome that students are sorted by; None: by name."""
    descending: bool
    number: int
    size: int

    def parameters(self, at: datetime | None) -> dict[str, Any]:
        """As an address has them."""
        return {
            "at": at,
            "compare": self.compare,
            "one_scale": self.one_scale,
            "section_id": self.rows.section,
            "exclude": sorted(self.rows.exclude),
            "left": self.rows.left,
            "sort": self.sort,
            "order": "desc" if self.descending else None,
            "page": self.number if self.number > 1 else None,
            "per_page": self.size if self.size != SIZES[1] else None,
        }


async def _view(
    compare: At = None,
    one_scale: bool = False,
    section_id: Id | None = None,
    exclude: Annotated[list[Exclude] | None, Query(max_length=len(Exclude))] = None,
    left: bool = False,
    sort: Id | Literal["student"] = "student",
    order: Literal["asc", "desc"] = "asc",
    page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    per_page: Annotated[int, Query(ge=1, le=SIZES[-1])] = SIZES[1],
) -> View:
    rows = Rows(section_id, frozenset(exclude or ()), left)
    return View(compare, one_scale, rows, None if sort == "student" else sort, order == "desc", page, per_page)


Viewed = Annotated[View, Depends(_view)]


async def read(request: ContextRequest, view: View, *, whole: bool = True) -> tuple[Gradebook, Comparison | None]:
    """The gradebook, and what it is compared with, in one snapshot. Without `whole` it may have the page's cells alone."""
    first = (view.number - 1) * view.size
    alone = not whole and view.sort is None and not view.descending
    page = slice(first, first + view.size) if alone else None
    one_scale_at = request.moment if view.compare and view.one_scale else None

    async def question(connection: Connection) -> tuple[Gradebook, Comparison | None]:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            asked = request.tenant, request.context_id, request.at
            rows = replace(view.rows, seen=request.sight.sections)
            found = await gradebooks.gradebook_of(connection, *asked, rows=rows, people=people, page=page)
            return found, await compared(connection, found, view.compare, one_scale_at) if view.compare else None

    return await request.pool.read(request.tenant, question)


@router.get("/courses/{course_id}/gradebook")
async def gradebook(request: CourseAt, view: Viewed) -> Response:
    """Students and outcomes."""
    found, comparison = await read(request, view, whole=False)
    rows = await request.pool.fetch(sql("sections"), *request.of_id, None, False, LAST_PAGE, 0)
    sections = [row for row in rows if request.sight.shows(row["id"])]
    table = Table.of(found, comparison, sort=view.sort, descending=view.descending, number=view.number, size=view.size)
    shown = {"table": table, "view": view, "sections": sections, "sizes": SIZES, "now": datetime.now(UTC)}
    return page("gradebook.html", request, **shown)


@router.get("/courses/{course_id}/gradebook.csv")
async def gradebook_csv(request: CourseAt, view: Viewed) -> Response:
    """The same, a row for each student and outcome, all pages at once."""
    found, _ = await read(request, view)
    return Response(as_csv(found), media_type="text/csv; charset=utf-8")


@router.get("/courses/{course_id}/gradebook.json")
async def gradebook_json(request: CourseAt, view: Viewed) -> Response:
    """The same for machines, as `outcomes gradebook --json` prints it."""
    found, _ = await read(request, view)
    return request.answer(found.as_json(), exact_times=True)
