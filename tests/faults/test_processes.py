"""Several processes under one parent: whoever is killed, nothing is lost, nothing doubled, and nobody is left behind."""

import asyncio
import json
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import aiohttp
import psutil

from consumer.engines.kafka import free_port
from tests.acceptance.running import Process, outcomes, running, send, until
from tests.acceptance.test_worker import _at_least, consumed, found, settings, stream, undisturbed
from tests.conftest import named

NewTopic = Callable[..., Awaitable[str]]


async def both(parent: Process, without: int | None = None) -> list[psutil.Process] | None:
    """The two members, once both run; `without`: this process no longer."""
    assert psutil.pid_exists(parent.pid), "the parent has ended"
    members = psutil.Process(parent.pid).children()
    return members if len(members) == 2 and without not in {member.pid for member in members} else None


@contextmanager
def killed_at_last(members: list[psutil.Process]) -> Iterator[None]:
    """Else a test that fails would wait for members that write to its pipe."""
    try:
        yield
    finally:
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.kill()


async def none_runs(members: list[psutil.Process]) -> bool:
    """Whether all have ended."""
    return not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in members)


async def answer(port: int, probe: str) -> str | None:
    """What a probe says; nothing where it says no or nobody answers."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/{probe}") as response:
            return await response.text() if response.status == 200 else None
    except aiohttp.ClientError:
        return None


async def each_reads_two(port: int) -> bool:
    """Whether either process has two of the four partitions, as their common metrics tell."""
    shown = await answer(port, "metrics") or ""
    return set(re.findall(r'^outcomes_partitions\{process="(\d)"\} 2', shown, re.MULTILINE)) == {"1", "2"}


async def test_a_process_that_is_killed_is_started_again_and_nothing_is_lost_or_doubled(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """In the middle of a stream. The parent answers the probes for all, and adds up what those wrote that were not killed.

    At the end each is told to stop, and again by its parent, as under systemd: all end in good order.
    """
    name, events, port = await topic(partitions=4), stream(1500, seed=31), free_port()
    await send(kafka_bootstrap, name, events)
    more = {"OUTCOMES_BATCH_SIZE": "50", "OUTCOMES_GROUP_INSTANCE_ID": "one", "OUTCOMES_HTTP_PORT": str(port)}
    async with running("worker", "--json", "--processes", "2", **settings(database, kafka_bootstrap, name, **more)) as parent:
        await until(lambda: _at_least(database, 1))
        (first, _) = await until(partial(both, parent))
        first.kill()
        members = await until(partial(both, parent, first.pid))
        await until(lambda: _at_least(database, len(events)))
        await until(partial(answer, port, "readyz"))
        await until(partial(each_reads_two, port))
        parent.send(signal.SIGTERM)
        for member in members:
            member.send_signal(signal.SIGTERM)
        code, out, err = await parent.end(None)
        assert await none_runs(members)
    lines = [json.loads(line) for line in err.splitlines()]
    died = next(number for number, line in enumerate(lines) if line.get("exit_code") == -signal.SIGKILL)
    lost = [line for line in lines[:died] if line["event"] == "batch" and line["process"] == lines[died]["process"]]
    written = [line["events"] for line in lines if line["event"] == "batch" and line not in lost]
    assert (code, json.loads(out)["consumed"]) == (0, sum(written)), err
    assert {(line["process"], line["instance"]) for line in lines if line["event"] == "started"} == {(1, "one-1"), (2, "one-2")}
    assert await consumed(database) == len(events)
    assert await found(database) == await undisturbed(another_database, events)


async def test_processes_whose_parent_is_killed_end_and_the_next_parent_reads_on(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """They write what they have read. A parent with --until-end adds up what its own processes have written."""
    name, events = await topic(partitions=4), stream(1500, seed=32)
    await send(kafka_bootstrap, name, events)
    two = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="50", OUTCOMES_PROCESSES="2")
    async with running("worker", **two) as parent:
        await until(lambda: _at_least(database, 1))
        members = await until(partial(both, parent))
        with killed_at_last(members):
            parent.send(signal.SIGKILL)
            await until(partial(none_runs, members), 30)
    before = await consumed(database)
    code, out, err = await outcomes("worker", "--until-end", "--json", **two)
    assert (code, json.loads(out)["consumed"]) == (0, len(events) - before), err
    assert await found(database) == await undisturbed(another_database, events)


async def test_what_none_of_them_can_mend_is_said_once(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """Here there is no such database."""
    two = settings(named(database, "no_such_database"), kafka_bootstrap, await topic(), OUTCOMES_PROCESSES="2")
    code, _, err = await outcomes("worker", **two)
    assert (code, err.count("the database does not exist")) == (2, 1), err


async def test_a_second_signal_ends_all_processes_at_once(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """Here one of them is frozen, and could not end in good order."""
    two = settings(database, kafka_bootstrap, await topic(), OUTCOMES_PROCESSES="2")
    async with running("worker", **two) as parent:
        await parent.says("partitions_assigned")
        members = await until(partial(both, parent))
        members[0].suspend()
        with killed_at_last(members):
            parent.send(signal.SIGINT)
            await asyncio.sleep(0.2)
            parent.send(signal.SIGINT)
            await until(partial(none_runs, members), 20)
        code, _, err = await parent.end(None)
    assert code == 1
    assert "stopped_at_once" in err
