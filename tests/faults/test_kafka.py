"""Kafka hurt in every way that a small machine allows: the worker waits or stops, and never skips in silence."""

import asyncio
import json
import random
import signal
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaError

from consumer.app import connected
from consumer.engines import kafka as kafka_engine
from consumer.engines.kafka import LocalKafka
from consumer.errors import Fatal
from consumer.ingest.batch import Books
from tests.acceptance.running import Process, outcomes, outcomes_json, running, send, started, until
from tests.acceptance.test_worker import _at_least, consumed, found, settings, stream, undisturbed
from tests.faults import hasty
from tests.postgres.writing import WAITING_FOR_US, books
from tests.samples import Event, result

MakeTopic = Callable[..., Awaitable[str]]

HASTY = ("tests.faults.hasty",)
WATCHDOG_SECONDS = 2.0
UNREADY_SECONDS = WATCHDOG_SECONDS + hasty.REQUEST_SECONDS + 5.0
"""Bound on how long after the broker went a worker is ready still: its watchdog's time, one request's, and a margin."""

BACK_SECONDS = 45.0
"""Bound on how long after the broker's return all is written and ready; measured: 1 to 20 s, mostly a pause of the worker."""


@asynccontextmanager
async def administering(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client that changes topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def made(bootstrap: str, partitions: int = 1, name: str | None = None, **configuration: str) -> str:
    """A topic; a fresh one unless named."""
    name = name or f"test-{uuid.uuid4().hex[:12]}"
    async with administering(bootstrap) as admin:

        async def create() -> bool:
            try:
                answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configuration)])
            except AttributeError:  # aiokafka's, while a broker that has just come back names no controller
                return False
            return not answer.topic_errors[0][1]  # a topic that is being deleted still exists

        await until(create)
    return name


async def forgotten(bootstrap: str, topic: str, before: int, partition: int = 0) -> None:
    """Kafka deletes what lies before an offset, as retention does."""
    async with administering(bootstrap) as admin:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})


async def send_batches(bootstrap: str, topic: str, values: Sequence[Event], size: int) -> None:
    """Batches of exactly this size, which a fetch of few bytes brings one at a time."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=1_000_000, linger_ms=0)
    await producer.start()
    for first in range(0, len(values), size):
        batch = producer.create_batch()
        for value in values[first : first + size]:
            assert batch.append(key=None, value=json.dumps(value).encode(), timestamp=None)
        await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()


class Probes:
    """Asks a worker how it is."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ready(self) -> bool:
        """Whether partitions are being read and written."""
        return await self._status("/readyz") == 200

    async def waiting(self) -> bool:
        """Not ready, and alive."""
        assert await self._status("/livez") in (200, None)
        return await self._status("/readyz") == 503

    async def why(self) -> str:
        """What `/readyz` says."""
        async with self._session.get("/readyz") as response:
            return await response.text()

    async def shows(self, metric: str) -> float | None:
        """A number of `/metrics`, by its name and labels; None where it is not there."""
        async with self._session.get("/metrics") as response:
            lines = (await response.text()).splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"outcomes_{metric} ")), None)

    async def _status(self, path: str) -> int | None:
        try:
            async with self._session.get(path) as response:
                return response.status
        except aiohttp.ClientConnectionError:
            return None  # not started yet


