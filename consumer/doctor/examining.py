"""All checks in order, from the outside in. One that fails does not keep the others from being made, if they can be."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from inspect import isawaitable
from typing import Any

from consumer.doctor import base, feed, inlet, stream, trial
from consumer.doctor.checks import Check, unknown
from consumer.errors import OutcomesError
from consumer.intake.outlet import outlet_of
from consumer.query.status import Status, status
from consumer.settings import Settings
from consumer.sources.describing import described
from consumer.store.postgres import Connection, connect, translating
from consumer.store.server import server
from migrations import HEAD

Step = tuple[str, Callable[[], Check | Awaitable[Check]]]

INLET = ("jwks", "sqs", "disk")
STREAM = ("topic", "retention", "group")
BASE = ("database", "roles", "clock", "schema")
FEED = ("lag", "heartbeat", "silence", "quarantine", "gaps", "rosters", "growth")
NAMES = (*INLET, *STREAM, *BASE, *FEED, "canvas")


@dataclass(frozen=True, slots=True)
class Question:
    """What to look at."""

    direct: bool = False
    """Without Kafka: the intake writes into the database."""
    skip: frozenset[str] = frozenset()
    """Names of checks that are left out."""
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


async def examine(settings: Settings, dsn: str, question: Question) -> Diagnosis:
    """Makes all checks, one after the other. Changes nothing, but for the made-up event."""
    steps: list[Step] = [("jwks", partial(inlet.jwks, settings))]
    if settings.intake_queue:
        steps.append(("sqs", partial(inlet.sqs, settings)))
    checks = await _each(question.skip, [*steps, ("disk", partial(inlet.disk, settings))])
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


def _none(names: Collection[str], skip: Collection[str], error: OutcomesError, advice: str) -> list[Check]:
    """What depends on a system that does not answer: said in full once."""
    made = [name for name in names if name not in skip]
    return [unknown(name, f"cannot be checked: see `{made[0]}`" if name != made[0] else str(error), advice) for name in made]


async def _stream(settings: Settings, question: Question) -> list[Check]:
    skip = question.skip
    if skip.issuperset(STREAM):
        return []
    steps: list[Step] = []
    try:
        async with described(settings) as cluster:
            for name in settings.topic:
                steps.append(("topic", partial(stream.partitions, cluster, name)))
                steps.append(("retention", partial(stream.retention, cluster, name)))
            steps.append(("group", partial(stream.group, cluster, settings)))
            return await _each(skip, steps)
    except OutcomesError as error:
        return _none(
            STREAM, skip, error, "start Kafka, or correct KAFKA_BOOTSTRAP_SERVERS; `--direct` is for a set-up without it"
        )


async def _projection(settings: Settings, dsn: str, question: Question) -> list[Check]:
    skip = question.skip
    async with AsyncExitStack() as stack:
        try:
            connection = await connect(dsn, application="outcomes doctor")
            stack.callback(connection.terminate)
            before = question.clock()
            with translating():
                found = await server(connection)
            after = question.clock()
        except OutcomesError as error:
            return _none((*BASE, *FEED), skip, error, "start Postgres, or correct DATABASE_URL")
        steps: list[Step] = [
            ("database", lambda: base.settings_of(found)),
            ("roles", lambda: base.roles(found)),
            ("clock", lambda: base.clock(found, before, after)),
            ("schema", lambda: base.tables(connection)),
        ]
        checks = await _each(skip, steps)
        try:
            with translating():
                known = await status(connection, schema=HEAD, rosters=settings.people != "off")
        except OutcomesError as error:
            return checks + _none(FEED, skip, error, "see `schema` and `roles`")
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
