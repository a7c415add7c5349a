"""Between a client and Postgres: passes bytes on, until it is told to do harm."""

import asyncio
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

COMMIT = b"Q\x00\x00\x00\x0cCOMMIT;\x00"
"""The message by which asyncpg ends a transaction."""
_CHUNK = 65536

Cut = Literal["before_commit", "after_commit"]


class Proxy:
    """Use with `async with`. All harm is done to the connections through `dsn` and to no other."""

    def __init__(self, dsn: str) -> None:
        address = urlsplit(dsn)
        self._target = (address.hostname or "127.0.0.1", address.port or 5432)
        self._address = address
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.cuts = 0
        """Connections that `cut_at` and `cut_after_bytes` have cut so far."""
        self.cut_at: Cut | None = None
        """Cuts the next COMMIT: before the server has seen it, or after it is done and before the client hears of it. Once."""
        self.cut_after_bytes: int | None = None
        """Cuts a connection after so many further bytes from clients. Once."""
        self.hang_after_bytes: int | None = None
        """Begins to `hang` after so many further bytes from clients. Once."""
        self.seconds_per_chunk = 0.0
        """A slow network or server: how long each piece of up to 64 KiB from a client takes."""
        self.refusing = False
        """New connections are closed at once."""
        self._flowing = asyncio.Event()
        self._flowing.set()

    @property
    def dsn(self) -> str:
        """The address of the database by way of the proxy."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        user = f"{self._address.username}@" if self._address.username else ""
        return urlunsplit(self._address._replace(netloc=f"{user}{host}:{port}"))

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._flowing.set()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cuts every connection."""
        for writer in tuple(self._open):
            writer.transport.abort()

    @property
    def hanging(self) -> bool:
        """Whether it hangs."""
        return not self._flowing.is_set()

    def hang(self) -> None:
        """From now on no byte gets through, in either direction, and no connection is closed."""
        self._flowing.clear()

    def flow(self) -> None:
        """Ends `hang`."""
        self._flowing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, server_writer}
        answered = asyncio.Event()
        silenced = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._to_server(reader, server_writer, answered, silenced))
                both.create_task(self._to_client(server_reader, writer, answered, silenced))
        except* OSError:
            pass  # one side is gone; so the other goes below
        finally:
            for end in (writer, server_writer):
                self._open.discard(end)
                end.transport.abort()

    async def _to_server(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: asyncio.Event, silenced: asyncio.Event
    ) -> None:
        while data := await reader.read(_CHUNK):
            if self.hang_after_bytes is not None:
                self.hang_after_bytes -= len(data)
                if self.hang_after_bytes <= 0:
                    self.hang_after_bytes = None
                    self.hang()
            await self._flowing.wait()
            if self.seconds_per_chunk:
                await asyncio.sleep(self.seconds_per_chunk)
            if self.cut_after_bytes is not None:
                self.cut_after_bytes -= len(data)
                if self.cut_after_bytes <= 0:
                    data = data[: len(data) + self.cut_after_bytes]
                    self.cut_after_bytes, self.cuts = None, self.cuts + 1
                    writer.write(data)
                    raise ConnectionAbortedError
            if self.cut_at is not None and COMMIT in data:
                cut, self.cut_at, self.cuts = self.cut_at, None, self.cuts + 1
                if cut == "after_commit":
                    silenced.set()
                    writer.write(data)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(10):
                            await answered.wait()
                raise ConnectionAbortedError
            writer.write(data)
            await writer.drain()
        raise ConnectionAbortedError

    async def _to_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: asyncio.Event, silenced: asyncio.Event
    ) -> None:
        while data := await reader.read(_CHUNK):
            if silenced.is_set():
                answered.set()
                continue
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionAbortedError
