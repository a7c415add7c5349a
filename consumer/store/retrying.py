"""Retrying while Postgres or Kafka is away, without a limit in time, until told to stop."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from consumer import log
from consumer.errors import Transient

T = TypeVar("T")


class Stopped(Exception):
    """The command was told to stop."""


async def retrying(
    action: Callable[[], Awaitable[T]],
    *,
    on_failure: Callable[[Transient, float], None],
    first_seconds: float = 0.1,
    most_seconds: float = 15.0,
    jitter: Callable[[], float],
) -> T:
    """Runs `action` until it does not raise `Transient`, with growing pauses. `jitter`: 0 to 1; `on_failure` gets the pause."""
    pause = first_seconds
    while True:
        try:
            return await action()
        except Transient as error:
            seconds = pause * (0.5 + jitter())
            on_failure(error, seconds)
            await asyncio.sleep(seconds)
            pause = min(most_seconds, pause * 2)


class StoppableRetry:
    """Shared by all tasks of a command. `say` gets a sentence once per outage of Postgres; each failure is logged."""

    def __init__(self, say: Callable[[str], None], logger: str) -> None:
        self._say = say
        self._log = log.get(logger)
        self._stop = asyncio.Event()
        self._answers = False
        """Whether Postgres answered the last time."""
        self._said = False

    def stop(self) -> None:
        """Lets the statement that Postgres is working on finish; ends every wait."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    async def unless_stopped(self, request: Awaitable[T]) -> T:
        """The result of `request`; `stop` cancels it and raises `Stopped`."""
        task, stopping = asyncio.ensure_future(request), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self.stopped:
                raise Stopped
            return await task
        finally:
            await _cancel(task, stopping)

    async def patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        """Retries `action` until it succeeds. After `stop`, lets a running statement finish, or raises `Stopped`."""
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
            await _cancel(trying, stopping)

    def _failed(self, error: Transient, seconds: float) -> None:
        if self.stopped:
            raise Stopped from error
        if self._answers or not self._said:
            self._say(f"waiting for Postgres ({error}); Ctrl-C gives up")
        self._answers, self._said = False, True
        self._log.warning("waiting", system="postgres", error=str(error), again_in_seconds=round(seconds, 2))


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
