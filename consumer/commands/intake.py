"""`outcomes intake`: what Canvas delivers."""

import logging
from typing import Annotated

import typer

from consumer import app as wiring
from consumer.commands.terminal import configured, database

app = typer.Typer(
    help="Take the events that Canvas delivers, and bring them to the topic.", no_args_is_help=True, rich_markup_mode=None
)

Direct = Annotated[bool, typer.Option("--direct", help="Without Kafka: write straight into the database.")]
Topic = Annotated[str | None, typer.Option(metavar="NAME", help="OUTCOMES_TOPIC")]


@app.command()
def https(
    direct: Direct = False,
    topic: Topic = None,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="OUTCOMES_INTAKE_HOST")] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="OUTCOMES_INTAKE_PORT; 0 picks a free one")] = None,
    http_port: Annotated[int | None, typer.Option(metavar="PORT", help="OUTCOMES_HTTP_PORT; 0 for no probes")] = None,
) -> None:
    """Take events by HTTPS until SIGTERM, behind a proxy with TLS. Answers 2xx once an event is stored.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 outcomes intake https
    """
    from consumer.intake import running  # noqa: PLC0415 - loads a web server that no other command needs

    flags = {"topic": topic, "intake_host": host, "intake_port": port, "http_port": http_port}
    wiring.tune_garbage_collector()
    if direct:
        with database(clients=logging.WARNING, **flags) as (settings, dsn):
            wiring.run(running.run(settings, dsn, wiring.signals))
    else:
        settings = configured(clients=logging.WARNING, **flags)
        wiring.run(running.run(settings, None, wiring.signals))
