"""One seed: its own engines, its stream, its harm, and what is true at the end."""

import asyncio
import random
import signal
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from consumer.store import schema
from tests.chaos import intake_faults, worker_faults
from tests.chaos.canvas import Canvas, canvas
from tests.chaos.checking import Verdict, judge
from tests.chaos.engines import SESSION_SECONDS, Database, local_kafka, steady_port
from tests.chaos.journal import Fault, Journal, wait_until
from tests.chaos.monitor import Monitor
from tests.chaos.outages import World, outages
from tests.chaos.plan import SLOTS, Plan, drawn
from tests.chaos.privacy import told_by
from tests.chaos.stream import TOPIC, Telling, written
from tests.chaos.workers import Forks, Slot

PATIENCE_SECONDS = 120.0
"""Without any progress for so long a run is given up."""


class Stuck(Exception):
    """Nothing has moved for too long."""


@dataclass(slots=True)
class Run:
    """What came of one seed."""

    seed: int
    events: int = 0
    seconds: float = 0.0
    posted: int = 0
    """Events that Canvas has posted to the intake."""
    copies: int = 0
    """Of them, records that are in the topic once more."""
    looks: int = 0
    """How often the monitor has seen the positions."""
    postgres: str = ""
    """Its version."""
    faults: list[Fault] = field(default_factory=list)
    regressions: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    telltales: list[str] = field(default_factory=list)
    """Logs that hold what they must not."""
    verdict: Verdict | None = None
    gave_up: str | None = None
    """Why there is no verdict."""

    @property
    def kills(self) -> int:
        """Workers killed by SIGKILL."""
        return sum(fault.kills for fault in self.faults)

    @property
    def right(self) -> bool:
        """Whether everything is zero and exact."""
        clean = not (self.gave_up or self.regressions or self.unexpected or self.telltales)
        return clean and self.verdict is not None and self.verdict.right


async def run(seed: int, *, events: int, kills: int, outages: int, folder: Path) -> Run:
    """Runs one seed in `folder`, which is left for whoever wants to look."""
    found, begun = Run(seed), time.monotonic()
    (folder / "logs").mkdir()
    stream = written(folder, seed, events)
    found.events = stream.truth.events
    plan, database, kafka = drawn(seed, kills, outages), Database(folder), local_kafka(folder / "kafka")
    try:
        await asyncio.gather(database.start(), asyncio.to_thread(kafka.start))
        await schema.migrate(database.dsn)
        async with database.admin() as admin:
            found.postgres = await admin.fetchval("SHOW server_version")
        port, data = steady_port(), folder / "intake"
        async with canvas(port, data) as posting, Forks(folder / "logs") as forks:
            telling = Telling(stream, kafka.bootstrap, posting)
            await telling.make_topic()
            monitor = Monitor(lambda: database.dsn, stream.truth, seed)
            journal = Journal(monitor, telling, plan.faults)
            found.faults, found.regressions, found.unexpected = journal.faults, monitor.regressions, journal.unexpected
            taking = {
                "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
                "OUTCOMES_TOPIC": TOPIC,
                "OUTCOMES_DATA_FOLDER": str(data),
                "OUTCOMES_INTAKE_JWKS_URL": posting.jwks,
                "OUTCOMES_INTAKE_PORT": str(port),
                "OUTCOMES_HTTP_PORT": "0",
            }
            intake = Slot(forks, "intake", lambda: taking, journal.unexpected.append, ("intake", "https"))
            world = World(database, kafka, forks, journal, intake, lambda: _variables(database, kafka.bootstrap))
            await _through(plan, world, posting, seed)
        found.looks, found.posted = monitor.looks, posting.posted
        found.telltales = told_by(sorted((folder / "logs").iterdir()), stream.truth)
        found.copies = max(0, telling.records - len(stream.keys))
        found.verdict = await judge(database, stream, found.copies)
    except Exception as error:
        found.gave_up = _sentence(error)
        (folder / "logs" / "error.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    finally:
        await asyncio.to_thread(kafka.kill)
        await database.stop()
        found.seconds = time.monotonic() - begun
    return found


def _variables(database: Database, bootstrap: str) -> Mapping[str, str]:
    """A worker's environment. Batches differ, as deployments do."""
    return {
        "DATABASE_URL": database.address,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "OUTCOMES_TOPIC": TOPIC,
        "OUTCOMES_GROUP_ID": "chaos",
        "OUTCOMES_HTTP_PORT": "0",
        "OUTCOMES_BATCH_SIZE": random.choice(("50", "200", "1000")),
        "OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
        "OUTCOMES_STATEMENT_SECONDS": "10",
        "OUTCOMES_WATCHDOG_SECONDS": "10",
    }


async def _through(plan: Plan, world: World, posting: Canvas, seed: int) -> None:
    """All harm, until everything that was told is in the books."""
    journal, monitor = world.journal, world.journal.monitor
    slots = [Slot(world.forks, f"worker-{number}", world.variables, journal.unexpected.append) for number in range(SLOTS)]
    await world.intake.start()
    async with asyncio.TaskGroup() as tasks:
        watching = [
            tasks.create_task(monitor.watch_positions()),
            tasks.create_task(monitor.watch_rows()),
            tasks.create_task(_lose_patience(journal, [*slots, world.intake])),
            tasks.create_task(posting.run()),
        ]
        telling = tasks.create_task(journal.telling.run(journal.share))
        harm = [
            tasks.create_task(worker_faults.harm(slot, faults, journal, random.Random(f"{slot.name}-{seed}")))
            for slot, faults in zip(slots, plan.workers, strict=True)
        ]
        chance = random.Random(f"intake-{seed}")
        harm.append(tasks.create_task(intake_faults.harm(world.intake, plan.intake, posting, journal, chance)))
        harm.append(tasks.create_task(outages(plan.outages, world, random.Random(f"outages-{seed}"))))
        await asyncio.wait([*harm, telling])
        await wait_until(lambda: monitor.read >= journal.telling.records)
        for slot in (*slots, world.intake):
            code = await slot.end(signal.SIGTERM)
            if code not in worker_faults.TERMINATED:
                journal.unexpected.append(f"{slot.name} ended with {code} at the end:\n{slot.child.tail()}")
        for task in watching:
            task.cancel()


def _sentence(error: Exception) -> str:
    """The first thing that went wrong, out of a group too."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, Stuck) else f"{type(error).__name__}: {error}"


async def _lose_patience(journal: Journal, slots: list[Slot]) -> None:
    """Raises `Stuck` when nothing has moved for long."""
    while True:
        await asyncio.sleep(1)
        monitor, telling = journal.monitor, journal.telling
        silence = time.monotonic() - monitor.moved_at
        if silence > PATIENCE_SECONDS:
            tails = "\n".join(f"{slot.child.log.name}:\n{slot.child.tail()}" for slot in slots)
            last = journal.faults[-1].kind if journal.faults else "none"
            raise Stuck(
                f"nothing has moved for {silence:.0f} s, at {monitor.positions} of {telling.ends}, "
                f"after {len(journal.faults)} of {journal.planned} faults, the last of them {last}\n{tails}"
            )
