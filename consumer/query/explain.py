"""Why an object is as it is: every version that any record told, in its order, and what decided."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from consumer.errors import UsageError
from consumer.ingest.tables import TABLE_OF_EVENT
from consumer.printable import printable
from consumer.query.objects import QUARANTINE_LEFT_OUT, origin, reads_quarantine, table_of, tenant_of
from consumer.query.retired import history_begins, note
from consumer.query.scale import name_of, with_name
from consumer.query.sql import sql
from consumer.query.students import RESULT, assessed_titles, student_called
from consumer.store.postgres import Connection
from consumer.store.retention import PARTITIONED
from schemas.base import SHARD

NOTE = "Repeated records are counted as duplicates, not kept one by one: each version shows the record that brought it first."


@dataclass(frozen=True, slots=True)
class Version:
    """One version, with its order key and where it came from."""

    event_time: datetime
    event_name: str
    updated_at: datetime | None
    version_hash: int
    source: str
    partition: int
    position: int
    label: str | None
    """The file's name, where it came out of one."""
    recorded_at: datetime
    came_late: bool
    """A newer version was known when it came."""
    current: bool
    student_changed: bool
    """The version before was about another student: no regrade."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All versions of one object, oldest first, and the reason for the current one."""

    kind: str
    root_account_uuid: str
    id: int
    versions: tuple[Version, ...]
    reason: str
    quarantined: tuple[dict[str, Any], ...] | None
    """Records in quarantine that may be about this object: events of its kind with its id among their bytes.

    None where the login may not read quarantine.
    """
    about: str | None = None
    """Of a result: its outcome, student, assignment and course, by name where that is known."""
    history_begins: datetime | None = None
    """Where some of this kind's history was retired: older versions than that may be missing."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "kind": self.kind,
            "root_account_uuid": self.root_account_uuid,
            "id": self.id,
            "about": self.about,
            "reason": self.reason,
            "note": NOTE,
            "history_begins": self.history_begins,
            "versions": [{name: getattr(version, name) for name in Version.__slots__} for version in self.versions],
            "quarantined": None if self.quarantined is None else list(self.quarantined),
        }


async def explain(connection: Connection, kind: str, id_: int, tenant: str | None) -> Explanation:
    """Reads all versions. Raises `UsageError` where the object is not known."""
    table = table_of(kind)
    root_account_uuid = await tenant_of(connection, tenant)
    rows = await connection.fetch(sql("versions").format(table=table.name), root_account_uuid, id_)
    names = [name for name, of in TABLE_OF_EVENT.items() if of is table]
    mentions: tuple[dict[str, Any], ...] | None = None
    if await reads_quarantine(connection):
        found = await connection.fetch(sql("quarantined_mentions"), names, str(id_).encode(), _mention(id_))
        mentions = tuple(dict(row) for row in found)
    if not rows and not mentions:
        unread = f" ({QUARANTINE_LEFT_OUT})" if mentions is None else ""
        raise UsageError(f"no {table.name} {id_} is known of {root_account_uuid}{unread}")
    versions = tuple(
        Version(
            **{name: row[name] for name in Version.__slots__ if name not in ("current", "student_changed")},
            current=index == len(rows) - 1,
            student_changed=index > 0 and row.get("user_uuid") != rows[index - 1].get("user_uuid"),
        )
        for index, row in enumerate(rows)
    )
    reason = _reason(versions)
    begins = await history_begins(connection) if table.name in PARTITIONED else None
    about = await _about(connection, root_account_uuid, id_) if table.name == RESULT else None
    return Explanation(table.name, root_account_uuid, id_, versions, reason, mentions, about, begins)


async def _about(connection: Connection, root_account_uuid: str, result: int) -> str | None:
    row = await connection.fetchrow(sql("result_about"), root_account_uuid, result)
    if row is None or row["user_uuid"] is None:
        return None
    student = await student_called(connection, root_account_uuid, row["course_id"], row["user_uuid"])
    titles = await assessed_titles(connection, root_account_uuid, [result])
    course = name_of("Course", row["course_id"], row["course_name"])
    outcome = with_name(f"outcome {row['learning_outcome_id']}", row["outcome_title"])
    return ", ".join((student.named, outcome, *map(printable, titles.values()), course))


def _mention(id_: int) -> str:
    """A pattern for the id among other text: as it is, or as a global id, and not as a part of a longer number."""
    zeros = len(str(SHARD)) - 1 - len(str(id_))
    shard = f"([1-9][0-9]*0{{{zeros}}})?" if zeros >= 0 else ""
    return f"(^|[^0-9]){shard}{id_}([^0-9]|$)"


def _reason(versions: tuple[Version, ...]) -> str:
    """What decided between the current version and the one before it."""
    if not versions:
        return "No record about it was understood."
    if len(versions) == 1:
        return "It is the only version."
    before, current = versions[-2:]
    if current.event_time != before.event_time:
        return "The last version has the newest event_time."
    if current.event_name != before.event_name:
        return "The last two have the same event_time; created comes before updated."
    if current.updated_at != before.updated_at:
        return "The last two have the same event_time and name; the later updated_at is newer."
    return "The last two have the same event_time, name and updated_at; the hash of their bodies breaks the tie, always alike."


def render(found: Explanation) -> RenderableType:
    """For people: two lines a version, what it is and where it came from."""
    parts: list[RenderableType] = [Text(f"{found.kind} {found.id} of {printable(found.root_account_uuid)}", style="bold")]
    if found.about is not None:
        parts.append(Text(found.about))
    for version in found.versions:
        parts += [Text(_what(version)), Padding.indent(Text(_origin(version), style="dim", overflow="fold"), 4)]
    if found.versions:
        parts += [Text(f"* is current. {found.reason}"), Text(NOTE, style="dim")]
    else:
        parts.append(Text("No version of it is known: only records in quarantine mention it."))
    if found.history_begins is not None:
        parts.append(Text(note(found.history_begins), style="dim"))
    if found.quarantined is None:
        parts.append(Text(QUARANTINE_LEFT_OUT, style="dim"))
    for row in found.quarantined or ():
        about = f"{row['id']} ({row['reason']}, {row['state']}) {printable(origin(row))}"
        parts.append(Text(f"In quarantine, and perhaps about it: {about}"))
    return Group(*parts)


def _what(version: Version) -> str:
    time = f"{version.event_time:%Y-%m-%d %H:%M:%S}.{version.event_time.microsecond // 1000:03d}"
    updated = f" · updated_at {version.updated_at:%Y-%m-%d %H:%M:%S}" if version.updated_at else ""
    student = " · student changed" if version.student_changed else ""
    return f"{'*' if version.current else ' '} {time} {version.event_name.rsplit('_', 1)[-1]}{updated}{student}"


def _origin(version: Version) -> str:
    where = origin({name: getattr(version, name) for name in ("source", "partition", "position", "label")})
    late = ", came late" if version.came_late else ""
    return f"{printable(where)}, recorded {version.recorded_at:%Y-%m-%d %H:%M:%S}{late}"
