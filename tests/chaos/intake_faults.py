"""Harm to the intake: one fault after the other, while Canvas posts."""

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

from tests.chaos.canvas import Canvas
from tests.chaos.journal import Fault, Journal, wait_until
from tests.chaos.worker_faults import TERMINATED
from tests.chaos.workers import Slot

ANSWER_SECONDS = 30.0


async def harm(slot: Slot, kinds: Sequence[str], canvas: Canvas, journal: Journal, chance: random.Random) -> None:
    """Does these, each just when an event was answered: others are in flight then."""
    for kind in kinds:
        await asyncio.sleep(chance.uniform(0.05, 1))
        with suppress(TimeoutError):  # all is posted
            async with asyncio.timeout(ANSWER_SECONDS):
                await canvas.answer()
        begun = time.monotonic()
        if kind == "intake: SIGSTOP":
            slot.child.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(chance.uniform(0.5, 3))
            slot.child.process.send_signal(signal.SIGCONT)
        else:
            number = signal.SIGKILL if kind == "intake: SIGKILL" else signal.SIGTERM
            code = await slot.end(number)
            if code not in (TERMINATED if number == signal.SIGTERM else (-signal.SIGKILL,)):
                journal.unexpected.append(f"{slot.name} ended with {code} by {kind}:\n{slot.child.tail()}")
            await slot.start()
        await _recovery(journal.note(kind, slot.name, begun, time.monotonic()), canvas)


async def _recovery(fault: Fault, canvas: Canvas) -> None:
    """Until an event is answered with 2xx, or none waits for an answer."""
    ended, before = time.monotonic(), canvas.posted
    await wait_until(lambda: canvas.posted > before or canvas.idle)
    fault.recovery_seconds = time.monotonic() - ended
