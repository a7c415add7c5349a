"""`python -m tests.bench [--only PART] [--events N] [--rounds N] [--courses N] [--json]`."""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from consumer.engines import kafka as kafka_engine
from consumer.engines import postgres as postgres_engine
from consumer.store import schema
from consumer.store.postgres import connect
from tests.bench import mastery, quiet, shapes, throughput

PARTS = ("shapes", "throughput", "quiet", "mastery")


async def _database(dsn: str, name: str) -> str:
    """A database of our own on the server, at today's schema; returns its address."""
    connection = await connect(dsn)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    from tests.conftest import named

    await schema.migrate(named(dsn, name))
    return named(dsn, name)


async def _version(dsn: str) -> str:
    connection = await connect(dsn)
    version: str = await connection.fetchval("SHOW server_version")
    await connection.close()
    return version


def _show(console: Console, title: str, lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found = list(lines)
    table = Table(title=title, title_justify="left")
    for column in found[0]:
        table.add_column(column, justify="left" if isinstance(found[0][column], str) else "right")
    for line in found:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in line.values()))
    console.print(table)
    return found


def main() -> None:
    """Runs the parts and prints tables, or one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--courses", type=int, default=mastery.COURSES)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    parts = options.only or PARTS
    console = Console(stderr=options.json, width=130)
    with ExitStack() as engines:
        folder = Path(engines.enter_context(tempfile.TemporaryDirectory(prefix="outcomes-bench-", ignore_cleanup_errors=True)))
        folder.chmod(0o755)
        postgres = engines.enter_context(postgres_engine.postgres(folder / "postgres"))
        kafka = engines.enter_context(kafka_engine.kafka(folder / "kafka")) if set(parts) - {"shapes", "mastery"} else None
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
            count = max(20_000, options.events // 4 // 10_000 * 10_000)
            lines = shapes.run(dsn, count=count, rounds=options.rounds)
            found["shapes"] = _show(console, f"statement shapes, {count:,} events", lines)
        if "throughput" in parts and kafka:
            lines = throughput.run(dsn, kafka.bootstrap, count=options.events // 10_000 * 10_000, rounds=options.rounds)
            found["throughput"] = _show(console, "to the projection, with versions, positions and books", lines)
        if "quiet" in parts and kafka:
            found["quiet"] = _show(console, "from produce to visible", quiet.run(dsn, kafka.bootstrap, seconds=20))
        if "mastery" in parts:
            term = asyncio.run(_database(postgres.dsn, "outcomes_bench_term"))
            found["mastery"] = _show(
                console, f"reading, {options.courses:,} courses", mastery.run(term, courses=options.courses)
            )
    if options.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
