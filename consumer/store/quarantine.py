"""Records that were not understood: list, show, retry with the current code, discard."""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from consumer.errors import Fatal, RefusedRow, UsageError
from consumer.ingest.batch import Batch, Books, Move, Partition, books_of, partition_of
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord, Rejected
from consumer.store import schema
from consumer.store.counts import count_ignored, count_unknown
from consumer.store.postgres import Connection
from consumer.store.sql import sql
from consumer.store.suppressions import Suppressions
from consumer.store.writer import Writer

STATES = ("open", "retried", "discarded")
SETTLED = ("retried", "discarded")
"""In these states the bytes of a record are deleted."""
CHUNK = 500
"""Most records that one transaction retries."""
DISCARD_CHUNK = 10_000
"""Most records that one statement discards: its triggers hold all its rows in memory."""
CHUNK_BYTES = 32 * 1024 * 1024
"""A transaction takes no further record above so many bytes."""


@dataclass(frozen=True, slots=True)
class Retried:
    """The result of a retry."""

    understood: int
    """Records that left quarantine."""
    still: int
    """Records that stay."""
    books: Books
    """Books of the events in the understood records."""


async def listed(
    connection: Connection, *, states: Sequence[str], reason: str | None, limit: int, source: str | None = None
) -> list[dict[str, Any]]:
    """Records without their bytes, oldest first."""
    return [dict(row) for row in await connection.fetch(sql("quarantine_list"), list(states), reason, limit, source)]


async def has_source(connection: Connection, source: str) -> bool:
    """Whether any record, open or not, came from this source."""
    return bool(await connection.fetchval(sql("quarantine_source"), source))


async def shown(connection: Connection, id_: int) -> dict[str, Any]:
    """One record; `raw` is None unless it is open. Raises `UsageError` if there is none."""
    row = await connection.fetchrow(sql("quarantine_show"), id_)
    if row is None:
        raise UsageError(f"there is no record {id_} in quarantine")
    return dict(row) | ({"raw": None} if row["state"] in SETTLED else {})


async def discard(
    connection: Connection, ids: Sequence[int] | None, *, reason: str | None = None, source: str | None = None
) -> int:
    """Discards open records and deletes their bytes; returns how many. Without a filter: all.

    Raises `UsageError`, and changes nothing, if one of `ids` is not open.
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
class _Attempt:
    """The records of one transaction: those that are understood now, as a batch, and the others."""

    batch: Batch = field(default_factory=Batch)
    understood: list[int] = field(default_factory=list)
    leaving: Counter[Partition] = field(default_factory=Counter)
    """Records that leave quarantine, by partition."""
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)


async def retry(
    connection: Connection,
    rules: Rules,
    now: datetime,
    *,
    ids: Sequence[int] | None = None,
    reason: str | None = None,
    source: str | None = None,
) -> Retried:
    """Decodes open records with the current code, under their original source and position, and writes those understood.

    Each transaction writes versions, books and the records' new state together. A record that the database refuses stays;
    the others of its transaction are written. Raises `UsageError` if one of `ids` is not open.
    """
    if ids is not None:
        _refuse_missing(ids, {row["id"] for row in await connection.fetch(sql("quarantine_open"), list(ids))})
    await schema.check_writing(connection)
    writer = Writer(connection)
    await writer.remove_names(rules.people)
    await writer.prepare()
    understood, still, books, after = 0, 0, Books(), 0
    size = CHUNK
    newest = await connection.fetchval("SELECT coalesce(max(id), 0) FROM quarantine")
    while True:
        try:
            async with connection.transaction():
                if await writer.look_at_suppressions(adding=True) != writer.suppressions.number:
                    await writer.suppressions.refresh(connection)
                taken = await connection.fetch(
                    sql("quarantine_take"), after, None if ids is None else list(ids), reason, size, newest, source
                )
                rows = await connection.fetch(sql("quarantine_raw"), _fitting(taken))
                if not rows:
                    return Retried(understood, still, books)
                attempt = await _divided(connection, writer.suppressions, _decode(rows, rules, now))
                written = await _write(writer, connection, attempt)
        except RefusedRow:
            if size > 1:
                size = 1  # one by one up to the refused record, then more again
                continue
            still, after = still + 1, rows[0]["id"]
            continue
        after, size = rows[-1]["id"], min(CHUNK, 2 * size)
        understood += len(attempt.understood)
        still += len(attempt.rejected)
        books += written


def _fitting(taken: Sequence[Any]) -> list[int]:
    """Ids of the first records, until they reach `CHUNK_BYTES`: at least one, if there is any."""
    before = accumulate((row["bytes"] for row in taken), initial=0)
    return [row["id"] for row, held in zip(taken, before, strict=False) if held < CHUNK_BYTES]


def _decode(rows: Sequence[Any], rules: Rules, now: datetime) -> _Attempt:
    attempt = _Attempt()
    for row in rows:
        record = RawRecord(row["source"], row["partition"], row["position"], bytes(row["raw"]))
        verdicts = decode(record, rules, now)
        first = verdicts[0]
        if len(verdicts) == 1 and isinstance(first, Rejected):
            attempt.rejected.append((row["id"], first))
            continue
        attempt.understood.append(row["id"])
        attempt.leaving[Partition(record.source, record.partition)] += 1
        attempt.batch.add(verdicts)
        attempt.batch.advance(Partition(record.source, record.partition), record.position, record.position)
    return attempt


async def _divided(connection: Connection, suppressions: Suppressions, attempt: _Attempt) -> _Attempt:
    """What is about suppressed people leaves quarantine, understood or not."""
    batch = await suppressions.divide(connection, attempt.batch)
    unread = await suppressions.divide(connection, Batch(rejected=[one for _, one in attempt.rejected]))
    still = set(map(id, unread.rejected))
    gone = [(id_, one) for id_, one in attempt.rejected if id(one) not in still]
    for _, one in gone:
        partition = partition_of(one)
        attempt.leaving[partition] += 1
        batch.moves.setdefault(partition, Move(one.record.position, one.record.position))
    batch.erased += unread.erased
    return _Attempt(
        batch,
        [*attempt.understood, *(id_ for id_, _ in gone)],
        attempt.leaving,
        [(id_, one) for id_, one in attempt.rejected if id(one) in still],
    )


async def _write(writer: Writer, connection: Connection, attempt: _Attempt) -> Books:
    batch = attempt.batch
    added, replaced = await writer.write_rows(batch.accepted)
    await writer.quarantine(batch.rejected)
    await count_ignored(connection, batch)
    await count_unknown(connection, batch)
    await connection.execute(sql("quarantine_retried"), attempt.understood)
    await connection.execute(
        sql("quarantine_rejected"),
        [id_ for id_, _ in attempt.rejected],
        [r.reason.value for _, r in attempt.rejected],
        [r.path for _, r in attempt.rejected],
        [r.message for _, r in attempt.rejected],
    )
    books = books_of(batch, added, replaced)
    newest = batch.last_event_time()
    rows = [
        (
            *p,
            b.consumed - leaving,
            b.applied,
            b.superseded,
            b.duplicate,
            b.ignored,
            b.quarantined - leaving,
            b.erased,
            newest.get(p),
        )
        for p, b in sorted(books.items())
        for leaving in (attempt.leaving[p],)
    ]
    if rows:
        booked = await connection.execute(sql("rebook"), *map(list, zip(*rows, strict=True)))
        if booked != f"UPDATE {len(rows)}":
            raise Fatal("the partition of a record in quarantine is missing; `outcomes verify` tells more")
    return sum(books.values(), Books())
