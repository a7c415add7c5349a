"""What it costs to keep erased people out: a file's events, with nobody erased and with 10,000 people, turn by turn."""

import asyncio
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consumer.store.postgres import connect
from tests.bench import running
from tests.bench.expected import decoded, expected
from tests.bench.rows import events
from tests.bench.throughput import Measured, capture, judged, line
from tests.samples import TENANT

PEOPLE = 10_000


async def _suppress(dsn: str, people: int) -> None:
    """People whom the feed tells nothing of: then all events are written, as before."""
    connection = await connect(dsn)
    await connection.execute("DELETE FROM suppression")
    uuids = [f"erased-{number:040}" for number in range(people)]
    users = list(range(10**9, 10**9 + people))
    await connection.fetch("SELECT * FROM outcomes_internal.suppress($1, $2, $3, '{}', '{}', '{}')", TENANT, users, uuids)
    await connection.close()


def run(dsn: str, *, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    """`of nobody`: the median over rounds of CPU time, of client and server, beside that of the round with nobody erased."""
    values = list(events(count))
    right = expected(decoded(values))
    found: dict[int, list[Measured]] = {0: [], PEOPLE: []}
    with tempfile.TemporaryDirectory() as folder:
        path = capture(Path(folder), values)
        asyncio.run(running.file(dsn, path))  # not counted: the engine's first run makes files and compiles
        for number in range(rounds):
            for people in (0, PEOPLE) if number % 2 else (PEOPLE, 0):
                asyncio.run(running.empty(dsn))
                asyncio.run(_suppress(dsn, people))
                found[people].append(judged(dsn, right, asyncio.run(running.file(dsn, path)), count))
    for people, measured in found.items():
        each = [_cpu(one) / _cpu(nobody) for one, nobody in zip(measured, found[0], strict=True)]
        yield line(f"{people:,} people erased", count, measured) | {"of nobody": round(statistics.median(each), 3)}


def _cpu(one: Measured) -> float:
    return one.run.cost.client + one.run.cost.server
