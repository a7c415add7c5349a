"""Harm to Postgres, to Kafka, to connections, and to the group as a whole: one at a time, beside the workers' own."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import psutil

from consumer.engines.kafka import LocalKafka
from tests.acceptance.running import until
from tests.chaos import rivals
from tests.chaos.engines import Database
from tests.chaos.journal import Journal, wait_until
from tests.chaos.worker_faults import TERMINATED
from tests.chaos.workers import Forks, Slot
from tests.faults.proxy import Cut

CUT_SECONDS = 60.0
"""How long to wait for a connection to come to where it is cut."""


@dataclass(frozen=True, slots=True)
class World:
    """All that can be hurt."""

    database: Database
    kafka: LocalKafka
    forks: Forks
    journal: Journal
    intake: Slot
    variables: Callable[[], Mapping[str, str]]
    """The environment of one more worker."""


async def outages(kinds: Sequence[str], world: World, chance: random.Random) -> None:
    """Does these one after the other, spread evenly over the run; each is recovered from before the next."""
    journal, database = world.journal, world.database
    await wait_until(lambda: journal.monitor.read > 0)
    for number, kind in enumerate(kinds):
        await wait_until(partial(journal.due, number / (len(kinds) + 1), kinds))
        if "backup" in kinds[min(number + 1, len(kinds) - 1)] or number == 0:
            await database.back_up()  # so that a restore loses what came during another fault
        begun = await HARM[kind](world, chance)
        since = await journal.monitor.look()
        ended = time.monotonic()
        await journal.recovery(journal.note(kind, "", begun, ended), ended, since, ())


# -- Postgres --


async def _restart(world: World, chance: random.Random, mode: str) -> float:
    begun = time.monotonic()
    await world.database.restart(mode, chance.uniform(0, 2))
    return begun


async def _fail_over(world: World, chance: random.Random) -> float:
    standby = await world.database.stand_by()
    begun = time.monotonic()
    await world.database.fail_over(standby, chance.uniform(0, 2))
    return begun


async def _restore(world: World, _: random.Random) -> float:
    begun, monitor = time.monotonic(), world.journal.monitor
    monitor.announce()
    await world.database.restore()
    monitor.begin_again()
    return begun


async def _read_only(world: World, chance: random.Random) -> float:
    begun, setting = time.monotonic(), "ALTER SYSTEM SET default_transaction_read_only"
    await world.database.execute(f"{setting} = on", "SELECT pg_reload_conf()")
    await asyncio.sleep(chance.uniform(1, 4))
    writing = "SET default_transaction_read_only = off"
    await world.database.execute(writing, f"{setting} = off", "SELECT pg_reload_conf()")
    return begun


async def _hang(world: World, chance: random.Random) -> float:
    begun, gate = time.monotonic(), world.database.gate
    gate.hang()
    await asyncio.sleep(chance.choice((1, 3, 12)) * chance.uniform(0.7, 1.1))
    gate.flow()
    return begun


# -- connections --


async def _slow(world: World, chance: random.Random) -> float:
    begun, gate = time.monotonic(), world.database.gate
    gate.seconds_per_chunk = chance.uniform(0.01, 0.1)
    await asyncio.sleep(chance.uniform(2, 5))
    gate.seconds_per_chunk = 0.0
    return begun


async def _cut(world: World, chance: random.Random) -> float:
    begun, gate = time.monotonic(), world.database.gate
    gate.refusing = True
    gate.cut()
    await asyncio.sleep(chance.uniform(0, 1))
    gate.refusing = False
    return begun


async def _cut_at_commit(world: World, at: Cut) -> float:
    gate = world.database.gate
    before, gate.cut_at = gate.cuts, at
    await _wait_for_cut(world, before)
    return time.monotonic()


async def _cut_at_byte(world: World, chance: random.Random) -> float:
    gate = world.database.gate
    before, gate.cut_after_bytes = gate.cuts, chance.randrange(1, 200_000)
    await _wait_for_cut(world, before)
    return time.monotonic()


async def _wait_for_cut(world: World, before: int) -> None:
    async def cut() -> bool:
        return world.database.gate.cuts > before

    await until(cut, CUT_SECONDS)


# -- rival sessions --


async def _locked(world: World, chance: random.Random) -> float:
    begun = time.monotonic()
    await rivals.lock_tables(world.database, chance)
    return begun


async def _erase(world: World, chance: random.Random) -> float:
    begun = time.monotonic()
    for _ in range(3):
        await rivals.erase(world.database, chance)
    return begun


async def _deadlock(world: World, _: random.Random) -> float:
    begun = time.monotonic()
    await rivals.deadlock(world.database)
    return begun


# -- Kafka --


async def _kafka_away(world: World, chance: random.Random, end: Callable[[LocalKafka], None]) -> float:
    begun = time.monotonic()
    await asyncio.to_thread(end, world.kafka)
    await asyncio.sleep(chance.uniform(0, 2))
    await asyncio.to_thread(world.kafka.start)
    return begun


async def _kafka_hangs(world: World, chance: random.Random) -> float:
    begun = time.monotonic()
    world.kafka.send(signal.SIGSTOP)
    await asyncio.sleep(chance.choice((2, 5, 12)) * chance.uniform(0.7, 1.1))
    world.kafka.send(signal.SIGCONT)
    return begun


async def _intake_and_kafka(world: World, chance: random.Random) -> float:
    """What is answered while Kafka is away is in the intake's spool; killed, it goes on from there."""
    begun = time.monotonic()
    await asyncio.to_thread(world.kafka.stop)
    for _ in range(2):
        await asyncio.sleep(chance.uniform(0, 2))
        await world.intake.end(signal.SIGKILL)
        await world.intake.start()
    await asyncio.sleep(chance.uniform(0, 2))
    await asyncio.to_thread(world.kafka.start)
    return begun


