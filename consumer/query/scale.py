"""Which account-level mastery scale and calculation method apply, and whose they are; and how mastery is written for people."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from consumer.printable import isolated, printable
from consumer.query.objects import id_here, tenant_of
from consumer.query.retired import refuse_retired
from consumer.query.sql import sql
from consumer.store.postgres import Connection

SWITCH = "account_level_mastery_scales"
"""Name of the tenant's setting."""
SWATCH = "██"
_HEX = re.compile(r"[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Setting:
    """What applies to a course or account at a moment. Without scale or method, the outcomes' own count."""

    root_account_uuid: str
    context_type: str
    context_id: int | None
    """None: the results whose course is unknown."""
    at: datetime | None
    known_at: datetime | None
    account_level: bool
    """Whether account-level scales are on."""
    scale: dict[str, Any] | None
    """Id, owner, since when, and its levels, highest first."""
    method: dict[str, Any] | None
    """Id, owner, since when, name and number."""
    chain: list[dict[str, Any]]
    """The contexts that were asked, nearest first, with their names."""
    place_known: bool
    """Whether events tell the way up to the root."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {name: getattr(self, name) for name in Setting.__slots__}

    @property
    def context(self) -> str:
        """What it applies to, for people."""
        name = next((one["name"] for one in self.chain if self._is_own(one)), None)
        return name_of(self.context_type, self.context_id, name)

    def owner_of_scale(self) -> str:
        """Whose scale applies."""
        return "the outcomes' own" if self.scale is None else self._owner(self.scale)

    def owner_of_method(self) -> str:
        """Whose method applies."""
        return "the outcomes' own" if self.method is None else self._owner(self.method)

    def _owner(self, row: dict[str, Any]) -> str:
        whose = f"{name_of(row['owner_type'], row['owner_id'])}'s"
        return f"{whose} own" if self._is_own(row) else with_name(whose, row["owner_name"])

    def _is_own(self, row: dict[str, Any]) -> bool:
        return (row["owner_type"], row["owner_id"]) == (self.context_type, self.context_id)


async def setting(
    connection: Connection,
    root_account_uuid: str,
    context: tuple[str, int | None],
    at: datetime | None,
    known_at: datetime | None = None,
) -> Setting:
    """Asks `mastery_setting` for a (Course, id) or an (Account, id)."""
    row = await connection.fetchrow(sql("mastery_setting"), root_account_uuid, *context, at, known_at)
    assert row is not None
    chain = json.loads(row["chain"])
    names = {(one["owner_type"], one["owner_id"]): one["name"] for one in chain}
    scale = method = None
    if row["outcome_proficiency_id"] is not None:
        scale = {
            "outcome_proficiency_id": row["outcome_proficiency_id"],
            "owner_type": row["scale_owner_type"],
            "owner_id": row["scale_owner_id"],
            "owner_name": names.get((row["scale_owner_type"], row["scale_owner_id"])),
            "since": row["scale_since"],
            "levels": json.loads(row["levels"] or "[]"),
        }
    if row["outcome_calculation_method_id"] is not None:
        method = {
            "outcome_calculation_method_id": row["outcome_calculation_method_id"],
            "owner_type": row["method_owner_type"],
            "owner_id": row["method_owner_id"],
            "owner_name": names.get((row["method_owner_type"], row["method_owner_id"])),
            "since": row["method_since"],
            "calculation_method": row["calculation_method"],
            "calculation_int": row["calculation_int"],
        }
    return Setting(root_account_uuid, *context, at, known_at, row["account_level"], scale, method, chain, row["place_known"])


async def effective(
    connection: Connection, context: tuple[str, int], tenant: str | None, at: datetime | None, known_at: datetime | None = None
) -> Setting:
    """What applies to a course or account of the tenant that was named. Raises `UsageError`."""
    await refuse_retired(connection, at, known_at)
    root_account_uuid = await tenant_of(connection, tenant)
    kind, id_ = context
    here = kind, await id_here(connection, root_account_uuid, kind.lower(), id_)
    return await setting(connection, root_account_uuid, here, at, known_at)


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether Canvas computes with account-level scales, and who says so."""

    root_account_uuid: str
    value: str
    """on, off or auto."""
    account_level: bool

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"root_account_uuid": self.root_account_uuid, SWITCH: self.value, "account_level": self.account_level}

    def sentence(self) -> str:
        """What it means now."""
        meaning = {
            ("on", True): "scales and methods of accounts and courses count wherever one is known",
            ("off", False): "each outcome counts with its own criterion and method",
            ("auto", True): "on, because a scale or calculation method has been seen",
            ("auto", False): "off, because no scale or calculation method has been seen; the first one switches them on",
        }
        return (
            f"account-level mastery scales of {self.root_account_uuid}: {self.value}: {meaning[self.value, self.account_level]}"
        )


