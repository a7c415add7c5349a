"""Retention: history before a year becomes the state of each object when that year began; what it was before goes.

Every moment from then on can be asked for as before, and gives the same answers. The books keep what went.
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
"""Tables whose versions are in partitions by year."""
PATIENCE_SECONDS = 300.0
"""How long the locks are asked for; then the error is told, and nothing was changed."""

_PAUSE_SECONDS = 0.1
"""Short: a writer that waits in a circle with this one is told so only while this one asks."""
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '800ms'"
"""Below `deadlock_timeout`, so that it is always this one that gives way; and nobody queues behind it for longer."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition: its rows' years are in [lower, upper). Without lower: from the beginning on."""

    name: str
    lower: int | None
    upper: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Folded:
    """What became of one version table, or would become of it."""

    table: str
    partitions: tuple[str, ...]
    """That were detached or dropped."""
    kept: int
    """Versions that stay for the time before the cutoff."""
    retired: int
    moved: int
    """Versions from the cutoff on that were copied out of a partition that held both."""
    bytes_freed: int
    """Or to be freed by dropping what was detached. An estimate, before it is done."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {name: getattr(self, name) for name in Folded.__slots__}


class _OnlyAsked(Exception):
    """Rolls a dry run back."""


async def retain(
    connection: Connection, since: int, *, now: datetime, dry_run: bool = False, drop: bool = False
) -> list[Folded]:
    """Retires what was before the year `since` (UTC). Raises `UsageError`, or `Fatal` where the user may not.

    A transaction for each table, so a run that was killed has done a table or not; the same command goes on.
    """
    if since > now.astimezone(UTC).year:
        raise UsageError(f"{since} has not begun: what is retired has to be past")
    begins = await connection.fetchval(sql("retain_begins"))
    if begins is not None and since < begins:
        raise UsageError(f"history before {begins} is retired already: it cannot be had back from {since} on")
    if not dry_run and not await connection.fetchval(sql("retain_owner")):
        raise Fatal("retain changes tables: run it as their owner, who migrates")
    return [await _Fold(connection, table, since, dry_run=dry_run, drop=drop).run(now) for table in PARTITIONED]


class _Fold:
    def __init__(self, connection: Connection, table: str, since: int, *, dry_run: bool, drop: bool) -> None:
        self._connection = connection
        self._table = table
        self._parent = f"{table}_version"
        self._new = f"{self._parent}_new"
        self._since = since
        self._cutoff = _start(since)
        self._dry_run = dry_run
        self._drop = drop

    async def run(self, now: datetime) -> Folded:
        found: Folded | None = None
        if not self._dry_run:
            odd = await self._connection.fetchval(sql("retain_odd_years").format(table=self._parent))
            await self._connection.fetchval(sql("make_version_partitions"), odd)
        try:
            async with self._connection.transaction():
                old = await self._old()
                found, books, made = await self._fill(old)
                if self._dry_run or not found.retired:
                    raise _OnlyAsked
                await self._connection.execute(sql("retain_unknown").format(kept=self._new), self._cutoff, self._table)
                await _until_locked(lambda: self._swap(old, made, now), self._connection)
                await self._book(books)
                booked = True
        except _OnlyAsked:
            booked = False
        assert found is not None
        if booked:
            await self._connection.execute(f"ANALYZE {self._parent}")  # autovacuum looks at partitions only
        return found

    async def _old(self) -> list[Partition]:
        """The partitions that hold anything from before the cutoff, locked."""

        async def locked() -> list[Partition]:
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

    async def _partitions(self) -> list[Partition]:
        found = []
        for row in await self._connection.fetch(sql("retain_partitions"), self._parent):
            if match := re.fullmatch(rf"{self._parent}_(y|before_)(\d{{4}})", row["name"]):
                year = int(match[2])
                whole = match[1] == "y"
                found.append(Partition(row["name"], year if whole else None, year + 1 if whole else year, row["bytes"]))
        return [partition for partition in found if (partition.lower or 0) < self._since]

    async def _fill(self, old: Sequence[Partition]) -> tuple[Folded, list[Any], dict[str, tuple[str, str]]]:
        """Makes and fills the tables that take the place of the old ones: (what came of it, the books, name -> bounds)."""
        await self._make(
            self._new, f"event_time < '{self._cutoff:%Y-%m-%d}Z'", f"The newest version of each row before {self._since}."
        )
        made = {self._new: ("MINVALUE", f"'{self._cutoff:%Y-%m-%d}Z'")}
        names = {"table": self._parent, "into": self._new}
        await self._connection.execute(sql("retain_newest").format(**names), self._cutoff)
        if self._dry_run is False:
            await self._connection.execute(sql("retain_index").format(parent=self._parent, name=self._new))
        if self._table == "learning_outcome_result":
            await self._connection.execute(sql("retain_counted").format(**names), self._cutoff)
        await self._connection.execute(sql("retain_hints").format(**names), self._cutoff)
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
                    moved += await self._split(whole, year, made)
        size = sum(partition.bytes for partition in old)
        if self._dry_run:
            freed = size * retired // max(1, kept + retired + moved)
        else:
            freed = size - sum(
                [await self._connection.fetchval("SELECT pg_total_relation_size($1::regclass)", name) for name in made]
            )
        partitions = tuple([await self._name_afterwards(partition) for partition in old]) if retired else ()
        return Folded(self._parent, partitions, kept, retired, moved, max(0, freed) if retired else 0), books, made

    async def _make(self, name: str, bounds: str, meaning: str) -> None:
        made = "retain_make_temporary" if self._dry_run else "retain_make"
        await self._connection.execute(sql(made).format(parent=self._parent, name=name, bounds=bounds, meaning=meaning))

    async def _split(self, whole: Partition, year: int, made: dict[str, tuple[str, str]]) -> int:
        name, lower, upper = f"{self._parent}_y{year}", f"'{_start(year):%Y-%m-%d}Z'", f"'{_start(year + 1):%Y-%m-%d}Z'"
        await self._make(name, f"event_time >= {lower} AND event_time < {upper}", f"Versions of the year {year} (UTC).")
        made[name] = (lower, upper)
        statement = sql("retain_split").format(into=name, whole=whole.name)
        copied = await self._connection.execute(statement, _start(year), _start(year + 1))
        await self._connection.execute(sql("retain_index").format(parent=self._parent, name=name))
        await self._connection.execute(f"ANALYZE {name}")
        return int(copied.rpartition(" ")[2])

    async def _swap(self, old: Sequence[Partition], made: dict[str, tuple[str, str]], now: datetime) -> None:
        """Milliseconds, and all that needs the whole table for itself."""
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
        for name, (lower, upper) in made.items():
            await self._connection.execute(
                sql("retain_swap_in").format(parent=self._parent, name=name, lower=lower, upper=upper)
            )
        await self._connection.execute(sql("retain_rename"), self._new, final)

    async def _name_afterwards(self, partition: Partition) -> str:
        """Of a partition once it is detached. One gives its name to another of the same year: this year was retained before."""
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
    """Does it again until it had its locks, each time as if it had not been tried before.

    Who waits is sent away just before: when they come again, they find this one before them.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        await _send_away(connection)
        try:
            async with connection.transaction():
                return await action()
        except asyncpg.PostgresError as error:
            if sqlstate(error) not in NOT_NOW or time.monotonic() > until:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


async def _send_away(connection: Connection) -> None:
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            await connection.execute(sql("retain_waiting"))
    except asyncpg.InsufficientPrivilegeError:
        pass  # their own time limit sends them away, later
