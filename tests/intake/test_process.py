"""`outcomes intake https` as people run it: what it answered with 2xx is in the topic, or the projection, whatever ends it."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.engines import kafka as kafka_engine
from consumer.engines.kafka import LocalKafka
from consumer.errors import Transient
from consumer.intake.events import HEADER
from consumer.sources.delivering import deliver
from tests.acceptance.running import Process, outcomes, running, until
from tests.acceptance.test_worker import found, settings
from tests.faults.test_kafka import made
from tests.intake import canvas
from tests.postgres.writing import write
from tests.samples import result

MakeTopic = Callable[..., Awaitable[str]]
AWAY = "localhost:1"
TOKENS = [canvas.token(result(id=number)) for number in range(1, 301)]


class Deliveries:
    """Canvas, which delivers until it has 2xx or is told to stop."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/events"
        self.kept: set[int] = set()
        """Numbers of events that were answered with 2xx."""
        self.answers: set[int] = set()

    async def deliver(self, numbers: list[int], *, tries: int = 1) -> None:
        """Eight at a time."""
        waiting = list(reversed(numbers))

        async def one(client: aiohttp.ClientSession) -> None:
            while waiting:
                number = waiting.pop()
                for _ in range(tries):
                    try:
                        async with client.post(self._url, data=TOKENS[number - 1]) as answer:
                            self.answers.add(answer.status)
                            if answer.status == 200:
                                self.kept.add(number)
                                break
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.02)

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as client:
            await asyncio.gather(*(one(client) for _ in range(8)))


@asynccontextmanager
async def intake(jwks: canvas.Jwks, port: int, folder: Path, *more: str, **variables: str) -> AsyncIterator[Process]:
    """The command, once it listens."""
    arguments = ("intake", "https", "--port", str(port), "--http-port", "0", *more)
    common = {"OUTCOMES_INTAKE_JWKS_URL": jwks.url, "OUTCOMES_DATA_FOLDER": str(folder), "OUTCOMES_LOG_FORMAT": "json"}
    async with running(*arguments, **common, **variables) as command:
        await command.says('"listening"')
        yield command


