"""What is told of the runs: a line of evidence, a report in Markdown, and every fault in a CSV file beside it."""

import csv
import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from consumer.engines import kafka
from tests.chaos.journal import Fault, by_kind
from tests.chaos.run import Run

_DEFINITIONS = """\
* **lost**: versions that the simulator's truth or an undisturbed run of the same messages has and the run lacks, current rows
  that are not the newest that was told, and events that were told and are in no book.
* **doubled**: events in the books beyond those that were told, and versions that the truth or the undisturbed run lacks.
* **regressed**: what a monitor, which looks at the database past all harm some times a second, saw going backwards: a position,
  a current row of a sample, a number of versions. Only a restore from a backup may do that, and is announced to it.
* **books exact**: consumed is what was told, `outcomes verify` holds, and duplicates, ignored and quarantined are what the
  truth says. What Canvas posts to the intake may be in the topic twice; each such copy must be a duplicate in the books.
* **posted**: a part of the events is signed and posted to the intake as Canvas does, each again until it is answered with 2xx.
* **recovery**: seconds from the end of the harm (for the intake: until it answers an event with 2xx; for a worker: from its
  death, for SIGTERM from the signal) until the
  partitions that it concerned are read on: at least one, and each other in which something is left. A kill concerns the
  partitions that the worker had, an outage concerns all. Kills go on during outages and then wait for the end of those, so
  there are columns for those that no outage came upon.
"""

_NOT_MADE = """\
Faults that one small Linux machine cannot make, and so nobody has seen here: power loss with torn pages or with writes that the
disk confirmed and forgot; a frozen machine (processes are frozen instead) and a wrong clock of the whole machine (the limit of
`event_time` stands in); packets that vanish without a reset (the proxy's silence stands in); two Postgres primaries that both
take writes; the loss of one Kafka broker of several. `pg_wal` alone full makes Postgres stop, which is its immediate restart.

Drawn by chance here are the faults of workers, Postgres and the broker. Those of topics (made anew, retention, partitions,
compaction, transactions), input and operation have tests of their own in `tests/faults`, and `make fuzz`.
"""


def evidence(runs: Sequence[Run]) -> str:
    """One line about all runs."""
    faults = [fault for run in runs for fault in run.faults]
    kinds = ", ".join(f"{kind} {len(those)}" for kind, those in by_kind(faults).items())
    verdicts = [run.verdict for run in runs]
    judged = [verdict for verdict in verdicts if verdict is not None]
    unknown = " and not known of all" if len(judged) < len(runs) else ""
    exact = len(judged) == len(runs) and all(verdict.books_exact for verdict in judged)
    return (
        f"faults {len(faults)} by kind {{{kinds}}}, events {sum(run.events for run in runs)}, "
        f"of them posted {sum(run.posted for run in runs)} ({sum(run.copies for run in runs)} twice), seeds {len(runs)}, "
        f"lost {sum(verdict.lost for verdict in judged)}{unknown}, "
        f"doubled {sum(verdict.doubled for verdict in judged)}{unknown}, "
        f"regressed {sum(len(run.regressions) for run in runs)}, books {'exact' if exact else 'NOT EXACT'}"
    )


def wrong(run: Run) -> list[str]:
    """Sentences about what was not as it should be."""
    found = [run.gave_up] if run.gave_up else []
    found += run.regressions + run.unexpected + run.telltales
    return found + list(run.verdict.wrong if run.verdict else ())


def write(path: Path, runs: Sequence[Run], command: str) -> None:
    """The report, and the list of faults beside it."""
    faults = [fault for run in runs for fault in run.faults]
    beside = {id(fault): _beside(fault, run) for run in runs for fault in run.faults}
    list_of_faults = path.with_suffix(".csv")
    seconds = sum(run.seconds for run in runs)
    lines = [
        "# Kills, cuts and outages",
        "",
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}: {seconds / 60:.0f} minutes, "
        f"{sum(run.kills for run in runs):,} workers killed.",
        "",
        f"Machine: {os.cpu_count()} cores; Python {platform.python_version()}, PostgreSQL {runs[0].postgres}, Apache Kafka "
        f"{kafka.VERSION}, an intake, two workers and what hurts them, all on these cores.",
        "",
        f"> {evidence(runs)}",
        "",
        _DEFINITIONS,
        _NOT_MADE,
        "## Recovery by kind",
        "",
        "| fault | count | median s | p95 s | most s | outside outages | median s | p95 s | most s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(_row(kind, those, [fault for fault in those if not beside[id(fault)]]) for kind, those in by_kind(faults).items()),
        "",
        "## By seed",
        "",
        "| seed | events | faults | kills | seconds | looks of the monitor | lost | doubled | regressed | digest | books |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|---|",
        *map(_seed, runs),
        "",
        f"Each fault with its moment and its recovery: [{list_of_faults.name}]({list_of_faults.name}).",
    ]
    for run in runs:
        if sentences := wrong(run):
            lines += ["", f"## Wrong with seed {run.seed}", "", "```", *sentences[:50], "```"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with list_of_faults.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("seed", "at_seconds", "fault", "where", "harm_seconds", "recovery_seconds", "during"))
        for run in runs:
            for fault in sorted(run.faults, key=lambda fault: fault.at):
                recovery = "" if fault.recovery_seconds is None else f"{fault.recovery_seconds:.2f}"
                row = (run.seed, f"{fault.at:.2f}", fault.kind, fault.where, f"{fault.harm_seconds:.2f}", recovery)
                table.writerow((*row, beside[id(fault)]))


def _beside(fault: Fault, run: Run) -> str:
    """The outage during which this happened to a worker, or that came while the worker recovered."""
    if not fault.where:
        return ""
    for outage in run.faults:
        if not outage.where and outage.at < fault.over and fault.at < outage.over:
            return outage.kind
    return ""


def _row(kind: str, faults: Sequence[Fault], alone: Sequence[Fault]) -> str:
    """Recovery of all of a kind; and, of what happens to workers, of those that no outage came upon."""
    return f"| {kind} | {_seconds(faults)} | {_seconds(alone) if faults[0].where else ' | | | '} |"


def _seconds(faults: Sequence[Fault]) -> str:
    seconds = sorted(fault.recovery_seconds for fault in faults if fault.recovery_seconds is not None)
    if not seconds:
        return f"{len(faults)} | | | "
    p95 = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    return f"{len(faults)} | {statistics.median(seconds):.2f} | {p95:.2f} | {seconds[-1]:.2f}"


def _seed(run: Run) -> str:
    start = f"| {run.seed} | {run.events:,} | {len(run.faults)} | {run.kills} | {run.seconds:.0f} | {run.looks:,} |"
    if run.verdict is None:
        return f"{start} not known | not known | {len(run.regressions)} | not known | not known |"
    verdict = run.verdict
    same = "the undisturbed run's" if verdict.same_digest else "ANOTHER"
    books = "exact" if verdict.books_exact else "NOT EXACT"
    return f"{start} {verdict.lost} | {verdict.doubled} | {len(run.regressions)} | {same} | {books} |"
