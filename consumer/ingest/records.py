"""Records, events and verdicts. Named tuples, because there are one or two for every event."""

from datetime import datetime
from typing import Any, NamedTuple

from consumer.ingest.tables import Table
from schemas.base import Reason

Numbered = tuple[int, bytes | None]
"""A record's position in a file, and its bytes; `None` is a Kafka tombstone."""

HELD_BYTES = 64 * 1024 * 1024
"""Largest record of a file that is held in memory as a whole."""


class TooLong(Exception):
    """A record is too large for memory. The records before it were returned; the start of the next one is unknown."""

    def __init__(self, which: str, at_least: int) -> None:
        super().__init__(f"{which} is larger than {at_least:,} bytes")
        self.which = which


class RawRecord(NamedTuple):
    """One message of a topic, or one line or element of a file, as it came."""

    source: str
    """Topic, or `file:` and the digest of the file's bytes."""
    partition: int
    """Kafka partition; 0 for a file."""
    position: int
    """Kafka offset; line or element of a file, from 1."""
    value: bytes | None
    """The bytes; `None` is a Kafka tombstone."""

    def __repr__(self) -> str:
        """Without its content, which may be personal."""
        return f"{self.source}-{self.partition}@{self.position}"


class OrderKey(NamedTuple):
    """Sorts versions by object, then by age. The last four decide which of two versions of one object is newer."""

    root_account_uuid: str
    id: int
    event_time: datetime
    event_name: str
    updated_at: datetime
    """The body's, or `NEVER_UPDATED`."""
    version_hash: int
    """Signed 64-bit hash of name and canonical body."""


class Accepted(NamedTuple):
    """A version of an object, ready for the tables."""

    table: Table
    key: OrderKey
    row: tuple[Any, ...]
    """A value for each of `table.stage_columns`, jsonb as text. `newest` is true until a batch has a newer version."""
    unknown: tuple[str, ...]
    """Names of unknown members, nested ones with their parents' names."""
    steps: tuple[str | int, ...] | None
    """Steps to this event in a record that holds several; None if it is alone."""
    record: RawRecord
    """Its bytes go to quarantine if the database refuses the row."""
    names: str | None
    """The names of a person that it tells, as `person_names.telling_of` writes them."""

    def __repr__(self) -> str:
        """Without its content, which may be personal."""
        return f"Accepted({self.table.name}, {self.record!r})"

    @property
    def values(self) -> tuple[Any, ...]:
        """One value for each of `table.members`, jsonb as text."""
        return self.row[2 : 2 + len(self.table.members)]

    @property
    def extra(self) -> str | None:
        """Unknown members as jsonb text. The database moves those of private tables to `unknown_value`."""
        extra: str | None = self.row[2 + len(self.table.members)]
        return extra

    @property
    def metadata(self) -> str | None:
        """The request context as jsonb text, if the envelope has one."""
        metadata: str | None = self.row[-2]
        return metadata


class Ignored(NamedTuple):
    """An event that is only counted, by name."""

    event_name: str
    event_time: datetime | None
    record: RawRecord


class Rejected(NamedTuple):
    """A record or event that was not understood."""

    reason: Reason
    path: str
    """JSON path, such as `body.outcome_proficiency_ratings[1].points`; empty for the whole record."""
    message: str
    """One sentence, without content of the record."""
    event_name: str | None
    raw: bytes
    """The whole record, or only the event if the record holds several."""
    record: RawRecord

    def __repr__(self) -> str:
        """Without its content, which may be personal."""
        return f"Rejected({self.reason}, {self.path!r}, {self.message!r}, {self.record!r})"


Verdict = Accepted | Ignored | Rejected
"""Every event gets exactly one."""
