"""The students of a course: who they are, whether they are enrolled, and which of them somebody asks for."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consumer.errors import UsageError
from consumer.printable import isolated, printable
from consumer.query.members import Enrollment, Exclude, Member
from consumer.query.people import PeopleOf, Person, people_of
from consumer.query.scale import name_of
from consumer.query.sql import sql
from consumer.store.postgres import Connection

RESULT = "learning_outcome_result"
_WOULD_BE = "The score is what it would be."
_PSEUDONYM = re.compile(r"(?:student )?([0-9A-F]{4,64})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Student(Member):
    """Somebody who was ever enrolled in a course as a student, or has a result in it."""

    person: Person
    uuids: frozenset[str]
    """All that the student ever had, `key` among them."""
    standing: str
    """enrolled, left, or unknown: no enrolment was ever told."""
    test_student: bool
    outcomes: frozenset[int]
    """Outcomes for which the student has results in the course, with or without a score."""

    @property
    def marks(self) -> list[str]:
        """What sets the student apart, for people."""
        return [
            *(["left"] if self.standing == "left" else []),
            *(["unknown"] if self.standing == "unknown" else []),
            *(["test"] if self.test_student else []),
            *(["concluded"] if self.is_concluded() and self.standing != "left" else []),
            *(["inactive"] if self.is_inactive() else []),
        ]

    @property
    def named(self) -> str:
        """For people, with what the tables call the student."""
        return f"{isolated(printable(self.person.label))} ({printable(self.key)})"

    @property
    def section_names(self) -> list[str]:
        """Each once; a section that no event has told of by its id."""
        names = {one.course_section_id: one.section_name for one in self.enrollments if one.course_section_id is not None}
        return [name or f"section {id_}" for id_, name in names.items()]

    def as_json(self) -> dict[str, Any]:
        """For machines. Without a name where the login may not read names, or none is stored."""
        name = self.person.known_name
        return {
            "user_id": self.user_id,
            "pseudonym": self.person.pseudonym,
            "name": name and name.name,
            "sortable_name": name and name.sortable_name,
            "standing": self.standing,
            "test_student": self.test_student,
            "concluded": self.is_concluded(),
            "inactive": self.is_inactive(),
            "enrollments": [{name: getattr(one, name) for name in Enrollment.__slots__} for one in self.enrollments],
        }


@dataclass(frozen=True, slots=True)
class Rows:
    """Which students a gradebook shows."""

    section: int | None = None
    exclude: frozenset[Exclude] = frozenset()
    left: bool = False
    """Also who has left. They count in no mean, median or level."""
    seen: frozenset[int] | None = None
    """Only students of these sections, with their enrolments there; None: everybody. Who asks may see no others."""

    @property
    def are_all_that_count(self) -> bool:
        """Whether nobody is left out who counts in the course."""
        return self.section is None and self.seen is None and self.exclude <= {Exclude.MISSING_OUTCOMES}

    def visible(self, students: Iterable[Student]) -> list[Student]:
        """Whom the one who asks may see."""
        if self.seen is None:
            return list(students)
        return [one for one in (student.within(*self.seen) for student in students) if one.enrollments]

    def include(self, student: Student) -> bool:
        """As Canvas decides. In a section only the enrolments in it count."""
        if student.standing == "left" and not self.left:
            return False
        counted = student if self.section is None else student.within(self.section)
        if self.section is not None and not counted.enrollments:
            return False
        missing = Exclude.MISSING_USERS in self.exclude and not student.outcomes
        return not missing and not counted.is_excluded(self.exclude)


ALL_THAT_COUNT = Rows()


async def students_of(
    connection: Connection,
    root_account_uuid: str,
    course: int | None,
    at: datetime | None = None,
    known_at: datetime | None = None,
    people: PeopleOf = people_of,
) -> list[Student]:
    """All of a course by a moment, in Canvas' order, whoever has left among them. Names are those of today."""
    rows = await connection.fetch(sql("students"), root_account_uuid, course, at, known_at)
    found = {(row["user_id"], row["user_uuid"]): row for row in rows}
    return [_student(one, found[one.user_id, one.user_uuid]) for one in await people(connection, root_account_uuid, found)]


