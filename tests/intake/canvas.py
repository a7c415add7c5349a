"""Canvas as it delivers: keys, signatures, and the address where the keys are."""

import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from consumer.settings import Settings

ISSUER = str(Settings.model_fields["intake_issuer"].default)


def encoded(data: bytes) -> bytes:
    """Base64 as tokens have it."""
    return urlsafe_b64encode(data).rstrip(b"=")


@cache
def key(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """One of Canvas' keys; made once, for it takes a moment."""
    return rsa.generate_private_key(65537, bits)


def shown(number: int, **members: Any) -> dict[str, Any]:
    """The public half of a key, as the JWKS shows it."""
    numbers = key(number).public_key().public_numbers()
    parts = {
        name: encoded(value.to_bytes((value.bit_length() + 7) // 8)) for name, value in (("n", numbers.n), ("e", numbers.e))
    }
    return {"kty": "RSA", "kid": f"key {number}", **{name: part.decode() for name, part in parts.items()}, **members}


def token(event: Any, *, number: int = 1, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> bytes:
    """The event, signed as Canvas signs; `header` and `claims` replace what it would say."""
    head = {"alg": "RS256", "typ": "JWT", "kid": f"key {number}"} | (header or {})
    now = int(time.time())
    whole = {"iss": ISSUER, "iat": now, "exp": now + 300} | event | (claims or {})
    signed = b".".join(encoded(orjson.dumps(part)) for part in (head, whole))
    return signed + b"." + encoded(signature(signed, number))


def signature(signed: bytes, number: int = 1) -> bytes:
    """By one of Canvas' keys."""
    return key(number).sign(signed, PKCS1v15(), SHA256())


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
