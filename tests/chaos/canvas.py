"""Canvas: it signs events and posts them to the intake, each again until it is answered with 2xx."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from consumer.settings import Settings
from consumer.simulator.signing import Signer
from consumer.sources.delivering import deliver, showing

_AT_ONCE = 200
"""Most events that are handed to the client together."""


class Canvas:
    """Use as `canvas(port, folder)`. `folder`: the intake's data folder."""

    def __init__(self, port: int, folder: Path, signer: Signer, jwks: str) -> None:
        self.jwks = jwks
        self.posted = 0
        """Events that were answered with 2xx."""
        self._url = f"http://127.0.0.1:{port}/events"
        self._spool = folder / "intake"
        self._signer = signer
        self._waiting: deque[bytes] = deque()
        self._at_work = 0
        self._answer = asyncio.Event()

    def post(self, value: bytes) -> None:
        """This event, soon."""
        self._waiting.append(value)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an answer."""
        return not self._waiting and not self._at_work

    async def run(self) -> None:
        """Delivers until it is cancelled."""
        while True:
            values = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            if not values:
                await asyncio.sleep(0.02)
                continue
            self._at_work = len(values)
            await deliver(self._url, (self._signer.token(orjson.loads(value)) for value in values), delivered=self._answered)

    def _answered(self) -> None:
        self.posted += 1
        self._at_work -= 1
        self._answer.set()

    async def answer(self) -> None:
        """Returns at the next answer with 2xx."""
        self._answer.clear()
        await self._answer.wait()

    async def all_stored(self) -> None:
        """Returns when each is answered with 2xx, and nothing is in the intake's spool."""
        while True:
            if self.idle and not list(self._spool.glob("*.spool")):
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def canvas(port: int, folder: Path) -> AsyncIterator[Canvas]:
    """With the address of its keys."""
    signer = Signer(str(Settings.model_fields["intake_issuer"].default))
    async with showing(signer.jwks()) as jwks:
        yield Canvas(port, folder, signer, jwks)
