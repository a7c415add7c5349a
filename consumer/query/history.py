"""One object over time: its states as periods, and what changed from each to the next."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from consumer.errors import UsageError
from consumer.ingest.tables import Table
from consumer.printable import printable
from consumer.query.objects import table_of, tenant_of
from consumer.query.retired import history_begins, note
from consumer.query.sql import sql
from consumer.store.postgres import Connection
from consumer.store.retention import PARTITIONED

_ALWAYS_DIFFERENT = frozenset({"updated_at"})
"""Changes with every save; the period tells the same better."""


@dataclass(frozen=True, slots=True)
class State:
    """One state of the object."""

    valid_from: datetime
    valid_to: datetime | None
    event_name: str
    row: dict[str, Any]
    """All members that have a value, nested things parsed."""
    changes: dict[str, tuple[Any, Any]]
    """Member -> (before, now); for the first state all members against None."""


@dataclass(frozen=True, slots=True)
class History:
    """All states of one object, oldest first."""

    kind: str
    root_account_uuid: str
    id: int
    states: tuple[State, ...]
    history_begins: datetime | None = None
    """Where some of this kind's history was retired. The first state is then the one of that moment."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "kind": self.kind,
            "root_account_uuid": self.root_account_uuid,
            "id": self.id,
            "history_begins": self.history_begins,
            "states": [
                {"valid_from": s.valid_from, "valid_to": s.valid_to, "event_name": s.event_name, **s.row} for s in self.states
            ],
        }


async def history(connection: Connection, kind: str, id_: int, tenant: str | None) -> History:
    """Reads `<kind>_history`. Raises `UsageError` where the object is not known."""
    table = table_of(kind)
    root_account_uuid = await tenant_of(connection, tenant)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(sql("history").format(table=table.name), root_account_uuid, id_)
        begins = await history_begins(connection) if table.name in PARTITIONED else None
    if not rows:
        raise UsageError(f"no {table.name} {id_} is known of {root_account_uuid}")
    if begins is not None:  # a version may be left for other reasons; between such two there may have been others
        rows = [row for row in rows if row["valid_to"] is None or row["valid_to"] > begins]
    states: list[State] = []
    before: dict[str, Any] = {}
    for row in rows:
        members = _members(table, dict(row))
        changed = {
            name: (before.get(name), members.get(name))
            for name in (*members, *(name for name in before if name not in members))
            if before.get(name) != members.get(name) and (name not in _ALWAYS_DIFFERENT or not before)
        }
        states.append(State(row["valid_from"], row["valid_to"], row["event_name"], members, changed))
        before = members
    return History(table.name, root_account_uuid, id_, tuple(states), begins)


def _members(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    nested = {*table.json, "extra"}
    return {
        name: json.loads(row[name]) if name in nested else row[name]
        for name in (*table.members, "extra")
        if row[name] is not None
    }


def render(found: History) -> RenderableType:
    """For people: periods, and what changed."""
    title = Text(f"{found.kind} {found.id} of {printable(found.root_account_uuid)}", style="bold")
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    table.add_column("from", no_wrap=True)
    table.add_column("to", no_wrap=True)
    table.add_column("what changed", overflow="fold")
    for index, state in enumerate(found.states):
        table.add_row(_time(state.valid_from), _time(state.valid_to) or "now", _changes(state, first=index == 0))
    return Group(title, table, *([] if found.history_begins is None else [Text(note(found.history_begins), style="dim")]))


def _changes(state: State, *, first: bool) -> Text:
    text = Text()
    for name, (before, now) in state.changes.items():
        if text:
            text.append("\n")
        text.append(f"{printable(name)}: ", style="dim")
        if first:
            text.append(printable(_shown(now)))
        else:
            text.append(printable(_shown(before)), style="red")
            text.append(" -> ")
            text.append(printable(_shown(now)), style="green")
    return text


def _shown(value: Any) -> str:
    """A scale as its levels, `4 Exceeds · 3* Mastery`; other nested things as JSON."""
    match value:
        case None:
            return "none"
        case datetime():
            return _time(value)
        case [{"points": _}, *_]:
            return " · ".join(
                f"{r['points']:g}{'*' if r.get('mastery') else ''} {r.get('description') or ''}".strip() for r in value
            )
        case {"ratings": [{"points": _}, *_] as ratings}:
            return f"mastery {value.get('mastery_points')} of {value.get('points_possible')}: {_shown(ratings)}"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def _time(value: datetime | None) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S}" + (f".{value.microsecond // 1000:03d}" if value.microsecond else "")
