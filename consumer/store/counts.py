"""Counts of events that are not kept, and of members that no model knows. Both run inside the transaction of their batch."""

from collections import Counter
from typing import Any

from consumer.ingest.batch import Batch, partition_of
from consumer.ingest.decode import TOMBSTONE
from consumer.printable import PERSONAL
from consumer.store.postgres import Connection
from consumer.store.sql import sql
from schemas.events import HEARTBEAT

MAX_NAMES = 500
"""Most names of ignored events, and most unknown members, that one partition counts apart. Canvas has about 200 events."""

_ALWAYS = [HEARTBEAT, TOMBSTONE, PERSONAL]
"""Event names that always have a count of their own."""


async def count_ignored(connection: Connection, batch: Batch) -> None:
    """Counts ignored events by name."""
    if not batch.ignored:
        return
    events: Counter[tuple[str, int, str]] = Counter()
    newest: dict[tuple[str, int, str], Any] = {}
    for ignored in batch.ignored:
        key = (*partition_of(ignored), ignored.event_name)
        events[key] += 1
        if ignored.event_time is not None:
            newest[key] = max(ignored.event_time, newest.get(key, ignored.event_time))
    rows = [(*key, count, newest.get(key)) for key, count in sorted(events.items())]
    await connection.execute(sql("count_ignored"), *map(list, zip(*rows, strict=True)), MAX_NAMES, _ALWAYS)


async def count_unknown(connection: Connection, batch: Batch) -> None:
    """Counts members that no model knows."""
    members = Counter(
        (*partition_of(version), version.key.event_name, member)
        for version in batch.accepted
        if version.unknown
        for member in version.unknown
    )
    if members:
        rows = [(*key, count) for key, count in sorted(members.items())]
        await connection.execute(sql("count_unknown"), *map(list, zip(*rows, strict=True)), MAX_NAMES)
