"""Messages of an SQS queue into `outcomes intake sqs`, as a process with Kafka; moto plays SQS, and is the slower one."""

import asyncio
import sys
import time
import uuid
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from typing import Any

import orjson
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.acceptance.running import environment, until
from tests.bench.gate import PARTITIONS
from tests.bench.machine import cpu_seconds, peak_memory
from tests.intake import sqs
from tests.samples import result

NAME = "canvas-live-events"
AT_A_TIME = 200
"""Messages in the queue: moto looks at all of them for each request, and takes longer to be sent one than to give ten."""
LARGE, LARGE_AT_A_TIME = 60, 20
"""Messages of 1 MB that are sent afterwards, for the memory that they take."""
PROMISED_MB = 100


async def _sent(server: sqs.Sqs, bodies: list[bytes], count: int, at_a_time: int) -> float:
    """Seconds from when messages are in the queue until they are deleted, so many at a time."""
    seconds = 0.0
    for number in range(0, count, at_a_time):
        server.send(NAME, [bodies[one % len(bodies)] for one in range(number, min(count, number + at_a_time))])
        begun = time.monotonic()
        await until(lambda: _empty(server))
        seconds += time.monotonic() - begun
    return seconds


async def _empty(server: sqs.Sqs) -> bool:
    return server.left(NAME) == 0


async def _measure(bootstrap: str, count: int) -> dict[str, Any]:
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    command = ("-m", "consumer", "intake", "sqs", "--queue", NAME, "--topic", topic, "--http-port", "0")
    bodies = [orjson.dumps(result(id=number)) for number in range(1, 501)]
    with sqs.serving() as server:
        server.make(NAME)
        variables = environment(KAFKA_BOOTSTRAP_SERVERS=bootstrap, OUTCOMES_LOG_FORMAT="json", **server.variables)
        intake = await asyncio.create_subprocess_exec(sys.executable, *command, env=variables, stdout=DEVNULL, stderr=PIPE)
        try:
            assert intake.stderr is not None
            while b'"receiving"' not in await intake.stderr.readline():
                pass
            await _sent(server, bodies, 500, AT_A_TIME)
            before, early = cpu_seconds(intake.pid), peak_memory(intake.pid)
            seconds = await _sent(server, bodies, count, AT_A_TIME)
            cost, late = cpu_seconds(intake.pid) - before, peak_memory(intake.pid)
            await _sent(server, [orjson.dumps(result(title="x" * 990_000))], LARGE, LARGE_AT_A_TIME)
            peak = peak_memory(intake.pid)
        finally:
            intake.terminate()
            await intake.communicate()
    await admin.delete_topics([topic])
    await admin.close()
    return {
        "what": "messages of a queue of moto's, until they are deleted",
        "messages": count,
        "messages/s": round(count / seconds),
        "CPU us/message": round(1e6 * cost / count),
        "memory MB, first 500": round(early / 1e6),
        "all": round(late / 1e6),
        "of 1 MB": round(peak / 1e6),
        "promised MB": PROMISED_MB,
    }


def run(bootstrap: str, *, count: int) -> Iterator[dict[str, Any]]:
    """One line."""
    yield asyncio.run(_measure(bootstrap, count))
