"""One record -> one verdict per event. Pure: no clock, no network, no exception."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from consumer.ingest.canonical import canonical_body, plain, version_hash
from consumer.ingest.elements import Elements
from consumer.ingest.records import Accepted, Ignored, OrderKey, RawRecord, Rejected, Verdict
from consumer.ingest.tables import CANVAS, TABLE_OF_EVENT, TABLE_OF_SNAPSHOT, Table
from consumer.ingest.texts import Refusal, path_of
from consumer.ingest.unwrap import Envelope, unwrap
from consumer.printable import has_controls, printable, shown_name
from schemas.base import MAX_KEY_TEXT, MAX_RATINGS, SHARD, Reason, local_id, time_of, whole_id

TOMBSTONE = "(tombstone)"
"""Under this name a Kafka message without a value is counted."""

NEVER_UPDATED = datetime(1, 1, 1, tzinfo=UTC)
"""Sorts before every `updated_at`: absent comes first (design 3)."""

CONTEXT = ("context_type", "context_id", "context_account_id", "root_account_id")
"""The only members of the metadata that are kept: where the request was made. The rest is personal, or always the same."""

MAX_VALUES = 10_000
"""Values, at any depth, in the unknown and nested members of one event; Canvas' own events have fewer than a hundred."""

VALUES_OF_EACH = 50
"""So many of them an event may have on average where a record holds several, if that is more than `MAX_VALUES` in all."""

MAX_COUNTED = 100
"""Unknown members of one event that are counted; all are kept. A megabyte of invented names would be 80,000 rows."""

