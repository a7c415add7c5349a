"""Who looked at students' data: a row for each answer that can show some, written in the background."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.types import Scope

from consumer import log
from consumer.errors import OutcomesError
from consumer.printable import printable
from consumer.rights.viewer import Viewer
from consumer.serve.access.paths import WITHOUT_STUDENTS
from consumer.serve.read_pool import ReadPool
from consumer.serve.sql import sql
from schemas.base import MAX_KEY_TEXT, local_id
from schemas.rest_ids import whole_id

MOST_WAITING = 10_000
"""Rows. Where so many cannot be written, nothing is answered: a look without a row is worse than none."""
WRITE_SECONDS = 0.25
"""How long a row waits for others. A process that is killed loses what waits: of so long, or since Postgres took none."""
STOP_SECONDS = 5.0
"""How long a server that stops tries to write the last ones."""
EMPTY_SECONDS = 3600.0
"""How often what is too old goes."""
_PEOPLE = ("user_id", "student_id", "student")
_ASKED = ("user_ids[]", "student_ids[]", "student_id", "user_id")


class AccessLog:
    """Rows that wait, and the task that writes them. A server that stops writes all first."""

    def __init__(self, pool: ReadPool, days: int) -> None:
        self._pool = pool
        self._days = days
        self._waiting: list[tuple[Any, ...]] = []
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether too many rows wait."""
        return len(self._waiting) >= MOST_WAITING

    def look(self, scope: Scope, viewer: Viewer) -> None:
        """Takes down an answer that begins now, where its route can show a student."""
        route = getattr(scope.get("route"), "path", scope["path"])
        if route in WITHOUT_STUDENTS or scope.get("endpoint") is None:
            return
        named = scope.get("path_params", {})
        ids = {name: _local(str(value)) for name, value in named.items() if name not in _PEOPLE}
        people = [str(named[name]) for name in _PEOPLE if name in named] + list(_people_of(scope["query_string"]))
        address = scope["client"][0] if scope.get("client") else ""
        text = " ".join(printable(one)[:MAX_KEY_TEXT].replace(" ", "%20") for one in people)
        of = viewer.tenant, datetime.now(UTC), viewer.kind, viewer.who, printable(address)[:MAX_KEY_TEXT]
        self._waiting.append((*of, route, orjson.dumps(ids).decode(), text))

    def start(self) -> None:
        """Writes from now on."""
        self._task = asyncio.create_task(self._run(), name="access log")

    async def stop(self) -> None:
        """Writes what waits. Says how many rows are lost where Postgres does not take them in time."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        until = time.monotonic() + STOP_SECONDS
        while self._waiting and time.monotonic() < until:
            if not await self._write():
                await asyncio.sleep(WRITE_SECONDS)
        if self._waiting:
            log.get("serve").error("access_log_lost", rows=len(self._waiting))

    async def _run(self) -> None:
        empty_at = time.monotonic()
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), WRITE_SECONDS)
            if self._waiting:
                await self._write()
            if time.monotonic() >= empty_at:
                empty_at = time.monotonic() + EMPTY_SECONDS
                with suppress(OutcomesError):
                    await self._pool.fetch(sql("access_log_empty"), self._days)

    async def _write(self) -> bool:
        """Whether Postgres has the rows; otherwise they wait on."""
        rows = self._waiting[:MOST_WAITING]
        try:
            await self._pool.fetch(sql("access_log_add"), *map(list, zip(*rows, strict=True)), tenant="")
        except OutcomesError as error:
            log.get("serve").warning("access_log_waits", rows=len(self._waiting), error=str(error))
            return False
        del self._waiting[: len(rows)]
        return True


def _local(text: str) -> str:
    """An id as the projection has it; any other text as it is."""
    try:
        return str(local_id(int(whole_id(text))))
    except ValueError:
        return printable(text)[:MAX_KEY_TEXT]


def _people_of(query: bytes) -> Iterable[str]:
    return (value for name, value in parse_qsl(query.decode("latin-1")) if name in _ASKED)
