"""What is already there, told once more: nothing changes, and how long that takes."""

import asyncio
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consumer.app import tune_garbage_collector
from tests.bench import running
from tests.bench.expected import decoded, expected
from tests.bench.rows import events
from tests.bench.throughput import FILE, ONE, Measured, capture, judged, line


def run(dsn: str, bootstrap: str, *, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Topic and file, each the first time and again; `of first` is the median over rounds of again / first in events/s."""
    values = list(events(count))
    right = expected(decoded(values))
    tune_garbage_collector()
    found: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = capture(Path(folder), values)
        asyncio.run(running.topic(dsn, bootstrap, values))  # not counted: the engines' first run makes files and compiles
        for _ in range(rounds):
            for what in (ONE, FILE):
                asyncio.run(running.empty(dsn))
                for again in (False, True):
                    if what == FILE:
                        one = asyncio.run(running.file(dsn, path, again=again))
                    else:  # another topic with the same events
                        one = asyncio.run(running.topic(dsn, bootstrap, values))
                    measured = judged(dsn, right, one, count * (1 + again))
                    found.setdefault(f"{what}, {'again' if again else 'first'}", []).append(measured)
    for what, rounds_ in found.items():
        first = found[what.replace("again", "first")]
        each = [before.run.seconds / after.run.seconds for before, after in zip(first, rounds_, strict=True)]
        yield line(what, count, rounds_) | {"of first": round(statistics.median(each), 2)}
