"""The statement shape of the write path, side by side: the same rows, the same guard, versions and current rows.

copy: what the writer does (COPY into a stage, two statements; positions and books too). unnest: one array a column.
merge: COPY, then MERGE for the current rows. executemany: a statement a row.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any

from consumer.ingest.batch import Batch, Partition, Staged, sort_and_dedupe
from consumer.ingest.decode import decode
from consumer.ingest.records import RawRecord
from consumer.ingest.tables import TABLES
from consumer.store.postgres import Connection, connect
from consumer.store.writer import Writer, stage_rows
from tests.bench.rows import events
from tests.samples import NOW, RULES

Shape = Callable[[Connection, list[Batch]], Awaitable[None]]
TABLE = TABLES["learning_outcome_result"]
_TYPES = {datetime: "timestamptz", int: "bigint", float: "double precision", bool: "boolean", str: "text"}
_COLUMNS = ", ".join(TABLE.columns)
_VERSION = ", ".join(TABLE.version_columns)
_CHANGING = [column for column in TABLE.columns if column not in ("root_account_uuid", "id")]
_SET = f"({', '.join(_CHANGING)}) = ROW ({', '.join(f'excluded.{column}' for column in _CHANGING)})"
_ORDER = "(%s.event_time, %s.event_name, coalesce(%s.updated_at, '-infinity'), %s.version_hash)"
_NEWER = f"{_ORDER.replace('%s', 'excluded')} > {_ORDER.replace('%s', 'current')}"
PARTITION = Partition("bench", 0)


def batches(count: int, size: int) -> list[Batch]:
    """Decoded outside of the clock."""
    made, batch = [], Batch()
    for position, value in enumerate(events(count)):
        batch.add(decode(RawRecord(*PARTITION, position, value), RULES, NOW))
        batch.advance(PARTITION, position, position + 1)
        if batch.events == size:
            made.append(batch)
            batch = Batch()
    return made


async def copy(connection: Connection, told: list[Batch]) -> None:
    """The real writer."""
    writer = Writer(connection)
    await writer.open_position(PARTITION, 0)
    for batch in told:
        await writer.write(batch)


def _staged(batch: Batch) -> list[Staged]:
    (rows,) = sort_and_dedupe(batch.accepted).values()
    return rows


async def _types(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0",
        f"outcomes.{TABLE.name}_version",
    )
    types = {row["attname"]: row["type"] for row in rows} | {"newest": "boolean"}
    return [types[column] for column in (*TABLE.version_columns, "newest")]


async def unnest(connection: Connection, told: list[Batch]) -> None:
    """Arrays as parameters, one a column; the rows go over the wire twice, as the two statements need them."""
    types = await _types(connection)
    arrays = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(types, 1))
    source = f"unnest({arrays}) AS stage ({_VERSION}, newest)"
    versions = f"INSERT INTO {TABLE.name}_version ({_VERSION}) SELECT {_VERSION} FROM {source} ON CONFLICT DO NOTHING"
    current = (
        f"INSERT INTO {TABLE.name} AS current ({_COLUMNS}) SELECT {_COLUMNS} FROM {source} WHERE newest "
        f"ON CONFLICT (root_account_uuid, id) DO UPDATE SET {_SET} WHERE {_NEWER}"
    )
    for batch in told:
        columns = list(map(list, zip(*stage_rows(_staged(batch)), strict=True)))
        async with connection.transaction():
            await connection.execute(versions, *columns)
            await connection.execute(current, *columns)


async def merge(connection: Connection, told: list[Batch]) -> None:
    """COPY into a stage, INSERT for the versions, MERGE for the current rows (MERGE is not safe beside another writer)."""
    await connection.execute(
        "CREATE TEMPORARY TABLE merged ON COMMIT DELETE ROWS AS "
        f"SELECT {_VERSION}, true AS newest FROM {TABLE.name}_version LIMIT 0"
    )
    newer = f"{_ORDER.replace('%s', 'stage')} > {_ORDER.replace('%s', 'current')}"
    changes = ", ".join(f"{column} = stage.{column}" for column in _CHANGING)
    inserted = ", ".join(f"stage.{column}" for column in TABLE.columns)
    for batch in told:
        async with connection.transaction():
            await connection.copy_records_to_table(
                "merged", records=stage_rows(_staged(batch)), columns=(*TABLE.version_columns, "newest")
            )
            await connection.execute(
                f"INSERT INTO {TABLE.name}_version ({_VERSION}) SELECT {_VERSION} FROM merged ON CONFLICT DO NOTHING"
            )
            await connection.execute(
                f"MERGE INTO {TABLE.name} AS current USING (SELECT * FROM merged WHERE newest) AS stage "
                "ON current.root_account_uuid = stage.root_account_uuid AND current.id = stage.id "
                f"WHEN MATCHED AND {newer} THEN UPDATE SET {changes} "
                f"WHEN NOT MATCHED THEN INSERT ({_COLUMNS}) VALUES ({inserted})"
            )


async def executemany(connection: Connection, told: list[Batch]) -> None:
    """A statement a row, pipelined by the driver."""
    width = len(TABLE.version_columns)
    all_, some = (", ".join(f"${n}" for n in range(1, count + 1)) for count in (width, len(TABLE.columns)))
    versions = f"INSERT INTO {TABLE.name}_version ({_VERSION}) VALUES ({all_}) ON CONFLICT DO NOTHING"
    current = (
        f"INSERT INTO {TABLE.name} AS current ({_COLUMNS}) VALUES ({some}) "
        f"ON CONFLICT (root_account_uuid, id) DO UPDATE SET {_SET} WHERE {_NEWER}"
    )
    for batch in told:
        rows = list(stage_rows(_staged(batch)))
        async with connection.transaction():
            await connection.executemany(versions, [row[:width] for row in rows])
            await connection.executemany(current, [row[: len(TABLE.columns)] for row in rows if row[-1]])


SHAPES: dict[str, Shape] = {"copy": copy, "unnest": unnest, "merge": merge, "executemany": executemany}


async def _one(dsn: str, shape: Shape, told: list[Batch]) -> tuple[float, Any]:
    connection = await connect(dsn)
    try:
        await connection.execute(f"TRUNCATE {TABLE.name}, {TABLE.name}_version, stream_position")
        await connection.execute("CHECKPOINT")
        begun = time.perf_counter()
        await shape(connection, told)
        seconds = time.perf_counter() - begun
        row = await connection.fetchrow(
            f"SELECT (SELECT count(*) FROM {TABLE.name}_version), (SELECT sum(version_hash::numeric) FROM {TABLE.name})"
        )
        return seconds, tuple(row or ())
    finally:
        await connection.close()


def run(dsn: str, *, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    """A line for each batch size and shape: events/s as median, least, most; ratio to `copy`; whether the tables are right."""
    for size in (500, 10_000):
        told = batches(count, size)
        times: dict[str, list[float]] = {name: [] for name in SHAPES}
        ends: dict[str, set[Any]] = {name: set() for name in SHAPES}
        for _ in range(rounds):
            for name, shape in SHAPES.items():
                seconds, end = asyncio.run(_one(dsn, shape, told))
                times[name].append(len(told) * size / seconds)
                ends[name].add(end)
        base = statistics.median(times["copy"])
        for name, rates in times.items():
            yield {
                "batch": size,
                "shape": name,
                "events/s": round(statistics.median(rates)),
                "least": round(min(rates)),
                "most": round(max(rates)),
                "of copy": round(statistics.median(rates) / base, 2),
                "table": "right" if ends[name] == ends["copy"] and len(ends[name]) == 1 else "WRONG",
            }
