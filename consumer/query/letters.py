"""The grading standards of a tenant, who uses which, and the letter of a percentage. SQL functions know the rules."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text as RichText

from consumer.errors import UsageError
from consumer.printable import printable
from consumer.query.grading_standards import plain, standard_at, tenant
from consumer.query.objects import id_here
from consumer.query.sql import sql
from consumer.store.postgres import Connection
from schemas.base import local_id


@dataclass(frozen=True, slots=True)
class Standards:
    """The newest state of each standard of a tenant."""

    states: tuple[Mapping[str, Any], ...]

    def as_json(self) -> list[dict[str, Any]]:
        """For machines."""
        return [plain(state) for state in self.states]


async def listed(connection: Connection, given_tenant: str | None) -> Standards:
    """All standards of a tenant."""
    root_account_uuid = await tenant(connection, given_tenant)
    return Standards(tuple(dict(row) for row in await connection.fetch(sql("letters_list"), root_account_uuid)))


@dataclass(frozen=True, slots=True)
class Shown:
    """One standard over time, and who uses it now."""

    root_account_uuid: str
    id: int
    states: tuple[Mapping[str, Any], ...]
    used_by: tuple[Mapping[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """For machines: the newest state, all states, the users."""
        return plain(self.states[-1]) | {"states": [plain(state) for state in self.states], "used_by": list(self.used_by)}


async def shown(connection: Connection, id_: int, given_tenant: str | None) -> Shown:
    """Raises `UsageError` where the standard is not known."""
    root_account_uuid = await tenant(connection, given_tenant)
    local = local_id(id_)
    states = await connection.fetch(sql("letters_history"), root_account_uuid, local)
    if not states:
        raise UsageError(f"no grading standard {local} is known of {root_account_uuid}")
    users = await connection.fetch(sql("letters_users"), root_account_uuid, local)
    return Shown(root_account_uuid, local, tuple(map(dict, states)), tuple(map(dict, users)))


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose letters: one standard's, or what counts for an assignment, a course, an account. Nothing: the built-in scheme's."""

    standard: int | None = None
    assignment: int | None = None
    course: int | None = None
    account: int | None = None
    tenant: str | None = None
    at: datetime | None = None


async def _chosen(connection: Connection, choice: Choice) -> dict[str, Any]:
    contexts = {"assignment": choice.assignment, "course": choice.course, "account": choice.account}
    named = {what: id_ for what, id_ in contexts.items() if id_ is not None}
    if choice.standard is not None and named:
        raise UsageError("--standard excludes --assignment, --course and --account")
    if choice.standard is None and not named:
        return dict(await connection.fetchrow(sql("letters_effective"), None, None, None, None, choice.at) or {})
    root_account_uuid = await tenant(connection, choice.tenant)
    if choice.standard is not None:
        return await standard_at(connection, root_account_uuid, choice.standard, choice.at)
    local = contexts | {what: await id_here(connection, root_account_uuid, what, id_) for what, id_ in named.items()}
    return dict(await connection.fetchrow(sql("letters_effective"), root_account_uuid, *local.values(), choice.at) or {})


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter and a percentage, and the standard that relates them."""

    letter: str
    percent: Decimal
    standard: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "letter": self.letter,
            "percent": float(self.percent),
            **{name: self.standard[name] for name in ("grading_standard_id", "title", "context_type", "context_id")},
        }

    @property
    def by(self) -> str:
        """Which standard, as a sentence's end."""
        if self.standard["grading_standard_id"] is None:
            return "by Canvas' built-in scheme"
        owner = _owner(self.standard)
        title = printable(self.standard["title"])
        return f"by grading standard {self.standard['grading_standard_id']} ({title}){owner and ' of '}{owner}"


async def grade(
    connection: Connection,
    choice: Choice,
    percent: Decimal | None = None,
    points: Decimal | None = None,
    possible: Decimal | None = None,
) -> Letter:
    """The letter of a percentage, or of points of what was possible."""
    standard = await _chosen(connection, choice)
    row = await connection.fetchrow(sql("letters_grade"), standard["grading_scheme"], percent, points, possible)
    assert row is not None
    return Letter(row["letter"], row["percent"], standard)


async def score(connection: Connection, choice: Choice, letter: str) -> Letter:
    """The percentage of a letter. Raises `UsageError` where the standard does not have it."""
    standard = await _chosen(connection, choice)
    percent = await connection.fetchval(
        sql("letters_score"), standard["grading_scheme"], letter, standard["points_based"], standard["scaling_factor"]
    )
    found = Letter(letter, percent, standard)
    if percent is None:
        raise UsageError(f"there is no {letter} {found.by}; there are {_letters(standard)}")
    return found


def _owner(standard: Mapping[str, Any]) -> str:
    return f"{standard['context_type']} {standard['context_id']}" if standard["context_type"] else ""


def _letters(standard: Mapping[str, Any]) -> str:
    """As people see them: letters from percentages, or from points."""
    factor = standard["scaling_factor"] if standard["points_based"] else 100
    return " · ".join(
        f"{entry['name']} {(entry['value'] * factor).normalize():f}"
        for entry in json.loads(standard["grading_scheme"], parse_float=Decimal, parse_int=Decimal)
    )


def render(standards: Iterable[Mapping[str, Any]], note: str = "state") -> RenderableType:
    """For people: a row a standard."""
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in ("id", "title", "owner", "letters", ""):
        table.add_column(column, overflow="fold", justify="right" if column == "id" else "left")
    for standard in standards:
        remark = standard["workflow_state"] if note == "state" else _became(standard)
        texts = (str(standard["id"]), standard["title"], _owner(standard), _letters(standard), remark)
        table.add_row(*(RichText(printable(text)) for text in texts))
    return table


def _became(standard: Mapping[str, Any]) -> str:
    if not standard["added"]:
        return "unchanged"
    return "imported" if standard["moved"] else "imported; a newer state is known"


def render_shown(found: Shown) -> RenderableType:
    """For people: its states as periods, and who uses it."""
    newest = found.states[-1]
    owner = _owner(newest)
    title = RichText(f"{printable(newest['title'])}{owner and ' of '}{owner}, grading standard {found.id}", style="bold")
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    table.add_column("from", no_wrap=True)
    table.add_column("to", no_wrap=True)
    for column in ("title", "state", "points of 100 %", "letters"):
        table.add_column(column, overflow="fold")
    for state in found.states:
        factor = f"{state['scaling_factor'].normalize():f}" if state["points_based"] else ""
        texts = (_time(state["valid_from"]), _time(state["valid_to"]), state["title"], state["workflow_state"], factor)
        table.add_row(*(RichText(printable(text)) for text in (*texts, _letters(state))))
    users = ", ".join(f"{user['context_type']} {user['context_id']}" for user in found.used_by)
    return Group(title, table, RichText(f"used by {users or 'nobody'}"))


def _time(value: datetime | None) -> str:
    return "now" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"
