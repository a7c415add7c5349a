"""Writes changes as events of our own, `<table>_backfilled`, through the same path as the feed's."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from consumer.canvas.compare import Change
from consumer.ingest.batch import Batch, Books, Partition
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord, Rejected
from consumer.settings import Settings
from consumer.store.retrying import StoppableRetry
from consumer.store.store import Store
from schemas.base import SHARD


class SnapshotWriter:
    """One source's writer. Only one task may use it at a time."""

    def __init__(self, store: Store, retry: StoppableRetry, settings: Settings, source: str, tenant: str) -> None:
        self._store = store
        self._retry = retry
        self._rules = replace(Rules.of(settings), default_tenant=None, max_record_bytes=2**31)
        self._partition = Partition(source, 0)
        self._label = settings.canvas_url or ""
        self._batch_size = settings.batch_size
        self._tenant = tenant
        self._position: int | None = None
        self.books = Books()

    async def write(self, changes: Sequence[Change]) -> Sequence[str | None]:
        """For each change, why it was refused, or None. Raises `LostPartition`, `Fatal`, `Stopped`."""
        refusals: list[str | None] = []
        for start in range(0, len(changes), self._batch_size):
            refusals += await self._write(changes[start : start + self._batch_size])
        return refusals

    async def _write(self, changes: Sequence[Change]) -> list[str | None]:
        if self._position is None:
            partition = self._partition
            await self._retry.patiently(lambda: self._store.open_position(partition, 1, self._label))
            self._position = (await self._retry.patiently(lambda: self._store.positions([partition])))[partition]
        batch, at, refusals, now = Batch(), self._position, list[str | None](), datetime.now(UTC)
        for change in changes:
            record = RawRecord(*self._partition, at, event_of(change, self._tenant))
            verdicts = decode(record, self._rules, now)
            refusal = next((one for one in verdicts if isinstance(one, Rejected)), None)
            if refusal is not None:
                refusals.append(f"{change.table} {change.id}: {refusal.path}: {refusal.message}")
                continue
            batch.add(verdicts)
            batch.bytes += len(record.value or b"")
            refusals.append(None)
            at += 1
        if at > self._position:
            batch.advance(self._partition, self._position, at)
            books = await self._retry.patiently(lambda: self._store.write(batch))
            self._position = at
            self.books = sum(books.values(), self.books)
        return refusals


def event_of(change: Change, tenant: str) -> bytes:
    """The event's JSON."""
    metadata = {"event_name": change.event_name, "event_time": change.at, "root_account_uuid": tenant}
    if change.id >= SHARD:
        metadata["shard"] = None  # REST tells whole ids of other shards alone
    return orjson.dumps({"metadata": metadata, "body": change.body}, option=orjson.OPT_UTC_Z)
