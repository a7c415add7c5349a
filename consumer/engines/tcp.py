"""The embedded Postgres over TCP, only on this machine and for one login.

The server listens on a socket in its folder and trusts everybody who can reach it. A restart with TCP would disturb its other
users, so we forward connections to the socket, if they name the one login that Postgres asks for a password.
"""

import asyncio
import errno
import os
import secrets
import stat
import struct
import tempfile
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from consumer.errors import UsageError

HOST = "127.0.0.1"
CONNECTIONS = 20
"""Most forwarded connections at a time: Postgres has a hundred in all."""
STARTUP_SECONDS = 10.0
"""Most seconds until a client names its login."""

_STARTING = 100
"""Most open connections, including those that have not named a login yet."""
_STARTUP_BYTES = 10_000
"""Postgres' own limit."""
_TLS, _GSS, _CANCEL = 80877103, 80877104, 80877102
"""Codes in the place of the protocol version in a startup packet."""
_CHUNK = 64 * 1024

_GONE = (OSError, EOFError, TimeoutError)
"""Errors if a client or the server leaves."""


class _Refused(Exception):
    """A client is refused. Arguments: an SQLSTATE and a sentence."""


@asynccontextmanager
async def listening(socket: Path, port: int, login: str) -> AsyncIterator[int]:
    """Forwards connections to Postgres' socket while the block runs; yields the port. Port 0 picks a free one.

    Raises `UsageError` if the port is not available.
    """
    ours: set[asyncio.Task[None]] = set()
    forwarded: set[asyncio.Task[None]] = set()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(ours) >= _STARTING:
            writer.close()
            return
        ours.add(task)
        try:
            async with asyncio.timeout(STARTUP_SECONDS):
                packet = await _startup(reader, writer, login)
            if len(forwarded) >= CONNECTIONS:
                raise _Refused("53300", f"`outcomes postgres` forwards at most {CONNECTIONS} connections at a time")
            forwarded.add(task)
            await _forward(packet, reader, writer, socket)
        except _Refused as refusal:
            with suppress(*_GONE):
                writer.write(_error(*refusal.args))
                await writer.drain()
        except _GONE:
            pass
        finally:
            ours.discard(task)
            forwarded.discard(task)
            writer.close()

    try:
        server = await asyncio.start_server(serve, HOST, port)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"is not available ({os.strerror(error.errno or 0)})"
        raise UsageError(f"port {port} of {HOST} {why}; set another one with --port, 0 for a free one") from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)


async def _startup(reader: StreamReader, writer: StreamWriter, login: str) -> bytes:
    """The startup packet. Raises `_Refused` for another login. Declines encryption."""
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        if code in (_TLS, _GSS) and length == len(head):
            writer.write(b"N")  # the connection stays on this machine
            await writer.drain()
            continue
        if not len(head) < length <= _STARTUP_BYTES or not (code == _CANCEL or code >> 16 == 3):
            raise _Refused("08P01", "this is not a client of Postgres")
        packet = head + await reader.readexactly(length - len(head))
        if code != _CANCEL:
            words = packet[len(head) :].split(b"\0")
            named = [value for name, value in zip(words[::2], words[1::2], strict=False) if name == b"user"]
            if named != [login.encode()]:
                raise _Refused("28000", f"this address accepts only the user {login}, who may only read")
        return packet


async def _forward(packet: bytes, reader: StreamReader, writer: StreamWriter, socket: Path) -> None:
    """Until either side closes."""
    try:
        from_server, to_server = await asyncio.open_unix_connection(socket)
    except OSError as error:
        raise _Refused("57P03", "the embedded Postgres does not answer") from error
    try:
        to_server.write(packet)
        ways = [asyncio.ensure_future(_copy(*way)) for way in ((reader, to_server), (from_server, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        to_server.close()


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


def _error(sqlstate: str, sentence: str) -> bytes:
    """Postgres' message for a fatal error."""
    fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{sentence}\0\0".encode()
    return b"E" + struct.pack("!I", 4 + len(fields)) + fields


def kept_password(path: Path) -> str:
    """Creates a password once and keeps it in a file, so that saved connections go on working.

    Replaces a password that other users could have read. Raises `UsageError` if it cannot be kept.
    """
    try:
        while True:
            with suppress(FileNotFoundError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
                    return path.read_text(encoding="ascii").strip()
                path.unlink()
            with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-") as made:  # mode 0600
                made.write(secrets.token_urlsafe(24) + "\n")
                made.flush()
                with suppress(FileExistsError):  # another process was faster
                    path.hardlink_to(made.name)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or 'it holds no password'}; remove it") from error
