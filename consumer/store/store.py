"""The database as the loops see it: a connection that one task uses at a time, and that is replaced when it breaks.

Under load there is a second connection: while the server writes one batch, the next is copied into the second one's stages.
The two take turns, so the tables change one batch after the other.
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
from consumer.settings import People
from consumer.store import schema
from consumer.store.dry_run import DryRunWriter, create_dry_run_tables
from consumer.store.postgres import Connection, connect, sqlstate, translating, write_times_fast
from consumer.store.writer import Writer

T = TypeVar("T")

SECOND_AGAIN_SECONDS = 60.0
"""Seconds until another try for a second connection, after one failed or was lost."""


class Store:
    """Every method raises `Transient` (try again), `Fatal`, or `LostPartition`."""

    def __init__(self, dsn: str, *, statement_seconds: float, dry_run: bool = False) -> None:
        self._dsn = dsn
        self._statement_seconds = statement_seconds
        self._dry_run = dry_run
        self._writer: Writer | None = None
        self._second: Writer | None = None
        self._second_from = 0.0
        """Monotonic time from which a second connection may be opened."""
        self._one_at_a_time = asyncio.Lock()
        self.asking_since: float | None = None
        """Monotonic time of the statement that the database has not answered yet; None while there is none."""
        self._in_doubt: Batch | None = None
        """A batch whose COMMIT was sent and not answered."""
        self._books: dict[Partition, Books] = {}
        self.rejected: Sequence[Rejected] = ()
        """What the last batch put into quarantine, rows that the database refused included."""

    async def check(self) -> None:
        """Connects and compares the schema with this code."""
        await self._using(lambda writer: writer.positions([]))

    async def answers(self, seconds: float) -> bool:
        """Whether the server answers a new connection, even by refusing it."""
        try:
            async with asyncio.timeout(seconds):
                (await connect(self._dsn)).terminate()
        except (OutcomesError, TimeoutError) as error:
            code = sqlstate(error.__cause__) if error.__cause__ else None
            return code is not None and not code.startswith("57P")
        return True

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """`next_position` of each partition that the database has read before."""
        return await self._using(lambda writer: writer.positions(partitions))

    async def newest_times(self, topics: Sequence[str], name: str) -> tuple[datetime | None, datetime | None]:
        """Times of the newest event of these topics, and of the newest ignored event with this name."""
        return await self._using(lambda writer: writer.newest_times(topics, name))

    async def open_position(self, partition: Partition, start: int, label: str | None = None) -> None:
        """Creates the row of a partition or file that begins at `start`."""
        await self._using(lambda writer: writer.open_position(partition, start, label))

    async def open_positions(self, starts: Mapping[Partition, int]) -> None:
        """Creates the rows of a topic's partitions, all or none."""
        await self._using(lambda writer: writer.open_positions(starts))

    async def remove_names(self, people: People) -> None:
        """Takes names of people out of the projection, unless this setting stores them."""
        await self._using(lambda writer: writer.remove_names(people))

    async def summaries_due(self) -> list[str]:
        """Tenants whose kept summaries are not up to date."""
        return await self._using(lambda writer: writer.summaries_due())

    async def another_connection(self) -> Connection:
        """For what takes long and writes no batch."""
        return await connect(self._dsn, statement_seconds=self._statement_seconds)

    async def begin_again(self, partition: Partition, at: int) -> None:
        """Moves the position of a file from `at` back to its start."""
        await self._using(lambda writer: writer.begin_again(partition, at))

    async def skip_gap(self, partition: Partition, old: int, new: int, reason: str) -> None:
        """Moves a position over records that Kafka no longer has, and stores the gap."""
        await self._using(lambda writer: writer.skip_gap(partition, old, new, reason))

    async def write(self, batch: Batch) -> dict[Partition, Books]:
        """Writes the batch once, however often it is called with it.

        After a connection was lost during COMMIT, the positions show first whether the batch was committed.
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

    async def stage_next(self, batch: Batch) -> None:
        """Stages the batch that is written next over a second connection, if another batch is being written.

        Best effort: an error here recurs in `write`, which handles it.
        """
        if self._dry_run or not self._one_at_a_time.locked() or time.monotonic() < self._second_from:
            return
        staging = self._second
        try:
            if staging is None:
                staging = self._second = await self._connected()
            staging.expects_duplicates = self._writer is not None and self._writer.expects_duplicates
            await staging.stage(batch)
        except Exception as error:
            discarded_meanwhile = self._second is not staging
            if discarded_meanwhile:  # asyncpg has many errors for a connection that is dropped under it
                return
            self.discard_staged()
            if not isinstance(error, OutcomesError):
                raise
            log.get("store").info("not_staged_ahead", error=str(error))
            self._second_from = time.monotonic() + SECOND_AGAIN_SECONDS
        except BaseException:
            self.discard_staged()
            raise

    def discard_staged(self) -> None:
        """The staged batch is not written after all: drops its connection."""
        second, self._second = self._second, None
        if second is not None:
            second.abandon()

    def _committing(self, batch: Batch, books: dict[Partition, Books], rejected: Sequence[Rejected]) -> None:
        self._in_doubt, self._books, self.rejected = batch, books, rejected

    async def close(self) -> None:
        """Closes what is open."""
        self.discard_staged()
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
            await self._drop()
            if self._dry_run:
                raise Fatal(f"the dry run lost its connection; it has changed nothing, so run it again ({error})") from error
            raise
        except BaseException:
            # Cancelled, or a bug: the state of the connection is unknown.
            await self._drop()
            raise

    async def _connected(self) -> Writer:
        connection = await connect(self._dsn, statement_seconds=self._statement_seconds)
        try:
            with translating():
                await schema.check(connection)
                await schema.check_writing(connection)
                await write_times_fast(connection)
            if self._dry_run:
                await create_dry_run_tables(connection)
        except BaseException:
            connection.terminate()
            await asyncio.sleep(0)  # lets the transport close first
            raise
        kind = DryRunWriter if self._dry_run else Writer
        return kind(connection, statement_seconds=self._statement_seconds)

    async def _drop(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()
            await asyncio.sleep(0)  # lets the transport close first
