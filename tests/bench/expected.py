"""What the tables must hold after a run, found by plain Python, and whether they do."""

from collections.abc import Iterable
from typing import NamedTuple

from consumer.ingest.decode import decode
from consumer.ingest.records import Accepted, RawRecord
from consumer.ingest.tables import TABLES
from consumer.store.postgres import connect
from tests.samples import NOW, RULES

TABLE = TABLES["learning_outcome_result"]


def decoded(values: Iterable[bytes]) -> list[Accepted]:
    """The versions that these events tell."""
    found: list[Accepted] = []
    for position, value in enumerate(values):
        (verdict,) = decode(RawRecord("bench", 0, position, value), RULES, NOW)
        assert isinstance(verdict, Accepted), verdict
        found.append(verdict)
    return found


class Expected(NamedTuple):
    """The right tables."""

    versions: int
    newest: dict[int, Accepted]
    """By id."""

    async def wrong_rows(self, dsn: str, table: str = TABLE.name) -> int:
        """How many current rows are missing, too many, or in another state than the newest."""
        connection = await connect(dsn)
        try:
            rows = await connection.fetch(f"SELECT id, event_time, event_name, {', '.join(TABLE.members)} FROM {table}")
        finally:
            await connection.close()
        found = {row[0]: tuple(row)[1:] for row in rows}
        right = {id_: (one.key.event_time, one.key.event_name, *one.values) for id_, one in self.newest.items()}
        return sum(found.get(id_) != right.get(id_) for id_ in found.keys() | right.keys())

    async def history_right(self, dsn: str, consumed: int) -> bool:
        """Whether there are as many versions as were told, and the books say `consumed`."""
        connection = await connect(dsn)
        try:
            found = await connection.fetchrow(
                f"SELECT (SELECT count(*) FROM {TABLE.name}_version), (SELECT coalesce(sum(consumed), 0) FROM stream_position)"
            )
        finally:
            await connection.close()
        return tuple(found or ()) == (self.versions, consumed)


def expected(versions: Iterable[Accepted]) -> Expected:
    """The right tables after these versions, in whatever order they come."""
    keys, newest = set(), dict[int, Accepted]()
    for version in versions:
        keys.add(version.key)
        known = newest.get(version.key.id)
        if known is None or version.key > known.key:
            newest[version.key.id] = version
    return Expected(len(keys), newest)
