"""The consumer group's member: reads records from Kafka. Types of aiokafka do not leave this room."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from consumer.errors import Fatal, Transient
from consumer.ingest.batch import Partition
from consumer.ingest.records import RawRecord
from consumer.settings import Settings
from consumer.sources import kafka_client
from consumer.sources.kafka_client import client_options, forbidden, near, raise_refusal, translating
from consumer.sources.membership import Membership

T = TypeVar("T")

REBALANCE_SECONDS = 1.0
"""How long one fetch waits for the group to hand out partitions."""

_NEVER_MS = 2**31 - 1

_ending: set[asyncio.Future[None]] = set()
"""Clients that are leaving."""


def _ended(ending: asyncio.Future[None]) -> None:
    _ending.discard(ending)
    if not ending.cancelled():
        ending.exception()  # else asyncio logs it, although `stop` has raised it


class Assignment(Protocol):
    """Hears when the group assigns and revokes partitions."""

    async def revoked(self, partitions: set[Partition]) -> None:
        """These are about to be another member's. Returns when nothing more will be written for them."""

    def assigned(self, partitions: set[Partition]) -> None:
        """These are ours now. They are paused until `KafkaSource.seek`."""


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Turns aiokafka's callbacks into ours."""

    def __init__(self, source: "KafkaSource", assignment: Assignment) -> None:
        self._source = source
        self._assignment = assignment

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        partitions = {Partition(tp.topic, tp.partition) for tp in revoked}
        if partitions and not self._source.stopped:
            await self._assignment.revoked(partitions)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        if self._source.stopped:
            return
        partitions = {Partition(tp.topic, tp.partition) for tp in assigned}
        self._source.hold(partitions)
        self._assignment.assigned(partitions)