# -- the group --


async def _guest(world: World, chance: random.Random, number: int, *, processes: int = 1, one_is_killed: bool = False) -> float:
    """One more worker, or several processes under one parent, joins, gets partitions, works for a moment and goes."""
    guest = await world.forks.start("guest", {**world.variables(), "OUTCOMES_PROCESSES": str(processes)})
    guest.expected = True

    async def has_partitions() -> bool:
        return bool(guest.partitions()) or guest.ended.done()

    await until(has_partitions)
    await asyncio.sleep(chance.uniform(0.1, 2))
    begun = time.monotonic()
    if one_is_killed:
        chance.choice(psutil.Process(guest.process.pid).children()).kill()
        await asyncio.sleep(chance.uniform(0, 3))
    guest.process.send_signal(number)
    async with asyncio.timeout(60):
        code = await guest.ended
    if code not in ((-signal.SIGKILL,) if number == signal.SIGKILL else TERMINATED):
        world.journal.unexpected.append(f"the guest ended with {code} ({guest.log.name}):\n{guest.tail()}")
    return begun


HARM: Mapping[str, Callable[[World, random.Random], Awaitable[float]]] = {
    "postgres restarts: fast": lambda world, chance: _restart(world, chance, "fast"),
    "postgres restarts: immediate": lambda world, chance: _restart(world, chance, "immediate"),
    "postgres fails over to its standby": _fail_over,
    "postgres is restored from a backup": _restore,
    "postgres is read-only": _read_only,
    "postgres hangs": _hang,
    "connections are slow": _slow,
    "connections are cut": _cut,
    "connection is cut before COMMIT": lambda world, _: _cut_at_commit(world, "before_commit"),
    "connection is cut after COMMIT": lambda world, _: _cut_at_commit(world, "after_commit"),
    "connection is cut at a byte": _cut_at_byte,
    "tables are locked": _locked,
    "deadlock": _deadlock,
    "erasures are cut off": _erase,
    "kafka restarts": lambda world, chance: _kafka_away(world, chance, LocalKafka.stop),
    "kafka is killed": lambda world, chance: _kafka_away(world, chance, LocalKafka.kill),
    "kafka hangs": _kafka_hangs,
    "intake is killed while kafka is away": _intake_and_kafka,
    "worker joins and leaves": lambda world, chance: _guest(world, chance, signal.SIGTERM),
    "worker joins and is killed": lambda world, chance: _guest(world, chance, signal.SIGKILL),
    "processes join, one is killed": lambda world, chance: _guest(
        world, chance, signal.SIGTERM, processes=2, one_is_killed=True
    ),
    "processes join, their parent is killed": lambda world, chance: _guest(world, chance, signal.SIGKILL, processes=2),
}
"""Kind -> what does it and returns, when it is over, the monotonic time at which it began."""
