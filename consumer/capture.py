"""Captures topics: records -> files, which `replay` reads. Goes on where the folder's manifest ends."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from consumer import log
from consumer.errors import Transient
from consumer.settings import Settings
from consumer.sources.archive import Archive
from consumer.sources.tailing import Tail, tailing

FILE_SECONDS = 15 * 60.0
"""How often a file is completed that is not full."""
_FETCH_SECONDS = 0.5
_PAUSE_SECONDS = 5.0


class Capturing:
    """One folder. Raises `Fatal` and `UsageError`; waits while Kafka is away."""

    def __init__(self, settings: Settings, folder: Path, *, until_end: bool) -> None:
        self._settings = settings
        self._folder = folder
        self._until_end = until_end
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Completes the open file and ends."""
        self._stopped.set()

    async def run(self) -> Archive:
        """Captures until `stop`, or with `until_end` all records that are in the topics now."""
        archive = await asyncio.to_thread(Archive, self._folder)
        logger = log.get("capture")
        logger.info("capturing", folder=str(self._folder), files=archive.files, records=archive.records)
        try:
            done = False
            while not done and not self._stopped.is_set():
                try:
                    async with tailing(self._settings, archive.positions) as tail:
                        done = await self._all(tail, archive)
                except Transient as error:
                    logger.warning("waiting", system="kafka", error=str(error), again_in_seconds=_PAUSE_SECONDS)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_PAUSE_SECONDS):
                            await self._stopped.wait()
        finally:
            await asyncio.to_thread(archive.close)
        logger.info("captured", folder=str(self._folder), files=archive.files, records=archive.records)
        return archive

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
