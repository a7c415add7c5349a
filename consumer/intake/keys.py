"""Canvas' public keys: fetched from its JWKS address, kept while that is away, fetched again for a key that is not known."""

import asyncio
import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, build_opener

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from consumer import log
from consumer.errors import Transient

AGAIN_SECONDS = 30.0
"""Least time between two fetches, however many unknown keys are named and however the last fetch ended."""
NO_KEYS_SECONDS = 5.0
"""The same while no key is known: until then every event is refused."""
REFRESH_SECONDS = 3600.0
"""Keys that are older are fetched again while they are used."""
FETCH_SECONDS = 5.0
MAX_BYTES = 256 * 1024
LEAST_BITS = 2048
"""Weaker keys are not used."""

Keys = Mapping[str, RSAPublicKey]


class KeySet:
    """Canvas shows the previous, the current and the next key. Keeps the last good answer in `kept`, for the next start."""

    def __init__(
        self, fetch: Callable[[], Awaitable[bytes]], kept: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._kept = kept
        self._clock = clock
        self._fetched_at: float | None = None
        """When the last fetch began."""
        self._answered = False
        """Whether it succeeded."""
        self._fetching: asyncio.Task[None] | None = None
        self._keys: Keys = {}
        with suppress(OSError, ValueError):  # there is none before the first fetch
            self._keys = keys_of(kept.read_bytes())

    @property
    def known(self) -> int:
        """Number of keys."""
        return len(self._keys)

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key, None where Canvas does not show it. Raises `Transient` where Canvas' keys cannot be fetched."""
        age = None if self._fetched_at is None else self._clock() - self._fetched_at
        if kid not in self._keys:
            if self._fetching is not None:
                await self.refresh()
            await self.look_again()
            if kid not in self._keys and not self._answered:
                raise Transient("Canvas' keys cannot be fetched")
        elif age is None or age >= REFRESH_SECONDS:
            self._begin()
        return self._keys.get(kid)

    async def look_again(self) -> None:
        """Fetches the keys, unless that was tried a moment ago."""
        pause = AGAIN_SECONDS if self._keys else NO_KEYS_SECONDS
        if self._fetched_at is None or self._clock() - self._fetched_at >= pause:
            await self.refresh()

    async def refresh(self) -> None:
        """Fetches the keys, or waits for the fetch that runs. Keeps the old ones where it fails."""
        await asyncio.shield(self._begin())

    def _begin(self) -> "asyncio.Task[None]":
        if self._fetching is None:
            self._fetched_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch_keys(), name="fetch keys")
        return self._fetching

    async def _fetch_keys(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                answer = await self._fetch()
            keys = keys_of(answer)
        except (OSError, TimeoutError, ValueError, Transient) as error:
            self._answered = False
            log.get("intake").warning("keys_away", error=str(error) or type(error).__name__, known=len(self._keys))
        else:
            self._answered = True
            if keys.keys() != self._keys.keys():
                log.get("intake").info("keys", known=len(keys))
            self._keys = keys
            await asyncio.to_thread(_keep, self._kept, answer)
        finally:
            self._fetching = None


def keys_of(answer: bytes) -> Keys:
    """The RSA keys of a JWKS, by `kid`. Raises ValueError where there is none."""
    document: Any = orjson.loads(answer)
    found: dict[str, RSAPublicKey] = {}
    for described in document.get("keys", []) if isinstance(document, dict) else []:
        if not isinstance(described, dict) or described.get("kty") != "RSA" or not isinstance(described.get("kid"), str):
            continue
        if described.get("use", "sig") != "sig" or described.get("alg", "RS256") != "RS256":
            continue
        try:
            key = RSAPublicNumbers(_number(described["e"]), _number(described["n"])).public_key()
        except (KeyError, TypeError, ValueError):
            continue
        if key.key_size >= LEAST_BITS:
            found[described["kid"]] = key
    if not found:
        raise ValueError("there is no RSA key in the answer")
    return found


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _keep(path: Path, answer: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(answer)
        part.replace(path)
    except OSError as error:
        log.get("intake").warning("keys_not_kept", error=error.strerror)


async def fetch(url: str) -> bytes:
    """The answer of the JWKS address. Raises `Transient`. Not by aiohttp, which takes 17 MB that an intake does not need."""
    return await asyncio.to_thread(_fetch, url)


def _fetch(url: str) -> bytes:
    opener = build_opener(_NoRedirect)
    try:
        with opener.open(url, timeout=FETCH_SECONDS) as response:
            answer: bytes = response.read(MAX_BYTES)
            return answer
    except HTTPError as error:
        error.close()
        raise Transient(f"the address of Canvas' keys answers {error.code}") from error
    except (OSError, HTTPException) as error:  # URLError is an OSError
        raise Transient(f"the address of Canvas' keys does not answer: {_why(error)}") from error


def _why(error: Exception) -> str:
    """Refused, not known to DNS, not trusted, and the like."""
    reason = error.reason if isinstance(error, URLError) else error
    told = getattr(reason, "verify_message", None) or getattr(reason, "strerror", None)
    return f"{type(reason).__name__}{told and ', '}{told or ''}"


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Keys come from the address that is trusted, and from no other."""
