"""An intake runs until it is told to stop, or a part of it fails."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from consumer.worker.outages import Health


async def until_stopped(
    stop: asyncio.Event, tasks: Sequence["asyncio.Task[None]"], health: Health, waiting_for: Callable[[], str | None]
) -> None:
    """Returns at `stop`, and raises the error of a task that ends before it. The probes say each second what is waited for."""
    ours = [asyncio.create_task(stop.wait(), name="signal"), asyncio.create_task(_watch(health, waiting_for), name="watch")]
    try:
        done, _ = await asyncio.wait([*tasks, *ours], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await ended(ours)
        health.waiting_for = "the end: it was told to stop"


async def ended(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    """Cancels them, and waits for them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _watch(health: Health, waiting_for: Callable[[], str | None]) -> None:
    while True:
        health.last_progress = time.monotonic()
        health.waiting_for = waiting_for()
        await asyncio.sleep(1)
