"""The worker killed, stopped and frozen: nothing lost, nothing doubled, nothing going backwards."""

import signal
from collections.abc import Awaitable, Callable

import pytest

from tests.acceptance.running import crashing, outcomes_json, send
from tests.acceptance.test_worker import consumed, found, settings, stream, undisturbed
from tests.faults.crashing import POINTS

NewTopic = Callable[..., Awaitable[str]]


@pytest.mark.parametrize("point", [point for point in POINTS if point != "draining"])
async def test_a_worker_killed_at_this_step_loses_and_doubles_nothing(
    point: str, database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Killed twice there, early and later, by SIGKILL; the next worker goes on."""
    name, told = await topic(partitions=2), stream(600, seed=20)
    await send(kafka_bootstrap, name, told)
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="100", OUTCOMES_GROUP_INSTANCE_ID="one")
    for number in (1, 3):
        async with crashing(f"{point}:{number}", "worker", **small) as worker:
            code, _, err = await worker.end(None)
            assert code == -signal.SIGKILL, err
    assert await consumed(database) < len(told)
    await outcomes_json("worker", "--until-end", **small)
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)
