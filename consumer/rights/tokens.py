"""Bearer tokens: each opens what its rights say. The database keeps only their digests."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from consumer.errors import UsageError
from consumer.printable import has_controls
from consumer.rights import grants
from consumer.rights.grants import Grant
from consumer.rights.sql import sql
from consumer.store.postgres import Connection
from schemas.base import MAX_KEY_TEXT

PREFIX = "outcomes_"
"""Scanners for leaked secrets recognise a token by it."""
WHOLE_TENANT = Grant("tenant", None, names=True)
_BYTES = 32


def new() -> str:
    """A token with 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def digest(secret: str) -> bytes:
    """What is kept of a token or a session. A fast hash is enough: nobody guesses 256 bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


async def create(
    connection: Connection, root_account_uuid: str, name: str, grant: Grant = WHOLE_TENANT
) -> tuple[str, Mapping[str, Any]]:
    """A new token with its right, shown here and never again, and its row. Raises `UsageError` for an unreadable name."""
    for what, text in (("tenant", root_account_uuid), ("name", name)):
        if not text.strip() or len(text) > MAX_KEY_TEXT or has_controls(text):
            raise UsageError(f"a {what} has 1 to {MAX_KEY_TEXT} characters, and no control characters among them")
    token = new()
    async with connection.transaction():
        row = await connection.fetchrow(sql("token_create"), root_account_uuid, name, digest(token))
        assert row is not None
        await grants.grant(connection, root_account_uuid, "token", str(row["id"]), grant)
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
