"""Waiting for Postgres for as long as it takes, and ending when told to: a replay, a backfill."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from consumer import log
from consumer.errors import Transient
from consumer.store.store import retrying

T = TypeVar("T")


class Stopped(Exception):
    """It was told to stop."""


class Patience:
    """Shared by all tasks of a run. `say` hears once in a while that Postgres is waited for, the log each time."""

    def __init__(self, say: Callable[[str], None], logger: str) -> None:
        self._say = say
        self._log = log.get(logger)
        self._stop = asyncio.Event()
        self._answers = False
        """Whether Postgres answered when it was last asked."""
        self._said = False

    def stop(self) -> None:
        """What is being written is written to its end; nothing is asked or waited for any more."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    async def unless_stopped(self, asking: Awaitable[T]) -> T:
        """What somebody else answers; told to stop, it raises `Stopped` at once."""
        task, stopping = asyncio.ensure_future(asking), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self.stopped:
                raise Stopped
            return await task
        finally:
            for one in (task, stopping):
                one.cancel()
            await asyncio.gather(task, stopping, return_exceptions=True)

    async def patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        """Tries for as long as it takes. Told to stop, it finishes what Postgres is at work on, and waits for nothing."""
        trying = asyncio.ensure_future(retrying(action, on_failure=self._failed, jitter=random.random))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({trying, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not trying.done() and not self._answers:
                raise Stopped
            result = await trying
            self._answers = True
            return result
        finally:
            for task in (trying, stopping):
                task.cancel()
            await asyncio.gather(trying, stopping, return_exceptions=True)

    def _failed(self, error: Transient, seconds: float) -> None:
        if self.stopped:
            raise Stopped from error
        if self._answers or not self._said:
            self._say(f"waiting for Postgres ({error}); Ctrl-C gives up")
        self._answers, self._said = False, True
        self._log.warning("waiting", system="postgres", error=str(error), again_in_seconds=round(seconds, 2))
