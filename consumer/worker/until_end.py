"""`--until-end`: the worker stops once all that was in the topics at first is written, by this worker or another."""

import asyncio
import time
from dataclasses import dataclass, field

from consumer.errors import Transient
from consumer.ingest.batch import Partition
from consumer.settings import Settings
from consumer.sources import kafka_client
from consumer.store.store import Store
from consumer.worker.outages import Outages
from consumer.worker.partitions import LeaseEnded, Partitions, Phase, named

CHECKING_SECONDS = 1.0
"""How often it is looked how far the group has come."""

END_SECONDS = 60.0
"""It gives up after so long without progress, or after `statement_seconds` if that is longer."""

SHOWN = 3
"""Partitions that are named in a sentence, at most."""


@dataclass(slots=True)
class UntilEnd:
    """Knows where the topics ended at first, and how far they are written."""

    settings: Settings
    store: Store
    partitions: Partitions
    outages: Outages
    ends: dict[Partition, int] | None = None
    """Where each partition of the topics ended at first, if it held anything."""
    others: dict[Partition, int] = field(default_factory=dict)
    """The database's positions of those that are not ours."""
    finished: bool = False

    def _written(self) -> dict[Partition, int]:
        return self.others | self.partitions.lease.written()

    def unfinished(self) -> str | None:
        """What is missing, where the end was not reached."""
        if self.finished:
            return None
        waited = f", waiting for {self.outages.waited_for}" if self.outages.waited_for else ""
        at = self._written()
        left = [
            f"{named(partition)} is read to {at.get(partition, 0)} of {end}"
            for partition, end in sorted((self.ends or {}).items())
            if at.get(partition, -1) < end
        ]
        if self.ends is not None and not left:
            return None
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        what = f": {', '.join(left[:SHOWN])}{more}" if left else ""
        return f"stopped before the end of {', '.join(self.settings.topic)}{waited}{what}"

    async def run(self) -> None:
        """Stops the worker at the end, or where it makes no progress."""
        limit = max(END_SECONDS, self.settings.statement_seconds)
        progressed, at = time.monotonic(), (dict[Partition, int](), dict[Partition, int]())
        while not self.outages.stopping.is_set():
            await asyncio.sleep(CHECKING_SECONDS)
            try:
                async with asyncio.timeout(limit):
                    await self.check()
            except (LeaseEnded, Transient, TimeoutError):
                pass  # whoever reads or writes says so
            reading = self.partitions.lease.of(Phase.READING)
            now = (self._written(), {partition: it.read_to for partition, it in reading.items()})
            if now != at:
                progressed, at = time.monotonic(), now
            elif time.monotonic() - progressed > limit:
                self.outages.stop()

    async def check(self) -> None:
        """Asks the database for what others have written of the topics."""
        lease = self.partitions.lease
        if not lease.member or lease.of(Phase.LOCATING):
            return
        if self.ends is None:
            topics = [lease.partitions(topic) for topic in self.settings.topic]
            everything = set[Partition]().union(*topics)
            bounds = await lease.bounds(everything, kafka_client.REQUEST_SECONDS) if all(topics) else {}
            if not bounds or everything - set(bounds):
                return
            self.ends = {partition: end for partition, (first, end) in bounds.items() if end > first}
        if left := [partition for partition in self.ends if partition not in self.partitions.lease.written()]:
            self.others = await self.store.positions(left)
        at = self._written()
        if all(at.get(partition, -1) >= end for partition, end in self.ends.items()):
            self.finished = True
            self.outages.stop()
