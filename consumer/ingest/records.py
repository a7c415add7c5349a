"""The values that travel from the bytes to the transaction. Named tuples: one or two are made for every event."""

from datetime import datetime
from typing import Any, NamedTuple

from consumer.ingest.tables import Table
from schemas.base import Reason


class RawRecord(NamedTuple):
    """One message of a topic or one line (element) of a file, as it came."""

    source: str
    """Topic; for a file `file:` and the digest of its bytes."""
    partition: int
    """Kafka partition; 0 for a file."""
    position: int
    """Kafka offset; line or element of a file, from 1."""
    value: bytes | None
    """The bytes; `None` is a Kafka tombstone."""

    def __repr__(self) -> str:
        """Where it is, without what it holds: that may be personal."""
        return f"{self.source}-{self.partition}@{self.position}"


class OrderKey(NamedTuple):
    """Place of a version among all versions: by object first, then by age. Sorting these sorts by key and time.

    The last four decide which of two versions of one object is newer (design 3). `created` sorts before `updated` as text.
    """

    root_account_uuid: str
    id: int
    event_time: datetime
    event_name: str
    updated_at: datetime
    """The body's; `NEVER_UPDATED` where it has none."""
    version_hash: int
    """64 bits of the hash of name and canonical body, signed."""


class Accepted(NamedTuple):
    """A version of an object, ready for the tables."""

    table: Table
    key: OrderKey
    row: tuple[Any, ...]
    """A value for each of `table.stage_columns`, jsonb as text; `newest` is true, until a batch holds a newer version."""
    unknown: tuple[str, ...]
    """Names of unknown members, nested ones with their parent's name."""
    where: tuple[str | int, ...] | None
    """Steps to this event in a record that holds several; None where it is alone."""
    record: RawRecord
    """Where it came from; its bytes go to quarantine if the database refuses the row."""

    @property
    def values(self) -> tuple[Any, ...]:
        """One value for each of `table.members`, jsonb as text."""
        return self.row[2 : 2 + len(self.table.members)]

    @property
    def extra(self) -> str | None:
        """Unknown members as jsonb text; the database keeps those of private tables apart."""
        extra: str | None = self.row[2 + len(self.table.members)]
        return extra

    @property
    def metadata(self) -> str | None:
        """The request's context as jsonb text, where the envelope has one."""
        metadata: str | None = self.row[-2]
        return metadata


class Ignored(NamedTuple):
    """An event that this project does not keep: counted by name."""

    event_name: str
    event_time: datetime | None
    record: RawRecord


class Rejected(NamedTuple):
    """What could not be understood."""

    reason: Reason
    path: str
    """Where in the record, such as `body.outcome_proficiency_ratings[1].points`; empty for the whole."""
    message: str
    """One sentence, without any of the record's content."""
    event_name: str | None
    raw: bytes
    """The whole record, or the element alone where the record holds several."""
    record: RawRecord

    def __repr__(self) -> str:
        """Why, without what."""
        return f"Rejected({self.reason}, {self.path!r}, {self.message!r}, {self.record!r})"


Verdict = Accepted | Ignored | Rejected
"""What becomes of one event. Exactly one for each."""
