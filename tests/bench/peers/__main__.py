"""`python -m tests.bench.peers [--events N] [--rounds N] [--only NAME] [--json]`."""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from consumer.engines import kafka as kafka_engine
from consumer.engines import reaper
from consumer.store.postgres import connect
from tests.bench.peers.measure import Failed, Run, run
from tests.bench.peers.server import Server, on_tcp
from tests.bench.peers.sinks import SINKS, Missing
from tests.bench.peers.stream import WARM_EVENTS, streams


def _line(name: str, size: int, runs: list[Run], why: str) -> dict[str, Any]:
    """One row of the table; `why` says why there is nothing to say."""
    sink = SINKS[name]
    if not runs:
        return {"what": f"{sink.what}: {why[:200]}"}
    rates = [one.rate for one in runs]
    wrong = max(one.wrong for one in runs)
    return {
        "what": sink.what,
        "record bytes": size,
        "events/s": round(statistics.median(rates)),
        "least": round(min(rates)),
        "most": round(max(rates)),
        "client CPU s/M": round(statistics.median(one.client for one in runs), 1),
        "server CPU s/M": round(statistics.median(one.server for one in runs), 1),
        "peak MB": round(max(one.peak for one in runs) / 2**20),
        "its promise": f"newest: {_verdict(wrong)}" if sink.promises_newest else f"last arrived: {_verdict(wrong)}",
        "stale rows": max(one.stale for one in runs),
    }


def _verdict(wrong: int) -> str:
    return f"WRONG ({wrong:,} rows)" if wrong else "right"


async def _measured(
    console: Console, names: list[str], server: Server, bootstrap: str, *, events: int, rounds: int
) -> list[dict[str, Any]]:
    """The table's rows; the rounds of all sinks take turns, so that a slow minute of the machine hits all."""
    whys: dict[str, str] = {}
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for name in names:
        try:
            SINKS[name].prepare()
        except Missing as missing:
            whys[name] = str(missing)
    wanted = [name for name in names if name not in whys]
    found = streams(events, {SINKS[name].form for name in wanted})
    for number in range(rounds):
        for name in wanted:
            if name in whys:
                continue
            try:
                one = await run(SINKS[name], found[SINKS[name].form], server, bootstrap)
            except Failed as failed:
                whys[name] = f"round {number + 1} failed, {failed}"
                console.print(f"{name}: {whys[name]}", markup=False)
                continue
            runs[name].append(one)
            console.print(f"round {number + 1}: {name}: {one.rate:,.0f} events/s", markup=False)
    sizes = {form: stream.bytes_each() for form, stream in found.items()}
    return [_line(name, sizes.get(SINKS[name].form, 0), runs[name], whys.get(name, "")) for name in names]


async def _version(dsn: str) -> str:
    connection = await connect(dsn)
    version: str = await connection.fetchval("SHOW server_version")
    await connection.close()
    return version


def main() -> None:
    """Runs the sinks and prints a table, or one JSON object; ends with 1 where our own worker gave no numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=SINKS, action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    console = Console(stderr=options.json, width=200)
    names = options.only or [name for name, sink in SINKS.items() if sink.usual]
    with ExitStack() as engines:
        reaper.mark_all_children()
        folder = engines.enter_context(reaper.temporary_folder("outcomes-peers-"))
        postgres = engines.enter_context(on_tcp(folder / "postgres"))
        kafka = engines.enter_context(kafka_engine.kafka(folder / "kafka"))
        facts = {
            "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "postgres": f"{asyncio.run(_version(postgres.dsn))} ({postgres.what})",
            "kafka": kafka.what,
            "command": " ".join(["python -m tests.bench.peers", *sys.argv[1:]]),
        }
        console.print(facts)
        lines = asyncio.run(_measured(console, names, postgres, kafka.bootstrap, events=options.events, rounds=options.rounds))
    title = f"{options.events:,} events, {options.rounds} rounds, {WARM_EVENTS:,} events beforehand"
    table = Table(title=title, title_justify="left")
    columns = max(lines, key=len)
    for column in columns:
        table.add_column(column, justify="left" if isinstance(columns[column], str) else "right")
    for line in lines:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in line.values()))
    console.print(table)
    if options.json:
        print(json.dumps({"machine": facts, "peers": lines}, indent=2))
    ours = next((line for line in lines if line["what"].startswith(SINKS["ours"].what)), None)
    sys.exit(ours is not None and "events/s" not in ours)


if __name__ == "__main__":
    main()
