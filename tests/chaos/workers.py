"""Processes of workers and of the intake, and the places in which one follows another."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.running import environment
from tests.forking import Forked, fork

LAST_LINES = 12
"""Lines of a log that are shown when something is wrong."""


class Child:
    """A process."""

    def __init__(self, process: Forked, log: Path) -> None:
        self.process = process
        self.log = log
        self.ended = asyncio.ensure_future(process.wait())
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


class Forks:
    """Starts workers, each with its log. Use with `async with`; at the end all that still run are killed."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._children: list[Child] = []
        self._number = 0

    async def __aenter__(self) -> "Forks":
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in self._children:
            child.expected = True
            child.process.kill()
        async with asyncio.timeout(30):
            await asyncio.gather(*(child.ended for child in self._children), return_exceptions=True)

    async def start(
        self, name: str, variables: Mapping[str, str], point: str | None = None, command: Sequence[str] = ("worker",)
    ) -> Child:
        """A worker, or another command; with `point` a worker kills itself there (`tests.faults.crashing`)."""
        self._number += 1
        log = self.logs / f"{self._number:05}-{name}.log"
        module, arguments = ("tests.faults.crashing", [point, "worker"]) if point else ("consumer", list(command))
        child = Child(await fork(module, arguments, environment(**variables), log=log), log)
        self._children.append(child)
        return child


class Slot:
    """A place for one process: who dies here is followed at once. A worker is a static member of the group."""

    def __init__(
        self,
        forks: Forks,
        name: str,
        variables: Callable[[], Mapping[str, str]],
        unexpected: Callable[[str], None],
        command: Sequence[str] = ("worker",),
    ) -> None:
        self.name = name
        self.forks = forks
        self._command = command
        self._variables = variables
        self._unexpected = unexpected
        self._watching: set[asyncio.Task[None]] = set()
        self.child: Child

    async def start(self, point: str | None = None) -> Child:
        """The next worker of this place."""
        variables = {**self._variables(), "OUTCOMES_GROUP_INSTANCE_ID": self.name}
        self.child = child = await self.forks.start(self.name, variables, point, self._command)
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
        self.child.process.send_signal(number)
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self.child.ended)
