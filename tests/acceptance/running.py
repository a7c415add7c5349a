"""The real commands, as processes."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from consumer.environment import load
from consumer.sources.producing import produce
from tests.forking import ROOT, Forked, fork

WAIT_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 0.1


def environment(**variables: str) -> dict[str, str]:
    """The machine's, without any setting of ours, plus these."""
    mine = ("OUTCOMES_", "DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS")
    return (
        {name: value for name, value in os.environ.items() if not name.startswith(mine)} | {"PYTHONPATH": str(ROOT)} | variables
    )


class Process:
    """A running `outcomes` command."""

    def __init__(self, process: asyncio.subprocess.Process | Forked) -> None:
        self._process = process
        self.out = asyncio.ensure_future(process.stdout.read() if process.stdout else asyncio.sleep(0, b""))
        self._said = bytearray()
        self.err = asyncio.ensure_future(self._all_err())

    async def _all_err(self) -> bytes:
        while self._process.stderr and (some := await self._process.stderr.read(2**16)):
            self._said += some
        return bytes(self._said)

    async def err_line(self, seconds: float = WAIT_SECONDS) -> str:
        """The first line of stderr, as soon as it is there."""
        return await self.says("", seconds)

    async def says(self, words: str, seconds: float = WAIT_SECONDS) -> str:
        """The first whole line of stderr that holds these words, as soon as it is there."""

        async def line() -> str | None:
            lines = self._said.decode(errors="replace").splitlines(keepends=True)
            return next((line for line in lines if words in line and line.endswith("\n")), None)

        return str(await until(line, seconds))

    @property
    def pid(self) -> int:
        """For /proc and signals."""
        return self._process.pid

    def send(self, number: int) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    async def end(self, number: int | None = signal.SIGTERM, seconds: float = WAIT_SECONDS) -> tuple[int, str, str]:
        """Ends it by a signal (None: waits); returns exit code, stdout, stderr."""
        if number is not None and self._process.returncode is None:
            self.send(number)
        try:
            async with asyncio.timeout(seconds):
                code = await self._process.wait()
                return code, (await self.out).decode(), (await self.err).decode()
        except TimeoutError:
            raise AssertionError(f"still runs after {seconds} s: {self._said.decode(errors='replace')[-2000:]}") from None


@asynccontextmanager
async def started(
    arguments: Sequence[str],
    variables: Mapping[str, str],
    stdin: bytes | None = None,
    cwd: Path | None = None,
    module: Sequence[str] = ("consumer",),
    *,
    cold: bool = False,
) -> AsyncIterator[Process]:
    """Runs `python -m consumer ARGUMENTS`, or another `module` (name, arguments); kills it at the end if it still runs.

    Its imports are warm (`tests.fork_server`) unless it has a stdin, or is to be `cold`: where its very start is looked at, and
    where it changes what others import.
    """
    process: asyncio.subprocess.Process | Forked
    if stdin is None and not cold:
        process = await fork(module[0], [*module[1:], *arguments], environment(**variables), cwd or ROOT)
    else:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *module,
            *arguments,
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(**variables),
            cwd=cwd or ROOT,
        )
    command = Process(process)
    if stdin is not None and process.stdin is not None:
        process.stdin.write(stdin)
        process.stdin.close()
    try:
        yield command
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.gather(command.out, command.err)


def running(*arguments: str, **variables: str) -> AbstractAsyncContextManager[Process]:
    """A command that goes on until it is ended."""
    return started(arguments, variables)


def crashing(point: str, *arguments: str, **variables: str) -> AbstractAsyncContextManager[Process]:
    """A command that kills itself at a named step (`tests.faults.crashing.POINTS`; `POINT:N`, the N-th time it comes there)."""
    return started(arguments, variables, module=("tests.faults.crashing", point))


async def outcomes(*arguments: str, **variables: str) -> tuple[int, str, str]:
    """Runs a command to its end; returns exit code, stdout, stderr."""
    async with started(arguments, variables) as command:
        return await command.end(None)


async def outcomes_json(*arguments: str, **variables: str) -> Any:
    """Runs a command with `--json`; returns what it printed."""
    code, out, err = await outcomes(*arguments, "--json", **variables)
    assert code in (0, 1), err
    return json.loads(out)


async def send(bootstrap: str, topic: str, values: Iterable[bytes | dict[str, Any] | None]) -> None:
    """Sends records to a topic, spread over its partitions by chance keys, as a bridge might."""

    async def messages() -> AsyncIterator[tuple[str, bytes | None, bytes | None]]:
        for index, value in enumerate(values):
            yield topic, str(index * 7919 % 1000).encode(), json.dumps(value).encode() if isinstance(value, dict) else value

    await produce(load(kafka_bootstrap_servers=bootstrap), messages())


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = WAIT_SECONDS) -> Any:
    """Asks until the answer is true, more and more seldom; returns it."""
    end, pause = time.monotonic() + seconds, 0.02
    while True:
        answer = await condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(pause)
        pause = min(1.2 * pause, LONGEST_PAUSE_SECONDS)
