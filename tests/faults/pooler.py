"""A connection pooler: PgBouncer where it is installed, and a small one of our own that is always there."""

import asyncio
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from consumer.engines import reaper
from consumer.engines.kafka import free_port
from tests.faults.cluster import LocalPostgres

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
TAKEN = ("user", "database", "client_encoding", "application_name")
"""Start-up parameters that no pooler minds."""

_NO_TLS = (80877103, 80877104)
_VERSION = 196608
_Message = tuple[bytes, bytes]


def message(kind: bytes, body: bytes) -> bytes:
    """As it goes over the wire."""
    return kind + struct.pack("!I", len(body) + 4) + body


def refusal(sentence: str, code: str = "08P01") -> bytes:
    """What ends a session."""
    fields = {b"S": "FATAL", b"V": "FATAL", b"C": code, b"M": sentence}
    return message(b"E", b"".join(name + value.encode() + b"\0" for name, value in fields.items()) + b"\0")


async def startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, str]:
    """What a client says first, once it has heard that there is no TLS."""
    while True:
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        body = await reader.readexactly(length - 4)
        (code,) = struct.unpack("!I", body[:4])
        if code not in _NO_TLS:
            words = body[4:].rstrip(b"\0").split(b"\0")
            return {name.decode(): value.decode() for name, value in zip(words[::2], words[1::2], strict=False)}
        writer.write(b"N")


async def heard(reader: asyncio.StreamReader) -> _Message:
    """The next message."""
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


class _Session:
    """One of the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.greeting = b""

    @classmethod
    async def begun(cls, port: int, user: str, database: str) -> "_Session":
        session = cls(*await asyncio.open_connection("127.0.0.1", port))
        words = ("user", user, "database", database, "client_encoding", "utf-8")
        body = struct.pack("!I", _VERSION) + b"".join(word.encode() + b"\0" for word in words) + b"\0"
        session.writer.write(struct.pack("!I", len(body) + 4) + body)
        while (told := await heard(session.reader))[0] != b"Z":
            if told[0] == b"E":
                raise ConnectionError(told[1].decode())
            if told[0] == b"S":
                session.greeting += message(*told)
        return session


class Pooler:
    """Hands the server's sessions to and fro: for a transaction each, or, in session mode, for as long as a client stays."""

    def __init__(self, server_port: int, *, transactions: bool) -> None:
        self._server_port = server_port
        self._transactions = transactions
        self._idle: list[_Session] = []
        self._clients: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Its port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for client in self._clients:
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)
            for session in self._idle:
                session.writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await self._talk(reader, writer)
        writer.close()
        self._clients.discard(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await startup(reader, writer)
        if refused := [name for name in asked if name not in TAKEN]:
            writer.write(refusal(f"unsupported startup parameter: {refused[0]}"))
            return
        session = await _Session.begun(self._server_port, asked["user"], asked["database"])
        made_up = struct.pack("!II", 4_000_000 + id(writer) % 1_000_000, 1)
        writer.write(message(b"R", bytes(4)) + session.greeting + message(b"K", made_up) + message(b"Z", b"I"))
        if self._transactions:
            self._idle.append(session)
            await _Shared(self._idle, writer).serve(reader)
            return
        pumps = [asyncio.ensure_future(_pump(reader, session.writer)), asyncio.ensure_future(_pump(session.reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            session.writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


class _Shared:
    """A client in transaction mode."""

    def __init__(self, idle: list[_Session], client: asyncio.StreamWriter) -> None:
        self._idle = idle
        self._client = client
        self._held: _Session | None = None
        self._awaited = 0
        """Times that the server still has to say that it is ready."""
        self._answering: asyncio.Task[None] | None = None

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the client leaves."""
        try:
            while (told := await heard(reader))[0] != b"X":
                if self._held is None:
                    self._held = self._idle.pop()
                    self._answering = asyncio.ensure_future(self._answer(self._held))
                self._awaited += told[0] in b"QS"
                self._held.writer.write(message(*told))
        finally:
            if self._answering is not None:
                self._answering.cancel()
            if self._held is not None:
                self._held.writer.close()

    async def _answer(self, session: _Session) -> None:
        while True:
            kind, body = await heard(session.reader)
            self._client.write(message(kind, body))
            self._awaited -= kind == b"Z"
            if kind == b"Z" and body == b"I" and not self._awaited:
                self._held = None
                self._idle.append(session)
                return


@contextmanager
def pgbouncer(server: LocalPostgres, mode: str, place: Path, **more: str) -> Iterator[int]:
    """The real one, in front of a server; its port."""
    assert PGBOUNCER is not None
    port = free_port()
    place.mkdir(parents=True)
    place.chmod(0o755)
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "auth_type": "trust",
        "auth_file": str(place / "users"),
        "unix_socket_dir": "",
        "pool_mode": mode,
    }
    lines = [f"{name} = {value}" for name, value in (settings | more).items()]
    database = f"* = host=127.0.0.1 port={server.port}"
    (place / "pgbouncer.ini").write_text("\n".join(["[databases]", database, "[pgbouncer]", *lines, ""]))
    (place / "users").write_text('"postgres" ""\n')
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [PGBOUNCER, place / "pgbouncer.ini"],
            stdout=log,
            stderr=subprocess.STDOUT,
            user=server.run_by,
            env=os.environ | reaper.mark(),
        )
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()
