"""A version of an object, as the tables hold it."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from consumer.ingest.canonical import plain
from consumer.ingest.own_ids import own_ids
from consumer.ingest.records import Accepted, OrderKey, RawRecord
from consumer.ingest.tables import GLOBAL_ID, Table
from consumer.ingest.texts import Steps
from consumer.printable import has_controls

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


def stored_values(table: Table, members: dict[str, Any], metadata: dict[str, Any]) -> tuple[int, tuple[Any, ...]]:
    """The object's id, and a value for each of `table.members`, as the columns store them, of members that are not null."""
    if table.global_ids:
        members = own_ids(table, members, metadata)
    values = tuple(map(members.get, table.fields))
    if table.json:
        values = tuple(
            orjson.dumps(plain(value, member)).decode() if value is not None and member in table.json else value
            for member, value in zip(table.fields, values, strict=True)
        )
    if table.id_member in table.global_ids:
        values = (members.get(GLOBAL_ID), *values)
    return members[table.id_member], values
