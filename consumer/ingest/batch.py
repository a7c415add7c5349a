"""What goes into one transaction: verdicts gathered over records, folded and sorted for the statements."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from consumer.ingest.elements import Elements
from consumer.ingest.records import Accepted, Ignored, Rejected, Verdict
from consumer.ingest.tables import TABLES, Table
from schemas.base import Reason


class Partition(NamedTuple):
    """One partition of a topic, or a file (partition 0)."""

    source: str
    partition: int


class Move(NamedTuple):
    """From where to where a transaction moves a position: the next record before, and after."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Books:
    """What became of events. `consumed` is the sum of the others."""

    applied: int = 0
    superseded: int = 0
    duplicate: int = 0
    ignored: int = 0
    quarantined: int = 0

    @property
    def consumed(self) -> int:
        """All events."""
        return self.applied + self.superseded + self.duplicate + self.ignored + self.quarantined

    def as_json(self) -> dict[str, int]:
        """For machines: `consumed` and its parts."""
        return {"consumed": self.consumed} | {part: getattr(self, part) for part in PARTS}

    def __add__(self, other: "Books") -> "Books":
        return Books(
            self.applied + other.applied,
            self.superseded + other.superseded,
            self.duplicate + other.duplicate,
            self.ignored + other.ignored,
            self.quarantined + other.quarantined,
        )


PARTS = Books.__slots__
"""The parts of `consumed`, in the order in which they are told."""

SUPERSEDED = "superseded: a new version of an object, older than one that was known already or came in the same batch"
"""What the least familiar of these words means, for wherever people read a number of them."""


@dataclass(slots=True)
class Batch:
    """Events of one transaction, and how far it moves each partition."""

    moves: dict[Partition, Move] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    bytes: int = 0
    """Bytes of the records in it."""

    @property
    def events(self) -> int:
        """Events in it, whatever becomes of them."""
        return len(self.accepted) + len(self.ignored) + len(self.rejected)

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Puts each verdict where it belongs."""
        for verdict in verdicts:
            match verdict:
                case Accepted():
                    self.accepted.append(verdict)
                case Ignored():
                    self.ignored.append(verdict)
                case Rejected():
                    self.rejected.append(verdict)

    def advance(self, partition: Partition, old: int, new: int) -> None:
        """Moves the partition on; `old` counts only where it has not moved in this batch yet."""
        before = self.moves.get(partition)
        self.moves[partition] = Move(before.old if before else old, new)

    def last_event_time(self) -> dict[Partition, datetime]:
        """Newest `event_time` of each partition that has one."""
        newest: dict[tuple[str, int], datetime] = {}
        told: list[Accepted | Ignored] = [*self.accepted, *self.ignored]
        for verdict in told:
            time = verdict.key.event_time if isinstance(verdict, Accepted) else verdict.event_time
            if time is not None:
                where = (verdict.record.source, verdict.record.partition)
                before = newest.get(where)
                if before is None or time > before:
                    newest[where] = time
        return {Partition(*where): time for where, time in newest.items()}


def partition_of(verdict: Verdict) -> Partition:
    """Where the verdict's record came from."""
    return Partition(verdict.record.source, verdict.record.partition)


class Staged(NamedTuple):
    """One row for the stage: a version, and whether it is the newest of its object in the batch."""

    version: Accepted
    newest: bool


def fold(accepted: Iterable[Accepted]) -> Mapping[Table, list[Staged]]:
    """Rows by table in the order of `TABLES`, sorted by key, each version once, the newest of each object marked.

    Copies of a version that tell of another request stay: the database takes the greatest (`write_hints.sql`).

    Sorted, so that two writers never lock in opposite order. Marked, because one upsert may not meet a row twice.
    """
    by_table: dict[str, list[Accepted]] = {}
    for version in accepted:
        by_table.setdefault(version.table.name, []).append(version)
    return {table: _fold(by_table[name]) for name, table in TABLES.items() if name in by_table}


def _fold(versions: list[Accepted]) -> list[Staged]:
    versions = sorted(versions, key=attrgetter("key"))
    distinct = [
        one
        for one, before in zip(versions, [None, *versions], strict=False)
        if before is None or one.key != before.key or one.metadata != before.metadata
    ]
    return [
        Staged(version, after is None or after.key[:2] != version.key[:2])
        for version, after in zip(distinct, [*distinct[1:], None], strict=True)
    ]


def books_of(batch: Batch, added: Mapping[Partition, int], moved: Mapping[Partition, int]) -> dict[Partition, Books]:
    """The books of every partition in the batch.

    `added`: versions that were new to the database; `moved`: current rows that a version of the partition replaced.
    """
    accepted, ignored, rejected = _count(batch.accepted), _count(batch.ignored), _count(batch.rejected)
    return {
        partition: Books(
            applied=moved.get(partition, 0),
            superseded=added.get(partition, 0) - moved.get(partition, 0),
            duplicate=accepted[partition] - added.get(partition, 0),
            ignored=ignored[partition],
            quarantined=rejected[partition],
        )
        for partition in batch.moves
    }


def _count(verdicts: Sequence[Verdict]) -> Counter[tuple[str, int]]:
    """How many of each partition; a `Partition` is the same key as a plain pair, which is cheaper to make."""
    return Counter([(verdict.record.source, verdict.record.partition) for verdict in verdicts])


def without(batch: Batch, refusals: Mapping[int, str]) -> Batch:
    """The batch with some accepted versions turned into rejections; `refusals` is index in `accepted` -> sentence."""
    rejected = list(batch.rejected)
    elements: dict[int, Elements] = {}  # each record is read once, however many of its events are refused
    for index, message in refusals.items():
        version = batch.accepted[index]
        raw = version.record.value or b""
        if version.where is not None:
            if id(raw) not in elements:
                elements[id(raw)] = Elements(raw)
            raw = elements[id(raw)].cut(version.where)
        rejected.append(Rejected(Reason.REFUSED_BY_DATABASE, "", message, version.key.event_name, raw, version.record))
    kept = [version for index, version in enumerate(batch.accepted) if index not in refusals]
    return replace(batch, accepted=kept, rejected=rejected)
