"""The database as the loops see it: a connection, made again when it breaks, used by one task at a time.

Under load there is a second one: while the server is at work on a batch, the next one is sent to the other's stages. The two
take turns, and what they do to the tables stays one after the other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from consumer import log
from consumer.errors import Fatal, LostPartition, OutcomesError, Transient
from consumer.ingest.batch import Batch, Books, Partition
from consumer.ingest.records import Rejected
from consumer.store import schema
from consumer.store.postgres import connect, sqlstate, translated, write_times_fast
from consumer.store.writer import Writer

T = TypeVar("T")

AHEAD_AGAIN_SECONDS = 60.0
"""How long one connection must do where a second one was not to be had, or was lost."""


class Store:
    """Every method raises `Transient` (try again), `Fatal`, or `LostPartition`."""

    def __init__(self, dsn: str, *, statement_seconds: float, dry_run: bool = False) -> None:
        self._dsn = dsn
        self._statement_seconds = statement_seconds
        self._dry_run = dry_run
        self._writer: Writer | None = None
        self._second: Writer | None = None
        self._ahead_from = 0.0
        """Monotonic time from which a second connection is used."""
        self._one_at_a_time = asyncio.Lock()
        self.asking_since: float | None = None
        """Monotonic time since when the database owes an answer; None where nothing is asked of it."""
        self._in_doubt: Batch | None = None
        self._books: dict[Partition, Books] = {}
        self.rejected: Sequence[Rejected] = ()
        """What the last batch set aside, with what the database refused of it."""

    async def check(self) -> None:
        """Connects and compares the schema with this code."""
        await self._using(lambda writer: writer.positions([]))

    async def answers(self, seconds: float) -> bool:
        """Whether the server still speaks to others, if only to refuse them a connection."""
        try:
            async with asyncio.timeout(seconds):
                (await connect(self._dsn)).terminate()
        except (OutcomesError, TimeoutError) as error:
            code = sqlstate(error.__cause__) if error.__cause__ else None
            return code is not None and not code.startswith("57P")
        return True

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """`next_position` of each that the database has ever read."""
        return await self._using(lambda writer: writer.positions(partitions))

    async def newest_times(self, topics: Sequence[str], name: str) -> tuple[datetime | None, datetime | None]:
        """Times of the newest event of these topics, and of the newest ignored one of this name."""
        return await self._using(lambda writer: writer.newest_times(topics, name))

    async def open_position(self, partition: Partition, start: int, label: str | None = None) -> None:
        """Makes the row of a partition or file that begins at `start`."""
        await self._using(lambda writer: writer.open_position(partition, start, label))

    async def open_positions(self, starts: Mapping[Partition, int]) -> None:
        """Makes the rows of a topic's partitions, all or none."""
        await self._using(lambda writer: writer.open_positions(starts))

    async def begin_again(self, partition: Partition, at: int) -> None:
        """Moves the position of a file from `at` back to its start."""
        await self._using(lambda writer: writer.begin_again(partition, at))

    async def skip_gap(self, partition: Partition, old: int, new: int, reason: str) -> None:
        """Moves a position over what Kafka no longer has, and records it."""
        await self._using(lambda writer: writer.skip_gap(partition, old, new, reason))

    async def write(self, batch: Batch) -> dict[Partition, Books]:
        """Writes the batch once, however often it is called with it.

        A connection lost during COMMIT leaves open whether it happened: then the position tells, before anything else is done.
        """
        if self._in_doubt is batch:
            positions = await self.positions(list(batch.moves))
            if all(positions.get(partition) == move.new for partition, move in batch.moves.items()):
                self._in_doubt = None
                return self._books
        self._in_doubt = None
        if self._second is not None and self._second.has_staged(batch):
            async with self._one_at_a_time:
                self._writer, self._second = self._second, self._writer
        books = await self._using(
            lambda writer: writer.write(batch, lambda books: self._committing(batch, books, writer.rejected))
        )
        self._in_doubt = None
        return books

    async def ahead(self, batch: Batch) -> None:
        """Tells which batch is written next. While another one is being written, its rows are staged over a second connection.

        A help, not a step: what goes wrong here goes wrong again when the batch is written, and is dealt with there.
        """
        if self._dry_run or not self._one_at_a_time.locked() or time.monotonic() < self._ahead_from:
            return
        second = self._second
        try:
            if second is None:
                second = self._second = await self._connected()
            second.repeating = self._writer is not None and self._writer.repeating
            await second.stage(batch)
        except Exception as error:
            if self._second is not second:
                return  # given up meanwhile: its connection was dropped under asyncpg, which has many names for that
            self.forget_ahead()
            if not isinstance(error, OutcomesError):
                raise
            log.get("store").info("not_staged_ahead", error=str(error))
            self._ahead_from = time.monotonic() + AHEAD_AGAIN_SECONDS
        except BaseException:
            self.forget_ahead()
            raise

    def forget_ahead(self) -> None:
        """The batch that was told of is not written after all."""
        second, self._second = self._second, None
        if second is not None:
            second.abandon()

    def _committing(self, batch: Batch, books: dict[Partition, Books], rejected: Sequence[Rejected]) -> None:
        self._in_doubt, self._books, self.rejected = batch, books, rejected

    async def close(self) -> None:
        """Closes what is open."""
        self.forget_ahead()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    async def _using(self, action: Callable[[Writer], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            self.asking_since = time.monotonic()
            try:
                return await self._ask(action)
            finally:
                self.asking_since = None

    async def _ask(self, action: Callable[[Writer], Awaitable[T]]) -> T:
        if self._writer is None:
            self._writer = await self._connected()
        try:
            return await action(self._writer)
        except LostPartition:
            raise
        except Transient as error:
            await self._forget()
            if self._dry_run:
                raise Fatal(
                    f"the connection was lost in a dry run, which has changed nothing; run it again ({error})"
                ) from error
            raise
        except BaseException:
            # Cancelled in the middle, or worse: the connection's state is unknown.
            await self._forget()
            raise

    async def _connected(self) -> Writer:
        connection = await connect(self._dsn, statement_seconds=self._statement_seconds)
        try:
            await schema.check(connection)
            await schema.check_writing(connection)
            await write_times_fast(connection)
        except BaseException as error:
            connection.terminate()
            await asyncio.sleep(0)  # lets the transport close before anything else is tried
            meaning = translated(error)
            if meaning is None or meaning is error:
                raise
            raise meaning from error
        return Writer(connection, dry_run=self._dry_run, statement_seconds=self._statement_seconds)

    async def _forget(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()
            await asyncio.sleep(0)  # lets the transport close before anything else is tried


async def retrying(
    action: Callable[[], Awaitable[T]],
    *,
    on_failure: Callable[[Transient, float], None],
    first_seconds: float = 0.1,
    most_seconds: float = 15.0,
    jitter: Callable[[], float],
) -> T:
    """Runs `action` until it does not raise `Transient`: for as long as it takes, with growing pauses and jitter (0..1)."""
    pause = first_seconds
    while True:
        try:
            return await action()
        except Transient as error:
            seconds = pause * (0.5 + jitter())
            on_failure(error, seconds)
            await asyncio.sleep(seconds)
            pause = min(most_seconds, pause * 2)
