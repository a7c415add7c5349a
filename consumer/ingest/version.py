"""A version of an object, as the tables hold it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from consumer.ingest.canonical import plain
from consumer.ingest.records import Accepted, OrderKey, RawRecord
from consumer.ingest.tables import GLOBAL_ID, Table
from consumer.ingest.texts import Steps
from consumer.printable import has_controls
from schemas.base import SHARD, Id, local_id

NEVER_UPDATED = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for an absent `updated_at`; sorts before every other."""

CONTEXT = ("context_type", "context_id", "context_account_id", "root_account_id")
"""The only metadata that are kept: where the request was made. The rest is personal, or always the same."""

_AN_ID = TypeAdapter(Id)

_new = tuple.__new__
"""Makes a named tuple in half the time."""


@lru_cache(maxsize=1024)
def interned_name(name: str) -> str | None:
    """One object for equal texts, which makes sorting fast; None for a text with control characters."""
    return None if has_controls(name) else name


def version_of(
    table: Table,
    tenant: str,
    name: str,
    event_time: datetime,
    object_id: int,
    updated_at: datetime | None,
    version_hash: int,
    values: tuple[Any, ...],
    record: RawRecord,
    context: dict[str, Any],
    extra: dict[str, Any] | None = None,
    unknown: tuple[str, ...] = (),
    steps: Steps | None = None,
    names: str | None = None,
) -> Accepted:
    """`object_id` and `values` are those of `stored_values`."""
    source, partition, position, _ = record
    row = (
        tenant,
        object_id,
        *values,
        orjson.dumps(plain(extra)).decode() if extra else None,
        name,
        event_time,
        version_hash,
        source,
        partition,
        position,
        orjson.dumps(context).decode() if context else None,
        True,
    )
    key = _new(OrderKey, (tenant, object_id, event_time, name, updated_at or NEVER_UPDATED, version_hash))
    return _new(Accepted, (table, key, row, unknown, steps, record, names))


def stored_values(table: Table, members: dict[str, Any], metadata: Mapping[str, Any]) -> tuple[int, tuple[Any, ...]]:
    """The object's id, and a value for each of `table.members`, as the columns store them, of members that are not null."""
    if table.global_ids:
        members = _own_ids(table, members, metadata)
    values = tuple(map(members.get, table.fields))
    if table.json:
        values = tuple(
            orjson.dumps(plain(value, member)).decode() if value is not None and member in table.json else value
            for member, value in zip(table.fields, values, strict=True)
        )
    if table.id_member in table.global_ids:
        values = (members.get(GLOBAL_ID), *values)
    return members[table.id_member], values


def _own_ids(table: Table, members: dict[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """With local ids where they are of the root account's shard, as Canvas names objects; those of other shards stay global.

    Where nothing tells that shard, it is the object's own. A snapshot of an object of another shard says that it is of none.
    """
    id_ = members[table.id_member]
    shard = metadata.get("shard", id_ // SHARD) if table.snapshot else _shard(metadata.get("root_account_id")) or id_ // SHARD
    own = {
        member: local_id(value) if member in table.global_ids and value // SHARD == shard else value
        for member, value in members.items()
    }
    own[GLOBAL_ID] = None if table.snapshot and id_ < SHARD else id_
    return own


def _shard(id_: object) -> int | None:
    """Of a global id; 0 of a local one."""
    try:
        return _AN_ID.validate_python(id_) // SHARD
    except ValidationError:
        return None
