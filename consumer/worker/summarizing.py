"""Keeps the summaries of courses up to date while there is nothing to write."""

import asyncio
import time
from dataclasses import dataclass

from consumer import log
from consumer.errors import OutcomesError
from consumer.store import summaries
from consumer.store.postgres import Connection
from consumer.store.store import Store
from consumer.worker.outages import Outages

_logger = log.get("worker")

IDLE_SECONDS = 5.0
"""How often a worker that has nothing to write asks whether summaries are out of date."""

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

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            try:
                await self._while_idle()
            except OutcomesError as error:
                _logger.warning("summaries_not_refreshed", error=str(error), again_in_seconds=AGAIN_SECONDS)
                await asyncio.sleep(AGAIN_SECONDS)

    def _is_idle(self) -> bool:
        return self.idle.is_set() and self.outages.health.waiting_for is None

    async def _while_idle(self) -> None:
        if self._is_idle() and (tenants := await self.store.summaries_due()):
            connection = await self.store.another_connection()
            try:
                for tenant in tenants:
                    await self._refresh(connection, tenant)
            finally:
                connection.terminate()

    async def _refresh(self, connection: Connection, tenant: str) -> None:
        """As long as there is nothing to write. Rests as long as it works."""
        while self._is_idle():
            begun = time.monotonic()
            done = await summaries.refresh(connection, tenant, STEP_COURSES)
            if done is None or not done.waiting:
                return
            await asyncio.sleep(time.monotonic() - begun)
