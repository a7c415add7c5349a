"""The result of an examination: what differs, what would fix it, and counts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, astuple, dataclass, field
from operator import add
from typing import Any

from consumer.canvas.compare import Change, Difference, Kind, SkipReason
from consumer.canvas.mapping import RemoteObject
from consumer.canvas.projection import AlignmentKey, KnownAlignment
from schemas.columns import names_of
from schemas.snapshots import SNAPSHOTS

USER_NAMES = names_of(SNAPSHOTS["canvas_user_backfilled"])
"""Names, logins and SIS ids of a person, as `canvas_user_backfilled` names them."""

_UNSHOWN = "(personal)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference."""

    kind: Kind
    table: str
    key: Mapping[str, Any]
    """The object's id, or the members that identify it."""
    members: tuple[Difference, ...] = field(default=(), repr=False)
    repaired: bool = False

    @classmethod
    def of(cls, change: Change, *, repaired: bool) -> "Finding":
        """A difference that the change repairs. Names of people stand in no report."""
        members = tuple(
            Difference(one.member, _UNSHOWN, _UNSHOWN) if change.table == "canvas_user" and one.member in USER_NAMES else one
            for one in change.differences
        )
        return cls(change.kind, change.table, change.key, members, repaired)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        members = {one.member: {"ours": one.ours, "canvas": one.canvas} for one in self.members}
        return {"kind": self.kind, "table": self.table, **self.key, "members": members, "repaired": self.repaired}


@dataclass(slots=True)
class Counts:
    """For one table."""

    seen: int = 0
    """Objects that Canvas showed, once for each context that shows them."""
    written: int = 0
    """Versions; in a dry run those that a backfill would write."""
    unchanged: int = 0
    newer_here: int = 0
    """An event is newer than the request."""
    unknown_links: int = 0
    """Links whose ids are unknown because no event showed them; not stored."""
    without_id: int = 0
    """Results of New Quizzes, which Canvas itself never stores; not stored."""
    students_gone: int = 0
    """Active results of students whom Canvas does not show in the course; we cannot compare them."""
    users_unknown: int = 0
    """Results whose student we know by id only."""
    refused: int = 0
    """Objects that Canvas itself could not save; not stored."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*map(add, astuple(self), astuple(other)))

    def as_json(self) -> dict[str, int]:
        """For machines."""
        return asdict(self)


@dataclass(slots=True)
class Examined:
    """What one observation says about one table."""

    table: str
    findings: list[Finding] = field(default_factory=list)
    """Differences that no change fixes."""
    changes: list[Change] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    refused: list[str] = field(default_factory=list)
    """Sentences about objects that Canvas could not save itself."""
    save: Callable[[], Awaitable[None]] | None = None
    """Writes alignments or grading standards, which have no versions; that repairs all of `findings`."""

    def add(self, found: Change | SkipReason) -> None:
        """The result for one object."""
        if isinstance(found, Change):
            self.changes.append(found)
        else:
            self.counts += Counts(**{found: 1})  # a reason is the name of its count


@dataclass(slots=True)
class StepMemory:
    """What earlier observations of the same step showed; a list may be read twice."""

    links_shown: set[int] = field(default_factory=set)
    """Ids of known links."""
    unknown_links: dict[tuple[int, int], RemoteObject] = field(default_factory=dict)
    """Links at positions that no event showed, by group and outcome."""
    alignments: dict[AlignmentKey, KnownAlignment] | None = None
    """The course's, read once: there is an observation for each assignment."""
    removed_alignments: set[tuple[int, int]] = field(default_factory=set)
    """Outcome and assignment."""
    refused: int = 0
    """Versions that were refused, by us or by Postgres."""
