"""What a worker does once a second: gauges, offsets for Kafka's lag tools; and now and then a look at the database."""

import asyncio
import time
from dataclasses import dataclass, field

from consumer import log
from consumer.errors import LostPartition, Transient
from consumer.ingest.batch import Partition
from consumer.settings import Settings
from consumer.store.store import Store
from consumer.worker.metrics import Metrics
from consumer.worker.outages import AWAY, Outages
from consumer.worker.partitions import Partitions, Phase, Read

_logger = log.get("worker")

HOUSEKEEPING_SECONDS = 1.0
"""How often offsets are committed to Kafka and gauges set."""

NAMES_SECONDS = 60.0
"""How often a worker that stores no names takes out those that another process has written meanwhile."""

COMPARING_SECONDS = 3.0
"""How often a worker that has nothing to write asks whether the database is still where this worker left it."""


@dataclass(slots=True)
class Housekeeping:
    """Reads and writes no event."""

    settings: Settings
    store: Store
    metrics: Metrics
    partitions: Partitions
    outages: Outages
    compared: float = field(default_factory=time.monotonic)
    """Monotonic time of the last comparison with the database."""
    names_removed: float = field(default_factory=time.monotonic)
    """Monotonic time when names were last taken out."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            self.metrics.lag(self._lag())
            if self.partitions.lease.member and self.outages.health.waiting_for not in AWAY:
                self.partitions.refresh_readiness()  # a topic may have come, or gone
            self.advance_positions()
            await self._commit()
            if time.monotonic() - self.names_removed > NAMES_SECONDS:
                await self._remove_names()
            if time.monotonic() - self.compared > COMPARING_SECONDS:
                await self._compare()

    async def _commit(self) -> None:
        reading = self.partitions.lease.of(Phase.READING)
        changed = {partition: it.written_to for partition, it in reading.items() if it.committed != it.written_to}
        try:
            await self.partitions.source.commit(changed)
        except Transient as error:
            _logger.info("offsets_not_committed", error=str(error))
            return
        for partition, at in changed.items():
            reading[partition].committed = at

    def _lag(self) -> dict[Partition, int]:
        """Records in Kafka and not yet written, by its last answer: the client's own ends are as old as its last fetch."""
        found = {}
        for partition, it in self.partitions.lease.of(Phase.READING).items():
            ends = [end for end in (it.seen.end, self.partitions.source.end(partition)) if end is not None]
            if ends:
                found[partition] = max(0, max(ends) - it.written_to)
        return found

    def advance_positions(self) -> None:
        """Moves positions over what holds no event: markers of transactions, aborted records, holes of compaction.

        Otherwise retention would overtake them and look like a gap. Only while no batch is under way: then all that the client
        has passed is written or held no event.
        """
        lease = self.partitions.lease
        if not self.partitions.idle.is_set():
            return
        read = Read(lease)
        for partition, it in lease.of(Phase.READING).items():
            if it.read_to == it.written_to < (position := self.partitions.source.position(partition)):
                read.advance(partition, position)
        if read.batch.moves:
            read.hand_over()

    async def _remove_names(self) -> None:
        """While a new setting is rolled out, workers with the old one go on writing for a while."""
        try:
            await self.store.remove_names(self.settings.people)
            self.names_removed = time.monotonic()
        except Transient as error:
            self.outages.report("postgres")(error, HOUSEKEEPING_SECONDS)

    async def _compare(self) -> None:
        """With nothing to write: whether the database is there, and where we left it.

        A failover or a restored backup sets it back. Where the topic is quiet, no compare-and-set would ever tell.
        """
        idle, written = self.partitions.idle, self.partitions.lease.written()
        if not written or not idle.is_set():
            return
        try:
            known = await self.store.positions(list(written))
        except Transient as error:
            self.outages.report("postgres")(error, HOUSEKEEPING_SECONDS)
            return
        self.compared = time.monotonic()
        if not idle.is_set() or written != self.partitions.lease.written():
            return  # a batch came in between: its own compare-and-set tells
        if self.outages.health.waiting_for == "postgres":
            self.partitions.refresh_readiness()
        if known != written:
            await self.partitions.lost(LostPartition("the database is not where this worker left it"))
