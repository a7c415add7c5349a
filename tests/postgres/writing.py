"""Writing records in tests: the same way as the loops do, without them."""

from collections.abc import Sequence
from typing import Any

from consumer.ingest.batch import Batch, Books, Partition
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord
from consumer.ingest.tables import TABLES
from consumer.store.postgres import Connection, connect
from consumer.store.writer import Writer
from tests.samples import NOW, RULES, Event, raw

TOPIC = Partition("topic", 0)


def batch_of(
    events: Sequence[Event | list[Any] | bytes | None], partition: Partition = TOPIC, first: int = 0, rules: Rules = RULES
) -> Batch:
    """A batch of records at consecutive positions."""
    return batch_of_records([raw(value, first + index, *partition) for index, value in enumerate(events)], rules)


def batch_of_records(records: Sequence[RawRecord], rules: Rules = RULES) -> Batch:
    """A batch of these records."""
    batch = Batch()
    for record in records:
        batch.add(decode(record, rules, NOW))
        batch.bytes += len(record.value or b"")
        batch.advance(Partition(record.source, record.partition), record.position, record.position + 1)
    return batch


async def write(
    to: "str | Connection", *values: Event | list[Any] | bytes | None, partition: Partition = TOPIC, rules: Rules = RULES
) -> Books:
    """Writes records behind what the partition holds already; returns their books.

    A test that writes often does so by one connection: the first write of each costs ten times what the next ones do.
    """
    if isinstance(to, str):
        connection = await connect(to)
        try:
            return await write(connection, *values, partition=partition, rules=rules)
        finally:
            await connection.close()
    writer = Writer(to)
    first = (await writer.positions([partition])).get(partition, 0)
    await writer.open_position(partition, first)
    return (await writer.write(batch_of(values, partition, first, rules)))[partition]


ARRIVAL = ("recorded_at", "source", "partition", "position")
"""Columns that tell how a row arrived: the law is about the others."""


async def rows(connection: Connection, table: str, tenant: str | None = None) -> list[tuple[Any, ...]]:
    """All rows of a current or version table without the columns of arrival, in one order."""
    of = TABLES[table.removesuffix("_version")]
    columns = ", ".join(of.columns if table == of.name else (*of.columns, "metadata"))
    where = "WHERE root_account_uuid = $1" if tenant else ""
    found = await connection.fetch(
        f"SELECT {columns} FROM {table} {where} ORDER BY root_account_uuid, id, event_time, version_hash",
        *([tenant] if tenant else []),
    )
    return [tuple(row) for row in found]


async def projection(connection: Connection, tenant: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """All current and version tables, as the law compares them."""
    names = [name for table in TABLES for name in (table, f"{table}_version")]
    return {name: await rows(connection, name, tenant) for name in names}


async def books(connection: Connection) -> Books:
    """The sum over all partitions and files."""
    row = await connection.fetchrow(
        "SELECT coalesce(sum(applied), 0)::bigint, coalesce(sum(superseded), 0)::bigint, coalesce(sum(duplicate), 0)::bigint, "
        "coalesce(sum(ignored), 0)::bigint, coalesce(sum(quarantined), 0)::bigint, coalesce(sum(erased), 0)::bigint "
        "FROM stream_position"
    )
    assert row is not None
    return Books(*row)


WAITING_FOR_US = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
"""Sessions that wait for the one that asks: other tests' sessions, on the same server, wait for others."""


async def waiting_for_locks(connection: Connection) -> int:
    """Sessions of this database that wait for another one. Not to be asked inside a transaction, which sees one moment only."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return count
