"""Keeps the summaries of courses up to date while there is nothing to write."""

import asyncio
import time
from dataclasses import dataclass, field

from consumer import log
from consumer.errors import OutcomesError
from consumer.store import summaries
from consumer.store.postgres import Connection
from consumer.store.store import Store
from consumer.worker.outages import Outages

_logger = log.get("worker")

IDLE_SECONDS = 5.0
"""How often a worker that has nothing to write asks whether summaries are out of date."""

BUSY_SECONDS = 60.0
"""How often a worker that always has something to write takes in the marks, and computes nothing: readers read all marks."""

STEP_COURSES = 4
"""Courses of one step, some 0.1 s: what comes from Kafka meanwhile waits for nothing, but shares the server with it."""

AGAIN_SECONDS = 60.0
"""Pause after a step that failed. Nothing depends on it: what is not kept is computed when it is asked for."""


@dataclass(slots=True)
class Summarizing:
    """Computes over a connection of its own."""

    store: Store
    idle: asyncio.Event
    """Set while no batch is under way."""
    outages: Outages
    looked: float = field(default_factory=time.monotonic)
    """Monotonic time of the last look at what is out of date."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            try:
                if self.idle.is_set() or time.monotonic() - self.looked > BUSY_SECONDS:
                    await self._look()
            except OutcomesError as error:
                _logger.warning("summaries_not_refreshed", error=str(error), again_in_seconds=AGAIN_SECONDS)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _look(self) -> None:
        self.looked = time.monotonic()
        if self.outages.health.waiting_for is None and (tenants := await self.store.summaries_due()):
            connection = await self.store.another_connection()
            try:
                for tenant in tenants:
                    await self._refresh(connection, tenant)
            finally:
                connection.terminate()

    async def _refresh(self, connection: Connection, tenant: str) -> None:
        """As long as there is nothing to write. Rests as long as it works."""
        while True:
            begun, idle = time.monotonic(), self.idle.is_set()
            done = await summaries.refresh(connection, tenant, STEP_COURSES if idle else 0)
            if done is None or not done.waiting or not idle:
                return
            await asyncio.sleep(time.monotonic() - begun)
