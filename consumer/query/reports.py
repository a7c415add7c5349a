"""Canvas' own reports about outcomes, from the projection, at any moment: the same columns, in the same order.

Source: outcome_results_report.rb, student_assignment_outcome_map_report.rb and outcome_export.rb of Canvas' account reports.
"""

import csv
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import asyncpg

from consumer.errors import UsageError, reason
from consumer.query.gradebook_csv import as_text
from consumer.query.objects import id_here, tenant_of
from consumer.query.retired import refuse_retired
from consumer.query.scale import number
from consumer.query.sql import sql
from consumer.store.postgres import Connection

Row = asyncpg.Record

_STUDENT = ("student name", "student id", "student sis id")
_PLACES = ("course name", "course id", "course sis id", "section name", "section id", "section sis id", "assignment url")
_JUDGED = (
    "learning outcome friendly name",
    "learning outcome points possible",
    "learning outcome mastery score",
    "learning outcome mastered",
    "learning outcome rating",
    "learning outcome rating points",
    "learning outcome group title",
    "learning outcome group id",
    "account id",
    "account name",
    "enrollment state",
)
_OUTCOME = ("submission date", "submission score", "learning outcome name", "learning outcome id", "attempt", "outcome score")
_QUESTION = ("assessment question", "assessment question id")
OUTCOME_RESULTS = (
    *(*_STUDENT, "assessment title", "assessment id", "assessment type"),
    *(*_OUTCOME, *_QUESTION),
    *(*_PLACES, *_JUDGED),
)
STUDENT_COMPETENCY = (*_STUDENT, "assignment title", "assignment id", *_OUTCOME, *_PLACES, *_JUDGED)
_EXPORT = ("vendor_guid", "object_type", "title", "description", "friendly_description", "display_name")
_OWN_METHOD = ("calculation_method", "calculation_int")
_OWN_SCALE = ("mastery_points", "ratings")

NOTHING = "No outcomes found"
"""What Canvas writes in place of a row."""


class Kind(StrEnum):
    """Which of Canvas' reports."""

    OUTCOME_RESULTS = "outcome-results"
    STUDENT_COMPETENCY = "student-competency"
    OUTCOME_EXPORT = "outcome-export"


class Order(StrEnum):
    """What the rows of students are sorted by first."""

    USERS = "users"
    COURSES = "courses"
    OUTCOMES = "outcomes"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about."""

    tenant: str | None = None
    """None: the only one there is."""
    account: int | None = None
    """Local or global id; None: the root account."""
    at: datetime | None = None
    known_at: datetime | None = None
    terms: tuple[int, ...] = ()
    """Of courses in these terms alone; empty: of all."""
    include_deleted: bool = False
    """Deleted enrolments and courses too."""
    order: Order = Order.USERS


@dataclass(frozen=True, slots=True)
class Place:
    """The account, and how its institution writes addresses and times."""

    root_account_uuid: str
    account: int
    domain: str | None
    zone: tzinfo
    account_level: bool
    """Whether account-level scales are on."""

    def time(self, value: datetime | None) -> str:
        """ISO 8601 with the offset of the root account's time zone."""
        return "" if value is None else value.astimezone(self.zone).isoformat(timespec="seconds").replace("+00:00", "Z")


async def place_of(connection: Connection, asked: Asked) -> Place:
    """Raises `UsageError` where nothing is known of the account."""
    root_account_uuid = await tenant_of(connection, asked.tenant)
    account = asked.account and await id_here(connection, root_account_uuid, "account", asked.account)
    row = await connection.fetchrow(sql("report_place"), root_account_uuid, account, asked.at, asked.known_at)
    assert row is not None
    if row["id"] is None:
        raise UsageError(f"the root account of {root_account_uuid} is not known: name an account with --account")
    if not row["known"]:
        raise UsageError(f"account {row['id']} is not known of {root_account_uuid}")
    return Place(root_account_uuid, row["id"], row["domain"], _zone(row["default_time_zone"]), row["account_level"])


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError):  # not a name that IANA knows
        return UTC


def _writer(file: TextIO) -> Callable[[Iterable[str]], None]:
    """A disk that is full is not taken for a database that is away."""
    writer = csv.writer(file, lineterminator="\n")

    def write(cells: Iterable[str]) -> None:
        try:
            writer.writerow(cells)
        except OSError as error:
            raise UsageError(f"the report cannot be written: {reason(error)}") from error

    return write


