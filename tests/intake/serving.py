"""An intake in the test's own process, with an outlet that the test holds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path

import aiohttp
from prometheus_client import generate_latest

from consumer.errors import OutcomesError
from consumer.intake import keys
from consumer.intake.events import Event
from consumer.intake.gates import Gate, Secret, Signed
from consumer.intake.https import Https
from consumer.intake.keeping import Keeper
from consumer.intake.keys import KeySet
from consumer.intake.metrics import IntakeMetrics
from consumer.intake.running import listening
from consumer.intake.spool import Spool
from tests.intake import canvas

SECRET = "a-secret-of-the-test"  # noqa: S105 - it opens nothing else


@dataclass
class Held:
    """An outlet that takes everything, as long as `error` is None."""

    error: OutcomesError | None = None
    seconds: float = 0.0
    stored: list[bytes] = field(default_factory=list)

    async def check(self) -> None:
        """See `Outlet`."""
        if self.error is not None:
            raise self.error

    async def put(self, event: Event) -> None:
        """See `Outlet`."""
        await self.check()
        await asyncio.sleep(self.seconds)
        self.stored.append(event.value)

    async def close(self) -> None:
        """See `Outlet`."""


@dataclass
class Intake:
    """What a test has in hand."""

    url: str
    client: aiohttp.ClientSession
    outlet: Held
    keeper: Keeper
    spool: Spool | None
    jwks: canvas.Jwks
    metrics: IntakeMetrics

    async def post(self, body: bytes, path: str = "/events", **headers: str) -> tuple[int, str]:
        """Delivers; gives status and answer."""
        async with self.client.post(f"{self.url}{path}", data=BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.text()

    def metric(self, name: str) -> float:
        """Its value now, 0 where nothing was counted."""
        lines = generate_latest(self.metrics.registry).decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


async def _now(_: float) -> None:
    await asyncio.sleep(0.005)


@asynccontextmanager
async def intake(
    folder: Path,
    *,
    secret: str | None = None,
    spool_bytes: int = 10**7,
    outlet: Held | None = None,
    outlet_seconds: float = 2.0,
    clock: Callable[[], float] | None = None,
) -> AsyncIterator[Intake]:
    """Signed unless there is a secret; waits between two tries of the outlet take no time."""
    outlet, metrics = outlet or Held(), IntakeMetrics()
    spool = Spool(folder, spool_bytes) if spool_bytes else None
    keeper = Keeper(outlet, spool, metrics, outlet_seconds=outlet_seconds, sleep=_now)
    async with canvas.jwks() as jwks, aiohttp.ClientSession() as client:
        more = {} if clock is None else {"clock": clock}
        key_set = KeySet(partial(keys.fetch, jwks.url), folder / "jwks.json", **more)
        gate: Gate = Signed(key_set, canvas.ISSUER) if secret is None else Secret(secret.encode())
        await keeper.check()
        draining = asyncio.create_task(keeper.drain())
        try:
            async with listening(Https(gate, keeper, metrics, drop_personal=True), "127.0.0.1", 0) as (url, _):
                yield Intake(url, client, outlet, keeper, spool, jwks, metrics)
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
            await keeper.close()
