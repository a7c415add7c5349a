"""A topic whose records become visible all at once, so that who reads it can be ready before the clock starts."""

import asyncio
import itertools
import os
import time
import uuid
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

PARTITIONS = 4


class Gate:
    """Records in one Kafka transaction that is still open: whoever reads committed records finds nothing before `open`."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, events: int) -> None:
        self._producer = producer
        self.topic = topic
        self.events = events

    async def open(self) -> float:
        """Lets the records be seen; `time.perf_counter()` just before."""
        begun = time.perf_counter()
        await self._producer.commit_transaction()
        await self._producer.stop()
        return begun


async def closed(
    bootstrap: str,
    values: Iterable[bytes],
    *,
    keys: Iterable[int] | None = None,
    beforehand: Iterable[tuple[int, bytes]] = (),
    partitions: int = PARTITIONS,
    compression: str | None = None,
) -> Gate:
    """A new topic with these records, spread over its partitions, in order; all written, none visible yet.

    With `keys` each has one, which tells its partition too. What comes `beforehand`, with its keys, is visible at once.
    """
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1)])
    await admin.close()
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=topic,
        transaction_timeout_ms=900_000,
        linger_ms=20,
        max_batch_size=262_144,
        compression_type=compression,
    )
    await producer.start()
    await producer.begin_transaction()
    for key, value in beforehand:
        await producer.send(topic, value, key=str(key).encode(), partition=key % partitions)
    await producer.commit_transaction()
    await producer.begin_transaction()
    count = 0
    for number, value in zip(itertools.count() if keys is None else keys, values, strict=False):
        key_bytes = None if keys is None else str(number).encode()
        await producer.send(topic, value, key=key_bytes, partition=number % partitions)
        count += 1
    await producer.flush()
    await asyncio.to_thread(os.sync)  # so that writing out what was filled does not compete with what is measured
    return Gate(producer, topic, count)


async def gone(bootstrap: str, topic: str) -> None:
    """Deletes a topic that was measured, so that a run of many rounds does not fill the disk."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_topics([topic])
    await admin.close()
