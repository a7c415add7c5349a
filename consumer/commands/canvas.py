"""The commands that ask Canvas' REST API: `backfill` and `reconcile`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import MofNCompleteColumn
from rich.table import Table as RichTable

from consumer import app as wiring
from consumer.commands.terminal import ATTENTION, AsJson, answer, database, out, print_json, print_text, progress_bars, say
from consumer.errors import UsageError
from consumer.printable import printable
from consumer.query.report_compare import compare_report
from consumer.query.report_compare import render as render_comparison
from consumer.query.reports import Asked
from schemas.base import MAX_ID

if TYPE_CHECKING:  # a web client, of use to no other command
    from consumer.canvas.backfill import Task
    from consumer.canvas.report import Progress, Report

app = typer.Typer(rich_markup_mode=None)

Account = Annotated[
    int | None,
    typer.Option("--account", metavar="ID", min=1, max=MAX_ID, help="This account and all below it, by its local id."),
]
Course = Annotated[int | None, typer.Option("--course", metavar="ID", min=1, max=MAX_ID, help="This course alone.")]
CanvasUrl = Annotated[str | None, typer.Option("--canvas-url", metavar="URL", help="OUTCOMES_CANVAS_URL")]
Tenant = Annotated[
    str | None,
    typer.Option("--tenant", metavar="UUID", help="root_account_uuid; needed where Canvas does not show it, else a check."),
]
Rosters = Annotated[
    bool,
    typer.Option("--rosters", help="People and places instead of outcomes: users, enrolments, sections, assignments, terms."),
]
_COUNTS = ("seen", "written", "unchanged", "newer_here", "unknown_links", "without_id", "users_unknown", "refused")


@app.command()
def backfill(
    account: Account = None,
    course: Course = None,
    canvas_url: CanvasUrl = None,
    tenant: Tenant = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; tell what would be written.")] = False,
    again: Annotated[bool, typer.Option("--again", help="From the start, although an earlier one was stopped.")] = False,
    rosters: Rosters = False,
    due: Annotated[
        bool, typer.Option("--due", help="With --rosters: only courses that a SIS import may have changed since.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask Canvas for what the feed never told, and write it. Goes on where an earlier one was stopped.

    Example: OUTCOMES_CANVAS_URL=https://school.instructure.com OUTCOMES_CANVAS_TOKEN_FILE=token outcomes backfill --account 1
    """
    from consumer.canvas import backfill as filling  # noqa: PLC0415 - loads a web client that no other command needs

    if due and not rosters:
        raise UsageError("--due says which rosters are read: pass --rosters too")
    task = filling.Task(account, course, tenant, writing=not dry_run, resuming=not due, again=again, rosters=rosters, due=due)
    _one_scope(task)
    with database(canvas_url=canvas_url) as (settings, dsn), _progress(as_json) as show:
        report = wiring.run(filling.backfill(dsn, settings, wiring.signals, task, say=say, show=show))
    if as_json:
        print_json(report.as_json() | {"dry_run": dry_run})
    else:
        _show_tables(report, "would be written" if dry_run else "written")
        _show_end(report)
    if report.troubles or report.refused:
        raise typer.Exit(ATTENTION)


@app.command()
def reconcile(
    account: Account = None,
    course: Course = None,
    canvas_url: CanvasUrl = None,
    tenant: Tenant = None,
    repair: Annotated[bool, typer.Option("--repair", help="Write what Canvas says.")] = False,
    rosters: Rosters = False,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare with this file instead of asking Canvas: its report Outcome Results or Student Competency.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the projection with Canvas and show each difference; exit code 1 when there are any.

    Example: outcomes reconcile --course 5 --json | jq .difference_counts

    Example: outcomes reconcile --account 3 --report outcome_results.csv
    """
    if report is not None:
        if course is not None or canvas_url is not None or repair or rosters:
            raise UsageError("--report asks no Canvas: --course, --canvas-url, --repair and --rosters say nothing there")
        _compare_report(report, Asked(tenant, account), as_json=as_json)
        return
    from consumer.canvas import reconcile as comparing  # noqa: PLC0415 - loads a web client that no other command needs
    from consumer.canvas.backfill import Task  # noqa: PLC0415 - the same

    task = Task(account, course, tenant, writing=repair, rosters=rosters)
    _one_scope(task)
    with database(canvas_url=canvas_url) as (settings, dsn), _progress(as_json) as show:
        done = wiring.run(comparing.reconcile(dsn, settings, wiring.signals, task, say=say, show=show))
    if as_json:
        print_json(done.as_json())
    else:
        out.print(comparing.render(done))
        _show_end(done.report)
    if done.total or done.report.troubles or done.report.refused:
        raise typer.Exit(ATTENTION)


def _compare_report(path: Path, asked: Asked, *, as_json: bool) -> None:
    found = answer(
        lambda connection: compare_report(connection, path, asked), lambda found: out.print(render_comparison(found)), as_json
    )
    if found.differences:
        raise typer.Exit(ATTENTION)


def _one_scope(task: "Task") -> None:
    if task.account is not None and task.course is not None:
        raise UsageError("--account and --course exclude each other")


def _show_tables(report: "Report", written: str) -> None:
    """A row a table, with the counts that are not zero everywhere."""
    if not report.tables:
        return
    parts = [part for part in _COUNTS if part in ("seen", "written") or any(getattr(c, part) for c in report.tables.values())]
    table = RichTable(box=None, header_style="dim", pad_edge=False)
    table.add_column("table", no_wrap=True)
    for part in parts:
        table.add_column(written if part == "written" else part.replace("_", " "), justify="right")
    for name, counts in sorted(report.tables.items()):
        table.add_row(name, *(f"{getattr(counts, part):,}" for part in parts))
    out.print(table)


def _show_end(report: "Report") -> None:
    for run in report.runs:
        if run.resumed_from is not None:
            print_text(printable(f"{run.scope}: went on with the backfill that began {run.resumed_from:%Y-%m-%d %H:%M:%S}"))
    for sentence in report.remarks:
        print_text(printable(sentence))
    for sentence in (*report.refused, *report.troubles):
        print_text(printable(sentence), "yellow")
    steps = ", ".join(f"{run.scope}: {run.done} of {run.steps or '?'} steps" for run in report.runs)
    print_text(printable(f"{steps + ' · ' if steps else ''}{report.requests:,} requests · {report.seconds:.1f} s"))


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[["Progress"], None]]:
    """A bar for each account or course: its steps, and the objects that Canvas has shown so far."""
    with progress_bars(MofNCompleteColumn(), as_json=as_json) as update:
        yield lambda now: update(now.label, completed=now.done, total=now.steps, count=f"{now.objects:,} objects")
