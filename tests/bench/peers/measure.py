"""One run of one sink: from the gate's opening until the last record is in the table and the table is right."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from consumer.store import schema
from consumer.store.postgres import connect
from tests.bench.gate import PARTITIONS
from tests.bench.machine import peak_memory
from tests.bench.peers.server import Server, database
from tests.bench.peers.sinks import Ours, Sink
from tests.bench.peers.stream import COLUMNS, END, WARM_END, Row, Stream, closed

READY_SECONDS = 120.0
"""A sink that has not written what it may read beforehand until then is given up."""
RUN_SECONDS = 600.0
GRACE_SECONDS = 10.0
"""How long a table that has the last record of every partition may still be wrong; the clock runs meanwhile."""
LOOK_SECONDS = 0.02


class Run(NamedTuple):
    """What one run was like."""

    rate: float
    """Events/s."""
    client: float
    """CPU seconds of the sink's processes for a million events."""
    server: float
    """The same of Postgres."""
    peak: int
    """Most bytes that the sink's processes ever had resident."""
    wrong: int
    """Rows that are not what the sink promises."""
    stale: int
    """Rows that are not the newest state of their id."""


class Failed(Exception):
    """A sink ended, or did not write; says what it said."""


@contextmanager
def _running(sink: Sink, dsn: str, bootstrap: str, topic: str) -> Iterator[psutil.Popen]:
    """The sink's process, and what it starts itself; in a folder of its own."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OUTCOMES_")}
    with tempfile.TemporaryDirectory() as name, (Path(name) / "said").open("wb") as said:
        command, variables = sink.command(Path(name), dsn, bootstrap, topic)
        process = psutil.Popen(command, env={**ours, **variables}, stdout=said, stderr=subprocess.STDOUT, cwd=name)
        try:
            yield process
        except Failed as error:
            text = (Path(name) / "said").read_text(encoding="utf-8", errors="replace").strip()
            raise Failed(f"{error}; it said: {text[-1500:]}" if text else str(error)) from None
        finally:
            for one in _tree(process):
                one.kill()
            process.wait()


def _tree(process: psutil.Popen) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)] if process.poll() is None else []


async def _seen(connection: Any, sink: Sink, process: psutil.Popen, first: int, seconds: float) -> None:
    """Waits for the last record of each partition."""
    look = (
        f"SELECT count(*) FROM {sink.table} WHERE {sink.where} AND {sink.key} >= {first} AND {sink.key} < {first + PARTITIONS}"
    )
    end = time.monotonic() + seconds
    while await connection.fetchval(look) < PARTITIONS:
        if process.poll() is not None:
            raise Failed(f"ended with {process.returncode}")
        if time.monotonic() > end:
            raise Failed(f"not done after {seconds:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)


def _cpu(processes: Iterable[psutil.Process]) -> float:
    """CPU seconds that these have spent, and those of their children that have ended."""
    total = 0.0
    for one in processes:
        with suppress(psutil.NoSuchProcess):  # its parent counts it from now on
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _spent(process: psutil.Popen, server: Server) -> tuple[float, float]:
    """By the sink and by Postgres."""
    return _cpu(_tree(process)), _cpu(server.processes())


def _differing(found: dict[int, Row], right: dict[int, Row]) -> int:
    return len(found.keys() - right.keys()) + sum(found.get(id_) != row for id_, row in right.items())


async def _rows(connection: Any, table: str) -> dict[int, Row]:
    return {row[0]: tuple(row) for row in await connection.fetch(table)}


async def run(sink: Sink, stream: Stream, server: Server, bootstrap: str) -> Run:
    """Measures a sink once, in a fresh database. Raises `Failed`."""
    mine = await database(server.dsn, "peers")
    if isinstance(sink, Ours):
        await schema.migrate(mine)
    connection = await connect(mine)
    if not isinstance(sink, Ours):
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items() if name != "id")
        await connection.execute(f"CREATE TABLE {sink.table} ({sink.key} bigint PRIMARY KEY, {columns}{sink.more})")
    members = ", ".join(sink.key if name == "id" else name for name in COLUMNS)
    table = f"SELECT {members} FROM {sink.table} WHERE {sink.where} AND {sink.key} < {END}"
    right = stream.newest if sink.promises_newest else stream.last
    gate = await closed(bootstrap, stream)
    begun = 0.0
    try:
        with _running(sink, mine, bootstrap, gate.topic) as process:
            await _seen(connection, sink, process, WARM_END, READY_SECONDS)
            before = _spent(process, server)
            begun = await gate.open()
            await _seen(connection, sink, process, END, RUN_SECONDS)
            seen = ended, used = time.perf_counter(), _spent(process, server)
            rows = await _rows(connection, table)
            while _differing(rows, right) and time.perf_counter() - seen[0] < GRACE_SECONDS:
                # who writes a batch in several transactions may have shown its last record too early
                await asyncio.sleep(0.1)
                ended, used = time.perf_counter(), _spent(process, server)
                rows = await _rows(connection, table)
            wrong = _differing(rows, right)
            if wrong:
                ended, used = seen
            peak = sum(peak_memory(one.pid) for one in _tree(process))
    finally:
        if not begun:
            await gate.open()  # else the broker keeps the transaction, and the producer its tasks
        await connection.close()
    millions = len(stream.measured) / 1e6
    return Run(
        len(stream.measured) / (ended - begun),
        (used[0] - before[0]) / millions,
        (used[1] - before[1]) / millions,
        peak,
        wrong,
        _differing(rows, stream.newest),
    )
