"""Whom a request comes from: looked up by its secret, and remembered for seconds."""

import ipaddress
import math
import time
from typing import Any

from consumer.rights.tokens import digest
from consumer.rights.viewer import Viewer
from consumer.serve.read_pool import ReadPool
from consumer.serve.sql import sql
from schemas.base import MAX_KEY_TEXT

REMEMBERED_SECONDS = 2.0
"""How long what was looked up is believed: a right that was revoked shows nothing after so long."""

WRONG_TOKENS = 60
"""From one client address in a window; beyond that the client is told to wait. A token that opens something always works."""
WINDOW_SECONDS = 60.0

_REMEMBERED = 1000
"""Most tokens remembered at once; as many again that open nothing."""
_ADDRESSES = 10_000
"""Most addresses whose wrong tokens are counted; beyond that the oldest are forgotten."""
_NETWORK = 64
"""Bits of an IPv6 address that one client has."""


class Lookup:
    """Whose a secret is, a token or a session, and which clients send wrong ones. Raises as `ReadPool` does."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool
        self._known: dict[bytes, tuple[Viewer, float]] = {}
        """Digest -> whose it is, and until when that is believed. Looked up again, it does not wait behind strangers."""
        self._wrong: dict[bytes, float] = {}
        """Digest that opens nothing -> until when that is believed: a token made meanwhile opens soon after."""
        self._clients: dict[str, tuple[int, float]] = {}
        """Client address -> wrong tokens, and the end of the window."""

    async def viewer(self, secret: str) -> Viewer | None:
        """Whose it is; None where it opens nothing."""
        key = digest(secret)
        known = self._known.get(key)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        if known is not None:
            return await self._look_up(key)
        if self._is_wrong(key):
            return None
        async with self._pool.stranger_slot():  # while this waited, another request may have looked up the same token
            return None if self._is_wrong(key) else await self._look_up(key)

    def forget(self, secret: str) -> None:
        """Asks anew at once, where a session has just begun or ended here."""
        self._known.pop(digest(secret), None)
        self._wrong.pop(digest(secret), None)

    async def _look_up(self, key: bytes) -> Viewer | None:
        viewer = Viewer.of(await self._pool.fetch(sql("rights_of_secret"), key))
        until = time.monotonic() + REMEMBERED_SECONDS
        if viewer is None:
            self._known.pop(key, None)
            _remember(self._wrong, key, until, _REMEMBERED)
        else:
            self._wrong.pop(key, None)
            _remember(self._known, key, (viewer, until), _REMEMBERED)
        return viewer

    def _is_wrong(self, key: bytes) -> bool:
        return time.monotonic() < self._wrong.get(key, 0.0)

    def count_wrong(self, address: str) -> int:
        """Counts a wrong token; the seconds for which its client has to wait, or 0."""
        client, now = _client(address), time.monotonic()
        count, end = self._clients.get(client, (0, 0.0))
        if end <= now:
            count, end = 0, now + WINDOW_SECONDS
        _remember(self._clients, client, (count + 1, end), _ADDRESSES)
        return math.ceil(end - now) if count >= WRONG_TOKENS else 0


def _remember(entries: dict[Any, Any], key: Any, value: Any, most: int) -> None:
    """Adds the newest entry, and drops the oldest of too many."""
    entries.pop(key, None)
    if len(entries) >= most:
        del entries[next(iter(entries))]
    entries[key] = value


def _client(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the network of an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a proxy may send any text
        return address[:MAX_KEY_TEXT]
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, _NETWORK), strict=False))
