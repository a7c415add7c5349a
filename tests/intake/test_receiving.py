"""`outcomes intake sqs`: a message is deleted once its event is stored, and not before."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from structlog.testing import capture_logs

from consumer.errors import Fatal, RecordTooLarge, Transient, UsageError
from consumer.intake import sqs_running
from consumer.intake.keeping import Keeper
from consumer.intake.metrics import IntakeMetrics
from consumer.intake.queue import Message, Queue, risks, session
from consumer.intake.receiving import MOST_BYTES, RECEIVERS, Receiving, Room
from consumer.intake.sqs_running import Tokens, _until
from consumer.settings import Settings
from consumer.worker.outages import Health
from tests.acceptance.running import until
from tests.intake import canvas, sqs
from tests.intake.serving import Held
from tests.intake.sqs import Answer, Sqs
from tests.samples import result

NAME = "canvas-live-events"
GOOD = {"MessageRetentionPeriod": 14 * 86_400}


@pytest.fixture(scope="module")
def server() -> Iterator[Sqs]:
    """Shared by the tests here, each with a new queue."""
    with sqs.serving() as found:
        yield found


@pytest.fixture
def queue(server: Sqs) -> Iterator[Sqs]:
    """The server with one empty queue, to which nothing happens."""
    server.make(NAME, **GOOD)
    server.deleted.clear()
    yield server
    server.happens = sqs.nothing
    server.queue(NAME)
    server.remove(NAME)


@dataclass
class Intake:
    """What a test has in hand."""

    outlet: Held
    receiving: Receiving
    metrics: IntakeMetrics

    def refused(self, reason: str) -> float:
        """How many messages were refused for this reason."""
        return self.metrics.registry.get_sample_value("outcomes_intake_refused_total", {"reason": reason}) or 0


@asynccontextmanager
async def intake(
    server: Sqs, *, outlet: Held | None = None, hidden_seconds: int = 30, tokens: Settings | None = None
) -> AsyncIterator[Intake]:
    """Takes messages while the block runs."""
    held, metrics = outlet or Held(), IntakeMetrics()
    keeper = Keeper(held, None, metrics, outlet_seconds=60)
    async with sqs.queues(server, NAME) as (queue,):
        opened = Tokens(tokens or Settings()).opened
        receiving = Receiving(queue, keeper, opened, metrics, hidden_seconds=hidden_seconds, drop_personal=True)
        tasks = [asyncio.create_task(receiving.run()), asyncio.create_task(keeper.drain())]
        try:
            yield Intake(held, receiving, metrics)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def bodies(*numbers: int) -> list[bytes]:
    """Messages as Canvas sends them."""
    return [orjson.dumps(result(id=number)) for number in numbers]


def stored(outlet: Held) -> list[int]:
    """Numbers of the events that are stored, sorted."""
    return sorted(int(orjson.loads(value)["body"]["id"]) for value in outlet.stored)


def empty(server: Sqs) -> Callable[[], Awaitable[bool]]:
    """Whether all messages are deleted."""

    async def look() -> bool:
        return server.left(NAME) == 0

    return look


async def test_what_is_stored_is_deleted_and_nothing_before(queue: Sqs) -> None:
    """While the outlet holds the events, no message is deleted; then all are."""
    outlet = Held(seconds=0.3)
    early: list[str] = []

    def look(when: str, action: str) -> Answer | None:
        early.extend(set(queue.deleted) - {str(number) for number in stored(outlet)})
        return None

    queue.happens = look
    queue.send(NAME, bodies(*range(1, 31)))
    async with intake(queue, outlet=outlet):
        await until(empty(queue))
    assert not early
    assert stored(outlet) == list(range(1, 31)) == sorted(int(number) for number in queue.deleted)


async def test_wrapped_and_signed_events_are_found(queue: Sqs, tmp_path: Path) -> None:
    """Plain, in SNS' envelope, and as a token that Canvas has signed; what is forged is not taken."""
    wrapped = orjson.dumps({"Type": "Notification", "MessageId": "1", "Message": orjson.dumps(result(id=2)).decode()})
    forged = canvas.token(result(id=4))[:-4] + b"AAAA"
    async with canvas.jwks() as jwks:
        tokens = Settings(intake_jwks_url=jwks.url, data_folder=tmp_path)
        queue.send(NAME, [*bodies(1), wrapped, canvas.token(result(id=3)), forged])
        async with intake(queue, tokens=tokens) as found:

            async def settled() -> bool:
                return len(found.outlet.stored) == 3 and found.refused("no_event") == 1

            await until(settled)
            await until(lambda: _left(queue, 1))
    assert stored(found.outlet) == [1, 2, 3]


