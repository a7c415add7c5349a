"""A course's mastery gradebook at any moment: students x outcomes, and each outcome over the students."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from consumer.errors import UsageError
from consumer.printable import printable
from consumer.query import scale as read_scale
from consumer.query.objects import id_here, tenant_of
from consumer.query.retired import refuse_retired
from consumer.query.scale import Setting, as_of, method_text, moment, name_of, number, style_of
from consumer.query.sql import sql
from consumer.store.postgres import Connection

COLUMNS = (
    "root_account_uuid",
    "course_id",
    "user_uuid",
    "learning_outcome_id",
    "title",
    "score",
    "mastery",
    "rating",
    "color",
    "calculation_method",
    "calculation_int",
    "points_possible",
    "mastery_points",
    "results",
    "last_assessed_at",
)
"""Of the CSV."""
NOT_YET = "–"
"""Stands for a student who is not yet assessed."""

_CELL = ("score", "mastery", "rating", "color", "results", "last_assessed_at")
_RULE = ("calculation_method", "calculation_int", "points_possible", "mastery_points")
_SUMMARY = ("mean", "median", "assessed", "mastered", "levels")
_HEADING = 12
"""Cells of a column's heading, at most."""
_GAP = 2
_INITIALS = 4
"""Letters of a level's name in a cell, at most."""
_BAR = 20

_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
"""What a formula begins with; spreadsheets take the full-width and small forms for the others."""
_BREAKS = ";\t\r\n"
"""Behind these a spreadsheet may begin a new cell within a text. A comma is not among them: the writer quotes it."""
_SKIPPED = re.compile(r"[\s;\"'`\x00-\x1f\x7f-\xa0\u200b-\u200f\u2018-\u201f\u2060\ufeff]+")
"""Blanks, quotes and what nobody sees: a spreadsheet may drop them in front of a formula."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gradebook:
    """Everything about one course at one moment."""

    root_account_uuid: str
    course: int | None
    """None: the results whose course is unknown."""
    at: datetime | None
    known_at: datetime | None
    scale_at: datetime | None
    """Whose scale and method judge; None: those of `at`."""
    setting: Setting
    outcomes: tuple[Row, ...]
    """By title: what applies to each, and the summary over its students."""
    students: tuple[str, ...]
    """By user_uuid: whoever has any result in the course."""
    cells: dict[tuple[str, int], Row]
    """(student, outcome) -> score. Who is missing is not yet assessed."""

    def not_yet_assessed(self, outcome: Row) -> int:
        """Students without a score for it."""
        return len(self.students) - int(outcome["assessed"])

    def as_json(self) -> Row:
        """For machines."""
        return {
            "root_account_uuid": self.root_account_uuid,
            "course": self.course,
            "at": self.at,
            "known_at": self.known_at,
            "scale_at": self.scale_at,
            "account_level": self.setting.account_level,
            "scale": self.setting.scale,
            "method": self.setting.method,
            "outcomes": [self._outcome_json(outcome) for outcome in self.outcomes],
            "students": [
                {"user_uuid": student, "cells": [self._cell_json(student, outcome) for outcome in self.outcomes]}
                for student in self.students
            ],
        }

    def _outcome_json(self, outcome: Row) -> Row:
        summary = {name: _plain(outcome[name]) for name in _SUMMARY} | {"not_yet_assessed": self.not_yet_assessed(outcome)}
        return {name: outcome[name] for name in ("learning_outcome_id", "title", "display_name", *_RULE)} | {"summary": summary}

    def _cell_json(self, student: str, outcome: Row) -> Row:
        cell = self.cells.get((student, outcome["learning_outcome_id"]), {})
        return {
            "learning_outcome_id": outcome["learning_outcome_id"],
            **{name: _plain(cell.get(name)) for name in _CELL},
        }

    def as_csv(self) -> str:
        """A row for each student and outcome, the not yet assessed too. Times in UTC."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for student in self.students:
            for outcome in self.outcomes:
                cell = self.cells.get((student, outcome["learning_outcome_id"]), {})
                here = {"root_account_uuid": self.root_account_uuid, "course_id": self.course, "user_uuid": student}
                row = here | outcome | {name: cell.get(name) for name in _CELL}
                writer.writerow([_field(row[column]) for column in COLUMNS])
        return file.getvalue()


def _plain(value: Any) -> Any:
    """JSON knows no decimals."""
    return float(value) if isinstance(value, Decimal) else value


