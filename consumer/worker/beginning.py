"""Where partitions begin: at the database's position, at the topic's start or end if it has none, or behind a gap."""

from dataclasses import dataclass, field

from consumer import log
from consumer.errors import Fatal, Transient
from consumer.ingest.batch import Partition
from consumer.settings import Settings
from consumer.store.store import Store
from consumer.worker.metrics import Metrics
from consumer.worker.outages import Outages
from consumer.worker.partitions import Lease, Phase, named

_logger = log.get("worker")


@dataclass(slots=True)
class Beginning:
    """Locates the partitions of a lease. Raises `Fatal` on a gap, unless told to go on."""

    settings: Settings
    store: Store
    metrics: Metrics
    outages: Outages
    appeared: set[str] = field(default_factory=set)
    """Topics that did not exist when this worker started."""

    async def locate(self, lease: Lease) -> bool:
        """Seeks every new partition to the database's position; whether there was any. Raises `LeaseEnded`.

        Those whose leader does not answer are left until it does: the watchdog goes on asking.
        """
        new, leaderless = lease.of(Phase.LOCATING), lease.of(Phase.LEADERLESS)
        reachable_again = {partition: it.reachable_again for partition, it in leaderless.items() if it.reachable_again}
        partitions = list(new or reachable_again)
        if not partitions:
            return False
        known = await self._positions(partitions)
        if unknown := {partition for partition in partitions if partition not in known}:
            for topic in sorted({partition.source for partition in unknown}):
                await self._create_positions(lease, topic, unknown)
            known = await self._positions(partitions)
        bounds = await self.outages.patiently(lambda: lease.bounds(partitions), "kafka") if new else reachable_again
        positions: dict[Partition, int] = {}
        for partition, (first, end) in sorted(bounds.items()):
            position = known[partition]
            if not first <= position <= end:
                position = await self._over_gap(partition, position, first, end)
            positions[partition] = position
        lease.begin(positions, [partition for partition in partitions if partition not in positions])
        _logger.info("positions_read", partitions={named(partition): at for partition, at in positions.items()})
        return True

    async def _positions(self, partitions: list[Partition]) -> dict[Partition, int]:
        return await self.outages.patiently(lambda: self.store.positions(partitions), "postgres")

    async def _create_positions(self, lease: Lease, topic: str, unknown: set[Partition]) -> None:
        """Writes down where all partitions of a topic begin, in one transaction.

        OUTCOMES_START is about a topic that this database has never read. A partition that it gets later, or a topic that
        comes while this worker runs, is new from its first record on.
        """
        whole = sorted(lease.partitions(topic) | {partition for partition in unknown if partition.source == topic})
        if await self._positions(whole):
            starts = dict.fromkeys(whole, 0)
        else:
            at_end = self.settings.start == "latest" and topic not in self.appeared
            bounds = await self.outages.patiently(lambda: _all_bounds(lease, whole), "kafka")
            starts = {partition: bound[1 if at_end else 0] for partition, bound in bounds.items()}
        await self.outages.patiently(lambda: self.store.open_positions(starts), "postgres")

    async def _over_gap(self, partition: Partition, position: int, first: int, end: int) -> int:
        name = named(partition)
        if position > end:
            reason = "topic_recreated"
            what = f"{name} ends at {end}, but this database has read up to {position}: the topic was deleted and created again"
        else:
            reason = "retention_passed"
            what = f"{name} begins at {first}, but this database is at {position}: Kafka has deleted {first - position} records"
        if self.settings.on_gap == "stop":
            raise Fatal(
                f"{what}. Replay the missing records from captured files if you have them; "
                "then set OUTCOMES_ON_GAP=continue to go on from the topic's start and have the gap recorded in stream_gap"
            )
        _logger.warning("gap", partition=name, reason=reason, position=position, first=first, end=end)
        await self.outages.patiently(lambda: self.store.skip_gap(partition, position, first, reason), "postgres")
        self.metrics.gaps.inc()
        return first


async def _all_bounds(lease: Lease, partitions: list[Partition]) -> dict[Partition, tuple[int, int]]:
    """Of every partition: who begins at the end must not miss what comes while one has no leader."""
    bounds = await lease.bounds(partitions)
    if missing := [named(partition) for partition in partitions if partition not in bounds]:
        raise Transient(f"Kafka: no leader answers for {', '.join(missing)}")
    return bounds
