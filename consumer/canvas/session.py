"""One connection to Postgres that survives its failures."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from consumer.errors import Transient
from consumer.store.postgres import Connection, connect, translated
from consumer.store.retrying import StoppableRetry

T = TypeVar("T")


class Session:
    """Reconnects when the connection breaks; tasks take turns. Close it in the end.

    Its methods wait for Postgres as long as it takes, and may raise `Stopped`, `Fatal` or `RefusedRow`.
    """

    def __init__(self, dsn: str, retry: StoppableRetry, *, statement_seconds: float) -> None:
        self._dsn = dsn
        self._retry = retry
        self._statement_seconds = statement_seconds
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None

    async def close(self) -> None:
        """Drops the connection; no transaction is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
            await asyncio.sleep(0)  # lets the transport close

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement."""
        return await self.use(lambda connection: connection.fetch(statement, *arguments))

    async def use(self, action: Callable[[Connection], Awaitable[T]]) -> T:
        """Repeats the action on a new connection until it succeeds."""
        async with self._turn:
            return await self._retry.patiently(lambda: self._once(action))

    async def _once(self, action: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            if self._connection is None:
                self._connection = await connect(self._dsn, statement_seconds=self._statement_seconds)
            return await action(self._connection)
        except Exception as error:
            meaning = translated(error)
            if meaning is None or isinstance(meaning, Transient):
                await self.close()
            if meaning is None or meaning is error:
                raise
            raise meaning from error
        except BaseException:  # a cancelled statement leaves the connection in an unknown state
            await self.close()
            raise
