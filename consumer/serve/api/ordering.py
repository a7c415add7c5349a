"""In which order a gradebook lists its students."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from fastapi import Depends, Query

from consumer.query.members import Member
from consumer.serve.api.dependencies import Id, bad_request
from consumer.serve.api.gradebook_rows import Gradebook
from consumer.serve.api.gradebook_shapes import ALIGNMENT
from consumer.serve.api.naming import User

SortBy: TypeAlias = Literal["student", "student_name", "student_sis_id", "student_login_id", "outcome", "contributing_score"]
_NAMES = {"student": "sortable_name", "student_name": "name", "student_sis_id": "sis_user_id", "student_login_id": "login"}
_NEED_NAMES = ("student_sis_id", "student_login_id")


@dataclass(frozen=True, slots=True)
class Sort:
    """What the request says about the order."""

    by: SortBy | None
    descending: bool
    outcome_id: int | None
    alignment_id: str | None

    async def sorted(self, book: Gradebook) -> Sequence[Member]:
        """The students in that order. 400 where it lacks what it needs."""
        if (self.outcome_id is not None) != (self.by == "outcome"):
            raise bad_request("sort_outcome_id: goes with sort_by=outcome, and only with it")
        if (self.alignment_id is not None) != (self.by == "contributing_score"):
            raise bad_request("sort_alignment_id: goes with sort_by=contributing_score, and only with it")
        if self.by is None:
            return book.students[::-1] if self.descending else book.students
        by_user = {one.user: one for one in book.students}
        return [by_user[one] for one in await self._users(book)]

    async def _users(self, book: Gradebook) -> list[User]:
        names = await book.names()
        if self.by in _NAMES:
            if self.by in _NEED_NAMES and not names.stored:
                raise bad_request(f"sort_by: {self.by} needs OUTCOMES_PEOPLE=names, and a server that may read names")
            return names.sorted(names.of, by=_NAMES[self.by], descending=self.descending)
        if self.outcome_id is not None:
            scores = {user: score for (user, _), score in (await book.scores([self.outcome_id])).items()}
        else:
            scores = await book.contributing_scores(self.alignment_id)
        told = sorted((one for one in names.of if one in scores), key=lambda one: scores[one], reverse=self.descending)
        return told + [one for one in names.of if one not in scores]


async def _sort(
    sort_by: Annotated[
        SortBy | None,
        Query(description="By user id where absent, unknown ids last. Of equal scores by name; who has none comes last."),
    ] = None,
    sort_order: Annotated[Literal["asc", "desc"], Query(description="Of `sort_by`.")] = "asc",
    sort_outcome_id: Annotated[Id | None, Query(description="With `sort_by=outcome`: by the score of this outcome.")] = None,
    sort_alignment_id: Annotated[
        str | None,
        Query(pattern=ALIGNMENT, description="With `sort_by=contributing_score`: an `alignment_id` of contributing_scores."),
    ] = None,
) -> Sort:
    return Sort(sort_by, sort_order == "desc", sort_outcome_id, sort_alignment_id)


Sorting = Annotated[Sort, Depends(_sort)]
