"""Topic -> projection and file -> projection with the real commands, beside what Postgres alone takes of the same rows."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer.settings import load
from consumer.sources.kafka import produce
from consumer.store.postgres import connect
from tests.bench.machine import cost, peak_memory
from tests.bench.rows import events
from tests.bench.shapes import PARTITION, batches, copy

PARTITIONS = 4


async def _fill(bootstrap: str, topic: str, count: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await admin.close()

    async def messages() -> AsyncIterator[tuple[str, bytes | None, bytes | None]]:
        for number, value in enumerate(events(count)):
            yield topic, str(number * 7919 % 1000).encode(), value

    await produce(load(kafka_bootstrap_servers=bootstrap), messages())


async def _empty(dsn: str) -> None:
    connection = await connect(dsn)
    await connection.execute("TRUNCATE learning_outcome_result, learning_outcome_result_version, stream_position")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def _state(dsn: str) -> tuple[Any, ...]:
    connection = await connect(dsn)
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM learning_outcome_result_version), "
        "(SELECT sum(version_hash::numeric) FROM learning_outcome_result), "
        "(SELECT sum(consumed) FROM stream_position)"
    )
    await connection.close()
    return tuple(row or ())


def _command(arguments: list[str], dsn: str, bootstrap: str, topic: str) -> dict[str, Any]:
    """Runs a command; events/s from its first transaction to its last, by the database's clock; CPU and memory from /proc."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OUTCOMES_")}
    variables = {
        "DATABASE_URL": dsn,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "OUTCOMES_TOPIC": topic,
        "OUTCOMES_GROUP_ID": topic,
        "OUTCOMES_LOG_LEVEL": "warning",
    }
    peak = 0
    with cost("postgres") as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "consumer", *arguments], env=ours | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while process.poll() is None:
            try:
                peak = max(peak, peak_memory(process.pid))
            except (OSError, ValueError):
                break
            time.sleep(0.05)
        out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(err.decode()[-2000:])
    used = os.times()
    return {
        "summary": json.loads(out),
        "peak": peak,
        "server": server[0],
        "children": used.children_user + used.children_system,
    }


async def _seconds(dsn: str) -> float:
    """From the first commit to the last, by `recorded_at`; the first batch itself is outside."""
    connection = await connect(dsn)
    found = await connection.fetchval(
        "SELECT extract(epoch FROM max(recorded_at) - min(recorded_at))::float8 FROM learning_outcome_result_version"
    )
    await connection.close()
    return float(found)


def run(dsn: str, bootstrap: str, *, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Lines for Postgres alone, topic and file: events/s (median, least, most), CPU-seconds per million events, peak memory."""
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    asyncio.run(_fill(bootstrap, topic, count))
    told = batches(count, 10_000)
    lines: dict[str, list[dict[str, Any]]] = {"postgres alone": [], "topic": [], "file": []}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.ndjson"
        with file.open("wb") as captured:
            captured.writelines(value + b"\n" for value in events(count))
        for _ in range(rounds):
            lines["postgres alone"].append(_alone(dsn, told))
            worker = ["worker", "--until-end", "--json", "--http-port", "0", "--group-id", uuid.uuid4().hex]
            for name, arguments in (("topic", worker), ("file", ["replay", str(file), "--json"])):
                asyncio.run(_empty(dsn))
                before = os.times()
                result = _command(arguments, dsn, bootstrap, topic)
                client = result["children"] - before.children_user - before.children_system
                consumed = result["summary"]["consumed"]
                # The end of the topic is looked for once a second, so the command's own clock says too much.
                seconds = asyncio.run(_seconds(dsn))
                lines[name].append(
                    {
                        "rate": (consumed - 10_000) / seconds if consumed > 20_000 else consumed / result["summary"]["seconds"],
                        "client": client / consumed * 1e6,
                        "server": result["server"] / consumed * 1e6,
                        "peak": result["peak"],
                        "state": asyncio.run(_state(dsn)),
                    }
                )
    base = statistics.median(line["rate"] for line in lines["postgres alone"])
    right = lines["postgres alone"][0]["state"]
    for name, found in lines.items():
        rates = [line["rate"] for line in found]
        yield {
            "what": name,
            "events": len(told) * 10_000,
            "events/s": round(statistics.median(rates)),
            "least": round(min(rates)),
            "most": round(max(rates)),
            "of postgres alone": round(statistics.median(rates) / base, 2),
            "client CPU s/M": round(statistics.median(line["client"] for line in found), 1),
            "server CPU s/M": round(statistics.median(line["server"] for line in found), 1),
            "peak MB": round(max(line["peak"] for line in found) / 2**20),
            "tables": "right" if {line["state"] for line in found} == {right} else "WRONG",
        }


def _alone(dsn: str, told: list[Any]) -> dict[str, Any]:
    """The same rows, decoded beforehand, by the same writer over one connection."""
    asyncio.run(_empty(dsn))

    async def write() -> float:
        connection = await connect(dsn)
        try:
            await connection.execute("DELETE FROM stream_position WHERE source = $1", PARTITION.source)
            begun = time.perf_counter()
            await copy(connection, told)
            return time.perf_counter() - begun
        finally:
            await connection.close()

    before = os.times()
    with cost("postgres") as server:
        seconds = asyncio.run(write())
    used = os.times()
    count = sum(batch.events for batch in told)
    client = used.user + used.system - before.user - before.system
    return {
        "rate": count / seconds,
        "client": client / count * 1e6,
        "server": server[0] / count * 1e6,
        "peak": 0,
        "state": asyncio.run(_state(dsn)),
    }
