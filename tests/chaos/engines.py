"""Postgres on two seats, each behind a gate that can do harm, and a Kafka; all of them are one run's own."""

import asyncio
import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from consumer.engines.kafka import LocalKafka
from consumer.store.postgres import Connection, connect
from tests.acceptance.running import until
from tests.faults.cluster import LocalPostgres
from tests.faults.proxy import Proxy

SESSION_SECONDS = 3.0
"""After so long without a heartbeat a worker loses its partitions."""
_SETTINGS = {
    "max_connections": "60",
    "deadlock_timeout": "200ms",
    "max_wal_size": "2GB",
    "wal_keep_size": "512MB",
    "wal_retrieve_retry_interval": "200ms",
    # Counts only while a standby is told to be synchronous.
    "synchronous_commit": "remote_apply",
}


def steady_port() -> int:
    """A free port below those that clients are given, so that nobody takes it while its server is away."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def local_kafka(folder: Path) -> LocalKafka:
    """A broker that keeps its port, not started."""
    port, controller = steady_port(), steady_port()
    broker = LocalKafka(
        folder,
        {
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "group.min.session.timeout.ms": "500",
        },
    )
    broker.port, broker.bootstrap = port, f"127.0.0.1:{port}"
    return broker


def _stop(server: LocalPostgres, mode: str) -> None:
    """Stops a server, whose sessions come and go while each of them is told to go on."""
    while True:
        try:
            return server.stop(mode)
        except psutil.NoSuchProcess:
            continue


class Gate(Proxy):
    """A proxy on a port of its own. Closed, it refuses connections, as a machine without the server does."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.port = steady_port()

    async def open(self) -> None:
        """Takes connections."""
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Cuts all connections and refuses new ones."""
        if self._server is not None:
            await self.__aexit__()
            self._server = None


class Database:
    """One primary, on one of two seats. What a method starts in a thread lives as long as the loop's pool of threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = iter(range(1_000_000))
        self.server = LocalPostgres(self._new_folder(), _SETTINGS)
        self._ports = (steady_port(), steady_port())
        self.gates = tuple(Gate(f"postgresql://postgres@127.0.0.1:{port}/postgres") for port in self._ports)
        self._seat = 0
        self.server.port = self._ports[0]
        self._backup: LocalPostgres | None = None

    @property
    def dsn(self) -> str:
        """The primary, past the gates."""
        return self.server.dsn

    @property
    def gate(self) -> Gate:
        """The primary's."""
        return self.gates[self._seat]

    @property
    def address(self) -> str:
        """What a worker is given: both seats, and the wish for the one that takes writes."""
        hosts = ",".join(f"127.0.0.1:{gate.port}" for gate in self.gates)
        return f"postgresql://postgres@{hosts}{urlsplit(self.dsn).path}?target_session_attrs=read-write"

    def _new_folder(self) -> Path:
        return self._folder / f"postgres-{next(self._numbers)}"

    async def start(self) -> None:
        """Makes the server."""
        await asyncio.to_thread(self.server.start)
        await self.gate.open()

    async def stop(self) -> None:
        """Ends it."""
        for gate in self.gates:
            gate.flow()
            await gate.close()
        await asyncio.to_thread(_stop, self.server, "immediate")

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Connection]:
        """A connection past the gates."""
        connection = await connect(self.dsn, application="chaos")
        try:
            yield connection
        finally:
            connection.terminate()

    async def execute(self, *statements: str) -> None:
        """Runs statements past the gates, each in a transaction of its own."""
        async with self.admin() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def restart(self, mode: str, away_seconds: float) -> None:
        """Stops the server and starts it again."""
        await asyncio.to_thread(_stop, self.server, mode)
        await asyncio.sleep(away_seconds)
        await asyncio.to_thread(self.server.start)

    async def stand_by(self) -> LocalPostgres:
        """A standby on the other seat, synchronous from now on: what is committed is there too, before anybody is told."""
        standby = await asyncio.to_thread(self.server.backup, self._new_folder())
        standby.port = self._ports[1 - self._seat]
        conninfo = f"primary_conninfo = 'host=127.0.0.1 port={self.server.port} user=postgres'\n"
        with (standby.folder / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(conninfo)
        (standby.folder / "standby.signal").touch()
        await asyncio.to_thread(standby.start)
        await self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")

        async def in_step() -> bool:
            async with self.admin() as connection:
                found = await connection.fetchval("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            return bool(found)

        await until(in_step)
        await self.gates[1 - self._seat].open()
        return standby

    async def fail_over(self, standby: LocalPostgres, away_seconds: float) -> None:
        """The primary dies at once, for ever; some time later the standby becomes the primary."""
        dead = self.server
        await asyncio.to_thread(_stop, dead, "immediate")
        await self.gate.close()
        await asyncio.sleep(away_seconds)
        await asyncio.to_thread(standby.promote)
        self.server, self._seat = standby, 1 - self._seat
        await asyncio.to_thread(shutil.rmtree, dead.folder)

    async def back_up(self) -> None:
        """Keeps a copy of the database as it is now, in place of an earlier one."""
        if self._backup is not None:
            await asyncio.to_thread(shutil.rmtree, self._backup.folder)
        self._backup = await asyncio.to_thread(self.server.backup, self._new_folder())

    async def restore(self) -> None:
        """The database is as it was when the copy was made."""
        assert self._backup is not None
        lost, self.server, self._backup = self.server, self._backup, None
        await asyncio.to_thread(_stop, lost, "fast")
        self.server.port = self._ports[self._seat]
        await asyncio.to_thread(self.server.start)
        await asyncio.to_thread(shutil.rmtree, lost.folder)