def _student(person: Person, row: Any) -> Student:
    enrollments = tuple(Enrollment(**one) for one in json.loads(row["enrollments"]))
    uuids = frozenset((row["key"], *row["past_uuids"]))
    outcomes = frozenset(row["outcomes"])
    return Student(person.user_id, row["key"], enrollments, person, uuids, row["standing"], row["test_student"], outcomes)


async def student_called(
    connection: Connection, root_account_uuid: str, course: int | None, text: str, people: PeopleOf = people_of
) -> Student:
    """The student of a course with that uuid, user id (`id:7`) or pseudonym, whoever has left among them.

    A uuid that the course does not know is a student of whom nothing else is known. Raises `UsageError` where a pseudonym could
    be several students'.
    """
    students = await students_of(connection, root_account_uuid, course, people=people)
    if (found := _called(students, course, text)) is not None:
        return found
    if (found := _called(await _absent(connection, root_account_uuid, course, people), course, text)) is not None:
        return found
    [person] = await people(connection, root_account_uuid, [(None, text)])
    return Student(None, text, (), person, frozenset((text,)), "unknown", False, frozenset())


def _called(students: list[Student], course: int | None, text: str) -> Student | None:
    for student in sorted(students, key=lambda one: one.key != text):
        if text in student.uuids or text == f"id:{student.user_id}":
            return student
    if (pseudonym := _PSEUDONYM.fullmatch(text)) is not None:
        code = pseudonym[1].upper()
        alike = [one for one in students if one.person.code.startswith(code) or code.startswith(one.person.code)]
        if len(alike) > 1:
            raise UsageError(f"{text} is the beginning of several pseudonyms in {name_of('Course', course)}: give more digits")
        if alike:
            return alike[0]
    return None


async def _absent(connection: Connection, root_account_uuid: str, course: int | None, people: PeopleOf) -> list[Student]:
    """Who has results in a course that count nowhere, and was never told to be enrolled there as a student."""
    rows = await connection.fetch(sql("students_absent"), root_account_uuid, course)
    found = {(row["user_id"], row["key"]): frozenset((row["key"], *row["uuids"])) for row in rows}
    return [
        Student(one.user_id, one.user_uuid or "", (), one, found[one.user_id, one.user_uuid], "unknown", False, frozenset())
        for one in await people(connection, root_account_uuid, found)
    ]


async def standing_of(
    connection: Connection, root_account_uuid: str, course: int | None, student: Student, asked: str
) -> tuple[str, str | None]:
    """Why a student has no score, for the end of a sentence; and what is to be said besides a score, if anything is."""
    row = await connection.fetchrow(sql("standing"), root_account_uuid, course, student.key, student.user_id)
    assert row is not None
    deleted = f" (enrolment deleted on {row['deleted_at']:%Y-%m-%d})" if row["deleted_at"] else ""
    earlier = asked in student.uuids - {student.key, f"id:{student.user_id}"}
    said = [f"{asked} is a user_uuid that the student had before."] if earlier else []
    if student.standing == "left":
        reason = f"the student left the course{deleted}"
        said.append(f"The student has left the course{deleted}: no row in the gradebook, no part in means. {_WOULD_BE}")
    elif student.standing == "enrolled":
        reason = "the student is enrolled, without a result for this outcome"
    elif not row["assessed"]:
        reason = "the student is not known here"
    elif row["shown"]:
        reason = "the student has results here, but none for this outcome"
    else:
        roster = f" that was read on {row['read_at']:%Y-%m-%d}" if row["read_at"] else ""
        reason = f"the roster{roster} does not have this student, so the results count nowhere"
        said.append(f"{reason[0].upper()}{reason[1:]}. {_WOULD_BE}")
    return reason, " ".join(said) or None


async def assessed_titles(connection: Connection, root_account_uuid: str, results: list[int]) -> dict[int, str]:
    """Result -> title of the assignment, quiz or live assessment, of today, where one is known."""
    return {row["id"]: row["title"] for row in await connection.fetch(sql("assessed_titles"), root_account_uuid, results)}
