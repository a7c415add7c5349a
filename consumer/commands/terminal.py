"""What all commands share: the consoles, the usual options, one question to the database."""

import asyncio
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar, runtime_checkable

import orjson
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console, ConsoleOptions
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn
from rich.text import Text

from consumer import app as wiring
from consumer import log
from consumer.commands.exposed import exposed
from consumer.environment import load
from consumer.errors import UsageError
from consumer.ingest.batch import SUPERSEDED
from consumer.printable import printable
from consumer.settings import Settings
from consumer.store.postgres import Connection
from schemas.base import Time

T = TypeVar("T")

ATTENTION = 1
"""Exit code: done, but something needs attention."""
WRONG = 2
"""Exit code: usage or configuration."""

UNWRAPPED = 100_000
"""Columns where there is no terminal: lines are not wrapped there, so that other programs can read them."""


class _Console(Console):
    """Wraps on a terminal alone; elsewhere no line is wrapped, and none ends in the blanks of a table's cell."""

    @property
    def options(self) -> ConsoleOptions:
        """As wide as the terminal, where it is one."""
        found = super().options
        return found if self.is_terminal else found.update(width=UNWRAPPED)

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich prints it."""
        if self.is_terminal:
            super().print(*objects, **options)
            return
        with self.capture() as printed:
            super().print(*objects, **{"crop": False} | options)
        self.file.write(_BLANKS_AT_ENDS.sub("", printed.get()))


def layout_width() -> int | None:
    """Width of tables that are split to fit: what COLUMNS says, also in a pipe; None where it says nothing."""
    return out.width if os.environ.get("COLUMNS") else None


_BLANKS_AT_ENDS = re.compile(r"[ ]+$", re.MULTILINE)

out = _Console()
err = _Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="UUID", help="root_account_uuid; needed where there are several.")
]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As it was then: ISO 8601 with a zone, or a date in UTC.")]
KnownAt = Annotated[str | None, typer.Option("--known-at", metavar="TIME", help="From what had been recorded by then.")]

ENDS = (
    "Every event ends as one of: applied (a new version, current when its batch was committed), superseded (a new version, but "
    "older than one that was known already or came in the same batch), duplicate (a version that was known already), ignored "
    "(an event of another name), quarantined (not understood), erased (about a person who was erased; stored nowhere)."
)
"""Below the help of commands that count them."""

NEGATIVE_TOO = {"ignore_unknown_options": True}
"""Of a command: so that -1001 is an id, -5 a percentage, and neither an option."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def time_of(text: str | None) -> datetime | None:
    """A time as people write it: ISO 8601 with a zone, or a date, which begins in UTC. Raises `UsageError`."""
    if text is None:
        return None
    try:
        return TypeAdapter[datetime](Time).validate_python(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValidationError as error:
        raise UsageError(f"{text} is no time with a zone, such as 2025-03-20T15:04:05Z, and no date") from error


def configured(*, clients: int = logging.CRITICAL, **flags: Any) -> Settings:
    """Settings from the environment and flags; logs are set up by them. Raises `UsageError`."""
    settings = load(**flags)
    log.configure(settings.log_format, settings.log_level, clients=clients)
    for sentence in exposed(settings):
        log.get("settings").warning(sentence)
    return settings


def say(sentence: str, console: Console = err) -> None:
    """A remark beside the answer."""
    console.print(printable(sentence), style="dim", highlight=False, soft_wrap=True, markup=False)


def print_json(value: Any) -> None:
    """Prints the answer for machines, always in UTF-8: JSON knows no other encoding."""
    sys.stdout.buffer.write(json_of(value))


def json_of(value: Any) -> bytes:
    """An answer for machines."""
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def print_text(text: str, style: str | None = None) -> None:
    """Prints a text as it is: no markup, no colours of its own, no line break at the terminal's edge."""
    out.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def database(*, clients: int = logging.CRITICAL, **flags: Any) -> Iterator[tuple[Settings, str]]:
    """Settings, and the address of the database they name, or of the embedded one."""
    settings = configured(clients=clients, **flags)
    with wiring.database(settings, say) as dsn:
        yield settings, dsn


def ask(dsn: str, question: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
    """Asks the database one question on a connection of its own."""

    async def answered() -> T:
        async with wiring.connected(dsn) as connection:
            return await question(connection)

    return asyncio.run(answered())


def answer(question: Callable[[Connection], Coroutine[Any, Any, T]], show: Callable[[T], None], as_json: bool) -> T:
    """Asks the configured database and prints the answer: with `show` for people, or as one JSON object for machines."""
    with database() as (_, dsn):
        found = ask(dsn, question)
    if as_json:
        print_json(found.as_json() if isinstance(found, _HasJson) else found)
    else:
        show(found)
    return found


@runtime_checkable
class _HasJson(Protocol):
    def as_json(self) -> Any: ...


class _AboveTheBar(io.StringIO):
    """Where log lines go while a progress bar is drawn: each above it, and none into it."""

    def write(self, text: str, /) -> int:
        err.print(Text.from_ansi(text.rstrip("\n")), highlight=False, soft_wrap=True)
        return len(text)


def _no_bar(_label: str, **_: Any) -> None:
    """Where nobody looks at a bar, the log says how far it is."""


@contextmanager
def progress_bars(*columns: ProgressColumn, as_json: bool) -> Iterator[Callable[..., None]]:
    """Draws a bar for each label on a terminal, gone at the end. Yields `update(label, completed=…, total=…, count=…)`."""
    if as_json or not err.is_terminal:
        yield _no_bar
        return
    left, right = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[count]}")
    with Progress(left, BarColumn(), *columns, right, console=err, transient=True) as bar, log.diverted(_AboveTheBar()):
        tasks: dict[str, TaskID] = {}

        def update(label: str, **fields: Any) -> None:
            if label not in tasks:
                name = printable(label.rpartition("/")[2])[-30:]  # a long name would leave no room for the bar
                tasks[label] = bar.add_task(name, total=None, count="")
            bar.update(tasks[label], **fields)

        yield update


def hint_at_quarantine(sources: list[str], console: Console = err) -> None:
    """Where to look at what went to quarantine: one source by name, several together."""
    if sources:
        named = f" --source {sources[0]}" if len(sources) == 1 else ""
        say(f"what went to quarantine, and why: outcomes quarantine list{named}", console)


def show_summary(summary: wiring.Summary, as_json: bool, remarks: Console = err) -> None:
    """The books of a run, and how long it took."""
    if as_json:
        print_json(summary.as_json())
        return
    counts = summary.as_json()
    seconds = counts.pop("seconds")
    text = " · ".join(f"{value:,} {name}" for name, value in counts.items() if value or name != "erased")
    out.print(f"{text} · {seconds} s", highlight=False, soft_wrap=True)
    if summary.books.superseded:
        say(SUPERSEDED, remarks)
