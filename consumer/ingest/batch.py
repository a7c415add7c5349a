"""The verdicts that one transaction writes, sorted and deduplicated for its statements."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from consumer.ingest.elements import Elements
from consumer.ingest.records import Accepted, Ignored, RawRecord, Rejected, Verdict
from consumer.ingest.tables import TABLES, Table
from schemas.base import Reason


class Partition(NamedTuple):
    """One partition of a topic, or a file (partition 0)."""

    source: str
    partition: int


class Move(NamedTuple):
    """The next record before and after a transaction."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Books:
    """Counts of events by their outcome."""

    applied: int = 0
    superseded: int = 0
    duplicate: int = 0
    ignored: int = 0
    quarantined: int = 0
    erased: int = 0

    @property
    def consumed(self) -> int:
        """All events."""
        return self.applied + self.superseded + self.duplicate + self.ignored + self.quarantined + self.erased

    def as_json(self) -> dict[str, int]:
        """For machines."""
        return {"consumed": self.consumed} | {part: getattr(self, part) for part in PARTS}

    def __add__(self, other: "Books") -> "Books":
        return Books(*(getattr(self, part) + getattr(other, part) for part in PARTS))


PARTS = Books.__slots__
"""The parts of `consumed`, in the order of every report."""

SUPERSEDED = "superseded: a new version of an object, older than one that was known already or came in the same batch"
"""Explains the least familiar of these words."""


@dataclass(slots=True)
class Batch:
    """The events of one transaction, and how far it moves each partition."""

    moves: dict[Partition, Move] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    erased: list[RawRecord] = field(default_factory=list)
    """The records of events that tell of a suppressed person, each as often as it has one."""
    bytes: int = 0
    """Of its records."""
    _newest: dict[Partition, datetime] | None = field(default=None, init=False)

    @property
    def events(self) -> int:
        """Number of its events."""
        return len(self.accepted) + len(self.ignored) + len(self.rejected) + len(self.erased)

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Adds each verdict to its list."""
        for verdict in verdicts:
            match verdict:
                case Accepted():
                    self.accepted.append(verdict)
                case Ignored():
                    self.ignored.append(verdict)
                case Rejected():
                    self.rejected.append(verdict)

    def advance(self, partition: Partition, old: int, new: int) -> None:
        """Moves the partition to `new`; the first call in a batch moves it from `old`."""
        before = self.moves.get(partition)
        self.moves[partition] = Move(before.old if before else old, new)

    def last_event_time(self) -> dict[Partition, datetime]:
        """Newest `event_time` of each partition that has one, once all events are there."""
        if self._newest is None:
            newest: dict[tuple[Any, ...], datetime] = {}
            for version in self.accepted:
                where, time = version.record[:2], version.key.event_time
                if where not in newest or time > newest[where]:
                    newest[where] = time
            for ignored in self.ignored:
                where = ignored.record[:2]
                if ignored.event_time is not None and (where not in newest or ignored.event_time > newest[where]):
                    newest[where] = ignored.event_time
            self._newest = {Partition(*where): time for where, time in newest.items()}
        return self._newest


def partition_of(verdict: Verdict) -> Partition:
    """The partition or file of the verdict's record."""
    return Partition(verdict.record.source, verdict.record.partition)


class Staged(NamedTuple):
    """A version, and whether it is the newest of its object in the batch."""

    version: Accepted
    newest: bool


def sort_and_dedupe(accepted: Iterable[Accepted]) -> Mapping[Table, list[Staged]]:
    """Rows by table in the order of `TABLES`, sorted by key, each version once, the newest of each object marked.

    Sorted: two writers must lock in the same order. Marked: an upsert may not update a row twice. Copies of a version with
    another request context stay: `merge_request_context.sql` merges them.
    """
    by_table: dict[str, list[Accepted]] = {}
    for version in accepted:
        by_table.setdefault(version.table.name, []).append(version)
    return {table: _sort_and_dedupe(by_table[name]) for name, table in TABLES.items() if name in by_table}


def _sort_and_dedupe(versions: list[Accepted]) -> list[Staged]:
    staged: list[Staged] = []
    before: Accepted | None = None
    for version in sorted(versions, key=attrgetter("key")):
        if before is not None:
            same_object = version.key.id == before.key.id and version.key.root_account_uuid == before.key.root_account_uuid
            if same_object and version.key == before.key and version.metadata == before.metadata:
                continue
            staged.append(Staged(before, not same_object))
        before = version
    return staged if before is None else [*staged, Staged(before, True)]


def books_of(batch: Batch, added: Mapping[Partition, int], replaced: Mapping[Partition, int]) -> dict[Partition, Books]:
    """The books of each partition in the batch. `added`: new versions; `replaced`: current rows that were written."""
    accepted, ignored, rejected = _count(batch.accepted), _count(batch.ignored), _count(batch.rejected)
    erased = Counter([(record.source, record.partition) for record in batch.erased])
    return {
        partition: Books(
            applied=replaced.get(partition, 0),
            superseded=added.get(partition, 0) - replaced.get(partition, 0),
            duplicate=accepted[partition] - added.get(partition, 0),
            ignored=ignored[partition],
            quarantined=rejected[partition],
            erased=erased[partition],
        )
        for partition in batch.moves
    }


def _count(verdicts: Sequence[Verdict]) -> Counter[tuple[str, int]]:
    """By partition, as plain pairs: equal to a `Partition` as a key, and cheaper."""
    return Counter([(verdict.record.source, verdict.record.partition) for verdict in verdicts])


def without(batch: Batch, refusals: Mapping[int, str]) -> Batch:
    """The batch with some accepted versions turned into rejections. `refusals`: index in `accepted` -> sentence."""
    rejected = list(batch.rejected)
    elements: dict[int, Elements] = {}  # by record, so that each is parsed once
    for index, message in refusals.items():
        version = batch.accepted[index]
        raw = version.record.value or b""
        if version.steps is not None:
            if id(raw) not in elements:
                elements[id(raw)] = Elements(raw)
            raw = elements[id(raw)].raw_event(version.steps)
        rejected.append(Rejected(Reason.REFUSED_BY_DATABASE, "", message, version.key.event_name, raw, version.record))
    kept = [version for index, version in enumerate(batch.accepted) if index not in refusals]
    return replace(batch, accepted=kept, rejected=rejected)
