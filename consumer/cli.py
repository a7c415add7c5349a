"""The commands: parse, call one function, print."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from consumer import app as wiring
from consumer import log
from consumer.errors import OutcomesError
from consumer.replay import FileReplay
from consumer.replay import Progress as ReplayProgress
from consumer.settings import Settings, load
from consumer.sources import files
from consumer.store import schema
from migrations import HEAD

ATTENTION = 1
"""Exit code: done, but something needs attention."""
WRONG = 2
"""Exit code: usage or configuration."""

app = typer.Typer(
    name="outcomes",
    help="Canvas Live Events about learning outcomes, kept as a Postgres projection over time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
quarantine = typer.Typer(help="Records that could not be understood.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(quarantine, name="quarantine")

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="UUID", help="root_account_uuid; needed where there are several.")
]


def main() -> None:
    """Entry of `outcomes` and of `python -m consumer`."""
    try:
        app()
    except OutcomesError as error:
        err.print(f"outcomes: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(WRONG)


def _settings(**flags: Any) -> Settings:
    settings = load(**flags)
    log.configure(settings.log_format, settings.log_level)
    return settings


def _say(sentence: str) -> None:
    err.print(sentence, style="dim", highlight=False, soft_wrap=True, markup=False)


def _print_json(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode() + "\n")


@contextmanager
def _database(**flags: Any) -> Iterator[tuple[Settings, str]]:
    settings = _settings(**flags)
    with wiring.database(settings, _say) as dsn:
        yield settings, dsn


@app.command()
def worker(
    as_json: AsJson = False,
    until_end: Annotated[bool, typer.Option(help="Stop once all that is in the topics now is written.")] = False,
    topic: Annotated[str | None, typer.Option(metavar="NAMES", help="OUTCOMES_TOPIC")] = None,
    group_id: Annotated[str | None, typer.Option(metavar="NAME", help="OUTCOMES_GROUP_ID")] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="EVENTS", help="OUTCOMES_BATCH_SIZE")] = None,
    http_port: Annotated[int | None, typer.Option(metavar="PORT", help="OUTCOMES_HTTP_PORT; 0 for no probes")] = None,
) -> None:
    """Consume the topics until SIGTERM; a second signal ends at once.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 DATABASE_URL=postgresql://… outcomes worker
    """
    with _database(topic=topic, group_id=group_id, batch_size=batch_size, http_port=http_port) as (settings, dsn):
        summary = asyncio.run(wiring.work(settings, dsn, until_end=until_end))
    _show_summary(summary, as_json)


@app.command()
def replay(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH… | -", help="Files, folders, globs, s3:// gs:// az:// addresses, - for stdin.")
    ],
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; tell what would change.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 when anything went to quarantine.")] = False,
    batch_size: Annotated[int | None, typer.Option(metavar="EVENTS", help="OUTCOMES_BATCH_SIZE")] = None,
) -> None:
    """Read captured files through the same path as the topic. Goes on where an earlier replay of the file has stopped.

    Example: outcomes replay captured/ 's3://bucket/live-events/2025/'
    """
    with _database(batch_size=batch_size) as (settings, dsn), _progress_bar(as_json) as show:
        summary, done = asyncio.run(wiring.replay(settings, dsn, files.find(paths), dry_run=dry_run, show=show))
    if as_json:
        _print_json(summary.as_json() | {"dry_run": dry_run, "files": [_file_json(file) for file in done]})
    else:
        _show_files(done, dry_run)
        _show_summary(summary, as_json)
    if any(file.trouble for file in done) or (strict and summary.books.quarantined):
        raise typer.Exit(ATTENTION)


def _file_json(file: FileReplay) -> dict[str, Any]:
    books = file.books
    return {
        "label": file.label, "source": file.source, "resumed_at": file.resumed_at, "consumed": books.consumed,
        "applied": books.applied, "superseded": books.superseded, "duplicate": books.duplicate, "ignored": books.ignored,
        "quarantined": books.quarantined, "trouble": file.trouble,
    }  # fmt: skip


def _show_files(done: list[FileReplay], dry_run: bool) -> None:
    table = RichTable(title="would become" if dry_run else None, box=None, header_style="dim")
    for column in ("file", "applied", "superseded", "duplicate", "ignored", "quarantined", ""):
        table.add_column(column, justify="left" if column in ("file", "") else "right", overflow="fold")
    for file in done:
        books = file.books
        note = file.trouble or (f"read on from {file.resumed_at}" if file.resumed_at > 1 else "")
        numbers = (books.applied, books.superseded, books.duplicate, books.ignored, books.quarantined)
        table.add_row(file.label, *(f"{number:,}" for number in numbers), note)
    out.print(table)


def _show_summary(summary: wiring.Summary, as_json: bool) -> None:
    if as_json:
        _print_json(summary.as_json())
        return
    counts = summary.as_json()
    seconds = counts.pop("seconds")
    text = " · ".join(f"{value:,} {name}" for name, value in counts.items())
    out.print(f"{text} · {seconds} s", highlight=False, soft_wrap=True)


@contextmanager
def _progress_bar(as_json: bool) -> Iterator[Callable[[ReplayProgress], None]]:
    """A bar on a terminal; nothing elsewhere, where the log tells of each file."""
    if as_json or not err.is_terminal:
        yield lambda progress: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[events]}"),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(progress: ReplayProgress) -> None:
            task = tasks.get(progress.label)
            if task is None:
                task = tasks[progress.label] = bar.add_task(progress.label, total=progress.size, events="")
            bar.update(task, completed=progress.read, events=f"{progress.events:,} events")

        yield show


@app.command()
def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 2 unless the schema is this version's.")
    ] = False,
) -> None:
    """Bring the database to this version's schema. Safe from several places at once.

    Example: DATABASE_URL=postgresql://owner@db/school outcomes migrate
    """
    with _database() as (_, dsn):
        if check:
            asyncio.run(_check(dsn))
            out.print(f"schema {HEAD}: up to date", highlight=False)
            return
        before, after = asyncio.run(schema.migrate(dsn))
    out.print(
        f"schema {after}: " + ("was up to date" if before == after else f"migrated from {before or 'nothing'}"), highlight=False
    )


async def _check(dsn: str) -> None:
    async with wiring.connected(dsn):
        pass
