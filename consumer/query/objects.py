"""Naming one object: its kind, its tenant, its id."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from consumer.errors import UsageError
from consumer.ingest.tables import TABLE_OF_EVENT, TABLES, Table
from consumer.query.sql import sql
from consumer.store.postgres import Connection
from schemas.base import SHARD, local_id

SHORT = {
    "outcome": "learning_outcome",
    "group": "learning_outcome_group",
    "link": "learning_outcome_link",
    "result": "learning_outcome_result",
    "scale": "outcome_proficiency",
    "method": "outcome_calculation_method",
    "friendly_description": "outcome_friendly_description",
}
"""Short names that commands accept besides the tables' own."""

QUARANTINE_LEFT_OUT = "quarantine is left out: this login may not read it (outcomes_writer may, outcomes_reader may not)"
"""Said by what looks into quarantine among other things."""

TO_BEGIN = "`outcomes replay FILE`, `outcomes worker` and `outcomes backfill` bring something in"
"""Said where nothing is there yet."""

_SHOWN = 10


def table_of(kind: str) -> Table:
    """The table of a kind. Raises `UsageError`."""
    table = TABLES.get(SHORT.get(kind, kind))
    if table is None:
        of_event = TABLE_OF_EVENT.get(f"{kind}_updated")
        near = [of_event.name] if of_event else get_close_matches(kind, [*SHORT, *TABLES], n=1)
        advice = f"did you mean {near[0]}? There" if near else "there"
        raise UsageError(f"{kind} is no kind of object; {advice} are {', '.join(TABLES)} (short: {', '.join(SHORT)})")
    return table


async def tenant_of(connection: Connection, given: str | None) -> str:
    """The tenant that was named, else the only one there is. Raises `UsageError` where there is no such, or a choice."""
    tenants = sorted({row[0] for table in TABLES for row in await connection.fetch(sql("tenants").format(table=table))})
    if given in tenants:
        return str(given)
    if not tenants:
        raise UsageError(f"the projection is empty: no event and no backfill has told of any tenant yet; {TO_BEGIN}")
    known = ", ".join(tenants[:_SHOWN]) + (f" and {len(tenants) - _SHOWN} more" if len(tenants) > _SHOWN else "")
    if given is not None:
        raise UsageError(f"no such tenant: {given}; there are {known}")
    if len(tenants) > 1:
        raise UsageError(f"there are several tenants, name one with --tenant: {known}")
    return str(tenants[0])


async def id_here(connection: Connection, root_account_uuid: str, what: str, id_: int) -> int:
    """The local id of what has a local or a global one. Raises `UsageError` for one of another shard, where ours is known."""
    shard = await _shard(connection, root_account_uuid, id_)
    if shard is not None and id_ // SHARD != shard:
        raise UsageError(f"{what} {id_} is on shard {id_ // SHARD}, and {root_account_uuid} on shard {shard}")
    return local_id(id_)


async def outcome_id(connection: Connection, root_account_uuid: str, id_: int) -> int:
    """As results call an outcome: by its local id; by the global one where it lives on another shard."""
    shard = await _shard(connection, root_account_uuid, id_)
    return id_ if shard is not None and id_ // SHARD != shard else local_id(id_)


async def _shard(connection: Connection, root_account_uuid: str, id_: int) -> int | None:
    """The tenant's; None where nothing has told it, and for a local id, which asks for none."""
    shard: int | None = await connection.fetchval(sql("shard"), root_account_uuid) if id_ >= SHARD else None
    return shard


async def reads_quarantine(connection: Connection) -> bool:
    """Whether this login may: readers may not, since it holds what Canvas sent, whole."""
    return bool(await connection.fetchval(sql("reads_quarantine")))


def is_topic(source: str) -> bool:
    """Whether its partitions are Kafka's: no topic has a colon in its name, and all other sources have one."""
    return ":" not in source


def origin(row: Mapping[str, Any]) -> str:
    """Where a record came from, for people: `topic-3 @17`, `captured/2025.ndjson @17`, `https://school.example @17`.

    A file without a name is called by its digest, and a Canvas by its host.
    """
    if not is_topic(row["source"]):
        return f"{row['label'] or row['source']} @{row['position']}"
    return f"{row['source']}-{row['partition']} @{row['position']}"