async def _left(server: Sqs, count: int) -> bool:
    return server.left(NAME) == count


async def test_what_cannot_be_stored_is_given_back_at_once_and_asked_for_no_more(queue: Sqs) -> None:
    """While the topic is away each message is handed out once: more deliveries would bring it to the dead letters."""
    queue.send(NAME, bodies(*range(1, 41)))
    outlet = Held(error=Transient("away"))
    async with intake(queue, outlet=outlet) as found:

        async def away() -> bool:
            return found.receiving.waiting_for is not None and sum(queue.deliveries(NAME)) > 0

        async def given_back() -> bool:
            return queue.hidden(NAME) == 0

        await until(away)
        await until(given_back)
        await asyncio.sleep(0.3)
        assert max(queue.deliveries(NAME)) <= 2  # another receiver may just have asked
        outlet.error = None
        await until(empty(queue))
    assert stored(outlet) == list(range(1, 41))


async def test_messages_that_take_long_are_hidden_again(queue: Sqs) -> None:
    """Longer than they were hidden for, and nobody else gets them."""
    queue.send(NAME, bodies(*range(1, 6)))
    deliveries: list[int] = []

    def look(when: str, action: str) -> Answer | None:
        deliveries.extend(queue.deliveries(NAME))
        return None

    queue.happens = look
    async with intake(queue, outlet=Held(seconds=6), hidden_seconds=5) as found:
        await until(empty(queue))
    assert stored(found.outlet) == [1, 2, 3, 4, 5]
    assert max(deliveries) == 1


