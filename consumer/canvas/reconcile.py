"""`outcomes reconcile`: lists what differs between Canvas and us; with `--repair`, writes what Canvas says.

Kinds: `missing` (only Canvas has it), `stale` (a member differs), `extra` (active here, Canvas does not show it), `alignment`
(added or removed), `scale`, `rollup` (a student's score differs). An event newer than the request is no difference. Nor are
results of students who left a course: Canvas does not show them, so we cannot compare.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from consumer.canvas.backfill import Signals, Task, backfill
from consumer.canvas.client import CanvasClient
from consumer.canvas.examining.examined import Finding
from consumer.canvas.report import Progress, Report
from consumer.printable import printable
from consumer.settings import Settings

MAX_LISTED = 10_000
"""Differences in the JSON; all are counted."""

MAX_SHOWN = 50
"""Differences in the table for people."""

MAX_WIDTH = 60
"""Characters of a value in the table."""

_ABOUT_ROLLUPS = "REST does not show how Canvas computed a score; `outcomes explain rollup` shows how we computed ours."


@dataclass(slots=True)
class Reconciliation:
    """What differs."""

    report: Report = field(default_factory=Report)
    counts: Counter[str] = field(default_factory=Counter)
    """Differences by kind."""
    repaired: int = 0
    differences: list[Finding] = field(default_factory=list)
    """The first `MAX_LISTED`."""
    seen: set[tuple[str, str, str]] = field(default_factory=set, repr=False)
    """Kind, table and key of each: a list that is read twice shows a difference twice."""

    def add(self, finding: Finding) -> None:
        """One more, unless it is known."""
        mark = (finding.kind, finding.table, repr(sorted(finding.key.items())))
        if mark in self.seen:
            return
        self.seen.add(mark)
        self.counts[finding.kind] += 1
        self.repaired += finding.repaired
        if len(self.differences) < MAX_LISTED:
            self.differences.append(finding)

    @property
    def total(self) -> int:
        """All differences."""
        return self.counts.total()

    def as_json(self) -> dict[str, Any]:
        """For machines: a backfill's report, and the differences."""
        return self.report.as_json() | {
            "differences": [one.as_json() for one in self.differences],
            "difference_counts": dict(sorted(self.counts.items())),
            "differences_in_all": self.total,
            "repaired": self.repaired,
        }


async def reconcile(
    dsn: str,
    settings: Settings,
    signals: Signals,
    task: Task,
    *,
    say: Callable[[str], None],
    show: Callable[[Progress], None],
    client: CanvasClient | None = None,
) -> Reconciliation:
    """Raises as `backfill` does. `task.writing`: repairs."""
    done = Reconciliation()
    thorough = replace(task, thorough=True, resuming=False)
    done.report = await backfill(dsn, settings, signals, thorough, say=say, show=show, found=done.add, client=client)
    return done


def render(done: Reconciliation) -> RenderableType:
    """For people."""
    if not done.total:
        return Text("no difference" if done.report.finished else "not compared to the end")
    kinds = " · ".join(f"{count:,} {kind}" for kind, count in done.counts.most_common())
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in ("kind", "what", "member", "ours", "Canvas", ""):
        table.add_column(column, overflow="fold", no_wrap=column == "kind")
    for one in sorted(done.differences, key=lambda one: (one.kind, one.table))[:MAX_SHOWN]:
        for number, (member, ours, canvas) in enumerate(one.members or [("", "", "")]):
            head = (one.kind, _what(one)) if number == 0 else ("", "")
            note = "repaired" if one.repaired and number == 0 else ""
            table.add_row(*(Text(printable(text)) for text in (*head, member, _short(ours), _short(canvas), note)))
    if done.total > MAX_SHOWN:
        more = f"and {done.total - MAX_SHOWN:,} more" + (
            "; --json lists all" if done.total <= MAX_LISTED else f"; --json lists {MAX_LISTED:,}"
        )
        table.caption, table.caption_justify = more, "left"
    notes = [Text(f"{done.repaired:,} repaired, {done.total - done.repaired:,} left")] if done.repaired else []
    if done.counts["rollup"]:
        notes.append(Text(_ABOUT_ROLLUPS))
    noun = "difference" if done.total == 1 else "differences"
    return Group(Text(f"{done.total:,} {noun}: {kinds}", style="bold"), table, *notes)


_WORDS = {"learning_outcome_group_id": "group", "learning_outcome_id": "outcome", "course_id": "course", "user_uuid": "student"}


def _what(one: Finding) -> str:
    """`learning_outcome 3`, or without an id `learning_outcome_link Course 5, group 2, outcome 3`."""
    if "id" in one.key:
        return f"{one.table} {one.key['id']}"
    pairs = (("context_type", "context_id"), ("asset_type", "asset_id"))
    parts = [f"{one.key[type_]} {one.key[id_]}" for type_, id_ in pairs if type_ in one.key]
    return f"{one.table} " + ", ".join(
        [*parts, *(f"{word} {one.key[name]}" for name, word in _WORDS.items() if name in one.key)]
    )


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= MAX_WIDTH else f"{text[:MAX_WIDTH]}…"
