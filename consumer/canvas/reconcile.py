"""`outcomes reconcile`: a backfill's survey, told difference by difference; with `--repair` what Canvas says is written.

Kinds: `missing` (Canvas has it, we do not), `stale` (it differs in what REST tells), `extra` (active here, Canvas does not show
it), `alignment` (told or removed since), `scale`, `rollup` (the score of a student differs). What an event newer than the
request has told is no difference. Results of students who left a course are none either: Canvas shows those of its students
alone, so nothing is known of the others.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from consumer.canvas.backfill import Progress, Report, Signals, Task, backfill
from consumer.canvas.client import CanvasClient
from consumer.canvas.examine import Finding
from consumer.printable import printable
from consumer.settings import Settings

MOST = 10_000
"""Differences that are told one by one; all are counted."""

SHOWN = 50
"""Of these, differences that are shown to people."""

_ABOUT_ROLLUPS = "REST does not tell how Canvas came to a score; `outcomes explain rollup` shows how we came to ours."
_WIDTH = 60
"""Characters of a value that are shown to people."""


@dataclass(slots=True)
class Reconciliation:
    """What differs."""

    report: Report = field(default_factory=Report)
    counts: Counter[str] = field(default_factory=Counter)
    """Differences by kind."""
    repaired: int = 0
    differences: list[Finding] = field(default_factory=list)
    """The first of them."""

    def add(self, finding: Finding) -> None:
        """One more."""
        self.counts[finding.kind] += 1
        self.repaired += finding.repaired
        if len(self.differences) < MOST:
            self.differences.append(finding)

    @property
    def total(self) -> int:
        """All differences."""
        return self.counts.total()

    @property
    def left(self) -> int:
        """Those that were not repaired."""
        return self.total - self.repaired

    def as_json(self) -> dict[str, Any]:
        """For machines: what a backfill tells, and the differences."""
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
    """Compares; `task.writing` repairs. Raises as `backfill` does."""
    done = Reconciliation()
    whole = replace(task, thorough=True, resuming=False)
    done.report = await backfill(dsn, settings, signals, whole, say=say, show=show, found=done.add, client=client)
    return done


def render(done: Reconciliation) -> RenderableType:
    """For people."""
    if not done.total:
        return Text("no difference" if done.report.finished else "not compared to the end")
    kinds = " · ".join(f"{count:,} {kind}" for kind, count in done.counts.most_common())
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in ("kind", "what", "member", "ours", "Canvas", ""):
        table.add_column(column, overflow="fold", no_wrap=column == "kind")
    for one in sorted(done.differences, key=lambda one: (one.kind, one.table))[:SHOWN]:
        for number, (member, ours, canvas) in enumerate(one.members or [("", "", "")]):
            head = (one.kind, _what(one)) if number == 0 else ("", "")
            note = "repaired" if one.repaired and number == 0 else ""
            table.add_row(*(Text(printable(text)) for text in (*head, member, _short(ours), _short(canvas), note)))
    if done.total > SHOWN:
        more = f"and {done.total - SHOWN:,} more" + ("; --json tells all" if done.total <= MOST else f"; --json tells {MOST:,}")
        table.caption, table.caption_justify = more, "left"
    said = [Text(f"{done.repaired:,} repaired, {done.left:,} left")] if done.repaired else []
    if done.counts["rollup"]:
        said.append(Text(_ABOUT_ROLLUPS))
    noun = "difference" if done.total == 1 else "differences"
    return Group(Text(f"{done.total:,} {noun}: {kinds}", style="bold"), table, *said)


_NAMED = {"learning_outcome_group_id": "group", "learning_outcome_id": "outcome", "course_id": "course", "user_uuid": "student"}


def _what(one: Finding) -> str:
    """`learning_outcome 3`; without an id, what stands in its place: `learning_outcome_link Course 5, group 2, outcome 3`."""
    if "id" in one.key:
        return f"{one.table} {one.key['id']}"
    pairs = (("context_type", "context_id"), ("asset_type", "asset_id"))
    parts = [f"{one.key[type_]} {one.key[id_]}" for type_, id_ in pairs if type_ in one.key]
    return f"{one.table} " + ", ".join(
        [*parts, *(f"{word} {one.key[name]}" for name, word in _NAMED.items() if name in one.key)]
    )


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
