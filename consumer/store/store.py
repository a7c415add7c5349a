"""The database as the loops see it: one connection, made again when it breaks, used by one task at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from consumer.errors import Fatal, LostPartition, Transient
from consumer.ingest.batch import Batch, Books, Partition
from consumer.store import schema
from consumer.store.postgres import connect, translated
from consumer.store.writer import Writer

T = TypeVar("T")


class Store:
    """Every method raises `Transient` (try again), `Fatal`, or `LostPartition`."""

    def __init__(self, dsn: str, *, statement_seconds: float, dry_run: bool = False) -> None:
        self._dsn = dsn
        self._statement_seconds = statement_seconds
        self._dry_run = dry_run
        self._writer: Writer | None = None
        self._one_at_a_time = asyncio.Lock()
        self._in_doubt: Batch | None = None
        self._books: dict[Partition, Books] = {}

    async def check(self) -> None:
        """Connects and compares the schema with this code."""
        await self._using(lambda writer: writer.positions([]))

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """`next_position` of each that the database has ever read."""
        return await self._using(lambda writer: writer.positions(partitions))

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
        books = await self._using(lambda writer: writer.write(batch, lambda books: self._committing(batch, books)))
        self._in_doubt = None
        return books

    def _committing(self, batch: Batch, books: dict[Partition, Books]) -> None:
        self._in_doubt, self._books = batch, books

    async def close(self) -> None:
        """Closes the connection, if there is one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    async def _using(self, action: Callable[[Writer], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            if self._writer is None:
                connection = await connect(self._dsn, statement_seconds=self._statement_seconds)
                self._writer = Writer(connection, dry_run=self._dry_run, statement_seconds=self._statement_seconds)
                try:
                    await schema.check(connection)
                except BaseException as error:
                    await self._forget()
                    meaning = translated(error)
                    if meaning is None or meaning is error:
                        raise
                    raise meaning from error
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
