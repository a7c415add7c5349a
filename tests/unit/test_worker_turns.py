"""Records that are slow to decode do not keep the worker from its other tasks."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.ingest.batch import Batch, Move, Partition
from consumer.ingest.decode import TURN_SECONDS
from consumer.ingest.records import RawRecord
from consumer.settings import Settings
from consumer.store.store import Store
from consumer.worker import worker
from consumer.worker.metrics import Metrics

ONE = Partition("topic", 0)
RECORDS = [RawRecord(*ONE, position, b"{}") for position in range(10)]


@pytest.fixture
async def one(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[worker.Worker]:
    """A worker that decodes slowly."""

    def slow(*_: Any) -> list[Any]:
        time.sleep(2 * TURN_SECONDS)
        return []

    monkeypatch.setattr(worker, "decode", slow)
    made = worker.Worker(Settings(), Store("postgresql://nowhere", statement_seconds=1), Metrics())
    yield made
    await made._partitions.source.stop()


@asynccontextmanager
async def meanwhile(act: Callable[[], None]) -> AsyncIterator[None]:
    """Another task, which does this whenever it has its turn."""

    async def acting() -> None:
        while True:
            act()
            await asyncio.sleep(0)

    task = asyncio.create_task(acting())
    try:
        yield
    finally:
        task.cancel()


async def test_slow_records_of_one_fetch_leave_every_other_task_its_turn(one: worker.Worker) -> None:
    """Kafka's heartbeats among them: a worker that sends none is put out of its group."""
    turns: list[None] = []
    async with meanwhile(lambda: turns.append(None)):
        await one._decode(Batch(), RECORDS, datetime.now(UTC))
    assert len(turns) >= len(RECORDS)


async def test_positions_do_not_move_over_records_that_are_still_being_decoded(
    one: worker.Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client stands behind them: a worker that died then would have lost them."""
    partitions, left = one._partitions, [(ONE, RECORDS)]

    async def fetch(*_: object) -> list[tuple[Partition, list[RawRecord]]]:
        return [left.pop()] if left else []

    monkeypatch.setattr(partitions.source, "fetch", fetch)
    monkeypatch.setattr(partitions.source, "position", lambda _: 0 if left else len(RECORDS))
    partitions.assigned({ONE})
    partitions.lease.begin({ONE: 0}, [])
    async with meanwhile(one._housekeeping.advance_positions):
        reading = asyncio.create_task(one._next_batch())
        await asyncio.wait({reading}, timeout=5)
        reading.cancel()
    batch = partitions.handed.get_nowait().batch
    assert (batch.moves, batch.bytes) == ({ONE: Move(0, len(RECORDS))}, sum(len(record.value or b"") for record in RECORDS))
