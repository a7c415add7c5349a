"""What years of history cost: the same worker into an empty database and into one with millions of results, round by round."""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from consumer.app import tune_garbage_collector
from consumer.store.postgres import Connection, connect
from consumer.store.sql import sql
from tests.bench import running
from tests.bench.expected import TABLE, Expected, decoded, expected
from tests.bench.rows import IDS, events
from tests.bench.throughput import Measured, line
from tests.samples import TENANT

CURRENT = 10_000_000
VERSIONS = 50_000_000
YEARS = range(2021, 2026)
PROMISED = 0.75
EMPTY, TERM, REGRADES, SCATTERED = "empty", "this term's", "regrades of the newest", "scattered over all"
BYTES_EACH = 900
"""Of disk for a version, with its indexes, its share of the current row, and what building them needs meanwhile."""
TASKS = 2
"""Partitions that are loaded at a time."""
_BEGIN = datetime(YEARS[-1], 9, 5, tzinfo=UTC)
"""When the measured events begin: behind the last version that is loaded, and early enough to end in the same year."""
_LIFE = Path(__file__).with_name("growth.sql")
_HISTORY = f"{TABLE.name}_version"
_begun = time.perf_counter()


@dataclass(frozen=True, slots=True)
class Size:
    """What is loaded, and how many rounds come then."""

    current: int
    versions: int
    rounds: int

    def life(self, ids: str, *, from_version: str = "1") -> str:
        """A SELECT of the versions of these ids, a FROM item with one column `id`."""
        return _LIFE.read_text(encoding="utf-8").format(
            tenant=TENANT,
            results=self.current,
            years=len(YEARS),
            first_year=YEARS[0],
            each=self.versions / self.current,
            ids=ids,
            from_version=from_version,
        )

    def of_year(self, year: int) -> tuple[int, int]:
        """The first and the last id whose versions are of this year."""
        each = self.current // len(YEARS)
        number = year - YEARS[0]
        return number * each + 1, self.current if year == YEARS[-1] else (number + 1) * each

    def drawn(self, what: str, number: int) -> Sequence[int]:
        """The ids that the events of a round are about; no two rounds have one in common."""
        if what == REGRADES:
            last = self.current - number * IDS
            return range(last - IDS + 1, last + 1)
        if what == SCATTERED:
            last = self.current - (self.rounds + 1) * IDS
            return range(1 + number, last + 1, last // IDS)[:IDS]
        return range(self.current + number * IDS + 1, self.current + (number + 1) * IDS + 1)


@dataclass(frozen=True, slots=True)
class Round:
    """One line of one round."""

    measured: Measured
    wal: int
    """Bytes that the server logged meanwhile."""


def _say(what: str) -> None:
    print(f"{time.perf_counter() - _begun:7.0f} s  {what}", file=sys.stderr, flush=True)


async def _partitions(connection: Connection) -> dict[int, str]:
    """The partition of each year, made where it is missing."""
    await connection.fetchval(sql("make_version_partitions"), list(YEARS))
    return {year: f"{_HISTORY}_y{year}" for year in YEARS}


async def _prepare(dsn: str) -> None:
    """Lets the other database have the same partitions."""
    connection = await connect(dsn)
    await _partitions(connection)
    await connection.close()


async def _stream(dsn: str, question: str, table: str, columns: Iterable[str]) -> None:
    """Fills a table with the answer, through here: of all ways only COPY writes rows that vacuum need not write once more."""
    source, target = await connect(dsn), await connect(dsn)
    waiting: asyncio.Queue[bytes] = asyncio.Queue(maxsize=16)

    async def pour() -> None:
        await source.copy_from_query(question, output=waiting.put, format="binary")
        await waiting.put(b"")

    async def poured() -> AsyncIterator[bytes]:
        while data := await waiting.get():
            yield data

    async with target.transaction():
        await target.execute(f"TRUNCATE {table}")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pour())
            tasks.create_task(target.copy_to_table(table, source=poured(), columns=list(columns), format="binary", freeze=True))
    await source.close()
    await target.close()


async def _fill(dsn: str, question: str, table: str, columns: Iterable[str]) -> None:
    """Fills a table whose indexes are built behind it, as they were."""
    connection = await connect(dsn)
    await connection.execute("SET maintenance_work_mem = '1GB'")
    indexes = await connection.fetch(
        "SELECT CASE WHEN k.oid IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass) "
        "            ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', i.indrelid::regclass, k.conname) END AS without, "
        "       CASE WHEN k.oid IS NULL THEN pg_get_indexdef(i.indexrelid) "
        "            ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, k.conname, "
        "                        pg_get_constraintdef(k.oid)) END AS again "
        "  FROM pg_index i "
        "  LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid "
        " WHERE i.indrelid = to_regclass($1)",
        table,
    )
    for index in indexes:
        await connection.execute(index["without"])
    await _stream(dsn, question, table, columns)
    _say(f"{table}: rows")
    for index in indexes:
        await connection.execute(index["again"])
    await connection.close()
    _say(f"{table}: indexes")


