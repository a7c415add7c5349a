"""Compares a report that Canvas wrote with the projection: raw score, rating and attempt of each result."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from consumer.errors import UsageError
from consumer.printable import printable
from consumer.query.reports import NOTHING, OUTCOME_RESULTS, STUDENT_COMPETENCY, Asked, Row, place_of, student_rows
from consumer.query.retired import refuse_retired
from consumer.store.postgres import Connection
from schemas.base import local_id
from schemas.rest_ids import whole_id

_SEPARATORS = ",;\t|"
"""Canvas writes with the one that its user has set."""
SHOWN = 50
"""Differences in the table for people."""
_SAME = 1e-9
"""Scores are as near as this, or differ."""


class Key(NamedTuple):
    """What a row tells of. Canvas repeats it for each section, login and group."""

    user_id: int
    course_id: int
    learning_outcome_id: int
    assessment_type: str
    assessment_id: int | None


class Value(NamedTuple):
    """What is compared."""

    score: float | None
    rating: str
    attempt: int | None


class ReportDifference(NamedTuple):
    """One result, and what each side says of it. `kind`: missing (here), extra (here), or the member that differs."""

    kind: str
    key: Key
    ours: Any
    canvas: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, and what differs."""

    rows: int
    """Of the report."""
    results: int
    """Rows without repetitions, that tell of a result."""
    of_questions: int
    """Rows of a single question of a quiz: no event tells these."""
    nobody: int
    """Results here of students whose Canvas id nothing has told."""
    differences: tuple[ReportDifference, ...]

    @property
    def counts(self) -> dict[str, int]:
        """By kind."""
        return dict(sorted(Counter(one.kind for one in self.differences).items()))

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "rows": self.rows,
            "results": self.results,
            "rows_of_questions": self.of_questions,
            "results_of_unknown_students": self.nobody,
            "difference_counts": self.counts,
            "differences": [
                {"kind": one.kind, **one.key._asdict(), "ours": one.ours, "canvas": one.canvas} for one in self.differences
            ],
        }


def render(found: Comparison) -> RenderableType:
    """For people: the differences, then what was compared."""
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in ("difference", "student", "course", "outcome", "assessment", "ours", "Canvas"):
        table.add_column(column, justify="right" if column in ("student", "course", "outcome") else "left")
    for one in found.differences[:SHOWN]:
        of, key = f"{one.key.assessment_type} {one.key.assessment_id or ''}".strip(), one.key
        ids = (str(key.user_id), str(key.course_id), str(key.learning_outcome_id))
        table.add_row(one.kind, *ids, of, *(printable("" if value is None else str(value)) for value in (one.ours, one.canvas)))
    counts = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items()) or "no difference"
    left_out = [
        f"{count:,} {what}"
        for count, what in (
            (found.of_questions, "rows are of single questions, which no event tells"),
            (found.nobody, "results here are of students whose Canvas id nothing has told"),
        )
        if count
    ]
    said = f"{found.rows:,} rows, {found.results:,} results: {counts}"
    shown = [table] if found.differences else []
    return Group(*shown, Text("; ".join((said, *left_out))))


async def compare_report(connection: Connection, path: Path, asked: Asked) -> Comparison:
    """Compares the file with the projection, in one snapshot. Raises `UsageError` for a file that is no such report."""
    competency, rows = _read(path)
    theirs, of_questions = _told(rows, competency)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await refuse_retired(connection, asked.at, asked.known_at)
        place = await place_of(connection, asked)
        ours: dict[Key, Value] = {}
        nobody = set()
        async for row in student_rows(connection, place, asked, competency=competency):
            if row["score"] is None and row["attempt"] is None:
                continue  # not assessed
            if not row["student_id"].isdigit():
                nobody.add((row["key"], row["course_id"], row["learning_outcome_id"], row["assessment_id"]))
                continue
            _keep(ours, _key_of(row, competency), Value(row["score"], row["rating"] or "", row["attempt"]))
    courses = {key.course_id for key in theirs}
    return Comparison(len(rows), len(theirs), of_questions, len(nobody), tuple(_differences(theirs, ours, courses)))


