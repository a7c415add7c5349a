"""The one write path: a batch becomes versions, current rows, quarantine, counts and positions in one transaction."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from asyncpg.transaction import Transaction

from consumer.errors import Fatal, LostPartition, RefusedRow
from consumer.ingest.batch import Batch, Books, Partition, Staged, books_of, fold, partition_of, without
from consumer.ingest.decode import TOMBSTONE
from consumer.ingest.records import Accepted, Rejected
from consumer.ingest.tables import TABLES, Table
from consumer.printable import PERSONAL
from consumer.store.postgres import Connection, translated
from consumer.store.sql import sql
from schemas.events import HEARTBEAT

CLOSE_SECONDS = 2.0

YEARS_SECONDS = 60.0
"""How long until a partition is asked for again that could not be made: somebody reads for long."""

MAX_NAMES = 500
"""Names of ignored events, and of unknown members, that are counted apart for each partition. Canvas has about 200 events."""

_ALWAYS = [HEARTBEAT, TOMBSTONE, PERSONAL]
"""Names of events that are counted apart however many are known."""

_QUARANTINE = ("source", "partition", "position", "reason", "path", "message", "event_name", "raw")
_SHADOWED = ("stream_position", "quarantine", "ignored_event", "unknown_member")


def _statement(name: str, table: Table) -> str:
    changing = [column for column in table.columns if column not in ("root_account_uuid", "id")]
    columns = table.columns if name == "write_current" else table.version_columns
    return sql(name).format(
        table=table.name,
        columns=", ".join(columns),
        assigned=", ".join(changing),
        excluded=", ".join(f"excluded.{column}" for column in changing),
    )


_CREATE_STAGE = {table.name: _statement("create_stage", table) for table in TABLES.values()}
_WRITE_VERSIONS = {table.name: _statement("write_versions", table) for table in TABLES.values()}
_WRITE_CURRENT = {table.name: _statement("write_current", table) for table in TABLES.values()}
_WRITE_HINTS = {table.name: _statement("write_hints", table) for table in TABLES.values()}


def stage_rows(rows: Iterable[Staged]) -> Iterator[tuple[Any, ...]]:
    """The tuples for COPY, in the order of `Table.stage_columns`."""
    for version, newest in rows:
        yield version.row if newest else (*version.row[:-1], False)


class _Staging(NamedTuple):
    """A transaction that has begun, with all of a batch's rows in the stages."""

    batch: Batch
    transaction: Transaction
    tables: Mapping[Table, list[Staged]]


