"""`outcomes replay`."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.progress import DownloadColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from consumer import app as wiring
from consumer.commands.terminal import (
    ATTENTION,
    ENDS,
    AsJson,
    configured,
    database,
    hint_at_quarantine,
    out,
    print_json,
    print_text,
    progress_bars,
    say,
    show_summary,
)
from consumer.errors import UsageError
from consumer.ingest.batch import PARTS
from consumer.printable import printable
from consumer.replay import FileReplay, FileSent, Progress
from consumer.sources import finding

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog=ENDS)
def replay(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH… | -", help="Files, folders, globs, s3:// gs:// az:// addresses, - for stdin.")
    ],
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; tell what would change.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 when anything went to quarantine.")] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="From the start, read before or not: for what newer code or other settings understand."),
    ] = False,
    batch_size: Annotated[int | None, typer.Option(metavar="EVENTS", help="OUTCOMES_BATCH_SIZE")] = None,
    to_topic: Annotated[
        str | None, typer.Option(metavar="NAME", help="Send the records to this topic instead; needs no database.")
    ] = None,
) -> None:
    """Read captured files through the same path as the topic. Goes on where an earlier replay of the file has stopped.

    Example: outcomes replay captured/ 's3://bucket/live-events/2025/'

    Example: outcomes replay march.ndjson.gz --to-topic canvas-live-events
    """
    if to_topic is not None:
        if dry_run or strict or again or batch_size is not None:
            raise UsageError("--to-topic excludes --dry-run, --strict, --again and --batch-size, which are about the database")
        _send_files(paths, to_topic, as_json)
        return
    with database(batch_size=batch_size) as (settings, dsn), _progress(as_json, "consumed") as show:
        found = finding.find(paths)
        summary, done = wiring.run(wiring.replay(settings, dsn, found, dry_run=dry_run, again=again, show=show, say=say))
    if as_json:
        print_json(summary.as_json() | {"dry_run": dry_run, "files": [_file_json(file) for file in done]})
    else:
        _show_files(done, dry_run)
        show_summary(summary, as_json)
        if not dry_run:  # of which nothing is kept
            hint_at_quarantine([file.source for file in done if file.books.quarantined])
    if any(file.trouble for file in done) or (strict and summary.books.quarantined):
        raise typer.Exit(ATTENTION)


def _send_files(paths: list[str], topic: str, as_json: bool) -> None:
    """Sends captured files to a topic and tells how many records of each."""
    settings, begun = configured(), time.monotonic()
    with _progress(as_json, "sent") as show:
        done = wiring.run(wiring.send(settings, topic, finding.find(paths), show))
    sent, seconds = sum(file.sent for file in done), round(time.monotonic() - begun, 3)
    if as_json:
        print_json({"topic": topic, "sent": sent, "seconds": seconds, "files": [asdict(file) for file in done]})
    else:
        for file in done:
            print_text(f"{file.sent:,} sent from {printable(file.label)}")
        _show_troubles(done)
        print_text(f"{sent:,} sent to {printable(topic)} · {seconds} s")
    if any(file.trouble for file in done):
        raise typer.Exit(ATTENTION)


def _show_troubles(done: Sequence[FileReplay | FileSent]) -> None:
    for file in done:
        if file.trouble:
            print_text(printable(file.trouble), "yellow")


def _file_json(file: FileReplay) -> dict[str, Any]:
    where = {"label": file.label, "source": file.source, "resumed_at": file.resumed_at}
    return {**where, **file.books.as_json(), "understood": file.understood, "trouble": file.trouble}


def _show_files(done: list[FileReplay], dry_run: bool) -> None:
    """A row a file, a column for each count that is not zero everywhere, and a sentence for each file in trouble."""
    parts = [part for part in PARTS if any(getattr(file.books, part) for file in done)]
    table = RichTable(
        title="would become" if dry_run else None, title_justify="left", box=None, header_style="dim", pad_edge=False
    )
    table.add_column("file", overflow="fold")
    for part in parts:
        table.add_column(part, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for file in done:
        numbers = (f"{getattr(file.books, part):,}" for part in parts)
        table.add_row(Text(printable(file.label)), *numbers, "" if file.trouble else _resumed(file))
    out.print(table)
    _show_troubles(done)


def _resumed(file: FileReplay) -> str:
    if file.resumed_at == 1:
        return "" if file.books.consumed else "empty"
    return f"read on from {file.resumed_at:,}" if file.books.consumed else "read before"


@contextmanager
def _progress(as_json: bool, done: str) -> Iterator[Callable[[Progress], None]]:
    """A bar for each file: its bytes, and its events so far."""
    with progress_bars(DownloadColumn(), TimeRemainingColumn(), as_json=as_json) as update:
        yield lambda now: update(now.label, completed=now.read, total=now.size, count=f"{now.events:,} {done}")
