"""How the projection is: positions, books, freshness, quarantine, drift."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from consumer.ingest.batch import PARTS, SUPERSEDED, Partition
from consumer.ingest.tables import CANVAS, TABLES
from consumer.printable import printable
from consumer.query.objects import QUARANTINE_LEFT_OUT, TO_BEGIN, is_topic, reads_quarantine
from consumer.query.retired import history_begins, note
from consumer.query.sql import sql
from consumer.store.postgres import Connection
from schemas.events import HEARTBEAT

COUNTED = ("consumed", *PARTS)
_SHOWN = 20
_FILES = 10
"""Files that are shown to people."""

Rows = list[dict[str, Any]]


class AskedCanvas(NamedTuple):
    """What Canvas' REST API was asked, and should be."""

    backfills: Rows
    """The newest of each scope; `finished_at` is null where it was stopped, or is at work."""
    rosters_due: Rows
    """How many rosters a SIS import may have changed without events, by tenant."""


@dataclass(frozen=True, slots=True)
class Status:
    """What `outcomes status` shows. Times are UTC, ages seconds."""

    schema: str
    now: datetime
    positions: Rows
    quarantine: Rows | None
    """None where the login may not read it."""
    ignored: Rows
    drift: Rows
    unknown_values: Rows | None
    """Versions whose values of unknown members are kept out of sight, by table; None for who may not see them."""
    gaps: Rows
    canvas: AskedCanvas
    tables: Rows
    history_begins: datetime | None
    """None where nothing was retired."""
    lag: Mapping[Partition, int] | None
    """Records behind the end of each partition; None where Kafka was not asked or does not answer."""

    @property
    def books(self) -> dict[str, int]:
        """The sum over all partitions and files."""
        return {part: sum(row[part] for row in self.positions) for part in COUNTED}

    @property
    def freshness(self) -> float | None:
        """Seconds since the newest event."""
        return self._age(row["last_event_time"] for row in self.positions)

    @property
    def heartbeat(self) -> float | None:
        """Seconds since the feed's newest heartbeat."""
        return self._age(row["last_event_time"] for row in self.ignored if row["event_name"] == HEARTBEAT)

    @property
    def topic_positions(self) -> dict[Partition, int]:
        """Where each partition of a topic is read next."""
        rows = [row for row in self.positions if is_topic(row["source"])]
        return {Partition(row["source"], row["partition"]): row["next_position"] for row in rows}

    def _age(self, times: Any) -> float | None:
        newest = max((time for time in times if time is not None), default=None)
        return None if newest is None else (self.now - newest).total_seconds()

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        lag = self.lag or {}
        return {
            "schema": self.schema,
            "books": self.books,
            "history_begins": self.history_begins,
            "freshness_seconds": self.freshness,
            "heartbeat_seconds": self.heartbeat,
            "positions": [row | {"lag": lag.get(Partition(row["source"], row["partition"]))} for row in self.positions],
            "quarantine": self.quarantine,
            "ignored": self.ignored,
            "drift": self.drift,
            "unknown_values": self.unknown_values,
            "gaps": self.gaps,
            **self.canvas._asdict(),
            "tables": self.tables,
        }


async def status(
    connection: Connection, *, schema: str, lag: Mapping[Partition, int] | None = None, rosters: bool = True
) -> Status:
    """Reads it all in one snapshot; of the projection's tables only that of courses is scanned, and only after a SIS import.

    `rosters`: whether rosters are stored, so that they can be due.
    """
    names = [name for table in TABLES for name in (table, f"{table}_version")]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        now: datetime = await connection.fetchval("SELECT now()")
        rows = {
            name: [dict(row) for row in await connection.fetch(sql(f"status_{name}"))]
            for name in ("positions", "ignored", "drift", "gaps")
        }
        backfills = [dict(row) for row in await connection.fetch(sql("status_backfills"))]
        due = [dict(row) for row in await connection.fetch(sql("status_rosters_due"))] if rosters else []
        private = await reads_quarantine(connection)
        waiting = [dict(row) for row in await connection.fetch(sql("status_quarantine"))] if private else None
        unknown = [dict(row) for row in await connection.fetch(sql("status_unknown"))] if private else None
        tables = [dict(row) for row in await connection.fetch(sql("status_tables"), names)]
        begins = await history_begins(connection)
    return Status(
        schema=schema,
        now=now,
        lag=lag,
        canvas=AskedCanvas(backfills, due),
        tables=tables,
        quarantine=waiting,
        unknown_values=unknown,
        history_begins=begins,
        **rows,
    )


