"""Processes by way of `tests.fork_server`: one such server for each process that runs tests, from its first use to its end."""

import asyncio
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from asyncio import StreamReader
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Forked:
    """A process, as `asyncio.subprocess.Process` is one."""

    def __init__(self, pid: int, status: StreamReader, stdout: StreamReader | None, stderr: StreamReader | None) -> None:
        self.pid = pid
        self.stdin = None
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        """Its exit code once it has ended; negative: the signal that ended it."""
        self._status = status
        self._ended = asyncio.ensure_future(self._end())

    async def _end(self) -> int:
        self.returncode = code = _number(await self._status.readline())
        await self._status.read()  # so that the pipe is closed while the loop still runs
        return code

    async def wait(self) -> int:
        """Its exit code, when it ends."""
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it ends in this moment
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it without a word."""
        self.send_signal(signal.SIGKILL)


def _number(line: bytes) -> int:
    if not line:
        raise RuntimeError("the fork server is gone")
    return int(line)


@functools.cache
def _server() -> socket.socket:
    """Where to send requests; when this process ends, however it does, the server sees the socket closed and ends too."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        number = theirs.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(number)], pass_fds=[number], stdin=subprocess.DEVNULL, cwd=ROOT
        )
    process.returncode = 0  # it outlives this object, and is nobody's to wait for
    return ours


def warm_outcomes(folder: Path) -> int:
    """Makes an `outcomes` in a folder for `$PATH`, whose imports are warm; the socket that its shell must have open."""
    folder.mkdir()
    command = folder / "outcomes"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -SI {ROOT}/tests/warm_command.py "$@"\n')
    command.chmod(0o755)
    return _server().fileno()


async def _reading(stack: ExitStack) -> tuple[StreamReader, int]:
    """What reads a new pipe, and the end of the pipe to be written to, which the stack closes."""
    reading, writing = os.pipe()
    stack.callback(os.close, writing)
    reader = StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
    )
    return reader, writing


async def fork(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path = ROOT, log: Path | None = None
) -> Forked:
    """Runs `python -m MODULE ARGUMENTS` in a folder, without stdin; stdout and stderr are pipes, or both go into `log`."""
    request = {"module": module, "arguments": arguments, "environment": environment, "folder": str(folder)}
    stdout = stderr = None
    with ExitStack() as stack:
        nothing = os.open(os.devnull, os.O_RDONLY)
        stack.callback(os.close, nothing)
        status, telling = await _reading(stack)
        if log is None:
            (stdout, out), (stderr, err) = await _reading(stack), await _reading(stack)
        else:
            out = err = stack.enter_context(log.open("ab")).fileno()
        socket.send_fds(_server(), [json.dumps(request).encode()], [nothing, out, err, telling])
    return Forked(_number(await status.readline()), status, stdout, stderr)
