"""A version of an object, as the tables hold it."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from consumer.ingest.canonical import plain
from consumer.ingest.records import Accepted, OrderKey, RawRecord
from consumer.ingest.tables import Table
from consumer.ingest.texts import Steps
from consumer.printable import has_controls
from schemas.base import SHARD, local_id

NEVER_UPDATED = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for an absent `updated_at`; sorts before every other."""

CONTEXT = ("context_type", "context_id", "context_account_id", "root_account_id")
"""The only metadata that are kept: where the request was made. The rest is personal, or always the same."""

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
    """`values`: one for each of `table.fields`. `object_id` and `values` are as the event says them."""
    if table.global_ids or table.json:
        values = _stored(table, object_id, values)
    if table.global_ids:
        object_id = local_id(object_id)
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


def _stored(table: Table, object_id: int, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """One value for each of `table.members`, as the columns store it: ids local, jsonb as text."""
    if table.id_member in table.global_ids:
        values = (None if table.snapshot and object_id < SHARD else object_id, *values)
    return tuple(
        None
        if value is None
        else local_id(value)
        if member in table.global_ids
        else orjson.dumps(plain(value, member)).decode()
        if member in table.json
        else value
        for member, value in zip(table.members, values, strict=True)
    )
