"""A course's mastery gradebook at any moment: students x outcomes, and each outcome over the students."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from consumer.errors import UsageError
from consumer.query import scale as read_scale
from consumer.query.members import Exclude
from consumer.query.objects import id_here, tenant_of
from consumer.query.people import PeopleOf, people_of
from consumer.query.retired import refuse_retired
from consumer.query.scale import Setting, name_of
from consumer.query.sql import sql
from consumer.query.students import ALL_THAT_COUNT, Rows, Student, students_of
from consumer.store.postgres import Connection

_CELL = ("score", "mastery", "rating", "color", "results", "last_assessed_at")
_RULE = ("calculation_method", "calculation_int", "points_possible", "mastery_points")
_SUMMARY = ("mean", "median", "assessed", "mastered", "levels")
_NO_CELL = dict.fromkeys(_CELL)

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
    rows: Rows
    setting: Setting
    outcomes: tuple[Row, ...]
    """By title: what applies to each, and the summary over its students."""
    students: tuple[Student, ...]
    """In Canvas' order: enrolled ones, and others that have a result here."""
    cells: dict[tuple[str, int], Row]
    """(student, outcome) -> score. Who is missing is not yet assessed."""

    def cell(self, student: Student, outcome: Row) -> Row:
        """Nulls for who is not yet assessed."""
        return {
            name: value
            for name, value in self.cells.get((student.key, outcome["learning_outcome_id"]), _NO_CELL).items()
            if name in _CELL
        }

    def not_yet_assessed(self, outcome: Row) -> int:
        """Students without a score for it, without those who have left."""
        return sum(student.standing != "left" for student in self.students) - int(outcome["assessed"])

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
                {
                    "user_uuid": student.key,
                    "cells": [self._cell_json(student, outcome) for outcome in self.outcomes],
                    **student.as_json(),
                }
                for student in self.students
            ],
        }

    def _outcome_json(self, outcome: Row) -> Row:
        summary = {name: _plain(outcome[name]) for name in _SUMMARY} | {"not_yet_assessed": self.not_yet_assessed(outcome)}
        names = ("learning_outcome_id", "title", "display_name", *_RULE, "outcome_path")
        return {name: outcome[name] for name in names} | {"summary": summary}

    def _cell_json(self, student: Student, outcome: Row) -> Row:
        cell = self.cell(student, outcome)
        return {"learning_outcome_id": outcome["learning_outcome_id"], **{name: _plain(cell[name]) for name in _CELL}}


def _plain(value: Any) -> Any:
    """JSON knows no decimals."""
    return float(value) if isinstance(value, Decimal) else value


async def gradebook(
    connection: Connection,
    course: int | None,
    tenant: str | None,
    at: datetime | None,
    known_at: datetime | None,
    scale_at: datetime | None = None,
    rows: Rows = ALL_THAT_COUNT,
) -> Gradebook:
    """Reads that of the tenant that was named. Raises `UsageError`."""
    root_account_uuid = await tenant_of(connection, tenant)
    course = None if course is None else await id_here(connection, root_account_uuid, "course", course)
    return await gradebook_of(connection, root_account_uuid, course, at, known_at, scale_at, rows)


async def gradebook_of(
    connection: Connection,
    root_account_uuid: str,
    course: int | None,
    at: datetime | None,
    known_at: datetime | None = None,
    scale_at: datetime | None = None,
    rows: Rows = ALL_THAT_COUNT,
    people: PeopleOf = people_of,
    page: slice | None = None,
) -> Gradebook:
    """Reads it in one snapshot. Raises `UsageError` where nobody has ever told of the course, or of the section.

    `page`: the cells of these students alone are read; the summaries are over all in any case.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await refuse_retired(connection, at, known_at)
        await refuse_retired(connection, scale_at, None)
        if course is not None and not await connection.fetchval(sql("gradebook_known"), root_account_uuid, course):
            raise UsageError(f"course {course} is not known of {root_account_uuid}: no result, no course event")
        asked = (root_account_uuid, course, at, known_at)
        setting = await read_scale.setting(connection, root_account_uuid, ("Course", course), scale_at or at, known_at)
        everybody = rows.visible(await students_of(connection, *asked, people))
        if rows.section is not None and not any(student.within(rows.section).enrollments for student in everybody):
            raise UsageError(
                f"no student of section {rows.section} in {name_of('Course', course)} is known of {root_account_uuid}"
            )
        students = tuple(student for student in everybody if rows.include(student))
        counted = None if rows.are_all_that_count else [student.key for student in students if student.standing != "left"]
        outcomes = await outcomes_of(connection, *asked, scale_at=scale_at, students=counted)
        if page is None:
            cells = await connection.fetch(sql("gradebook_cells"), *asked, scale_at)
        else:
            cells = await connection.fetch(sql("gradebook_cells_of"), *asked, [student.key for student in students[page]])
        if left := [student.key for student in students if student.standing == "left"]:
            cells += await connection.fetch(
                sql("gradebook_left"), *asked, left, [row["learning_outcome_id"] for row in outcomes]
            )
    with_results = {id_ for student in students for id_ in student.outcomes}
    return Gradebook(
        *asked,
        scale_at,
        rows,
        setting,
        tuple(
            outcome
            for outcome in outcomes
            if outcome["hidden"] is None
            and (Exclude.MISSING_OUTCOMES not in rows.exclude or outcome["learning_outcome_id"] in with_results)
        ),
        students,
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
    students: list[str] | None = None,
) -> list[Row]:
    """The outcomes (or that one) of a course that any result is of, hidden ones included, with what applies to each.

    The summary is over these students; None: over all who count in the course.
    """
    asked = (root_account_uuid, course, at, known_at, outcome, scale_at, students)
    return [
        dict(row) | {"levels": json.loads(row["levels"])} for row in await connection.fetch(sql("gradebook_outcomes"), *asked)
    ]