_WORDS = (str, int, float)
_REASONS = frozenset(Reason)
_TYPE_REASONS = {"missing": Reason.MISSING_MEMBER, "string_too_long": Reason.BAD_TEXT, "string_unicode": Reason.BAD_TEXT}
_SENTENCES = {
    "missing": "this member is required",
    "string_type": "a text is expected",
    "string_unicode": "holds half of a surrogate pair, which is no character",
    "string_too_long": f"a text of at most {MAX_KEY_TEXT} characters is expected",
    "bool_type": "true or false is expected",
    "list_type": "an array is expected",
    "too_long": f"an array of at most {MAX_RATINGS} elements is expected",
    "tuple_type": "an array is expected",
    "model_type": "an object is expected",
    "dict_type": "an object is expected",
}
"""What pydantic minds, in our words."""
_CONTROLS = "holds control characters, which no name has"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides about decoding."""

    default_tenant: str | None = None
    """Tenant of events without `metadata.root_account_uuid`; without it they are refused."""
    max_record_bytes: int = 4 * 1024 * 1024
    """A larger record is refused unread. Canvas drops events above 1,000,000 bytes itself."""
    max_future: timedelta = timedelta(days=1)
    """How far `event_time` may be ahead of the clock."""


def decode(record: RawRecord, rules: Rules, now: datetime) -> list[Verdict]:
    """The verdicts of all events in `record`, at least one. `now` is the clock that the future is measured from."""
    raw = record.value
    if raw is None:
        return [Ignored(TOMBSTONE, None, record)]
    if len(raw) > rules.max_record_bytes:
        message = f"{len(raw)} bytes, more than the {rules.max_record_bytes} that are allowed"
        return [Rejected(Reason.TOO_LARGE, "", message, None, raw, record)]
    suspicious = (b"\\" in raw and b"u0000" in raw) or b"\x00" in raw
    found = unwrap(raw)
    elements = Elements(raw) if len(found) > 1 else None
    left = _Left(max(MAX_VALUES, VALUES_OF_EACH * len(found)))
    return [_verdict(item, record, raw, rules, now, elements, suspicious, left) for item in found]


@dataclass(slots=True)
class _Left:
    """How many values of unknown and nested members a record may still have."""

    values: int

    def refusal(self, values: Collection[Any]) -> Refusal | None:
        """Why not all that `values` hold, at any depth, may be; None where they may, and then they are taken off."""
        found, level = 0, [values]
        while level:
            found += sum(map(len, level))
            if found > MAX_VALUES:
                message = f"more than {MAX_VALUES:,} values in members that are nested or that no model knows"
                return Refusal(Reason.TOO_LARGE, "body", message)
            if found > self.values:
                message = "the record's events together have too many values in such members; retried, each is read alone"
                return Refusal(Reason.TOO_LARGE, "body", message)
            level = [
                inner.values() if isinstance(inner, dict) else inner
                for outer in level
                for inner in outer
                if isinstance(inner, (dict, list))
            ]
        self.values -= found
        return None


def _verdict(
    item: Envelope | Refusal,
    record: RawRecord,
    raw: bytes,
    rules: Rules,
    now: datetime,
    elements: Elements | None,
    suspicious: bool,
    left: _Left,
) -> Verdict:
    """`elements` cuts the event out of its record; None where it is alone."""
    name: str | None = None
    if isinstance(item, Envelope):
        where = None if elements is None else item.where
        result = _event(item, record, rules, now, suspicious or item.lenient, where, left)
        if not isinstance(result, Refusal):
            return result
        name = _known_name(item.metadata.get("event_name"))
    else:
        result = item
    return Rejected(
        result.reason,
        printable(result.path[:MAX_KEY_TEXT])[:MAX_KEY_TEXT],  # it may hold names out of the record
        result.message,
        name,
        raw if elements is None else elements.cut(item.where),
        record,
    )


def _distance(time: timedelta) -> str:
    """In the largest unit that measures it whole: `1 day`, `90 seconds`."""
    seconds = int(time.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds and seconds % length == 0:
            return f"{seconds // length} {unit}{'s' if seconds > length else ''}"
    return "0 seconds"


def _known_name(name: object) -> str | None:
    return name if isinstance(name, str) and name in TABLE_OF_EVENT else None


def _event(
    envelope: Envelope,
    record: RawRecord,
    rules: Rules,
    now: datetime,
    suspicious: bool,
    where: tuple[str | int, ...] | None,
    left: _Left,
) -> Accepted | Ignored | Refusal:
    """`where`: steps to this event in a record that holds several."""
    metadata, body = envelope.metadata, envelope.body
    name = metadata.get("event_name")
    if not isinstance(name, str) or not name or len(name) > MAX_KEY_TEXT:
        return Refusal(Reason.UNKNOWN_SHAPE, "metadata.event_name", "an event has a name of 1 to 255 characters")
    if suspicious and (refusal := _bad_value(name, ("metadata", "event_name"))):
        return refusal
    table = TABLE_OF_EVENT.get(name)
    if table is None and record.source.startswith(CANVAS):
        table = TABLE_OF_SNAPSHOT.get(name)
    event_time = _time(metadata.get("event_time"))
    ahead = event_time is not None and event_time - now > rules.max_future
    if table is None:
        if has_controls(name):
            return Refusal(Reason.BAD_TEXT, "metadata.event_name", _CONTROLS)
        # A time that cannot be would be the newest of its partition for ever: freshness follows ignored events too.
        return Ignored(shown_name(name), None if ahead else event_time, record)
    if event_time is None:
        message = "event_time is missing, or no time in ISO 8601 with a zone; without it the event has no place in history"
        return Refusal(Reason.BAD_TIME, "metadata.event_time", message)
    if ahead:
        message = (
            f"event_time is more than {_distance(rules.max_future)} ahead of the clock; it would freeze its row until then"
        )
        return Refusal(Reason.FUTURE_EVENT_TIME, "metadata.event_time", message)
    given = metadata.get("root_account_uuid") or rules.default_tenant
    if not given:
        message = "no root_account_uuid, and no default tenant (OUTCOMES_DEFAULT_TENANT) is configured"
        return Refusal(Reason.NO_TENANT, "metadata.root_account_uuid", message)
    if not isinstance(given, str) or len(given) > MAX_KEY_TEXT:
        return Refusal(Reason.BAD_TYPE, "metadata.root_account_uuid", "root_account_uuid is a text of at most 255 characters")
    tenant = _tenant(given)
    if tenant is None:
        return Refusal(Reason.BAD_TEXT, "metadata.root_account_uuid", _CONTROLS)
    if not isinstance(body, dict):
        return Refusal(Reason.BAD_TYPE, "body", "the body is an object")
    # Without a context type it was a background job, which knows no more than the root account.
    context = {key: metadata[key] for key in CONTEXT if type(metadata.get(key)) in _WORDS} if CONTEXT[0] in metadata else {}
    if float in map(type, context.values()):
        context = {key: id_ for key, value in context.items() if (id_ := _without_fraction(value)) is not None}
    counted = suspicious or table.json or len(body) > MAX_VALUES
    if counted and (refusal := left.refusal(body.values())):
        return refusal
    if suspicious:
        for value, path in ((tenant, ("metadata", "root_account_uuid")), (context, ("metadata",)), (body, ("body",))):
            if refusal := _bad_value(value, path):
                return refusal
    if None in body.values():  # absent and null mean the same at the top level; Canvas sends no nulls there today
        body = {member: value for member, value in body.items() if value is not None}
    if table.stateful:
        body.setdefault("workflow_state", "active")
    try:
        members = table.validate(body)
    except ValidationError as error:
        return _first(table, error)
    extra = {member: body[member] for member in body if member not in members} if len(members) != len(body) else {}
    if extra and not counted and (refusal := left.refusal(extra.values())):
        return refusal
    unknown: tuple[str, ...] = ()
    if found := _unknown(table, members, extra) if extra or table.json else ():
        if any(len(around) + len(member) > MAX_KEY_TEXT for around, member in found):
            return Refusal(Reason.BAD_TEXT, "body", f"a member's name is longer than {MAX_KEY_TEXT} characters")
        names = {around + shown_name(member) for around, member in found}
        unknown = tuple(sorted(names)[:MAX_COUNTED] if len(names) > MAX_COUNTED else names)
    object_id: int = members[table.id_member]
    values: Iterable[Any] = map(members.get, table.fields)
    if table.global_ids or table.json:
        values = _stored(table, object_id, tuple(values))
    if table.global_ids:
        object_id = local_id(object_id)
    hash_ = version_hash(name, canonical_body(table, members, extra))
    row = (
        tenant,
        object_id,
        *values,
        orjson.dumps(plain(extra)).decode() if extra else None,
        name,
        event_time,
        hash_,
        record.source,
        record.partition,
        record.position,
        orjson.dumps(context).decode() if context else None,
        True,
    )
    order = OrderKey(tenant, object_id, event_time, name, members.get("updated_at", NEVER_UPDATED), hash_)
    return Accepted(table, order, row, unknown, where, record)


def _without_fraction(value: str | float) -> str | int | None:
    """An id that became a double on its way; None where it is none any more."""
    return whole_id(value) if isinstance(value, float) else value


@lru_cache(maxsize=1024)
def _tenant(name: str) -> str | None:
    """The name, always the same object for the same text, which sorting is fast with; None where it is no name."""
    return None if has_controls(name) else name


def _time(value: object) -> datetime | None:
    try:
        return time_of(value)
    except PydanticCustomError:
        return None


def _stored(table: Table, object_id: int, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """One value for each of `table.members`, as the columns hold them: local ids, and jsonb as text."""
    if table.global_ids:
        values = (None if table.snapshot and object_id < SHARD else object_id, *values)
    return tuple(
        None
        if value is None
        else local_id(value)
        if member in table.global_ids
        else orjson.dumps(plain(value, member)).decode()
        if member in table.json
        else value
        for member, value in zip(table.members, values, strict=True)
    )


def _unknown(table: Table, members: dict[str, Any], extra: dict[str, Any]) -> list[tuple[str, str]]:
    """The members that no model knows, such as `grade_level` or `rubric_criterion.ratings.icon`: (parents, name)."""
    names = [("", name) for name in extra]
    for name in table.json & members.keys():
        names.extend(_unknown_parts(members[name], f"{name}."))
    return names


def _unknown_parts(value: Any, around: str) -> list[tuple[str, str]]:
    names: list[tuple[str, str]] = []
    for part in value if isinstance(value, list) else (value,):
        if isinstance(part, BaseModel):
            names.extend((around, name) for name in part.__pydantic_extra__ or ())
            for name, inner in part:
                names.extend(_unknown_parts(inner, f"{around}{name}."))
    return names


def _first(table: Table, error: ValidationError) -> Refusal:
    """The first thing that is wrong, in our own words: pydantic's would quote the value, which may be personal."""
    declared = list(table.model.model_fields)
    found = error.errors(include_url=False, include_input=False)
    details: ErrorDetails = min(found, key=lambda details: declared.index(str(details["loc"][0])) if details["loc"] else 0)
    kind = details["type"]
    reason = Reason(kind) if kind in _REASONS else _TYPE_REASONS.get(kind, Reason.BAD_TYPE)
    message = _SENTENCES.get(kind) or (details["msg"] if kind in _REASONS else "a value of another type is expected")
    return Refusal(reason, path_of(("body", *details["loc"])), message)


