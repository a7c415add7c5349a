"""The consumer group: who is in it under which name, who may be, and how it is left."""

import asyncio
import signal
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from confluent_kafka import Consumer

from tests.acceptance.running import Process, outcomes, outcomes_json, running, send, until
from tests.acceptance.test_worker import _at_least, consumed, settings
from tests.samples import result

NewTopic = Callable[..., Awaitable[str]]

SESSION_SECONDS = 45
"""Stock; where the group has to wait for a member's session to end, it is far longer than these tests wait."""
SOON_SECONDS = 12.0
"""Bound on what takes two or three seconds on a machine with nothing else to do."""


def long(dsn: str, bootstrap: str, topic: str, **more: str) -> dict[str, str]:
    """The environment of a worker with the stock session timeout."""
    return settings(dsn, bootstrap, topic, OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS=str(SESSION_SECONDS), **more)


@asynccontextmanager
async def member(bootstrap: str, topic: str, **more: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """Somebody else in the group of that name."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False, **more)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def partitions_of(consumer: AIOKafkaConsumer) -> bool:
    """Whether it has any."""
    return bool(consumer.assignment())


async def one_of(*workers: Process) -> list[Process]:
    """Those that have ended, as soon as one has."""

    async def ended() -> list[Process]:
        return [worker for worker in workers if worker._process.returncode is not None]

    return list(await until(ended))


async def test_of_two_workers_with_one_instance_id_one_stops_and_names_it(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Else they would take the partitions from each other for ever, both of them ready. The other goes on."""
    name = await topic(partitions=2)
    variables = long(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="classroom-7")
    async with running("worker", **variables) as first:
        await first.says("positions_read")
        async with running("worker", **variables) as second:
            (ended,) = await one_of(first, second)
            code, _, err = await ended.end(None)
            assert code == 2, err
            assert "OUTCOMES_GROUP_INSTANCE_ID, classroom-7" in err.splitlines()[-1]
            assert "Traceback" not in err
            other = second if ended is first else first
            await send(kafka_bootstrap, name, [result(number) for number in range(1, 21)])
            await until(lambda: _at_least(database, 20))
            code, _, err = await other.end()
            assert code == 0, err
            assert "partition_lost" not in err


async def test_a_killed_worker_may_start_again_at_once_under_its_instance_id(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """That is what the id is for: nobody waits for the session of the one that is gone."""
    name = await topic(partitions=2)
    variables = long(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")
    for number in range(3):
        async with running("worker", **variables) as worker:
            await worker.says("positions_read", SOON_SECONDS)
            await send(kafka_bootstrap, name, [result(number + 1)])
            await until(lambda number=number: _at_least(database, number + 1))  # type: ignore[misc]
            code, _, _ = await worker.end(signal.SIGKILL)
            assert code == -signal.SIGKILL


async def test_a_frozen_worker_whose_session_has_ended_takes_its_instance_id_up_again(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Nobody has taken its place, so nothing speaks against it."""
    name = await topic(partitions=1)
    async with running("worker", **settings(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")) as worker:
        await worker.says("positions_read")
        worker.send(signal.SIGSTOP)
        try:
            await until(lambda: _is_empty(kafka_bootstrap, name), 20)
        finally:
            worker.send(signal.SIGCONT)
        await send(kafka_bootstrap, name, [result(1)])
        await until(lambda: _at_least(database, 1), 20)
        code, _, err = await worker.end()
    assert code == 0, err


async def _is_empty(bootstrap: str, group: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
        return answer.groups[0][2] in ("Empty", "Dead")
    finally:
        await admin.close()


async def test_a_group_whose_members_speak_another_protocol_is_named(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """In a sentence, and no wait for ever."""
    name = await topic(partitions=1)
    async with member(kafka_bootstrap, name, partition_assignment_strategy=[RangePartitionAssignor]) as other:
        other.subscribe([name])
        await until(lambda: partitions_of(other))
        for arguments in (("worker",), ("worker", "--until-end")):
            code, _, err = await outcomes(*arguments, **settings(database, kafka_bootstrap, name))
            assert code == 2, err
            assert f"the members of the consumer group {name} speak another protocol" in err.splitlines()[-1]
            assert "OUTCOMES_GROUP_ID" in err.splitlines()[-1]
            assert "Traceback" not in err


@pytest.fixture
def of_the_new_protocol(kafka_bootstrap: str) -> Iterator[Callable[[str], None]]:
    """What makes a member of the group protocol that Kafka 4 has beside the old one."""
    made: list[Consumer] = []

    def join(topic: str) -> None:
        consumer = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": topic, "group.protocol": "consumer"})
        made.append(consumer)
        consumer.subscribe([topic])
        end = time.monotonic() + 30
        while not consumer.assignment():
            consumer.poll(0.1)
            assert time.monotonic() < end

    yield join
    for consumer in made:
        consumer.close()


async def test_a_group_of_the_new_protocol_is_joined_or_named(
    database: str, kafka_bootstrap: str, topic: NewTopic, of_the_new_protocol: Callable[[str], None]
) -> None:
    """Kafka lets old members into such a group, or does not; the worker works or says so, and waits in neither case."""
    name = await topic(partitions=2)
    of_the_new_protocol(name)
    await send(kafka_bootstrap, name, [result(number) for number in range(1, 21)])
    async with running("worker", **settings(database, kafka_bootstrap, name)) as worker:

        async def works_or_ended() -> bool:
            return worker._process.returncode is not None or "partitions_assigned" in worker._said.decode()

        await until(works_or_ended, 30)
        code, _, err = await worker.end()
    assert code == 0 or (code == 2 and name in err.splitlines()[-1]), err


async def test_a_consumer_that_only_commits_under_the_groups_id_stands_in_nobodys_way(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """The position is the database's, so its offsets move none."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [result(number) for number in range(1, 21)])
    async with member(kafka_bootstrap, name) as other:
        partition = TopicPartition(name, 0)
        other.assign([partition])
        await other.commit({partition: 15})
        assert (await outcomes_json("worker", "--until-end", **settings(database, kafka_bootstrap, name)))["consumed"] == 20


class _Slow(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Gives its partitions up only when it is told to, so that whoever joins meanwhile waits."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.asked = asyncio.Event()
        self.once = False

    async def on_partitions_revoked(self, _: object) -> None:
        if self.once:
            self.asked.set()
            await self.told.wait()

    async def on_partitions_assigned(self, _: object) -> None:
        self.once = True


async def test_a_worker_that_is_stopped_while_it_joins_leaves_nothing_behind(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """The next one need not wait for the session of a member that is no more."""
    name, slow = await topic(partitions=1), _Slow()
    variables = long(database, kafka_bootstrap, name)
    async with member(kafka_bootstrap, name, session_timeout_ms=60_000, heartbeat_interval_ms=300) as other:
        other.subscribe([name], listener=slow)
        await until(lambda: partitions_of(other))
        try:
            async with running("worker", **variables) as worker:
                await slow.asked.wait()  # the group is being rearranged, and the worker's join is under way
                begun = time.monotonic()
                code, _, err = await worker.end()
                assert code == 0, err
                assert time.monotonic() - begun < 8, err
        finally:
            slow.told.set()
        await until(lambda: partitions_of(other))
    begun = time.monotonic()
    async with running("worker", **variables) as worker:
        await worker.says("positions_read", SOON_SECONDS)
        await worker.end()


async def test_a_spare_worker_until_the_end_ends_when_the_others_are_there(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """It owns nothing, and asks the database how far the others have come."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [result(number) for number in range(1, 21)])
    async with running("worker", **settings(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")) as worker:
        await worker.says("positions_read")
        await until(lambda: _at_least(database, 20))
        spare = await outcomes("worker", "--until-end", **settings(database, kafka_bootstrap, name))
        assert spare[0] == 0, spare
        code, _, err = await worker.end()
        assert code == 0, err


async def test_until_the_end_does_not_wait_for_ever_for_partitions_that_somebody_else_holds(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Somebody who writes nothing into this database: exit 1, with what is missing."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [result(number) for number in range(1, 21)])
    from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor  # what aiokafka's consumers speak

    async with member(
        kafka_bootstrap, name, group_instance_id="0", partition_assignment_strategy=[RoundRobinPartitionAssignor]
    ) as other:
        other.subscribe([name])
        await until(lambda: partitions_of(other))
        variables = settings(database, kafka_bootstrap, name, OUTCOMES_STATEMENT_SECONDS="5")
        from tests.acceptance.running import started

        async with started(("worker", "--until-end", "--json"), variables, module=("tests.faults.hasty",)) as worker:
            code, out, err = await worker.end(None)
    if await consumed(database) == 20:
        pytest.fail("the worker was given the partition")
    assert code == 1, err
    assert err.splitlines()[-1] == f"outcomes: stopped before the end of {name}: {name}-0 is read to 0 of 20"
    assert '"consumed": 0' in out


@pytest.mark.parametrize("group", ["x" * 300, "ä group/with \\ odd * characters"])
async def test_an_odd_id_of_a_group_works_or_is_named(database: str, kafka_bootstrap: str, topic: NewTopic, group: str) -> None:
    """Kafka takes nearly all."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [result(1)])
    variables = settings(database, kafka_bootstrap, name) | {"OUTCOMES_GROUP_ID": group + uuid.uuid4().hex[:6]}
    code, _, err = await outcomes("worker", "--until-end", **variables)
    assert code == 0 or (code == 2 and "OUTCOMES_GROUP_ID" in err.splitlines()[-1]), err
