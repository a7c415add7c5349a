"""The commands that people run, as processes, and the clock around them.

Kafka: wall clock from the moment at which a filled topic becomes visible to members of the group that are ready, to the moment
at which the last event is in the database. No start of a process is in it, and nothing else is left out.
"""

import asyncio
import json
import re
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from consumer.engines.kafka import free_port
from consumer.store.postgres import Connection, connect
from tests.acceptance.running import environment
from tests.bench import gate
from tests.bench.machine import Spent, cpu_seconds, peak_memory, spent

WAIT_SECONDS = 900.0
POLL_SECONDS = 0.05
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    seconds: float
    cost: Spent
    peak: int | None = None
    """Most bytes that any of the client's processes ever had; None where they are no command."""


async def empty(dsn: str) -> None:
    """Tables as new, and nothing left to be written out."""
    connection = await connect(dsn)
    await connection.execute("TRUNCATE learning_outcome_result, learning_outcome_result_version, stream_position")
    await connection.execute("DROP TABLE IF EXISTS public.baseline_result")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def _start(arguments: Sequence[str], variables: Mapping[str, str], stdout: int = DEVNULL) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=stdout, env=environment(OUTCOMES_LOG_LEVEL="error", **variables)
    )


async def _end(processes: Iterable[Process]) -> None:
    """In good order."""
    for process in processes:
        if process.returncode is None:
            process.terminate()
    for process in processes:
        await process.wait()


_PARTITIONS = re.compile(r"^outcomes_partitions(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


async def _says(session: aiohttp.ClientSession, port: int, partitions: Sequence[int]) -> bool:
    """Whether a worker is ready, and each of its processes owns so many partitions."""
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            ready = answer.status == 200
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            return ready and [float(number) for number in _PARTITIONS.findall(await answer.text())] == list(partitions)
    except aiohttp.ClientError:
        return False


def reading(dsn: str, bootstrap: str, topic: str) -> dict[str, str]:
    """What tells a worker where to read, in a group of its own, and where to write."""
    return {
        "DATABASE_URL": dsn,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "OUTCOMES_TOPIC": topic,
        "OUTCOMES_GROUP_ID": topic,
    }


@asynccontextmanager
async def workers(
    dsn: str, bootstrap: str, topic: str, count: int = 1, module: str = "consumer"
) -> AsyncIterator[list[psutil.Process]]:
    """A worker of so many processes, all ready, each with its share of the partitions; the parent of several is the first."""
    port = free_port()
    arguments = [module, "worker", "--http-port", str(port), "--processes", str(count)]
    command = await _start(arguments, reading(dsn, bootstrap, topic))
    try:
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
            while not await _says(session, port, [gate.PARTITIONS // count] * count):
                if command.returncode is not None:
                    raise RuntimeError("the worker has ended; see what it said above")
                await asyncio.sleep(POLL_SECONDS)
        parent = psutil.Process(command.pid)
        yield [parent, *parent.children()]
    finally:
        await _end([command])


def _alive(processes: Iterable[psutil.Process]) -> None:
    if not all(process.is_running() for process in processes):
        raise RuntimeError("a process that is measured has ended; see what it said above")


async def consumed(connection: Connection, topic: str) -> int:
    """Events of the topic that are in the projection and its books."""
    found: int = await connection.fetchval(
        "SELECT coalesce(sum(consumed), 0)::bigint FROM stream_position WHERE source = $1", topic
    )
    return found


async def _clocked(filled: gate.Gate, pids: Sequence[int], done: Callable[[], Awaitable[None]]) -> Run:
    """From the gate's opening until `done` returns."""
    before = spent(pids)
    begun = await filled.open()
    async with asyncio.timeout(WAIT_SECONDS):
        await done()
    seconds = time.perf_counter() - begun
    return Run(seconds, spent(pids).since(before), max(peak_memory(pid) for pid in pids))


async def topic(
    dsn: str,
    bootstrap: str,
    values: Iterable[bytes],
    *,
    count: int = 1,
    module: str = "consumer",
    compression: str | None = None,
) -> Run:
    """Kafka -> projection by so many processes of a worker."""
    filled = await gate.closed(bootstrap, values, compression=compression)
    connection = await connect(dsn)
    async with workers(dsn, bootstrap, filled.topic, count, module) as members:

        async def done() -> None:
            while await consumed(connection, filled.topic) < filled.events:
                _alive(members)
                await asyncio.sleep(POLL_SECONDS)

        run = await _clocked(filled, [member.pid for member in members], done)
    await connection.close()
    await gate.gone(bootstrap, filled.topic)
    return run


async def baseline(dsn: str, bootstrap: str, values: Iterable[bytes]) -> Run:
    """Kafka -> a table of its own by `tests.bench.baseline`, which says itself how far it is."""
    filled = await gate.closed(bootstrap, values)
    connection = await connect(dsn)
    await connection.execute("CREATE TABLE public.baseline_result (LIKE learning_outcome_result)")
    await connection.execute("ALTER TABLE public.baseline_result DROP version_hash, ADD PRIMARY KEY (root_account_uuid, id)")
    await connection.close()
    variables = {"DATABASE_URL": dsn, "KAFKA_BOOTSTRAP_SERVERS": bootstrap, "TOPIC": filled.topic}
    process = await _start(["tests.bench.baseline"], variables, PIPE)
    told = process.stdout
    assert told is not None
    try:
        async with asyncio.timeout(READY_SECONDS):
            assert await told.readline() == b"ready\n"

        async def done() -> None:
            written = 0
            while written < filled.events:
                written = int(await told.readline())

        run = await _clocked(filled, [process.pid], done)
    finally:
        await _end([process])
    await gate.gone(bootstrap, filled.topic)
    return run


async def file(dsn: str, path: Path, *, again: bool = False) -> Run:
    """A captured file -> projection.

    The clock is the summary's `seconds`: from behind the interpreter's start and the imports, with finding the file's digest,
    connecting, reading, writing and closing, to the end of the replay. The command's CPU is counted from that moment too.
    """
    arguments = ["consumer", "replay", str(path), "--json", *(["--again"] if again else [])]
    before = spent([])
    process = await _start(arguments, {"DATABASE_URL": dsn}, PIPE)
    answer = asyncio.ensure_future(process.communicate())
    seen: list[tuple[float, float]] = []
    peak = 0
    while not answer.done():
        try:
            seen.append((time.perf_counter(), cpu_seconds(process.pid)))
            peak = max(peak, peak_memory(process.pid))
        except OSError:  # it has just ended
            break
        await asyncio.sleep(POLL_SECONDS / 5)
    told, _ = await answer
    ended = time.perf_counter()
    if process.returncode:
        raise RuntimeError("the replay did not go well; see what it said above")
    seconds: float = json.loads(told)["seconds"]
    start = min(cpu for at, cpu in seen if at >= ended - seconds)
    return Run(seconds, spent([]).since(before)._replace(client=seen[-1][1] - start), peak)
