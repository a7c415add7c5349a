"""Worker processes, and the places in which one follows another."""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.acceptance.running import ROOT, environment

LAST_LINES = 12
"""Lines of a log that are shown when something is wrong."""


class Child:
    """A worker process."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its exit code; negative: the signal that ended it."""
        self.expected = False
        """Whether its end was asked for."""

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far; the line that it died in is left out."""
        found = []
        for line in self.log.read_bytes().splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                found.append(value)
        return found

    def partitions(self) -> frozenset[int]:
        """The partitions that it has begun, as its log says; none where it has none."""
        for line in reversed(self.lines()):
            if line.get("event") == "partitions_revoked":
                break
            if line.get("event") == "positions_read":
                return frozenset(int(name.rpartition("-")[2]) for name in line["partitions"])
        return frozenset()

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])


class ForkServer:
    """Starts workers by way of `tests.chaos.fork_server`. Use with `async with`; at the end all that still run are killed."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._process: asyncio.subprocess.Process | None = None
        self._asked: deque[tuple[Path, asyncio.Future[Child]]] = deque()
        """Those to be started, in the order in which they were asked for."""
        self._children: dict[int, Child] = {}
        self._reading: asyncio.Task[None] | None = None
        self._number = 0
        self._closing = False

    async def __aenter__(self) -> "ForkServer":
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / "fork_server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.chaos.fork_server"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=environment(),
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            await self._process.stdout.readline()
        self._reading = asyncio.create_task(self._read(self._process.stdout))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reading is not None
        self._closing = True
        for child in tuple(self._children.values()):
            child.expected = True
            self.send(child, signal.SIGKILL)
        async with asyncio.timeout(30):
            if self._process.returncode is None:
                await asyncio.gather(*(child.ended for child in tuple(self._children.values())))
            self._process.stdin.close()
            await asyncio.wait({self._reading})

    async def _read(self, answers: asyncio.StreamReader) -> None:
        while line := await answers.readline():
            answer = json.loads(line)
            if "started" in answer:
                log, asked = self._asked.popleft()
                self._children[answer["started"]] = child = Child(answer["started"], log)
                asked.set_result(child)
            else:
                self._children.pop(answer["ended"]).ended.set_result(answer["code"])
        assert self._process is not None
        code = await self._process.wait()
        if not self._closing:
            raise RuntimeError(f"the fork server ended with {code}; see {self.logs / 'fork_server.log'}")

    async def serve(self) -> None:
        """Raises when it ends before its time."""
        assert self._reading is not None
        await asyncio.shield(self._reading)

    async def start(self, name: str, variables: Mapping[str, str], point: str | None = None) -> Child:
        """A worker; with `point` it kills itself there (`tests.faults.crashing`)."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._number += 1
        log = self.logs / f"{self._number:05}-{name}.log"
        request = {
            "module": "tests.faults.crashing" if point else "consumer",
            "arguments": [*([point] if point else []), "worker"],
            "environment": environment(**variables),
            "log": str(log),
        }
        log.touch()
        asked: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._asked.append((log, asked))
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return await asyncio.shield(asked)

    def send(self, child: Child, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if not child.ended.done():
            with suppress(ProcessLookupError):  # it ends in this moment
                os.kill(child.pid, number)


class Slot:
    """A place for one worker, a static member of the group: who dies here is followed at once."""

    def __init__(
        self, forks: ForkServer, number: int, variables: Callable[[], Mapping[str, str]], unexpected: Callable[[str], None]
    ) -> None:
        self.name = f"worker-{number}"
        self.forks = forks
        self._variables = variables
        self._unexpected = unexpected
        self._watching: set[asyncio.Task[None]] = set()
        self.child: Child

    async def start(self, point: str | None = None) -> Child:
        """The next worker of this place."""
        variables = {**self._variables(), "OUTCOMES_GROUP_INSTANCE_ID": self.name}
        self.child = child = await self.forks.start(self.name, variables, point)
        child.expected = point is not None
        task = asyncio.create_task(self._watch(child))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)
        return child

    async def _watch(self, child: Child) -> None:
        code = await child.ended
        if not child.expected:
            self._unexpected(f"{self.name} ended by itself with {code} ({child.log.name}):\n{child.tail()}")
            await asyncio.sleep(0.5)  # as whoever looks after processes would
            if self.child is child:
                await self.start()

    async def end(self, number: int, seconds: float = 60) -> int:
        """Ends the worker by a signal; returns its exit code."""
        self.child.expected = True
        self.forks.send(self.child, number)
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self.child.ended)
