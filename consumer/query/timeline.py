"""How one student's score for one outcome came to be: each change, and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from consumer.errors import UsageError
from consumer.printable import printable
from consumer.query.objects import SHORT, id_here, outcome_id, tenant_of
from consumer.query.retired import history_begins, note
from consumer.query.scale import method_text, moment, name_of, number, style_of
from consumer.query.sql import sql
from consumer.query.students import RESULT, Student, assessed_titles, standing_of, student_called
from consumer.store.postgres import Connection

_STATE = (
    "score",
    "mastery",
    "rating",
    "color",
    "calculation_method",
    "calculation_int",
    "points_possible",
    "mastery_points",
    "results",
    "shown",
)


@dataclass(frozen=True, slots=True)
class Change:
    """The rollup from a moment on. Without score there is none from here on, and nothing else to tell."""

    at: datetime
    cause: str
    caused_by: list[dict[str, Any]]
    """The objects whose events came at that moment."""
    state: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All changes, oldest first."""

    root_account_uuid: str
    course: int | None
    course_name: str | None
    student: Student
    learning_outcome_id: int
    title: str | None
    outcome_path: str | None
    """The groups that the course has it in, and its title; None where no link of it is known."""
    changes: tuple[Change, ...]
    assessed: dict[int, str]
    """Titles of what the results assess."""
    standing: str | None
    """What is to be said of the student in the course, if anything is."""
    history_begins: datetime | None = None
    """What was before is one change at that moment; None where nothing was retired."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "root_account_uuid": self.root_account_uuid,
            "course": self.course,
            "course_name": self.course_name,
            "user_uuid": self.student.key,
            "student": self.student.as_json(),
            "note": self.standing,
            "learning_outcome_id": self.learning_outcome_id,
            "title": self.title,
            "outcome_path": self.outcome_path,
            "history_begins": self.history_begins,
            "changes": [
                {
                    "at": one.at,
                    **one.state,
                    "cause": one.cause,
                    "caused_by": [by | {"title": self.title_of(by)} for by in one.caused_by],
                }
                for one in self.changes
            ],
        }

    def title_of(self, by: dict[str, Any]) -> str | None:
        """What a result assesses."""
        return self.assessed.get(by["id"]) if by["table"] == RESULT else None


async def timeline(connection: Connection, course: int | None, student: str, outcome: int, tenant: str | None) -> Timeline:
    """Reads that of the tenant that was named. Raises `UsageError`."""
    root_account_uuid = await tenant_of(connection, tenant)
    course = None if course is None else await id_here(connection, root_account_uuid, "course", course)
    outcome = await outcome_id(connection, root_account_uuid, outcome)
    called = await student_called(connection, root_account_uuid, course, student)
    return await timeline_of(connection, root_account_uuid, course, called, outcome, student)


async def timeline_of(
    connection: Connection, root_account_uuid: str, course: int | None, called: Student, outcome: int, student: str
) -> Timeline:
    """Asks `mastery_timeline`; `student` is how the student was called. Raises `UsageError` where there never was a score."""
    rows = await connection.fetch(sql("timeline"), root_account_uuid, course, called.key, outcome)
    reason, standing = await standing_of(connection, root_account_uuid, course, called, student)
    if not rows:
        where = name_of("Course", course)
        raise UsageError(
            f"no score of student {student} for outcome {outcome} in {where} is known of {root_account_uuid}: {reason}"
        )
    changes = tuple(
        Change(
            row["at"],
            row["cause"],
            orjson.loads(row["caused_by"]),
            {name: row[name] for name in _STATE} | {"score": None if row["score"] is None else float(row["score"])},
        )
        for row in rows
    )
    results = [by["id"] for change in changes for by in change.caused_by if by["table"] == RESULT]
    assessed = await assessed_titles(connection, root_account_uuid, results)
    begins = await history_begins(connection)
    first = rows[0]
    return Timeline(
        root_account_uuid,
        course,
        first["course_name"],
        called,
        outcome,
        first["title"],
        first["outcome_path"],
        changes,
        assessed,
        standing,
        begins,
    )


def render(found: Timeline) -> RenderableType:
    """For people: a heading a change, and the state; what is new stands in colour, behind what it was before.

    Scale and method stand where they are new: they are long, and seldom change.
    """
    path = found.outcome_path or found.title
    title = f"outcome {found.learning_outcome_id}" + (f" {printable(path)}" if path else "")
    where = name_of("Course", found.course, found.course_name)
    parts: list[RenderableType] = [
        Text(title, style="bold"),
        Text(f"{found.student.named}, {where} of {printable(found.root_account_uuid)}"),
        *([Text(printable(found.standing))] if found.standing else []),
    ]
    before: dict[str, str] = {}
    for change in found.changes:
        shown = shown_state(change.state)
        lines = Text()
        for name, value in shown.items():
            if name in ("scale", "method") and before.get(name) == value:
                continue  # it is what stands above
            if lines:
                lines.append(" · ", style="dim")
            lines.append(f"{name} ", style="dim")
            if before.get(name, value) != value:
                lines.append(before[name], style="red")
                lines.append(" -> ")
                lines.append(value, style="bold green")
            else:
                lines.append(value, style=_style(name, change.state) if not before or name == "score" else "dim")
        heading = Text(f"{moment(change.at)}  ").append(cause_of(found, change), style="yellow")
        parts += [Text(), heading, Padding.indent(lines, 2)]
        before = {name: value for name, value in before.items() if name != "student"} | shown
    if found.history_begins is not None:
        parts += [Text(), Text(note(found.history_begins), style="dim")]
    return Group(*parts)


def _style(name: str, state: dict[str, Any]) -> str:
    return style_of(state["color"]) if name in ("score", "level") else ""


def cause_of(found: Timeline, change: Change) -> str:
    """`new result (result 7: Essay)`: in the words that `history` and `explain` take."""
    short = {table: word for word, table in SHORT.items()}
    objects = []
    for by in change.caused_by:
        if by["table"]:
            title = found.title_of(by)
            objects.append(f"{short.get(by['table'], by['table'])} {by['id']}" + (f": {printable(title)}" if title else ""))
    return printable(change.cause) + (f" ({', '.join(dict.fromkeys(objects))})" if objects else "")


def shown_state(state: dict[str, Any]) -> dict[str, str]:
    """What a state says, by the word that stands before it."""
    row = {} if state["shown"] else {"student": "not in the course"}
    if state["score"] is None:
        return row | {"score": "none"}
    return row | {
        "score": f"{state['score']:.2f}",
        "level": printable(state["rating"] or "below the lowest") + (" *mastery" if state["mastery"] else ""),
        "results": f"{state['results']:,}",
        "scale": f"mastery from {number(state['mastery_points'])} of {number(state['points_possible'])}",
        "method": method_text(state["calculation_method"], state["calculation_int"]),
    }
