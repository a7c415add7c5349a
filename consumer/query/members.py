"""Whose row a gradebook has, and whom a question leaves out: the same for the command and for the server."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Exclude(StrEnum):
    """Who or what a gradebook leaves out, as Canvas' gradebook can."""

    CONCLUDED = "concluded"
    """Students whose every enrolment is concluded."""
    INACTIVE = "inactive"
    """Students whose every enrolment is inactive."""
    MISSING_USERS = "missing-users"
    """Students without results."""
    MISSING_OUTCOMES = "missing-outcomes"
    """Outcomes without results."""


@dataclass(frozen=True, slots=True)
class Enrollment:
    """As a student, or as the test student."""

    course_section_id: int | None
    section_name: str | None
    workflow_state: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who has a row."""

    user_id: int | None
    """None: nothing has told it."""
    key: str
    """What statements and rollups call the person."""
    enrollments: tuple[Enrollment, ...]
    """Those that are not deleted; of one who left, those that were; none where none was ever told."""

    @property
    def user(self) -> tuple[int | None, str | None]:
        """As `people_of` takes it."""
        return self.user_id, self.key

    def within(self, *sections: int) -> Self:
        """With the enrolments in these sections alone."""
        return replace(self, enrollments=tuple(one for one in self.enrollments if one.course_section_id in sections))

    def is_concluded(self) -> bool:
        """Whether every enrolment is over by its own state, whatever dates say."""
        return self._is_all("completed", "deleted")

    def is_inactive(self) -> bool:
        """Whether every enrolment is inactive."""
        return self._is_all("inactive")

    def _is_all(self, *states: str) -> bool:
        return bool(self.enrollments) and all(one.workflow_state in states for one in self.enrollments)

    def is_excluded(self, exclude: Collection[Exclude]) -> bool:
        """Whether the state of the enrolments leaves the person out. Source: Canvas, `lib/outcomes/enrollments.rb`."""
        return (Exclude.CONCLUDED in exclude and self.is_concluded()) or (Exclude.INACTIVE in exclude and self.is_inactive())
