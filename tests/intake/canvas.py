"""Canvas as it delivers: keys, signatures, and the address where the keys are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from aiohttp import web

from consumer.settings import Settings
from consumer.simulator.signing import Signer, encoded

__all__ = ["encoded"]
ISSUER = str(Settings.model_fields["intake_issuer"].default)


@cache
def signer(number: int) -> Signer:
    """One of Canvas' keys; made once, for it takes a moment."""
    return Signer(ISSUER, f"key {number}")


def shown(number: int, **members: Any) -> dict[str, Any]:
    """The public half of a key, as the JWKS shows it."""
    return signer(number).shown() | members


def token(event: Any, *, number: int = 1, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> bytes:
    """The event, signed as Canvas signs; `header` and `claims` replace what it would say."""
    return signer(number).token(event, header=header, claims=claims)


def signature(signed: bytes, number: int = 1) -> bytes:
    """By one of Canvas' keys."""
    return signer(number).signature(signed)


class Jwks:
    """The address of Canvas' keys."""

    def __init__(self) -> None:
        self.numbers = [1]
        """Of the keys that it shows."""
        self.status = 200
        self.asked = 0
        self.url = ""

    async def answer(self, _: web.Request) -> web.Response:
        """The keys."""
        self.asked += 1
        return web.json_response({"keys": [shown(number) for number in self.numbers]}, status=self.status)


@asynccontextmanager
async def jwks() -> AsyncIterator[Jwks]:
    """The address while the block runs."""
    served, app = Jwks(), web.Application()
    app.add_routes([web.get("/jwks", served.answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
        yield served
    finally:
        await runner.cleanup()