def _field(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return number(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case str():
            return as_text(value)
        case _:
            return str(value)


def as_text(value: str) -> str:
    """The text as a CSV cell that no spreadsheet runs: an apostrophe stands before what looks like a formula.

    Source: OWASP, "CSV Injection".
    """

    def guarded(skipped: re.Match[str]) -> str:
        text, begins = skipped[0], value[skipped.end() : skipped.end() + 1]
        cell = 1 + max(text.rfind(end) for end in _BREAKS)
        if not begins or begins not in _FORMULA or not (cell or skipped.start() == 0):
            return text
        return f"{text[:cell]}'{text[cell:]}"

    safe = _SKIPPED.sub(guarded, value)
    return f"'{safe}" if safe and safe[0] in _FORMULA + "\t\r\n" else safe


async def gradebook(
    connection: Connection,
    course: int | None,
    tenant: str | None,
    at: datetime | None,
    known_at: datetime | None,
    scale_at: datetime | None = None,
) -> Gradebook:
    """Reads it in one snapshot. Raises `UsageError` where nobody has ever told of the course."""
    root_account_uuid = await tenant_of(connection, tenant)
    course = None if course is None else await id_here(connection, root_account_uuid, "course", course)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await refuse_retired(connection, at, known_at)
        await refuse_retired(connection, scale_at, None)
        if course is not None and not await connection.fetchval(sql("gradebook_known"), root_account_uuid, course):
            raise UsageError(f"course {course} is not known of {root_account_uuid}: no result, no course event")
        asked = (root_account_uuid, course, at, known_at)
        setting = await read_scale.setting(connection, root_account_uuid, ("Course", course), scale_at or at, known_at)
        outcomes = await outcomes_of(connection, *asked, scale_at=scale_at)
        students = await connection.fetch(sql("gradebook_students"), *asked)
        cells = await connection.fetch(sql("gradebook_cells"), *asked, scale_at)
    return Gradebook(
        *asked,
        scale_at,
        setting,
        tuple(outcome for outcome in outcomes if outcome["hidden"] is None),
        tuple(row["user_uuid"] for row in students),
        {(row["user_uuid"], row["learning_outcome_id"]): dict(row) for row in cells},
    )


async def outcomes_of(
    connection: Connection,
    root_account_uuid: str,
    course: int | None,
    at: datetime | None,
    known_at: datetime | None = None,
    outcome: int | None = None,
    scale_at: datetime | None = None,
) -> list[Row]:
    """The outcomes (or that one) of a course that any result is of, hidden ones included, with what applies to each."""
    rows = await connection.fetch(sql("gradebook_outcomes"), root_account_uuid, course, at, known_at, outcome, scale_at)
    return [dict(row) | {"levels": json.loads(row["levels"])} for row in rows]


def render(found: Gradebook) -> RenderableType:
    """For people, at 60 columns and more."""
    where = f"{name_of('Course', found.course)} of {printable(found.root_account_uuid)}{as_of(found.at, found.known_at)}"
    title = Text(where + (f", judged as of {moment(found.scale_at)}" if found.scale_at else ""), style="bold")
    if not found.students or not found.outcomes:
        then = "at that moment" if found.at or found.known_at else "so far"
        return Group(title, Text(f"Nothing to show: no outcome with results is known here {then}."))
    legend = RichTable.grid(padding=(0, 1, 0, 0))
    legend.add_column(justify="right", no_wrap=True)
    legend.add_column(overflow="fold")
    for index, outcome in enumerate(found.outcomes, start=1):
        legend.add_row(str(index), title_of(outcome))
    key = Text(f"* mastery · {NOT_YET} not yet assessed · letters after a score: how its level's name begins", style="dim")
    rules = {name: [of(found, outcome) for outcome in found.outcomes] for name, of in (("scale", _scale), ("method", _method))}
    same = [f"{name}: {texts[0]}" for name, texts in rules.items() if len(set(texts)) == 1]
    parts: list[RenderableType] = [title, _Tables(found), key, *(Text(line, "dim") for line in same), Text(), legend]
    for index, outcome in enumerate(found.outcomes, start=1):
        own = [f"{name}: {texts[index - 1]}" for name, texts in rules.items() if len(set(texts)) > 1]
        parts += [Text(), *_outcome(found, index, outcome, own)]
    return Group(*parts)


def _scale(found: Gradebook, outcome: Row) -> str:
    """Whose it is, and from where on it is mastery."""
    from_ = f"mastery from {number(outcome['mastery_points'])} of {number(outcome['points_possible'])}"
    return f"{found.setting.owner_of_scale()}, {from_}"


def _method(found: Gradebook, outcome: Row) -> str:
    """Whose it is, and which."""
    return f"{found.setting.owner_of_method()}, {method_text(outcome['calculation_method'], outcome['calculation_int'])}"


def title_of(outcome: Row) -> Text:
    """In full, with its id and its other name."""
    id_, title, display = outcome["learning_outcome_id"], outcome["title"], outcome["display_name"]
    if title is None:
        return Text(f"outcome {id_}, of which no event has told")
    text = Text(printable(title))
    if display and display != title:
        text.append(f" ({printable(display)})")
    return text.append(f" · outcome {id_}", style="dim")


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    cells: list[Text]

    @property
    def width(self) -> int:
        return max(cell_len(self.heading), *(cell.cell_len for cell in self.cells))


class _Tables:
    """The scores; where they do not fit side by side, one table below the other, each with the students."""

    def __init__(self, found: Gradebook) -> None:
        self._students = found.students
        self._columns = [_column(found, index, outcome) for index, outcome in enumerate(found.outcomes, start=1)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [*_named(self._students, self._columns, options.max_width), "mean", "median"]
        left = max(cell_len(name) for name in (*names, "student"))
        for columns in _pages(self._columns, options.max_width - left):
            table = RichTable(box=None, header_style="dim", pad_edge=False)
            table.add_column("student", no_wrap=True)
            for column in columns:
                table.add_column(Text(column.heading), overflow="fold")
            for index, name in enumerate(names):
                style = "" if index < len(self._students) else "bold"
                table.add_row(Text(name), *(column.cells[index] for column in columns), style=style)
            yield table
            yield Text()


def _pages(columns: list[_Column], room: int) -> Iterator[list[_Column]]:
    """As many columns at a time as fit, one at least."""
    page: list[_Column] = []
    used = 0
    for column in columns:
        if page and used + _GAP + column.width > room:
            yield page
            page, used = [], 0
        page.append(column)
        used += _GAP + column.width
    yield page


def _named(students: tuple[str, ...], columns: list[_Column], width: int) -> list[str]:
    """The students, in full where all fits into one table, else as much of each as tells them apart, a quarter of the width."""
    names = [printable(student) for student in students]
    if max(map(cell_len, names)) + sum(_GAP + column.width for column in columns) <= width:
        return names
    length = width // 4
    while len({name[:length] for name in names}) < len(set(names)):
        length += 1
    return [name if len(name) <= length + 1 else f"{name[:length]}…" for name in names]


def _column(found: Gradebook, index: int, outcome: Row) -> _Column:
    heading = Text(f"{index} {printable(outcome['display_name'] or outcome['title'] or outcome['learning_outcome_id'])}")
    heading.truncate(_HEADING, overflow="ellipsis")
    cells = [found.cells.get((student, outcome["learning_outcome_id"])) for student in found.students]
    numbers = [_score(cell["score"]) if cell else NOT_YET for cell in cells] + [
        NOT_YET if outcome[name] is None else _score(outcome[name]) for name in ("mean", "median")
    ]
    width = max(map(len, numbers))
    letters = _initials(outcome["levels"])
    texts = [Text(one.rjust(width)) for one in numbers]
    for text, cell in zip(texts, cells, strict=False):
        if cell:
            text.append(f" {letters.get(cell['rating'], ' ')}{'*' if cell['mastery'] else ''}")
            text.stylize(f"{'bold ' if cell['mastery'] else ''}{style_of(cell['color'])}".strip())
    return _Column(heading.plain, texts)


def _initials(levels: list[Row]) -> dict[str, str]:
    """Level -> as few of its first letters as tell it from the others of its scale; where that takes too many, its points."""
    names = {level["description"]: printable(level["description"]) for level in levels if level["description"]}
    for length in range(1, _INITIALS + 1):
        if len({name[:length] for name in names.values()}) == len(names):
            return {level: name[:length] for level, name in names.items()}
    points = {level["description"]: number(level["points"]) for level in levels}
    return {level: f"{name[:1]}{points[level]}" for level, name in names.items()}


def _score(value: Decimal) -> str:
    """Two decimals; a median between two scores may have three, whatever doubles make of it."""
    short = f"{value:.3f}"
    return short.removesuffix("0")


def _outcome(found: Gradebook, index: int, outcome: Row, own: list[str]) -> list[RenderableType]:
    """One outcome over the students: its levels, who is missing, and by what it is judged, unlike the others."""
    not_yet = found.not_yet_assessed(outcome)
    below = outcome["assessed"] - sum(level["count"] for level in outcome["levels"])
    counts = [
        f"{outcome['assessed']} assessed",
        f"{outcome['mastered']} mastered",
        *([f"{below} below the lowest level"] if below else []),
        f"{not_yet} not yet assessed",
    ]
    below_title = Group(_Bars(outcome["levels"]), Text(" · ".join(counts)), *(Text(line, "dim") for line in own))
    return [Text(f"{index} ", style="bold").append_text(title_of(outcome)), Padding.indent(below_title, 2)]


class _Bars:
    """How many students stand on each level, highest first; shorter bars where there is less room."""

    def __init__(self, levels: list[Row]) -> None:
        self._levels = levels

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._grid(console))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._grid(console)

    def _grid(self, console: Console) -> RichTable:
        bar = min(_BAR, console.width // 4)
        grid = RichTable.grid(padding=(0, 1, 0, 0))
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_column(width=bar, no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        for level in self._levels:
            name = Text(f"{printable(level['description'] or '')}{'*' if level['mastery'] else ''}")
            drawn = "█" * max(round(bar * level["percent"] / 100), 1 if level["count"] else 0)
            count = f"{level['count']} · {level['percent']:g} %"
            grid.add_row(number(level["points"]), name, Text(drawn, style=style_of(level["color"])), count)
        return grid
