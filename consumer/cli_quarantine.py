"""The commands about records that were set aside."""

from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer
from rich.padding import Padding
from rich.text import Text

from consumer import app as wiring
from consumer.errors import UsageError
from consumer.printable import printable
from consumer.read.objects import place
from consumer.store import quarantine as store_quarantine
from consumer.store.postgres import Connection
from consumer.terminal import ATTENTION, AsJson, ask, database, out, print_json, say, show_summary
from schemas.base import MAX_ID, Reason

quarantine = typer.Typer(help="Records that could not be understood.", no_args_is_help=True, rich_markup_mode=None)


@quarantine.command("list")
def quarantine_list(
    state: Annotated[str, typer.Option(help="open, retried, discarded or all")] = "open",
    reason: Annotated[str | None, typer.Option(help="only of this reason")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_ID, help="at most so many")] = 100,
    as_json: AsJson = False,
) -> None:
    """List records that were set aside, oldest first.

    Example: outcomes quarantine list --reason bad_time
    """
    states = store_quarantine.STATES if state == "all" else (state,)
    if not set(states) <= set(store_quarantine.STATES):
        raise UsageError(f"{state} is no state; there are {', '.join(store_quarantine.STATES)}, and all")
    _known_reason(reason)
    with database() as (_, dsn):
        rows = ask(dsn, lambda connection: store_quarantine.listed(connection, states=states, reason=reason, limit=limit))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        what = " · ".join(filter(None, (row["reason"], row["event_name"], row["state"] if state == "all" else None)))
        out.print(Text(f"{row['id']}  {what}", style="bold"), soft_wrap=True)
        out.print(Text(f"   {printable(place(row))}"), soft_wrap=True)
        said = ": ".join(filter(None, (row["path"], row["message"])))
        out.print(Padding(Text(printable(said)), (0, 0, 0, 3)))
    if len(rows) == limit:
        say(f"the first {limit:,}; --limit shows more")


def _known_reason(reason: str | None) -> None:
    if reason is not None and reason not in set(Reason):
        raise UsageError(f"{reason} is no reason; there are {', '.join(Reason)}")


@quarantine.command("show")
def quarantine_show(id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=MAX_ID)], as_json: AsJson = False) -> None:
    """Show one record whole. It is what Canvas sent, personal data included.

    Example: outcomes quarantine show 7
    """
    with database() as (_, dsn):
        row = ask(dsn, lambda connection: store_quarantine.shown(connection, id_))
    raw = bytes(row.pop("raw"))
    if as_json:
        print_json(row | {"raw": raw.decode("utf-8", "backslashreplace")})
        return
    for name, value in row.items():
        out.print(f"{name:>12}  {printable(value)}", highlight=False, markup=False, soft_wrap=True)
    try:
        text = orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        text = raw.decode("utf-8", "backslashreplace")
    out.print(printable(text, keep="\n\t"), highlight=False, markup=False, soft_wrap=True)


Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID…]", min=1, max=MAX_ID)]


@quarantine.command("retry")
def quarantine_retry(
    ids: Ids = None,
    reason: Annotated[str | None, typer.Option(help="all of this reason")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all that are open")] = False,
    as_json: AsJson = False,
) -> None:
    """Send records through today's code; what is understood now is applied, once.

    Example: outcomes quarantine retry --reason no_tenant
    """
    named = [name for name, given in (("ids", ids), ("--reason", reason), ("--all", everything)) if given]
    if not named:
        raise UsageError("name the records to retry: ids, --reason, or --all")
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} exclude each other")
    _known_reason(reason)
    with database() as (settings, dsn):

        async def question(connection: Connection) -> store_quarantine.Retried:
            return await store_quarantine.retry(
                connection, wiring.rules(settings), datetime.now(UTC), ids=ids or None, reason=reason
            )

        done = ask(dsn, question)
    if as_json:
        print_json({"understood": done.understood, "still": done.still, **wiring.Summary(done.books, 0).as_json()})
    else:
        out.print(f"{done.understood:,} understood now, {done.still:,} still not", highlight=False)
        show_summary(wiring.Summary(done.books, 0), as_json=False)
    if done.still:
        raise typer.Exit(ATTENTION)


@quarantine.command("discard")
def quarantine_discard(ids: Annotated[list[int], typer.Argument(metavar="ID…", min=1, max=MAX_ID)]) -> None:
    """Mark records as not needed. They stay, and stay in the books.

    Example: outcomes quarantine discard 7 8 9
    """
    with database() as (_, dsn):
        count = ask(dsn, lambda connection: store_quarantine.discard(connection, ids))
    out.print(f"{count:,} discarded", highlight=False)
