"""The projection against the simulator's truth: an independent look, member by member, past decoding and hashing."""

import json
from datetime import datetime
from typing import Any

from consumer.ingest.tables import TABLES, Table
from consumer.query.sql import sql
from consumer.simulator.truth import Known, Truth
from consumer.store.postgres import Connection
from schemas.base import local_id

SHOWN = 20
"""Differences that are spelt out."""


async def differences(connection: Connection, truth: Truth) -> list[str]:
    """Sentences about all that is not as the truth says; empty where the projection is right.

    For a projection that holds nothing but what was sent, each record consumed once.
    """
    found: list[str] = []
    found += await _books(connection, truth)
    for table in TABLES.values():
        found += await _objects(connection, truth, table)
    return found


async def _books(connection: Connection, truth: Truth) -> list[str]:
    counts = dict(await connection.fetchrow(sql("books")) or {})
    expected = {
        "consumed": truth.events,
        "duplicate": truth.duplicates,
        "ignored": sum(truth.ignored.values()),
        "quarantined": sum(truth.poison.values()),
    }
    wrong = [
        f"{name}: {counts[name]} in the books, {number} were sent"
        for name, number in expected.items()
        if counts[name] != number
    ]
    for reason, records in await connection.fetch("SELECT reason, count(*) FROM quarantine GROUP BY reason"):
        if truth.poison[reason] != records:
            wrong.append(f"quarantine: {records} for {reason}, {truth.poison[reason]} were sent")
    return wrong


async def _objects(connection: Connection, truth: Truth, table: Table) -> list[str]:
    versions = {
        (row["root_account_uuid"], row["id"]): row["versions"]
        for row in await connection.fetch(
            f"SELECT root_account_uuid, id, count(*) AS versions FROM {table.name}_version GROUP BY 1, 2"
        )
    }
    expected = {(tenant, id_): known for (kind, tenant, id_), known in truth.objects.items() if kind == table.name}
    wrong: list[str] = []
    seen = set()
    async with connection.transaction():
        async for row in connection.cursor(f"SELECT * FROM {table.name}", prefetch=5000):
            key = (row["root_account_uuid"], row["id"])
            seen.add(key)
            known = expected.get(key)
            if known is None:
                wrong.append(f"{table.name} {key[1]} of {key[0]}: no event was sent about it")
                continue
            if versions.get(key) != known.versions:
                wrong.append(f"{table.name} {key[1]} of {key[0]}: {versions.get(key)} versions, {known.versions} were sent")
            if why := _unlike(table, dict(row), known):
                wrong.append(f"{table.name} {key[1]} of {key[0]}: {why}")
    wrong += [f"{table.name} {id_} of {tenant}: is missing" for tenant, id_ in expected.keys() - seen]
    return wrong


def _unlike(table: Table, row: dict[str, Any], known: Known) -> str | None:
    if row["event_time"] != datetime.fromisoformat(known.order[0]) or row["event_name"] != known.order[1]:
        return f"is of {row['event_time']}, the newest is of {known.order[0]}"
    unlike = [_members_unlike(table, row, body) for body in known.bodies]
    return None if [] in unlike else f"differs in {', '.join(unlike[0])}"


def _members_unlike(table: Table, row: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """Members of which the row says something else than the body."""
    wrong = []
    apart = {table.id_member, "global_id", "body_root_account_uuid", "root_account_uuid", *table.dropped}
    for name in {*table.members, *body} - apart:
        sent, stored = body.get(name), row[name]
        if name in table.json:
            stored = json.loads(stored) if stored is not None else None
        elif name in table.global_ids and sent is not None:
            sent = local_id(int(sent))
        if not _same(sent, stored):
            wrong.append(name)
    return wrong


def _same(sent: Any, stored: Any) -> bool:
    match sent, stored:
        case str(), datetime():
            return datetime.fromisoformat(sent) == stored
        case str(), int():
            return int(sent) == stored
        case dict(), dict():
            return sent.keys() == stored.keys() and all(_same(sent[name], stored[name]) for name in sent)
        case list(), list():
            return len(sent) == len(stored) and all(map(_same, sent, stored))
        case _:
            return bool(sent == stored)
