"""Whether Kafka and its client still do their work. Pure: observations go in, a verdict comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumer.ingest.batch import Partition

LONGEST_PATIENCE = 3600.0
"""Most seconds that a partition may stay silent before it counts as stuck, although Kafka has more records."""


@dataclass(slots=True)
class Seen:
    """What was observed of one partition. `now` is monotonic; `polling` stands still while the client is not polled."""

    heard: float = 0.0
    """Monotonic time of Kafka's last answer about it."""
    end: int | None = None
    """The offset after its last record, by that answer."""
    fetched_at: int | None = None
    """When the client's last fetch was answered, on the client's clock."""
    position: int = 0
    """Where the client stood when the partition last made progress."""
    progressed: float | None = None
    """Polling time at which it last delivered something or had nothing to deliver; None before the first look."""

    def fetched(self, fetched_at: int | None, now: float) -> None:
        """A fetch that was answered is a sign of life, whatever it brought."""
        if fetched_at != self.fetched_at:
            self.heard, self.fetched_at = now, fetched_at

    def look(self, position: int, end: int | None, now: float, polling: float, *, reading: bool) -> None:
        """Notes where the client stands, and where Kafka says that the partition ends; None where it does not answer."""
        if end is not None:
            self.heard, self.end = now, end
        nothing_due = end is None or not reading or position >= end
        if self.progressed is None or nothing_due or position != self.position:
            self.progressed, self.position = polling, position


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why the client must be replaced, if it must."""

    stuck: Mapping[Partition, int] = field(default_factory=dict)
    """Partitions of which Kafka has more records and the client delivers none, and where they stand."""
    all_unreachable: bool = False
    """Kafka has answered about nothing that we own for the watchdog's time: then it may be the client."""


class Watchdog:
    """Outlives leases and clients: it knows which partitions the last new client was made for."""

    def __init__(self, seconds: float, silence_seconds: float) -> None:
        self._seconds = seconds
        self._silence_seconds = min(silence_seconds, seconds)
        self._patience = seconds
        """How long those of `_tried` may be silent: longer each time, as the rest may be aborted or compacted."""
        self._tried: Mapping[Partition, int] = {}

    def silent(self, heard: float, now: float) -> bool:
        """Whether the last answer is so long ago that the probes must say so."""
        return now - heard > self._silence_seconds

    def unreachable(self, seen: Mapping[Partition, Seen], now: float) -> frozenset[Partition]:
        """Partitions about which Kafka has not answered for some seconds."""
        return frozenset(partition for partition, it in seen.items() if self.silent(it.heard, now))

    def judge(self, seen: Mapping[Partition, Seen], now: float, polling: float) -> Verdict:
        """What follows from the last look at these partitions, at least one."""
        stuck = {
            partition: it.position
            for partition, it in seen.items()
            if it.progressed is not None and polling - it.progressed > self._patience_with(partition, it.position)
        }
        return Verdict(stuck, now - max(it.heard for it in seen.values()) > self._seconds)

    def replaced(self, stuck: Mapping[Partition, int]) -> None:
        """A new client is made for these. Where the last one did not help, the next one has more time."""
        again = any(self._tried.get(partition) == position for partition, position in stuck.items())
        self._patience = min(2 * self._patience, LONGEST_PATIENCE) if again else self._seconds
        self._tried = stuck

    def _patience_with(self, partition: Partition, position: int) -> float:
        return self._patience if self._tried.get(partition) == position else self._seconds
