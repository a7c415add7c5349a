"""An address with several hosts, as for a primary and its standbys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from consumer.errors import Transient
from consumer.store import postgres
from consumer.store.postgres import connect
from tests.faults.cluster import LocalPostgres
from tests.scratch import folder


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes connections and says nothing."""
    finished: list[asyncio.Event] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        finished.append(done := asyncio.Event())
        await reader.read()
        writer.close()
        done.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield "{}:{}".format(*server.sockets[0].getsockname())
    server.close()
    for done in finished:
        await done.wait()


async def test_a_host_that_never_answers_does_not_keep_the_others_from_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a failover from a machine that hangs: it takes connections and is silent."""
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", 1.0)
    with folder() as here:
        server = LocalPostgres(here / "postgres").start()
        try:
            async with silent() as mute:
                connection = await connect(f"postgresql://postgres@{mute},127.0.0.1:{server.port}/postgres")
                assert await connection.fetchval("SHOW application_name") == "outcomes"
                await connection.close()
                with pytest.raises(Transient, match="Postgres"):
                    await connect(f"postgresql://postgres@{mute},{mute}/postgres")
        finally:
            server.stop()
