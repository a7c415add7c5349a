"""Harm to the worker of a slot: one fault after the other, and the next worker at once."""

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from typing import Any

from tests.chaos.engines import SESSION_SECONDS
from tests.chaos.journal import Journal, wait_until
from tests.chaos.plan import KILL, TERM, TWIN, ZOMBIE, WorkerFault
from tests.chaos.workers import Slot

POINT_SECONDS = 5.0
"""How long a worker may take to the step at which it is to kill itself; then it is killed wherever it is."""
TERMINATED = (0, 128 + signal.SIGTERM, -signal.SIGTERM)
"""Exit codes after SIGTERM: drained; while starting; before Python was there."""
_SETTLE_SECONDS = 0.05
"""What a dead worker's session still commits is not its successor's work."""


async def harm(slot: Slot, faults: Sequence[WorkerFault], journal: Journal, chance: random.Random) -> None:
    """Does these one after the other. Mostly the slot has recovered before the next; sometimes it gets no time for that."""
    recovering: asyncio.Task[None] | None = None
    recoveries: list[asyncio.Task[None]] = []
    await slot.start(faults[0].point if faults else None)
    for number, fault in enumerate(faults):
        following = faults[number + 1].point if number + 1 < len(faults) else None
        if recovering is not None and chance.random() < 0.8:
            # One that was started to die at a step may do so before anything has recovered: then its successor's turn has come.
            either: set[asyncio.Future[Any]] = {recovering, slot.child.ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(chance.uniform(0, 0.2))
        else:
            await asyncio.sleep(chance.uniform(0.05, 1))
        match fault.kind:
            case k if k == ZOMBIE:
                recovering = await _zombie(slot, journal, chance, following)
            case k if k == TWIN:
                recovering = await _twin(slot, journal, chance, following)
            case _:
                recovering = await _end(slot, fault, journal, following)
        recoveries.append(recovering)
    await asyncio.gather(*recoveries)


async def _end(slot: Slot, fault: WorkerFault, journal: Journal, following: str | None) -> asyncio.Task[None]:
    """The worker dies, by its own hand at a step or by ours."""
    kind, child = fault.kind, slot.child
    partitions = child.partitions()
    if fault.point is not None:
        partitions = await _wait_for_point(slot, fault) or partitions
        if not child.ended.done():
            kind = KILL
    by_itself = child.ended.done() and not child.expected  # of which the slot tells
    ended = time.monotonic()
    code = await slot.end(signal.SIGTERM if kind == TERM else signal.SIGKILL)
    if not by_itself and code not in (TERMINATED if kind == TERM else (-signal.SIGKILL,)):
        journal.unexpected.append(f"{slot.name} ended with {code} by {kind} ({child.log.name}):\n{child.tail()}")
    noted = journal.note(kind, slot.name, ended, time.monotonic() if kind == TERM else None, kills=kind != TERM)
    await slot.start(following)
    await asyncio.sleep(_SETTLE_SECONDS)
    return journal.recovery(noted, ended, await journal.monitor.look(), partitions)


async def _wait_for_point(slot: Slot, fault: WorkerFault) -> frozenset[int]:
    """Waits until the worker has killed itself, or has had time enough; returns the partitions that it had."""
    child = slot.child
    if fault.kind.endswith("draining"):
        await wait_until(lambda: bool(child.partitions()) or child.ended.done())
        child.process.send_signal(signal.SIGTERM)
    await asyncio.wait({child.ended}, timeout=POINT_SECONDS)
    return child.partitions()


async def _zombie(slot: Slot, journal: Journal, chance: random.Random, following: str | None) -> asyncio.Task[None]:
    """The worker is frozen until the others have its partitions, then goes on as if nothing had been."""
    child, begun = slot.child, time.monotonic()
    partitions = child.partitions()
    child.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(SESSION_SECONDS + chance.uniform(0.5, 2))
    since = await journal.monitor.look()
    child.process.send_signal(signal.SIGCONT)
    ended = time.monotonic()
    if following is not None:  # the next one is to die at a step, and is started for that
        await asyncio.sleep(chance.uniform(0.5, 2))
        await slot.end(signal.SIGTERM)
        await slot.start(following)
    return journal.recovery(journal.note(ZOMBIE, slot.name, begun, ended), ended, since, partitions)


async def _twin(slot: Slot, journal: Journal, chance: random.Random, following: str | None) -> asyncio.Task[None]:
    """Frozen, followed by another worker under its name, then back: both are there until the first is killed."""
    zombie, begun = slot.child, time.monotonic()
    zombie.process.send_signal(signal.SIGSTOP)
    zombie.expected = True
    await slot.start(following)
    await asyncio.sleep(chance.uniform(1, 3))
    zombie.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(chance.uniform(1, 3))
    since = await journal.monitor.look()
    zombie.process.send_signal(signal.SIGKILL)
    await zombie.ended
    ended = time.monotonic()
    return journal.recovery(journal.note(TWIN, slot.name, begun, ended, kills=True), ended, since, slot.child.partitions())