def render(found: Status) -> RenderableType:
    """For people, at 60 columns and more."""
    parts: list[RenderableType] = [Text(_headline(found))]
    if found.history_begins is not None:
        parts.append(Text(note(found.history_begins)))
    if found.positions:
        parts += [Text(), _positions(found)]
    if found.quarantine is None:
        parts += [Text(), Text(QUARANTINE_LEFT_OUT)]
    elif found.quarantine:
        parts += [Text(), _table("in quarantine", found.quarantine, ("reason", "records", "since"))]
    if found.ignored:
        parts += [Text(), _table("ignored", found.ignored, ("event_name", "events", "last_event_time"))]
    if found.drift:
        parts += [Text(), _table("members that this version does not know", found.drift, ("event_name", "member", "events"))]
    if found.unknown_values:
        kept = _table(
            "versions with values of such members, kept out of readers' sight", found.unknown_values, ("table", "versions")
        )
        parts += [Text(), kept]
    if found.gaps:
        columns = ("source", "partition", "from_position", "to_position", "reason", "recorded_at")
        parts += [Text(), _table("gaps", found.gaps, columns)]
    unfinished = [row for row in found.canvas.backfills if row["finished_at"] is None]
    if unfinished:
        parts += [Text(), _table("backfills that are not finished", unfinished, ("source", "scope", "begun_at", "steps"))]
    if due := found.canvas.rosters_due:
        named = ("root_account_uuid", "courses", "since")
        parts += [Text(), _table("rosters that a SIS import may have changed", due, named)]
        parts.append(Text("`outcomes backfill --rosters --due` reads them"))
    held = [row for row in found.tables if row["estimate"] > 0]
    if held:
        megabytes = [{"table": r["table"], "rows (about)": r["estimate"], "MB": r["bytes"] // 2**20} for r in held]
        parts += [Text(), _table("tables", megabytes, ("table", "rows (about)", "MB"), all_rows=True)]
    return Group(*parts)


def _headline(found: Status) -> str:
    books = " · ".join(f"{count:,} {part}" for part, count in found.books.items() if count or part != "erased")
    if found.freshness is not None:
        ages = [f"newest event {ago(found.freshness)}"]
    else:  # of what waits in quarantine the time is not known
        ages = ["no event's time is known yet" if found.books["consumed"] else f"nothing consumed yet: {TO_BEGIN}"]
    if found.heartbeat is not None:
        ages.append(f"feed's heartbeat {ago(found.heartbeat)}")
    meaning = f"\n({SUPERSEDED})" if found.books["superseded"] else ""
    return f"schema {found.schema} · {' · '.join(ages)}\n{books}{meaning}"


def ago(seconds: float) -> str:
    """`12 min ago`, for people."""
    distance, where = abs(seconds), "ago" if seconds > -0.05 else "ahead of the clock"  # below that it reads as 0.0
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if distance >= 2 * length:
            return f"{distance / length:.0f} {unit} {where}"
    return f"{distance:.1f} s {where}"


def _positions(found: Status) -> RenderableType:
    """Each topic above its partitions, then each Canvas that was asked, then the newest files.

    Words, not columns: they fit any width; zeros are left out.
    """
    files = [row for row in reversed(found.positions) if row["source"].startswith("file:")]
    asked = [row for row in reversed(found.positions) if row["source"].startswith(CANVAS)]
    partitions = [row for row in found.positions if is_topic(row["source"])]
    partitions.sort(key=lambda row: (row["source"], row["partition"]))
    parts: list[RenderableType] = [Text("positions", style="bold")]
    for topic, rows in groupby(partitions[:_SHOWN], key=lambda row: str(row["source"])):
        grid = RichTable.grid(padding=(0, 2, 0, 0))
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column()
        for row in rows:
            lag = (found.lag or {}).get(Partition(row["source"], row["partition"]))
            grid.add_row(str(row["partition"]), _numbers(row, lag))
        parts += [Text(printable(topic)), Padding.indent(grid, 2)]
    if len(partitions) > _SHOWN:
        parts.append(Text(f"… and {len(partitions) - _SHOWN} more partitions; --json shows all", style="dim"))
    for row in (*asked, *files[:_FILES]):
        parts += [Text(printable(row["label"] or row["source"]), overflow="fold"), Padding.indent(_numbers(row, None), 2)]
    if len(files) > _FILES:
        parts.append(Text(f"… and {len(files) - _FILES} more files; --json shows all", style="dim"))
    return Group(*parts)


def _numbers(row: dict[str, Any], lag: int | None) -> Text:
    """`next 12 · lag 0 · 11 applied`."""
    told = [f"next {row['next_position']:,}", *([] if lag is None else [f"lag {lag:,}"])]
    return Text(" · ".join([*told, *(f"{row[part]:,} {part}" for part in PARTS if row[part])]))


def _table(title: str, rows: Rows, columns: tuple[str, ...], *, all_rows: bool = False) -> RichTable:
    table = RichTable(title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False)
    shown = rows if all_rows else rows[:_SHOWN]
    for column in columns:
        numbers = any(isinstance(row[column], int) for row in shown)
        whole = numbers or any(isinstance(row[column], datetime) for row in shown)
        table.add_column(column.replace("_", " "), justify="right" if numbers else "left", overflow="fold", no_wrap=whole)
    for row in shown:
        table.add_row(*(_cell(row[column]) for column in columns))
    hidden = len(rows) - len(shown)
    if hidden > 0:
        table.caption, table.caption_justify = f"and {hidden} more; --json shows all", "left"
    return table


def _cell(value: Any) -> Text:
    match value:
        case None:
            return Text("")
        case datetime():
            return Text(f"{value:%Y-%m-%d %H:%M:%S}")
        case int():
            return Text(f"{value:,}")
        case _:
            return Text(printable(value))
