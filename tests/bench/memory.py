"""Resident memory of one worker over a long topic, and before a database that is ten times slower than the worker could be."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from consumer.store.postgres import connect
from tests.bench import gate, running
from tests.bench.expected import TABLE
from tests.bench.machine import memory, peak_memory
from tests.bench.rows import events

SAMPLE_SECONDS = 1.0
SHARES = (0.1, 0.5, 1.0)
SLOWER = 10
_CHUNK = 65_536


@asynccontextmanager
async def narrow(dsn: str, bytes_per_second: float) -> AsyncIterator[str]:
    """An address of the same database over TCP, to which clients send no more than this; answers come as they are."""
    address = urlsplit(dsn)
    place = parse_qs(address.query).get("host", [address.hostname or "127.0.0.1"])[0]
    port = address.port or 5432

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float | None) -> None:
        while data := await reader.read(_CHUNK):
            if rate:
                await asyncio.sleep(len(data) / rate)
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if place.startswith("/"):
            server_reader, server_writer = await asyncio.open_unix_connection(f"{place}/.s.PGSQL.{port}")
        else:
            server_reader, server_writer = await asyncio.open_connection(place, port)
        ways = pass_on(reader, server_writer, bytes_per_second), pass_on(server_reader, writer, None)
        await asyncio.gather(*ways, return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    who, at, _ = address.netloc.rpartition("@")
    try:
        yield urlunsplit(address._replace(netloc=f"{who}{at}127.0.0.1:{server.sockets[0].getsockname()[1]}", query=""))
    finally:
        server.close()


async def _watched(dsn: str, through: str, bootstrap: str, count: int) -> tuple[float, dict[str, int]]:
    """One worker over a topic of so many events: events/s, and its memory (bytes) on the way, sampled every second."""
    filled = await gate.closed(bootstrap, events(count))
    connection = await connect(dsn)
    samples: list[tuple[int, int]] = []
    async with running.workers(through, bootstrap, filled.topic) as (worker,):
        ready = memory(worker.pid)
        begun = await filled.open()
        while not samples or samples[-1][0] < count:
            if not worker.is_running():
                raise RuntimeError("the worker has ended; see what it said above")
            await asyncio.sleep(SAMPLE_SECONDS)
            samples.append((await running.consumed(connection, filled.topic), memory(worker.pid)))
        rate = count / (time.perf_counter() - begun)
        at = {f"at {share:.0%}": next(now for written, now in samples if written >= share * count) for share in SHARES}
        found = {"ready": ready} | at | {"peak": peak_memory(worker.pid)}
    await connection.close()
    await gate.gone(bootstrap, filled.topic)
    return rate, found


async def _row_bytes(dsn: str) -> float:
    """What COPY sends of one row, as measured on some that are there."""
    connection = await connect(dsn)
    sent = bytearray()

    async def take(data: bytes) -> None:
        sent.extend(data)

    some = f"SELECT {', '.join(TABLE.version_columns)} FROM {TABLE.name}_version LIMIT 1000"
    await connection.copy_from_query(some, output=take, format="binary")
    await connection.close()
    return len(sent) / 1000


def run(dsn: str, bootstrap: str, *, count: int, slow_count: int) -> Iterator[dict[str, Any]]:
    """MB of the worker when it is ready, after a tenth, half and all of the topic, and at its peak; both databases."""

    async def measure() -> AsyncIterator[tuple[str, int, float, dict[str, int]]]:
        await running.empty(dsn)
        rate, found = await _watched(dsn, dsn, bootstrap, count)
        yield "as fast as it goes", count, rate, found
        bytes_per_second = await _row_bytes(dsn) * rate / SLOWER
        await running.empty(dsn)
        async with narrow(dsn, bytes_per_second) as through:
            yield f"database {SLOWER} times slower", slow_count, *await _watched(dsn, through, bootstrap, slow_count)

    async def lines() -> list[dict[str, Any]]:
        return [
            {"what": what, "events": events_, "events/s": round(rate)}
            | {f"MB {when}": round(size / 2**20) for when, size in found.items()}
            async for what, events_, rate, found in measure()
        ]

    yield from asyncio.run(lines())
