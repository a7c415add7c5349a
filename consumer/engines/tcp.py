"""The embedded Postgres over TCP, on this machine alone and for one login.

Its server has a socket in its folder and trusts whoever reaches that. It is not restarted to listen elsewhere, because others
use it: connections are passed on to the socket, once they have named the login that Postgres asks for its password.
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
"""That are passed on at a time: Postgres has a hundred for everybody."""
STARTUP_SECONDS = 10.0
"""For a client to say who it is."""

_STARTING = 100
"""Connections that may be open in all, those that have not said who they are included."""
_STARTUP_BYTES = 10_000
"""As in Postgres."""
_TLS, _GSS, _CANCEL = 80877103, 80877104, 80877102
"""Codes where a startup packet has the version of the protocol."""
_CHUNK = 64 * 1024

_GONE = (OSError, EOFError, TimeoutError)
"""How a client or the server may leave at any moment."""


class _Refused(Exception):
    """A client is not passed on; its arguments are an SQLSTATE and a sentence."""


@asynccontextmanager
async def listening(socket: Path, port: int, login: str) -> AsyncIterator[int]:
    """Passes connections on to Postgres' socket; the port, which is a free one for 0. Ends them all when it is left.

    Raises `UsageError` where the port cannot be had.
    """
    ours: set[asyncio.Task[None]] = set()
    passed: set[asyncio.Task[None]] = set()

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
            if len(passed) >= CONNECTIONS:
                raise _Refused(
                    "53300", f"there are {CONNECTIONS} connections already, which is all that `outcomes postgres` passes on"
                )
            passed.add(task)
            await _pass_on(packet, reader, writer, socket)
        except _Refused as refusal:
            with suppress(*_GONE):
                writer.write(_error(*refusal.args))
                await writer.drain()
        except _GONE:
            pass
        finally:
            ours.discard(task)
            passed.discard(task)
            writer.close()

    try:
        server = await asyncio.start_server(serve, HOST, port)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({os.strerror(error.errno or 0)})"
        raise UsageError(f"port {port} of {HOST} {why}; --port names another one, and 0 takes a free one") from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)


async def _startup(reader: StreamReader, writer: StreamWriter, login: str) -> bytes:
    """What a client sends first, once it has given up encryption. Raises `_Refused`, also where it is another login's."""
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        if code in (_TLS, _GSS) and length == len(head):
            writer.write(b"N")  # on this machine alone nobody listens in
            await writer.drain()
            continue
        if not len(head) < length <= _STARTUP_BYTES or not (code == _CANCEL or code >> 16 == 3):
            raise _Refused("08P01", "this is not how a client of Postgres begins")
        packet = head + await reader.readexactly(length - len(head))
        if code != _CANCEL:
            words = packet[len(head) :].split(b"\0")
            named = [value for name, value in zip(words[::2], words[1::2], strict=False) if name == b"user"]
            if named != [login.encode()]:
                raise _Refused("28000", f"this address is for the user {login} alone, who may only read")
        return packet


async def _pass_on(packet: bytes, reader: StreamReader, writer: StreamWriter, socket: Path) -> None:
    """Until either side has ended."""
    try:
        answers, asking = await asyncio.open_unix_connection(socket)
    except OSError as error:
        raise _Refused("57P03", "the embedded Postgres does not answer") from error
    try:
        asking.write(packet)
        ways = [asyncio.ensure_future(_copy(*way)) for way in ((reader, asking), (answers, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        asking.close()


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


def _error(sqlstate: str, sentence: str) -> bytes:
    """Postgres' message for an error that ends the connection."""
    fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{sentence}\0\0".encode()
    return b"E" + struct.pack("!I", 4 + len(fields)) + fields


def kept_password(path: Path) -> str:
    """A password that is made once and kept in a file, so that connections that people have saved go on working.

    One that anybody else could have read is replaced. Raises `UsageError` where it cannot be kept.
    """
    try:
        while True:
            with suppress(FileNotFoundError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
                    return path.read_text(encoding="ascii").strip()
                path.unlink()
            with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-") as made:  # for its owner alone
                made.write(secrets.token_urlsafe(24) + "\n")
                made.flush()
                with suppress(FileExistsError):  # another process was faster
                    path.hardlink_to(made.name)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or 'it holds no password'}; take it away") from error