def _bad_value(value: Any, where: tuple[str | int, ...]) -> Refusal | None:
    """What Postgres or JSON cannot hold: U+0000, lone surrogates, NaN and infinities. Called only where bytes hint at it."""
    match value:
        case str():
            if "\x00" in value:
                return Refusal(Reason.BAD_TEXT, path_of(where), "holds U+0000, which no Postgres text can hold")
            try:
                value.encode()
            except UnicodeEncodeError:
                return Refusal(Reason.BAD_TEXT, path_of(where), "holds half of a surrogate pair, which is no character")
        case float():
            if value != value:
                return Refusal(Reason.BAD_NUMBER, path_of(where), "NaN is no JSON number")
            if value in (float("inf"), float("-inf")):  # 1e400 is one too, once it is parsed
                return Refusal(Reason.BAD_NUMBER, path_of(where), "a number is out of range")
        case int():
            if not isinstance(value, bool) and abs(value) > 2**64:
                return Refusal(Reason.BAD_NUMBER, path_of(where), "a number is out of range")
        case dict():
            for key, inner in value.items():
                if refusal := _bad_value(key, where) or _bad_value(inner, (*where, key)):
                    return refusal
        case list():
            for index, inner in enumerate(value):
                if refusal := _bad_value(inner, (*where, index)):
                    return refusal
    return None
