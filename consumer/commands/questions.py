"""Questions about the projection: `status`, `history`, `explain` and `verify`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from consumer.commands.mastery import MaybeCourse, MaybeOutcome, MaybeStudent, explain_rollup
from consumer.commands.terminal import (
    ATTENTION,
    ENDS,
    NEGATIVE_TOO,
    AsJson,
    At,
    KnownAt,
    Tenant,
    answer,
    ask,
    database,
    out,
    print_json,
    print_text,
    say,
)
from consumer.errors import Fatal, Transient, UsageError
from consumer.printable import printable
from consumer.query import explain as explaining
from consumer.query import history as histories
from consumer.query import status as statuses
from consumer.query import verify as verifying
from consumer.query.truth import SHOWN, differences
from consumer.simulator.truth import Truth
from consumer.sources import kafka
from consumer.store.postgres import Connection
from migrations import HEAD
from schemas.base import MAX_ID

app = typer.Typer(rich_markup_mode=None)

Kind = Annotated[str, typer.Argument(help="A table's name, or short: result, outcome, scale, link, group, method …")]
_ID = typer.Argument(metavar="ID", min=-MAX_ID, max=MAX_ID, help="Canvas' local id; negative: a scale without one.")


@app.command(epilog=ENDS)
def status(
    as_json: AsJson = False,
    kafka_lag: Annotated[bool, typer.Option("--lag/--no-lag", help="Ask Kafka how far behind each partition is.")] = True,
) -> None:
    """Show how the projection is: positions, lag, freshness, books, quarantine, drift and backfills.

    Ends with 1 while records wait in quarantine or a stretch of a topic could not be read.

    Example: outcomes status --json | jq .books
    """

    async def question(connection: Connection) -> statuses.Status:
        found = await statuses.status(connection, schema=HEAD, rosters=settings.people != "off")
        if not found.topic_positions or not kafka_lag:
            return found
        try:
            return replace(found, lag=await kafka.lag(settings, found.topic_positions))
        except (Transient, Fatal) as error:
            say(f"no lag: {error}")
            return found

    with database() as (settings, dsn):
        found = ask(dsn, question)
    if as_json:
        print_json(found.as_json())
    else:
        out.print(statuses.render(found))
    if found.quarantine or found.gaps:
        raise typer.Exit(ATTENTION)


@app.command(context_settings=NEGATIVE_TOO)
def history(kind: Kind, id_: Annotated[int, _ID], tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Show all states of one object as periods, and what changed.

    Example: outcomes history scale 12
    """
    answer(
        lambda connection: histories.history(connection, kind, id_, tenant),
        lambda found: out.print(histories.render(found)),
        as_json,
    )


@app.command(context_settings=NEGATIVE_TOO)
def explain(
    kind: Annotated[str, typer.Argument(help="As for `history`; or rollup, which takes options instead of an ID.")],
    id_: Annotated[int | None, _ID] = None,
    course: MaybeCourse = None,
    student: MaybeStudent = None,
    outcome: MaybeOutcome = None,
    at: At = None,
    known_at: KnownAt = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Show every version of one object, where it came from, which is current and why; or how a score (rollup) came about.

    Example: outcomes explain result 4711

    Example: outcomes explain rollup --course 12 --student elXwFPr6uKGaiVxchQSsqV6YZy5HBtlq8O2vqMXM --outcome 3
    """
    if kind == "rollup" and id_ is None:
        explain_rollup(course, student, outcome, at, known_at, tenant, as_json=as_json)
        return
    if kind == "rollup" or any(value is not None for value in (course, student, outcome, at, known_at)):
        raise UsageError("--course, --student, --outcome, --at and --known-at are for the kind rollup, and instead of an ID")
    if id_ is None:
        raise UsageError("name the object by its ID")
    answer(
        lambda connection: explaining.explain(connection, kind, id_, tenant),
        lambda found: out.print(explaining.render(found)),
        as_json,
    )


@app.command()
def verify(
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Compare also with what `simulate` said is true.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove the books, and that each current row is the newest of its versions; print the digest. Reads every row.

    Example: outcomes verify --json | jq -r .digest
    """
    expected = _truth(truth) if truth else None

    async def question(connection: Connection) -> tuple[verifying.Verification, list[str]]:
        return await verifying.verify(connection), await differences(connection, expected) if expected else []

    with database() as (_, dsn):
        found, wrong = ask(dsn, question)
    if as_json:
        print_json(found.as_json() | ({"differences": wrong} if expected else {}))
    else:
        out.print(verifying.render(found), soft_wrap=True)
        if expected:
            out.print(f"{len(wrong)} differences from the truth about {len(expected.objects):,} objects", highlight=False)
            for sentence in wrong[:SHOWN]:
                print_text(f"  {printable(sentence)}", "red")
    if wrong or not found.holds:
        raise typer.Exit(ATTENTION)


def _truth(path: Path) -> Truth:
    try:
        with path.open(encoding="utf-8") as lines:
            return Truth.read(lines)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise UsageError(f"{path} was not written by `outcomes simulate --truth`") from error
