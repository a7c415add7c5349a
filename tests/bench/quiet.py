"""A quiet stream: from producing an event to seeing it in a query."""

import asyncio
import json
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer.store.postgres import connect
from tests.acceptance.running import environment
from tests.bench import running
from tests.samples import event

PER_SECOND = 100


async def _measure(dsn: str, bootstrap: str, count: int) -> list[float]:
    topic = f"quiet-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 4, 1)])
    await admin.close()
    variables = environment(**running.reading(dsn, bootstrap, topic), OUTCOMES_LOG_LEVEL="warning")
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "consumer", "worker", "--http-port", "0", env=variables)
    connection = await connect(dsn)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    sent: dict[int, float] = {}
    seen: dict[int, float] = {}
    first = 10**9 + int(time.time()) * 10_000

    async def send(id_: int) -> None:
        value = event("learning_outcome_result_updated", at=datetime.now(UTC), id=str(id_))
        sent[id_] = time.perf_counter()
        await producer.send_and_wait(topic, json.dumps(value).encode(), key=str(id_).encode())

    async def look(until: int) -> None:
        newest = first - 1
        while len(seen) < until:
            rows = await connection.fetch(
                "SELECT id FROM learning_outcome_result WHERE root_account_uuid = $1 AND id = ANY ($2)", *_asked()
            )
            now = time.perf_counter()
            seen.update({row["id"]: now for row in rows if row["id"] not in seen})
            newest = max(seen, default=newest)
            await asyncio.sleep(0.001)

    def _asked() -> tuple[str, list[int]]:
        return event("course_created")["metadata"]["root_account_uuid"], [id_ for id_ in sent if id_ not in seen]

    try:
        await send(first)
        await look(1)  # the worker is there
        looking = asyncio.create_task(look(count + 1))
        begun = time.perf_counter()
        for number in range(1, count + 1):
            await asyncio.sleep(max(0.0, begun + number / PER_SECOND - time.perf_counter()))
            await send(first + number)
        await asyncio.wait_for(looking, 30)
    finally:
        await producer.stop()
        await connection.close()
        worker.terminate()
        await worker.wait()
    return sorted(seen[id_] - sent[id_] for id_ in sent if id_ != first)


def run(dsn: str, bootstrap: str, *, seconds: int) -> Iterator[dict[str, Any]]:
    """One line: milliseconds from produce to visible."""
    times = asyncio.run(_measure(dsn, bootstrap, seconds * PER_SECOND))
    yield {
        "what": f"{PER_SECOND} events/s for {seconds} s",
        "events": len(times),
        "p50 ms": round(1000 * statistics.median(times), 1),
        "p99 ms": round(1000 * times[int(0.99 * len(times))], 1),
        "most ms": round(1000 * times[-1], 1),
    }
