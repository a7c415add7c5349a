"""What was read is written: when the worker is told to stop, and before its partitions go to somebody else."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import CorruptRecordException

from consumer.app import connected, signals
from consumer.environment import load
from consumer.errors import Transient
from consumer.ingest.batch import Books, Partition
from consumer.sources.kafka import KafkaSource
from consumer.store.store import Store
from consumer.worker import outages
from consumer.worker.metrics import Metrics
from consumer.worker.partitions import Owned, Partitions, Phase
from consumer.worker.until_end import UntilEnd
from consumer.worker.worker import Worker
from tests.acceptance.running import running, send, until
from tests.acceptance.test_worker import _at_least, consumed, settings
from tests.postgres.test_guards import connections
from tests.postgres.writing import waiting_for_locks
from tests.samples import Event, result

NewTopic = Callable[..., Awaitable[str]]

MOMENT = 0.5
"""Seconds in which what does not wait would have ended."""


def array(*events: Event) -> bytes:
    """One record that holds several: it is read whole."""
    return json.dumps(events).encode()


@asynccontextmanager
async def versions_locked(dsn: str) -> AsyncIterator[tuple[Callable[[], Awaitable[bool]], Callable[[], Awaitable[None]]]]:
    """Nobody can write results. Gives (whether somebody is stopped by it, what ends it)."""
    async with connections(dsn, 2) as (holder, watching):
        holding = holder.transaction()
        await holding.start()
        await holder.execute("LOCK TABLE learning_outcome_result_version IN ACCESS EXCLUSIVE MODE")

        async def stopped() -> bool:
            return await waiting_for_locks(watching) == 1

        yield stopped, holding.rollback


@dataclass(frozen=True, slots=True)
class Working:
    """A worker in this process, of which a test may see how far it has read."""

    worker: Worker
    run: asyncio.Task[None]

    @property
    def partitions(self) -> Partitions:
        """What is its own."""
        return self.worker._partitions

    def read(self, partition: Partition) -> Owned | None:
        """How far a partition has been read and written; None where it has not begun."""
        return self.partitions.lease.of(Phase.READING).get(partition)

    async def has_read(self, partition: Partition, position: int) -> None:
        """Returns when the next record to be fetched is this."""

        async def there() -> bool:
            it = self.read(partition)
            return it is not None and it.read_to == position

        await until(there)

    async def still_runs(self) -> bool:
        """A moment later."""
        await asyncio.wait({self.run}, timeout=MOMENT)
        return not self.run.done()

    def metric(self, name: str, **labels: str) -> float | None:
        """A number of `/metrics`; None where it is not shown."""
        return self.worker._metrics.registry.get_sample_value(f"outcomes_{name}", labels)


@asynccontextmanager
async def working(dsn: str, bootstrap: str, topic: str, **more: Any) -> AsyncIterator[Working]:
    """Runs it, with the signals it has as a command."""
    own = load(kafka_bootstrap_servers=bootstrap, topic=topic, group_id=topic, kafka_session_timeout_seconds=6, **more)
    worker = Worker(own, Store(dsn, statement_seconds=own.statement_seconds), Metrics())
    with signals(worker.stop):
        run = asyncio.create_task(worker.run())
        try:
            yield Working(worker, run)
        except BaseException:
            run.cancel()  # a drain would wait for the lock that the failed test still holds
            raise
        finally:
            worker.stop()
            await asyncio.gather(run, return_exceptions=True)


async def test_sigterm_writes_all_that_was_read(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """The batch that is being written, and the one that was read meanwhile and is not full yet."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [result(1), result(2)])
    async with versions_locked(database) as (stopped, unlock), working(database, kafka_bootstrap, name) as it:
        await until(stopped)
        await send(kafka_bootstrap, name, [result(3), b"{", result(4)])
        await it.has_read(Partition(name, 0), 5)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await it.still_runs()
        await unlock()
        await asyncio.wait({it.run}, timeout=20)
        assert it.run.done()
        assert it.run.exception() is None
        assert it.worker.books == Books(applied=4, quarantined=1)
    assert await consumed(database) == 5


