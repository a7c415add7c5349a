"""`outcomes intake sqs` as people run it: what it deletes is in the topic, or the projection, whatever ends it."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from itertools import cycle
from pathlib import Path

import orjson
import pytest

from tests import WHOLE
from tests.acceptance.running import Process, outcomes, running, until
from tests.acceptance.test_worker import found, settings
from tests.intake import sqs
from tests.intake.sqs import Answer, Service, Sqs
from tests.intake.test_process import in_topic
from tests.postgres.writing import write
from tests.samples import result

MakeTopic = Callable[..., Awaitable[str]]
NAME = "canvas-live-events"
FROM = f"sqs:{NAME}"
STEPS = [(when, action) for action in ("ReceiveMessage", "DeleteMessageBatch") for when in ("before", "after")]
"""Of the intake, each of which may be its last."""
THROTTLED_ONE_IN = 50
REAL = os.environ.get("QUEUE")
"""Name or URL of a real queue, for the test of kills."""
POISON = b'{"metadata":{"producer":"canvas"}}'


@pytest.fixture
def queue() -> Iterator[Sqs]:
    """An empty queue with dead letters."""
    with _moto() as server:
        yield server


@contextmanager
def _moto() -> Iterator[Sqs]:
    with sqs.serving() as server:
        server.make("dead")
        server.make(NAME, RedrivePolicy={"deadLetterTargetArn": server.queue("dead").queue_arn, "maxReceiveCount": 20})
        yield server


@pytest.fixture
def service() -> Iterator[Service]:
    """The same, or the real queue that `QUEUE` names."""
    if REAL is None:
        with _moto() as server:
            yield server
        return
    real = sqs.Real(REAL)
    with closing(real), sqs.listening(real):
        yield real


@asynccontextmanager
async def intake(queue: Service, *more: str, **variables: str) -> AsyncIterator[Process]:
    """The command, once it receives."""
    arguments = ("intake", "sqs", "--queue", NAME, "--http-port", "0", *more)
    common = {"OUTCOMES_LOG_FORMAT": "json", "OUTCOMES_INTAKE_HIDDEN_SECONDS": "3"}
    async with running(*arguments, **queue.variables, **common, **variables) as command:
        await command.says('"receiving"')
        yield command


class Trouble:
    """What happens to requests: by chance, and a kill at a step."""

    def __init__(self, seed: int, apart: int) -> None:
        """`apart`: most requests of a kind from one kill to the next."""
        self._chance = random.Random(seed)
        self._apart = apart
        self._step = ("", "")
        self._pid = 0
        self._wait = 0
        self.done = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def kill(self, pid: int, step: tuple[str, str]) -> None:
        """At one of the next requests of this kind."""
        self.done.clear()
        self._step, self._pid, self._wait = step, pid, self._chance.randrange(self._apart)

    def __call__(self, when: str, action: str) -> Answer | None:
        """See `Sqs.happens`."""
        if self._pid and (when, action) == self._step:
            self._wait -= 1
            if self._wait < 0:
                os.kill(self._pid, signal.SIGKILL)
                self._pid = 0
                self._loop.call_soon_threadsafe(self.done.set)
        return sqs.THROTTLED if self._chance.randrange(THROTTLED_ONE_IN) == 0 else None


def bodies(numbers: range, chance: random.Random) -> list[bytes]:
    """Each once, some twice, in disorder, with some that are no events."""
    sent = [orjson.dumps(result(id=number)) for number in numbers]
    sent += chance.choices(sent, k=len(sent) // 20) + [POISON] * (2 + len(sent) // 2_000)
    chance.shuffle(sent)
    return sent


async def delivered(queue: Service, numbers: range) -> bool:
    """Whether a message of each event was deleted."""
    return {int(number) for number in queue.deleted} == set(numbers)


@pytest.mark.timeout(3_600 if WHOLE else 120)
async def test_kills_at_every_step_lose_and_double_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic, service: Service
) -> None:
    """With throttling, expired visibility, duplicates and poison; with `WHOLE` a worker beside is killed too.

    `QUEUE` names a real queue to do it with; without it, moto plays SQS. After each kill the topic has all that was deleted; at
    the end it has all, and the projection is that of an undisturbed run. Slow: six processes start one after the other.
    """
    count, kills, apart = (100_000, 24, 600) if WHOLE else (400, 4, 4)
    chance, name, numbers = random.Random(23), await topic(4), range(1, count + 1)
    reading = settings(database, kafka_bootstrap, name)
    taking = {"KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap, "OUTCOMES_TOPIC": name}
    trouble = Trouble(seed=count, apart=apart)
    feeding = asyncio.create_task(_feed(service, bodies(numbers, chance)))
    for _, step in zip(range(kills), cycle(STEPS), strict=False):
        async with intake(service, **taking) as taker, running("worker", **reading) if WHOLE else nullcontext() as worker:
            service.happens = trouble
            trouble.kill(taker.pid, step)
            await asyncio.wait_for(trouble.done.wait(), 600 if WHOLE else 60)
            if worker is not None:
                worker.send(signal.SIGKILL)
        service.happens = sqs.nothing
        service.expire(NAME)
        assert {int(one) for one in service.deleted} <= set(await in_topic(kafka_bootstrap, name, FROM))
    async with intake(service, **taking):
        await feeding
        await until(lambda: delivered(service, numbers), 600)
    assert set(await in_topic(kafka_bootstrap, name, FROM)) == set(numbers)
    await outcomes("worker", "--until-end", **reading)
    await write(another_database, *(result(id=number) for number in numbers))
    assert await found(database) == await found(another_database)


async def _feed(service: Service, messages: list[bytes]) -> None:
    """As Canvas would, a little at a time: moto is slow where a queue is long."""

    async def room() -> bool:
        return await asyncio.to_thread(service.left, NAME) < 500

    for begin in range(0, len(messages), 200):
        await until(room, 1_000)
        await asyncio.to_thread(service.send, NAME, messages[begin : begin + 200])


async def test_direct_writes_what_topic_and_worker_write(database: str, another_database: str, queue: Sqs) -> None:
    """One process and one database, through a kill; then SIGTERM ends it in good order."""
    numbers = range(1, 201)
    queue.send(NAME, bodies(numbers, random.Random(24)))
    trouble = Trouble(seed=1, apart=4)
    async with intake(queue, "--direct", DATABASE_URL=database) as taker:
        queue.happens = trouble
        trouble.kill(taker.pid, ("before", "DeleteMessageBatch"))
        await asyncio.wait_for(trouble.done.wait(), 60)
    queue.happens = sqs.nothing
    queue.expire(NAME)
    async with intake(queue, "--direct", DATABASE_URL=database) as taker:
        await until(lambda: delivered(queue, numbers))
        code, _, err = await taker.end(signal.SIGTERM)
    assert (code, '"intake_stopped"' in err, "botocore" in err) == (0, True, False), err
    await write(another_database, *(result(id=number) for number in numbers))
    assert await found(database) == await found(another_database)


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        ((), {}, "no queue is named"),
        (("--queue", "canvas"), {"AWS_REGION": ""}, "no AWS region is set"),
        (("--queue", "canvas"), {"AWS_PROFILE": "nobody's"}, "AWS' settings cannot be used"),
        (("--queue", "a queue"), {}, "OUTCOMES_INTAKE_QUEUE"),
    ],
)
async def test_what_is_wrong_from_the_start_is_said_in_a_sentence(
    arguments: tuple[str, ...], variables: dict[str, str], sentence: str, kafka_bootstrap: str, tmp_path: Path
) -> None:
    """Exit code 2."""
    common = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "AWS_REGION": "us-east-1",
        "OUTCOMES_HTTP_PORT": "0",
        "HOME": str(tmp_path),
    }
    code, _, err = await outcomes("intake", "sqs", *arguments, **(common | variables))
    assert (code, sentence in err) == (2, True), err
