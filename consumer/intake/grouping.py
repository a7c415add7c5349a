"""Many callers, one write at a time: whatever waits while one write runs goes together into the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Grouped(Generic[T]):
    """Writes items in order of arrival, in groups of at most `most`."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]], most: int) -> None:
        self._write = write
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: T) -> None:
        """Returns once the item is written; raises the error of its group."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_all(), name="group write")
        await written  # a cancellation cancels it too, and so leaves it out of the next group

    async def close(self) -> None:
        """Gives up what is not written; a write that runs in a thread ends first."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _write_all(self) -> None:
        while group := self._next_group():
            try:
                await self._write([item for item, _ in group])
            except asyncio.CancelledError:
                for _, written in [*group, *self._waiting]:
                    written.cancel()
                raise
            except Exception as error:
                for _, written in group:
                    if not written.done():
                        written.set_exception(error)
            else:
                for _, written in group:
                    if not written.done():
                        written.set_result(None)

    def _next_group(self) -> list[tuple[T, asyncio.Future[None]]]:
        waiting = [one for one in self._waiting if not one[1].done()]
        self._waiting = waiting[self._most :]
        return waiting[: self._most]
