"""`python -m tests.chaos [--seeds N | --seed N …] [--events N] [--kills N] [--outages N] [--report FILE]`.

Real workers, a real Kafka and a real Postgres of their own for each seed; a believable stream that goes on while workers are
killed and engines go away; and at the end an independent look, beside the simulator's truth and beside an undisturbed run of
the same messages. Prints a line of evidence; ends with 1 unless nothing is lost, doubled or regressed and the books are exact.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from consumer.engines import reaper
from consumer.engines.kafka import can_run_locally
from tests.chaos import report
from tests.chaos.plan import OUTAGES
from tests.chaos.run import Run, run

EVENTS_PER_KILL = 900
"""Unless told otherwise."""
SHOWN = 20
"""Sentences about what is wrong with a seed."""


def one(seed: int, events: int, kills: int, outages: int) -> tuple[Run, Path | None]:
    """Runs a seed; returns what came of it, and where its logs are if that was not right."""
    folder = Path(tempfile.mkdtemp(prefix="outcomes-chaos-"))
    folder.chmod(0o755)  # Postgres runs as another user where we are root
    reaper.expect("folder", str(folder))
    found = asyncio.run(run(seed, events=events, kills=kills, outages=outages, folder=folder))
    reaper.forget("folder", str(folder))
    if found.right:
        shutil.rmtree(folder)
        return found, None
    for data in (*(path for path in folder.glob("postgres-*") if path.is_dir()), folder / "kafka" / "data"):
        shutil.rmtree(data, ignore_errors=True)  # large; the logs are what tells, and the seed tells the rest again
    for told in folder.glob("*.ndjson"):
        told.unlink()
    return found, folder


def at_least(least: int) -> Callable[[str], int]:
    """Reads such a number."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"not a number: {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}: {text}")
        return value

    return number


def main() -> None:
    """Runs the seeds one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seeds", type=at_least(1), default=1, help="how many: 1, 2, 3 …")
    which.add_argument("--seed", type=int, action="append", help="this one; may be said several times")
    parser.add_argument("--events", type=at_least(1), default=30_000, help="for each seed, about")
    parser.add_argument(
        "--kills", type=at_least(0), help=f"for each seed, at least; one for {EVENTS_PER_KILL} events unless told"
    )
    parser.add_argument("--outages", type=at_least(0), default=len(OUTAGES), help="other faults for each seed")
    parser.add_argument("--report", type=Path, help="write the report here, and a list of all faults beside it as .csv")
    options = parser.parse_args()
    if not can_run_locally():
        parser.error("a Kafka of one's own needs Java and Maven")
    reaper.mark_all_children()
    kills = max(1, options.events // EVENTS_PER_KILL) if options.kills is None else options.kills
    seeds = options.seed or range(1, options.seeds + 1)
    rest = f"--events {options.events} --kills {kills} --outages {options.outages}"
    runs, failed = [], False
    for seed in seeds:
        found, logs = one(seed, options.events, kills, options.outages)
        runs.append(found)
        print(
            f"seed {seed}: {len(found.faults)} faults, {found.kills} kills, {found.seconds:.0f} s", file=sys.stderr, flush=True
        )
        if not found.right:
            failed = True
            print(f"seed {seed} FAILED: python -m tests.chaos --seed {seed} {rest}\nlogs: {logs}", file=sys.stderr)
            for sentence in report.wrong(found)[:SHOWN]:
                print(f"  {sentence}", file=sys.stderr)
        if options.report:
            report.write(options.report, runs, f"python -m tests.chaos {' '.join(sys.argv[1:])}")
    print(report.evidence(runs))
    sys.exit(failed)


if __name__ == "__main__":
    main()
