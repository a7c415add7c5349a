"""What could not be understood: looked at, tried again with today's code, or discarded by a person."""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from consumer.errors import Fatal, RefusedRow, UsageError
from consumer.ingest.batch import Batch, Books, Partition, books_of
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord, Rejected
from consumer.store import schema
from consumer.store.postgres import Connection
from consumer.store.sql import sql
from consumer.store.writer import Writer

STATES = ("open", "retried", "discarded")
SETTLED = ("retried", "discarded")
"""Of these the bytes are gone."""
CHUNK = 500
"""Records tried again in one transaction, at most."""
DISCARD_CHUNK = 10_000
"""Records discarded in one statement: the triggers of a statement hold all its rows."""
CHUNK_BYTES = 32 * 1024 * 1024
"""Bytes of records above which a transaction takes no further one."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the records that were tried again."""

    understood: int
    """Records that left quarantine."""
    still: int
    """Records that stay."""
    books: Books
    """What the events of the understood ones became."""


async def listed(
    connection: Connection, *, states: Sequence[str], reason: str | None, limit: int, source: str | None = None
) -> list[dict[str, Any]]:
    """Records without their bytes, oldest first."""
    return [dict(row) for row in await connection.fetch(sql("quarantine_list"), list(states), reason, limit, source)]


async def has_source(connection: Connection, source: str) -> bool:
    """Whether any record, open or not, came from this source."""
    return bool(await connection.fetchval(sql("quarantine_source"), source))


async def shown(connection: Connection, id_: int) -> dict[str, Any]:
    """One record, whole while it is open; `raw` is None once it is settled. Raises `UsageError` where there is none."""
    row = await connection.fetchrow(sql("quarantine_show"), id_)
    if row is None:
        raise UsageError(f"there is no record {id_} in quarantine")
    return dict(row) | ({"raw": None} if row["state"] in SETTLED else {})


async def discard(
    connection: Connection, ids: Sequence[int] | None, *, reason: str | None = None, source: str | None = None
) -> int:
    """Marks open records as not needed, all of them where nothing is named; returns how many. Their bytes are gone then.

    Raises `UsageError`, and changes nothing, where one of `ids` is not open.
    """
    named, found, after = None if ids is None else list(ids), set[int](), 0
    async with connection.transaction():
        while rows := await connection.fetch(sql("quarantine_discard"), named, reason, source, after, DISCARD_CHUNK):
            found.update(row["id"] for row in rows)
            after = max(found)
        _refuse_missing(ids or (), found)
    return len(found)


def _refuse_missing(ids: Sequence[int], found: Set[int]) -> None:
    if missing := sorted(set(ids) - found):
        raise UsageError(f"not open in quarantine: {', '.join(map(str, missing))}; nothing was changed")


@dataclass(slots=True)
class _Try:
    """What one transaction tries: records that are understood now, as a batch, and those that are not."""

    batch: Batch = field(default_factory=Batch)
    understood: list[int] = field(default_factory=list)
    left: Counter[Partition] = field(default_factory=Counter)
    """Records that leave quarantine, by partition."""
    again: list[tuple[int, Rejected]] = field(default_factory=list)


async def retry(
    connection: Connection,
    rules: Rules,
    now: datetime,
    *,
    ids: Sequence[int] | None = None,
    reason: str | None = None,
    source: str | None = None,
) -> Retried:
    """Sends open records through today's code, with the coordinates they came with. What is understood is applied, once.

    Each transaction writes versions, books and the records' new state together: killed in the middle, nothing is half done.
    A record that the database refuses stays, and its mates are applied. Raises `UsageError` where one of `ids` is not open.
    """
    if ids is not None:
        _refuse_missing(ids, {row["id"] for row in await connection.fetch(sql("quarantine_open"), list(ids))})
    await schema.check_writing(connection)
    writer = Writer(connection)
    await writer.prepare()
    understood, still, books, after = 0, 0, Books(), 0
    size = CHUNK
    newest = await connection.fetchval("SELECT coalesce(max(id), 0) FROM quarantine")
    while True:
        try:
            async with connection.transaction():
                taken = await connection.fetch(
                    sql("quarantine_take"), after, None if ids is None else list(ids), reason, size, newest, source
                )
                rows = await connection.fetch(sql("quarantine_raw"), _fitting(taken))
                if not rows:
                    return Retried(understood, still, books)
                attempt = _decode(rows, rules, now)
                became = await _write(writer, connection, attempt)
        except RefusedRow:
            if size > 1:
                size = 1  # one by one up to the refused one, then more at a time again
                continue
            still, after = still + 1, rows[0]["id"]
            continue
        after, size = rows[-1]["id"], min(CHUNK, 2 * size)
        understood += len(attempt.understood)
        still += len(attempt.again)
        books += became


def _fitting(taken: Sequence[Any]) -> list[int]:
    """Ids of the first of these, up to the one that makes `CHUNK_BYTES`: at least one, if there is any."""
    before = accumulate((row["bytes"] for row in taken), initial=0)
    return [row["id"] for row, held in zip(taken, before, strict=False) if held < CHUNK_BYTES]


def _decode(rows: Sequence[Any], rules: Rules, now: datetime) -> _Try:
    attempt = _Try()
    for row in rows:
        record = RawRecord(row["source"], row["partition"], row["position"], bytes(row["raw"]))
        verdicts = decode(record, rules, now)
        first = verdicts[0]
        if len(verdicts) == 1 and isinstance(first, Rejected):
            attempt.again.append((row["id"], first))
            continue
        attempt.understood.append(row["id"])
        attempt.left[Partition(record.source, record.partition)] += 1
        attempt.batch.add(verdicts)
        attempt.batch.advance(Partition(record.source, record.partition), record.position, record.position)
    return attempt


async def _write(writer: Writer, connection: Connection, attempt: _Try) -> Books:
    batch = attempt.batch
    added, moved = await writer.write_rows(batch.accepted)
    await writer.quarantine(batch.rejected)
    await writer.count_ignored(batch)
    await writer.count_unknown(batch)
    await connection.execute(sql("quarantine_retried"), attempt.understood)
    again = attempt.again
    await connection.execute(
        sql("quarantine_again"),
        [id_ for id_, _ in again],
        [r.reason.value for _, r in again],
        [r.path for _, r in again],
        [r.message for _, r in again],
    )
    books = books_of(batch, added, moved)
    newest = batch.last_event_time()
    rows = [
        (*p, b.consumed - left, b.applied, b.superseded, b.duplicate, b.ignored, b.quarantined - left, newest.get(p))
        for p, b in sorted(books.items())
        for left in (attempt.left[p],)
    ]
    if rows:
        booked = await connection.execute(sql("rebook"), *map(list, zip(*rows, strict=True)))
        if booked != f"UPDATE {len(rows)}":
            raise Fatal("a record in quarantine belongs to no partition; `outcomes verify` tells more")
    return sum(books.values(), Books())
