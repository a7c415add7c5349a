"""Postgres restarted, failed over, full, slow or hanging: the worker waits, diverts nothing, and goes on by itself."""

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from consumer.engines.kafka import free_port
from consumer.errors import Transient
from consumer.ingest.batch import Books
from consumer.query.verify import verify
from consumer.store import schema
from consumer.store.postgres import connect
from consumer.store.store import Store
from tests.acceptance.running import Process, running, send, until
from tests.acceptance.test_worker import found, settings, stream, undisturbed
from tests.conftest import execute, named
from tests.faults.cluster import LocalPostgres, small_file_system
from tests.faults.proxy import Cut, Proxy
from tests.postgres.writing import TOPIC, WAITING_FOR_US, batch_of, books
from tests.samples import Event, payload, result
from tests.scratch import folder

NewTopic = Callable[..., Awaitable[str]]

RECOVERY_SECONDS = 20.0
"""Longest time from the end of a short outage until all is written: one pause of the worker's, generously."""
OUTAGE_SECONDS = 0.7
_TEMPLATE = "migrated"
_READ_WRITE = "?target_session_attrs=read-write"


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """A folder for servers."""
    with folder() as path:
        yield path


@pytest.fixture(scope="module")
def server(scratch: Path) -> Iterator[LocalPostgres]:
    """A Postgres that tests may hurt, as long as it runs again when they are done."""
    postgres = LocalPostgres(scratch / "primary", {"max_connections": "20"}).start()
    try:
        asyncio.run(execute(postgres.dsn, f"CREATE DATABASE {_TEMPLATE}"))
        asyncio.run(schema.migrate(named(postgres.dsn, _TEMPLATE)))
        yield postgres
    finally:
        postgres.stop("immediate")