async def _load(dsn: str, size: Size) -> None:
    """Fills an empty projection; a partition is taken out of its table meanwhile, so that its indexes can be."""
    connection = await connect(dsn)
    names = await _partitions(connection)
    bounds = {
        name: await connection.fetchval("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = to_regclass($1)", name)
        for name in names.values()
    }
    for name in bounds:
        await connection.execute(f"ALTER TABLE {_HISTORY} DETACH PARTITION {name}")
    free = asyncio.Semaphore(TASKS)

    async def fill(table: str, columns: Sequence[str], first: int, last: int, from_version: str) -> None:
        async with free:
            _say(f"{table}: results {first:,} to {last:,}")
            life = size.life(f"generate_series({first}::bigint, {last}) id", from_version=from_version)
            await _fill(dsn, f"SELECT {', '.join(columns)} FROM ({life}) life", table, columns)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fill(TABLE.name, TABLE.columns, 1, size.current, "versions"))
        for year, name in names.items():
            tasks.create_task(fill(name, TABLE.version_columns, *size.of_year(year), "1"))
    for name, bound in bounds.items():
        await connection.execute(f"ALTER TABLE {_HISTORY} ATTACH PARTITION {name} {bound}")
    _say("partitions attached")
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()
    _say("VACUUM ANALYZE")


async def _schema(dsn: str) -> list[tuple[Any, ...]]:
    """All tables, indexes, constraints, rights and settings."""
    connection = await connect(dsn)
    rows = await connection.fetch(
        "SELECT c.relname, c.relkind::text, c.relpersistence::text, c.reloptions, c.relacl::text, i.inhparent::regclass::text, "
        "       pg_get_expr(c.relpartbound, c.oid), "
        "       CASE WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) END, "
        "       ARRAY(SELECT conname || ' ' || pg_get_constraintdef(k.oid) "
        "               FROM pg_constraint k WHERE k.conrelid = c.oid ORDER BY 1) "
        "  FROM pg_class c "
        "  LEFT JOIN pg_inherits i ON i.inhrelid = c.oid "
        " WHERE c.relnamespace = 'outcomes'::regnamespace "
        " ORDER BY c.relname"
    )
    await connection.close()
    return [tuple(str(value) for value in row) for row in rows]