async def switch(connection: Connection, root_account_uuid: str) -> Switch:
    """Reads the tenant's setting; anything but on and off is auto, as in SQL."""
    row = await connection.fetchrow(sql("mastery_switch"), root_account_uuid)
    assert row is not None
    return Switch(root_account_uuid, row["value"] if row["value"] in ("on", "off") else "auto", row["account_level"])


def render(found: Setting) -> RenderableType:
    """For people."""
    title = f"{found.context} of {printable(found.root_account_uuid)}{as_of(found.at, found.known_at)}"
    parts: list[RenderableType] = [Text(title, style="bold")]
    if not found.account_level:
        parts.append(Text("Account-level scales are off: each outcome counts with its own criterion and method."))
        return Group(*parts, *_place(found))
    if found.scale is None:
        parts.append(Text("No account-level scale is known here: each outcome counts with its own criterion."))
    else:
        scale = found.scale
        parts += [
            Text(f"scale {scale['outcome_proficiency_id']}: {found.owner_of_scale()}, since {moment(scale['since'])}"),
            Padding.indent(_levels(scale["levels"]), 2),
        ]
    if found.method is None:
        parts.append(Text("No account-level calculation method is known here: each outcome's own counts."))
    else:
        method = found.method
        whose = f"{found.owner_of_method()}, since {moment(method['since'])}"
        named = method_text(method["calculation_method"], method["calculation_int"])
        parts += [Text(f"method {method['outcome_calculation_method_id']}: {whose}"), Padding.indent(Text(named), 2)]
    return Group(*parts, *_place(found))


def _place(found: Setting) -> list[RenderableType]:
    """That the way up is not known, where it is not."""
    if found.place_known:
        return []
    asked = ", ".join(name_of(one["owner_type"], one["owner_id"], one["name"]) for one in found.chain) or "nobody"
    return [Text(f"The place of {found.context} in the tree of accounts is not known; asked were: {asked}.", style="yellow")]


def _levels(levels: list[dict[str, Any]]) -> RenderableType:
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(no_wrap=True)
    for level in levels:
        description = Text(printable(level["description"] or ""))
        if level["mastery"]:
            description.append(" *mastery", style="bold")
        colour = Text(f"#{printable(level['color'])}" if level["color"] else "", style="dim")
        grid.add_row(Text(SWATCH, style=style_of(level["color"])), number(level["points"]), description, colour)
    return grid


def method_text(name: str | None, calculation_int: int | None) -> str:
    """A calculation method by its stored name, with what it means where the name does not say it."""
    weights = f"{calculation_int}/{100 - (calculation_int or 0)}"
    match name:
        case "highest" | "latest" | "average":
            return name
        case "n_mastery":
            return f"n_mastery, {calculation_int} {'time' if calculation_int == 1 else 'times'}"
        case "decaying_average" | "weighted_average":
            return f"{name} {weights}, the latest against the mean of all before"
        case "standard_decaying_average":
            return f"{name} {weights}, each against all before"
        case _:
            return f"{printable(name)}, which is not known here"


def name_of(context_type: str, context_id: int | None, name: str | None = None) -> str:
    """`course 7`, `account 3 (Science)`."""
    return "an unknown course" if context_id is None else with_name(f"{printable(context_type).lower()} {context_id}", name)


def with_name(what: str, name: str | None) -> str:
    """`account 3 (Science)`; without a name `account 3`."""
    return f"{what} ({isolated(printable(name))})" if name else what


def style_of(color: str | None) -> str:
    """A level's colour as a style; none where it is no six hex digits."""
    return f"#{color}" if color and _HEX.fullmatch(color) else ""


def number(value: float | None) -> str:
    """Points, without a fraction of nothing."""
    return "?" if value is None else f"{value:.10g}"


def moment(value: datetime | None) -> str:
    """A time in UTC; milliseconds where it has some."""
    if value is None:
        return "?"
    utc = value.astimezone(UTC)
    return f"{utc:%Y-%m-%d %H:%M:%S}" + (f".{utc.microsecond // 1000:03d}" if utc.microsecond else "")


def as_of(at: datetime | None, known_at: datetime | None = None) -> str:
    """The moment that was asked for, to be put behind a title."""
    return (f" at {moment(at)}" if at else "") + (f" as known at {moment(known_at)}" if known_at else "")
