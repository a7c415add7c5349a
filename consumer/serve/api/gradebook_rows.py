"""Whose rows a gradebook has, and of which outcomes: what all its endpoints begin with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Query

from consumer.query import members
from consumer.query.members import Enrollment, Member
from consumer.serve.api.dependencies import ContextRequest, Id, bad_request, not_found
from consumer.serve.api.gradebook_shapes import alignment_id
from consumer.serve.api.naming import Names, User, names_of
from consumer.serve.api.paging import LAST_PAGE
from consumer.serve.api.serializers import parsed
from consumer.serve.read_pool import Row
from consumer.serve.sql import sql
from schemas.base import MAX_KEY_TEXT

SectionId = Annotated[Id | None, Query(description="The students of this section of the course; not together with user_ids[].")]
Exclude = Annotated[
    list[Annotated[str, Query(max_length=MAX_KEY_TEXT)]] | None,
    Query(
        alias="exclude[]",
        max_length=20,
        description="missing_user_rollups: students without results; missing_outcome_results: outcomes without results; "
        "concluded_enrollments, inactive_enrollments: students whose every enrolment is such. Other words exclude nobody, as "
        "in Canvas.",
    ),
]
_WORDS = {
    "concluded_enrollments": members.Exclude.CONCLUDED,
    "inactive_enrollments": members.Exclude.INACTIVE,
    "missing_user_rollups": members.Exclude.MISSING_USERS,
    "missing_outcome_results": members.Exclude.MISSING_OUTCOMES,
}


@dataclass(frozen=True, slots=True)
class Gradebook:
    """The rows and columns that a request asks for."""

    request: ContextRequest
    students: Sequence[Member]
    """By user id; unknown ids last, by uuid."""
    outcomes: Sequence[Row]
    """By link; those that no link tells last. An outcome that is in two groups is there twice."""
    outcome_ids: Sequence[int] | None
    """None: all."""
    _by_key: Mapping[str, Member]

    @property
    def keys(self) -> list[str]:
        """Of all students."""
        return list(self._by_key)

    def student_of(self, key: str) -> Member:
        """The student whom statements call so."""
        return self._by_key[key]

    async def names(self) -> Names:
        """Of all students."""
        return await names_of(self.request, [one.user for one in self.students])

    async def scores(self, outcome_ids: Sequence[int] | None) -> dict[tuple[User, int], float]:
        """By student and outcome."""
        rows = await self.request.pool.fetch(sql("scores"), *self.request.of_id, self.keys, outcome_ids)
        return {(self.student_of(row["user_uuid"]).user, row["learning_outcome_id"]): row["score"] for row in rows}

    async def results(self, outcome_ids: Sequence[int] | None = None) -> Sequence[Row]:
        """Those that Canvas shows."""
        of = *self.request.of_id, self.keys, outcome_ids
        return await self.request.pool.fetch(sql("results"), *of, LAST_PAGE, 0)

    async def alignments(self) -> Sequence[Row]:
        """All of the course, also of quizzes."""
        return await self.request.pool.fetch(sql("alignments"), *self.request.of_id, None, None, True)

    async def contributing_scores(self, alignment: str | None) -> dict[User, float]:
        """By student: the raw score in what an alignment stands for."""
        rows = [row for row in await self.results() if alignment_id(row) == alignment and row["score"] is not None]
        return {self.student_of(row["user_uuid"]).user: row["score"] for row in rows}


async def gradebook_of(
    request: ContextRequest,
    user_ids: Sequence[str] | None = None,
    section_id: int | None = None,
    exclude: Collection[str] = (),
    outcome_ids: Sequence[int] | None = None,
    outcome_group_id: int | None = None,
    *,
    whole: bool = False,
) -> Gradebook:
    """Reads the outcomes where a parameter needs them, or with `whole`.

    400 where parameters contradict each other, or the course has not a user or an outcome; 404 for a section of another course.
    """
    if user_ids is not None and section_id is not None:
        raise bad_request("section_id: not together with user_ids[]")
    if outcome_ids is not None and outcome_group_id is not None:
        raise bad_request("outcome_group_id: not together with outcome_ids[]")
    excluded = {_WORDS[word] for word in exclude if word in _WORDS}
    students = await _students(request, user_ids, section_id, excluded)
    outcomes: Sequence[Row] = ()
    if whole or outcome_ids is not None or outcome_group_id is not None:
        outcomes = await request.pool.fetch(sql("group_links"), *request.of_context, None, LAST_PAGE, 0, True)
    known = {row["id"] for row in outcomes}
    if outcome_ids is not None:
        if unknown := [one for one in outcome_ids if one not in known]:
            raise bad_request(f"outcome_ids[]: {unknown[0]} is no outcome of this course")
        found = {row["id"]: row for row in outcomes}
        outcomes = [found[one] for one in sorted(set(outcome_ids))]
    elif outcome_group_id is not None:
        groups = await request.pool.fetch(sql("groups"), *request.of_context, outcome_group_id, False, None, 1, 0)
        if not groups:
            raise not_found()
        outcomes = [row for row in outcomes if row["group_id"] == outcome_group_id]
        outcome_ids = list({row["id"] for row in outcomes})
    book = Gradebook(request, students, outcomes, outcome_ids, {one.key: one for one in students})
    return await _without_missing(book, excluded)


async def _students(
    request: ContextRequest, user_ids: Sequence[str] | None, section_id: int | None, exclude: Collection[members.Exclude]
) -> list[Member]:
    seen = request.sight.sections
    if section_id is not None:
        section_id = await request.own_id(section_id)
        if not request.sight.shows(section_id):
            raise not_found()
        if not await request.pool.fetch(sql("sections"), *request.of_id, section_id, False, 1, 0):
            raise not_found()
    asked = None if user_ids is None else dict(zip(await request.people(user_ids), user_ids, strict=True))
    missing = set(asked or ())
    found = []
    for row in await request.pool.fetch(sql("gradebook_students"), *request.of_id):
        told = parsed(row["enrollments"]) or ()
        enrollments = tuple(Enrollment(one["course_section_id"], None, one["workflow_state"]) for one in told)
        student = Member(row["user_id"], row["key"], enrollments)
        if seen is not None:
            student = student.within(*seen)
            if not student.enrollments:
                continue
        called = {row["user_id"], row["key"], *row["uuids"]}
        if asked is not None and called.isdisjoint(asked):
            continue
        missing -= called
        if section_id is not None:
            student = student.within(section_id)
            if not student.enrollments:
                continue
        if student.is_excluded(exclude):
            continue
        if section_id is not None:  # one row, also of somebody who is in the section twice
            student = replace(student, enrollments=student.enrollments[:1])
        found.append(student)
    if asked is not None and missing:
        unknown = next(one for one in asked if one in missing)
        raise bad_request(f"{asked[unknown]} is no student who has a row in this course")
    return found


async def _without_missing(book: Gradebook, exclude: Collection[members.Exclude]) -> Gradebook:
    """Without the students or the outcomes that no result is of, where these are excluded."""
    if not {members.Exclude.MISSING_USERS, members.Exclude.MISSING_OUTCOMES} & set(exclude):
        return book
    results = await book.results(book.outcome_ids)
    students, outcomes, ids = book.students, book.outcomes, book.outcome_ids
    if members.Exclude.MISSING_USERS in exclude:
        seen = {book.student_of(row["user_uuid"]) for row in results}
        students = [one for one in students if one in seen]
    if members.Exclude.MISSING_OUTCOMES in exclude:
        measured = {row["learning_outcome_id"] for row in results}
        outcomes = [row for row in outcomes if row["id"] in measured]
    return Gradebook(book.request, students, outcomes, ids, {one.key: one for one in students})
