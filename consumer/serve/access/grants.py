"""Rights as rows: granting, listing, revoking."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from consumer.errors import UsageError
from consumer.printable import has_controls
from consumer.serve.access.viewer import Scope
from consumer.serve.sql import sql
from consumer.store.postgres import Connection
from schemas.base import MAX_KEY_TEXT

Kind: TypeAlias = Literal["token", "login", "sis", "uuid"]
_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may see."""

    scope: Scope
    scope_id: int | None
    names: bool = False
    operations: bool = False


def plain_login(login: str) -> str:
    """As rights and sessions write it, for Canvas ignores the case. Only ASCII letters change: no login becomes another's."""
    return login.translate(_LOWER)


async def grant(connection: Connection, root_account_uuid: str, kind: Kind, who: str, of: Grant) -> Mapping[str, Any]:
    """Grants a right; its row. Raises `UsageError` for one that cannot be."""
    if not who.strip() or len(who) > MAX_KEY_TEXT or has_controls(who):
        raise UsageError(f"a {kind} has 1 to {MAX_KEY_TEXT} characters, and no control characters among them")
    if of.operations and of.scope != "tenant":
        raise UsageError("the right to operations goes with the whole tenant: positions and quarantine are of no single course")
    named = plain_login(who) if kind == "login" else who
    values = root_account_uuid, kind, named, of.scope, of.scope_id, of.names, of.operations
    row = await connection.fetchrow(sql("grant_create"), *values)
    if row is None:
        raise UsageError(f"there is no token {who} of {root_account_uuid}; `outcomes token list` shows those there are")
    return dict(row)


async def listed(connection: Connection, *, revoked: bool) -> list[Mapping[str, Any]]:
    """The rows of all rights, oldest first; with those that are revoked, or without."""
    return [dict(row) for row in await connection.fetch(sql("grant_list"), revoked)]


async def revoke(connection: Connection, id_: int) -> Mapping[str, Any]:
    """Revokes a right; its row. Raises `UsageError` where there is none."""
    row = await connection.fetchrow(sql("grant_revoke"), id_)
    if row is None:
        raise UsageError(f"there is no right {id_}; `outcomes access list` shows those there are")
    return dict(row)


async def end_sessions(connection: Connection, root_account_uuid: str, kind: Kind, who: str) -> int:
    """Ends all sessions of a person, or of a token; how many there were."""
    named = plain_login(who) if kind == "login" else who
    return len(await connection.fetch(sql("sessions_end"), root_account_uuid, kind, named))