async def write_report(connection: Connection, kind: Kind, asked: Asked, file: TextIO) -> int:
    """Writes the report as CSV, in one snapshot; returns the number of rows without the header."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await refuse_retired(connection, asked.at, asked.known_at)
        place = await place_of(connection, asked)
        write = _writer(file)
        if kind is Kind.OUTCOME_EXPORT:
            columns = (*_EXPORT, *(() if place.account_level else _OWN_METHOD), "parent_guids", "workflow_state")
            write((*columns, *(() if place.account_level else _OWN_SCALE)))
            rows = _exported(connection, place, asked)
        else:
            columns = OUTCOME_RESULTS if kind is Kind.OUTCOME_RESULTS else STUDENT_COMPETENCY
            write(columns)
            rows = _students(connection, place, asked, columns)
        written = 0
        async for cells in rows:
            write(cells)
            written += 1
        if not written:
            write([NOTHING])
    return written


async def student_rows(connection: Connection, place: Place, asked: Asked, *, competency: bool) -> AsyncIterator[Row]:
    """The rows of the two reports about students, inside a transaction.

    Without nested loops where there is a choice: nobody can estimate how many rows the functions tell.
    """
    await connection.execute("SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off")
    async for row in connection.cursor(
        sql("report_rows"),
        *(place.root_account_uuid, place.account, asked.at, asked.known_at),
        *(list(asked.terms) or None, asked.include_deleted, asked.order, competency),
        prefetch=1_000,
    ):
        yield row


async def _students(connection: Connection, place: Place, asked: Asked, columns: tuple[str, ...]) -> AsyncIterator[list[str]]:
    async for row in student_rows(connection, place, asked, competency=columns is STUDENT_COMPETENCY):
        cells = _cells(row, place)
        yield [_cell(cells[column]) for column in columns]


def _cells(row: Row, place: Place) -> dict[str, Any]:
    """By column. Empty is what no event and no answer of REST tells: the submission's score, and the questions of a quiz."""
    by_scale = row["by_scale"] and not row["quiz"]
    url = f"https://{place.domain}/courses/{row['course_id']}/assignments/{row['assignment_id']}"
    return {
        "student name": row["student_name"],
        "student id": row["student_id"],
        "student sis id": row["sis_user_id"],
        "assessment title": row["assessment_title"],
        "assessment id": row["assessment_id"],
        "assessment type": row["assessment_type"],
        "assignment title": row["assessment_title"],
        "assignment id": row["assignment_id"],
        "submission date": place.time(row["submitted_at"]),
        "submission score": None,
        "learning outcome name": row["outcome_name"],
        "learning outcome id": row["learning_outcome_id"],
        "attempt": row["attempt"],
        "outcome score": row["score"],
        "assessment question": None,
        "assessment question id": None,
        "course name": row["course_name"],
        "course id": row["course_id"],
        "course sis id": row["sis_course_id"],
        "section name": row["section_name"],
        "section id": row["course_section_id"],
        "section sis id": row["sis_section_id"],
        "assignment url": url if place.domain and row["assignment_id"] else None,
        "learning outcome friendly name": row["display_name"],
        "learning outcome points possible": row["points_possible"] if by_scale else row["possible"],
        "learning outcome mastery score": row["mastery_points"],
        "learning outcome mastered": None if row["mastery"] is None else int(row["mastery"]),
        "learning outcome rating": row["rating"],
        "learning outcome rating points": row["rating_points"],
        "learning outcome group title": row["group_title"],
        "learning outcome group id": row["learning_outcome_group_id"],
        "account id": row["account_id"],
        "account name": row["account_name"],
        "enrollment state": row["workflow_state"],
    }


async def _exported(connection: Connection, place: Place, asked: Asked) -> AsyncIterator[list[str]]:
    asked_of = (place.root_account_uuid, place.account, asked.at, asked.known_at)
    async for row in connection.cursor(sql("report_outcomes"), *asked_of):
        columns = (*_EXPORT, *(() if place.account_level else _OWN_METHOD), "parent_guids", "workflow_state")
        yield [*(_cell(row[column]) for column in columns), *(() if place.account_level else _own_scale(row["criterion"]))]


def _own_scale(criterion: str | None) -> list[str]:
    """Mastery points, then points and description of each rating in turn, highest first."""
    found = json.loads(criterion) if criterion else {}
    if not isinstance(found, dict):
        return [""]
    ratings = [one for one in found.get("ratings") or () if isinstance(one, dict)]
    ratings.sort(key=lambda one: -float(one.get("points") or 0))
    parts = [part for one in ratings for part in (one.get("points"), one.get("description"))]
    return [_short(part) for part in (found.get("mastery_points"), *parts)]


def _short(value: Any) -> str:
    """A number as people write it: an import reads it by the rules of the importer's language."""
    return number(float(value)) if isinstance(value, int | float) else _cell(value)


def _cell(value: Any) -> str:
    """Numbers as Ruby writes them; texts such that no spreadsheet runs them."""
    if value is None:
        return ""
    return as_text(value) if isinstance(value, str) else str(value)
