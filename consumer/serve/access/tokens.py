"""Bearer tokens: each opens one tenant's projection for reading. The database keeps only their digests."""

import hashlib
import ipaddress
import math
import secrets
import time
from collections.abc import Mapping
from typing import Any

from consumer.errors import UsageError
from consumer.printable import has_controls
from consumer.serve.read_pool import ReadPool
from consumer.serve.sql import sql
from consumer.store.postgres import Connection
from schemas.base import MAX_KEY_TEXT

PREFIX = "outcomes_"
"""Scanners for leaked secrets recognise a token by it."""
REMEMBERED_SECONDS = 2.0
"""How long a looked-up token is believed: a revoked one opens nothing after so long."""

WRONG_TOKENS = 60
"""From one client address in a window; beyond that the client is told to wait. A token that opens something always works."""
WINDOW_SECONDS = 60.0

_BYTES = 32
_REMEMBERED = 1000
"""Most tokens remembered at once; as many again that open nothing."""
_ADDRESSES = 10_000
"""Most addresses whose wrong tokens are counted; beyond that the oldest are forgotten."""
_NETWORK = 64
"""Bits of an IPv6 address that one client has."""


def new() -> str:
    """A token with 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def digest(token: str) -> bytes:
    """What is kept of a token. A fast hash is enough: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class TokenLookup:
    """Which tenant a token opens, and which clients send tokens that open none. Raises as `ReadPool` does."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool
        self._known: dict[bytes, tuple[str, float]] = {}
        """Digest -> its tenant, and until when that is believed. Looked up again, it does not wait behind strangers."""
        self._wrong: dict[bytes, float] = {}
        """Digest that opens nothing -> until when that is believed: a token made meanwhile opens soon after."""
        self._clients: dict[str, tuple[int, float]] = {}
        """Client address -> wrong tokens, and the end of the window."""

    async def tenant(self, token: str) -> str | None:
        """The tenant; None where the token opens none."""
        key = digest(token)
        known = self._known.get(key)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        if known is not None:
            return await self._look_up(key)
        if self._is_wrong(key):
            return None
        async with self._pool.stranger_slot():  # while this waited, another request may have looked up the same token
            return None if self._is_wrong(key) else await self._look_up(key)

    async def _look_up(self, key: bytes) -> str | None:
        row = await self._pool.fetch_row(sql("token_tenant"), key)
        tenant: str | None = row[0] if row else None
        until = time.monotonic() + REMEMBERED_SECONDS
        if tenant is None:
            self._known.pop(key, None)
            _remember(self._wrong, key, until, _REMEMBERED)
        else:
            self._wrong.pop(key, None)
            _remember(self._known, key, (tenant, until), _REMEMBERED)
        return tenant

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


async def create(connection: Connection, root_account_uuid: str, name: str) -> tuple[str, Mapping[str, Any]]:
    """A new token, shown here and never again, and its row. Raises `UsageError` for a name that nobody could read."""
    for what, text in (("tenant", root_account_uuid), ("name", name)):
        if not text.strip() or len(text) > MAX_KEY_TEXT or has_controls(text):
            raise UsageError(f"a {what} has 1 to {MAX_KEY_TEXT} characters, and no control characters among them")
    token = new()
    row = await connection.fetchrow(sql("token_create"), root_account_uuid, name, digest(token))
    assert row is not None
    return token, dict(row)


async def listed(connection: Connection) -> list[Mapping[str, Any]]:
    """The rows of all tokens, oldest first."""
    return [dict(row) for row in await connection.fetch(sql("token_list"))]


async def revoke(connection: Connection, id_: int) -> Mapping[str, Any]:
    """Revokes a token; its row. Raises `UsageError` where there is none."""
    row = await connection.fetchrow(sql("token_revoke"), id_)
    if row is None:
        raise UsageError(f"there is no token {id_}; `outcomes token list` shows those there are")
    return dict(row)
