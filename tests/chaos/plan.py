"""Which harm is done, in which order: drawn from the seed. When exactly it strikes is for the machine to say."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.faults.crashing import POINTS

T = TypeVar("T")

WORKERS_PER_INTAKE = 4
"""Kills of workers for each harm to the intake."""
SLOTS = 2
"""Workers that are always there, but for the moments after a kill."""

OUTAGES = (
    "postgres restarts: fast",
    "postgres restarts: immediate",
    "postgres fails over to its standby",
    "postgres is restored from a backup",
    "postgres is read-only",
    "postgres hangs",
    "connections are slow",
    "connections are cut",
    "connection is cut before COMMIT",
    "connection is cut after COMMIT",
    "connection is cut at a byte",
    "tables are locked",
    "deadlock",
    "erasures are cut off",
    "kafka restarts",
    "kafka is killed",
    "kafka hangs",
    "intake is killed while kafka is away",
    "worker joins and leaves",
    "worker joins and is killed",
    "processes join, one is killed",
    "processes join, their parent is killed",
)
"""Harm to an engine, or to the group as a whole; one at a time, beside what happens to the workers."""

INTAKE = ("intake: SIGKILL", "intake: SIGTERM", "intake: SIGSTOP")
"""Harm to the intake, beside all other."""

KILL, TERM, ZOMBIE, TWIN = "SIGKILL", "SIGTERM", "SIGSTOP past the session", "SIGSTOP beside a twin"


@dataclass(frozen=True, slots=True)
class WorkerFault:
    """What happens to the worker of a slot."""

    kind: str
    point: str | None = None
    """`POINT:N` where the worker kills itself; then it is started for that."""

    @property
    def kills(self) -> bool:
        """Whether a worker dies by SIGKILL of it."""
        return self.kind != TERM and self.kind != ZOMBIE


@dataclass(frozen=True, slots=True)
class Plan:
    """All that happens in one run."""

    workers: tuple[tuple[WorkerFault, ...], ...]
    """By slot."""
    outages: tuple[str, ...]
    intake: tuple[str, ...]

    @property
    def faults(self) -> int:
        """How many."""
        return sum(map(len, self.workers)) + len(self.outages) + len(self.intake)


def drawn(seed: int, kills: int, outages: int) -> Plan:
    """At least `kills` deaths of workers by SIGKILL, some harm to the intake, and `outages` others.

    Every kind comes once before any comes again.
    """
    chance = random.Random(f"plan-{seed}")
    dealt = _dealt(OUTAGES, chance)
    points = _dealt(tuple(POINTS), chance)
    slots: list[list[WorkerFault]] = [[] for _ in range(SLOTS)]
    found, number = 0, 0
    while found < kills:
        fault = _worker_fault(chance, points)
        slots[number % SLOTS].append(fault)
        found, number = found + fault.kills, number + 1
    intake = tuple(itertools.islice(_dealt(INTAKE, chance), max(1, kills // WORKERS_PER_INTAKE)))
    return Plan(tuple(map(tuple, slots)), tuple(itertools.islice(dealt, outages)), intake)


def _worker_fault(chance: random.Random, points: Iterator[str]) -> WorkerFault:
    what = chance.random()
    if what < 0.60:
        return WorkerFault(KILL)
    if what < 0.88:
        point = next(points)
        return WorkerFault(f"SIGKILL at {point}", f"{point}:{1 if point == 'draining' else chance.randrange(1, 5)}")
    if what < 0.94:
        return WorkerFault(TERM)
    return WorkerFault(ZOMBIE if what < 0.97 else TWIN)


def _dealt(kinds: Sequence[T], chance: random.Random) -> Iterator[T]:
    """Each kind once in some order, then each once more."""
    while True:
        yield from chance.sample(kinds, len(kinds))
