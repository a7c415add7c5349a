"""`outcomes demo`: a simulated school through a broker and the real worker, then what a user would look at."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from consumer.app import connected
from consumer.commands.mastery import write_page
from consumer.engines import docker, reaper
from consumer.engines import kafka as kafka_engine
from consumer.engines import postgres as postgres_engine
from consumer.environment import load
from consumer.errors import OutcomesError, UsageError
from consumer.query import gradebook, rollup, verify
from consumer.query.objects import tenant_of
from consumer.query.sql import sql
from consumer.query.truth import differences
from consumer.rights import tokens
from consumer.simulator.feed import Feed, messages_of, published
from consumer.simulator.school import School, institution
from consumer.simulator.signing import Signer
from consumer.simulator.truth import Truth
from consumer.sources.delivering import deliver, showing
from consumer.sources.producing import produce
from consumer.store import schema
from consumer.store.postgres import connect

TAKES = "about a minute"
"""As the Makefile and the help say."""

FEED = Feed(disorder=0.2, duplicates=0.05, poison=0.003, dialects=0.1)

POSTED = 500
"""Of the last messages: those that Canvas could have posted go through the HTTPS intake."""
INTAKE_SECONDS = 60.0


class DemoFailed(OutcomesError):
    """The worker or the intake of the demo did not do its work."""


def run(folder: Path, *, events: int, seed: int, out: Console) -> bool:
    """Runs the demo with its own engines and its own database in `folder`; whether all came out as the simulator says.

    Nothing of the user's is touched: addresses in the environment are not used.
    """
    began = time.monotonic()
    out.print(
        "A school is simulated, its events go through an intake, Kafka and the real worker into Postgres, and you see what can "
        "be asked. "
        f"This takes {TAKES}, and longer the first time where Docker or Maven has to fetch Kafka. "
        f"Nothing of yours is used or changed; all that stays is in {folder}.\n",
        highlight=False,
        soft_wrap=True,
    )
    with ExitStack() as engines:
        postgres = engines.enter_context(postgres_engine.embedded(folder / "postgres"))
        kafka = engines.enter_context(_broker())
        out.print(f"Postgres: {postgres.what}. Kafka: {kafka.what}.", highlight=False, soft_wrap=True)
        topic = f"live-events-{datetime.now(UTC):%H%M%S}"
        looked = asyncio.run(_run(folder, postgres.dsn, kafka.bootstrap, topic, events, seed, out))
    ours = Path(sys.executable).with_name("outcomes")
    near = ours.relative_to(Path.cwd()) if ours.is_relative_to(Path.cwd()) else ours
    command = "outcomes" if shutil.which("outcomes") else str(near)
    _heading(out, "yours to look at")
    shown = f"OUTCOMES_DATA_FOLDER={folder} {command}"
    for line in (
        f"The demo itself took {time.monotonic() - began:.0f} s. For a browser, a gradebook before its scale changed:",
        f"  {looked.file.resolve()}",
        "One command serves it all, at http://127.0.0.1:8000, until Ctrl-C:",
        f"  {shown} serve",
        f"It asks for a token: {looked.token}",
        "And on the terminal:",
        *(f"  {shown} {rest}" for rest in ("status", *looked.commands, "psql")),
        "`status` ends with 1: the broken messages wait in quarantine. "
        f"When you are done: rm -r {folder}. The next demo starts with an empty database in any case.",
    ):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    return looked.right


def _heading(out: Console, text: str) -> None:
    """Whole, however wide the terminal: it may hold a command."""
    out.print()
    out.print(text, style="bold reverse" if out.is_terminal else "", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _broker() -> Iterator[kafka_engine.Kafka]:
    """A real Kafka where Docker or Java can give one, else the mock."""
    with ExitStack() as stack:
        running = docker.entered(stack, kafka_engine.container)
        if running is None:
            try:
                running = stack.enter_context(
                    kafka_engine.local(stack.enter_context(reaper.temporary_folder("outcomes-demo-")))
                )
            except UsageError:
                running = stack.enter_context(kafka_engine.mock())
        yield running


@dataclass(frozen=True, slots=True)
class Looked:
    """What came out, and what to look at."""

    right: bool
    """Whether the projection is as the simulator says."""
    file: Path
    """A gradebook, before the scale of its course changed."""
    token: str
    commands: tuple[str, ...]


async def _run(folder: Path, dsn: str, bootstrap: str, topic: str, events: int, seed: int, out: Console) -> Looked:
    fresh = await connect(dsn)
    await fresh.execute("DROP SCHEMA IF EXISTS outcomes CASCADE")  # of the demo before; the folder is the demo's own
    await fresh.close()
    await schema.migrate(dsn)
    truth = Truth()

    school = School(seed=seed, events=events, tenants=1)

    messages = list(messages_of(institution(school), FEED, truth))
    rest = messages[-POSTED:]
    posted = [published(message.event) for message in rest if message.event is not None]

    async def records() -> AsyncIterator[tuple[str, bytes | None, bytes | None]]:
        for message in (*messages[:-POSTED], *(message for message in rest if message.event is None)):
            yield topic, message.key, message.value

    sent = await produce(load(kafka_bootstrap_servers=bootstrap), records())
    await _post(folder, bootstrap, topic, posted)
    out.print(
        f"Sent to Kafka: {len(messages):,} messages about {school.courses} courses with {school.students} students each. "
        f"{FEED.disorder:.0%} of them are out of order, {FEED.duplicates:.0%} sent twice, {truth.poison.total()} broken. "
        f"{sent:,} went straight there, as by others; {len(posted):,} were signed and posted to `outcomes intake https`, as "
        "Canvas does.",
        highlight=False,
        soft_wrap=True,
    )
    summary = await asyncio.to_thread(_work, folder, dsn, bootstrap, topic)
    rate = summary["consumed"] / summary["seconds"]
    out.print(
        f"The worker consumed {summary['consumed']:,} events in {summary['seconds']:.1f} s ({rate:,.0f}/s).\n", highlight=False
    )
    async with connected(dsn) as connection:
        proof = await verify.verify(connection)
        wrong = await differences(connection, truth)
        out.print(
            f"Compared with what the simulator knows to be true: {len(truth.objects):,} objects, {truth.versions:,} versions, "
            f"{len(wrong)} differences. {verify.verdict(proof)}.",
            highlight=False,
            soft_wrap=True,
        )
        for sentence in wrong[:10]:
            out.print(f"  {sentence}", style="red", markup=False)
        look = await connection.fetchrow(sql("worth_a_look"))
        if look is None:
            raise DemoFailed("no course of this school has a scale that changed; try another --seed or more --events")
        course, student, outcome, before = look
        _heading(
            out, f"why a score is what it is: outcomes explain rollup --course {course} --student {student} --outcome {outcome}"
        )
        out.print(rollup.render(await rollup.rollup(connection, course, student, outcome, None, None)))
        file = folder / "gradebook.html"
        write_page(await gradebook.gradebook(connection, course, None, before, None), file)
        token, _ = await tokens.create(connection, await tenant_of(connection, None), "demo")
    looks = (
        f"gradebook --course {course} --at {before:%Y-%m-%dT%H:%MZ}",
        f"timeline --course {course} --student {student} --outcome {outcome}",
    )
    return Looked(proof.holds and not wrong, file, token, looks)


def _variables(bootstrap: str, topic: str, **more: str) -> dict[str, str]:
    """The environment of a process of the demo: without the user's own settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OUTCOMES_")}
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "OUTCOMES_TOPIC": topic, "OUTCOMES_HTTP_PORT": "0"}
    return ours | kafka | more | reaper.mark()


