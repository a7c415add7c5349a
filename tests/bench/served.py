"""Reading over HTTP at size: `outcomes serve` as a process, asked over one connection, as its client's clock has it."""

import asyncio
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp

from consumer.engines.kafka import free_port
from consumer.rights import tokens
from consumer.serve.pages.rendering import SCRIPT, SHEET
from consumer.store.postgres import Connection, connect
from tests.acceptance.running import environment
from tests.bench import mastery
from tests.samples import TENANT

COURSES = 194
"""About 1,000,000 results."""
ROUNDS = 5
"""Of all kinds of questions in turn, so that a slow minute of the machine falls on all of them, and on one round in five."""
REQUESTS = 200
"""Of each kind in a round."""
YARDSTICK = "Postgres alone counts to 100,000"
"""Asked in every round too: the machine's speed differs by half between its minutes, and by more between its hours."""
WARM = 20
"""Requests of each kind, before those of a round, that are not counted: they fill caches that the kind before has emptied."""
READY_SECONDS = 30.0

API = "/api/v1"
QUESTIONS = (
    ("effective scale of a course", f"{API}/courses/{{any}}/outcome_proficiency", 5),
    (
        "rollups, 100 students of 500 x 20 outcomes x 5 results",
        f"{API}/courses/1/outcome_rollups?per_page=100&page={{page}}",
        50,
    ),
    ("rollups, a whole course of 30 x 15 x 11", f"{API}/courses/{{any}}/outcome_rollups?per_page=100", 50),
    (
        "rollups of 100 of 500 students at a date",
        f"{API}/courses/1/outcome_rollups?per_page=100&page={{page}}&at=2025-03-01",
        None,
    ),
    ("results, a page of 100", f"{API}/courses/{{any}}/outcome_results?per_page=100", None),
    ("an outcome", f"{API}/outcomes/{{any}}", None),
    ("the page of a gradebook of 30 x 15", "/courses/{any}/gradebook", 40),
    ("the page of 50 of 500 students x 20 outcomes", "/courses/1/gradebook?per_page=50&page={page}", 120),
    ("the page of a score", "/courses/7/students/{student}/outcomes/{outcome}", 30),
)
"""(what, path, milliseconds that are promised as p99)."""
PEOPLE = 50
"""Who look at gradebooks at once."""
AT_ONCE = "50 people at once, each at a gradebook of 30 x 15"
WEIGHT = 150_000
"""Bytes of a gradebook of 30 students, with all that it loads, at most."""


async def _ready(client: aiohttp.ClientSession, address: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while True:
        try:
            async with client.get(f"{address}/readyz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            pass
        assert time.monotonic() < end, "the server does not start"
        await asyncio.sleep(0.05)


async def _asked(
    client: aiohttp.ClientSession, address: str, path: str, requests: int, score: Mapping[str, Any]
) -> list[float]:
    """Milliseconds of each request, from asking to having the whole answer; sorted."""
    times = []
    for number in range(requests):
        url = address + path.format(any=2 + number % (COURSES - 2), page=1 + number % 5, **score)
        begun = time.perf_counter()
        async with client.get(url) as answer:
            body = await answer.read()
        times.append(1000 * (time.perf_counter() - begun))
        assert answer.status == 200, body[:200]
    return sorted(times)


async def _at_once(client: aiohttp.ClientSession, address: str, score: Mapping[str, Any]) -> list[float]:
    """Milliseconds of each of them, who all ask again as soon as they have an answer; sorted."""
    path = "/courses/{any}/gradebook"
    found = await asyncio.gather(*(_asked(client, address, path, REQUESTS // PEOPLE, score) for _ in range(PEOPLE)))
    return sorted(time for times in found for time in times)


async def _weight(client: aiohttp.ClientSession, address: str) -> int:
    """Bytes of a gradebook of 30 students and of what it loads."""
    total = 0
    for path in ("/courses/2/gradebook", *(f"/static/{name}" for name in (SHEET, SCRIPT, "icon.svg"))):
        async with client.get(address + path) as answer:
            total += len(await answer.read())
    return total


async def _counted(connection: Connection) -> list[float]:
    """Milliseconds of the yardstick, as a client has them; sorted."""
    times = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        await connection.fetchval("SELECT count(*) FROM generate_series(1, 100000)")
        times.append(1000 * (time.perf_counter() - begun))
    return sorted(times)


async def _measure(dsn: str) -> list[dict[str, Any]]:
    connection = await connect(dsn)
    await connection.execute("SET statement_timeout = 0")
    results = await mastery.load(connection, COURSES)
    [row] = await connection.fetch(
        "SELECT user_id AS student, learning_outcome_id AS outcome FROM gradebook_at($1, 7) WHERE score IS NOT NULL LIMIT 1",
        TENANT,
    )
    score = dict(row)
    token, _ = await tokens.create(connection, TENANT, "bench")
    port = free_port()
    variables = environment(DATABASE_URL=dsn, OUTCOMES_LOG_LEVEL="warning")
    command = ("-m", "consumer", "serve", "--port", str(port))
    server = await asyncio.create_subprocess_exec(sys.executable, *command, env=variables, stdout=DEVNULL)
    rounds: dict[str, list[list[float]]] = {what: [] for what in (YARDSTICK, *(what for what, _, _ in QUESTIONS), AT_ONCE)}
    try:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as client:
            await _ready(client, f"http://127.0.0.1:{port}")
            for _ in range(ROUNDS):
                rounds[YARDSTICK].append(await _counted(connection))
                for what, path, _ in QUESTIONS:
                    await _asked(client, f"http://127.0.0.1:{port}", path, WARM, score)
                    rounds[what].append(await _asked(client, f"http://127.0.0.1:{port}", path, REQUESTS, score))
                rounds[AT_ONCE].append(await _at_once(client, f"http://127.0.0.1:{port}", score))
            weight = await _weight(client, f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        await server.wait()
        await connection.close()
    promises = {what: promised for what, _, promised in QUESTIONS} | {AT_ONCE: 1_000}
    lines = [_line(what, promises.get(what), times, results) for what, times in rounds.items()]
    return [*lines, dict.fromkeys(lines[0]) | {"what": f"bytes of a gradebook's page, {WEIGHT:,} promised: {weight:,}"}]


def _line(what: str, promised: int | None, rounds: list[list[float]], results: int) -> dict[str, Any]:
    p99 = [times[int(0.99 * len(times))] for times in rounds]
    return {
        "what": what,
        "results in all": results,
        "p50 ms": round(statistics.median(times[len(times) // 2] for times in rounds), 1),
        "p99 ms": round(statistics.median(p99), 1),
        "p99 of the rounds": f"{min(p99):.1f} to {max(p99):.1f}",
        "promised p99": promised,
    }


def run(dsn: str) -> Iterator[dict[str, Any]]:
    """A line for each kind of question."""
    yield from asyncio.run(_measure(dsn))
