"""Captures topics: records -> files, which `replay` reads. Goes on where the manifest ends."""

import asyncio
import time
from contextlib import suppress
from typing import NamedTuple

from consumer import log
from consumer.errors import Transient
from consumer.settings import Settings
from consumer.sources.archive import Archive
from consumer.sources.storage import StoreAway, storage_of
from consumer.sources.tailing import Tail, tailing

FILE_SECONDS = 15 * 60.0
"""How often a file is completed that is not full."""
_FETCH_SECONDS = 0.5
_PAUSE_SECONDS = 5.0


class Captured(NamedTuple):
    """What is there now, all of it."""

    files: int
    records: int


class Capturing:
    """To one place. Raises `Fatal` and `UsageError`; waits while Kafka or the object store is away."""

    def __init__(self, settings: Settings, place: str, *, until_end: bool) -> None:
        self._settings = settings
        self._place = place
        self._until_end = until_end
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Completes the open file and ends."""
        self._stopped.set()

    async def run(self) -> Captured:
        """Captures until `stop`, or with `until_end` all records that are in the topics now."""
        captured, done, begun = Captured(0, 0), False, False
        while not done and not self._stopped.is_set():
            try:
                archive = await asyncio.to_thread(lambda: Archive(storage_of(self._place)))
                if not begun:
                    begun = True
                    log.get("capture").info("capturing", place=self._place, files=archive.files, records=archive.records)
                try:
                    async with tailing(self._settings, archive.positions) as tail:
                        done = await self._all(tail, archive)
                finally:
                    await asyncio.to_thread(archive.close)
                    captured = Captured(archive.files, archive.records)
            except Transient as error:
                system = "objects" if isinstance(error, StoreAway) else "kafka"
                log.get("capture").warning("waiting", system=system, error=str(error), again_in_seconds=_PAUSE_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE_SECONDS):
                        await self._stopped.wait()
        log.get("capture").info("captured", place=self._place, files=captured.files, records=captured.records)
        return captured

    async def _all(self, tail: Tail, archive: Archive) -> bool:
        """Whether the end was reached. Before any error the open file is completed: the next tail begins behind it."""
        ends = await tail.ends() if self._until_end else None
        begun = time.monotonic()
        try:
            while not self._stopped.is_set():
                records = await tail.fetch(_FETCH_SECONDS)
                await asyncio.to_thread(archive.append, records)
                if time.monotonic() - begun > FILE_SECONDS:
                    await asyncio.to_thread(archive.complete)
                    begun = time.monotonic()
                if ends is not None and not records and await tail.reached(ends):
                    return True
            return False
        finally:
            await asyncio.to_thread(archive.complete)
