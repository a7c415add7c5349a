"""All partitions of the topics, without a consumer group: each is read from a position that the caller knows."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer import log
from consumer.errors import Fatal, UsageError
from consumer.ingest.batch import Partition
from consumer.ingest.records import RawRecord
from consumer.settings import Settings
from consumer.sources.kafka_client import OffsetOutOfRange, client_options, near, or_rather, translating

LOOK_SECONDS = 10.0
"""How often to look for new partitions."""


class Timed(NamedTuple):
    """A record, and when Kafka got it."""

    record: RawRecord
    milliseconds: int
    """Since 1970, as the topic says."""


class Tail:
    """Methods raise `Transient` and `Fatal`."""

    def __init__(self, settings: Settings, positions: Mapping[Partition, int]) -> None:
        """`positions`: where to go on; partitions that are not in it begin at OUTCOMES_START, those that come later at 0."""
        self._settings = settings
        self._positions = positions
        self._known: set[Partition] = set()
        self._looked_at = 0.0
        self._consumer = AIOKafkaConsumer(
            **client_options(settings),
            enable_auto_commit=False,
            auto_offset_reset="none",  # a missing record is an error, never a jump
            isolation_level="read_committed",
            max_partition_fetch_bytes=settings.kafka_fetch_bytes,
            fetch_max_wait_ms=100,
            metadata_max_age_ms=int(LOOK_SECONDS * 1000),
        )

    async def start(self) -> None:
        """Connects and goes to the positions. Raises `UsageError` if a topic does not exist, `Fatal` if records are gone."""
        async with translating(self._settings.kafka_bootstrap_servers):
            await self._consumer.start()
        async with translating():
            topics = await self._consumer.topics()
            for topic in self._settings.topic:
                if topic not in topics:
                    raise UsageError(f"Kafka has no topic {topic}{or_rather(near(topic, topics))}")
        await self._add_partitions()

    async def stop(self) -> None:
        """Closes the connections."""
        await self._consumer.stop()

    async def ends(self) -> dict[Partition, int]:
        """The offset after the last record of each partition."""
        async with translating():
            return _ours(await self._consumer.end_offsets(_theirs(self._known)))

    async def reached(self, ends: Mapping[Partition, int]) -> bool:
        """Whether all records before these offsets were fetched."""
        async with translating():
            return all([await self._consumer.position(TopicPartition(*one)) >= end for one, end in ends.items()])

    async def fetch(self, wait_seconds: float) -> list[Timed]:
        """Some records, of each partition in order; none if none came in time."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            await self._add_partitions()
        try:
            async with translating():
                fetched: dict[Any, list[Any]] = await self._consumer.getmany(timeout_ms=int(wait_seconds * 1000))
        except OffsetOutOfRange as error:
            raise Fatal("Kafka has deleted records while they were captured: start it again to see which") from error
        return [
            Timed(RawRecord(message.topic, message.partition, message.offset, message.value), message.timestamp)
            for messages in fetched.values()
            for message in messages
        ]

    async def _add_partitions(self) -> None:
        self._looked_at = time.monotonic()
        async with translating():
            await self._consumer._client.set_topics(self._settings.topic)
            numbers = {topic: self._consumer.partitions_for_topic(topic) or () for topic in self._settings.topic}
            found = {Partition(topic, number) for topic in numbers for number in numbers[topic]}
            if not (new := found - self._known):
                return
            firsts = _ours(await self._consumer.beginning_offsets(_theirs(new)))
            ends = _ours(await self._consumer.end_offsets(_theirs(new)))
            at = {tp: await self._consumer.position(tp) for tp in self._consumer.assignment()}
            self._consumer.assign(_theirs(found))
            for partition in found:
                tp = TopicPartition(*partition)
                self._consumer.seek(tp, at[tp] if tp in at else self._begin(partition, firsts[partition], ends[partition]))
            self._known = found

    def _begin(self, partition: Partition, first: int, end: int) -> int:
        if partition not in self._positions:
            return end if self._settings.start == "latest" and not self._known else first
        position = self._positions[partition]
        if first <= position <= end:
            return position
        name = f"{partition.source}-{partition.partition}"
        what = f"{name} holds the records {first} to {end}, but the next one to capture is {position}"
        if self._settings.on_gap == "stop":
            raise Fatal(f"{what}: records are missing. Set OUTCOMES_ON_GAP=continue to go on from the topic's first record")
        log.get("capture").warning("gap", partition=name, position=position, first=first, end=end)
        return first


def _theirs(partitions: Iterable[Partition]) -> list[TopicPartition]:
    return [TopicPartition(*partition) for partition in sorted(partitions)]


def _ours(offsets: Mapping[Any, int]) -> dict[Partition, int]:
    return {Partition(tp.topic, tp.partition): offset for tp, offset in offsets.items()}


@asynccontextmanager
async def tailing(settings: Settings, positions: Mapping[Partition, int]) -> AsyncIterator[Tail]:
    """A started one."""
    tail = Tail(settings, positions)
    try:
        await tail.start()
        yield tail
    finally:
        await tail.stop()
