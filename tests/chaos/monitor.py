"""Looks at the database some times a second, past all harm, and counts what goes backwards.

A regression is a position that is smaller than it was, a current row that is older than it was or is gone, or fewer versions of
an object than there were. Only a restore from a backup may do that; it is announced.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import asyncpg

from consumer.errors import OutcomesError
from consumer.ingest.tables import TABLES
from consumer.simulator.truth import Truth
from consumer.store.postgres import Connection, connect
from tests.chaos.stream import TOPIC, Telling

POSITION_SECONDS = 0.1
ROW_SECONDS = 0.5
SAMPLE = 40
"""Objects of each kind that are watched."""

_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OutcomesError)
_ROWS = """
SELECT current.root_account_uuid, current.id, current.event_time, current.event_name,
       coalesce(extract(epoch FROM current.updated_at), '-infinity')::float8, current.version_hash,
       (SELECT count(*) FROM {table}_version AS version
         WHERE version.root_account_uuid = current.root_account_uuid AND version.id = current.id) AS versions
  FROM {table} AS current
 WHERE (current.root_account_uuid, current.id) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))
"""
Row = tuple[tuple[Any, ...], int]
"""A current row's order, and how many versions its object has."""


class Monitor:
    """`positions` and `moved_at` are what was seen last; `regressions` are sentences."""

    def __init__(self, dsn: Callable[[], str], truth: Truth, seed: int) -> None:
        self._dsn = dsn
        self._sample = _sample(truth, random.Random(f"monitor-{seed}"))
        self.positions: dict[int, int] = {}
        self.moved_at = time.monotonic()
        self.regressions: list[str] = []
        self.looks = 0
        self._rows: dict[tuple[str, str, int], Row] = {}
        self.epoch = 0
        """Changes when what was seen before counts no more."""
        self._announced = False
        self._one_at_a_time = asyncio.Lock()
        """Of two looks at once the earlier may be heard of later."""

    @property
    def read(self) -> int:
        """Records that the positions have passed."""
        return sum(self.positions.values())

    def announce(self) -> None:
        """What is seen from now on counts for nothing, until `begin_again`."""
        self.epoch += 1
        self._announced = True

    def begin_again(self) -> None:
        """What was seen so far counts no more."""
        self.epoch += 1
        self._announced = False
        self.positions, self._rows = {}, {}
        self.moved_at = time.monotonic()

    async def watch_positions(self) -> None:
        """Until it is cancelled."""
        await self._watch(self._look_at_positions, POSITION_SECONDS)

    async def watch_rows(self) -> None:
        """Until it is cancelled."""
        await self._watch(self._look_at_rows, ROW_SECONDS)

    async def look(self) -> dict[int, int]:
        """The positions as they are in this moment, or, where the database is away, as they were seen last."""
        try:
            connection = await connect(self._dsn(), statement_seconds=5, application="chaos")
            try:
                await self._look_at_positions(connection)
            finally:
                connection.terminate()
        except _AWAY:
            return dict(self.positions)
        return dict(self.positions)

    async def _watch(self, look: Callable[[Connection], Awaitable[None]], seconds: float) -> None:
        while True:
            with suppress(*_AWAY):  # the database is away, as it should be from time to time
                dsn = self._dsn()
                connection = await connect(dsn, statement_seconds=5, application="chaos")
                try:
                    while dsn == self._dsn():
                        await look(connection)
                        await asyncio.sleep(seconds)
                finally:
                    connection.terminate()
            await asyncio.sleep(seconds)

    async def _look_at_positions(self, connection: Connection) -> None:
        async with self._one_at_a_time:
            epoch = self.epoch
            found = await connection.fetch("SELECT partition, next_position FROM stream_position WHERE source = $1", TOPIC)
            if epoch != self.epoch or self._announced:
                return
            self.looks += 1
            positions = {row["partition"]: row["next_position"] for row in found}
            for partition, before in self.positions.items():
                now = positions.get(partition, -1)
                if now < before:
                    self.regressions.append(f"partition {partition} went from {before} back to {now}")
            if positions != self.positions:
                self.moved_at = time.monotonic()
            self.positions = positions

    async def _look_at_rows(self, connection: Connection) -> None:
        epoch, seen = self.epoch, dict[tuple[str, str, int], Row]()
        for table, keys in self._sample.items():
            rows = await connection.fetch(_ROWS.format(table=table), *map(list, zip(*keys, strict=True)))
            seen |= {(table, row[0], row[1]): (tuple(row)[2:6], row["versions"]) for row in rows}
        if epoch != self.epoch or self._announced:
            return
        for key, (order, versions) in self._rows.items():
            now = seen.get(key)
            if now is None:
                self.regressions.append(f"{key[0]} {key[2]} is gone")
            elif now[0] < order:
                self.regressions.append(f"{key[0]} {key[2]} went back from {order[0]} to {now[0][0]}")
            elif now[1] < versions:
                self.regressions.append(f"{key[0]} {key[2]} has {now[1]} versions and had {versions}")
        self._rows = seen

    async def moved(self, since: Mapping[int, int], partitions: Collection[int], telling: Telling) -> None:
        """Returns when these partitions (none: all) have been read on: at least one, and each other that has something left."""
        epoch, ends = self.epoch, telling.ends
        asked = set(partitions) or set(ends)
        while True:
            if epoch != self.epoch and not self._announced and self.positions:
                epoch, since = self.epoch, dict(self.positions)
            if epoch == self.epoch:
                on = {p for p in asked if self.positions.get(p, 0) > since.get(p, 0)}
                left = {p for p in asked if self.positions.get(p, 0) < ends[p]}
                if left <= on and (on or telling.complete):
                    return
            await asyncio.sleep(POSITION_SECONDS / 4)


def _sample(truth: Truth, chance: random.Random) -> dict[str, list[tuple[str, int]]]:
    """Some objects of each kind, those with several versions first."""
    kinds: dict[str, list[tuple[bool, float, str, int]]] = defaultdict(list)
    for (kind, tenant, id_), known in truth.objects.items():
        kinds[kind].append((known.versions == 1, chance.random(), tenant, id_))
    return {
        kind: [(tenant, id_) for _, _, tenant, id_ in sorted(found)[:SAMPLE]] for kind, found in kinds.items() if kind in TABLES
    }
