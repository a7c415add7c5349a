"""Runs `outcomes intake sqs` until a signal."""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from consumer import log
from consumer.errors import NoEvent, Transient, UsageError
from consumer.intake.keeping import Keeper
from consumer.intake.lifetime import ended, until_stopped
from consumer.intake.metrics import IntakeMetrics
from consumer.intake.outlet import outlet_of
from consumer.intake.queue import connected
from consumer.intake.receiving import RECEIVERS, Receiving
from consumer.settings import Settings
from consumer.worker.outages import Health
from consumer.worker.probes import serving

STORE_SECONDS = 120.0
"""How long the outlet may take for an event; long, for each new try counts as a delivery for the redrive policy."""
STOP_SECONDS = 15.0
"""How long a stopping intake stores what is in flight; then it gives it back to the queue."""
_TOKEN = (b"eyJ", b'"eyJ')
"""A token begins so: with `{"` in base64."""


async def run(settings: Settings, dsn: str | None, stop: asyncio.Event) -> None:
    """Takes messages until `stop`. `dsn`: the database to write to; None for the topic. Raises `Fatal` and `UsageError`."""
    if not settings.intake_queue:
        raise UsageError("no queue is named: set OUTCOMES_INTAKE_QUEUE or --queue")
    metrics, health = IntakeMetrics(), Health(time.monotonic())
    opened = Tokens(settings).opened
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(connected(settings.intake_queue, 2 * RECEIVERS * len(settings.intake_queue)))
        queues, keepers = [], []
        for queue in found:
            came_in = f"sqs:{queue.name}"
            outlet = outlet_of(settings, dsn, came_in)
            keeper = Keeper(outlet, None, metrics, came_in=came_in, outlet_seconds=STORE_SECONDS)
            stack.push_async_callback(keeper.close)
            await keeper.check()
            keepers.append(keeper)
            queues.append(
                Receiving(
                    queue,
                    keeper,
                    opened,
                    metrics,
                    hidden_seconds=settings.intake_hidden_seconds,
                    drop_personal=settings.intake_drop_personal,
                )
            )
        probes = None
        if settings.http_port:
            shown = serving(
                settings.http_host, settings.http_port, health, lambda: metrics.render(ready=health.waiting_for is None)
            )
            probes = f"http://{settings.http_host}:{await stack.enter_async_context(shown)}"
        await _until(stop, queues, keepers, health, direct=dsn is not None, probes=probes)
    log.get("intake").info("intake_stopped")


async def _until(
    stop: asyncio.Event,
    queues: list[Receiving],
    keepers: list[Keeper],
    health: Health,
    *,
    direct: bool = False,
    probes: str | None = None,
) -> None:
    receivers = [asyncio.create_task(queue.run(direct=direct, probes=probes)) for queue in queues]
    drains = [asyncio.create_task(keeper.drain()) for keeper in keepers]
    try:
        await until_stopped(
            stop,
            [*receivers, *drains],
            health,
            lambda: next((queue.waiting_for for queue in queues if queue.waiting_for), None),
        )
        for queue in queues:
            queue.stop()
        await asyncio.wait(receivers, timeout=STOP_SECONDS)
    finally:
        await ended([*receivers, *drains])


class Tokens:
    """Opens bodies that Canvas has signed; what nobody signed is trusted, because the queue's policy says who may send."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._gate: Any = None

    async def opened(self, body: bytes) -> bytes:
        """See `Opener`."""
        if not body.lstrip().startswith(_TOKEN):
            return body
        from consumer.intake import gates, keys  # noqa: PLC0415 - takes 8 MB, and Canvas is not known to sign for queues

        if self._gate is None:
            fetch = partial(keys.fetch, self._settings.intake_jwks_url)
            key_set = keys.KeySet(fetch, self._settings.data_folder / "intake" / "jwks.json")
            self._gate = gates.Signed(key_set, self._settings.intake_issuer)
        event: bytes | gates.Refused = await self._gate.open(body)
        if isinstance(event, gates.Refused):
            raise (Transient if event.status == 503 else NoEvent)(event.sentence)
        return event