async def _post(folder: Path, bootstrap: str, topic: str, events: Sequence[dict[str, Any]]) -> None:
    """Plays Canvas: signs these and delivers them to the real intake, a process of its own; its log goes to a file."""
    port, signer = kafka_engine.free_port(), Signer(load().intake_issuer)
    log = folder / "intake.log"
    async with showing(signer.jwks()) as keys:
        variables = _variables(
            bootstrap,
            topic,
            OUTCOMES_DATA_FOLDER=str(folder),
            OUTCOMES_INTAKE_PORT=str(port),
            OUTCOMES_INTAKE_JWKS_URL=keys,
        )
        with log.open("wb") as errors:
            command = [sys.executable, "-m", "consumer", "intake", "https"]
            intake = await asyncio.create_subprocess_exec(*command, env=variables, stderr=errors)
            try:
                tokens = map(signer.token, events)
                await deliver(f"http://127.0.0.1:{port}/events", tokens, seconds=INTAKE_SECONDS)
            except OutcomesError as error:
                raise DemoFailed(f"the intake takes nothing ({error}); its log is {log}") from error
            finally:
                with suppress(ProcessLookupError):  # it has ended by itself
                    intake.terminate()
                await intake.wait()


def _work(folder: Path, dsn: str, bootstrap: str, topic: str) -> dict[str, float]:
    """The real worker as a process of its own, until the end of the topic; its log goes to a file."""
    log = folder / "worker.log"
    with log.open("wb") as errors:
        done = subprocess.run(
            [sys.executable, "-m", "consumer", "worker", "--until-end", "--json"],
            env=_variables(bootstrap, topic, DATABASE_URL=dsn, OUTCOMES_GROUP_ID=topic, OUTCOMES_PEOPLE="names"),
            stdout=subprocess.PIPE,
            stderr=errors,
            check=False,
        )
    if done.returncode:
        raise DemoFailed(f"the worker ended with {done.returncode}; its log is {log}")
    summary: dict[str, float] = json.loads(done.stdout)
    return summary
