"""Without Kafka: events go through the one write path into Postgres.

The source is `intake:` and where the events came in; the position is the time of arrival in microseconds. So each delivery has
a position of its own, as a record of a topic has, and a redelivered event counts as a duplicate. Several processes may share a
source: the compare-and-set of the position lets one batch after the other through, and two processes cannot move it to the same
place, which a lost answer to COMMIT would mistake for success.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from consumer.errors import LostPartition, Transient
from consumer.ingest.batch import Batch, Partition
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord
from consumer.intake.events import Event
from consumer.intake.grouping import Grouped
from consumer.store.store import Store

SOURCE = "intake:"
"""Prefix of the source. No topic can have such a name."""
MAX_BATCH = 1_000
"""Most events in one transaction."""
RACES = 20
"""How often a batch may lose the position to another process before its events count as not stored."""


class Direct:
    """The database, as an `Outlet`."""

    def __init__(self, store: Store, rules: Rules, came_in: str) -> None:
        self._store = store
        self._rules = rules
        self._partition = Partition(f"{SOURCE}{came_in}", 0)
        self._next: int | None = None
        """The position in the database; None where it has to be read first."""
        self._events = Grouped(self._write, MAX_BATCH)

    async def check(self) -> None:
        """See `Outlet`."""
        await self._store.check()

    async def put(self, event: Event) -> None:
        """See `Outlet`."""
        await self._events.add(event)

    async def close(self) -> None:
        """See `Outlet`."""
        await self._events.close()
        await self._store.close()

    async def _write(self, events: Sequence[Event]) -> None:
        for _ in range(RACES):
            position = self._next if self._next is not None else await self._read_position()
            now = datetime.now(UTC)
            first = max(position, time.time_ns() // 1000)
            batch = Batch()
            for at, event in enumerate(events, first):
                batch.add(decode(RawRecord(*self._partition, at, event.value), self._rules, now))
                batch.bytes += len(event.value)
            batch.advance(self._partition, position, first + len(events))
            self._next = None  # until the answer is known
            try:
                try:
                    await self._store.write(batch)
                except Transient:
                    await self._store.write(batch)  # if only the answer to COMMIT was lost, this shows it
            except LostPartition:
                continue
            self._next = first + len(events)
            return
        raise Transient("other processes write to the same source all the time")

    async def _read_position(self) -> int:
        await self._store.remove_names(self._rules.people)
        positions = await self._store.positions([self._partition])
        if self._partition not in positions:
            await self._store.open_position(self._partition, 1, "intake by " + self._partition.source.removeprefix(SOURCE))
            positions = await self._store.positions([self._partition])
        return positions[self._partition]
