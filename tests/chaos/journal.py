"""What happened, fault by fault."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from tests.chaos.monitor import Monitor
from tests.chaos.stream import Telling


@dataclass(slots=True)
class Fault:
    """One harm that was done."""

    kind: str
    where: str
    at: float
    """Seconds since the first worker was started."""
    harm_seconds: float
    """How long it lasted; 0 for a kill."""
    recovery_seconds: float | None = None
    """From the end of the harm until the partitions that it concerned were read on."""
    kills: bool = False

    @property
    def over(self) -> float:
        """When it was recovered from, in seconds since the first worker was started."""
        return self.at + self.harm_seconds + (self.recovery_seconds or 0)


@dataclass(slots=True)
class Journal:
    """All faults of a run so far."""

    monitor: Monitor
    telling: Telling
    planned: int
    began: float = field(default_factory=time.monotonic)
    faults: list[Fault] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    """Workers that ended by themselves."""

    def share(self) -> float:
        """How much of what is planned has been done."""
        return len(self.faults) / self.planned if self.planned else 1.0

    def due(self, share: float, outages: Collection[str]) -> bool:
        """Whether so much of the plan is done, or all of it but these kinds."""
        left = self.planned - len(self.faults)
        return self.share() >= share or left <= len(outages) - sum(fault.kind in outages for fault in self.faults)

    def note(self, kind: str, where: str, begun: float, ended: float | None = None, *, kills: bool = False) -> Fault:
        """Writes a fault down. Times are monotonic."""
        fault = Fault(kind, where, begun - self.began, (ended or begun) - begun, kills=kills)
        self.faults.append(fault)
        return fault

    def recovery(self, fault: Fault, ended: float, since: dict[int, int], partitions: Collection[int]) -> asyncio.Task[None]:
        """Measures how long it takes from `ended` until these partitions (none: all) are read on from `since`."""

        async def measure() -> None:
            await self.monitor.moved(since, partitions, self.telling)
            fault.recovery_seconds = max(0.0, time.monotonic() - ended)

        return asyncio.create_task(measure(), name=f"recovery from {fault.kind}")


async def wait_until(condition: Callable[[], bool]) -> None:
    """Asks until it is so; whoever loses patience cancels it."""
    while True:
        if condition():
            return
        await asyncio.sleep(0.05)


def by_kind(faults: Iterable[Fault]) -> dict[str, list[Fault]]:
    """Faults by kind, the most frequent first."""
    found: dict[str, list[Fault]] = {}
    for fault in faults:
        found.setdefault(fault.kind, []).append(fault)
    counts = Counter({kind: len(those) for kind, those in found.items()})
    return {kind: found[kind] for kind, _ in counts.most_common()}