async def test_poison_goes_to_the_dead_letters_and_harms_no_other(queue: Sqs) -> None:
    """It is neither stored nor deleted; the queue's redrive policy takes it away."""
    queue.make("dead")
    arn = queue.queue("dead").queue_arn
    queue.queue(NAME)._setup_dlq({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    queue.send(NAME, [*bodies(1, 2), b"{}", b"\x00".decode(), "<xml>", *bodies(3)])
    async with intake(queue, hidden_seconds=1) as found:
        await until(empty(queue))
    assert queue.left("dead") == 3
    assert stored(found.outlet) == [1, 2, 3]
    assert found.refused("no_event") >= 3


async def test_a_bug_of_ours_ends_nothing(queue: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message stays in the queue, and the log says where it happened, without what the error quotes."""

    async def fails(self: Tokens, body: bytes) -> bytes:
        if body == b"{}":
            raise ValueError("somebody's login")
        return body

    monkeypatch.setattr(Tokens, "opened", fails)
    queue.send(NAME, ["{}", *bodies(1)])
    with capture_logs() as logs:
        async with intake(queue) as found:
            await until(lambda: _left(queue, 1))
            await until(lambda: _counted(found))
    (line,) = (line for line in logs if line["event"] == "message_refused")
    assert (line["reason"], line["error"]) == ("bug", "ValueError")
    assert line["where"][0].startswith("test_receiving.py:")
    assert "login" not in str(line)


async def _counted(found: Intake) -> bool:
    return found.refused("bug") == len(found.outlet.stored) == 1


async def test_what_no_topic_takes_is_left_to_the_queue(queue: Sqs) -> None:
    """It is counted and said, and not deleted."""
    queue.send(NAME, bodies(1))
    with capture_logs() as logs:
        async with intake(queue, outlet=Held(error=RecordTooLarge("too large"))) as found:
            await until(lambda: _refused(found))
    assert [line["reason"] for line in logs if line["event"] == "message_refused"] == ["too_large"]
    assert queue.left(NAME) == 1


async def _refused(found: Intake) -> bool:
    return found.refused("too_large") > 0


async def test_throttling_costs_no_message(queue: Sqs) -> None:
    """Any request may be refused, before or after SQS has done it; messages come again, and are duplicates."""
    numbers = iter(range(10**6))

    def throttle(when: str, action: str) -> Answer | None:
        return sqs.THROTTLED if action != "GetQueueAttributes" and next(numbers) % 3 == 0 else None

    queue.happens = throttle
    queue.send(NAME, bodies(*range(1, 61)))
    async with intake(queue, hidden_seconds=1) as found:
        await until(empty(queue))
    assert set(stored(found.outlet)) == set(range(1, 61))


async def test_a_queue_that_goes_away_is_waited_for(queue: Sqs) -> None:
    """The probes say which one; once it is there again, its messages are taken. The log says that it had answered, once."""
    with capture_logs() as logs:
        await _goes_away(queue)
    assert [line["queue"] for line in logs if line["event"] == "receiving"] == [NAME]


async def _goes_away(queue: Sqs) -> None:
    async with intake(queue) as found:
        queue.send(NAME, bodies(1))
        await until(empty(queue))
        queue.remove(NAME)

        async def away() -> bool:
            return found.receiving.waiting_for == f"the queue {NAME}"

        await until(away)
        queue.make(NAME, **GOOD)
        queue.send(NAME, bodies(2))
        await until(empty(queue))
        assert found.receiving.waiting_for is None
    assert stored(found.outlet) == [1, 2]


async def test_several_processes_share_a_queue(queue: Sqs) -> None:
    """Each message is stored by one of them."""
    queue.send(NAME, bodies(*range(1, 101)))
    async with intake(queue) as one, intake(queue) as other:
        await until(empty(queue))
    assert sorted(stored(one.outlet) + stored(other.outlet)) == list(range(1, 101))


async def test_so_many_messages_are_in_flight_and_no_more(queue: Sqs) -> None:
    """SQS holds the rest."""
    queue.send(NAME, bodies(*range(1, 201)))
    async with intake(queue, outlet=Held(seconds=60)):
        await asyncio.sleep(1)
        assert 0 < queue.hidden(NAME) <= 10 * RECEIVERS


async def test_large_messages_are_asked_for_one_by_one() -> None:
    """As many bytes are in flight as may be; small ones come in whole batches again."""
    room = Room()
    count, taken = await room.take()
    assert (count, taken) == (1, MOST_BYTES)
    waits = asyncio.create_task(room.take())
    await asyncio.sleep(0)
    assert not waits.done()
    held = await room.change(taken, [1_000_000])
    await asyncio.sleep(0)
    assert not waits.done()
    await room.give_back(held)
    assert (await waits)[0] == 1
    for _ in range(8):
        taken = await room.change(taken, [100])
    await room.give_back(MOST_BYTES)
    assert (await room.take())[0] == 10


async def test_messages_that_are_stored_are_held_no_more() -> None:
    """While their receiver waits for room: eight of 1 MB would take more than all the rest."""
    answer = [Message("receipt", bodies(1)[0], 1)]

    class Fake(Queue):
        async def receive(self, *_: int) -> list[Message]:
            receiving.stop()
            return answer

        async def delete(self, messages: Sequence[Message]) -> None: ...

    metrics = IntakeMetrics()
    keeper = Keeper(Held(), None, metrics)
    receiving = Receiving(Fake(None, NAME), keeper, Tokens(Settings()).opened, metrics, hidden_seconds=30, drop_personal=True)
    await receiving._receive_all()
    assert answer == []


async def test_a_stopping_intake_finishes_what_is_in_flight(queue: Sqs) -> None:
    """And asks for nothing more."""
    queue.send(NAME, bodies(*range(1, 31)))
    async with intake(queue, outlet=Held(seconds=0.2)) as found:

        async def begun() -> bool:
            return queue.hidden(NAME) > 0

        await until(begun)
        found.receiving.stop()

        async def settled() -> bool:
            return queue.hidden(NAME) == 0

        await until(settled)
    assert len(found.outlet.stored) + queue.left(NAME) == 30


async def test_an_intake_that_is_stopped_while_it_waits_for_room_asks_for_no_more(queue: Sqs) -> None:
    """Large messages take all the room; when they are stored, nobody asks for the next ones."""
    queue.send(NAME, [orjson.dumps(result(id=number, more="x" * 900_000)) for number in range(1, 7)])
    async with intake(queue, outlet=Held(seconds=1)) as found:

        async def full() -> bool:
            return found.metrics.registry.get_sample_value("outcomes_intake_in_flight") == 1

        async def stored() -> bool:
            return len(found.outlet.stored) == 1 and queue.left(NAME) == 5

        await until(full)
        found.receiving.stop()
        await until(stored)
        await asyncio.sleep(0.5)
        assert queue.deliveries(NAME) == [0] * 5


async def test_a_stopping_intake_is_not_ready(queue: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it finishes what is in flight."""
    monkeypatch.setattr(sqs_running, "STOP_SECONDS", 1.0)
    queue.send(NAME, bodies(1))
    metrics, health, stop = IntakeMetrics(), Health(time.monotonic()), asyncio.Event()
    keeper = Keeper(Held(seconds=600), None, metrics, outlet_seconds=60)
    async with sqs.queues(queue, NAME) as (found,):
        receiving = Receiving(found, keeper, Tokens(Settings()).opened, metrics, hidden_seconds=30, drop_personal=True)
        running = asyncio.create_task(_until(stop, [receiving], [keeper], health))

        async def begun() -> bool:
            return queue.hidden(NAME) > 0 and health.waiting_for is None

        async def stopping() -> bool:
            return health.waiting_for == "the end: it was told to stop"

        await until(begun)
        stop.set()
        await until(stopping)
        assert not running.done()
        await running


async def test_what_a_stopped_intake_could_not_store_is_given_back(queue: Sqs) -> None:
    """Others have it at once, not after the time that it was hidden for."""
    queue.send(NAME, bodies(*range(1, 31)))
    async with intake(queue, outlet=Held(seconds=60), hidden_seconds=600) as found:
        await until(partial(_all_taken, found))
        found.receiving.stop()
        await until(partial(_nobody_asks, queue))  # else SQS hands out messages to somebody who has gone
    assert queue.hidden(NAME) == 0
    assert queue.left(NAME) == 30


async def _all_taken(found: Intake) -> bool:
    return found.metrics.registry.get_sample_value("outcomes_intake_in_flight") == 30


async def _nobody_asks(server: Sqs) -> bool:
    return server.waiting == 0


async def test_a_queue_that_is_not_there_is_named(server: Sqs) -> None:
    """And so are credentials that AWS does not know."""
    async with sqs.queues(server, "canvas-live-event") as (missing,):
        with pytest.raises(UsageError, match="there is no queue canvas-live-event"):
            await missing.check()
        server.happens = lambda when, action: (403, "InvalidClientTokenId")
        with pytest.raises(Fatal, match="AWS refuses these credentials"):
            await missing.check()
        server.happens = sqs.nothing


async def test_requests_go_where_those_of_aws_tools_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every part of the world, and to who gives credentials, with the same signature's scope."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    ours, usual = session(), get_session()
    calls = {"sqs": ("get_queue_url", {"QueueName": "q"}), "sts": ("get_caller_identity", {})}
    for region in ("eu-central-1", "cn-north-1", "us-gov-west-1"):
        for service, fips in product(calls, (True, False)):
            options = AioConfig(use_fips_endpoint=fips)
            found = [
                await _request(one.create_client(service, region, config=options), *calls[service]) for one in (ours, usual)
            ]
            assert found[0] == found[1]
            assert region in found[0][1]


async def _request(client: Any, operation: str, arguments: dict[str, str]) -> tuple[str, str]:
    """The address of a request that is never sent, and the scope of its signature."""
    seen: list[tuple[str, str]] = []

    def look(request: Any, **_: Any) -> None:
        seen.append((request.url, str(request.headers["Authorization"]).partition(",")[0]))
        raise InterruptedError

    async with client as opened:
        opened.meta.events.register("before-send", look)
        with suppress(InterruptedError):
            await getattr(opened, operation)(**arguments)
    return seen[0]


async def test_attributes_that_may_not_be_read_are_said(queue: Sqs) -> None:
    """The rest works without them."""
    queue.happens = lambda when, action: (403, "AccessDenied") if action == "GetQueueAttributes" else None
    async with sqs.queues(queue, NAME) as (found,):
        assert await found.check() == [
            f"the attributes of {NAME} cannot be read: allow sqs:GetQueueAttributes to have them checked"
        ]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, []),
        ({"RedrivePolicy": ""}, ["has no redrive policy"]),
        ({"RedrivePolicy": "{}"}, ["has no redrive policy"]),
        ({"FifoQueue": "true"}, ["is a FIFO queue"]),
        ({"MessageRetentionPeriod": "3600"}, ["expire after 3600 s"]),
        ({"MessageRetentionPeriod": "3601"}, []),
    ],
)
def test_what_is_wrong_with_a_queue_is_a_sentence_each(attributes: dict[str, str], words: list[str]) -> None:
    """As SQS tells its attributes, all in text."""
    good = {"RedrivePolicy": '{"deadLetterTargetArn":"arn:x","maxReceiveCount":"10"}', "MessageRetentionPeriod": "1209600"}
    found = risks("q", good | {"FifoQueue": "false"} | attributes)
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))
