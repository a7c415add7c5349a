"""The real command in a process that kills itself, by SIGKILL, or freezes itself, by SIGSTOP, at a named step.

`python -m tests.faults.crashing POINT[:N[:STOP]] ARGUMENTS…` runs `outcomes ARGUMENTS…` and does so the N-th time (1 unless
told) that it comes to POINT. The code under test knows nothing of it: steps are found by wrapping the methods that make them.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from asyncpg import Connection
from asyncpg.transaction import Transaction

from consumer.commands.main import main
from consumer.sources import archive, storage, stored_objects
from consumer.sources.kafka import KafkaSource
from consumer.store import quarantine, writer
from consumer.store.store import Store
from consumer.store.writer import Writer
from consumer.worker.worker import Worker

_left = 1
_signal = signal.SIGKILL


def _reached() -> None:
    global _left  # noqa: PLW0603 - one process, one death
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), _signal)


def _before(owner: Any, name: str) -> None:
    method = getattr(owner, name)

    async def wrapped(*arguments: Any, **named: Any) -> Any:
        _reached()
        return await method(*arguments, **named)

    setattr(owner, name, wrapped)


def _after(owner: Any, name: str, counts: Callable[[Any], bool] = lambda result: True) -> None:
    method = getattr(owner, name)

    async def wrapped(*arguments: Any, **named: Any) -> Any:
        result = await method(*arguments, **named)
        if counts(result):
            _reached()
        return result

    setattr(owner, name, wrapped)


def _while_committing() -> None:
    """The COMMIT is on its way to the server; its answer is never heard."""
    commit = Transaction._Transaction__commit  # type: ignore[attr-defined]

    async def wrapped(self: Any) -> None:
        sending = asyncio.ensure_future(commit(self))
        await asyncio.sleep(0)  # its first step writes to the socket
        _reached()
        await sending

    Transaction._Transaction__commit = wrapped  # type: ignore[attr-defined]


def _committing() -> None:
    told = Store._committing

    def wrapped(*arguments: Any) -> None:
        told(*arguments)
        _reached()

    Store._committing = wrapped  # type: ignore[method-assign, assignment]


def _staging() -> None:
    """The server waits in the middle of a COPY for the rest of the rows."""
    rows_of = writer.stage_rows

    def wrapped(rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        for index, row in enumerate(rows_of(rows)):
            yield row
            if index == 0:
                _reached()

    writer.stage_rows = wrapped


def _around(owner: Any, name: str, *, after: bool) -> None:
    method = getattr(owner, name)

    def wrapped(*arguments: Any) -> Any:
        if not after:
            _reached()
        result = method(*arguments)
        if after:
            _reached()
        return result

    setattr(owner, name, wrapped)
    archive.FILE_BYTES = 1_000  # many files of few records


def _kept() -> None:
    for place in (storage.Folder, stored_objects.Objects):
        _around(place, "keep", after=True)


POINTS: dict[str, Callable[[], None]] = {
    "fetched": lambda: _after(KafkaSource, "fetch", bool),
    "decoded": lambda: _before(Worker, "_hand_over"),
    "transaction_open": lambda: _before(Writer, "_stage"),
    "staging": _staging,
    "after_stage": lambda: _after(Connection, "copy_records_to_table"),
    "before_commit": _committing,
    "commit_sent": _while_committing,
    "before_kafka_commit": lambda: _after(Writer, "_write"),
    "draining": lambda: _before(Worker, "_drain"),
}
"""Each step of a batch's way through the worker, and the end of the worker's own."""

RETRY_POINTS: dict[str, Callable[[], None]] = {
    **{name: POINTS[name] for name in ("transaction_open", "after_stage", "commit_sent")},
    "retried": lambda: _after(quarantine, "_write"),
}
"""Each step of `quarantine retry`."""

CAPTURE_POINTS: dict[str, Callable[[], None]] = {
    "record_written": lambda: _around(archive._Writing, "write", after=True),
    "file_full": lambda: _around(archive._Writing, "finish", after=False),
    "file_kept": _kept,
    "file_named": lambda: _around(archive.Archive, "_name", after=True),
}
"""Each step of a captured file."""


if __name__ == "__main__":
    point, number, stop = [*sys.argv[1].split(":"), "1", ""][:3]
    _left = int(number)
    _signal = signal.SIGSTOP if stop == "STOP" else signal.SIGKILL
    (POINTS | RETRY_POINTS | CAPTURE_POINTS)[point]()
    sys.argv = ["outcomes", *sys.argv[2:]]
    main()
