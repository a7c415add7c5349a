"""Waits for Postgres and Kafka for as long as it takes, and tells the probes, the gauges and the log."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from consumer import log
from consumer.errors import Transient
from consumer.store.retrying import Stopped, retrying
from consumer.worker.metrics import Metrics

T = TypeVar("T")
_logger = log.get("worker")

ALIVE_SECONDS = 1.0
"""How often a loop that waits for Postgres or Kafka says that it is alive."""

SILENCE_SECONDS = 7.0
"""Silence of Kafka or Postgres after which the probes say so; longer than two looks of the watchdog are apart."""

REPEATED_SECONDS = 10.0
"""How often the same complaint about Kafka or Postgres is logged, at most."""

MOST_KAFKA_SECONDS = 2.0
"""Longest pause before Kafka is tried again, half of it more or less: a late worker holds up the rebalance of its group."""

STUCK_SECONDS = 300.0
"""A loop that has made no progress for so long, without waiting for Postgres or Kafka, is dead: /livez says so."""

AWAY = ("postgres", "kafka")
"""Whose outage makes the worker wait."""


@dataclass(slots=True)
class Health:
    """What the probes say."""

    last_progress: float
    """Monotonic time of the loops' last turn."""
    waiting_for: str | None = "the first assignment"
    """Why /readyz says no; None when all is well."""

    def alive(self) -> bool:
        """Whether the loops turn. True while Postgres or Kafka is away: a restart would not bring them back."""
        return time.monotonic() - self.last_progress < STUCK_SECONDS


class Outages:
    """Shared by all tasks of a worker. Told to stop, it waits for nothing any more."""

    def __init__(self, metrics: Metrics) -> None:
        self.health = Health(time.monotonic())
        self.stopping = asyncio.Event()
        self.waited_for: str | None = None
        """What the worker waited for when it was told to stop."""
        self._metrics = metrics
        self._complained: dict[str, tuple[str, float]] = {}
        """What was logged last about Kafka and Postgres, and when."""
        self._paused_seconds = 0.0

    def stop(self) -> None:
        """Asks for an orderly end."""
        if not self.stopping.is_set():
            self.waited_for = self.health.waiting_for
        self.stopping.set()

    async def patiently(self, action: Callable[[], Awaitable[T]], system: str) -> T:
        """Tries for as long as it takes, or until the worker is told to stop: then raises `Stopped`."""
        report, most = self.report(system), {"most_seconds": MOST_KAFKA_SECONDS} if system == "kafka" else {}
        trying = asyncio.ensure_future(retrying(action, on_failure=report, jitter=random.random, **most))
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            with self.stay_alive():
                tasks, end = {trying, stopping}, asyncio.FIRST_COMPLETED
                done, _ = await asyncio.wait(tasks, timeout=SILENCE_SECONDS, return_when=end)
                if not done and self.health.waiting_for != system:
                    report(Transient(f"{system.capitalize()} does not answer"), 0)
                await asyncio.wait(tasks, return_when=end)
            if not trying.done():
                raise Stopped
            return trying.result()
        finally:
            for task in (trying, stopping):
                task.cancel()
            await asyncio.gather(trying, stopping, return_exceptions=True)

    def report(self, system: str) -> Callable[[Transient, float], None]:
        """What to call when `system` has failed, with the seconds until it is tried again."""

        def failed(error: Transient, seconds: float) -> None:
            self._metrics.retries.labels(system).inc()
            self.wait_for(system)
            self.health.last_progress = now = time.monotonic()
            said, when = self._complained.get(system, ("", 0.0))
            if said != str(error) or now - when > REPEATED_SECONDS:
                self._complained[system] = str(error), now
                _logger.warning("waiting", system=system, error=str(error), again_in_seconds=round(seconds, 2))

        return failed

    def wait_for(self, what: str | None) -> None:
        """Not ready until this has come; None: ready."""
        self.health.waiting_for = what
        self._metrics.paused.set(what in AWAY)

    @contextmanager
    def stay_alive(self) -> Iterator[None]:
        """However long Postgres or Kafka keep the block waiting, the loops are not dead."""

        async def progress() -> None:
            while True:
                await self.pause(ALIVE_SECONDS)

        progressing = asyncio.ensure_future(progress())
        try:
            yield
        finally:
            progressing.cancel()

    async def pause(self, seconds: float) -> None:
        """Sleeps. Kafka is not polled meanwhile, so that its silence says nothing."""
        begun = time.monotonic()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.health.last_progress = time.monotonic()
            self._paused_seconds += self.health.last_progress - begun

    def polling_clock(self) -> float:
        """Seconds on a clock that stands still in `pause`."""
        return time.monotonic() - self._paused_seconds
