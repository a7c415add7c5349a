"""Kept summaries at size: what marking costs the writer, how fast courses are computed, and an account added up."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Any

from consumer.store import summaries
from consumer.store.postgres import Connection, connect, write_times_fast
from consumer.store.writer import Writer
from tests.bench import mastery
from tests.bench.machine import cpu_seconds
from tests.bench.shapes import PARTITION, batches
from tests.samples import TENANT

RUNS = 15
STALE = 35
ROUNDS = 4
ACCOUNT = f"SELECT * FROM account_outcome_summary('{TENANT}', 1)"


async def marking(dsn: str, size: int, count: int) -> dict[str, Any]:
    """Processor time of the session that writes, with and without the triggers, in turn; none of it is the client's."""
    connection = await connect(dsn)
    await write_times_fast(connection)
    await connection.execute("SET synchronous_commit = off")
    writer, tables = Writer(connection), ("learning_outcome_result", "learning_outcome_result_version")
    spent: dict[str, list[float]] = {"ENABLE ALWAYS": [], "DISABLE": []}
    await writer.open_position(PARTITION, 0)
    told = batches(count, size)
    for turn in range(ROUNDS):
        for state in sorted(spent, reverse=bool(turn % 2)):
            await connection.execute("TRUNCATE learning_outcome_result, learning_outcome_result_version, stream_position")
            await writer.open_position(PARTITION, 0)
            for table in tables:
                for (name,) in await connection.fetch(
                    "SELECT tgname FROM pg_trigger WHERE tgrelid = $1::regclass AND tgname LIKE 'mark%'", table
                ):
                    await connection.execute(f"ALTER TABLE {table} {state} TRIGGER {name}")
            await writer.write(told[0])  # plans are made
            before = cpu_seconds(connection.get_server_pid())
            for batch in told[1:]:
                await writer.write(batch)
            spent[state].append((cpu_seconds(connection.get_server_pid()) - before) / (count - size) * 1e6)
    await connection.close()
    marked, unmarked = (statistics.median(spent[state]) for state in ("ENABLE ALWAYS", "DISABLE"))
    return _line(
        f"marking, batches of {size:,}: server CPU, µs an event more", marked - unmarked, 1 if size > 1 else unmarked / 20
    )


def _line(what: str, measured: float, promised: float) -> dict[str, Any]:
    return {"what": what, "measured": round(measured, 2), "promised": round(promised, 2)}


async def _fill(connection: Connection) -> float:
    """Computes every course; returns how many a second."""
    begun, computed = time.perf_counter(), 0
    while done := await summaries.refresh(connection, TENANT, 20):
        computed += done.computed
        if not done.waiting:
            break
    return computed / (time.perf_counter() - begun)


async def reading(dsn: str, courses: int) -> list[dict[str, Any]]:
    """Milliseconds in the server, medians."""
    connection = await connect(dsn)
    await connection.execute("SET statement_timeout = 0")
    await mastery.load(connection, courses)
    lines = [_line("courses computed a second, nothing else running", await _fill(connection), 25)]
    await connection.execute("VACUUM ANALYZE")
    lines.append(_line("the root account, nothing stale: ms", await _median(connection, RUNS), 50))
    some = "ARRAY(SELECT 10 + n * greatest($2::integer / 40, 1) FROM generate_series(1, $3) n)"
    mark = f"INSERT INTO outcomes_internal.summary_mark SELECT $1, 'course', {some}"
    await connection.execute(mark, TENANT, courses, STALE)
    lines.append(_line(f"the root account, {STALE} courses stale: ms", await _median(connection, 3), 1_000))
    await _fill(connection)
    await connection.execute("INSERT INTO outcomes_internal.summary_mark VALUES ($1, 'setting')", TENANT)
    lines.append(_line("the root account, all settings compared: ms", await _median(connection, 3), 1_000))
    await connection.close()
    return lines


async def _median(connection: Connection, runs: int) -> float:
    return statistics.median(await mastery.milliseconds(connection, ACCOUNT, runs))


def run(empty: str, term: str, *, courses: int) -> Iterator[dict[str, Any]]:
    """A line for each promise, beside what is promised at 2,000 courses. `empty`, `term`: databases of today's schema."""
    for size, count in ((10_000, 30_000), (1, 500)):
        yield asyncio.run(marking(empty, size, count))
    yield from asyncio.run(reading(term, courses))
