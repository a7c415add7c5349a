"""The first page: the accounts and courses of a tenant, how fresh the feed is, and what waits."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from consumer.query.status import ago
from consumer.serve.api.dependencies import TenantAt, TenantRequest
from consumer.serve.api.paging import LAST_PAGE, Page
from consumer.serve.pages.routing import csv_answer, page, router_options
from consumer.serve.read_pool import Row
from consumer.serve.sql import sql
from schemas.base import MAX_KEY_TEXT

router = APIRouter(**router_options)
SIZE = 50
"""Courses of a page."""
COLUMNS = ("course_id", "name", "course_code", "account_id", "term", "workflow_state")
"""Of the table as CSV and JSON."""
_MORE = (("Code", "course_code"), ("Term", "term_name"))
"""Columns that are there where a backfill has told them."""

Search = Annotated[str | None, Query(max_length=MAX_KEY_TEXT, pattern="^[^\\x00]*$")]
Number = Annotated[int, Query(alias="page", ge=1, le=LAST_PAGE)]


@router.get("/")
async def home(request: TenantAt, search: Search = None, number: Number = 1) -> Response:
    """Courses by search, and accounts."""
    shown = Page(number, SIZE)
    courses = await _courses(request, search, shown)
    tops, _ = await request.places()
    top = [row for id_ in tops for row in await request.pool.fetch(sql("account"), request.tenant, id_, request.at)]
    of = [(request.tenant, id_, request.at, True, LAST_PAGE, 0) for id_ in tops]
    below = {row["id"]: row for one in of for row in await request.pool.fetch(sql("sub_accounts"), *one)}
    root = tops[0] if request.viewer.sees_all and tops else None
    accounts = [*([] if root else (row for row in top if row["id"] not in below)), *below.values()]
    [feed] = await request.pool.fetch(sql("feed"), tenant=request.tenant)
    return page(
        "home.html",
        request,
        root=root,
        accounts=accounts,
        names={one["id"]: one["name"] for one in (*accounts, *top)},
        courses=courses,
        more=[(title, member) for title, member in _MORE if any(one[member] for one in courses)],
        search=search,
        number=number,
        last=-(-(courses[0]["total"] if courses else 0) // SIZE) or 1,
        feed=feed,
        fresh=ago((datetime.now(UTC) - feed["newest"]).total_seconds()) if feed["newest"] else None,
    )


@router.get("/courses.csv")
async def courses_csv(request: TenantAt, search: Search = None) -> Response:
    """All courses that are found."""
    return csv_answer(COLUMNS, (one.values() for one in await _listed(request, search)))


@router.get("/courses.json")
async def courses_json(request: TenantAt, search: Search = None) -> Response:
    """The same for machines."""
    return request.answer(await _listed(request, search))


async def _listed(request: TenantRequest, search: str | None) -> list[dict[str, Any]]:
    return [as_json(row) for row in await _courses(request, search, Page(1, LAST_PAGE))]


def as_json(row: Row) -> dict[str, Any]:
    """A course of a list."""
    of_row = row["id"], row["name"], row["course_code"], row["account_id"], row["term_name"], row["workflow_state"]
    return dict(zip(COLUMNS, of_row, strict=True))


async def _courses(request: TenantRequest, search: str | None, shown: Page) -> Sequence[Row]:
    accounts, courses = await request.places()
    of = request.tenant, accounts, request.at, None, None, search, courses
    return await request.pool.fetch(sql("courses"), *of, shown.size, shown.offset, request.viewer.sees_all)
