"""`outcomes worker --processes`: ordinary members of the group, and a parent that looks after them and answers probes for all.

The parent has no connection to Kafka and Postgres. A member's stdin is a socket to its parent: it reports there each second,
and stops in good order once nobody is at the other end.
"""

import asyncio
import json
import os
import signal
import socket
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, generate_latest

from consumer import log
from consumer.errors import Fatal
from consumer.ingest.batch import Books
from consumer.worker.metrics import merged

_logger = log.get("worker")

REPORT_SECONDS = 1.0
"""How often a member says how it is."""

MOST_SILENT = 60
"""A member that lets so many reports fail to come is killed. Counted by turns of the parent, which may be frozen too."""

MOST_DEATHS = 5
"""A member that dies more often, each time within `HEALTHY_SECONDS` of its start, is not started again."""

HEALTHY_SECONDS = 60.0

EXIT_SECONDS = 60.0
"""A member that says no more and has not ended for so long is killed."""

AGAIN_SECONDS = 1.0
"""Pause before a member that died is started again; twice as long after each death in a row."""

CANNOT_GO_ON = 2
"""Exit code of a member that has printed why waiting does not help."""

_LONGEST_REPORT = 64 * 1024 * 1024
"""Metrics of a member with 100,000 partitions."""


class End(NamedTuple):
    """What a member has done when it ends in good order."""

    books: Books
    unfinished: str | None


