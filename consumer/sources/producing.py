"""Sending records to Kafka."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, UnknownTopicOrPartitionError

from consumer.errors import OutcomesError, RecordTooLarge, UsageError
from consumer.settings import Settings
from consumer.sources import kafka_client
from consumer.sources.kafka_client import client_options, near, or_rather, translating

MAX_UNCONFIRMED = 10_000
"""Most messages that `produce` sends before Kafka confirms them."""


async def produce(settings: Settings, messages: AsyncIterator[tuple[str, bytes | None, bytes | None]]) -> int:
    """Sends (topic, key, value) in order; returns how many, after Kafka has confirmed each.

    Raises `Transient`, `Fatal`, or `UsageError` if the topic does not exist.
    """
    producer = AIOKafkaProducer(**client_options(settings), acks="all", linger_ms=5, max_batch_size=262_144)
    sent = 0
    unconfirmed: list[asyncio.Future[Any]] = []
    try:
        async with translating(settings.kafka_bootstrap_servers):
            await producer.start()
        async with translating():
            async for topic, key, value in messages:
                try:
                    unconfirmed.append(await producer.send(topic, value=value, key=key))
                except UnknownTopicOrPartitionError as error:
                    raise await _no_topic(producer, topic) from error
                sent += 1
                if len(unconfirmed) == MAX_UNCONFIRMED:
                    await _confirmed(unconfirmed)
            await _confirmed(unconfirmed)
    finally:
        with suppress(KafkaError, OSError, TimeoutError):  # the error that counts is raised anyway
            await asyncio.wait_for(producer.stop(), kafka_client.REQUEST_SECONDS)
        for future in unconfirmed:
            future.cancel()
        await asyncio.gather(*unconfirmed, return_exceptions=True)  # else asyncio logs each of thousands of failures
    return sent


async def _no_topic(producer: AIOKafkaProducer, topic: str) -> UsageError:
    known = (await producer.client.fetch_all_metadata()).topics()
    return UsageError(f"Kafka has no topic {topic}{or_rather(near(topic, known))}")


async def _confirmed(unconfirmed: list[asyncio.Future[Any]]) -> None:
    """Waits for all and empties the list. Raises for the first that failed."""
    answers = await asyncio.gather(*unconfirmed, return_exceptions=True)
    unconfirmed.clear()
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer


class Producer:
    """Sends single records, each until every in-sync replica has it. Connects at the first, and again after a failure.

    `send` raises `Transient` (broker away), `RecordTooLarge`, or `Fatal` (refused). Then the record is not sent later; but the
    broker may have it already, if only its answer was lost. Without a key: readers do not depend on the partition.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def check(self, topic: str) -> None:
        """Connects. Raises `UsageError` if the topic does not exist."""
        producer = await self._connected()
        async with translating():
            try:
                await producer.partitions_for(topic)
            except UnknownTopicOrPartitionError as error:
                raise await _no_topic(producer, topic) from error

    async def send(self, topic: str, value: bytes, headers: Iterable[tuple[str, bytes]] = ()) -> None:
        """Returns when Kafka has it."""
        producer = await self._connected()
        try:
            async with translating():
                await producer.send_and_wait(topic, value, headers=list(headers))
        except OutcomesError as error:
            if isinstance(error.__cause__, MessageSizeTooLargeError):
                sentence = f"a record of {len(value):,} bytes is more than {topic} takes (max.message.bytes)"
                raise RecordTooLarge(sentence) from error
            self._drop(producer)
            raise

    async def close(self) -> None:
        """Drops unsent records."""
        if self._producer is not None:
            self._drop(self._producer)
        await asyncio.gather(*self._closing)

    def _drop(self, producer: AIOKafkaProducer) -> None:
        """Fails all that wait for this client; the next record gets another one."""
        is_ours = self._producer is producer  # another record's failure may have dropped it already
        if is_ours:
            self._producer = None
            producer._message_accumulator.fail_all(KafkaTimeoutError())  # else it waits for brokers that are away
            closing = asyncio.create_task(_close(producer), name="close producer")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(**client_options(self._settings), enable_idempotence=True)
                async with translating(self._settings.kafka_bootstrap_servers):
                    try:
                        await producer.start()
                    except BaseException:
                        await producer.stop()
                        raise
                self._producer = producer
            return self._producer


async def _close(producer: AIOKafkaProducer) -> None:
    try:
        # Also while its brokers are away. KeyError: aiokafka misses a batch that `_drop` has failed while it was sent.
        with suppress(KafkaError, OSError, TimeoutError, KeyError):
            await asyncio.wait_for(producer.stop(), kafka_client.REQUEST_SECONDS)
    finally:
        await producer.client.close()