class Writer:
    """Writes batches over one connection. Not for two tasks at once.

    Every method may raise `Transient` (the connection is then of no more use), `Fatal`, or `LostPartition`.
    """

    def __init__(self, connection: Connection, *, dry_run: bool = False, statement_seconds: float | None = None) -> None:
        self._connection = connection
        self._statement_seconds = statement_seconds
        self._dry_run = dry_run
        self.repeating = False
        """Whether most of the last batch was known: then it is cheaper to ask than to stage what nobody needs."""
        self.rejected: Sequence[Rejected] = ()
        """What the last batch sets aside, with what the database refuses of it."""
        self._ahead: _Staging | None = None
        self._years: set[int] = set()
        """Whose versions have their partitions, or need none."""
        self._years_asked = float("-inf")
        self._staged: set[str] = set()
        self._shadowed: set[str] = set()

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """`next_position` of each of these that the database has ever read."""
        async with self._translating():
            rows = await self._connection.fetch(
                sql("positions"), [p.source for p in partitions], [p.partition for p in partitions]
            )
        return {Partition(row["source"], row["partition"]): row["next_position"] for row in rows}

    async def newest_times(self, topics: Sequence[str], name: str) -> tuple[datetime | None, datetime | None]:
        """Times of the newest event of these topics, and of the newest ignored one of this name."""
        async with self._translating():
            row = await self._connection.fetchrow(sql("newest_times"), list(topics), name)
        return (row["event"], row["named"]) if row else (None, None)

    async def open_position(self, partition: Partition, start: int, label: str | None = None) -> None:
        """Makes the row of a partition that begins at `start`; leaves one that exists as it is."""
        async with self._translating():
            await self._shadow(_SHADOWED)
            await self._connection.execute(sql("open_position"), *partition, start, label)

    async def open_positions(self, starts: Mapping[Partition, int]) -> None:
        """Makes the rows of partitions, all or none; leaves those that exist as they are."""
        rows = sorted(starts.items())
        async with self._translating():
            await self._connection.execute(
                sql("open_positions"),
                [partition.source for partition, _ in rows],
                [partition.partition for partition, _ in rows],
                [start for _, start in rows],
            )

    async def begin_again(self, partition: Partition, at: int) -> None:
        """Moves the position of a file from `at` back to its start; its books go on. Raises `LostPartition`."""
        async with self._translating():
            if await self._connection.execute(sql("begin_again"), *partition, at) != "UPDATE 1":
                raise LostPartition(f"{partition.source} has been moved by somebody else")

    async def skip_gap(self, partition: Partition, old: int, new: int, reason: str) -> None:
        """Moves a position over what Kafka no longer has and records the gap. Raises `LostPartition`."""
        async with self._translating():
            if await self._connection.execute(sql("skip_gap"), *partition, old, new, reason) != "INSERT 0 1":
                raise LostPartition(f"{partition.source}-{partition.partition} has been moved by somebody else")

    def abandon(self) -> None:
        """Drops the connection without a word; the server rolls back what was not committed."""
        self._connection.terminate()

    async def close(self) -> None:
        """Closes the connection in good order, or at once where the server does not answer."""
        try:
            await self._connection.close(timeout=CLOSE_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self.abandon()

    async def write(
        self, batch: Batch, committing: Callable[[dict[Partition, Books]], None] = lambda books: None
    ) -> dict[Partition, Books]:
        """One transaction; returns the books of each partition in the batch, and tells `committing` just before COMMIT.

        A row that the database refuses goes to quarantine alone; its batch mates are written.
        """
        self.rejected = batch.rejected
        try:
            return await self._write(batch, committing)
        except RefusedRow:
            refusals = await self._find_refused(batch.accepted)
            if not refusals:
                raise Fatal("Postgres refuses a batch in which it refuses no row; see its log") from None
            rest = without(batch, refusals)
            self.rejected = rest.rejected
            return await self._write(rest, committing)

    async def stage(self, batch: Batch) -> None:
        """Begins the transaction of a batch that is written next, up to the first row that others may wait for."""
        async with self._translating():
            if self._ahead is not None:
                ahead, self._ahead = self._ahead, None
                await ahead.transaction.rollback()
            tables = fold(batch.accepted)
            await self._prepare(tables)
            await self._make_partitions(tables)
            transaction = self._connection.transaction()
            await transaction.start()
            async with self._rolled_back(transaction):
                self._ahead = _Staging(batch, transaction, await self._stage(tables))

    def has_staged(self, batch: Batch) -> bool:
        """Whether the transaction of this batch has begun."""
        return self._ahead is not None and self._ahead.batch is batch

    async def _write(self, batch: Batch, committing: Callable[[dict[Partition, Books]], None]) -> dict[Partition, Books]:
        if not self.has_staged(batch):
            await self.stage(batch)
        ahead, self._ahead = self._ahead, None
        assert ahead is not None
        async with self._translating():
            async with self._rolled_back(ahead.transaction):
                await self.quarantine(batch.rejected)
                added, moved = await self._merge(ahead.tables)
                await self._count(batch)
                books = books_of(batch, added, moved)
                await self._move(batch, books)
                committing(books)
            await ahead.transaction.commit()
        self.repeating = 2 * added.total() < len(batch.accepted)
        return books

    async def write_rows(self, accepted: Iterable[Accepted]) -> tuple[Counter[Partition], Counter[Partition]]:
        """Inside a transaction of the caller: (new versions, replaced current rows) by partition."""
        async with self._translating():
            return await self._write_rows(fold(accepted))

    async def prepare(self) -> None:
        """Makes all stages; to be called outside of a transaction by those who use `write_rows`."""
        async with self._translating():
            await self._prepare(TABLES.values())

    async def _write_rows(self, tables: Mapping[Table, list[Staged]]) -> tuple[Counter[Partition], Counter[Partition]]:
        return await self._merge(await self._stage(tables))

    async def _stage(self, tables: Mapping[Table, list[Staged]]) -> Mapping[Table, list[Staged]]:
        """All of COPY before the first row of a table is locked: Postgres ends no session whose client sleeps within a COPY."""
        if self.repeating and not self._dry_run:
            tables = {table: unknown for table, rows in tables.items() if (unknown := await self._unknown(table, rows))}
        for table, rows in tables.items():
            await self._copy(f"stage_{table.name}", table.stage_columns, stage_rows(rows))
            if self._dry_run:
                await self._connection.execute(sql("load_shadow").format(table=table.name))
        return tables

    async def _merge(self, tables: Mapping[Table, list[Staged]]) -> tuple[Counter[Partition], Counter[Partition]]:
        """From the stages into the tables."""
        added: Counter[Partition] = Counter()
        moved: Counter[Partition] = Counter()
        for table, rows in tables.items():
            known = len(rows)
            for row in await self._connection.fetch(_WRITE_VERSIONS[table.name]):
                added[Partition(row["source"], row["partition"])] += row["events"]
                known -= row["events"]
            if known and any(row.version.metadata is not None for row in rows):
                await self._connection.execute(_WRITE_HINTS[table.name])
            for row in await self._connection.fetch(_WRITE_CURRENT[table.name]):
                moved[Partition(row["source"], row["partition"])] += row["events"]
        return added, moved

    async def _make_partitions(self, tables: Mapping[Table, list[Staged]]) -> None:
        """For years that this connection has not seen yet; a row without one lies in the default partition until then."""
        years = {
            row.version.key.event_time.year for table, rows in tables.items() if table.by_year for row in rows
        } - self._years
        now = time.monotonic()
        if self._dry_run or not years or now - self._years_asked < YEARS_SECONDS:
            return
        made = frozenset(await self._connection.fetchval(sql("make_version_partitions"), sorted(years)))
        self._years |= made
        if not years <= made:
            self._years_asked = now

    async def _unknown(self, table: Table, rows: list[Staged]) -> list[Staged]:
        """Without the versions that are there already: the current row of each such object is as new at least.

        One that tells where its request was made stays, as the one that is there may not.
        """
        keys = [row.version.key for row in rows]
        known = await self._connection.fetchval(
            sql("known_versions").format(table=table.name),
            [key.root_account_uuid for key in keys],
            [key.id for key in keys],
            [key.event_time for key in keys],
            [key.version_hash for key in keys],
        )
        numbers = frozenset(known or ())
        return [row for number, row in enumerate(rows, 1) if number not in numbers or row.version.metadata is not None]

    async def quarantine(self, rejected: Sequence[Rejected]) -> None:
        """Inside a transaction: sets records aside, whole."""
        if rejected:
            rows = (
                (r.record.source, r.record.partition, r.record.position, r.reason, r.path, r.message, r.event_name, r.raw)
                for r in rejected
            )
            await self._copy("quarantine", _QUARANTINE, rows)

    async def _copy(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """COPY within a statement's time: asyncpg's own limit does not wake it where a hung server lets no more bytes in."""
        async with asyncio.timeout(self._statement_seconds):
            await self._connection.copy_records_to_table(table, columns=columns, records=rows)

    async def _count(self, batch: Batch) -> None:
        await self.count_ignored(batch)
        await self.count_unknown(batch)

    async def count_ignored(self, batch: Batch) -> None:
        """Inside a transaction: counts ignored events by name."""
        if not batch.ignored:
            return
        events = Counter((*partition_of(ignored), ignored.event_name) for ignored in batch.ignored)
        newest: dict[tuple[str, int, str], Any] = {}
        for ignored in batch.ignored:
            if ignored.event_time is not None:
                name = (*partition_of(ignored), ignored.event_name)
                newest[name] = max(ignored.event_time, newest.get(name, ignored.event_time))
        rows = sorted(events.items())
        await self._connection.execute(
            sql("count_ignored"),
            *map(list, zip(*(key for key, _ in rows), strict=True)),
            [count for _, count in rows],
            [newest.get(key) for key, _ in rows],
            MAX_NAMES,
            _ALWAYS,
        )

    async def count_unknown(self, batch: Batch) -> None:
        """Inside a transaction: counts members that no model knows."""
        members = Counter(
            (*partition_of(version), version.key.event_name, member)
            for version in batch.accepted
            if version.unknown
            for member in version.unknown
        )
        if members:
            rows = sorted(members.items())
            await self._connection.execute(
                sql("count_unknown"),
                *map(list, zip(*(key for key, _ in rows), strict=True)),
                [count for _, count in rows],
                MAX_NAMES,
            )

    async def _move(self, batch: Batch, books: Mapping[Partition, Books]) -> None:
        newest = batch.last_event_time()
        rows = [
            (*partition, *move, b.applied, b.superseded, b.duplicate, b.ignored, b.quarantined, newest.get(partition))
            for partition, move in sorted(batch.moves.items())
            for b in (books[partition],)
        ]
        moved = await self._connection.execute(sql("move_positions"), *map(list, zip(*rows, strict=True)))
        if moved != f"UPDATE {len(rows)}":
            raise LostPartition("a position was moved by somebody else, who owns the partition now")

    async def _find_refused(self, accepted: Sequence[Accepted]) -> dict[int, str]:
        """Index -> sentence of every version that the database refuses, by bisecting. Changes nothing."""
        refusals: dict[int, str] = {}
        spans = [range(len(accepted))]
        while spans:
            span = spans.pop()
            message = await self._refusal([accepted[index] for index in span])
            if message is None:
                continue
            if len(span) == 1:
                refusals[span[0]] = message
            else:
                middle = len(span) // 2
                spans += [span[:middle], span[middle:]]
        return refusals

    async def _refusal(self, accepted: Sequence[Accepted]) -> str | None:
        """Why the database refuses these versions; None where it takes them. Rolled back in any case."""
        transaction = self._connection.transaction()
        async with self._translating():
            await transaction.start()
        try:
            async with self._translating():
                await self._write_rows(fold(accepted))
        except RefusedRow as refusal:
            return str(refusal)
        finally:
            if not self._connection.is_closed():
                async with self._translating():
                    await transaction.rollback()
        return None

    async def _prepare(self, tables: Iterable[Table]) -> None:
        for table in tables:
            if table.name not in self._staged:
                await self._connection.execute(_CREATE_STAGE[table.name])
                self._staged.add(table.name)
            await self._shadow((table.name, f"{table.name}_version"))

    async def _shadow(self, names: Iterable[str]) -> None:
        for name in names:
            if self._dry_run and name not in self._shadowed:
                await self._connection.execute(sql("create_shadow").format(table=name))
                self._shadowed.add(name)
                if name == "stream_position":
                    await self._connection.execute(sql("copy_positions"))

    @asynccontextmanager
    async def _translating(self) -> AsyncIterator[None]:
        try:
            yield
        except Exception as error:
            meaning = translated(error)
            if meaning is None or meaning is error:
                raise
            raise meaning from error

    @asynccontextmanager
    async def _rolled_back(self, transaction: Transaction) -> AsyncIterator[None]:
        """Where anything goes wrong; the caller commits."""
        try:
            yield
        except BaseException:
            if not self._connection.is_closed():
                await transaction.rollback()
            raise