class _Member:
    """The place of one process and of those that follow it, and what was said last."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: Process | None = None
        self.ends: list[End] = []
        self.refusal: str | None = None
        """Why it cannot go on."""
        self.forget()

    def forget(self) -> None:
        """What was said by a process that has ended."""
        self.waiting_for: str | None = f"process {self.number}"
        self.metrics = ""

    def take(self, line: bytes) -> bool:
        """Takes a report; whether the member's loops turn."""
        said = json.loads(line)
        if "refusal" in said:
            self.refusal = said["refusal"]
        elif "books" in said:
            self.ends.append(End(Books(**said["books"]), said["unfinished"]))
        else:
            self.waiting_for, self.metrics = said["waiting_for"], said["metrics"]
        return bool(said.get("alive", True))

    def send(self, number: int) -> None:
        """Sends a signal, if it runs."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):  # it ends in this moment
                self.process.send_signal(number)


class Processes:
    """`command` gives the command line of a member by its number, from 1.

    `until_end`: who ends in good order is done. Else whoever ends is started again.
    """

    def __init__(self, command: Callable[[int], Sequence[str]], count: int, *, until_end: bool = False) -> None:
        self._command = command
        self._until_end = until_end
        self._members = [_Member(number) for number in range(1, count + 1)]
        self._stopping = asyncio.Event()
        self.registry = CollectorRegistry()
        self._deaths = Counter(
            "outcomes_process_deaths",
            "Processes of `outcomes worker --processes` that ended without having been told to.",
            ["process"],
            registry=self.registry,
        )
        for member in self._members:
            self._deaths.labels(str(member.number))

    def stop(self) -> None:
        """Asks all members for an orderly end."""
        self._stopping.set()
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Ends them at once."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        for member in self._members:
            member.send(number)

    async def run(self) -> list[End]:
        """Looks after the members until all have ended. Gives the ends in good order. Raises `Fatal`, after stopping all."""
        tasks = [asyncio.create_task(self._look_after(member)) for member in self._members]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            self.stop()  # also the others of one that has failed
            await asyncio.wait(tasks)
            for task in tasks:
                task.result()
        finally:
            self.kill()
        return [end for member in self._members for end in member.ends]

    async def _look_after(self, member: _Member) -> None:
        """Starts it, and again when it dies."""
        deaths = 0
        while not self._stopping.is_set():
            begun, ends = time.monotonic(), len(member.ends)
            code = await self._run(member)
            member.forget()
            if member.refusal is not None:
                raise Fatal(member.refusal)
            if code == CANNOT_GO_ON:
                raise Fatal(f"process {member.number} of the worker cannot go on; it says why above")
            if self._until_end and len(member.ends) > ends:
                member.waiting_for = None
                return
            if not self._stopping.is_set():
                deaths = deaths + 1 if time.monotonic() - begun < HEALTHY_SECONDS else 1
                await self._wait_before_restart(member, code, deaths)

    async def _wait_before_restart(self, member: _Member, code: int, deaths: int) -> None:
        """Waits until it may be started again. Raises `Fatal` if it dies too often."""
        self._deaths.labels(str(member.number)).inc()
        if deaths > MOST_DEATHS:
            raise Fatal(f"process {member.number} of the worker ends again and again, last with {code}; its log says why")
        pause = AGAIN_SECONDS * 2 ** (deaths - 1)
        _logger.warning("process_ended", process=member.number, exit_code=code, again_in_seconds=pause)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause)

    async def _run(self, member: _Member) -> int:
        """One process, from its start to its exit code."""
        ours, theirs = socket.socketpair()
        try:
            # In a session of its own: a terminal's Ctrl-C reaches the parent alone, which tells the members.
            member.process = process = await asyncio.create_subprocess_exec(
                *self._command(member.number), stdin=theirs.fileno(), start_new_session=True
            )
        except OSError as error:
            ours.close()
            raise Fatal(f"process {member.number} of the worker cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
        if self._stopping.is_set():
            member.send(signal.SIGTERM)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_LONGEST_REPORT)
        try:
            await self._hear(member, reader)
            ending = asyncio.ensure_future(process.wait())
            await asyncio.wait([ending], timeout=EXIT_SECONDS)
            if not ending.done():
                self._kill_stuck(member, EXIT_SECONDS)
            return await ending
        finally:
            writer.close()

    async def _hear(self, member: _Member, reader: asyncio.StreamReader) -> None:
        """Takes reports until the process has ended. Kills it when it is silent for too long, or when its loops stand still."""
        silent, turns = 0, True
        while silent < MOST_SILENT and turns:
            try:
                line = await asyncio.wait_for(reader.readline(), REPORT_SECONDS)
            except TimeoutError:
                silent += 1
                continue
            if not line.endswith(b"\n"):  # nothing, or what a kill has left of a line
                return
            silent, turns = 0, member.take(line)
        self._kill_stuck(member, silent * REPORT_SECONDS)

    def _kill_stuck(self, member: _Member, silent_seconds: float) -> None:
        _logger.warning("process_stuck", process=member.number, silent_seconds=silent_seconds, note="it is killed")
        member.send(signal.SIGKILL)

    def alive(self) -> bool:
        """Whether somebody looks after the members: true, as long as this can be asked."""
        return True

    @property
    def waiting_for(self) -> str | None:
        """What the first member that is not ready waits for."""
        return next((member.waiting_for for member in self._members if member.waiting_for), None)

    def metrics(self) -> bytes:
        """Those of all members; the label `process` says whose."""
        return generate_latest(self.registry) + merged({str(member.number): member.metrics for member in self._members})


@asynccontextmanager
async def reporting(report: Callable[[], Mapping[str, Any]], stop: Callable[[], None]) -> AsyncIterator[Callable[..., None]]:
    """In a member: reports while the block runs, and gives what says something more. Calls `stop` once the parent is gone."""
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=os.dup(0)))

    def say(**said: Any) -> None:
        if not writer.is_closing():  # else the parent is gone, and a write would raise an error
            writer.write(json.dumps(said).encode() + b"\n")

    async def go_on() -> None:
        with suppress(ConnectionError):
            while True:
                say(**report())
                await writer.drain()  # so that nothing piles up where the parent does not read
                await asyncio.sleep(REPORT_SECONDS)

    async def notice() -> None:
        with suppress(ConnectionError):  # the parent left reports unread
            await reader.read()
        _logger.warning("parent_gone", note="what has been read is written, then this process ends too")
        stop()

    tasks = [asyncio.create_task(go_on()), asyncio.create_task(notice())]
    try:
        yield say
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(REPORT_SECONDS):
                await writer.wait_closed()
