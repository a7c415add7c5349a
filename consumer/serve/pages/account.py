"""An account and all below it: its outcomes over all courses now; its courses, some a page, at a date beside an earlier one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from consumer.serve.api.dependencies import AccountAt, At, ContextRequest, Id
from consumer.serve.api.paging import LAST_PAGE, Page
from consumer.serve.pages.gradebook_table import bars
from consumer.serve.pages.routing import csv_answer, page, router_options
from consumer.serve.sql import sql

Row = Mapping[str, Any]
router = APIRouter(**router_options)
COURSES = 15
"""Of a page. Each is two summaries of a whole course at a date; over all courses only what is kept is added up."""
TREND = timedelta(days=30)
"""How far back the earlier date is where nobody names one."""
_COLUMNS = (
    "course_id",
    "course",
    "term",
    "learning_outcome_id",
    "outcome",
    "assessed",
    "mastered",
    "assessed_before",
    "mastered_before",
)


@dataclass(frozen=True, slots=True)
class Sum:
    """Scores at a moment, and at the earlier one."""

    assessed: int
    mastered: int
    assessed_before: int
    mastered_before: int

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> "Sum":
        """Over these rows."""
        listed = list(rows)
        return cls(*(sum(row[name] for row in listed) for name in cls.__slots__))

    @property
    def share(self) -> int | None:
        """At mastery, of a hundred scores."""
        return round(100 * self.mastered / self.assessed) if self.assessed else None

    @property
    def trend(self) -> int | None:
        """By how many of a hundred the share rose since."""
        if self.share is None or not self.assessed_before:
            return None
        return self.share - round(100 * self.mastered_before / self.assessed_before)


Number = Annotated[int, Query(alias="page", ge=1, le=LAST_PAGE)]


async def _read(
    request: ContextRequest, since: datetime | None, term: int | None, number: int
) -> tuple[datetime, Sequence[Row], Sequence[Row]]:
    """The earlier moment, the courses of the page, and what each came to for each outcome."""
    shown = Page(number, COURSES)
    of = request.tenant, [request.context_id], request.at, None, term, None
    courses = await request.pool.fetch(sql("courses"), *of, [], shown.size, shown.offset, request.viewer.sees_all)
    before = since or request.moment.replace(microsecond=0) - TREND
    ids = [row["id"] for row in courses]
    rows = await request.pool.fetch(sql("account_outcomes"), request.tenant, ids, request.at, before)
    return before, [dict(row) for row in courses], [dict(row) for row in rows]


def _uses(rows: Sequence[Row], outcome: int) -> int:
    return sum(row["learning_outcome_id"] == outcome and row["assessed"] > 0 for row in rows)


# CSV and JSON come first: the page's path would take them for an id.


@router.get("/accounts/{account_id}.csv")
async def account_csv(request: AccountAt, since: At = None, term: Id | None = None, number: Number = 1) -> Response:
    """A row for each course and outcome of the page."""
    return csv_answer(_COLUMNS, (row.values() for row in await _listed(request, since, term, number)))


@router.get("/accounts/{account_id}.json")
async def account_json(request: AccountAt, since: At = None, term: Id | None = None, number: Number = 1) -> Response:
    """The same for machines."""
    return request.answer(await _listed(request, since, term, number))


@router.get("/accounts/{account_id}")
async def account(request: AccountAt, since: At = None, term: Id | None = None, number: Number = 1) -> Response:
    """Its courses, its outcomes, the accounts below."""
    before, courses, rows = await _read(request, since, term, number)
    [named] = await request.pool.fetch(sql("account"), *request.of_id)
    below = await request.pool.fetch(sql("sub_accounts"), *request.of_id, False, LAST_PAGE, 0)
    terms = await request.pool.fetch(sql("terms"), request.tenant, request.at, ["active"], None, None, LAST_PAGE, 0)
    whole: list[tuple[Row, Any]] = []
    if request.at is None and term is None:
        kept = await request.pool.fetch(sql("account_summary"), *request.of_id[:2])
        whole = [(dict(row), bars(json.loads(row["levels"]))) for row in kept]
    titles = {row["learning_outcome_id"]: row["title"] for row in rows}
    by_outcome = [
        (id_, title or f"Outcome {id_}", Sum.of(row for row in rows if row["learning_outcome_id"] == id_), _uses(rows, id_))
        for id_, title in titles.items()
    ]
    total = courses[0]["total"] if courses else 0
    return page(
        "account.html",
        request,
        account=named,
        below=below,
        terms=terms,
        term=term,
        before=before,
        since=since,
        courses=[(row, Sum.of(one for one in rows if one["course_id"] == row["id"])) for row in courses],
        whole=whole,
        everything=Sum.of(row for row, _ in whole),
        outcomes=sorted(by_outcome, key=lambda one: one[1].casefold()),
        all=Sum.of(rows),
        total=total,
        number=number,
        last=-(-total // COURSES) or 1,
        now=datetime.now(UTC),
    )


async def _listed(request: ContextRequest, since: datetime | None, term: int | None, number: int) -> list[dict[str, Any]]:
    _, courses, rows = await _read(request, since, term, number)
    of = {row["id"]: (row["id"], row["name"], row["term_name"]) for row in courses}
    named = ("learning_outcome_id", "title", *_COLUMNS[5:])
    return [dict(zip(_COLUMNS, (*of[row["course_id"]], *(row[name] for name in named)), strict=True)) for row in rows]
