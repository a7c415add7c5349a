"""Records that are slow to decode do not keep the worker from its other tasks."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from consumer.ingest.batch import Partition
from consumer.ingest.decode import TURN_SECONDS
from consumer.ingest.records import RawRecord
from consumer.settings import Settings
from consumer.store.store import Store
from consumer.worker import worker
from consumer.worker.metrics import Metrics
from consumer.worker.partitions import Read

ONE = Partition("topic", 0)


async def test_slow_records_of_one_fetch_leave_every_other_task_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka's heartbeats among them: a worker that sends none is put out of its group."""

    def slow(*_: Any) -> list[Any]:
        time.sleep(2 * TURN_SECONDS)
        return []

    monkeypatch.setattr(worker, "decode", slow)
    one = worker.Worker(Settings(), Store("postgresql://nowhere", statement_seconds=1), Metrics())
    lease = one._partitions.lease
    turns = 0

    async def heartbeats() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    class Reading(Read):
        def expected(self, partition: Partition) -> int | None:
            assert partition == ONE
            return 0

        def advance(self, partition: Partition, to: int) -> None:
            assert (partition, to) == (ONE, 10)

    beating = asyncio.create_task(heartbeats())
    records = [RawRecord(*ONE, position, b"{}") for position in range(10)]
    await one._decode(cast(Read, Reading(lease)), ONE, records, datetime.now(UTC))
    beating.cancel()
    assert turns >= len(records)
