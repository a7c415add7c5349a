"""Who may deliver: Canvas by its signature, or who knows a secret."""

import hmac
import math
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from consumer.errors import Transient
from consumer.intake.keys import KeySet
from consumer.settings import Settings

LEEWAY_SECONDS = 30 * 60
"""How long after `exp` and before `nbf` a token is taken: Canvas delivers again for 20 minutes, perhaps the same token."""
SECRET_HEADER = b"x-outcomes-secret"
_PADDING, _HASH = PKCS1v15(), SHA256()
_TOKEN = re.compile(rb"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_UNSIGNED = (
    'this address takes signed events: switch on "Sign Payload" in Canvas\' subscription, or set OUTCOMES_INTAKE_SECRET '
    "to take unsigned ones"
)
_SIGNED = (
    'this address takes unsigned events: switch off "Sign Payload" in Canvas\' subscription, or unset OUTCOMES_INTAKE_SECRET '
    "to take signed ones"
)


class Refused(NamedTuple):
    """An answer other than 2xx."""

    status: int
    reason: str
    """For the metric."""
    sentence: str


class Gate(Protocol):
    """Decides whether a request is Canvas'."""

    def refuse_head(self, secret: bytes | None) -> Refused | None:
        """Refuses a request before its body is read. `secret`: what the path or the header tells."""

    async def open(self, body: bytes) -> bytes | Refused:
        """The event in the body, or why it is refused."""


def is_token(body: bytes) -> bool:
    """Whether it is a compact JWS, maybe as a JSON string."""
    return _TOKEN.fullmatch(body) is not None


def bare(body: bytes) -> bytes:
    """Without blanks and quotation marks around it: Canvas is seen to send the token as a JSON string."""
    body = body.strip()
    return body[1:-1] if body[:1] == b'"' == body[-1:] and len(body) > 1 else body


@dataclass(frozen=True, slots=True)
class Secret:
    """Unsigned events, from whoever knows the secret."""

    secret: bytes

    def refuse_head(self, secret: bytes | None) -> Refused | None:
        """See `Gate`."""
        if hmac.compare_digest(self.secret, secret or b""):
            return None
        return Refused(401, "secret", "the secret is missing or wrong: deliver to /events/SECRET")

    async def open(self, body: bytes) -> bytes | Refused:
        """See `Gate`."""
        return Refused(400, "signed", _SIGNED) if is_token(bare(body)) else body


class Signed:
    """Events that Canvas signed, by RS256 alone. `clock`: seconds since 1970."""

    def __init__(self, keys: KeySet, issuer: str, *, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock

    def refuse_head(self, secret: bytes | None) -> Refused | None:  # noqa: ARG002 - the signature is the secret
        """See `Gate`."""
        return None

    async def open(self, body: bytes) -> bytes | Refused:
        """See `Gate`."""
        token = bare(body)
        if not is_token(token):
            return Refused(401, "unsigned", _UNSIGNED)
        signed, _, signature = token.rpartition(b".")
        head, _, payload = signed.partition(b".")
        kid = _kid(head)
        if kid is None:
            return Refused(401, "signature", "the token is not signed as Canvas signs: by RS256, with a kid")
        try:
            key = await self._keys.key(kid)
        except Transient as error:
            return Refused(503, "keys_away", str(error))
        if key is None:
            return Refused(401, "unknown_key", "Canvas does not show the key that this token names")
        try:
            key.verify(_decoded(signature), signed, _PADDING, _HASH)
        except (InvalidSignature, ValueError):
            return Refused(401, "signature", "the signature is wrong")
        event = _decoded(payload)
        wrong = self._wrong_claim(event)
        return event if wrong is None else Refused(401, "claims", wrong)

    def _wrong_claim(self, event: bytes) -> str | None:
        try:
            claims = orjson.loads(event)
        except orjson.JSONDecodeError:
            claims = None
        if not isinstance(claims, dict):
            return "the token holds no claims"
        if claims.get("iss") != self._issuer:
            return "the token is not issued by OUTCOMES_INTAKE_ISSUER"
        now, until, since = self._clock(), claims.get("exp", math.inf), claims.get("nbf", -math.inf)
        if type(until) not in (int, float) or type(since) not in (int, float):
            return "exp or nbf is not a number"
        if now > until + LEEWAY_SECONDS:
            return "the token has expired"
        return "the token is not valid yet" if now < since - LEEWAY_SECONDS else None


def _decoded(part: bytes) -> bytes:
    """Raises ValueError where it is not base64url."""
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _kid(head: bytes) -> str | None:
    """The name of the key, if the token is one of Canvas' kind. A critical extension would have to be understood."""
    try:
        header = orjson.loads(_decoded(head))
    except ValueError:
        return None
    if not isinstance(header, dict) or header.get("alg") != "RS256" or "crit" in header:
        return None
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None


def gate_of(settings: Settings, keys: KeySet) -> Gate:
    """For signed events, unless a secret is set."""
    if settings.intake_secret is not None:
        return Secret(settings.intake_secret.get_secret_value().encode())
    return Signed(keys, settings.intake_issuer)
