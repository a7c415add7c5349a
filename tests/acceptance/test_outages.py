"""Postgres or Kafka is away: the worker waits, diverts nothing, and goes on by itself."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from consumer.engines import kafka as kafka_engine
from consumer.engines.kafka import LocalKafka
from consumer.ingest.batch import Books
from consumer.store.postgres import connect
from tests.acceptance.running import running, send, until
from tests.acceptance.test_worker import _at_least, consumed, found, settings, stream, undisturbed
from tests.postgres.writing import books

NewTopic = Callable[..., Awaitable[str]]


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker that the test may hurt."""
    if not kafka_engine.java_and_maven():
        pytest.skip("a broker of one's own needs Java and Maven")
    broker = LocalKafka(tmp_path / "kafka").start()
    yield broker
    broker.kill()


async def cut_connections(dsn: str) -> None:
    """Ends every other session of the database, as a restart or a failover does."""
    connection = await connect(dsn)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_connections_cut_again_and_again_lose_and_double_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """And good data never goes to quarantine."""
    name, told = await topic(partitions=2), stream(5000, seed=8)
    await send(kafka_bootstrap, name, told)
    async with running("worker", **settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="100")) as worker:
        for at in range(200, 4000, 400):
            await until(lambda at=at: _at_least(database, at))  # type: ignore[misc]
            await cut_connections(database)
        await until(lambda: _at_least(database, len(told)))
        code, _, err = await worker.end()
        assert code == 0, err
    connection = await connect(database)
    total = await books(connection)
    await connection.close()
    assert total == Books(total.applied, total.superseded, total.duplicate)
    assert await found(database) == await undisturbed(another_database, told)


async def test_a_database_that_is_read_only_for_a_while_is_waited_for(
    database: str, kafka_bootstrap: str, topic: NewTopic, free_port: int
) -> None:
    """Alive all the time, not ready meanwhile, and going on by itself afterwards."""
    name = await topic(partitions=1)
    probes = settings(database, kafka_bootstrap, name, OUTCOMES_HTTP_PORT=str(free_port), OUTCOMES_HTTP_HOST="127.0.0.1")
    admin = await connect(database)
    read_only = f'ALTER DATABASE "{await admin.fetchval("SELECT current_database()")}" SET default_transaction_read_only'
    async with running("worker", **probes) as worker, aiohttp.ClientSession(f"http://127.0.0.1:{free_port}") as session:

        async def answers(path: str, status: int) -> bool:
            try:
                async with session.get(path) as response:
                    return response.status == status
            except aiohttp.ClientError:
                return False

        await until(lambda: answers("/readyz", 200))
        await admin.execute(f"{read_only} = on")
        await cut_connections(database)
        await admin.close()
        await send(kafka_bootstrap, name, stream(100))
        await until(lambda: answers("/readyz", 503))
        for _ in range(10):
            assert await answers("/livez", 200)
            await asyncio.sleep(0.1)
        assert await consumed(database) == 0
        admin = await connect(database)
        await admin.execute("SET default_transaction_read_only = off")
        await admin.execute(f"{read_only} = off")
        await until(lambda: _at_least(database, 112))
        await until(lambda: answers("/readyz", 200))
        code, _, err = await worker.end()
    assert code == 0, err
    assert "25006" in err
    assert (await books(admin)).quarantined == 0
    await admin.close()


@pytest.mark.timeout(180)
async def test_a_broker_that_is_killed_and_comes_back_is_waited_for(database: str, own_broker: LocalKafka) -> None:
    """The worker goes on where it was."""
    told = stream(400, seed=9)
    await send(own_broker.bootstrap, "events", told[:200])
    async with running("worker", **settings(database, own_broker.bootstrap, "events", OUTCOMES_WATCHDOG_SECONDS="5")) as worker:
        await until(lambda: _at_least(database, 200))
        own_broker.kill()
        await asyncio.sleep(2)
        own_broker.start()
        await send(own_broker.bootstrap, "events", told[200:])
        await until(lambda: _at_least(database, len(told)), 90)
        code, _, err = await worker.end()
    assert code == 0, err


@pytest.mark.timeout(180)
async def test_a_client_of_a_broker_that_hangs_is_made_anew(database: str, own_broker: LocalKafka) -> None:
    """The watchdog looks at progress, not at the process."""
    told = stream(400, seed=10)
    await send(own_broker.bootstrap, "events", told[:200])
    async with running("worker", **settings(database, own_broker.bootstrap, "events", OUTCOMES_WATCHDOG_SECONDS="2")) as worker:
        await until(lambda: _at_least(database, 200))
        own_broker.send(signal.SIGSTOP)
        await asyncio.sleep(16)
        own_broker.send(signal.SIGCONT)
        await send(own_broker.bootstrap, "events", told[200:])
        await until(lambda: _at_least(database, len(told)), 90)
        code, _, err = await worker.end()
    assert code == 0, err
    assert "client_stuck" in err
