"""`python -m tests.bench [--only PART] [--events N] [--rounds N] [--courses N] [--current N] [--versions N] [--json]`.

All parts but `growth`, which fills a disk and takes long: it runs with `--only growth`.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from consumer.engines import kafka as kafka_engine
from consumer.engines import postgres as postgres_engine
from consumer.engines import reaper
from consumer.store import schema
from consumer.store.postgres import connect
from tests.bench import (
    duplicates,
    erased,
    growth,
    intake,
    mastery,
    memory,
    processes,
    quiet,
    served,
    shapes,
    sqs,
    summaries,
    throughput,
)

PARTS = (
    "shapes",
    "throughput",
    "processes",
    "duplicates",
    "erased",
    "memory",
    "quiet",
    "mastery",
    "summaries",
    "serve",
    "intake",
    "sqs",
)
LONG = ("growth",)
"""Parts that run only where they are asked for."""
EVENTS = 200_000
MANY = 2_000_000
"""Events of the part about memory."""


async def _database(dsn: str, name: str) -> str:
    """A database of our own on the server, at today's schema; returns its address."""
    connection = await connect(dsn)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    from tests.conftest import named

    await schema.migrate(named(dsn, name))
    return named(dsn, name)


async def _drop(dsn: str, name: str) -> None:
    connection = await connect(dsn)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.close()


async def _version(dsn: str) -> str:
    connection = await connect(dsn)
    version: str = await connection.fetchval("SHOW server_version")
    await connection.close()
    return version


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _show(console: Console, title: str, lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Prints them as a table, without their lists, which are for machines."""
    found = list(lines)
    table = Table(title=title, title_justify="left")
    columns = [column for column, value in found[0].items() if not isinstance(value, list)]
    for column in columns:
        table.add_column(column, justify="left" if isinstance(found[0][column], str) else "right")
    for line in found:
        table.add_row(*(_text(line[column]) for column in columns))
    console.print(table)
    return found


def main() -> None:
    """Runs the parts and prints tables, or one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=(*PARTS, *LONG), action="append", help="this part, may be repeated; all but growth")
    parser.add_argument("--events", type=int, help=f"{EVENTS:,}; for memory {MANY:,}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--courses", type=int, default=mastery.COURSES)
    parser.add_argument("--current", type=int, default=growth.CURRENT, help=f"for growth: current rows, {growth.CURRENT:,}")
    parser.add_argument(
        "--versions", type=int, default=growth.VERSIONS, help=f"for growth: {growth.VERSIONS:,}, 900 bytes each"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    parts = options.only or PARTS
    count = options.events or EVENTS
    if "growth" in parts and (why := growth.check(current=options.current, versions=options.versions, rounds=options.rounds)):
        parser.error(why)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what fills the disk is removed
    console = Console(stderr=options.json, width=130)
    with ExitStack() as engines:
        reaper.mark_all_children()
        folder = engines.enter_context(reaper.temporary_folder("outcomes-bench-"))
        postgres = engines.enter_context(postgres_engine.postgres(folder / "postgres"))
        kafka = (
            engines.enter_context(kafka_engine.kafka(folder / "kafka"))
            if set(parts) - {"shapes", "erased", "mastery", "summaries", "serve"}
            else None
        )
        dsn = asyncio.run(_database(postgres.dsn, "outcomes_bench"))
        facts = {
            "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "postgres": f"{asyncio.run(_version(dsn))} ({postgres.what})",
            "kafka": kafka.what if kafka else None,
            "command": " ".join(["python -m tests.bench", *sys.argv[1:]]),
        }
        console.print(facts)
        found: dict[str, Any] = {"machine": facts}
        if "shapes" in parts:
            some = max(20_000, count // 4 // 10_000 * 10_000)
            lines = shapes.run(dsn, count=some, rounds=options.rounds)
            found["shapes"] = _show(console, f"statement shapes, {some:,} events", lines)
        if "throughput" in parts and kafka:
            measured = throughput.run(dsn, kafka.bootstrap, count=count, rounds=options.rounds)
            title = f"to the projection: {count:,} events, {options.rounds} rounds; s/M: CPU seconds per million events"
            found["throughput"] = _show(console, title, throughput.lines(count, measured))
            found["ratios"] = _show(console, "side by side", throughput.ratios(measured))
        if "processes" in parts and kafka:
            without = processes.run(dsn, kafka.bootstrap, count=count, rounds=options.rounds)
            found["processes"] = _show(console, "with Postgres' work taken out", processes.lines(count, without))
            found["processes beside one"] = _show(console, "side by side", throughput.ratios(without, processes.COMPARED))
        if "duplicates" in parts and kafka:
            lines = duplicates.run(dsn, kafka.bootstrap, count=count, rounds=options.rounds)
            found["duplicates"] = _show(console, f"{count:,} events that are there already", lines)
        if "erased" in parts:
            lines = erased.run(dsn, count=count, rounds=options.rounds)
            found["erased"] = _show(console, f"{count:,} events, erased people kept out", lines)
        if "memory" in parts and kafka:
            lines = memory.run(dsn, kafka.bootstrap, count=options.events or MANY, slow_count=count)
            found["memory"] = _show(console, "resident memory of one worker", lines)
        if "quiet" in parts and kafka:
            found["quiet"] = _show(console, "from produce to visible", quiet.run(dsn, kafka.bootstrap, seconds=20))
        if "mastery" in parts:
            term = asyncio.run(_database(postgres.dsn, "outcomes_bench_term"))
            found["mastery"] = _show(
                console, f"reading, {options.courses:,} courses", mastery.run(term, courses=options.courses)
            )
        if "summaries" in parts:
            empty, term = (asyncio.run(_database(postgres.dsn, f"outcomes_bench_{name}")) for name in ("marks", "summaries"))
            title = f"kept summaries, {options.courses:,} courses"
            found["summaries"] = _show(console, title, summaries.run(empty, term, courses=options.courses))
        if "serve" in parts:
            term = asyncio.run(_database(postgres.dsn, "outcomes_bench_serve"))
            title = (
                f"over HTTP, one request after the other; medians of {served.ROUNDS} rounds of {served.REQUESTS} of each kind"
            )
            found["serve"] = _show(console, title, served.run(term))
        if "intake" in parts and kafka:
            found["intake"] = _show(console, "intake", intake.run(kafka.bootstrap, count=count // 4))
        if "sqs" in parts and kafka:
            found["sqs"] = _show(console, "intake from a queue", sqs.run(kafka.bootstrap, count=count // 20))
        if "growth" in parts and kafka:
            full = asyncio.run(_database(postgres.dsn, "outcomes_bench_full"))
            engines.callback(lambda: asyncio.run(_drop(postgres.dsn, "outcomes_bench_full")))
            tables = growth.run(
                dsn,
                full,
                kafka.bootstrap,
                current=options.current,
                versions=options.versions,
                count=count,
                rounds=options.rounds,
            )
            found["growth"] = {title: _show(console, title, lines) for title, lines in tables.items()}
    if options.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
