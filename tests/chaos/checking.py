"""Whether the run's projection is right: beside the simulator's truth, and beside an undisturbed run of the same messages.

* lost: versions that the truth or the undisturbed run has and the run lacks; current rows that are not the newest that was
  told; and events that were told and are in no book.
* doubled: events in the books beyond those that were told; versions that the truth or the undisturbed run lacks.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer.ingest.tables import TABLES
from consumer.simulator.truth import Truth
from consumer.store import schema
from consumer.store.postgres import Connection, connect
from tests.acceptance.running import outcomes
from tests.chaos.engines import Database
from tests.chaos.stream import Stream
from tests.conftest import named

UNDISTURBED = "undisturbed"
COUNTED = ("consumed", "duplicate", "ignored", "quarantined")
"""Parts of the books that no order of arrival changes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    lost: int
    doubled: int
    books_exact: bool
    same_digest: bool
    wrong: tuple[str, ...]
    """Sentences about all that is not as it should be."""

    @property
    def right(self) -> bool:
        """Whether everything is as it should be."""
        return not (self.lost or self.doubled or self.wrong) and self.books_exact and self.same_digest


async def judge(database: Database, stream: Stream, copies: int) -> Verdict:
    """Asks `outcomes verify --truth`, replays the messages into a second database, and compares the two.

    `copies`: messages that the intake brought once more. Each must be a duplicate in the books, and nothing else.
    """
    await database.execute(f"CREATE DATABASE {UNDISTURBED}")
    other = named(database.dsn, UNDISTURBED)
    await schema.migrate(other)
    code, _, err = await outcomes("replay", str(stream.file), DATABASE_URL=other)
    if code:
        raise RuntimeError(f"the undisturbed run ended with {code}: {err[-2000:]}")
    expected = await _verified(other, stream.truth_file)
    if not expected["holds"] or expected["differences"]:
        raise RuntimeError(f"the undisturbed run itself is wrong: {[*_failed(expected), *expected['differences']][:5]}")
    stream.count_copies(copies)
    found = await _verified(database.dsn, stream.truth_file)
    wrong = [*_failed(found), *found["differences"]]
    books = {name: expected["books"][name] + (copies if name in ("consumed", "duplicate") else 0) for name in COUNTED}
    wrong += [
        f"{name}: {found['books'][name]} in the books, {number} in the undisturbed run's and by copies"
        for name, number in books.items()
        if found["books"][name] != number
    ]
    same = found["digest"] == expected["digest"]
    if not same:
        unlike = [name for name, table in found["tables"].items() if table != expected["tables"][name]]
        wrong.append(f"another digest than the undisturbed run's, by {', '.join(unlike)}")
    lost, doubled = await _counted(database.dsn, other, stream.truth, identical=same)
    consumed = found["books"]["consumed"]
    books_exact = consumed == stream.truth.events and not any("books" in sentence for sentence in wrong) and found["holds"]
    return Verdict(
        lost + max(0, stream.truth.events - consumed),
        doubled + max(0, consumed - stream.truth.events),
        books_exact,
        same,
        tuple(wrong),
    )


async def _verified(dsn: str, truth: Path) -> Any:
    code, out, err = await outcomes("verify", "--json", "--truth", str(truth), DATABASE_URL=dsn)
    if code not in (0, 1):
        raise RuntimeError(f"verify ended with {code}: {err[-2000:]}")
    return json.loads(out)


def _failed(verification: Any) -> list[str]:
    """Sentences about the checks that do not hold."""
    return [
        f"{check['promise']}: {check['failures']} times not, as {'; '.join(check['examples'])}"
        for check in verification["checks"]
        if check["failures"]
    ]


async def _counted(dsn: str, other: str, truth: Truth, *, identical: bool) -> tuple[int, int]:
    """(lost, doubled): objects, versions and newest states, by the truth and, where the digests differ, by the other run."""
    ours = await connect(dsn)
    theirs = await connect(other)
    try:
        lost, doubled = await _beside_truth(ours, truth)
        if not identical:
            for table in TABLES:
                for relation in (table, f"{table}_version"):
                    mine, right = await _keys(ours, relation), await _keys(theirs, relation)
                    lost, doubled = lost + len(right - mine), doubled + (len(mine - right) if relation != table else 0)
        return lost, doubled
    finally:
        ours.terminate()
        theirs.terminate()


async def _beside_truth(connection: Connection, truth: Truth) -> tuple[int, int]:
    versions: Counter[tuple[str, str, int]] = Counter()
    newest: dict[tuple[str, str, int], tuple[str, str]] = {}
    for table in TABLES:
        async for row in _rows(connection, f"SELECT root_account_uuid, id, count(*) FROM {table}_version GROUP BY 1, 2"):
            versions[table, row[0], row[1]] = row[2]
        async for row in _rows(connection, f"SELECT root_account_uuid, id, event_time, event_name FROM {table}"):
            newest[table, row[0], row[1]] = (f"{row[2]:%Y-%m-%dT%H:%M:%S}.{row[2].microsecond // 1000:03d}Z", row[3])
    lost = sum(max(0, known.versions - versions[key]) for key, known in truth.objects.items())
    lost += sum(newest.get(key) != known.order[:2] for key, known in truth.objects.items())
    known_versions = {key: known.versions for key, known in truth.objects.items()}
    return lost, sum(max(0, count - known_versions.get(key, 0)) for key, count in versions.items())


async def _rows(connection: Connection, statement: str) -> AsyncIterator[Any]:
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(statement, prefetch=5000):
            yield row


async def _keys(connection: Connection, relation: str) -> set[tuple[Any, ...]]:
    return {
        tuple(row)
        async for row in _rows(
            connection, f"SELECT root_account_uuid, id, event_time, event_name, version_hash FROM {relation}"
        )
    }
