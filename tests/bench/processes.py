"""`outcomes worker --processes 2` beside one worker, with Postgres' work taken out: what the second core is worth to us."""

import asyncio
from collections.abc import Iterator
from typing import Any

from tests.bench import running
from tests.bench.rows import events
from tests.bench.throughput import Measured, line

ONE, TWO = "one worker, no tables", "two processes, no tables"
COMPARED = ((TWO, ONE),)
"""1.8 is promised."""


def run(dsn: str, bootstrap: str, *, count: int, rounds: int) -> dict[str, list[Measured]]:
    """Both in turn. The books of each are whole, or the clock would not stop."""
    values = list(events(count))
    found: dict[str, list[Measured]] = {ONE: [], TWO: []}

    def measured(members: int) -> Measured:
        # Compressed, as most topics are: else the broker's work takes a good part of the second core.
        run = running.topic(dsn, bootstrap, values, count=members, module="tests.bench.tableless", compression="zstd")
        return Measured(asyncio.run(run), 0)

    measured(2)  # not counted: the broker compiles what it does most
    for _ in range(rounds):
        for members, what in enumerate(found, 1):
            asyncio.run(running.empty(dsn))
            found[what].append(measured(members))
    return found


def lines(count: int, found: dict[str, list[Measured]]) -> Iterator[dict[str, Any]]:
    """A line for each."""
    for what, rounds in found.items():
        yield {**line(what, count, rounds), "tables": "none"}
