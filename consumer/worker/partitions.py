"""What is ours: the partitions of the current lease, and how far each was read and written.

The group hands out partitions, and a `Lease` with them. Only a lease can hand over and write what was read under it. When it
ends, the database, the client and the writer are taken from it: whoever still holds it gets `LeaseEnded`. The same partitions
may come back under another lease. They then begin again at the database's position.

Partitions are lost in three ways:

1. The group takes them back, because a worker came or went (`Partitions.revoked`). The transaction under way is finished first,
   so that the next owner begins behind it. What was only read is dropped.
2. Somebody else has moved a position (`Partitions.lost`): we were frozen for longer than the group's session and another worker
   took over, or the database was restored. The compare-and-set in the transaction fails, and nothing of it is written. What the
   group still leaves us is read again from the database's position.
3. We give up a client that delivers nothing (`Partitions.replace_client`). The new one joins the group again. A transaction
   under way may still commit: its compare-and-set tells whether it comes too late.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from consumer import log
from consumer.errors import LostPartition, OutcomesError, Transient
from consumer.ingest.batch import Batch, Books, Partition
from consumer.ingest.records import RawRecord
from consumer.settings import Settings
from consumer.sources.kafka import KafkaSource
from consumer.store.store import Store
from consumer.worker.metrics import Metrics
from consumer.worker.outages import Outages
from consumer.worker.watchdog import Seen, Verdict

_logger = log.get("worker")


class LeaseEnded(Exception):
    """The partitions are no longer ours, or not by this lease."""


class Phase(Enum):
    """What can be done with a partition that is ours."""

    LOCATING = auto()
    """Nobody has asked the database yet where it begins."""
    LEADERLESS = auto()
    """It cannot begin: the broker that leads it does not answer."""
    READING = auto()
    """It is fetched and written."""


@dataclass(slots=True)
class Owned:
    """One partition that is ours."""

    phase: Phase = Phase.LOCATING
    read_to: int = 0
    """The record that is fetched next."""
    written_to: int = 0
    """The database's position."""
    committed: int | None = None
    """What was last told to Kafka, for lag tools."""
    reachable_again: tuple[int, int] | None = None
    """Bounds of a leaderless one whose leader answers by now."""
    seen: Seen = field(default_factory=Seen)


class Means(NamedTuple):
    """What a lease works with until it ends."""

    source: KafkaSource
    store: Store
    handed: "asyncio.Queue[Read]"
    """To the writing task, which sets `idle` when it has written."""
    idle: asyncio.Event


class Lease:
    """Ours until it ends. Then whatever asks Kafka or the database for it raises `LeaseEnded`."""

    def __init__(self, means: Means, partitions: Iterable[Partition] = (), *, heard: float | None, member: bool) -> None:
        self._means: Means | None = means
        self.owned = {partition: Owned() for partition in sorted(partitions)}
        self.member = member
        """Whether the group has handed out partitions, even none, and not taken them back."""
        self.heard = heard
        """Without partitions: monotonic time of the last sign of Kafka; None while the client is not connected."""
        self.silent = False
        """Without partitions: whether that is too long ago."""
        self.unreachable = frozenset[Partition]()
        """Partitions about which Kafka has not answered for some seconds."""
        self.verdict = Verdict()

    def end(self) -> None:
        """Takes away what it works with. What was staged under it is dropped."""
        if self._means is not None:
            self._means.store.discard_staged()
        self._means = None

    @property
    def ended(self) -> bool:
        """Whether somebody else may own its partitions by now."""
        return self._means is None

    def means(self) -> Means:
        """Raises `LeaseEnded`."""
        if self._means is None:
            raise LeaseEnded
        return self._means

    def of(self, phase: Phase) -> dict[Partition, Owned]:
        """Its partitions that are in this phase."""
        return {partition: it for partition, it in self.owned.items() if it.phase is phase}

    def written(self) -> dict[Partition, int]:
        """The database's positions of those that are read."""
        return {partition: it.written_to for partition, it in self.of(Phase.READING).items()}

    def seen(self) -> dict[Partition, Seen]:
        """What the watchdog knows."""
        return {partition: it.seen for partition, it in self.owned.items()}

    def partitions(self, topic: str) -> set[Partition]:
        """All that the topic has, ours or not."""
        return self.means().source.partitions(topic)

    async def bounds(self, partitions: Iterable[Partition], seconds: float | None = None) -> dict[Partition, tuple[int, int]]:
        """First offset that Kafka has, and the one after the last, of each whose leader answers; `Transient` if none."""
        asking = self.means().source.bounds(partitions, seconds)
        (found,) = await asyncio.gather(asking, return_exceptions=True)
        self.means()
        if isinstance(found, asyncio.CancelledError):  # aiokafka cancels its requests where a connection breaks
            raise Transient("Kafka: a request was cancelled")
        if isinstance(found, BaseException):
            raise found
        return found

    def begin(self, positions: Mapping[Partition, int], leaderless: Iterable[Partition]) -> None:
        """Reads these from here on. The others wait for their leader."""
        source = self.means().source
        for partition in [*positions, *leaderless]:
            it = self.owned[partition]
            if it.phase is Phase.LOCATING:
                it.seen.heard = time.monotonic()
            it.phase = Phase.READING if partition in positions else Phase.LEADERLESS
            it.reachable_again = None
        for partition, position in positions.items():
            self.owned[partition].read_to = self.owned[partition].written_to = position
            source.seek(partition, position)

    async def fetch(self, most: int, seconds: float) -> list[tuple[Partition, list[RawRecord]]]:
        """Up to so many records, by partition and in order; empty when nothing came in time."""
        records = await self.means().source.fetch(most, seconds)
        self.means()
        return records

    def rewind(self) -> None:
        """Takes the client back to what was read of each partition.

        What a fetch had of one partition is gone where it fails at another one; the client has passed it all the same.
        """
        source = self.means().source
        for partition, it in self.of(Phase.READING).items():
            if source.position(partition) != it.read_to:
                source.seek(partition, it.read_to)


