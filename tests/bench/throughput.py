"""Events per second to the projection, beside Postgres alone and beside what somebody would write instead, round by round."""

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer.app import tune_garbage_collector
from tests.bench import alone, running
from tests.bench.expected import Expected, decoded, expected
from tests.bench.machine import Spent
from tests.bench.rows import events
from tests.bench.running import Run

ONE, TWO, FILE = "one worker", "two processes", "file"
ALONE, ALONE_TWICE = "Postgres, 1 connection", "Postgres, 2 connections"
BASELINE = "baseline"

COMPARED = ((ONE, ALONE), (FILE, ALONE), (TWO, ALONE_TWICE), (ONE, BASELINE), (TWO, ONE), (ALONE_TWICE, ALONE))


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of one round."""

    run: Run
    wrong_rows: int
    """Current rows that are not the newest state."""
    history_right: bool = True
    """Whether versions and books are right, where there are any."""


def judged(dsn: str, right: Expected, run: Run, consumed: int) -> Measured:
    """A run, and whether the projection is right after it."""
    return Measured(run, asyncio.run(right.wrong_rows(dsn)), asyncio.run(right.history_right(dsn, consumed)))


def capture(folder: Path, values: Sequence[bytes]) -> Path:
    """A file of these events, a line each."""
    path = folder / "events.ndjson"
    with path.open("wb") as file:
        file.writelines(value + b"\n" for value in values)
    return path


def run(dsn: str, bootstrap: str, *, count: int, rounds: int) -> dict[str, list[Measured]]:
    """Every line once, then again: what the machine does meanwhile meets all of them. For `lines` and `ratios`."""
    values = list(events(count))
    versions = decoded(values)
    right = expected(versions)
    shares = {connections: alone.shares(versions, connections) for connections in (1, 2)}
    tune_garbage_collector()

    def by_postgres(connections: int) -> Measured:
        seconds, cost = alone.write(dsn, shares[connections])
        return judged(dsn, right, Run(seconds, cost), 0)

    def by_workers(members: int) -> Measured:
        return judged(dsn, right, asyncio.run(running.topic(dsn, bootstrap, values, count=members)), count)

    def by_baseline() -> Measured:
        run = asyncio.run(running.baseline(dsn, bootstrap, values))
        return Measured(run, asyncio.run(right.wrong_rows(dsn, "public.baseline_result")))

    with tempfile.TemporaryDirectory() as folder:
        path = capture(Path(folder), values)
        lines: Mapping[str, Callable[[], Measured]] = {
            ONE: lambda: by_workers(1),
            TWO: lambda: by_workers(2),
            FILE: lambda: judged(dsn, right, asyncio.run(running.file(dsn, path)), count),
            ALONE: lambda: by_postgres(1),
            ALONE_TWICE: lambda: by_postgres(2),
            BASELINE: by_baseline,
        }
        found: dict[str, list[Measured]] = {what: [] for what in lines}
        by_workers(1)  # not counted: the engines' first run makes files and compiles, which none of the others has to
        for _ in range(rounds):
            for what, line in lines.items():
                asyncio.run(running.empty(dsn))
                found[what].append(line())
    return found


def _verdict(found: Sequence[Measured]) -> str:
    if not all(measured.history_right for measured in found):
        return "WRONG"
    wrong = sorted({measured.wrong_rows for measured in found})
    return f"{' to '.join(f'{rows:,}' for rows in (wrong[0], wrong[-1])[: len(wrong)])} rows wrong" if wrong[-1] else "right"


def line(what: str, count: int, found: Sequence[Measured]) -> dict[str, Any]:
    """Medians, and the least and most events/s. CPU is seconds per million events, memory that of the largest process."""
    rates = [count / measured.run.seconds for measured in found]
    cost = Spent(*(statistics.median(costs) / count * 1e6 for costs in zip(*(m.run.cost for m in found), strict=True)))
    peaks = [measured.run.peak for measured in found if measured.run.peak is not None]
    return {
        "what": what,
        "events/s": round(statistics.median(rates)),
        "least": round(min(rates)),
        "most": round(max(rates)),
        "client s/M": round(cost.client, 1),
        "server s/M": round(cost.server, 1),
        "broker s/M": round(cost.broker, 1),
        "peak MB": round(max(peaks) / 2**20) if peaks else None,
        "tables": _verdict(found),
        "rounds": [round(rate) for rate in rates],
    }


def lines(count: int, found: Mapping[str, Sequence[Measured]]) -> Iterator[dict[str, Any]]:
    """A line for each way."""
    for what, rounds in found.items():
        yield line(what, count, rounds)


def ratios(found: Mapping[str, Sequence[Measured]], compared: Iterable[tuple[str, str]] = COMPARED) -> Iterator[dict[str, Any]]:
    """How fast one way is beside another: by the medians, and by each round alone, where both met the same machine."""
    for ours, theirs in compared:
        times, others = ([measured.run.seconds for measured in found[what]] for what in (ours, theirs))
        each = [other / time for time, other in zip(times, others, strict=True)]
        yield {
            "events/s of": ours,
            "beside": theirs,
            "of medians": round(statistics.median(others) / statistics.median(times), 2),
            "median of rounds": round(statistics.median(each), 2),
            "least": round(min(each), 2),
            "most": round(max(each), 2),
        }