@asynccontextmanager
async def working(
    port: int, variables: dict[str, str], module: Sequence[str] = ("consumer",)
) -> AsyncIterator[tuple[Process, Probes]]:
    """A worker with probes."""
    with_port = variables | {"OUTCOMES_HTTP_PORT": str(port), "OUTCOMES_HTTP_HOST": "127.0.0.1"}
    async with (
        started(("worker",), with_port, module=module) as worker,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        try:
            yield worker, Probes(session)
        except BaseException:
            _, _, err = await worker.end(signal.SIGKILL)
            print(err)  # for whoever reads the failure
            raise


def logged(err: str) -> list[dict[str, Any]]:
    """The lines of a log; each is JSON and none holds an event's content."""
    assert "user_uuid" not in err
    assert "learning_outcome_result_updated" not in err
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


async def gaps(dsn: str) -> list[tuple[Any, ...]]:
    """The recorded gaps."""
    async with connected(dsn) as connection:
        rows = await connection.fetch(
            "SELECT partition, from_position, to_position, reason FROM stream_gap ORDER BY recorded_at"
        )
    return [tuple(row) for row in rows]


async def total(dsn: str) -> Books:
    """The books of everything."""
    async with connected(dsn) as connection:
        return await books(connection)


async def all_good(dsn: str, another: str, told: list[Event]) -> None:
    """As if nothing had happened: projection, books, and nothing in quarantine."""
    assert await found(dsn) == await undisturbed(another, told)
    sums = await total(dsn)
    assert sums.consumed == len(told)
    assert (sums.quarantined, sums.ignored) == (0, 0)


async def test_a_broker_that_is_restarted_is_ridden_out(
    database: str, another_database: str, own_broker: LocalKafka, free_port: int
) -> None:
    """As in an upgrade: the same client goes on, long before the watchdog would make it anew."""
    told = stream(400, seed=8)
    name = await made(own_broker.bootstrap, 2)
    await send(own_broker.bootstrap, name, told[:200])
    async with working(free_port, settings(database, own_broker.bootstrap, name)) as (worker, probes):
        await until(lambda: _at_least(database, 200))
        await until(probes.ready)
        own_broker.stop()
        own_broker.start()
        await send(own_broker.bootstrap, name, told[200:])
        await until(lambda: _at_least(database, len(told)), BACK_SECONDS)
        await until(probes.ready, BACK_SECONDS)
        code, _, err = await worker.end()
    assert code == 0, err
    assert not any(line["event"] == "client_stuck" for line in logged(err))
    await all_good(database, another_database, told)


async def test_a_broker_that_is_killed_and_comes_back_is_waited_for(
    database: str, another_database: str, own_broker: LocalKafka, free_port: int
) -> None:
    """Alive, not ready meanwhile, saying so in a few lines, and going on by itself where it was."""
    told = stream(400, seed=9)
    name = await made(own_broker.bootstrap, 2)
    await send(own_broker.bootstrap, name, told[:200])
    watched = {"OUTCOMES_WATCHDOG_SECONDS": str(WATCHDOG_SECONDS), "OUTCOMES_GROUP_INSTANCE_ID": "one"}
    variables = settings(database, own_broker.bootstrap, name, **watched)
    async with working(free_port, variables, HASTY) as (worker, probes):
        await until(lambda: _at_least(database, 200))
        await until(probes.ready)
        own_broker.kill()
        await until(probes.waiting, UNREADY_SECONDS)
        own_broker.start()
        await send(own_broker.bootstrap, name, told[200:])
        await until(lambda: _at_least(database, len(told)), BACK_SECONDS)
        await until(probes.ready, BACK_SECONDS)
        code, _, err = await worker.end()
    assert code == 0, err
    lines = logged(err)
    assert any(line["event"] == "waiting" and line["system"] == "kafka" for line in lines)
    assert len(lines) < 100
    await all_good(database, another_database, told)


async def test_a_client_of_a_broker_that_hangs_is_made_anew(
    database: str, another_database: str, own_broker: LocalKafka, free_port: int
) -> None:
    """Within the watchdog's time and that of one request; nothing of the old client stays behind."""
    told = stream(400, seed=10)
    name = await made(own_broker.bootstrap, 2)
    await send(own_broker.bootstrap, name, told[:200])
    variables = settings(database, own_broker.bootstrap, name, OUTCOMES_WATCHDOG_SECONDS=str(WATCHDOG_SECONDS))
    async with working(free_port, variables, HASTY) as (worker, probes):

        def connections() -> int:
            found = psutil.Process(worker.pid).net_connections("tcp4")
            return sum(1 for c in found if c.raddr and c.raddr.port == own_broker.port and c.status == "ESTABLISHED")

        await until(lambda: _at_least(database, 200))
        await until(probes.ready)
        before, hung = connections(), time.monotonic()
        own_broker.send(signal.SIGSTOP)
        try:
            await until(probes.waiting, UNREADY_SECONDS)
            # Long enough for the client to be made anew; after 9 s without a heartbeat the broker would not take itself for the
            # leader when it wakes up, and have the producer below send again what it has already.
            await asyncio.sleep(hung + WATCHDOG_SECONDS + hasty.REQUEST_SECONDS + 1.5 - time.monotonic())
        finally:
            own_broker.send(signal.SIGCONT)
        await send(own_broker.bootstrap, name, told[200:])
        await until(lambda: _at_least(database, len(told)), BACK_SECONDS)
        await until(probes.ready)

        async def nothing_left() -> bool:
            return connections() <= before

        await until(nothing_left)
        code, _, err = await worker.end()
    assert code == 0, err
    assert any(line["event"] == "client_stuck" for line in logged(err))
    await all_good(database, another_database, told)


@pytest.mark.parametrize("on_gap", ["stop", "continue"])
async def test_a_topic_that_is_made_anew_under_the_worker_is_not_taken_for_the_old_one(
    on_gap: str, database: str, another_database: str, own_broker: LocalKafka, free_port: int
) -> None:
    """It stops with what to do; told to go on, it records the gap and reads the new topic from its start."""
    told = stream(300, seed=30)
    name = await made(own_broker.bootstrap)
    await send(own_broker.bootstrap, name, told[:250])
    variables = settings(database, own_broker.bootstrap, name, OUTCOMES_ON_GAP=on_gap)
    async with working(free_port, variables) as (worker, probes):
        await until(lambda: _at_least(database, 250))
        await until(probes.ready)
        async with administering(own_broker.bootstrap) as admin:
            await admin.delete_topics([name])
        await made(own_broker.bootstrap, name=name)
        await send(own_broker.bootstrap, name, told[250:])
        if on_gap == "continue":
            await until(lambda: _at_least(database, len(told)))
            assert await probes.shows("gaps_total") == 1
            code, _, err = await worker.end()
            assert code == 0, err
            assert any(line["event"] == "gap" and line["reason"] == "topic_recreated" for line in logged(err))
        else:
            code, _, err = await worker.end(None)
            assert code == 2, err
            said = err.splitlines()[-1]
            assert "this database has read up to 250: the topic was deleted and created again" in said
            assert "OUTCOMES_ON_GAP=continue" in said
            assert await gaps(database) == []
            assert await consumed(database) == 250
    if on_gap == "stop":
        await outcomes_json("worker", "--until-end", **(variables | {"OUTCOMES_ON_GAP": "continue"}))
    assert await gaps(database) == [(0, 250, 0, "topic_recreated")]
    await all_good(database, another_database, told)


async def test_retention_that_passes_a_worker_that_is_away_stops_it_with_what_to_do(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic, tmp_path: Any
) -> None:
    """Told to go on, it records the gap; a captured file fills it."""
    name, told = await topic(), stream(300, seed=31)
    await send(kafka_bootstrap, name, told[:100])
    variables = settings(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")
    await outcomes_json("worker", "--until-end", **variables)
    await send(kafka_bootstrap, name, told[100:])
    await forgotten(kafka_bootstrap, name, 200)
    code, _, err = await outcomes("worker", **variables)
    assert code == 2
    said = err.splitlines()[-1]
    assert f"{name}-0 begins at 200, but this database is at 100: Kafka has deleted 100 records" in said
    assert "OUTCOMES_ON_GAP=continue" in said
    assert await gaps(database) == []
    await outcomes_json("worker", "--until-end", **variables, OUTCOMES_ON_GAP="continue")
    assert await gaps(database) == [(0, 100, 200, "retention_passed")]
    assert await consumed(database) == len(told) - 100
    file = tmp_path / "captured.ndjson"
    file.write_text("\n".join(json.dumps(value) for value in told[100:200]))
    await outcomes_json("replay", str(file), DATABASE_URL=database)
    await all_good(database, another_database, told)


@pytest.mark.parametrize("on_gap", ["stop", "continue"])
async def test_retention_that_passes_a_worker_behind_a_paused_database_costs_nothing_that_was_read(
    on_gap: str, database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic
) -> None:
    """What it holds in memory Kafka cannot give again: it is written first, and the gap begins behind it."""
    name, told = await topic(), [result(number % 50 + 1, minute=number) for number in range(400)]
    await send_batches(kafka_bootstrap, name, told, 40)
    variables = settings(
        database,
        kafka_bootstrap,
        name,
        OUTCOMES_BATCH_SIZE="40",
        OUTCOMES_KAFKA_FETCH_BYTES="1024",
        OUTCOMES_ON_GAP=on_gap,
    )
    async with connected(database) as admin, running("worker", **variables) as worker:
        async with admin.transaction():
            await admin.execute("LOCK TABLE learning_outcome_result_version IN ACCESS EXCLUSIVE MODE")

            async def blocked() -> bool:
                return bool(await admin.fetchval(WAITING_FOR_US))

            await until(blocked)
            await asyncio.sleep(1)  # one batch is written, one waits; the client asks for more when the second is taken over
            await forgotten(kafka_bootstrap, name, 300)
        if on_gap == "continue":
            await until(lambda: _at_least(database, 180))
        code, _, err = await worker.end(signal.SIGTERM if on_gap == "continue" else None)
    if on_gap == "continue":
        assert code == 0, err
        assert await gaps(database) == [(0, 80, 300, "retention_passed")]
        await all_good(database, another_database, told[:80] + told[300:])
    else:
        assert code == 2, err
        assert "begins at 300, but this database is at 80: Kafka has deleted 220 records" in err.splitlines()[-1]
        await all_good(database, another_database, told[:80])


async def test_partitions_and_topics_that_appear_under_a_worker_are_read_from_their_first_record(
    database: str, another_database: str, own_broker: LocalKafka
) -> None:
    """Also where it was told to begin at the end: that is about what lay there before."""
    bootstrap = own_broker.bootstrap
    told = [result(number, minute=number) for number in range(1, 81)]
    late = f"test-{uuid.uuid4().hex[:12]}"
    name = await made(bootstrap)
    await send(bootstrap, name, told[:20])
    both = settings(database, bootstrap, f"{name},{late}")
    async with (
        running("worker", **both) as earliest,
        running(
            "worker", **(both | {"DATABASE_URL": another_database, "OUTCOMES_START": "latest", "OUTCOMES_GROUP_ID": late})
        ) as latest,
    ):

        async def begun() -> bool:
            async with connected(another_database) as connection:
                return bool(await connection.fetchval("SELECT next_position = 20 FROM stream_position"))

        await until(begun)
        await until(lambda: _at_least(database, 20))
        async with administering(bootstrap) as admin:
            await admin.create_partitions({name: NewPartitions(3)})
        await made(bootstrap, 2, name=late)
        await send(bootstrap, name, told[20:60])
        await send(bootstrap, late, told[60:])
        await until(lambda: _at_least(database, 80))
        await until(lambda: _at_least(another_database, 60))
        for worker in (earliest, latest):
            code, _, err = await worker.end()
            assert code == 0, err
            logged(err)
    async with connected(another_database) as connection:
        rows = await connection.fetch("SELECT source, partition, consumed FROM stream_position WHERE consumed > 0")
        assert len(rows) == 5
        assert await connection.fetchval("SELECT count(*) FROM learning_outcome_result WHERE id <= 20") == 0
    begun_late = await found(another_database)
    assert await undisturbed(another_database, told[20:]) == begun_late  # knew them all
    assert await undisturbed(another_database, told[:20]) == await found(database)
    assert await total(database) == Books(applied=80)


async def test_a_compacted_topic_with_tombstones_is_read_over_its_holes(
    database: str, another_database: str, own_broker: LocalKafka
) -> None:
    """Tombstones are ignored and counted; a position that compaction has left nothing at is as good as any."""
    told = [result(number, minute=number) for number in range(1, 101)]
    bootstrap = own_broker.bootstrap
    compacted = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100"}
    name = await made(bootstrap, 1, None, **compacted)
    variables = settings(database, bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()

    async def say(rounds: int) -> None:
        for _ in range(rounds):
            for number, value in enumerate(told):
                await producer.send(name, json.dumps(value).encode(), key=b"%d" % number)
            await producer.flush()

    await say(1)
    assert (await outcomes_json("worker", "--until-end", **variables))["consumed"] == 100
    await say(3)
    for number in range(10):
        await producer.send(name, None, key=b"gone-%d" % number)
    await producer.flush()
    await asyncio.sleep(0.2)
    await producer.send_and_wait(name, None, key=b"last")  # rolls the segment that holds all others

    async def holes() -> bool:
        offsets = await kept(bootstrap, name)
        return len(offsets) < 150

    await until(holes)
    offsets = await kept(bootstrap, name)
    assert offsets[0] > 100
    books = await outcomes_json("worker", "--until-end", **variables)
    assert (books["duplicate"], books["ignored"]) == (100, 11)
    await producer.stop()
    assert await found(database) == await undisturbed(another_database, told)
    assert await total(database) == Books(applied=100, duplicate=100, ignored=11)
    assert await gaps(database) == []


async def kept(bootstrap: str, topic: str) -> list[int]:
    """Offsets that a topic still has."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    tp = TopicPartition(topic, 0)
    consumer.assign([tp])
    end = (await consumer.end_offsets([tp]))[tp]
    offsets: list[int] = []
    while not offsets or offsets[-1] < end - 1:
        offsets += [message.offset for message in (await consumer.getmany(timeout_ms=1000)).get(tp, [])]
    await consumer.stop()
    return offsets


async def test_a_message_that_kafka_refuses_is_not_counted_as_sent(kafka_bootstrap: str, topic: MakeTopic) -> None:
    """Also where all that come after it arrive."""
    name = await topic(**{"max.message.bytes": "2000"})
    with pytest.raises(Fatal, match="MessageSizeTooLarge"):
        await send(kafka_bootstrap, name, [random.randbytes(4000), *(b"%d" % number for number in range(3000))])


async def test_what_a_producer_has_aborted_never_appears_and_holds_nothing_up(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic
) -> None:
    """Nor do the markers of transactions; what is not committed yet comes when it is."""
    told = [result(number, minute=number) for number in range(1, 61)]
    aborted = [result(1000 + number) for number in range(40)]
    name = await topic()
    variables = settings(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")
    one, other = (
        AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, transactional_id=f"{name}-{who}") for who in ("one", "other")
    )
    await one.start()
    await other.start()

    async def send_all(producer: AIOKafkaProducer, values: list[Event]) -> None:
        for value in values:
            await producer.send(name, json.dumps(value).encode())
        await producer.flush()

    await one.begin_transaction()
    await send_all(one, told[:20])
    await other.begin_transaction()
    await send_all(other, aborted[:20])
    await send_all(one, told[20:40])
    await one.commit_transaction()
    await send_all(other, aborted[20:])
    await other.abort_transaction()  # the topic ends with aborted records and a marker
    summary = await outcomes_json("worker", "--until-end", **variables)
    assert summary["consumed"] == 40
    await one.begin_transaction()
    await send_all(one, told[40:])
    assert (await outcomes_json("worker", "--until-end", **variables))["consumed"] == 0
    await one.commit_transaction()
    assert (await outcomes_json("worker", "--until-end", **variables))["consumed"] == 20
    await one.stop()
    await other.stop()
    await all_good(database, another_database, told)
    assert await gaps(database) == []


async def in_transactions(bootstrap: str, topic: str, told: list[Event], aborted: list[Event]) -> int:
    """Tells some, and then some that never were; returns the end of the topic, behind the second marker."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    await producer.start()
    for values, end in ((told, producer.commit_transaction), (aborted, producer.abort_transaction)):
        await producer.begin_transaction()
        for value in values:
            await producer.send(topic, json.dumps(value).encode())
        await producer.flush()
        await end()
    await producer.stop()
    return len(told) + len(aborted) + 2


@pytest.mark.parametrize("how", ["until the end", "stopped", "watched"])
async def test_what_holds_no_event_is_passed_over_and_not_missed_when_retention_has_deleted_it(
    how: str, database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic, free_port: int
) -> None:
    """Aborted records and markers at the end of a topic: the position goes behind them, and nothing lags."""
    told, name = [result(number, minute=number) for number in range(1, 11)], await topic()
    end = await in_transactions(kafka_bootstrap, name, told, [result(1000 + number) for number in range(5)])
    variables = settings(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")
    if how == "until the end":
        await outcomes_json("worker", "--until-end", **variables)
    else:
        async with working(free_port, variables) as (worker, probes):
            await until(lambda: _at_least(database, 10))

            async def no_lag() -> bool:
                return await probes.shows(f'lag_records{{partition="0",topic="{name}"}}') == 0

            if how == "watched":
                await until(no_lag, 10)
            code, _, err = await worker.end()
            assert code == 0, err
    asked = {"DATABASE_URL": database, "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap}
    (position,) = (await outcomes_json("status", **asked))["positions"]
    assert (position["next_position"], position["lag"]) == (end, 0)
    await forgotten(kafka_bootstrap, name, end)
    await send(kafka_bootstrap, name, [result(11, minute=11)])
    assert (await outcomes_json("worker", "--until-end", **variables))["consumed"] == 1
    assert await gaps(database) == []
    await all_good(database, another_database, [*told, result(11, minute=11)])


async def test_a_worker_whose_topic_does_not_exist_is_not_ready_and_says_so(
    database: str, own_broker: LocalKafka, free_port: int
) -> None:
    """A typing error in its name would else look like a quiet topic. Ready once it is there."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    async with working(free_port, settings(database, own_broker.bootstrap, name)) as (worker, probes):

        async def told() -> bool:
            return await probes.waiting() and name in await probes.why()

        await until(told)
        assert await probes.shows("paused") == 0
        await made(own_broker.bootstrap, name=name)
        await until(probes.ready)
        code, _, err = await worker.end()
    assert code == 0, err


async def test_a_topic_that_has_fewer_partitions_than_before_is_shown_with_its_lag_at_once(
    database: str, own_broker: LocalKafka
) -> None:
    """Those that are gone have none; nobody waits for them."""
    bootstrap = own_broker.bootstrap
    name = await made(bootstrap, 2)
    await send(bootstrap, name, [result(number) for number in range(1, 41)])
    await outcomes_json("worker", "--until-end", **settings(database, bootstrap, name))
    async with administering(bootstrap) as admin:
        await admin.delete_topics([name])
    await made(bootstrap, name=name)
    await send(bootstrap, name, [result(number) for number in range(1, 41)])
    begun = time.monotonic()
    shown = await outcomes_json("status", DATABASE_URL=database, KAFKA_BOOTSTRAP_SERVERS=bootstrap)
    assert time.monotonic() - begun < 5
    lags = {row["partition"]: row["lag"] for row in shown["positions"]}
    assert lags[0] > 0
    assert lags[1] is None


async def test_a_worker_that_is_stopped_waits_once_for_a_broker_that_hangs(
    database: str, own_broker: LocalKafka, free_port: int
) -> None:
    """Not for its offsets and then for its leave: whoever stops it may have little patience."""
    name = await made(own_broker.bootstrap)
    await send(own_broker.bootstrap, name, [result(1)])
    async with working(free_port, settings(database, own_broker.bootstrap, name), HASTY) as (worker, probes):
        await until(lambda: _at_least(database, 1))
        await until(probes.ready)
        own_broker.send(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            code, _, err = await worker.end()
            seconds = time.monotonic() - begun
        finally:
            own_broker.send(signal.SIGCONT)
    assert code == 0, err
    assert seconds < 1.8 * hasty.REQUEST_SECONDS, err


async def _make_groups_topic(bootstrap: str) -> None:
    """On the brokers that there are by now."""

    async def found() -> bool:
        with suppress(KafkaError):
            await admin.find_coordinator("any")
            return True
        return False

    async with administering(bootstrap) as admin:
        await until(found)


@pytest.fixture
def two_brokers(tmp_path: Path) -> Iterator[tuple[LocalKafka, LocalKafka]]:
    """A cluster of two, whose second may be hurt: the first is the controller, and has the groups."""
    if not kafka_engine.can_run_locally():
        pytest.skip("brokers of one's own need Java and Maven")
    plain = {"auto.create.topics.enable": "false", "offsets.topic.num.partitions": "1"}
    first = LocalKafka(tmp_path / "first", plain).start()
    try:
        asyncio.run(_make_groups_topic(first.bootstrap))
        meta = (tmp_path / "first" / "data" / "meta.properties").read_text(encoding="utf-8")
        cluster = next(line.partition("=")[2] for line in meta.splitlines() if line.startswith("cluster.id"))
        second = LocalKafka(tmp_path / "second", plain)
        second._settings |= {
            "process.roles": "broker",
            "node.id": "2",
            "controller.quorum.bootstrap.servers": first._settings["controller.quorum.bootstrap.servers"],
            "listeners": f"PLAINTEXT://{second.bootstrap}",
        }
        (tmp_path / "second").mkdir()
        properties = tmp_path / "second" / "server.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in second._settings.items()), encoding="utf-8")
        tool = ["java", "-cp", f"{kafka_engine.jars()}/*", "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        subprocess.run([*tool, "-c", str(properties)], check=True, capture_output=True)
        try:
            yield first, second.start()
        finally:
            second.kill()
    finally:
        first.kill()


async def test_a_leader_that_hangs_takes_readiness_and_not_the_others_partitions(
    database: str, another_database: str, two_brokers: tuple[LocalKafka, LocalKafka], free_port: int
) -> None:
    """Also of a worker that comes meanwhile; the client is not made anew, and goes on by itself when the leader is back."""
    first, second = two_brokers
    bootstrap, name = first.bootstrap, f"test-{uuid.uuid4().hex[:12]}"
    async with administering(bootstrap) as admin:

        async def both_there() -> bool:
            answer = await admin.create_topics([NewTopic(name, -1, -1, replica_assignments={0: [1], 1: [2]})])
            return not answer.topic_errors[0][1]

        await until(both_there)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    told = [result(number, minute=number) for number in range(1, 61)]

    async def say(partition: int, values: list[Event]) -> None:
        for value in values:
            await producer.send_and_wait(name, json.dumps(value).encode(), partition=partition)

    await say(0, told[:10])
    await say(1, told[10:20])
    watched = {"OUTCOMES_WATCHDOG_SECONDS": "4", "OUTCOMES_GROUP_INSTANCE_ID": "one"}
    variables = settings(database, bootstrap, name, **watched)
    async with working(free_port, variables, HASTY) as (worker, probes):
        await until(lambda: _at_least(database, 20))
        await until(probes.ready)
        second.send(signal.SIGSTOP)
        await say(0, told[20:30])
        await until(lambda: _at_least(database, 30), 10)
        await until(probes.waiting, 10)
        assert "kafka" in await probes.why()
        await say(0, told[30:40])
        await until(lambda: _at_least(database, 40), 10)
        assert await probes.waiting()
        assert await probes.shows("client_rebuilds_total") == 0
        shown = await outcomes_json("status", DATABASE_URL=database, KAFKA_BOOTSTRAP_SERVERS=bootstrap)
        assert {row["partition"]: row["lag"] for row in shown["positions"]} == {0: 0, 1: None}
        code, _, err = await worker.end()
        assert code == 0, err
    async with working(free_port, variables, HASTY) as (worker, probes):
        await say(0, told[40:50])
        await until(lambda: _at_least(database, 50), 20)
        assert await probes.waiting()
        second.send(signal.SIGCONT)
        await until(probes.ready, BACK_SECONDS)
        await say(1, told[50:])
        await until(lambda: _at_least(database, 60), BACK_SECONDS)
        code, _, err = await worker.end()
    await producer.stop()
    assert code == 0, err
    await all_good(database, another_database, told)