async def test_partitions_are_given_up_only_when_what_is_being_written_is_written(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """So the next owner begins behind it, and not beside it. What was only read is forgotten."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [array(result(1), result(2))])
    async with versions_locked(database) as (stopped, unlock), working(database, kafka_bootstrap, name) as it:
        await until(stopped)
        await send(kafka_bootstrap, name, [result(3)])
        await it.has_read(Partition(name, 0), 2)
        revoking = asyncio.create_task(it.partitions.revoked({Partition(name, 0)}))
        await asyncio.wait({revoking}, timeout=MOMENT)
        assert not revoking.done()
        await unlock()
        await revoking
        assert await consumed(database) == 2
    assert await consumed(database) == 2


async def test_a_worker_leaves_its_group_also_where_kafka_takes_no_offsets(
    database: str, kafka_bootstrap: str, topic: NewTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the others would wait for its session to end. While it owns nothing, its gauge says so."""
    name = await topic(partitions=2)
    async with working(database, kafka_bootstrap, name) as it:
        await it.has_read(Partition(name, 1), 0)
        owned = it.worker._metrics.partitions
        assert owned._value.get() == 2
        await it.partitions.revoked({Partition(name, 0), Partition(name, 1)})
        assert owned._value.get() == 0

        async def refuse(_: object) -> None:
            raise Transient("the group has moved on")

        left, stop = asyncio.Event(), it.partitions.source.stop

        async def leave() -> None:
            left.set()
            await stop()

        monkeypatch.setattr(it.partitions.source, "commit", refuse)
        monkeypatch.setattr(it.partitions.source, "stop", leave)
        it.worker.stop()
        await asyncio.wait({it.run}, timeout=20)
        assert left.is_set()
        assert it.run.exception() is None


@pytest.mark.parametrize("failing", [{1}, {2}, {1, 2, 3}])
async def test_what_a_failing_fetch_had_in_hand_is_fetched_again(
    database: str, kafka_bootstrap: str, topic: NewTopic, monkeypatch: pytest.MonkeyPatch, failing: set[int]
) -> None:
    """The client has passed it by then, and it is neither passed over nor, where some was decoded already, forgotten."""
    original, told = Fetcher.fetched_records, 0

    async def fetched_records(self: Fetcher, *arguments: object, **named: object) -> object:
        nonlocal told
        drained = await original(self, *arguments, **named)
        told += bool(drained)
        if drained and told in failing:
            raise CorruptRecordException("of another partition")
        return drained

    name = await topic(partitions=2)
    await send(kafka_bootstrap, name, [result(id_) for id_ in range(1, 601)])
    monkeypatch.setattr(Fetcher, "fetched_records", fetched_records)
    async with working(database, kafka_bootstrap, name):

        async def all_there() -> bool:
            return await consumed(database) == 600

        await until(all_there, 30)
    assert told > max(failing)


async def test_until_the_end_is_not_reached_by_owning_nothing(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """While the group hands out partitions anew, what is left of them is not known to be read."""
    name = await topic(partitions=1)
    async with working(database, kafka_bootstrap, name) as it:
        await it.has_read(Partition(name, 0), 0)
        until_end = UntilEnd(it.worker._settings, it.worker._store, it.partitions, it.worker._outages)
        until_end.ends = {Partition(name, 0): 5}
        await it.partitions.revoked({Partition(name, 0)})
        await until_end.check()
        assert not it.worker._outages.stopping.is_set()


async def test_who_waits_for_a_leader_takes_what_the_group_hands_out_meanwhile(
    database: str, kafka_bootstrap: str, topic: NewTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition that nobody leads must not keep those from being read that come after it."""
    name = await topic(partitions=2)
    await send(kafka_bootstrap, name, [result(id_) for id_ in range(1, 41)])
    first, second = Partition(name, 0), Partition(name, 1)
    asked, original = asyncio.Event(), KafkaSource.bounds

    async def bounds(self: KafkaSource, partitions: Iterable[Partition], seconds: float | None = None) -> object:
        wanted = set(partitions)
        if wanted == {second}:
            asked.set()
            raise Transient("no leader")
        return await original(self, wanted, seconds)

    async with working(database, kafka_bootstrap, name) as it:

        async def reads_the_first() -> bool:
            begun = it.read(first)
            return begun is not None and begun.read_to > 0

        await until(reads_the_first)
        monkeypatch.setattr(KafkaSource, "bounds", bounds)
        await it.partitions.revoked({first, second})
        it.partitions.assigned({second})
        await asked.wait()
        await it.partitions.revoked({second})
        it.partitions.assigned({first, second})
        await until(reads_the_first)


async def test_signals_are_what_they_were_when_a_loop_has_ended() -> None:
    """A command's own handlers, and what it was told to ignore."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        signal.signal(signal.SIGTERM, handler := lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with signals(lambda: None):
            assert signal.getsignal(signal.SIGTERM) is not handler
        assert signal.getsignal(signal.SIGTERM) is handler
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        for number, found in before.items():
            signal.signal(number, found)


async def test_a_command_that_is_told_to_stop_while_it_writes_ends_with_zero(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Once the batch is written, whose books it prints."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [array(result(1), result(2), result(3))])
    async with (
        versions_locked(database) as (stopped, unlock),
        running("worker", "--json", **settings(database, kafka_bootstrap, name)) as worker,
    ):
        await until(stopped)
        worker.send(signal.SIGTERM)
        await asyncio.sleep(MOMENT)
        await unlock()
        code, out, err = await worker.end(None)
    assert code == 0, err
    assert json.loads(out)["applied"] == 3
    assert await consumed(database) == 3


async def test_lag_grows_while_postgres_takes_no_batch(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """The client itself learns of no new end then: it has fetched what it may."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [result(1)])
    async with (
        versions_locked(database) as (stopped, unlock),
        working(database, kafka_bootstrap, name, batch_size=10, watchdog_seconds=4) as it,
    ):
        await until(stopped)
        await send(kafka_bootstrap, name, [result(number) for number in range(2, 22)])
        await it.has_read(Partition(name, 0), 11)
        await asyncio.sleep(MOMENT)
        await send(kafka_bootstrap, name, [result(number) for number in range(22, 101)])

        async def shown() -> bool:
            return it.metric("lag_records", topic=name, partition="0") == 100

        await until(shown, 10)
        await unlock()
        await until(lambda: _at_least(database, 100))
    assert it.metric("client_rebuilds_total") == 0


async def test_a_partition_that_gives_nothing_beside_one_that_does_means_a_stuck_client(
    database: str, kafka_bootstrap: str, topic: NewTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made anew, once; its lag is shown until then."""
    name, told = await topic(partitions=2), [result(number) for number in range(1, 101)]
    fetch, stuck = KafkaSource.fetch, list[KafkaSource]()

    async def without_the_second(source: KafkaSource, *arguments: Any) -> Any:
        if source in stuck:
            source._consumer.pause(TopicPartition(name, 1))
        return await fetch(source, *arguments)

    monkeypatch.setattr(KafkaSource, "fetch", without_the_second)
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer:
        async with working(database, kafka_bootstrap, name, watchdog_seconds=3) as it:
            await it.has_read(Partition(name, 1), 0)
            stuck.append(it.partitions.source)
            await asyncio.sleep(MOMENT)
            for value in told:
                await producer.send_and_wait(name, array(value), partition=1)
            lags = set()

            async def written() -> bool:
                await producer.send_and_wait(name, array(told[0]), partition=0)
                lags.add(it.metric("lag_records", topic=name, partition="1"))
                second = it.read(Partition(name, 1))
                return second is not None and second.written_to == len(told)

            await until(written, 30)
        assert len(told) in lags
        assert it.metric("client_rebuilds_total") == 1


async def test_a_worker_that_lost_its_partitions_in_an_outage_no_longer_pauses(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """The outage is of no concern to a spare one, which would not see its end."""
    name = await topic(partitions=1)
    async with working(database, kafka_bootstrap, name) as it:
        await it.has_read(Partition(name, 0), 0)
        it.worker._outages.report("postgres")(Transient("away"), 0)
        assert (it.metric("paused"), it.worker.health.waiting_for) == (1, "postgres")
        await it.partitions.revoked({Partition(name, 0)})
        it.partitions.assigned(set())
        assert (it.metric("paused"), it.worker.health.waiting_for) == (0, None)


async def test_a_worker_that_postgres_keeps_waiting_is_alive(
    database: str, kafka_bootstrap: str, topic: NewTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as OUTCOMES_STATEMENT_SECONDS allows, which may be longer than a loop may stand still."""
    monkeypatch.setattr(outages, "STUCK_SECONDS", 1.5)
    name = await topic(partitions=1)
    async with connections(database, 2) as (holder, watching), holder.transaction():
        await holder.execute("LOCK TABLE stream_position IN ACCESS EXCLUSIVE MODE")
        async with working(database, kafka_bootstrap, name) as it:

            async def asking() -> bool:
                return await waiting_for_locks(watching) == 1

            await until(asking)
            await asyncio.sleep(2.5)
            assert it.worker.health.alive()
            it.worker.stop()
            await it.run


async def test_what_the_database_refused_is_counted_by_its_reason(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """Beside what could not be understood."""
    name = await topic(partitions=1)
    async with connected(database) as connection:
        await connection.execute("ALTER TABLE learning_outcome_result_version ADD CONSTRAINT no_seven CHECK (id <> 7)")
    await send(kafka_bootstrap, name, [*(result(number) for number in range(1, 11)), b"{"])
    async with working(database, kafka_bootstrap, name) as it:

        async def counted() -> bool:
            return it.metric("events_total", outcome="quarantined") == 2

        await until(counted)
        assert it.metric("quarantined_total", reason="refused_by_database") == 1
        assert it.metric("quarantined_total", reason="not_json") == 1
