"""Signed events into `outcomes intake https`, as a process with Kafka on the same machine; the clock is Canvas'."""

import asyncio
import sys
import tempfile
import time
import uuid
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator
from typing import Any

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer.engines.kafka import free_port
from tests.acceptance.running import environment, until
from tests.bench.gate import PARTITIONS
from tests.bench.machine import cpu_seconds, peak_memory
from tests.intake import canvas
from tests.samples import result

CONNECTIONS = 48
"""That Canvas' proxy keeps open, each with one request at a time."""
SIGNED = 500
"""Different tokens, sent again and again: to sign costs ten times what to verify costs."""
WARM = 2_000
LARGE = 300
LARGE_CONNECTIONS = 5
"""Events of 1 MB that are sent afterwards, for the memory that they take, so many at a time."""
READY_SECONDS = 60.0
PROMISED_RATE, PROMISED_MS, PROMISED_MB = 3_000, 100, 100


class _Client(asyncio.Protocol):
    """Sends one request after the other on a connection, as long as there are any."""

    def __init__(self, requests: Iterator[bytes], times: list[float], done: "asyncio.Future[None]") -> None:
        self._requests, self._times, self._done = requests, times, done
        self._begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 200 ") or not data.endswith(b"\r\n\r\n"):
            self._done.set_exception(RuntimeError(data.decode()))
            return
        self._times.append(time.perf_counter() - self._begun)
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        self._begun = time.perf_counter()
        if request is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._transport.close()
            self._done.set_result(None)


async def _sent(port: int, requests: list[bytes], count: int, connections: int = CONNECTIONS) -> tuple[float, list[float]]:
    """Seconds, and those of each request, sorted."""
    loop, times = asyncio.get_running_loop(), list[float]()
    stream = (requests[number % len(requests)] for number in range(count))
    finished = [loop.create_future() for _ in range(connections)]
    begun = time.perf_counter()
    for done in finished:
        await loop.create_connection(lambda done=done: _Client(stream, times, done), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*finished)
    return time.perf_counter() - begun, sorted(times)


def _request(body: bytes) -> bytes:
    return b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def _measure(bootstrap: str, count: int) -> dict[str, Any]:
    topic, port, probes = f"bench-{uuid.uuid4().hex[:8]}", free_port(), free_port()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    requests = [_request(canvas.token(result(id=number))) for number in range(1, SIGNED + 1)]
    command = ("-m", "consumer", "intake", "https", "--port", str(port), "--http-port", str(probes), "--topic", topic)
    with tempfile.TemporaryDirectory() as folder:
        async with canvas.jwks() as jwks, aiohttp.ClientSession() as session:
            variables = environment(
                KAFKA_BOOTSTRAP_SERVERS=bootstrap,
                OUTCOMES_LOG_LEVEL="warning",
                OUTCOMES_INTAKE_JWKS_URL=jwks.url,
                OUTCOMES_DATA_FOLDER=folder,
            )
            intake = await asyncio.create_subprocess_exec(sys.executable, *command, env=variables, stdout=DEVNULL)
            try:
                await until(lambda: _ready(session, probes), READY_SECONDS)
                await _sent(port, requests, WARM)
                before = cpu_seconds(intake.pid)
                seconds, times = await _sent(port, requests, count)
                cost = cpu_seconds(intake.pid) - before
                large = _request(canvas.token(result(title="x" * 990_000)))
                await _sent(port, [large], LARGE, LARGE_CONNECTIONS)
                peak = peak_memory(intake.pid)
            finally:
                intake.terminate()
                await intake.wait()
    await admin.delete_topics([topic])
    await admin.close()
    return {
        "what": "signed events by HTTPS, until the topic has them",
        "events": count,
        "events/s": round(count / seconds),
        "promised": PROMISED_RATE,
        "p50 ms": round(1000 * times[len(times) // 2], 1),
        "p99 ms": round(1000 * times[int(0.99 * len(times))], 1),
        "promised p99": PROMISED_MS,
        "CPU us/event": round(1e6 * cost / count),
        "memory MB": round(peak / 1e6),
        "promised MB": PROMISED_MB,
    }


async def _ready(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def run(bootstrap: str, *, count: int) -> Iterator[dict[str, Any]]:
    """One line."""
    yield asyncio.run(_measure(bootstrap, count))
