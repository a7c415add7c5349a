"""What a survey saw in Canvas: the survey yields observations, an examiner takes them.

`requested_at` is when the request began: Canvas had this state then or later.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import ParamSpec

from consumer.canvas.client import Context
from consumer.canvas.mapping import RemoteObject
from consumer.errors import CanvasForbidden, CanvasNotFound, CanvasRejected
from schemas import rest, rest_gradebook

P = ParamSpec("P")

REFUSALS = (CanvasForbidden, CanvasNotFound, CanvasRejected)
"""Canvas refuses one request; the others may succeed."""


@dataclass(frozen=True, slots=True)
class Objects:
    """A page of one table."""

    table: str
    context: Context | None
    requested_at: datetime
    objects: Sequence[RemoteObject] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotInCanvas:
    """An object that is active here and not found in Canvas."""

    table: str
    id: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class ListEnd:
    """A complete list of a context; `requested_at` is the time of its first page."""

    table: str
    context: Context
    requested_at: datetime
    shown: Collection[int] = field(repr=False)
    """Ids; empty for links, whose ids REST does not show."""
    linked: Collection[int] = field(default=(), repr=False)
    """For results: the outcomes that the course links. Canvas shows no results of others."""
    read_completely: bool = False
    """It was one page, or was read twice: a deletion between two pages moves rows onto the page before. Results are always
    read twice."""
    students: Collection[str] = field(default=(), repr=False)
    """For results that were read completely: the users whom Canvas shows in the course. It shows no results of others, which
    proves nothing about them: they may have left, or the token's user may not see them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale in force in a context. `inherited`: the context above has the same one, or may not be asked."""

    context: Context
    requested_at: datetime
    ratings: Sequence[rest.ProficiencyRating] | None = field(repr=False)
    inherited: bool


@dataclass(frozen=True, slots=True)
class Standards:
    """A page of grading standards."""

    requested_at: datetime
    standards: Sequence[rest.GradingStandard] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alignments:
    """What measures outcomes in a course: some alignments that Canvas showed, or pairs of outcome and assignment."""

    course_id: int
    requested_at: datetime
    shown: Sequence[rest.OutcomeAlignment] = field(default=(), repr=False)
    gone: Collection[tuple[int, int]] = field(default=(), repr=False)
    """Known here, and removed in Canvas."""
    proven: Collection[tuple[int, int]] = field(default=(), repr=False)
    """Not listed; but Canvas shows results of them, which it does for existing alignments only."""


@dataclass(frozen=True, slots=True)
class Rollups:
    """A page of a course's rollups."""

    course_id: int
    requested_at: datetime
    rollups: Sequence[rest_gradebook.OutcomeRollup] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PastUuids:
    """Uuids under which tools still know some users in a course, after Canvas merged others into them."""

    course_id: int
    requested_at: datetime
    uuids: Collection[tuple[int, str]] = field(repr=False)
    """User id and past uuid."""


@dataclass(frozen=True, slots=True)
class WholeRoster:
    """Canvas has shown the whole roster of a course; `requested_at` is the time of the first request."""

    course_id: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A request that Canvas refused, or an answer that proves too little."""

    sentence: str


Observation = Objects | NotInCanvas | ListEnd | Scale | Standards | Alignments | Rollups | PastUuids | WholeRoster | Unanswered


def reporting_refusals(survey: Callable[P, AsyncIterator[Observation]]) -> Callable[P, AsyncIterator[Observation]]:
    """A refused request ends a survey, and becomes its last observation."""

    @wraps(survey)
    async def reported(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Observation]:
        try:
            async for observation in survey(*args, **kwargs):
                yield observation
        except REFUSALS as error:
            yield Unanswered(str(error))

    return reported
