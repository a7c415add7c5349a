"""The worker killed, stopped and frozen: nothing lost, nothing doubled, nothing going backwards."""

import asyncio
import json
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.acceptance.running import WAIT_SECONDS, Process, crashing, outcomes_json, running, send, started, until
from tests.acceptance.test_worker import _at_least, consumed, found, settings, stream, undisturbed
from tests.faults.crashing import POINTS

NewTopic = Callable[..., Awaitable[str]]

TAKEOVER_SECONDS = 20.0
"""Session timeout (6 s), the group's handing over and a statement's time, generously."""


async def test_workers_killed_at_each_step_in_turn_lose_and_double_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """By SIGKILL, each in its second batch; the next one goes on."""
    steps = [point for point in POINTS if point != "draining"]
    name, told = await topic(partitions=2), stream(1500, seed=20)
    await send(kafka_bootstrap, name, told)
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="50", OUTCOMES_GROUP_INSTANCE_ID="one")
    for point in random.sample(steps, len(steps)):
        before = await consumed(database)
        async with crashing(f"{point}:2", "worker", **small) as worker:
            code, _, err = await worker.end(None)
            assert code == -signal.SIGKILL, (point, err)
        assert before <= await consumed(database) < len(told), point
    await outcomes_json("worker", "--until-end", **small)
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def test_a_worker_killed_while_it_drains_loses_and_doubles_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Asked to stop in the middle of the stream, then killed before what it has read is written."""
    name, told = await topic(partitions=2), stream(3000, seed=21)
    await send(kafka_bootstrap, name, told)
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="50", OUTCOMES_GROUP_INSTANCE_ID="one")
    async with crashing("draining", "worker", **small) as worker:
        await until(lambda: _at_least(database, 1))
        code, _, err = await worker.end(signal.SIGTERM)
        assert code == -signal.SIGKILL, err
    assert 0 < await consumed(database) < len(told)
    await outcomes_json("worker", "--until-end", **small)
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def test_sigterm_at_any_moment_loses_and_doubles_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """From the process's first moments to the middle of the stream, and each end is an orderly one."""
    name, told, chance = await topic(partitions=2), stream(4000, seed=22), random.Random()
    await send(kafka_bootstrap, name, told)
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="50", OUTCOMES_GROUP_INSTANCE_ID="one")
    moments = [0.05, chance.uniform(0.2, 1), chance.uniform(1, 2), None, None]
    for moment in moments:
        before = await consumed(database)
        async with started(("worker", "--json"), small, cold=True) as worker:
            if moment is None:
                some = min(before + 1, len(told))  # an earlier one may have been quick
                await until(lambda some=some: _at_least(database, some))  # type: ignore[misc]
                await asyncio.sleep(chance.uniform(0, 0.1))
            else:
                await asyncio.sleep(moment)
            code, out, err = await worker.end(signal.SIGTERM)
        written = await consumed(database) - before
        if code == 0:
            assert json.loads(out)["consumed"] == written, (moments, err)
        else:
            assert code in (-signal.SIGTERM, 128 + signal.SIGTERM), (moments, err)  # it was still starting
            assert written == 0
    await outcomes_json("worker", "--until-end", **small)
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def _frozen(worker: Process) -> bool:
    with open(f"/proc/{worker.pid}/stat", encoding="ascii") as stat:  # noqa: ASYNC230 - /proc does not block
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.parametrize(
    ("point", "statement_seconds", "said"),
    [
        # Its session is still there when it wakes up, and holds no lock that others need: the compare-and-set keeps it out.
        ("staging", "60", "owns the partition now"),
        # It holds the lock on the position: Postgres ends the session, so that another can go on.
        ("before_commit", "3", '"system": "postgres"'),
    ],
)
async def test_a_worker_frozen_in_its_transaction_writes_nothing_once_another_has_taken_over(
    point: str,
    statement_seconds: str,
    said: str,
    database: str,
    another_database: str,
    kafka_bootstrap: str,
    topic: NewTopic,
) -> None:
    """Past its session timeout. Its locks keep nobody out for longer than a statement may take; awake it is a good member."""
    name, told = await topic(partitions=2), stream(300, seed=23)
    await send(kafka_bootstrap, name, told)
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="50", OUTCOMES_STATEMENT_SECONDS=statement_seconds)
    async with crashing(f"{point}:2:STOP", "worker", **small) as zombie:
        await until(lambda: _frozen(zombie))
        at = await consumed(database)
        assert at < len(told)
        async with running("worker", **small) as other:
            begun = time.monotonic()
            await until(lambda: _at_least(database, len(told)), TAKEOVER_SECONDS)
            print(f"taken over within {time.monotonic() - begun:.1f} s")
            zombie.send(signal.SIGCONT)
            await asyncio.sleep(1)
            assert await consumed(database) == len(told)
            await send(kafka_bootstrap, name, told[:100])
            await until(lambda: _at_least(database, len(told) + 100), TAKEOVER_SECONDS)
            code, _, err = await other.end()
            assert code == 0, err
        await send(kafka_bootstrap, name, told[100:200])
        await until(lambda: _at_least(database, len(told) + 200), TAKEOVER_SECONDS)
        code, _, err = await zombie.end()
    assert code == 0, err
    assert said in err
    assert '"event": "partitions_revoked"' in err
    assert await found(database) == await undisturbed(another_database, told)


async def test_workers_that_come_and_go_every_second_lose_and_double_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Two or three at a time, of which the oldest leaves, while the stream goes on."""
    name, told = await topic(partitions=4), stream(1000, seed=24)
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="20")
    rounds = 9
    step = len(told) // rounds + 1
    async with AsyncExitStack() as stack:
        members: list[Process] = []
        for number in range(rounds):
            begun = time.monotonic()
            members.append(await stack.enter_async_context(running("worker", **small)))
            await send(kafka_bootstrap, name, told[number * step : (number + 1) * step])
            if number >= 2:
                members[number - 2].send(signal.SIGTERM)
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - begun)))
        begun = time.monotonic()
        await until(lambda: _at_least(database, len(told)), WAIT_SECONDS)
        print(f"caught up {time.monotonic() - begun:.1f} s after the last came")
        for number, member in enumerate(members):
            code, _, err = await member.end(None if number < rounds - 2 else signal.SIGTERM)
            assert code in (0, -signal.SIGTERM, 128 + signal.SIGTERM), err  # it may still have been starting
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)
