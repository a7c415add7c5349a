"""What all commands share: the consoles, the usual options, one question to the database."""

import asyncio
import logging
import re
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from consumer import app as wiring
from consumer import log
from consumer.errors import UsageError
from consumer.printable import printable
from consumer.settings import Settings, load
from consumer.store.postgres import Connection
from schemas.base import Time

T = TypeVar("T")

ATTENTION = 1
"""Exit code: done, but something needs attention."""
WRONG = 2
"""Exit code: usage or configuration."""

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="UUID", help="root_account_uuid; needed where there are several.")
]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As it was then: ISO 8601 with a zone, or a date in UTC.")]
KnownAt = Annotated[str | None, typer.Option("--known-at", metavar="TIME", help="From what had been recorded by then.")]

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
    return settings


def say(sentence: str) -> None:
    """A remark beside the answer, to stderr."""
    err.print(printable(sentence), style="dim", highlight=False, soft_wrap=True, markup=False)


def print_json(value: Any) -> None:
    """The answer for machines, in UTF-8 wherever it goes: that is what JSON is."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
    sys.stdout.buffer.write(orjson.dumps(value, default=str, option=options))


@contextmanager
def database(*, clients: int = logging.CRITICAL, **flags: Any) -> Iterator[tuple[Settings, str]]:
    """Settings, and the address of the database they name, or of the embedded one."""
    settings = configured(clients=clients, **flags)
    with wiring.database(settings, say) as dsn:
        yield settings, dsn


def ask(dsn: str, question: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
    """Asks the database one thing."""

    async def answered() -> T:
        async with wiring.connected(dsn) as connection:
            return await question(connection)

    return asyncio.run(answered())


def show_summary(summary: wiring.Summary, as_json: bool) -> None:
    """The books of a run, and how long it took."""
    if as_json:
        print_json(summary.as_json())
        return
    counts = summary.as_json()
    seconds = counts.pop("seconds")
    text = " · ".join(f"{value:,} {name}" for name, value in counts.items())
    out.print(f"{text} · {seconds} s", highlight=False, soft_wrap=True)
