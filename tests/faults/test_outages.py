"""Outages are told soon, in few lines, and are over when they are over."""

import asyncio
import gc
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack

import pytest

from consumer.engines.kafka import LocalKafka, free_port
from consumer.environment import load
from consumer.errors import Transient
from consumer.ingest.batch import Partition
from consumer.sources import kafka_client
from consumer.sources.kafka import lag
from consumer.sources.producing import produce
from consumer.store import schema
from tests import scratch
from tests.acceptance.running import send, started, until
from tests.acceptance.test_worker import _at_least, settings
from tests.faults import hasty
from tests.faults.cluster import LocalPostgres
from tests.faults.test_connecting import silent
from tests.faults.test_group import long
from tests.faults.test_kafka import HASTY, Probes, logged, made, working
from tests.samples import result

NewTopic = Callable[..., Awaitable[str]]

STOCK = ("consumer",)
"""The command as it is; HASTY is the same with shorter times."""
TOLD_SECONDS = 10.0
"""What leaves a container's health check its share of 15 s, with the stock patience for silent partitions and statements."""
MANY = 3000
"""Events that take far longer than the tests that begin with them."""
AGAIN_SECONDS = 15.0
"""Bound on what takes some three seconds on a machine with nothing else to do; a session's end would be 45 s away."""


def waits_for(probes: Probes, system: str) -> Callable[[], Awaitable[bool]]:
    """Whether `/readyz` says so."""

    async def told() -> bool:
        return await probes.why() == f"waiting for {system}\n"

    return told


@pytest.mark.parametrize(("how", "module"), [(signal.SIGKILL, HASTY), (signal.SIGSTOP, STOCK)])
async def test_an_outage_of_kafka_is_told_within_15_seconds(
    database: str, own_broker: LocalKafka, how: signal.Signals, module: Sequence[str]
) -> None:
    """By the worker that reads, and by the spare one that owns nothing: in the probe's words, and in few lines of the log."""
    name = await made(own_broker.bootstrap)
    variables = settings(database, own_broker.bootstrap, name)
    async with (
        working(free_port(), variables, module) as (one, of_one),
        working(free_port(), variables, module) as (two, of_two),
    ):
        for worker, probes in ((one, of_one), (two, of_two)):
            await worker.says("partitions_assigned")
            await until(probes.ready)
        begun = time.monotonic()
        if how == signal.SIGKILL:
            own_broker.kill()
        else:
            own_broker.send(how)
        try:
            await until(waits_for(of_one, "kafka"), TOLD_SECONDS)
            await until(waits_for(of_two, "kafka"), TOLD_SECONDS - (time.monotonic() - begun))
            await asyncio.sleep(2)
        finally:
            if how == signal.SIGKILL:
                own_broker.start()
            else:
                own_broker.send(signal.SIGCONT)
        await until(of_one.ready)
        await until(of_two.ready)
        for worker in (one, two):
            code, _, err = await worker.end()
            assert code == 0, err
            lines = logged(err)
            assert any(line["event"] == "waiting" and line["system"] == "kafka" for line in lines)
            assert [line for line in lines if line["logger"].startswith("aiokafka")] == []
            assert len(lines) < 30


async def test_after_a_long_outage_of_kafka_partitions_are_read_again_within_seconds(
    database: str, own_broker: LocalKafka, free_port: int
) -> None:
    """The client has been replaced meanwhile, and comes back as the member that the group still waits for."""
    name = await made(own_broker.bootstrap, 2)
    await send(own_broker.bootstrap, name, [result(1)])
    variables = long(database, own_broker.bootstrap, name, OUTCOMES_WATCHDOG_SECONDS="4")
    async with working(free_port, variables) as (worker, probes):
        await until(lambda: _at_least(database, 1))
        own_broker.kill()
        await worker.says("client_stuck", 30)
        await asyncio.sleep(10)  # the pauses before Kafka is tried again have grown
        own_broker.start()
        back = time.monotonic()
        await send(own_broker.bootstrap, name, [result(2)])
        await until(lambda: _at_least(database, 2), AGAIN_SECONDS)
        await until(probes.ready, AGAIN_SECONDS)
        assert time.monotonic() - back < AGAIN_SECONDS
        code, _, err = await worker.end()
    assert code == 0, err


