"""`outcomes worker`."""

import logging
from typing import Annotated

import structlog
import typer

from consumer import app as wiring
from consumer.commands.terminal import ATTENTION, AsJson, database, err, hint_at_quarantine, out, show_summary
from consumer.printable import printable

app = typer.Typer(rich_markup_mode=None)


@app.command()
def worker(
    as_json: AsJson = False,
    until_end: Annotated[bool, typer.Option(help="Stop once all that is in the topics now is written.")] = False,
    topic: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Read these topics, separated by commas; OUTCOMES_TOPIC")
    ] = None,
    group_id: Annotated[str | None, typer.Option(metavar="NAME", help="OUTCOMES_GROUP_ID")] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="EVENTS", help="OUTCOMES_BATCH_SIZE")] = None,
    http_port: Annotated[int | None, typer.Option(metavar="PORT", help="OUTCOMES_HTTP_PORT; 0 for no probes")] = None,
    processes: Annotated[
        str | None, typer.Option(metavar="N|auto", help="Run so many workers on this machine; OUTCOMES_PROCESSES")
    ] = None,
    member: Annotated[int | None, typer.Option(hidden=True, help="The number of this process among several.")] = None,
) -> None:
    """Consume the topics until SIGTERM; a second signal ends at once.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 DATABASE_URL=postgresql://… outcomes worker
    """
    if member is not None:
        structlog.contextvars.bind_contextvars(process=member)
    with database(
        clients=logging.WARNING,
        topic=topic,
        group_id=group_id,
        batch_size=batch_size,
        http_port=http_port,
        processes=processes,
    ) as (settings, dsn):
        if member is not None:
            wiring.run(wiring.work_as_member(settings, dsn, member, until_end=until_end))
            return
        if settings.processes > 1:
            summary = wiring.run(wiring.work_in_processes(settings, until_end=until_end))
        else:
            summary = wiring.run(wiring.work(settings, dsn, until_end=until_end))
    show_summary(summary, as_json, remarks=out)  # stderr is the log's: each of its lines may be JSON
    if summary.books.quarantined and not as_json:
        hint_at_quarantine(list(settings.topic), out)
    if summary.unfinished:
        err.print(f"outcomes: {printable(summary.unfinished)}", style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(ATTENTION)
