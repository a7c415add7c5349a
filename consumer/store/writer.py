"""The one write path: a batch becomes versions, current rows, quarantine, counts and positions in one transaction."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from asyncpg.transaction import Transaction

from consumer.errors import Fatal, LostPartition, RefusedRow
from consumer.ingest.batch import Batch, Books, Partition, Staged, books_of, sort_and_dedupe, without
from consumer.ingest.records import Accepted, Rejected
from consumer.ingest.tables import TABLES, Table
from consumer.settings import People
from consumer.store import summaries
from consumer.store.counts import count_ignored, count_unknown
from consumer.store.person_names import remove_names, write_names
from consumer.store.postgres import Connection, translating
from consumer.store.sql import sql
from consumer.store.suppressions import Suppressions
from consumer.store.user_identities import learn_identities

CLOSE_SECONDS = 2.0

YEARS_SECONDS = 60.0
"""Seconds until the writer tries again to create a partition that a long transaction kept it from creating."""

_QUARANTINE = ("source", "partition", "position", "reason", "path", "message", "event_name", "raw")


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
_MERGE_CONTEXT = {table.name: _statement("merge_request_context", table) for table in TABLES.values()}


def stage_rows(rows: Iterable[Staged]) -> Iterator[tuple[Any, ...]]:
    """The tuples for COPY, in the order of `Table.stage_columns`."""
    for version, newest in rows:
        yield version.row if newest else (*version.row[:-1], False)


class _StagedBatch(NamedTuple):
    """An open transaction whose stages hold all rows of a batch but those about suppressed people."""

    batch: Batch
    divided: Batch
    """With what is about suppressed people in `erased`."""
    transaction: Transaction
    tables: Mapping[Table, list[Staged]]


class Writer:
    """Writes batches over one connection. Not for two tasks at once.

    Every method may raise `Transient` (the connection is then unusable), `Fatal`, or `LostPartition`.
    """

    def __init__(self, connection: Connection, *, statement_seconds: float | None = None) -> None:
        self._connection = connection
        self._statement_seconds = statement_seconds
        self.expects_duplicates = False
        """Whether most of the last batch was stored already. Then looking up versions is cheaper than staging them."""
        self.rejected: Sequence[Rejected] = ()
        """What the last batch puts into quarantine, rows that the database refuses included."""
        self._staged: _StagedBatch | None = None
        self.suppressions = Suppressions()
        self._years: set[int] = set()
        """Years whose versions have their partition, or need none."""
        self._years_tried_at = float("-inf")
        self._stages: set[str] = set()
        """Tables whose stage exists on this connection."""

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """`next_position` of each partition that the database has read before."""
        with translating():
            rows = await self._connection.fetch(
                sql("positions"), [p.source for p in partitions], [p.partition for p in partitions]
            )
        return {Partition(row["source"], row["partition"]): row["next_position"] for row in rows}

    async def newest_times(self, topics: Sequence[str], name: str) -> tuple[datetime | None, datetime | None]:
        """Times of the newest event of these topics, and of the newest ignored event with this name."""
        with translating():
            row = await self._connection.fetchrow(sql("newest_times"), list(topics), name)
        return (row["event"], row["named"]) if row else (None, None)

    async def open_position(self, partition: Partition, start: int, label: str | None = None) -> None:
        """Creates the row of a partition or file that begins at `start`, unless it exists."""
        await self.open_positions({partition: start}, label)

    async def open_positions(self, starts: Mapping[Partition, int], label: str | None = None) -> None:
        """Creates the rows of partitions, all or none, except those that exist."""
        rows = sorted(starts.items())
        with translating():
            await self._connection.execute(
                sql("open_positions"),
                [partition.source for partition, _ in rows],
                [partition.partition for partition, _ in rows],
                [start for _, start in rows],
                [label] * len(rows),
            )

    async def begin_again(self, partition: Partition, at: int) -> None:
        """Moves the position of a file from `at` back to its start; its books go on. Raises `LostPartition`."""
        with translating():
            if await self._connection.execute(sql("begin_again"), *partition, at) != "UPDATE 1":
                raise LostPartition(f"somebody else has moved the position of {partition.source}")

    async def skip_gap(self, partition: Partition, old: int, new: int, reason: str) -> None:
        """Moves a position over records that Kafka no longer has, and stores the gap. Raises `LostPartition`."""
        with translating():
            if await self._connection.execute(sql("skip_gap"), *partition, old, new, reason) != "INSERT 0 1":
                raise LostPartition(f"somebody else has moved the position of {partition.source}-{partition.partition}")

    async def remove_names(self, people: People) -> None:
        """Takes names of people out of the projection, unless this setting stores them."""
        with translating():
            await remove_names(self._connection, people)

    async def summaries_due(self) -> list[str]:
        """Tenants whose kept summaries are not up to date."""
        return await summaries.due(self._connection)

    def abandon(self) -> None:
        """Drops the connection at once; the server rolls back what is not committed."""
        self._connection.terminate()

    async def close(self) -> None:
        """Closes the connection in good order, or at once if the server does not answer."""
        try:
            await self._connection.close(timeout=CLOSE_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self.abandon()

    async def write(
        self, batch: Batch, before_commit: Callable[[dict[Partition, Books]], None] = lambda books: None
    ) -> dict[Partition, Books]:
        """Writes the batch in one transaction; returns its books by partition, and calls `before_commit` with them.

        A row that the database refuses goes to quarantine; the rest of its batch is written.
        """
        try:
            return await self._write(batch, before_commit)
        except RefusedRow:
            with translating():
                divided = await self._divided(batch)
            refusals = await find_refused(divided.accepted, self._refusal)
            if not refusals:
                raise Fatal("Postgres refuses a batch, but none of its rows alone; see the server's log") from None
            return await self._write(without(divided, refusals), before_commit)

    async def stage(self, batch: Batch) -> None:
        """Begins the transaction of the next batch and copies its rows into the stages. Locks no row of a table."""
        with translating():
            if self._staged is not None:
                staged, self._staged = self._staged, None
                await staged.transaction.rollback()
            divided = await self._divided(batch)
            tables = sort_and_dedupe(divided.accepted)
            await self._create_stages(tables)
            await self._create_partitions(tables)
            transaction = self._connection.transaction()
            await transaction.start()
            async with self._rolled_back(transaction):
                self._staged = _StagedBatch(batch, divided, transaction, await self._stage(tables))

    def has_staged(self, batch: Batch) -> bool:
        """Whether the transaction of this batch has begun."""
        return self._staged is not None and self._staged.batch is batch

    async def _write(self, batch: Batch, before_commit: Callable[[dict[Partition, Books]], None]) -> dict[Partition, Books]:
        staged = await self._staged_for_all_suppressions(batch)
        divided = staged.divided
        self.rejected = divided.rejected
        with translating():
            async with self._rolled_back(staged.transaction):
                await self.quarantine(divided.rejected)
                added, replaced = await self._merge(staged.tables)
                await write_names(self._connection, divided.accepted)
                await count_ignored(self._connection, divided)
                await count_unknown(self._connection, divided)
                books = books_of(divided, added, replaced)
                await self._advance(divided, books)
                before_commit(books)
            await staged.transaction.commit()
        self.expects_duplicates = 2 * added.total() < len(divided.accepted)
        return books

    async def _staged_for_all_suppressions(self, batch: Batch) -> _StagedBatch:
        """The open transaction of a batch that keeps erasures away, and was staged when the newest one was known."""
        while True:
            if not self.has_staged(batch):
                await self.stage(batch)
            staged, self._staged = self._staged, None
            assert staged is not None
            with translating():
                async with self._rolled_back(staged.transaction):
                    known = self.suppressions.number == await self.look_at_suppressions(adding=False)
                if known:
                    return staged
                await staged.transaction.rollback()
                await self.suppressions.refresh(self._connection)

    async def look_at_suppressions(self, *, adding: bool) -> int:
        """The number of the newest suppression. Keeps erasures away until the transaction ends; `adding`: other writers too."""
        number: int = await self._connection.fetchval(sql("look_at_suppressions"), adding)
        return number

    async def _divided(self, batch: Batch) -> Batch:
        return await self.suppressions.divide(self._connection, batch)

    async def write_rows(self, accepted: Sequence[Accepted]) -> tuple[Counter[Partition], Counter[Partition]]:
        """Inside a transaction of the caller, after `prepare`: (new versions, replaced current rows) by partition."""
        with translating():
            return await self._write_rows(accepted)

    async def prepare(self) -> None:
        """Creates all stages. To call outside of a transaction, before `write_rows`."""
        with translating():
            await self._create_stages(TABLES.values())

    async def _write_rows(self, accepted: Sequence[Accepted]) -> tuple[Counter[Partition], Counter[Partition]]:
        counts = await self._merge(await self._stage(sort_and_dedupe(accepted)))
        await write_names(self._connection, accepted)
        return counts

    async def _stage(self, tables: Mapping[Table, list[Staged]]) -> Mapping[Table, list[Staged]]:
        """Finishes every COPY before any row is locked: Postgres does not time out a client that stalls within COPY."""
        if self.expects_duplicates:
            tables = {table: new for table, rows in tables.items() if (new := await self._not_stored(table, rows))}
        for table, rows in tables.items():
            await self._copy(f"stage_{table.name}", table.stage_columns, stage_rows(rows))
            await self._after_copy(table)
        return tables

    async def _after_copy(self, table: Table) -> None:
        """For a dry run."""

    async def _merge(self, tables: Mapping[Table, list[Staged]]) -> tuple[Counter[Partition], Counter[Partition]]:
        """From the stages into the tables."""
        added: Counter[Partition] = Counter()
        replaced: Counter[Partition] = Counter()
        await learn_identities(self._connection, {table.name: [row.version for row in rows] for table, rows in tables.items()})
        for table, rows in tables.items():
            known = len(rows)
            for row in await self._connection.fetch(_WRITE_VERSIONS[table.name]):
                added[Partition(row["source"], row["partition"])] += row["events"]
                known -= row["events"]
            if known and any(row.version.metadata is not None for row in rows):
                await self._connection.execute(_MERGE_CONTEXT[table.name])
            for row in await self._connection.fetch(_WRITE_CURRENT[table.name]):
                tenant, ids = row["root_account_uuid"], frozenset(row["ids"])
                written = [
                    one.record[:2]
                    for one, newest in rows
                    if newest and one.key.id in ids and one.key.root_account_uuid == tenant
                ]
                for where, events in Counter(written).items():
                    replaced[Partition(*where)] += events
        return added, replaced

    async def _create_partitions(self, tables: Mapping[Table, list[Staged]]) -> None:
        """For years that are new to this connection. Until a year has its partition, its rows are in the default one."""
        years = {
            row.version.key.event_time.year for table, rows in tables.items() if table.by_year for row in rows
        } - self._years
        now = time.monotonic()
        if not years or now - self._years_tried_at < YEARS_SECONDS:
            return
        settled = frozenset(await self._connection.fetchval(sql("make_version_partitions"), sorted(years)))
        self._years |= settled
        if not years <= settled:
            self._years_tried_at = now

    async def _not_stored(self, table: Table, rows: list[Staged]) -> list[Staged]:
        """Drops stored versions, except those with request context: the stored copy may lack it."""
        keys = [row.version.key for row in rows]
        stored = await self._connection.fetchval(
            sql("known_versions").format(table=table.name),
            [key.root_account_uuid for key in keys],
            [key.id for key in keys],
            [key.event_time for key in keys],
            [key.version_hash for key in keys],
        )
        numbers = frozenset(stored or ())
        return [row for number, row in enumerate(rows, 1) if number not in numbers or row.version.metadata is not None]

    async def quarantine(self, rejected: Sequence[Rejected]) -> None:
        """Inside a transaction: stores records that were not understood, whole."""
        if rejected:
            rows = (
                (r.record.source, r.record.partition, r.record.position, r.reason, r.path, r.message, r.event_name, r.raw)
                for r in rejected
            )
            await self._copy("quarantine", _QUARANTINE, rows)

    async def _copy(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """COPY with a time limit of our own: asyncpg's does not fire while a hung server reads no more bytes."""
        async with asyncio.timeout(self._statement_seconds):
            await self._connection.copy_records_to_table(table, columns=columns, records=rows)

    async def _advance(self, batch: Batch, books: Mapping[Partition, Books]) -> None:
        newest = batch.last_event_time()
        rows = [
            (*partition, *move, b.applied, b.superseded, b.duplicate, b.ignored, b.quarantined, b.erased, newest.get(partition))
            for partition, move in sorted(batch.moves.items())
            for b in (books[partition],)
        ]
        advanced = await self._connection.execute(sql("move_positions"), *map(list, zip(*rows, strict=True)))
        if advanced != f"UPDATE {len(rows)}":
            raise LostPartition("somebody else has moved a position, and owns the partition now")

    async def _refusal(self, accepted: Sequence[Accepted]) -> str | None:
        """Why the database refuses these versions, None if it takes them. Rolls back in any case."""
        transaction = self._connection.transaction()
        with translating():
            await transaction.start()
        try:
            with translating():
                await self._write_rows(accepted)
        except RefusedRow as refusal:
            return str(refusal)
        finally:
            if not self._connection.is_closed():
                with translating():
                    await transaction.rollback()
        return None

    async def _create_stages(self, tables: Iterable[Table]) -> None:
        for table in tables:
            if table.name not in self._stages:
                await self._connection.execute(_CREATE_STAGE[table.name])
                self._stages.add(table.name)

    @asynccontextmanager
    async def _rolled_back(self, transaction: Transaction) -> AsyncIterator[None]:
        """Rolls back after any error. The caller commits outside of the block.

        asyncpg refuses to roll back after a COMMIT that failed, and its refusal would hide why that failed.
        """
        try:
            yield
        except BaseException:
            if not self._connection.is_closed():
                await transaction.rollback()
            raise


async def find_refused(
    rows: Sequence[Accepted], attempt: Callable[[Sequence[Accepted]], Awaitable[str | None]]
) -> dict[int, str]:
    """Index -> sentence of each row that `attempt` refuses even alone, by bisecting."""
    refusals: dict[int, str] = {}
    spans = [range(len(rows))]
    while spans:
        span = spans.pop()
        message = await attempt([rows[index] for index in span])
        if message is None:
            continue
        if len(span) == 1:
            refusals[span[0]] = message
        else:
            middle = len(span) // 2
            spans += [span[:middle], span[middle:]]
    return refusals