async def test_outages_of_postgres_are_told_within_15_seconds(kafka_bootstrap: str, topic: NewTopic, free_port: int) -> None:
    """Whether it goes in the middle of a batch or while nothing is to be written; long before a statement is given up."""
    name = await topic()
    with scratch.folder() as path, ExitStack() as stack:
        postgres = LocalPostgres(path / "postgres").start()
        stack.callback(postgres.stop, "immediate")
        await schema.migrate(postgres.dsn)
        written = 1
        async with working(free_port, settings(postgres.dsn, kafka_bootstrap, name)) as (worker, probes):
            await send(kafka_bootstrap, name, [result(written)])
            for how, busy in (("stops", False), ("hangs", False), ("hangs", True)):
                await until(lambda: _at_least(postgres.dsn, written))  # noqa: B023 - it is awaited here
                await until(probes.ready)
                begun = time.monotonic()
                if how == "stops":
                    postgres.stop("immediate")
                else:
                    postgres.send(signal.SIGSTOP)
                if busy:
                    written += 1
                    await send(kafka_bootstrap, name, [result(written)])
                await until(waits_for(probes, "postgres"), TOLD_SECONDS - (time.monotonic() - begun))
                if how == "stops":
                    postgres.start()
                else:
                    postgres.send(signal.SIGCONT)
                await until(probes.ready, 40)
                written += 1
                await send(kafka_bootstrap, name, [result(written)])
            await until(lambda: _at_least(postgres.dsn, written))
            code, _, err = await worker.end()
            assert code == 0, err


async def test_a_slow_statement_is_no_outage(database: str, kafka_bootstrap: str, topic: NewTopic, free_port: int) -> None:
    """Whoever waits for a lock is ready: Postgres answers others."""
    from tests.faults.test_guards import versions_locked

    name = await topic()
    async with working(free_port, settings(database, kafka_bootstrap, name), HASTY) as (worker, probes):
        await until(probes.ready)
        async with versions_locked(database) as (stopped, unlock):
            await send(kafka_bootstrap, name, [result(1)])
            await until(stopped)
            await asyncio.sleep(2 * hasty.HELD_SECONDS)
            assert await probes.ready()
            await unlock()
        await until(lambda: _at_least(database, 1))
        code, _, err = await worker.end()
    assert code == 0, err


@pytest.mark.parametrize("system", ["kafka", "postgres"])
async def test_what_takes_connections_and_never_answers_is_told_within_15_seconds(
    system: str, database: str, kafka_bootstrap: str, free_port: int
) -> None:
    """Also by a worker that has only just been started."""
    async with silent() as mute:
        dsn = f"postgresql://somebody@{mute}/outcomes" if system == "postgres" else database
        variables = settings(dsn, mute if system == "kafka" else kafka_bootstrap, "x")
        async with working(free_port, variables, HASTY) as (worker, probes):
            await worker.says("started")
            await until(waits_for(probes, system), TOLD_SECONDS)
            code, _, err = await worker.end()
            assert code == 0, err


@pytest.mark.parametrize("system", ["kafka", "postgres"])
async def test_until_the_end_gives_up_what_is_away_when_it_starts(database: str, kafka_bootstrap: str, system: str) -> None:
    """With exit 1: whoever runs it from cron wants to know, and not to find ten of them waiting."""
    nobody = f"127.0.0.1:{free_port()}"
    away = {"kafka": {"KAFKA_BOOTSTRAP_SERVERS": nobody}, "postgres": {"DATABASE_URL": f"postgresql://x@{nobody}/x"}}
    variables = settings(database, kafka_bootstrap, "x", OUTCOMES_STATEMENT_SECONDS="5") | away[system]
    async with started(("worker", "--until-end", "--json"), variables, module=HASTY) as worker:
        code, out, err = await worker.end(None)
    assert err.splitlines()[-1] == f"outcomes: stopped before the end of x, waiting for {system}"
    assert code == 1, err
    assert json.loads(out)["consumed"] == 0