@contextmanager
def _fresh(server: LocalPostgres, more: str = "") -> Iterator[str]:
    name = f"test_{os.urandom(4).hex()}"
    asyncio.run(execute(server.dsn, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} {more}"))
    yield name
    asyncio.run(execute(server.dsn, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def dsn(server: LocalPostgres) -> Iterator[str]:
    """A fresh database at today's schema on the server that may be hurt."""
    with _fresh(server) as name:
        yield named(server.dsn, name)


class Watched:
    """A worker, and what its probes say all the time."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.ready = False
        self.outages: list[float] = []
        """Seconds of each time that it was not ready, after it had been."""
        self.err = ""
        self.code: int | None = None

    async def watch(self, port: int) -> None:
        """Asks both probes again and again; fails where the worker is not alive."""
        since: float | None = None
        begun = False
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=aiohttp.ClientTimeout(5)) as session:
            while True:
                await asyncio.sleep(0.03)
                try:
                    async with session.get("/readyz") as response:
                        self.ready = response.status == 200
                    async with session.get("/livez") as response:
                        assert response.status == 200
                except aiohttp.ClientConnectorError:
                    if not self.ready:
                        continue  # it is still starting
                    raise
                begun = begun or self.ready
                if begun and not self.ready and since is None:
                    since = time.monotonic()
                elif self.ready and since is not None:
                    self.outages.append(time.monotonic() - since)
                    since = None

    async def is_ready(self) -> None:
        """Returns when it is ready."""

        async def ready() -> bool:
            return self.ready

        await until(ready, RECOVERY_SECONDS)

    async def is_waiting(self) -> None:
        """Returns when it is not ready."""

        async def waiting() -> bool:
            return not self.ready

        await until(waiting, RECOVERY_SECONDS)

    def said(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of this kind, once it has ended."""
        return [line for line in map(json.loads, self.err.splitlines()) if line["event"] == event]

    def waited_for(self) -> str:
        """Its sentences about Postgres."""
        return "\n".join(line["error"] for line in self.said("waiting") if line["system"] == "postgres")


class Place:
    """A topic with a stream that comes in parts, and the database that it goes into."""

    def __init__(self, dsn: str, bootstrap: str, topic: str, told: list[Event]) -> None:
        self.dsn = dsn
        self._bootstrap = bootstrap
        self._topic = topic
        self.told = told
        self.sent = 0

    @property
    def database(self) -> str:
        """The database's name."""
        return self.dsn.rsplit("/", 1)[1]

    async def send(self, count: int | None = None) -> None:
        """Sends the next events; without a number all that are left."""
        part = self.told[self.sent :][:count]
        await send(self._bootstrap, self._topic, part)
        self.sent += len(part)

    async def written(self, seconds: float = RECOVERY_SECONDS) -> float:
        """Returns when all that was sent is in the books; how many seconds that took."""
        begun = time.monotonic()

        async def all_there() -> bool:
            with suppress(Transient):
                return await self.consumed() >= self.sent
            return False

        await until(all_there, seconds)
        return time.monotonic() - begun

    async def consumed(self) -> int:
        """Events in the books."""
        connection = await connect(self.dsn)
        try:
            return (await books(connection)).consumed
        finally:
            await connection.close()

    @asynccontextmanager
    async def worker(self, dsn: str | None = None, **more: str) -> AsyncIterator[Watched]:
        """A worker that is ready; at the end it is stopped, and must have been alive all the time and have told no secrets."""
        port = free_port()
        probes = {"OUTCOMES_HTTP_PORT": str(port), "OUTCOMES_HTTP_HOST": "127.0.0.1", "OUTCOMES_BATCH_SIZE": "50"}
        async with running("worker", **settings(dsn or self.dsn, self._bootstrap, self._topic, **(probes | more))) as process:
            watched = Watched(process)
            watching = asyncio.create_task(watched.watch(port))
            try:
                await watched.is_ready()
                yield watched
                await watched.is_ready()
            finally:
                died = watching.done()
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
                watched.code, _, watched.err = await process.end()
                print(watched.err)  # pytest shows it where the test fails
            assert not died
        assert watched.code == 0, watched.err
        body = payload("learning_outcome_result_updated")["body"]
        for content in (body["user_uuid"], body["result_context_uuid"], "RubricAssessment", "INSERT INTO"):
            assert content not in watched.err

    async def holds(self, another_dsn: str, dsn: str | None = None) -> None:
        """The projection equals that of an undisturbed run, the books are exact, and nothing is in quarantine."""
        connection = await connect(dsn or self.dsn)
        try:
            proof = await verify(connection)
            assert proof.holds, [check for check in proof.checks if check.failures]
            total = await books(connection)
        finally:
            await connection.close()
        assert total.consumed == self.sent == len(self.told)
        assert total.quarantined == 0
        assert await found(dsn or self.dsn) == await undisturbed(another_dsn, self.told)


@pytest.fixture
async def place(dsn: str, kafka_bootstrap: str, topic: NewTopic) -> Place:
    """A stream of a few hundred events."""
    return Place(dsn, kafka_bootstrap, await topic(partitions=2), stream(400, seed=random.randrange(10**6)))


async def _cut_sessions(dsn: str) -> None:
    """Ends every other session of the database."""
    connection = await connect(dsn)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_is_waited_for(mode: str, place: Place, server: LocalPostgres, another_database: str) -> None:
    """Whether Postgres ends its sessions in good order or at once, as in a crash."""
    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        server.stop(mode)
        await place.send(200)
        await worker.is_waiting()
        await asyncio.sleep(OUTAGE_SECONDS)
        server.start()
        seconds = await place.written()
        await worker.is_ready()
        await place.send()
        await place.written()
    print(f"all written {seconds:.2f} s after the restart, not ready for {worker.outages}")
    assert worker.outages
    assert "ConnectionRefusedError" in worker.waited_for()
    await place.holds(another_database)


@pytest.mark.parametrize("lost", [0, 100])
async def test_a_failover_to_a_streaming_standby_is_followed(
    lost: int, place: Place, server: LocalPostgres, scratch: Path, another_database: str
) -> None:
    """An asynchronous standby that lacks the newest events gets them again, although nothing new comes in."""
    standby = server.standby(scratch / f"standby{lost}")
    old, new = place.dsn, place.dsn.replace(f":{server.port}", f":{standby.port}")
    both = place.dsn.replace(f":{server.port}", f":{server.port},127.0.0.1:{standby.port}") + _READ_WRITE
    try:
        async with place.worker(both) as worker:
            await place.send(100)
            await place.written()
            await _caught_up(old, new)
            if lost:
                await execute(standby.dsn, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
                await until(lambda: _value(standby.dsn, "SELECT count(*) = 0 FROM pg_stat_wal_receiver"))
                await place.send(lost)
                await place.written()
            server.stop("immediate")
            with pytest.raises(Transient):
                await connect(new + _READ_WRITE)
            if not lost:
                await place.send(100)
                await worker.is_waiting()
                await asyncio.sleep(OUTAGE_SECONDS)
            place.dsn = new
            assert await place.consumed() == 100
            standby.promote()
            seconds = await place.written()
            await worker.is_ready()
            await place.send()
            await place.written()
        print(f"all written {seconds:.2f} s after the promotion, not ready for {worker.outages}")
        assert bool(worker.said("partition_lost")) == bool(lost)
        await place.holds(another_database)
    finally:
        standby.stop("immediate")
        server.restart()


async def _value(dsn: str, query: str, *arguments: object) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def _caught_up(primary: str, standby: str) -> None:
    at = await _value(primary, "SELECT pg_current_wal_lsn()::text")
    await until(lambda: _value(standby, "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", at))


async def test_a_database_set_back_to_yesterdays_backup_is_read_again_into(
    place: Place, server: LocalPostgres, scratch: Path, another_database: str
) -> None:
    """By the same worker process, although nothing new comes in."""
    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        yesterday = server.backup(scratch / "yesterday")
        yesterday.port = server.port
        await place.send(200)
        await place.written()
        server.stop()
        try:
            yesterday.start()
            assert await place.consumed() == 100
            seconds = await place.written()
            await worker.is_ready()
            await place.send()
            await place.written()
            print(f"all written again {seconds:.2f} s after the restore")
            assert worker.code is None
            await place.holds(another_database)
        finally:
            yesterday.stop("immediate")
            server.start()
    assert worker.said("partition_lost")


async def test_a_database_that_is_read_only_for_a_while_is_waited_for(
    place: Place, server: LocalPostgres, another_database: str
) -> None:
    """As during a failover or a migration."""
    read_only = f"ALTER DATABASE {place.database} SET default_transaction_read_only"
    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        await execute(server.dsn, f"{read_only} = on")
        await _cut_sessions(place.dsn)
        await place.send(100)
        await worker.is_waiting()
        await asyncio.sleep(OUTAGE_SECONDS)
        assert await place.consumed() == 100
        await execute(server.dsn, f"{read_only} = off")
        await place.written()
        await place.send()
        await place.written()
    assert "25006" in worker.waited_for()
    await place.holds(another_database)


async def test_connections_cut_again_and_again_lose_and_double_nothing(place: Place, another_database: str) -> None:
    """Each time in the middle of a batch."""
    async with place.worker() as worker:
        for _ in range(8):
            await place.send(50)
            await asyncio.sleep(random.uniform(0, 0.1))
            await _cut_sessions(place.dsn)
        await place.send()
        await place.written()
    assert worker.waited_for()
    await place.holds(another_database)


async def test_a_server_without_a_free_connection_is_waited_for(
    place: Place, server: LocalPostgres, another_database: str
) -> None:
    """A rival has them all."""
    rivals: list[Any] = []

    async def take_all() -> None:
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                rivals.append(await asyncpg.connect(server.dsn))

    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        await take_all()
        await rivals[0].execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", place.database
        )
        await take_all()
        await place.send(100)
        await worker.is_waiting()
        await asyncio.sleep(OUTAGE_SECONDS)
        for rival in rivals:
            await rival.close()
        await place.written()
        await place.send()
        await place.written()
    assert "53300" in worker.waited_for()
    await place.holds(another_database)


@pytest.mark.parametrize("cut", ["before_commit", "after_commit"])
async def test_a_connection_cut_during_commit_loses_and_doubles_nothing(cut: Cut, place: Place, another_database: str) -> None:
    """Before the server has seen it, or after it is done and before the worker hears of it; each batch is counted once."""
    async with Proxy(place.dsn) as proxy, place.worker(proxy.dsn) as worker:
        for _ in range(3):
            proxy.cut_at = cut
            await place.send(100)
            await place.written()
        await until(lambda: _is(proxy.cut_at is None))
        await place.send()
        await place.written()
    assert proxy.cuts == 3
    assert worker.waited_for()
    assert sum(line["events"] for line in worker.said("batch")) == len(place.told)
    await place.holds(another_database)


async def _is(value: bool) -> bool:
    return value


async def test_a_connection_cut_after_any_byte_loses_and_doubles_nothing(place: Place, another_database: str) -> None:
    """While connecting, in the middle of a statement, of its rows, of COMMIT."""
    chance = random.Random()
    cuts = [chance.randrange(1, 50_000) if number % 2 else chance.randrange(1, 700) for number in range(10)]
    async with Proxy(place.dsn) as proxy, place.worker(proxy.dsn) as worker:
        for number, after in enumerate(cuts):
            proxy.cut_after_bytes = after
            if number % 2 == 0:
                proxy.cut()  # so that the count begins with the connecting, which is some 500 bytes long
            await place.send(40)
            await place.written()
        await place.send()
        await place.written()
    print(f"cut after {cuts} bytes, {proxy.cuts} times")
    assert proxy.cuts > 1
    assert worker.waited_for()
    await place.holds(another_database)


@pytest.mark.parametrize("attributes", ["", _READ_WRITE], ids=["one_host", "read_write"])
async def test_a_connection_cut_at_any_byte_of_connecting_is_an_outage_and_nothing_else(attributes: str, dsn: str) -> None:
    """Up to the comparison of the schema, which comes first on each new connection."""
    met: set[str] = set()
    async with Proxy(dsn) as proxy:
        for after in range(1, 700, 6):
            proxy.cut_after_bytes = after
            store = Store(proxy.dsn + attributes, statement_seconds=10)
            try:
                await store.check()
            except Transient as error:
                met.add(str(error))
            await store.close()
        proxy.cut_after_bytes = None
    assert any("closed in the middle of operation" in sentence for sentence in met), met
    assert proxy.cuts > 50


async def test_a_deadlock_with_a_rival_is_tried_again(place: Place, another_database: str) -> None:
    """Postgres shoots the worker's transaction; nothing of it stays."""
    rival = await connect(place.dsn)
    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        await rival.execute("SET deadlock_timeout = '10min'")  # so that the worker finds it, and is the one that is shot
        async with rival.transaction():
            await rival.execute("SELECT FROM stream_position FOR UPDATE")
            await place.send(100)
            await until(lambda: rival.fetchval(WAITING_FOR_US))
            await rival.execute("LOCK TABLE learning_outcome_result_version IN ACCESS EXCLUSIVE MODE")
        await place.written()
        await place.send()
        await place.written()
    await rival.close()
    assert "40P01" in worker.waited_for()
    await place.holds(another_database)


async def test_a_timeout_of_the_database_is_not_the_workers(place: Place, server: LocalPostgres, another_database: str) -> None:
    """A rival holds a table for longer than the database's administrator lets others wait: the worker has its own patience."""
    timeouts = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
    await execute(server.dsn, *(f"ALTER DATABASE {place.database} SET {name} = '300ms'" for name in timeouts))
    rival = await connect(place.dsn)
    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        async with rival.transaction():
            await rival.execute("LOCK TABLE learning_outcome_result_version IN ACCESS EXCLUSIVE MODE")
            await place.send(100)
            await until(lambda: _value(server.dsn, _WAITING_FOR_A_LOCK, place.database))
            await asyncio.sleep(OUTAGE_SECONDS)
        await place.written()
        await place.send()
        await place.written()
    await rival.close()
    await execute(server.dsn, f"ALTER DATABASE {place.database} RESET ALL")
    assert not worker.waited_for()
    await place.holds(another_database)


async def test_a_statement_that_an_administrator_cancels_is_tried_again(
    place: Place, server: LocalPostgres, another_database: str
) -> None:
    """While it waits for a rival's lock, for instance."""
    rival = await connect(place.dsn)
    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        async with rival.transaction():
            await rival.execute("LOCK TABLE learning_outcome_result_version IN ACCESS EXCLUSIVE MODE")
            await place.send(100)
            await until(lambda: _value(server.dsn, _WAITING_FOR_A_LOCK, place.database))
            await execute(
                server.dsn,
                f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = '{place.database}' "
                "AND wait_event_type = 'Lock'",
            )
            await worker.is_waiting()
        await place.written()
        await place.send()
        await place.written()
    await rival.close()
    assert "57014" in worker.waited_for()
    await place.holds(another_database)


_WAITING_FOR_A_LOCK = """
SELECT EXISTS (SELECT FROM pg_stat_activity
                WHERE datname = $1 AND wait_event_type = 'Lock' AND application_name = 'outcomes')
"""


async def test_a_database_that_takes_no_connections_is_waited_for(
    place: Place, server: LocalPostgres, another_database: str
) -> None:
    """As while its administrator works on it (55000)."""
    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        await execute(server.dsn, f"ALTER DATABASE {place.database} ALLOW_CONNECTIONS false")
        await execute(server.dsn, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place.database}'")
        await place.send(100)
        await worker.is_waiting()
        await asyncio.sleep(OUTAGE_SECONDS)
        await execute(server.dsn, f"ALTER DATABASE {place.database} ALLOW_CONNECTIONS true")
        await place.written()
        await place.send()
        await place.written()
    assert "55000" in worker.waited_for()
    await place.holds(another_database)


async def test_what_the_database_refused_is_known_also_where_the_answer_to_commit_is_lost(dsn: str) -> None:
    """The batch was written, and what it set aside is told as if nothing had been."""
    await execute(dsn, "ALTER TABLE outcomes.learning_outcome_result_version ADD CONSTRAINT no_seven CHECK (id <> 7)")
    async with Proxy(dsn) as proxy:
        store = Store(proxy.dsn, statement_seconds=10)
        await store.open_position(TOPIC, 0)
        batch = batch_of([result(6), result(7), b"{"])
        proxy.cut_at = "after_commit"
        with pytest.raises(Transient):
            await store.write(batch)
        assert await store.write(batch) == {TOPIC: Books(applied=1, quarantined=2)}
        assert sorted(one.reason for one in store.rejected) == ["not_json", "refused_by_database"]
        await store.close()


@pytest.fixture
def small(scratch: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    try:
        with small_file_system(scratch / "small", 64) as path:
            yield path
    except OSError as error:
        pytest.skip(str(error))


def _fill(path: Path) -> None:
    """Writes a file until nothing more fits."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\x00" * 4096)


async def test_a_full_disk_is_waited_for(
    small: Path, server: LocalPostgres, kafka_bootstrap: str, topic: NewTopic, another_database: str
) -> None:
    """A rival fills it; nothing is lost, and once there is room the worker goes on by itself."""
    space = small / "space"
    server.own(space)
    await execute(server.dsn, f"CREATE TABLESPACE small LOCATION '{space}'")
    await execute(server.dsn, f"CREATE DATABASE test_small TEMPLATE {_TEMPLATE} TABLESPACE small")
    place = Place(named(server.dsn, "test_small"), kafka_bootstrap, await topic(partitions=2), stream(400, seed=31))
    async with place.worker() as worker:
        await place.send(100)
        await place.written()
        _fill(small / "rival")
        await place.send(200)
        await worker.is_waiting()
        await asyncio.sleep(OUTAGE_SECONDS)
        assert await place.consumed() < place.sent
        (small / "rival").unlink()
        seconds = await place.written()
        await place.send()
        await place.written()
    print(f"all written {seconds:.2f} s after there was room, not ready for {worker.outages}")
    assert "53100" in worker.waited_for()
    await place.holds(another_database)
    await execute(server.dsn, "DROP DATABASE test_small WITH (FORCE)", "DROP TABLESPACE small")


async def test_a_slow_database_costs_neither_memory_nor_membership(place: Place, another_database: str) -> None:
    """More than ten times slower, and megabytes to read: it goes on at that pace, and holds no more than a batch or two."""
    padding = [
        {"metadata": {"event_name": "padding", "event_time": "2025-03-20T12:00:00Z"}, "body": {"pad": "x" * 10_000}}
    ] * 4000
    lean = {"OUTCOMES_BATCH_SIZE": "100", "OUTCOMES_KAFKA_FETCH_BYTES": "500000"}
    async with Proxy(place.dsn) as proxy, place.worker(proxy.dsn, **lean) as worker:
        memory = psutil.Process(worker.process.pid).memory_info
        await place.send(100)
        await place.written()
        proxy.seconds_per_chunk = 0.1
        before = memory().rss
        place.told[100:100] = padding
        await place.send()
        most, paces = 0, []
        for _ in range(3):
            at, end = await place.consumed(), time.monotonic() + 3.0
            while time.monotonic() < end:
                most = max(most, memory().rss - before)
                await asyncio.sleep(0.05)
            paces.append(await place.consumed() - at)
        proxy.seconds_per_chunk = 0.0
        await place.written()
    seconds = [line["seconds"] for line in worker.said("batch")]
    print(f"grew by {most / 1e6:.1f} MB, {paces} events in each 3 s, batches of {min(seconds)} to {max(seconds)} s")
    assert most < 20e6
    assert all(paces)
    assert max(seconds) > 10 * min(seconds)
    assert len(worker.said("partitions_assigned")) == 1
    assert not worker.said("waiting")
    assert not worker.outages
    await place.holds(another_database)


async def test_a_database_that_hangs_is_given_up_and_waited_for(place: Place, another_database: str) -> None:
    """In the middle of many rows, without a word and without closing the connection."""
    place.told = [*place.told[:100], *(fat | {"body": fat["body"] | {"pad": "x" * 40_000}} for fat in place.told[100:])]
    patience = {
        "OUTCOMES_STATEMENT_SECONDS": "2",
        "OUTCOMES_BATCH_SIZE": "5000",
        "OUTCOMES_KAFKA_FETCH_BYTES": "33554432",  # so that a batch is more than the kernel's buffers hold
    }
    async with Proxy(place.dsn) as proxy, place.worker(proxy.dsn, **patience) as worker:
        await place.send(100)
        await place.written()
        rival = await connect(place.dsn)
        async with rival.transaction():
            await rival.execute("LOCK TABLE learning_outcome_result_version IN ACCESS EXCLUSIVE MODE")
            await place.send(5)
            await place.send()  # while the writer waits, this becomes one batch
            await asyncio.sleep(1)
            proxy.hang_after_bytes = 2_000_000
        await rival.close()
        await until(lambda: _is(proxy.hanging))
        begun = time.monotonic()
        await worker.is_waiting()
        noticed = time.monotonic() - begun
        await asyncio.sleep(OUTAGE_SECONDS)
        proxy.flow()
        seconds = await place.written()
    print(f"given up after {noticed:.2f} s, all written {seconds:.2f} s after it went on")
    assert noticed < 10
    assert "Postgres does not answer in time" in worker.waited_for()
    await place.holds(another_database)
