"""An event is kept once the outlet has it or, while the outlet is away, the spool."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence

import orjson

from consumer import log
from consumer.errors import Fatal, OutcomesError, RecordTooLarge, Transient
from consumer.intake.events import Event
from consumer.intake.grouping import Grouped
from consumer.intake.metrics import IntakeMetrics
from consumer.intake.outlet import Outlet
from consumer.intake.spool import Spool

OUTLET_SECONDS = 5.0
"""How long the outlet may take for an event. With the time to read the request and to write the spool, Canvas' 15 s hold."""
MOST_TOGETHER = 500
"""Most events that the spool writes with one fsync."""
DRAIN_BYTES = 256 * 1024
"""About so much of the spool goes to the outlet at a time."""
FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.5, 15.0
"""Between two tries while the outlet is away."""


class Keeper:
    """Without a spool (None), what the outlet does not take is not kept. `came_in`: `https`, or `sqs:` and the queue's name."""

    def __init__(
        self,
        outlet: Outlet,
        spool: Spool | None,
        metrics: IntakeMetrics,
        *,
        came_in: str = "https",
        outlet_seconds: float = OUTLET_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._outlet = outlet
        self._spool = spool
        self._metrics = metrics
        self._paused = metrics.paused.labels(came_in)
        self._outlet_seconds = outlet_seconds
        self._sleep = sleep
        self._spooling = Grouped(self._append, MOST_TOGETHER)
        self._spooled = asyncio.Event()
        self._away_since: float | None = None
        self._spool_works = True

    @property
    def waiting_for(self) -> str | None:
        """Why no event can be kept now; None if it can."""
        if self._away_since is None or (self._spool is not None and self._spool_works):
            return None
        return "the topic or the database" if self._spool is None else "the topic or the database, and room on the spool's disk"

    async def check(self) -> None:
        """Tries the outlet. Raises `Fatal` or `UsageError`; while it is away, events go to the spool."""
        try:
            async with asyncio.timeout(self._outlet_seconds):
                await self._outlet.check()
        except (Transient, TimeoutError) as error:
            self._went_away(error)
        if self._away_since is not None or (self._spool is not None and self._spool.events):
            self._spooled.set()

    async def keep(self, event: Event) -> None:
        """Returns once the event is on a disk or in every in-sync replica. Raises `Transient` or `RecordTooLarge`."""
        spool = self._spool
        if spool is None or (self._away_since is None and not spool.events):  # else the spool's events come first
            try:
                await self._put(event)
            except (Transient, Fatal, TimeoutError) as error:
                if isinstance(error, RecordTooLarge):
                    raise
                self._went_away(error)
                if spool is None:
                    raise Transient("the outlet does not answer in time") from error
            else:
                return
        await self._spooling.add(orjson.dumps([(name, value.decode()) for name, value in event.headers]) + b"\n" + event.value)
        self._metrics.spooled.inc()
        self._spooled.set()

    async def drain(self) -> None:
        """Stores what is in the spool, in order of arrival, whenever the outlet takes it. Runs until it is cancelled."""
        while True:
            await self._spooled.wait()
            self._spooled.clear()
            while self._away_since is not None or (self._spool is not None and self._spool.events):
                await self._drain_some()

    async def close(self) -> None:
        """Finishes what is being written to the spool, and gives up the rest."""
        await self._spooling.close()
        await self._outlet.close()
        if self._spool is not None:
            self._spool.close()

    async def _put(self, event: Event) -> None:
        async with asyncio.timeout(self._outlet_seconds):
            await self._outlet.put(event)
        self._metrics.stored.inc()
        self._is_back()

    def _is_back(self) -> None:
        if self._away_since is not None:
            log.get("intake").info("outlet_back", seconds=round(time.monotonic() - self._away_since, 1))
            self._away_since = None
            self._paused.set(0)

    def _went_away(self, error: BaseException) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            self._paused.set(1)
            spooled = self._spool and self._spool.events
            log.get("intake").warning("outlet_away", error=str(error) or "no answer in time", spool=spooled)
        self._spooled.set()  # whoever drains tries it again

    async def _append(self, payloads: Sequence[bytes]) -> None:
        assert self._spool is not None
        writing = asyncio.create_task(asyncio.to_thread(self._spool.append, payloads), name="spool")
        try:
            await asyncio.shield(writing)
        except Transient as error:
            if self._spool_works:
                log.get("intake").error("spool_failed", error=str(error), events=self._spool.events)
            self._spool_works = False
            raise
        finally:
            await asyncio.wait([writing])  # the thread goes on, whatever happens here
            self._show_spool()
        self._spool_works = True

    async def _drain_some(self) -> None:
        """Some events, or one while the outlet is away; tried again until it has them."""
        pause, spool = FIRST_PAUSE_SECONDS, self._spool
        while True:
            away = self._away_since is not None
            payloads = [] if spool is None else await asyncio.to_thread(spool.oldest, 1 if away else DRAIN_BYTES)
            try:
                if payloads:
                    await self._store_in_order(payloads)
                else:
                    await self._look()
            except (OutcomesError, TimeoutError) as error:
                self._went_away(error)
                await self._sleep(pause * (0.5 + random.random()))
                pause = min(MOST_PAUSE_SECONDS, pause * 2)
                continue
            if spool is not None and payloads:
                await asyncio.to_thread(spool.stored, payloads)
                self._spool_works = True
                self._show_spool()
                if not spool.events:
                    log.get("intake").info("spool_drained")
            return

    async def _look(self) -> None:
        """Asks an outlet that was away, and of which no event waits, whether it is back."""
        async with asyncio.timeout(self._outlet_seconds):
            await self._outlet.check()
        self._is_back()

    async def _store_in_order(self, payloads: Sequence[bytes]) -> None:
        answers = await asyncio.gather(*map(self._store_spooled, payloads), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def _store_spooled(self, payload: bytes) -> None:
        headers, _, value = payload.partition(b"\n")
        try:
            await self._put(Event(value, tuple((name, text.encode()) for name, text in orjson.loads(headers))))
        except RecordTooLarge as error:
            assert self._spool is not None
            path = await asyncio.to_thread(self._spool.set_aside, payload)
            log.get("intake").error("set_aside", error=str(error), file=str(path))

    def _show_spool(self) -> None:
        if self._spool is not None:
            self._metrics.spool_events.set(self._spool.events)
            self._metrics.spool_bytes.set(self._spool.bytes)