def _read(path: Path) -> tuple[bool, list[dict[str, str]]]:
    """Whether it is the competency report, and its rows."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            separator = max(_SEPARATORS, key=header.count)
            file.seek(0)
            rows = list(csv.DictReader(file, delimiter=separator, restval=""))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV file in UTF-8: {error}") from error
    columns = {name.strip().strip('"') for name in header.split(separator)}
    for competency, needed in ((False, OUTCOME_RESULTS), (True, STUDENT_COMPETENCY)):
        if {name for name in needed if name in _COMPARED} <= columns:
            return competency, [row for row in rows if row["student name"] != NOTHING]
    raise UsageError(
        f"{path} is neither Canvas' report Outcome Results nor Student Competency: its first line lacks their columns, "
        f"such as {', '.join(sorted(_COMPARED - columns)[:3])}"
    )


_COMPARED = {
    *("student name", "student id", "course id", "learning outcome id", "assessment type", "assessment id"),
    *("assignment id", "attempt", "outcome score", "learning outcome rating"),
}


def _told(rows: list[dict[str, str]], competency: bool) -> tuple[dict[Key, Value], int]:
    """What the report tells of results, and how many rows are of a question."""
    found: dict[Key, Value] = {}
    of_questions = 0
    for number, row in enumerate(rows, 2):
        if row.get("assessment question") or row.get("assessment question id"):
            of_questions += 1
            continue
        if not row["outcome score"] and not row["attempt"]:
            continue
        try:
            key = Key(
                _id(row["student id"]),
                _id(row["course id"]),
                _id(row["learning outcome id"]),
                "assignment" if competency else row["assessment type"],
                _id(row["assignment id" if competency else "assessment id"]) or None,
            )
            value = Value(
                float(row["outcome score"]) if row["outcome score"] else None,
                row["learning outcome rating"].removeprefix("'"),
                int(row["attempt"]) if row["attempt"] else None,
            )
        except ValueError as error:
            raise UsageError(f"row {number} of the report is not as Canvas writes it: {error}") from error
        _keep(found, key, value)
    return found, of_questions


def _id(text: str) -> int:
    return local_id(int(str(whole_id(text.strip())) or 0)) if text.strip() else 0


def _key_of(row: Row, competency: bool) -> Key:
    return Key(
        int(row["student_id"]),
        row["course_id"],
        local_id(row["learning_outcome_id"]),
        "assignment" if competency else row["assessment_type"] or "",
        row["assignment_id" if competency else "assessment_id"],
    )


def _keep(found: dict[Key, Value], key: Key, value: Value) -> None:
    """Of several the newest attempt."""
    known = found.get(key)
    if known is None or (known.attempt or 0) <= (value.attempt or 0):
        found[key] = value


def _differences(theirs: Mapping[Key, Value], ours: Mapping[Key, Value], courses: set[int]) -> Iterator[ReportDifference]:
    """Ours are compared in the courses that the report tells of."""
    for key in sorted(theirs.keys() | ours.keys(), key=lambda one: (one[:4], one.assessment_id or 0)):
        here, there = ours.get(key), theirs.get(key)
        if there is None:
            if here is not None and key.course_id in courses:
                yield ReportDifference("extra", key, here.score, None)
        elif here is None:
            yield ReportDifference("missing", key, None, there.score)
        else:
            if not _same(here.score, there.score):
                yield ReportDifference("score", key, here.score, there.score)
            if here.rating != there.rating:
                yield ReportDifference("rating", key, here.rating, there.rating)
            if here.attempt != there.attempt:
                yield ReportDifference("attempt", key, here.attempt, there.attempt)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _SAME * max(1.0, abs(one), abs(other))