class Read:
    """A batch with the lease under which it was read: it can be handed over and written by no other."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self.batch = Batch()

    def take(self, partition: Partition, records: list[RawRecord]) -> list[RawRecord]:
        """Those of these records that come next. They count as read before they are decoded, which may take a while.

        Otherwise `advance_positions` could run meanwhile and take them for offsets that hold no event.
        """
        it = self._lease.owned.get(partition)
        if it is None or it.phase is not Phase.READING or records[-1].position < it.read_to:
            return []  # fetched under an older assignment
        due = [record for record in records if record.position >= it.read_to]
        self.advance(partition, records[-1].position + 1)
        return due

    def advance(self, partition: Partition, to: int) -> None:
        """All before this is in the batch, or holds nothing for us."""
        it = self._lease.owned[partition]
        self.batch.advance(partition, it.read_to, to)
        it.read_to = to

    async def stage(self) -> None:
        """Sends it to the database's stages while another one is being written."""
        store = self._lease.means().store
        await store.stage_next(self.batch)
        if self._lease.ended:  # while its connection was made: nobody would end the transaction that holds the stages
            store.discard_staged()

    def hand_over(self) -> None:
        """To the writing task, which must be idle."""
        means = self._lease.means()
        means.idle.clear()
        means.handed.put_nowait(self)

    async def write(self) -> dict[Partition, Books]:
        """Writes it in one transaction. One that has begun goes on when the lease ends, which still learns its positions.

        A revocation waits for that, and commits them to Kafka.
        """
        books = await self._lease.means().store.write(self.batch)
        for partition, move in self.batch.moves.items():
            self._lease.owned[partition].written_to = move.new
        return books


class Partitions:
    """The current lease. A rebalance, a loss and a new client replace it. Kafka's client says what the group hands out."""

    def __init__(self, settings: Settings, store: Store, metrics: Metrics, outages: Outages) -> None:
        self._settings = settings
        self._metrics = metrics
        self._outages = outages
        self.source = KafkaSource(settings, self)
        self.handed = asyncio.Queue[Read](1)
        self.idle = asyncio.Event()
        """Nothing is handed over or being written."""
        self.idle.set()
        self._means = Means(self.source, store, self.handed, self.idle)
        self.lease = Lease(self._means, heard=None, member=False)

    def _replace(self, partitions: Iterable[Partition] = (), *, heard: float | None, member: bool) -> Lease:
        old, self.lease = self.lease, Lease(self._means, partitions, heard=heard, member=member)
        old.end()
        self._metrics.partitions.set(len(self.lease.owned))
        return old

    def assigned(self, partitions: set[Partition]) -> None:
        """The group hands these out. The fetching task asks the database where they begin."""
        self._replace(partitions, heard=time.monotonic(), member=True)
        self.refresh_readiness()
        _logger.info("partitions_assigned", partitions=sorted(map(named, partitions)))

    async def revoked(self, partitions: set[Partition]) -> None:
        """The group takes these back. Returns when the transaction under way has ended; drops everything else that was read."""
        source, old = self.source, self._replace(heard=time.monotonic(), member=False)
        self._outages.wait_for(self._outages.health.waiting_for or "the assignment")
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self.idle.wait()
        except TimeoutError:
            _logger.warning("revoked_while_writing", note="the fence in the database keeps a late commit out")
        try:
            await source.commit(old.written())
        except OutcomesError as error:
            _logger.info("offsets_not_committed", error=str(error))
        _logger.info("partitions_revoked", partitions=len(partitions))

    async def lost(self, error: LostPartition) -> None:
        """Somebody else moved a position. The group decides who goes on; the database says from where."""
        self._metrics.lost.inc()
        _logger.warning("partition_lost", error=str(error))
        self.locate_again()
        await asyncio.sleep(random.uniform(0.05, 0.5))

    def locate_again(self) -> None:
        """Drops what was read of all partitions and asks the database again where they begin."""
        self.source.hold(self.lease.owned)
        self._replace(self.lease.owned, heard=self.lease.heard, member=self.lease.member)

    async def replace_client(self) -> None:
        """A client starts only once, so a new one does. It takes the old one's place in the group if that could not leave."""
        self._replace(heard=None, member=False)  # nobody may ask the old client any more
        try:
            await self.source.stop()
        except OutcomesError as error:
            _logger.info("old_client_left", error=str(error))
        self.source = KafkaSource(self._settings, self, self.source.member_id)
        self._means = self._means._replace(source=self.source)
        self._replace(heard=None, member=False)  # whoever asks now asks the new one

    def refresh_readiness(self) -> None:
        """Ready unless something keeps partitions from being read and written."""
        self._outages.wait_for(self._waiting_for())

    def _waiting_for(self) -> str | None:
        lease = self.lease
        if lease.silent:
            return "kafka"
        if not lease.member:
            return "the assignment"
        if lease.of(Phase.LOCATING):
            return "the positions"
        if lease.of(Phase.LEADERLESS) or lease.unreachable:
            return "kafka"
        if not lease.owned and (unknown := self.source.unknown_topics()):
            return f"the topic {', '.join(unknown)}"
        return None


def named(partition: Partition) -> str:
    """As it is shown in logs and messages."""
    return f"{partition.source}-{partition.partition}"
