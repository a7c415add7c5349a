"""`outcomes report`: Canvas' own reports about outcomes, from the projection."""

import io
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from consumer.commands.terminal import At, KnownAt, Tenant, ask, database, say, time_of
from consumer.errors import UsageError, reason
from consumer.printable import printable
from consumer.query.reports import Asked, Kind, Order, write_report
from schemas.base import MAX_ID

app = typer.Typer(rich_markup_mode=None)


@app.command()
def report(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=f"{', '.join(Kind)}.")],
    account: Annotated[
        int | None, typer.Option(metavar="ID", min=1, max=MAX_ID, help="The account; the root account where absent.")
    ] = None,
    term: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", min=1, max=MAX_ID, help="Only courses of this term; may be given several times."),
    ] = None,
    order: Annotated[Order, typer.Option(metavar="|".join(Order), help="What rows of students are sorted by.")] = Order.USERS,
    include_deleted: Annotated[bool, typer.Option("--include-deleted", help="Deleted enrolments and courses too.")] = False,
    at: At = None,
    known_at: KnownAt = None,
    tenant: Tenant = None,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there instead of printing it.")] = None,
) -> None:
    """Write one of Canvas' account reports as CSV: the same columns, now or at any moment.

    Empty is what neither events nor REST tell: scores of submissions, and the questions of quizzes. Names and SIS ids of
    students need stored names and a login that may read them.

    Example: outcomes report outcome-results --account 3 --at 2025-06-30 --to results.csv
    """
    if kind is Kind.OUTCOME_EXPORT and (term or include_deleted or order is not Order.USERS):
        raise UsageError("--term, --order and --include-deleted are for reports about students")
    asked = Asked(tenant, account, time_of(at), time_of(known_at), tuple(term or ()), include_deleted, order)
    with database() as (_, dsn):
        if to is not None:
            say(f"{_to_file(dsn, kind, asked, to):,} rows in {to}")
        elif sys.stdout.isatty():
            text = io.StringIO()
            ask(dsn, lambda connection: write_report(connection, kind, asked, text))
            sys.stdout.write(printable(text.getvalue(), keep="\n"))
        else:
            ask(dsn, lambda connection: write_report(connection, kind, asked, sys.stdout))


def _to_file(dsn: str, kind: Kind, asked: Asked, to: Path) -> int:
    """Whole, or as it was before."""
    part = to.with_name(f"{to.name}.part")
    try:
        private = partial(os.open, mode=0o600)  # it holds names where the login may read them
        with open(part, "w", encoding="utf-8", newline="", opener=private) as file:
            written = ask(dsn, lambda connection: write_report(connection, kind, asked, file))
            file.flush()
            os.fsync(file.fileno())
        part.replace(to)
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {reason(error)}") from error
    finally:
        part.unlink(missing_ok=True)
    return written
