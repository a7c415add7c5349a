"""Rights as rows: granting, listing, revoking."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import orjson

from consumer.errors import UsageError
from consumer.printable import has_controls
from consumer.rights.sql import sql
from consumer.rights.viewer import Scope
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


async def looks(
    connection: Connection,
    root_account_uuid: str,
    kind: Kind | None,
    who: Any,
    course_id: int | None,
    since: datetime | None,
    limit: int,
) -> list[Mapping[str, Any]]:
    """Rows of the access log, the newest first: of somebody, at a course, since a moment. `path` is the route with its ids."""
    named = plain_login(who) if kind == "login" else None if who is None else str(who)
    rows = await connection.fetch(sql("access_log_list"), root_account_uuid, kind, named, course_id, since, limit)
    found = [dict(row) | {"ids": orjson.loads(row["ids"])} for row in rows]
    return [row | {"path": _path(row["route"], row["ids"])} for row in found]


def _path(route: str, ids: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda name: ids.get(name[1], "…"), route)
