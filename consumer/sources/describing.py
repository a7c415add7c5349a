"""What Kafka says about topics and a group. Joins no group, and names no topic that the brokers might make by themselves."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, for_code

from consumer.errors import UsageError
from consumer.settings import Settings
from consumer.sources import kafka_client
from consumer.sources.kafka_client import client_options, near, or_rather, raise_refusal, translating
from consumer.sources.membership import COORDINATOR_SECONDS, NOT_NOW

T = TypeVar("T")

RETENTION = ("cleanup.policy", "retention.ms", "retention.bytes")


@dataclass(frozen=True, slots=True)
class Topic:
    """The partitions of a topic."""

    partitions: int
    replicas: int
    """Of the partition that has the fewest."""
    leaderless: tuple[int, ...]
    """Partitions that nobody serves."""
    lagging: tuple[int, ...]
    """Partitions of which a replica is not in sync."""


class Cluster:
    """The brokers. Methods raise `Transient`, `Fatal` (refused) and `UsageError` (no such topic)."""

    def __init__(self, admin: AIOKafkaAdminClient) -> None:
        self._admin = admin

    async def topic(self, name: str) -> Topic:
        """The topic as it is."""
        async with translating():
            known = {topic["topic"]: topic for topic in await _in_time(self._admin.describe_topics())}
        if name not in known:
            raise UsageError(f"Kafka has no topic {name}, or does not show it to us{or_rather(near(name, known))}")
        partitions = known[name]["partitions"]
        return Topic(
            len(partitions),
            min((len(one["replicas"]) for one in partitions), default=0),
            tuple(sorted(one["partition"] for one in partitions if one["leader"] < 0)),
            tuple(sorted(one["partition"] for one in partitions if len(one["isr"]) < len(one["replicas"]))),
        )

    async def retention(self, name: str) -> Mapping[str, str]:
        """`RETENTION` of a topic that exists."""
        asked = ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(RETENTION))
        async with translating():
            (answer,) = await _in_time(self._admin.describe_configs([asked]))
            ((code, _, _, _, entries),) = answer.resources
            _raise_code(code, name)
        return {entry[0]: entry[1] for entry in entries}

    async def members(self, group: str) -> int:
        """Members of the group; 0 where nobody has ever joined it."""
        async with translating():
            return await _in_time(self._members(group))

    async def _members(self, group: str) -> int:
        """Waits for the group's coordinator, which brokers that are new choose at the first question."""
        while True:
            try:
                (answer,) = await self._admin.describe_consumer_groups([group])
                ((code, _, _, _, _, members, *_),) = answer.groups
                _raise_code(code, group)
            except NOT_NOW:
                await asyncio.sleep(COORDINATOR_SECONDS)
            else:
                return len(members)


def _raise_code(code: int, name: str) -> None:
    if code:
        raise for_code(code)(name)


async def _in_time(request: Awaitable[T]) -> T:
    return await asyncio.wait_for(request, kafka_client.REQUEST_SECONDS)


@asynccontextmanager
async def described(settings: Settings) -> AsyncIterator[Cluster]:
    """Connects. Raises `Transient` or `Fatal`."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    begun = time.monotonic()
    try:
        async with translating(settings.kafka_bootstrap_servers):
            try:
                await _in_time(admin.start())
            except KafkaConnectionError:
                if time.monotonic() - begun < kafka_client.REQUEST_SECONDS:  # else a broker hangs, and has refused nothing
                    await raise_refusal(settings)
                raise
        yield Cluster(admin)
    finally:
        await admin.close()