async def in_topic(bootstrap: str, topic: str, came_in: str = "https") -> list[int]:
    """Numbers of all events in the topic; each says where it came in."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or await _known(consumer, topic)
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        left = sum((await consumer.end_offsets(partitions)).values())
        numbers: list[int] = []
        while len(numbers) < left:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                numbers += [int(orjson.loads(record.value)["body"]["id"]) for record in records]
                assert all(dict(record.headers)[HEADER] == came_in.encode() for record in records)
    finally:
        await consumer.stop()
    return numbers


async def _known(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    async def partitions() -> set[int]:
        await consumer._client.set_topics({topic})
        return set(consumer.partitions_for_topic(topic) or ())

    return set(await until(partitions))


async def _metrics(port: int) -> str:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/metrics") as answer:
        return await answer.text()


async def test_events_reach_the_topic_and_sigterm_ends_in_good_order(
    kafka_bootstrap: str, topic: MakeTopic, free_port: int, tmp_path: Path
) -> None:
    """With probes and metrics beside; the exit code is 0."""
    name, probes = await topic(2), kafka_engine.free_port()
    async with canvas.jwks() as jwks:
        variables = {"KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap, "OUTCOMES_TOPIC": name}
        async with intake(jwks, free_port, tmp_path, "--http-port", str(probes), **variables) as command:
            deliveries = Deliveries(free_port)
            await deliveries.deliver(list(range(1, 101)))
            metrics = await _metrics(probes)
            code, _, err = await command.end(signal.SIGTERM)
    assert code == 0
    assert '"intake_stopped"' in err
    assert "outcomes_intake_stored_total 100.0" in metrics
    assert sorted(await in_topic(kafka_bootstrap, name)) == list(range(1, 101))


async def test_kills_lose_nothing_that_was_answered(
    kafka_bootstrap: str, topic: MakeTopic, free_port: int, tmp_path: Path
) -> None:
    """Killed while the topic takes events, while the spool does, and while the spool drains."""
    name, chance = await topic(2), random.Random(20)
    deliveries = Deliveries(free_port)
    async with canvas.jwks() as jwks:
        for step, bootstrap in enumerate((kafka_bootstrap, AWAY, kafka_bootstrap)):
            variables = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "OUTCOMES_TOPIC": name}
            async with intake(jwks, free_port, tmp_path, **variables) as command:
                delivering = asyncio.create_task(deliveries.deliver(list(range(step * 100 + 1, step * 100 + 101))))
                await asyncio.sleep(0.05 + chance.random() / 4)
                command.send(signal.SIGKILL)
                await delivering
        async with intake(jwks, free_port, tmp_path, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap, OUTCOMES_TOPIC=name):
            await until(lambda: _empty(tmp_path))
    assert deliveries.kept
    assert deliveries.kept <= set(await in_topic(kafka_bootstrap, name))


async def _empty(folder: Path) -> bool:
    return not list((folder / "intake").glob("*.spool"))


async def test_a_broker_that_goes_and_comes_back_costs_no_event(free_port: int, tmp_path: Path) -> None:
    """All are answered with 2xx meanwhile, and in the topic afterwards. Slow: a broker of its own starts twice."""
    broker = LocalKafka(tmp_path / "kafka").start()
    try:
        name = await made(broker.bootstrap)
        deliveries = Deliveries(free_port)
        async with canvas.jwks() as jwks:
            variables = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "OUTCOMES_TOPIC": name}
            async with intake(jwks, free_port, tmp_path, **variables) as command:
                await deliveries.deliver(list(range(1, 51)))
                broker.stop()
                await deliveries.deliver(list(range(51, 151)))
                await command.says('"outlet_away"')
                broker.start()
                await command.says('"spool_drained"')
                await deliveries.deliver(list(range(151, 201)))
        assert deliveries.answers == {200}
        assert set(await in_topic(broker.bootstrap, name)) == set(range(1, 201))
    finally:
        broker.stop()


async def test_direct_writes_the_projection_through_kills(
    database: str, another_database: str, free_port: int, tmp_path: Path
) -> None:
    """One process and one database: what was answered with 2xx is there, and nothing else has happened to it."""
    deliveries, chance = Deliveries(free_port), random.Random(21)
    async with canvas.jwks() as jwks:
        for _ in range(2):
            async with intake(jwks, free_port, tmp_path, "--direct", DATABASE_URL=database) as command:
                delivering = asyncio.create_task(deliveries.deliver(list(range(1, 101))))
                await asyncio.sleep(0.05 + chance.random() / 4)
                command.send(signal.SIGKILL)
                await delivering
        async with intake(jwks, free_port, tmp_path, "--direct", DATABASE_URL=database):
            await deliveries.deliver(list(range(1, 101)))
            await until(lambda: _empty(tmp_path))
    assert deliveries.kept == set(range(1, 101))
    await write(another_database, *(result(id=number) for number in range(1, 101)))
    assert await found(database) == await found(another_database)


async def test_intake_and_worker_through_kills_lose_and_double_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic, free_port: int, tmp_path: Path
) -> None:
    """From Canvas to the rows, with either process killed at any moment: the projection is that of an undisturbed run.

    Slow: eight processes start one after the other.
    """
    name, chance, deliveries = await topic(2), random.Random(22), Deliveries(free_port)
    reading = settings(database, kafka_bootstrap, name)
    async with canvas.jwks() as jwks:
        for step in range(4):
            taking = {"KAFKA_BOOTSTRAP_SERVERS": AWAY if step == 1 else kafka_bootstrap, "OUTCOMES_TOPIC": name}
            async with intake(jwks, free_port, tmp_path, **taking) as taker, running("worker", **reading) as worker:
                delivering = asyncio.create_task(deliveries.deliver(list(range(step * 50 + 1, step * 50 + 101))))
                await asyncio.sleep(chance.random() / 2)
                (taker if chance.random() < 0.5 else worker).send(signal.SIGKILL)
                await delivering
        async with intake(jwks, free_port, tmp_path, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap, OUTCOMES_TOPIC=name):
            await deliveries.deliver(list(range(1, 251)))
            await until(lambda: _empty(tmp_path))
    assert deliveries.kept == set(range(1, 251))
    await outcomes("worker", "--until-end", **reading)
    await write(another_database, *(result(id=number) for number in range(1, 251)))
    assert await found(database) == await found(another_database)


async def test_the_simulator_plays_canvas_towards_an_intake(database: str, tmp_path: Path) -> None:
    """Signed or with the secret, again until it is taken: the projection is what the simulator knows to be true."""
    keys_port, port, truth = kafka_engine.free_port(), kafka_engine.free_port(), tmp_path / "truth"
    playing = ["simulate", "--events", "300", "--duplicates", "0", "--truth", str(truth), "--keys-port", str(keys_port)]
    variables = {"DATABASE_URL": database, "OUTCOMES_DATA_FOLDER": str(tmp_path), "OUTCOMES_HTTP_PORT": "0"}
    variables |= {"OUTCOMES_INTAKE_PORT": str(port), "OUTCOMES_INTAKE_JWKS_URL": f"http://127.0.0.1:{keys_port}/jwks"}
    async with running(*playing, "--https", f"http://127.0.0.1:{port}/events") as simulator:
        await until(lambda: _answers(keys_port))
        async with running("intake", "https", "--direct", **variables):
            code, _, err = await simulator.end(None)
    assert (code, "messages sent" in err) == (0, True), err
    assert (await outcomes("verify", "--truth", str(truth), DATABASE_URL=database))[0] == 0
    variables |= {"OUTCOMES_INTAKE_SECRET": "a-secret-of-the-test"}
    async with running("intake", "https", "--direct", **variables):
        code, _, err = await outcomes(*playing, "--https", f"http://127.0.0.1:{port}/events", **variables)
    assert (code, "messages sent" in err) == (0, True), err
    code, _, err = await outcomes("simulate", "--https", "http://127.0.0.1:1/events", "--poison", "0.1")
    assert (code, "Canvas posts neither" in err) == (2, True)


async def test_an_intake_that_is_away_is_named_without_its_secret() -> None:
    """Which the address may end in."""
    with pytest.raises(Transient) as refused:
        await deliver("http://127.0.0.1:1/events/the-secret", [b"{}"], seconds=0.1)
    assert str(refused.value) == "the intake has not answered 2xx within 0.1 s"


async def _answers(port: int) -> bool:
    try:
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/jwks") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"OUTCOMES_TOPIC": "one,two"}, "writes to one topic"),
        ({"OUTCOMES_INTAKE_HOST": "192.0.2.1"}, "OUTCOMES_INTAKE_HOST"),
        ({"OUTCOMES_INTAKE_SECRET": "short"}, "OUTCOMES_INTAKE_SECRET"),
        ({"OUTCOMES_INTAKE_JWKS_URL": "http://example.org/keys"}, "OUTCOMES_INTAKE_JWKS_URL"),
    ],
)
async def test_what_is_wrong_from_the_start_is_said_in_a_sentence(
    variables: dict[str, str], sentence: str, kafka_bootstrap: str, tmp_path: Path
) -> None:
    """Exit code 2."""
    common = {"KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap, "OUTCOMES_DATA_FOLDER": str(tmp_path), "OUTCOMES_HTTP_PORT": "0"}
    code, _, err = await outcomes("intake", "https", **(common | variables))
    assert (code, sentence in err) == (2, True), err
