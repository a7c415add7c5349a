"""Bearer tokens: each opens one tenant's projection for reading. The database knows their digests alone."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any

from canvas.serve.reading import Reading
from canvas.serve.sql import sql
from consumer.errors import UsageError
from consumer.printable import has_controls
from consumer.store.postgres import Connection
from schemas.base import MAX_KEY_TEXT

PREFIX = "outcomes_"
"""Recognisable, so that one that lies somewhere it should not is found by scanners."""
REMEMBERED_SECONDS = 2.0
"""How long the answer about a token is believed: a revoked one opens nothing after so long."""

_BYTES = 32
_REMEMBERED = 1000
"""Tokens at once, at most."""


def new() -> str:
    """A token: 256 bits of chance."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def digest(token: str) -> bytes:
    """What is kept of a token. A plain hash is enough: nobody guesses 256 bits, so there is nothing to slow down."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Doorkeeper:
    """Which tenant a token opens, remembered for a moment. Raises as `Reading` does."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._known: dict[bytes, tuple[str, float]] = {}

    async def tenant(self, token: str) -> str | None:
        """The tenant; None where the token opens none. Only what opens is remembered, so that a new token opens at once."""
        key, now = digest(token), time.monotonic()
        known = self._known.get(key)
        if known is not None and now < known[1]:
            return known[0]
        row = await self._reading.row("token_tenant", key)
        tenant: str | None = row[0] if row else None
        if tenant is None:
            self._known.pop(key, None)
        else:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = (tenant, now + REMEMBERED_SECONDS)
        return tenant


async def create(connection: Connection, root_account_uuid: str, name: str) -> tuple[str, Mapping[str, Any]]:
    """A new token, told here and never again, and its row. Raises `UsageError` for a name that nobody could read."""
    for what, text in (("tenant", root_account_uuid), ("name", name)):
        if not text.strip() or len(text) > MAX_KEY_TEXT or has_controls(text):
            raise UsageError(f"a {what} has 1 to {MAX_KEY_TEXT} characters, and no control characters among them")
    token = new()
    row = await connection.fetchrow(sql("token_create"), root_account_uuid, name, digest(token))
    assert row is not None
    return token, dict(row)


async def listed(connection: Connection) -> list[Mapping[str, Any]]:
    """All tokens' rows, in the order in which they were made."""
    return [dict(row) for row in await connection.fetch(sql("token_list"))]


async def revoke(connection: Connection, id_: int) -> Mapping[str, Any]:
    """Revokes a token; its row. Raises `UsageError` where there is none."""
    row = await connection.fetchrow(sql("token_revoke"), id_)
    if row is None:
        raise UsageError(f"there is no token {id_}; `outcomes token list` shows those there are")
    return dict(row)
