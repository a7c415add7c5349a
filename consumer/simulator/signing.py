"""Events signed as Canvas signs them (lib/live_events/client.rb: a compact JWS by RS256), with keys of one's own."""

import time
from base64 import urlsafe_b64encode
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

VALID_SECONDS = 300


class Signer:
    """One key, made here. `issuer`: what the intake wants of `iss`."""

    def __init__(self, issuer: str, kid: str = "simulated") -> None:
        self._issuer = issuer
        self._kid = kid
        self._key = rsa.generate_private_key(65537, 2048)

    def shown(self) -> dict[str, Any]:
        """The public half, as a JWKS shows it."""
        numbers = self._key.public_key().public_numbers()
        parts = {name: number.to_bytes((number.bit_length() + 7) // 8) for name, number in (("n", numbers.n), ("e", numbers.e))}
        return {"kty": "RSA", "kid": self._kid} | {name: encoded(part).decode() for name, part in parts.items()}

    def jwks(self) -> bytes:
        """What the address of the keys answers."""
        return orjson.dumps({"keys": [self.shown()]})

    def token(self, event: Any, *, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> bytes:
        """The event `{metadata, body}`; `header` and `claims` replace what it would say."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self._kid} | (header or {})
        now = int(time.time())
        whole = {"iss": self._issuer, "iat": now, "exp": now + VALID_SECONDS} | event | (claims or {})
        signed = b".".join(encoded(orjson.dumps(part)) for part in (head, whole))
        return signed + b"." + encoded(self.signature(signed))

    def signature(self, signed: bytes) -> bytes:
        """Of these bytes."""
        return self._key.sign(signed, PKCS1v15(), SHA256())


def encoded(data: bytes) -> bytes:
    """Base64 as tokens have it."""
    return urlsafe_b64encode(data).rstrip(b"=")
