"""The first page: the accounts and courses of a tenant, how fresh the feed is, and what waits."""

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
    root, courses = await courses_of(request, None, search, shown)
    accounts = await request.pool.fetch(sql("sub_accounts"), request.tenant, root, request.at, True, LAST_PAGE, 0)
    top = await request.pool.fetch(sql("account"), request.tenant, root, request.at) if root else []
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
    _, rows = await courses_of(request, None, search, Page(1, LAST_PAGE))
    return [as_json(row) for row in rows]


def as_json(row: Row) -> dict[str, Any]:
    """A course of a list."""
    of_row = row["id"], row["name"], row["course_code"], row["account_id"], row["term_name"], row["workflow_state"]
    return dict(zip(COLUMNS, of_row, strict=True))


async def courses_of(
    request: TenantRequest, account: int | None, search: str | None, shown: Page
) -> tuple[int | None, list[Row]]:
    """The courses of an account and all below it (null: of the root account, with its id), a page of them."""
    if account is None:
        context = await request.pool.fetch_row(sql("context"), request.tenant, "Account", None, request.at)
        assert context is not None
        account = context["id"]
    rows = await request.pool.fetch(
        sql("courses"), request.tenant, account, request.at, None, None, search, shown.size, shown.offset
    )
    return account, list(rows)
