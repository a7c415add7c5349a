"""Addresses of brokers behind which something else is than the Kafka that this worker knows."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.acceptance.running import outcomes, running
from tests.acceptance.test_worker import settings

API_VERSIONS = 18


@asynccontextmanager
async def speaking(versions: dict[int, tuple[int, int]]) -> AsyncIterator[str]:
    """The address of a broker that only says which versions of which requests it knows."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                key, _, correlation = struct.unpack(">hhi", (await reader.readexactly(size))[:8])
                if key != API_VERSIONS:
                    return
                known = b"".join(struct.pack(">hhh", key, *bounds) for key, bounds in versions.items())
                answer = struct.pack(">ihi", correlation, 0, len(versions)) + known
                writer.write(struct.pack(">i", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield "{}:{}".format(*server.sockets[0].getsockname())


@pytest.mark.parametrize("versions", [{API_VERSIONS: (0, 0)}, {API_VERSIONS: (0, 0), 3: (90, 99)}])
async def test_brokers_of_another_age_are_named_as_that(database: str, versions: dict[int, tuple[int, int]]) -> None:
    """Those that have no version of a request in common with this worker: in a sentence, and no wait for ever."""
    async with speaking(versions) as address:
        code, _, err = await outcomes("worker", **settings(database, address, "x"))
    assert code == 2, err
    assert err.splitlines()[-1].startswith("outcomes: these brokers are too old or too new for this worker: ")
    assert "Traceback" not in err


async def test_what_does_not_speak_kafkas_protocol_is_waited_for_like_a_broker_that_is_away(database: str) -> None:
    """A web server, say: it may be an address that will be Kafka's; the log says that there is no Kafka."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = "{}:{}".format(*server.sockets[0].getsockname())
    async with server, running("worker", **settings(database, address, "x")) as worker:
        assert f"no Kafka at {address}" in await worker.says('"waiting"')
        code, _, err = await worker.end()
    assert code == 0, err
    assert "Traceback" not in err
