"""The commands about records in quarantine."""

import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.padding import Padding
from rich.text import Text

from consumer import app as wiring
from consumer.commands.terminal import ATTENTION, AsJson, answer, ask, database, out, print_json, print_text, say, show_summary
from consumer.errors import UsageError
from consumer.ingest.decode import Rules
from consumer.printable import printable
from consumer.query.objects import origin
from consumer.store import quarantine as records
from consumer.store.postgres import Connection
from schemas.base import MAX_ID, Reason

app = typer.Typer(help="Records that could not be understood.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def quarantine_list(
    state: Annotated[str, typer.Option(help="open, retried, discarded or all")] = "open",
    reason: Annotated[str | None, typer.Option(help="only of this reason")] = None,
    source: Annotated[str | None, typer.Option(help="only of this topic, or file:digest")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_ID, help="at most so many")] = 100,
    as_json: AsJson = False,
) -> None:
    """List records in quarantine, oldest first, and why each is there.

    Example: outcomes quarantine list --reason bad_time
    """
    states = records.STATES if state == "all" else (state,)
    if not set(states) <= set(records.STATES):
        raise UsageError(f"{state} is not a state; there are {', '.join(records.STATES)}, and all")
    _known_reason(reason)

    async def question(connection: Connection) -> list[dict[str, Any]]:
        await _say_if_unknown(connection, source)
        return await records.listed(connection, states=states, reason=reason, limit=limit, source=source)

    def show(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            _show_row(row, row["state"] if state == "all" else None)
        if not rows:
            say("no record is in quarantine" if unfiltered else "no such record is in quarantine")
        if len(rows) == limit:
            say(f"the first {limit:,}; --limit shows more")

    unfiltered = (state, reason, source) == ("open", None, None)
    answer(question, show, as_json)


def _show_row(row: Mapping[str, Any], state: str | None) -> None:
    """Three lines: what it is, where it came from, what is wrong with it."""
    what = " · ".join(filter(None, (row["reason"], row["event_name"], state)))
    out.print(Text(f"{row['id']}  {what}", style="bold"), soft_wrap=True)
    out.print(Text(f"   {printable(origin(row))}"), soft_wrap=True)
    said = ": ".join(filter(None, (row["path"], row["message"])))
    if out.is_terminal:
        out.print(Padding.indent(Text(printable(said)), 3))
    else:  # on one line, so that grep finds it
        out.print(Text(f"   {printable(said)}"), soft_wrap=True)


def _known_reason(reason: str | None) -> None:
    if reason is not None and reason not in set(Reason):
        raise UsageError(f"{reason} is not a reason; there are {', '.join(Reason)}")


@app.command("show")
def quarantine_show(id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=MAX_ID)], as_json: AsJson = False) -> None:
    """Show one record whole, while it is open. It is what Canvas sent, personal data included.

    Example: outcomes quarantine show 7
    """
    with database() as (_, dsn):
        row = ask(dsn, lambda connection: records.shown(connection, id_))
    raw = row.pop("raw")
    if as_json:
        print_json(row | {"raw": None if raw is None else bytes(raw).decode("utf-8", "backslashreplace")})
        return
    for name, value in row.items():
        print_text(f"{name:>12}  {'' if value is None else printable(value)}")
    if raw is None:
        say(f"its bytes were deleted when it was {row['state']}")
        return
    sys.stdout.write(printable(_readable(bytes(raw)), keep="\n\t") + "\n")  # rich would make blanks of tabs


_BLANKS = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+', re.DOTALL)
"""A text of JSON, or the white space between its parts."""


def _readable(raw: bytes) -> str:
    """Indented where that changes nothing but white space: no digit, no escape and no repeated name is lost. Else as it is."""
    try:
        value = orjson.loads(raw)
        if orjson.dumps(value) == _BLANKS.sub(rb"\1", raw):
            return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass  # the one is none, the other is nested too deep
    return raw.decode("utf-8", "backslashreplace")


Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID…]", min=1, max=MAX_ID)]
OfReason = Annotated[str | None, typer.Option("--reason", help="all of this reason")]
OfSource = Annotated[str | None, typer.Option("--source", help="all of this topic, or file:digest")]
Everything = Annotated[bool, typer.Option("--all", help="all that are open")]


def _refuse_unclear(verb: str, ids: list[int] | None, reason: str | None, source: str | None, *, everything: bool) -> None:
    """Records are named in one way: by ids, by where they came from and why, or all. Raises `UsageError`."""
    filters = " with ".join(name for name, given in (("--reason", reason), ("--source", source)) if given is not None)
    named = [name for name, given in (("ids", ids), (filters, filters), ("--all", everything)) if given]
    if not named:
        raise UsageError(f"name the records to {verb}: ids, --reason, --source, or --all")
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} exclude each other")
    _known_reason(reason)


async def _say_if_unknown(connection: Connection, source: str | None) -> None:
    if source is not None and not await records.has_source(connection, source):
        say(f"no record in quarantine came from {source}; `outcomes quarantine show ID` tells where one came from")


@app.command("retry")
def quarantine_retry(
    ids: Ids = None,
    reason: OfReason = None,
    source: OfSource = None,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Send records through today's code; what is understood now is applied, once.

    Example: outcomes quarantine retry --reason no_tenant
    """
    _refuse_unclear("retry", ids, reason, source, everything=everything)
    with database() as (settings, dsn):

        async def question(connection: Connection) -> records.Retried:
            await _say_if_unknown(connection, source)
            return await records.retry(
                connection, Rules.of(settings), datetime.now(UTC), ids=ids or None, reason=reason, source=source
            )

        begun = time.monotonic()
        done = ask(dsn, question)
        summary = wiring.Summary(done.books, time.monotonic() - begun)
    if as_json:
        print_json({"understood": done.understood, "still": done.still, **summary.as_json()})
    else:
        out.print(f"{done.understood:,} understood now, {done.still:,} still not", highlight=False)
        show_summary(summary, as_json=False)
    if done.still:
        raise typer.Exit(ATTENTION)


@app.command("discard")
def quarantine_discard(
    ids: Ids = None,
    reason: OfReason = None,
    source: OfSource = None,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Mark records as not needed. They stay in the list and in the books; their bytes are deleted.

    Example: outcomes quarantine discard 7 8 9

    Example: outcomes quarantine discard --source live-events --reason not_json
    """
    _refuse_unclear("discard", ids, reason, source, everything=everything)

    async def question(connection: Connection) -> dict[str, int]:
        await _say_if_unknown(connection, source)
        return {"discarded": await records.discard(connection, ids or None, reason=reason, source=source)}

    answer(question, lambda done: print_text(f"{done['discarded']:,} discarded"), as_json)
