"""`outcomes capture`."""

import logging
from typing import Annotated

import typer

from consumer import app as wiring
from consumer.commands.terminal import configured, say

app = typer.Typer()


@app.command()
def capture(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="Where the files go: a folder, or an address with s3://, gs:// or az:// (extra `objects`).",
        ),
    ],
    topic: Annotated[str | None, typer.Option(metavar="NAMES", help="OUTCOMES_TOPIC")] = None,
    until_end: Annotated[bool, typer.Option("--until-end", help="End once all records of now are captured.")] = False,
) -> None:
    """Keep the records of the topics in files, which `outcomes replay` reads, until SIGTERM.

    Goes on where it was, without a lost or a doubled record, after a kill too. Needs no database.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 outcomes capture /var/lib/outcomes/captured
    """
    settings = configured(clients=logging.WARNING, topic=topic)
    kept = wiring.run(wiring.capture(settings, place, until_end=until_end))
    say(f"{kept.records:,} records in {kept.files:,} files of {place}")
