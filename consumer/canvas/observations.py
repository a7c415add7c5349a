"""What answers tell, piece by piece: what a survey yields and an examiner takes.

`requested_at` is when the request began: Canvas had this state then, or later.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from consumer.canvas.client import Context
from consumer.canvas.mapping import Told
from schemas import rest


@dataclass(frozen=True, slots=True)
class Objects:
    """A page of one table."""

    table: str
    context: Context | None
    requested_at: datetime
    objects: Sequence[Told] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gone:
    """An object that is active here and that Canvas has not."""

    table: str
    id: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """A list of a context has been told to its end; `requested_at` is when its first page was asked for."""

    table: str
    context: Context
    requested_at: datetime
    shown: Collection[int] = field(repr=False)
    """Ids; none of links, which have none in REST."""
    linked: Collection[int] = field(default=(), repr=False)
    """Of results: the outcomes that are linked in the course. Canvas shows no others."""
    sure: bool = False
    """It was one page, or told twice: between two pages a list moves up where something before them is deleted. Results are
    always told twice."""
    students: Collection[str] = field(default=(), repr=False)
    """Of results that are sure: the users whom Canvas shows in the course. Of students who left, or whom the token's user may
    not see, it shows nothing, and that tells nothing."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What a context answers; `inherited`: no other than the context above, or nobody knows."""

    context: Context
    requested_at: datetime
    ratings: Sequence[rest.ProficiencyRating] | None = field(repr=False)
    inherited: bool


@dataclass(frozen=True, slots=True)
class Standards:
    """A page of grading standards."""

    context: Context
    requested_at: datetime
    standards: Sequence[rest.GradingStandard] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alignments:
    """What measures outcomes in a course: some that were shown, or pairs of outcome and assignment."""

    course_id: int
    requested_at: datetime
    shown: Sequence[rest.OutcomeAlignment] = field(default=(), repr=False)
    gone: Collection[tuple[int, int]] = field(default=(), repr=False)
    """Aligned by all that is known here, and no more."""
    proven: Collection[tuple[int, int]] = field(default=(), repr=False)
    """Not among those that were shown; but Canvas shows results of them, and it does so of alignments that exist."""


@dataclass(frozen=True, slots=True)
class Rollups:
    """A page of a course's rollups."""

    course_id: int
    requested_at: datetime
    rollups: Sequence[rest.OutcomeRollup] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that Canvas would not answer, and why."""

    sentence: str


Piece = Objects | Gone | Whole | Scale | Standards | Alignments | Rollups | Unanswered
