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
from tests.chaos import worker_faults
from tests.chaos.checking import Verdict, judge
from tests.chaos.engines import SESSION_SECONDS, Database, local_kafka
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
        telling = Telling(stream, kafka.bootstrap)
        await telling.make_topic()
        monitor = Monitor(lambda: database.dsn, stream.truth, seed)
        journal = Journal(monitor, telling, plan.faults)
        found.faults, found.regressions, found.unexpected = journal.faults, monitor.regressions, journal.unexpected
        async with Forks(folder / "logs") as forks:
            world = World(database, kafka, forks, journal, lambda: _variables(database, kafka.bootstrap))
            await _through(plan, world, seed)
        found.looks = monitor.looks
        found.telltales = told_by(sorted((folder / "logs").iterdir()), stream.truth)
        found.verdict = await judge(database, stream)
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


async def _through(plan: Plan, world: World, seed: int) -> None:
    """All harm, until everything that was told is in the books."""
    journal, monitor = world.journal, world.journal.monitor
    slots = [Slot(world.forks, number, world.variables, journal.unexpected.append) for number in range(SLOTS)]
    async with asyncio.TaskGroup() as tasks:
        watching = [
            tasks.create_task(monitor.watch_positions()),
            tasks.create_task(monitor.watch_rows()),
            tasks.create_task(_lose_patience(journal, slots)),
        ]
        telling = tasks.create_task(journal.telling.run(journal.share))
        harm = [
            tasks.create_task(worker_faults.harm(slot, faults, journal, random.Random(f"{slot.name}-{seed}")))
            for slot, faults in zip(slots, plan.workers, strict=True)
        ]
        harm.append(tasks.create_task(outages(plan.outages, world, random.Random(f"outages-{seed}"))))
        await asyncio.wait([*harm, telling])
        await wait_until(lambda: monitor.read >= journal.telling.confirmed)
        for slot in slots:
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