async def _known(dsn: str, size: Size, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What the bodies of these results say of student, course and outcome, as it was loaded: a regrade does not change that."""
    connection = await connect(dsn)
    life = size.life("unnest($1::bigint[]) id", from_version="versions")
    rows = await connection.fetch(
        "SELECT id, user_uuid, result_context_id::text, result_context_uuid, learning_outcome_id::text, "
        f"learning_outcome_context_uuid FROM ({life}) life",
        ids,
    )
    await connection.close()
    return {row["id"]: {name: value for name, value in row.items() if name != "id"} for row in rows}


async def _judged(dsn: str, right: Expected, run: running.Run, count: int) -> Measured:
    """A run, and whether versions, current rows and books of the topic that was read last are right after it."""
    connection = await connect(dsn)
    await connection.execute("SET enable_seqscan = off")  # some of 50 million
    books = await connection.fetchrow(
        "SELECT source, sum(consumed)::bigint AS consumed, sum(applied + superseded)::bigint AS new FROM stream_position "
        " GROUP BY source ORDER BY max(updated_at) DESC LIMIT 1"
    )
    assert books is not None
    versions = await connection.fetchval(
        f"SELECT count(*) FROM {_HISTORY} WHERE root_account_uuid = $1 AND id = ANY ($2) AND event_time >= $3 AND source = $4",
        TENANT,
        list(right.newest),
        _BEGIN,
        books["source"],
    )
    rows = await connection.fetch(
        f"SELECT id, event_time, event_name, {', '.join(TABLE.members)} FROM {TABLE.name} "
        " WHERE root_account_uuid = $1 AND id = ANY ($2)",
        TENANT,
        list(right.newest),
    )
    await connection.close()
    found = {row[0]: tuple(row)[1:] for row in rows}
    wrong = sum(found.get(id_) != (one.key.event_time, one.key.event_name, *one.values) for id_, one in right.newest.items())
    history_right = (books["consumed"], books["new"], versions) == (count, right.versions, right.versions)
    return Measured(run, wrong, history_right)


async def _measure(dsn: str, bootstrap: str, values: Sequence[bytes], right: Expected) -> Round:
    """One worker, from a topic, behind a checkpoint."""
    connection = await connect(dsn)
    await connection.execute("CHECKPOINT")
    before = await connection.fetchval("SELECT pg_current_wal_lsn()")
    run = await running.topic(dsn, bootstrap, values)
    wal = int(await connection.fetchval("SELECT pg_current_wal_lsn() - $1::pg_lsn", before))
    await connection.close()
    return Round(await _judged(dsn, right, run, len(values)), wal)


async def _vacuumed(dsn: str, what: str) -> list[dict[str, Any]]:
    """A line for the current table and one for the newest partition: how long a vacuum takes now."""
    connection = await connect(dsn)
    lines = []
    for table in (TABLE.name, (await _partitions(connection))[YEARS[-1]]):
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        line = await connection.fetchrow(
            "SELECT n_live_tup AS rows, n_dead_tup AS dead, n_ins_since_vacuum AS added, autovacuum_count AS visits "
            "  FROM pg_stat_user_tables WHERE relid = to_regclass($1)",
            table,
        )
        assert line is not None
        begun = time.perf_counter()
        await connection.execute(f"VACUUM {table}")
        lines.append(
            {
                "VACUUM of": table,
                "in": what,
                "rows": line["rows"],
                "dead before": line["dead"],
                "added before": line["added"],
                "autovacuums": line["visits"],
                "seconds": round(time.perf_counter() - begun, 2),
            }
        )
    await connection.close()
    return lines


async def _sizes(dsn: str) -> list[dict[str, Any]]:
    """A line for each of the two tables, partitions together."""
    connection = await connect(dsn)
    lines = []
    for table in (TABLE.name, _HISTORY):
        rows = await connection.fetchval(f"SELECT count(*) FROM {table}")
        heap, indexes = await connection.fetchrow(
            "SELECT sum(pg_table_size(relid))::bigint, sum(pg_indexes_size(relid))::bigint "
            "  FROM (SELECT to_regclass($1) AS relid "
            "         UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass($1)) one",
            table,
        ) or (0, 0)
        lines.append(
            {
                "table": table,
                "rows": rows,
                "table GB": round(heap / 1e9, 2),
                "indexes GB": round(indexes / 1e9, 2),
                "bytes a row": round((heap + indexes) / rows),
                "of them indexes": round(indexes / rows),
            }
        )
    await connection.close()
    return lines


def _lines(found: Mapping[str, Sequence[Round]], count: int) -> list[dict[str, Any]]:
    """A line for each kind of ids. `of empty` is the median over rounds of its events/s beside those of the same round."""
    lines = []
    for what, rounds in found.items():
        each = [empty.measured.run.seconds / one.measured.run.seconds for empty, one in zip(found[EMPTY], rounds, strict=True)]
        told = line(what if what == EMPTY else f"full, {what}", count, [one.measured for one in rounds])
        del told["client s/M"], told["broker s/M"], told["peak MB"]
        lines.append(
            told
            | {
                "WAL B/event": round(statistics.median(one.wal for one in rounds) / count),
                "of empty": round(statistics.median(each), 2),
                "worst": round(min(each), 2),
                "promised": None if what == EMPTY else PROMISED,
            }
        )
    return lines


def check(*, current: int, versions: int, rounds: int) -> str | None:
    """Why this cannot be measured; None where it can."""
    least = 2 * IDS * (rounds + 1)
    if current < least or versions < current:
        return f"at least {least:,} current rows for {rounds} rounds, and a version of each"
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if "DATABASE_URL" not in os.environ and free < versions * BYTES_EACH:
        return f"{versions * BYTES_EACH / 1e9:.0f} GB of disk are needed, {free / 1e9:.0f} are free"
    return None


def run(
    empty: str, full: str, bootstrap: str, *, current: int, versions: int, count: int, rounds: int
) -> dict[str, list[dict[str, Any]]]:
    """Loads `full` and measures; a table for each title. Raises `RuntimeError` where the load has left another schema."""
    size = Size(current, versions, rounds)
    _say(f"loading {current:,} results with {versions:,} versions")
    begun = time.perf_counter()
    asyncio.run(_load(full, size))
    title = f"what was loaded, in {time.perf_counter() - begun:.0f} s"
    asyncio.run(_prepare(empty))
    if differences := set(asyncio.run(_schema(empty))) ^ set(asyncio.run(_schema(full))):
        raise RuntimeError(f"the load has left another schema: {sorted(differences)}")
    sizes = asyncio.run(_sizes(full))
    _say(f"loaded: {sizes}")

    found: dict[str, list[Round]] = {what: [] for what in (EMPTY, TERM, REGRADES, SCATTERED)}
    vacuums: list[dict[str, Any]] = []
    for number in range(rounds + 1):
        for what in (TERM, REGRADES, SCATTERED)[: None if number else 1]:
            known = asyncio.run(_known(full, size, size.drawn(what, number)))
            values = list(events(count, number, begin=_BEGIN, known=known))
            right = expected(decoded(values))
            tune_garbage_collector()
            for where in (EMPTY, TERM) if what == TERM else (what,):
                if where == EMPTY:
                    asyncio.run(running.empty(empty))
                one = asyncio.run(_measure(empty if where == EMPTY else full, bootstrap, values, right))
                told = f"round {number}, {where}: {count / one.measured.run.seconds:,.0f} events/s"
                _say(told if number else f"{told}, not counted: the engines' first run makes files and compiles")
                if number:
                    found[where].append(one)
                if where == EMPTY and number == rounds:
                    vacuums += asyncio.run(_vacuumed(empty, "empty"))
    vacuums += asyncio.run(_vacuumed(full, "full"))
    return {
        title: sizes,
        f"events/s into it: {count:,} events, {rounds} rounds, one worker": _lines(found, count),
        "and behind all rounds": sorted(vacuums, key=lambda one: (str(one["VACUUM of"]), str(one["in"]))),
    }