async def test_until_the_end_gives_up_a_kafka_that_stays_away(database: str, own_broker: LocalKafka) -> None:
    """With exit 1, and what is missing."""
    name = await made(own_broker.bootstrap)
    await send(own_broker.bootstrap, name, [result(number) for number in range(1, MANY + 1)])
    slow = {"OUTCOMES_BATCH_SIZE": "1", "OUTCOMES_KAFKA_FETCH_BYTES": "4096", "OUTCOMES_WATCHDOG_SECONDS": "2"}
    variables = settings(database, own_broker.bootstrap, name, OUTCOMES_STATEMENT_SECONDS="8", **slow)
    async with started(("worker", "--until-end", "--json"), variables, module=HASTY) as worker:
        await until(lambda: _at_least(database, 300))  # where the topic ends has been asked for by now
        own_broker.kill()
        try:
            code, out, err = await worker.end(None)
        finally:
            own_broker.start()
    begins = f"outcomes: stopped before the end of {name}, waiting for kafka: {name}-0 is read to "
    assert err.splitlines()[-1].startswith(begins)
    assert err.endswith(f" of {MANY}\n")
    assert code == 1, err
    assert json.loads(out)["consumed"] < MANY


async def test_until_the_end_that_is_stopped_before_it_says_what_is_missing(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """What was read is written all the same; exit 1, for the job is not done."""
    from tests.faults.test_guards import array, versions_locked

    name = await topic()
    await send(kafka_bootstrap, name, [array(result(1), result(2)), array(result(3))])
    variables = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="1", OUTCOMES_DRAIN_SECONDS="1")
    async with versions_locked(database) as (stopped, _), started(("worker", "--until-end"), variables) as worker:
        await until(stopped)
        await asyncio.sleep(2)  # the end has been asked for by now
        code, _, err = await worker.end()
    assert code == 1, err
    assert err.splitlines()[-1] == f"outcomes: stopped before the end of {name}: {name}-0 is read to 0 of 2"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_simulation_whose_broker_goes_away_ends_in_one_sentence(own_broker: LocalKafka, how: signal.Signals) -> None:
    """Not in a line for each of its messages, of which some two thousand are under way to a broker that hangs."""
    name = await made(own_broker.bootstrap, 4)
    arguments = ("simulate", "--topic", name, "--events", "40000")
    address = {"KAFKA_BOOTSTRAP_SERVERS": own_broker.bootstrap}
    async with started(arguments, address, module=HASTY, cold=True) as command:  # to its very end

        async def under_way() -> bool:
            ends = await lag(
                load(kafka_bootstrap_servers=own_broker.bootstrap), {Partition(name, part): 0 for part in range(4)}
            )
            return sum(ends.values()) > 100

        await until(under_way)
        if how == signal.SIGKILL:
            own_broker.kill()
        else:
            own_broker.send(how)
        try:
            code, out, err = await command.end(None)
        finally:
            if how == signal.SIGKILL:
                own_broker.start()
            else:
                own_broker.send(signal.SIGCONT)
    assert code == 2, err
    assert out == ""
    assert len(err.splitlines()) == 1, err[:2000]
    assert err.startswith("outcomes: Kafka")


async def test_what_was_under_way_when_the_broker_went_is_told_once(
    own_broker: LocalKafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By one error; not by each of the messages that were never confirmed."""
    monkeypatch.setattr(kafka_client, "REQUEST_SECONDS", 3.0)
    name = await made(own_broker.bootstrap, 4)
    sent = asyncio.Event()

    async def messages() -> AsyncIterator[tuple[str, bytes | None, bytes | None]]:
        for number in range(10**9):
            yield name, b"%d" % number, b"x" * 1000
            if number == 3000:
                sent.set()

    producing = asyncio.create_task(produce(load(kafka_bootstrap_servers=own_broker.bootstrap), messages()))
    await sent.wait()
    own_broker.kill()
    try:
        with pytest.raises(Transient):
            await producing
        del producing
        gc.collect()
        await asyncio.sleep(0)
        assert [record for record in caplog.records if record.name == "asyncio"] == []
    finally:
        own_broker.start()


async def test_a_simulation_into_a_topic_that_is_not_there_says_so(own_broker: LocalKafka) -> None:
    """By its name, with the near ones."""
    name = await made(own_broker.bootstrap)
    arguments = ("simulate", "--topic", f"{name}x", "--events", "10")
    async with started(arguments, {"KAFKA_BOOTSTRAP_SERVERS": own_broker.bootstrap}, module=HASTY) as command:
        code, _, err = await command.end(None)
    assert code == 2
    assert len(err.splitlines()) == 1, err
    assert f"{name}x" in err
