"""`python -m tests.mutation [--only WORDS]`: takes guards out of a copy, one by one; the tests must notice each."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from consumer.engines import kafka as kafka_engine
from consumer.engines import postgres as postgres_engine
from consumer.engines import reaper
from tests.mutation.mutants import MUTANTS, ROOT, Mutant, StaleMutant

_NOT_COPIED = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step of a test that did not pass, or of a test that did."""

    test: str
    outcome: str
    asserted: bool
    """Failed because something was not as promised; otherwise the code merely broke."""
    error: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run of some tests in a copy."""

    outcomes: tuple[Outcome, ...]
    """Empty where pytest did not come to the tests."""
    seconds: float
    said: str

    def not_passed(self) -> list[Outcome]:
        """Failed or skipped."""
        return [outcome for outcome in self.outcomes if outcome.outcome != "passed"]

    def killers(self) -> list[Outcome]:
        """Tests that failed by an assertion, each with the first one."""
        return list({outcome.test: outcome for outcome in reversed(self.outcomes) if outcome.asserted}.values())[::-1]


def _run(copy: Path, tests: Iterable[str], engines: Mapping[str, str]) -> Run:
    told, begun = copy / "told.json", time.monotonic()
    told.write_text("[]", encoding="utf-8")  # not what was told of the code as it is
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutation.telling", "--told", told, *dict.fromkeys(tests)],
        cwd=copy,
        env={**os.environ, **engines, "PYTHONPATH": str(copy)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # 0: all passed, 1: some failed. Anything else is no answer about the code: nothing was collected, pytest itself broke.
    outcomes = json.loads(told.read_text(encoding="utf-8")) if done.returncode in (0, 1) else []
    return Run(tuple(Outcome(**outcome) for outcome in outcomes), time.monotonic() - begun, done.stdout)


def _show(console: Console, mutant: Mutant, run: Run) -> bool:
    """A line for people; returns whether the mutant was killed."""
    killers, seconds = run.killers(), f"{run.seconds:5.1f} s"
    if killers:
        console.print(f"[green]killed  [/] {seconds}  {mutant.name}")
        for killer in killers:
            line = f"{killer.test.split('::')[-1]}: {killer.error}"
            console.print(f"                   {line:.160}", style="dim", markup=False)
    elif failed := run.not_passed():
        console.print(f"[red]broken  [/] {seconds}  {mutant.name}: no assertion failed, but {escape(failed[0].error)}")
    elif run.outcomes:
        console.print(f"[red]survived[/] {seconds}  {mutant.name}: {mutant.file}")
    else:
        console.print(f"[red]broken  [/] {seconds}  {mutant.name}: the tests did not run")
        console.print(run.said[-2000:], markup=False)
    return bool(killers)


def _check(console: Console, chosen: list[Mutant]) -> bool:
    """Runs them all; returns whether every mutant was killed."""
    with ExitStack() as stack:
        reaper.mark_all_children()
        folder = stack.enter_context(reaper.temporary_folder("outcomes-mutation-"))
        postgres = stack.enter_context(postgres_engine.postgres(folder / "postgres"))
        broker = stack.enter_context(kafka_engine.kafka(folder / "kafka"))
        engines = {"DATABASE_URL": postgres.dsn, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}
        console.print(f"postgres: {postgres.what}\nkafka: {broker.what}")

        whole = folder / "whole"
        shutil.copytree(ROOT, whole, ignore=_NOT_COPIED)
        run = _run(whole, (test for mutant in chosen for test in mutant.tests), engines)
        if not run.outcomes or run.not_passed():
            console.print(run.said, markup=False)
            console.print("The tests do not pass on the code as it is; so nothing can be said about mutants.", style="red")
            return False
        console.print(f"{len(run.outcomes)} tests pass on the code as it is: {run.seconds:.1f} s")

        killed = 0
        for number, mutant in enumerate(chosen):
            copy = folder / f"mutant-{number}"
            shutil.copytree(whole, copy)
            (copy / mutant.file).write_text(mutant.text(whole), encoding="utf-8")
            killed += _show(console, mutant, _run(copy, mutant.tests, engines))
            shutil.rmtree(copy)
    console.print(f"{killed} of {len(chosen)} mutants killed")
    return killed == len(chosen)


def main() -> None:
    """Shows a line for each mutant; exit code 1 where one survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="WORDS",
        default="",
        help="mutants whose name holds this, in any case; where none does, all names are listed",
    )
    words = parser.parse_args().only
    chosen = [mutant for mutant in MUTANTS if words.casefold() in mutant.name.casefold()]
    if not chosen:
        names = "".join(f"\n  {mutant.name}" for mutant in MUTANTS)
        parser.error(f"no mutant's name holds {words!r}; there are:{names}")
    console, begun = Console(highlight=False, soft_wrap=True), time.monotonic()
    try:
        for mutant in chosen:
            mutant.text(ROOT)
    except StaleMutant as error:
        sys.exit(str(error))
    killed = _check(console, chosen)
    console.print(f"{time.monotonic() - begun:.0f} s in all")
    sys.exit(not killed)


if __name__ == "__main__":
    main()
