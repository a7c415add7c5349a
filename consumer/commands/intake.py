"""`outcomes intake`: what Canvas delivers."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from consumer import app as wiring
from consumer.commands.terminal import configured, database
from consumer.errors import UsageError
from consumer.settings import Settings

app = typer.Typer(
    help="Take the events that Canvas delivers, and bring them to the topic, or with --direct into the database.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Loop = Callable[[Settings, str | None, asyncio.Event], Coroutine[Any, Any, None]]
Direct = Annotated[bool, typer.Option("--direct", help="Without Kafka: write straight into the database.")]
Topic = Annotated[str | None, typer.Option(metavar="NAME", help="Send to this topic; OUTCOMES_TOPIC")]

HttpPort = Annotated[int | None, typer.Option(metavar="PORT", help="OUTCOMES_HTTP_PORT; 0 for no probes")]


@app.command()
def https(
    direct: Direct = False,
    topic: Topic = None,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="OUTCOMES_INTAKE_HOST")] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="OUTCOMES_INTAKE_PORT; 0 picks a free one")] = None,
    http_port: HttpPort = None,
) -> None:
    """Take events by HTTPS until SIGTERM, behind a proxy with TLS. Answers 2xx once an event is stored.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 outcomes intake https
    """
    from consumer.intake import running  # noqa: PLC0415 - loads a web server that no other command needs

    _run(running.run, direct, topic=topic, intake_host=host, intake_port=port, http_port=http_port)


@app.command()
def sqs(
    direct: Direct = False,
    topic: Topic = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Take from these queues, separated by commas; OUTCOMES_INTAKE_QUEUE")
    ] = None,
    http_port: HttpPort = None,
) -> None:
    """Take events from SQS queues until SIGTERM. Deletes a message once its event is stored. Needs the extra `sqs`.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 outcomes intake sqs --queue canvas-live-events
    """
    from consumer.intake import sqs_running  # noqa: PLC0415 - an extra

    _run(sqs_running.run, direct, topic=topic, intake_queue=queue, http_port=http_port)


def _run(loop: Loop, direct: bool, **flags: Any) -> None:
    wiring.tune_garbage_collector()
    wiring.give_memory_back()
    if direct:
        with database(clients=logging.WARNING, **flags) as (settings, dsn):
            wiring.run(_until_signal(loop, settings, dsn))
        return
    settings = configured(clients=logging.WARNING, **flags)
    if len(settings.topic) > 1:
        raise UsageError("an intake writes to one topic: set OUTCOMES_TOPIC or --topic to one name")
    wiring.run(_until_signal(loop, settings, None))


async def _until_signal(loop: Loop, settings: Settings, dsn: str | None) -> None:
    stop = asyncio.Event()
    with wiring.signals(stop.set):
        await loop(settings, dsn, stop)