class KafkaSource:
    """A member of the consumer group. The caller decides where each partition begins; commits are only for others to see.

    Methods raise `Transient` (broker away), `Fatal` (refused), and `fetch` also `OffsetOutOfRange`. `member_id`: of an earlier
    source that could not leave, so that the group need not wait for that one's session to expire.
    """

    def __init__(self, settings: Settings, assignment: Assignment, member_id: str = "") -> None:
        self._settings = settings
        self._consumer = AIOKafkaConsumer(
            **client_options(settings),
            group_id=settings.group_id,
            group_instance_id=settings.group_instance_id,
            enable_auto_commit=False,
            # Never restart silently: if Kafka lacks an offset, the worker decides.
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=settings.kafka_fetch_bytes,
            fetch_max_wait_ms=100,
            session_timeout_ms=int(settings.kafka_session_timeout_seconds * 1000),
            heartbeat_interval_ms=max(100, int(settings.kafka_session_timeout_seconds * 1000 / 15)),
            # A database outage must not end the membership; a dead process is found by its heartbeats.
            max_poll_interval_ms=_NEVER_MS,
            rebalance_timeout_ms=60_000,
            metadata_max_age_ms=10_000,
        )
        self._membership = Membership(self._consumer._client, settings.group_id, settings.group_instance_id or None, member_id)
        self._listener = _Listener(self, assignment)
        self._committing = asyncio.Lock()
        self.stopped = False
        """Whether `stop` was called. From then on, assignments no longer count."""

    @property
    def member_id(self) -> str:
        """Our id in the group; empty if the group does not know us."""
        return self._membership.member_id

    async def start(self) -> None:
        """Connects."""
        begun = time.monotonic()
        async with translating(self._settings.kafka_bootstrap_servers):
            try:
                await self._consumer.start()
            except KafkaConnectionError:
                if time.monotonic() - begun < kafka_client.REQUEST_SECONDS:  # else a broker hangs, and has refused nothing
                    await raise_refusal(self._settings)
                raise
        self._consumer._coordinator.member_id = self.member_id

    def join(self) -> None:
        """Joins the group. May make the brokers create our topics, if they do so by themselves."""
        self._consumer.subscribe(list(self._settings.topic), listener=self._listener)

    async def stop(self) -> None:
        """Leaves the group. Has a time limit, because a broker may hang; the client then ends in the background."""
        self.stopped = True
        ending = asyncio.ensure_future(self._end())
        _ending.add(ending)
        ending.add_done_callback(_ended)
        async with translating():
            await asyncio.wait_for(asyncio.shield(ending), kafka_client.REQUEST_SECONDS)

    async def _end(self) -> None:
        """Ends all tasks and connections of aiokafka, whatever error it runs into."""
        try:
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(kafka_client.REQUEST_SECONDS):
                    await self._membership.leave()
            if self._consumer._coordinator is not None:
                self._consumer._coordinator.reset_generation()  # it would leave once more
            await self._consumer.stop()
        except asyncio.CancelledError:
            # Maybe not ours: aiokafka cancels its own requests, and one that pauses after a failure raises it here.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
        finally:
            async with self._committing:  # a running commit would open a new connection
                await self._consumer._client.close()  # stop() skips this if an earlier step fails

    async def missing_topics(self) -> dict[str, list[str]]:
        """Configured topics that do not exist, each with similar names that do."""
        async with translating():
            known: set[str] = await asyncio.wait_for(self._consumer.topics(), kafka_client.REQUEST_SECONDS)
        return {topic: near(topic, known) for topic in sorted(set(self._settings.topic) - known)}

    async def answers(self, seconds: float) -> bool:
        """Whether any broker answers."""
        try:
            return bool(await asyncio.wait_for(self._consumer._client.force_metadata_update(), seconds))
        except TimeoutError:
            return False

    def partitions(self, topic: str) -> set[Partition]:
        """All partitions of the topic that this client knows."""
        return {Partition(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()}

    def unknown_topics(self) -> list[str]:
        """Configured topics that this client does not know yet."""
        return [topic for topic in self._settings.topic if not self.partitions(topic)]

    async def fetch(self, max_records: int, wait_seconds: float) -> list[tuple[Partition, list[RawRecord]]]:
        """Up to `max_records`, by partition and in order; empty if none came in time."""
        if refused := self._refusal():
            raise refused
        fetched: dict[TopicPartition, list[Any]] = {}
        async with translating():
            # During a rebalance getmany waits for its end, which may never come if the broker is away.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds + REBALANCE_SECONDS):
                    fetched = await self._consumer.getmany(timeout_ms=int(wait_seconds * 1000), max_records=max_records)
        return [
            (
                Partition(tp.topic, tp.partition),
                [RawRecord(tp.topic, tp.partition, message.offset, message.value) for message in messages],
            )
            for tp, messages in fetched.items()
            if messages
        ]

    def _refusal(self) -> Fatal | None:
        """Why we get no records, in cases in which aiokafka would wait for ever."""
        topics = self._consumer._client.cluster.unauthorized_topics & set(self._settings.topic)
        return self._membership.refused or (forbidden("topic", topics) if topics else None)

    def hold(self, partitions: Iterable[Partition]) -> None:
        """Pauses these until `seek`."""
        for partition in partitions:
            tp = TopicPartition(*partition)
            if tp in self._consumer.assignment():
                self._consumer.pause(tp)
                # Any position keeps aiokafka from asking for the committed offset, which we do not follow.
                self._consumer.seek(tp, 0)

    def seek(self, partition: Partition, position: int) -> None:
        """Reads from here on."""
        tp = TopicPartition(*partition)
        if tp in self._consumer.assignment():
            self._consumer.seek(tp, position)
            self._consumer.resume(tp)

    def position(self, partition: Partition) -> int:
        """The next offset that the client reads, behind markers of transactions too; 0 if the partition is not ours.

        Does not wait, unlike aiokafka's own: the caller compares it with what it has read up to now.
        """
        tp = TopicPartition(*partition)
        if tp not in self._consumer.assignment():
            return 0
        state = self._consumer._subscription.subscription.assignment.state_value(tp)
        return int(state.position) if state.has_valid_position else 0

    async def bounds(self, partitions: Iterable[Partition], seconds: float | None = None) -> dict[Partition, tuple[int, int]]:
        """(first offset, offset after the last) of each partition whose leader answers. Raises `Transient` if none does."""

        async def ask(asked: list[TopicPartition]) -> dict[Partition, tuple[int, int]]:
            first, end = await asyncio.gather(self._consumer.beginning_offsets(asked), self._consumer.end_offsets(asked))
            return {Partition(tp.topic, tp.partition): (first[tp], end[tp]) for tp in asked}

        leader = self._consumer._client.cluster.leader_for_partition
        return await _of_each_leader(ask, partitions, leader, kafka_client.REQUEST_SECONDS if seconds is None else seconds)

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Commits offsets for lag tools and autoscalers. We never read them."""
        mine = self._consumer.assignment()
        offsets = {tp: position for p, position in positions.items() if (tp := TopicPartition(*p)) in mine}
        if not offsets:
            return
        async with self._committing, translating():
            if not self.stopped:
                await asyncio.wait_for(self._consumer.commit(offsets), kafka_client.REQUEST_SECONDS)

    def fetched_at(self, partition: Partition) -> int | None:
        """Time of the last answer to a fetch, even an empty one, in milliseconds; None if there was none."""
        tp = TopicPartition(*partition)
        found: int | None = self._consumer.last_poll_timestamp(tp) if tp in self._consumer.assignment() else None
        return found

    def end(self, partition: Partition) -> int | None:
        """The offset after the last record, from the last fetch; None if there was none."""
        tp = TopicPartition(*partition)
        found: int | None = self._consumer.highwater(tp) if tp in self._consumer.assignment() else None
        return found


async def _of_each_leader(
    ask: Callable[[list[TopicPartition]], Awaitable[dict[Partition, T]]],
    partitions: Iterable[Partition],
    leader: Callable[[TopicPartition], int | None],
    seconds: float,
) -> dict[Partition, T]:
    """The answers of the leaders, each for its own partitions, without leaders that are away.

    Raises `Transient` if none answers, and any other error.
    """
    groups: dict[int | None, list[TopicPartition]] = {}
    for partition in partitions:
        tp = TopicPartition(*partition)
        groups.setdefault(leader(tp), []).append(tp)

    async def answer(asked: list[TopicPartition]) -> dict[Partition, T]:
        async with translating():
            return await asyncio.wait_for(ask(asked), seconds)

    found: dict[Partition, T] = {}
    failures: list[BaseException] = []
    for result in await asyncio.gather(*map(answer, groups.values()), return_exceptions=True):
        if isinstance(result, BaseException):
            failures.append(result)
        else:
            found |= result
    for failure in failures:
        if not (found and isinstance(failure, Transient)):
            raise failure
    return found


async def lag(settings: Settings, positions: Mapping[Partition, int]) -> dict[Partition, int]:
    """Records between each position and the end of its partition, without joining the group.

    Leaves out partitions that do not exist, and those whose leader does not answer.
    """
    # The first of several brokers may hang: leave time for the next one.
    timeout = {"request_timeout_ms": int(kafka_client.REQUEST_SECONDS * 1000 / 3)}
    consumer = AIOKafkaConsumer(**client_options(settings) | timeout, enable_auto_commit=False)

    async def ask(asked: list[TopicPartition]) -> dict[Partition, int]:
        return {Partition(tp.topic, tp.partition): end for tp, end in (await consumer.end_offsets(asked)).items()}

    try:
        async with translating(settings.kafka_bootstrap_servers):
            await asyncio.wait_for(consumer.start(), kafka_client.REQUEST_SECONDS)
        async with translating():
            # Of all topics: naming a deleted one may make the brokers create it.
            cluster = await asyncio.wait_for(consumer._client.fetch_all_metadata(), kafka_client.REQUEST_SECONDS)
        leader = cluster.leader_for_partition
        existing = [partition for partition in positions if leader(TopicPartition(*partition)) is not None]
        async with translating():
            await asyncio.wait_for(consumer._client.set_topics({topic for topic, _ in existing}), kafka_client.REQUEST_SECONDS)
        ends = await _of_each_leader(ask, existing, leader, kafka_client.REQUEST_SECONDS)
    finally:
        await consumer.stop()
    return {partition: max(0, end - positions[partition]) for partition, end in ends.items()}
