"""All checks in order, from the outside in. One that fails does not keep the others from being made, if they can be."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from inspect import isawaitable
from typing import Any

from consumer.doctor import base, feed, inlet, stream, trial
from consumer.doctor.checks import BASE, FEED, STREAM, Check, follows, unknown
from consumer.errors import OutcomesError, UnreadableAddress
from consumer.intake.outlet import outlet_of
from consumer.query.status import Status, status
from consumer.settings import Settings
from consumer.sources.describing import described
from consumer.store.postgres import Connection, connect, hosts_and_database, sqlstate, translating
from consumer.store.server import server
from migrations import HEAD

Step = tuple[str, Callable[[], Check | Awaitable[Check]]]


@dataclass(frozen=True, slots=True)
class Question:
    """What to look at."""

    direct: bool = False
    """Without Kafka: the intake writes into the database."""
    skip: frozenset[str] = frozenset()
    """Names of checks that are left out."""
    intake: str | None = None
    """The address of a running intake's probes."""
    canvas: bool = False
    """Whether to send a made-up event."""
    to: str | None = None
    seconds: float = 30.0
    """Most for the made-up event."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, in order."""

    checks: tuple[Check, ...]

    @property
    def needs_attention(self) -> bool:
        """Whether somebody has to act, or a check could not be made."""
        return any(check.state in ("attention", "unknown") for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"needs_attention": self.needs_attention, "checks": [check._asdict() for check in self.checks]}


async def examine(settings: Settings, dsn: str | None, question: Question) -> Diagnosis:
    """Makes all checks, one after the other. Changes nothing, but for the made-up event. `dsn`: None where there is none.

    Raises `UnreadableAddress` where the address of the database cannot be read.
    """
    inlets: Step = ("sqs", partial(inlet.sqs, settings)) if settings.intake_queue else ("jwks", partial(inlet.jwks, settings))
    steps: list[Step] = [inlets, ("disk", partial(inlet.disk, settings))]
    if question.intake is not None:
        steps.insert(1, ("intake", partial(inlet.intake, question.intake)))
    checks = await _each(question.skip, steps)
    if not question.direct:
        checks += await _stream(settings, question)
    return Diagnosis((*checks, *await _projection(settings, dsn, question)))


async def _each(skip: Collection[str], steps: Sequence[Step]) -> list[Check]:
    """The checks; one that cannot be made says why."""
    found = []
    for name, make in steps:
        if name in skip:
            found.append(Check(name, "skipped", "left out by --skip"))
            continue
        try:
            made = make()
            with translating():
                found.append(await made if isawaitable(made) else made)
        except OutcomesError as error:
            found.append(unknown(name, str(error), "give this login the right to look, or mend what is named above"))
    return found


def _none(names: Collection[str], skip: Collection[str], found: str, advice: str) -> list[Check]:
    """What depends on a system that does not answer: said in full once."""
    made = [name for name in names if name not in skip]
    return [unknown(made[0], found, advice), *(follows(name, made[0]) for name in made[1:])] if made else []


def _no_database(error: OutcomesError, dsn: str) -> tuple[str, str]:
    """What was found, and what to do about this cause."""
    cause = error.__cause__
    code = sqlstate(cause) if cause is not None else None
    if isinstance(cause, ConnectionRefusedError):
        where = hosts_and_database(dsn).partition("/")[0]
        return f"nobody listens at {where}", "start Postgres there, or correct DATABASE_URL"
    if code is not None and code.startswith("28"):
        return str(error), "correct the user or the password in DATABASE_URL"
    if code == "3D000":
        return str(error), "run CREATE DATABASE and then `outcomes migrate`, or correct the name in DATABASE_URL"
    return str(error), "start Postgres, or correct DATABASE_URL"


async def _stream(settings: Settings, question: Question) -> list[Check]:
    skip = question.skip
    if skip.issuperset(STREAM):
        return []
    steps: list[Step] = []
    try:
        async with described(settings) as cluster:
            for name in settings.topic:
                steps.append(("topic", partial(stream.partitions, cluster, settings, name)))
                steps.append(("retention", partial(stream.retention, cluster, settings, name)))
            steps.append(("group", partial(stream.group, cluster, settings)))
            return await _each(skip, steps)
    except OutcomesError as error:
        return _none(
            STREAM, skip, str(error), "start Kafka, or correct KAFKA_BOOTSTRAP_SERVERS; `--direct` is for a set-up without it"
        )


async def _projection(settings: Settings, dsn: str | None, question: Question) -> list[Check]:
    skip = question.skip
    needing = FEED if not question.canvas else (*FEED, "canvas")
    if dsn is None:
        return _none((*BASE, *needing), skip, "no database is configured", "set DATABASE_URL")
    async with AsyncExitStack() as stack:
        try:
            connection = await connect(dsn, application="outcomes doctor")
            stack.callback(connection.terminate)
            before = question.clock()
            with translating():
                found = await server(connection)
            after = question.clock()
        except UnreadableAddress:
            raise
        except OutcomesError as error:
            return _none((*BASE, *needing), skip, *_no_database(error, dsn))
        steps: list[Step] = [
            ("database", lambda: base.settings_of(found, settings)),
            ("roles", lambda: base.roles(connection, found)),
            ("clock", lambda: base.clock(found, before, after)),
            ("schema", lambda: base.tables(connection)),
        ]
        checks = await _each(skip, steps)
        try:
            with translating():
                known = await status(connection, schema=HEAD, rosters=settings.people != "off")
        except OutcomesError as error:
            wrong = [check.name for check in checks if check.name in ("roles", "schema") and check.advice]
            if wrong:
                return checks + [follows(name, wrong[0]) for name in needing if name not in skip]
            return checks + _none(needing, skip, str(error), "run this with the worker's login")
        checks += await _each(skip, _feed(settings, connection, known, found.bytes, question))
        if question.canvas:
            outlet = outlet_of(settings, dsn if question.direct else None, "doctor")
            stack.push_async_callback(outlet.close)
            steps = [
                ("canvas", lambda: trial.made_up_event(settings, connection, outlet, question.to, question.seconds)),
            ]
            checks += await _each(skip, steps)
        return checks


def _feed(settings: Settings, connection: Connection, known: Status, size: int, question: Question) -> list[Step]:
    steps: list[Step] = [
        ("lag", lambda: feed.lag(settings, known)),
        ("heartbeat", lambda: feed.heartbeat(known)),
        ("silence", lambda: feed.silence(connection, known)),
        ("quarantine", lambda: feed.quarantine(known)),
        ("gaps", lambda: feed.gaps(known)),
        ("rosters", lambda: feed.rosters(known)),
        ("growth", lambda: feed.growth(connection, known, size)),
    ]
    return steps[1:] if question.direct else steps
