"""Retention: replaces the history before a year by the state of each object when that year began.

Queries for any later moment give the same answers as before. The books keep the number of retired versions.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg

from consumer.errors import Fatal, UsageError
from consumer.ingest.tables import TABLES
from consumer.store.postgres import NOT_NOW, Connection, sqlstate
from consumer.store.sql import sql

PARTITIONED = tuple(table.name for table in TABLES.values() if table.by_year)
"""Tables whose versions are partitioned by year."""
PATIENCE_SECONDS = 300.0
"""Most seconds to try for the locks. Then the error is raised, and nothing has changed."""

_PAUSE_SECONDS = 0.1
"""Short: a writer in a deadlock with us gets its error only while we wait for a lock."""
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '800ms'"
"""Below `deadlock_timeout`, so that we give way and not the writer, and nobody queues behind us for longer."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class YearPartition:
    """A partition of the years in [lower, upper). `lower` None: from the beginning."""

    name: str
    lower: int | None
    upper: int
    bytes: int


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """The result for one version table. In a dry run: what it would be."""

    table: str
    partitions: tuple[str, ...]
    """Detached or dropped."""
    kept: int
    """Versions from before the cutoff that stay."""
    retired: int
    moved: int
    """Versions from the cutoff on, copied from a partition that held older ones too into partitions of their years."""
    bytes_freed: int
    """By dropping the partitions. In a dry run an estimate."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {name: getattr(self, name) for name in RetentionReport.__slots__}


class _RollBack(Exception):
    """Ends a transaction that is to change nothing."""


async def retain(
    connection: Connection, since: int, *, now: datetime, dry_run: bool = False, drop: bool = False
) -> list[RetentionReport]:
    """Retires history before the year `since` (UTC). Raises `UsageError`, or `Fatal` without the privilege.

    One transaction per table. After a crash, the same command continues.
    """
    if since > now.astimezone(UTC).year:
        raise UsageError(f"{since} has not begun: only the past can be retired")
    begins = await connection.fetchval(sql("retain_begins"))
    if begins is not None and since < begins:
        raise UsageError(f"history before {begins} is retired already: history from {since} on cannot come back")
    if not dry_run and not await connection.fetchval(sql("retain_owner")):
        raise Fatal("retain changes tables: run it as their owner, the user that runs migrate")
    return [await _TableRetention(connection, table, since, dry_run=dry_run, drop=drop).run(now) for table in PARTITIONED]


class _TableRetention:
    def __init__(self, connection: Connection, table: str, since: int, *, dry_run: bool, drop: bool) -> None:
        self._connection = connection
        self._table = table
        self._parent = f"{table}_version"
        self._new = f"{self._parent}_new"
        self._since = since
        self._cutoff = _start(since)
        self._dry_run = dry_run
        self._drop = drop

    async def run(self, now: datetime) -> RetentionReport:
        report: RetentionReport | None = None
        if not self._dry_run:
            years = await self._connection.fetchval(sql("retain_default_years").format(table=self._parent))
            await self._connection.fetchval(sql("make_version_partitions"), years)
        try:
            async with self._connection.transaction():
                old = await self._lock_old()
                report, books, created = await self._fill(old)
                if self._dry_run or not report.retired:
                    raise _RollBack
                await self._connection.execute(sql("retain_unknown").format(kept=self._new), self._cutoff, self._table)
                await _until_locked(lambda: self._swap(old, created, now), self._connection)
                await self._book(books)
        except _RollBack:
            assert report is not None
            return report
        await self._connection.execute(f"ANALYZE {self._parent}")  # autovacuum analyzes partitions only
        return report

    async def _lock_old(self) -> list[YearPartition]:
        """The partitions with rows from before the cutoff, locked against writers."""

        async def locked() -> list[YearPartition]:
            if self._dry_run:
                return await self._partitions()
            await self._connection.execute(_LOCK_TIMEOUT)
            await self._connection.execute(sql("retain_alone").format(parent=self._parent))
            old = await self._partitions()
            names = [*(partition.name for partition in old), f"{self._parent}_default"]
            await self._connection.execute(sql("retain_lock").format(tables=", ".join(names)))
            await self._connection.execute("SET LOCAL lock_timeout = 0")
            return old

        return await _until_locked(locked, self._connection)

    async def _partitions(self) -> list[YearPartition]:
        found = []
        for row in await self._connection.fetch(sql("retain_partitions"), self._parent):
            if match := re.fullmatch(rf"{self._parent}_(y|before_)(\d{{4}})", row["name"]):
                year = int(match[2])
                whole = match[1] == "y"
                found.append(YearPartition(row["name"], year if whole else None, year + 1 if whole else year, row["bytes"]))
        return [partition for partition in found if (partition.lower or 0) < self._since]

    async def _fill(self, old: Sequence[YearPartition]) -> tuple[RetentionReport, list[Any], dict[str, tuple[str, str]]]:
        """Creates and fills the tables that replace the old ones: (report, retired versions by source, name -> bounds)."""
        await self._create(
            self._new, f"event_time < '{self._cutoff:%Y-%m-%d}Z'", f"The newest version of each row before {self._since}."
        )
        created = {self._new: ("MINVALUE", f"'{self._cutoff:%Y-%m-%d}Z'")}
        names = {"table": self._parent, "into": self._new}
        await self._connection.execute(sql("retain_newest").format(**names), self._cutoff)
        if not self._dry_run:
            await self._connection.execute(sql("retain_index").format(parent=self._parent, name=self._new))
        if self._table == "learning_outcome_result":
            await self._connection.execute(sql("retain_counted").format(**names), self._cutoff)
        await self._connection.execute(sql("retain_context").format(**names), self._cutoff)
        await self._connection.execute(f"ANALYZE {self._new}")
        books = await self._connection.fetch(sql("retain_retired").format(**names), self._cutoff)
        kept = await self._connection.fetchval(f"SELECT count(*) FROM {self._new}")
        retired = sum(row["versions"] for row in books)
        moved = 0
        for whole in old:
            if whole.upper <= self._since:
                continue
            if self._dry_run:
                moved += await self._connection.fetchval(
                    f"SELECT count(*) FROM {whole.name} WHERE event_time >= $1", self._cutoff
                )
            elif retired:
                for year in range(self._since, whole.upper):
                    moved += await self._split(whole, year, created)
        size = sum(partition.bytes for partition in old)
        if self._dry_run:
            freed = size * retired // max(1, kept + retired + moved)
        else:
            freed = size - sum(
                [await self._connection.fetchval("SELECT pg_total_relation_size($1::regclass)", name) for name in created]
            )
        partitions = tuple([await self._name_afterwards(partition) for partition in old]) if retired else ()
        report = RetentionReport(self._parent, partitions, kept, retired, moved, max(0, freed) if retired else 0)
        return report, books, created

    async def _create(self, name: str, bounds: str, meaning: str) -> None:
        statement = sql("retain_create_temporary" if self._dry_run else "retain_create")
        await self._connection.execute(statement.format(parent=self._parent, name=name, bounds=bounds, meaning=meaning))

    async def _split(self, whole: YearPartition, year: int, created: dict[str, tuple[str, str]]) -> int:
        name, lower, upper = f"{self._parent}_y{year}", f"'{_start(year):%Y-%m-%d}Z'", f"'{_start(year + 1):%Y-%m-%d}Z'"
        await self._create(name, f"event_time >= {lower} AND event_time < {upper}", f"Versions of the year {year} (UTC).")
        created[name] = (lower, upper)
        statement = sql("retain_split").format(into=name, whole=whole.name)
        copied = await self._connection.execute(statement, _start(year), _start(year + 1))
        await self._connection.execute(sql("retain_index").format(parent=self._parent, name=name))
        await self._connection.execute(f"ANALYZE {name}")
        return int(copied.rpartition(" ")[2])

    async def _swap(self, old: Sequence[YearPartition], created: dict[str, tuple[str, str]], now: datetime) -> None:
        """The statements that lock the whole table; they take milliseconds."""
        await self._connection.execute(_LOCK_TIMEOUT)
        await self._connection.execute(f"LOCK TABLE ONLY {self._parent} IN ACCESS EXCLUSIVE MODE")
        final = f"{self._parent}_before_{self._since}"
        meaning = (
            f"Versions that outcomes retain has taken out of {self._parent} on {now:%Y-%m-%d}; nothing reads them any more."
        )
        for partition in old:
            await self._connection.execute(
                sql("retain_swap_out").format(parent=self._parent, name=partition.name, meaning=meaning)
            )
            if self._drop:
                await self._connection.execute(f"DROP TABLE {partition.name}")
            elif (name := await self._name_afterwards(partition)) != partition.name:
                await self._connection.execute(sql("retain_rename"), partition.name, name)
        await self._connection.execute(f"DELETE FROM {self._parent}_default WHERE event_time < $1", self._cutoff)
        for name, (lower, upper) in created.items():
            await self._connection.execute(
                sql("retain_swap_in").format(parent=self._parent, name=name, lower=lower, upper=upper)
            )
        await self._connection.execute(sql("retain_rename"), self._new, final)
        await self._connection.execute(sql("retain_summaries"))

    async def _name_afterwards(self, partition: YearPartition) -> str:
        """Name of a detached partition. It changes if an earlier run for the same year has left the name that we need."""
        if self._drop or partition.name != f"{self._parent}_before_{self._since}":
            return partition.name
        number = 1
        while await self._connection.fetchval("SELECT to_regclass($1)", f"{self._parent}_retired_{number}") is not None:
            number += 1
        return f"{self._parent}_retired_{number}"

    async def _book(self, books: Sequence[Any]) -> None:
        await self._connection.execute(
            sql("retain_book"),
            self._parent,
            [row["source"] for row in books],
            [row["partition"] for row in books],
            [self._cutoff] * len(books),
            [row["versions"] for row in books],
            [row["known_from"] for row in books],
        )


def _start(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


async def _until_locked(action: Callable[[], Awaitable[T]], connection: Connection) -> T:
    """Retries `action`, in a savepoint, until it gets its locks.

    First cancels statements that wait for us: they hold locks that we need. When they retry, they queue behind us.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        await _cancel_waiting(connection)
        try:
            async with connection.transaction():
                return await action()
        except asyncpg.PostgresError as error:
            if sqlstate(error) not in NOT_NOW or time.monotonic() > until:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


async def _cancel_waiting(connection: Connection) -> None:
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            await connection.execute(sql("retain_waiting"))
    except asyncpg.InsufficientPrivilegeError:
        pass  # then their own time limit cancels them
