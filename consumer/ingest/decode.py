"""One record -> one verdict per event. Pure: no clock, no network, no exception."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from consumer.ingest.canonical import canonical_body, version_hash
from consumer.ingest.common_shape import common_version
from consumer.ingest.elements import Elements
from consumer.ingest.person_names import telling_of
from consumer.ingest.records import Accepted, Ignored, RawRecord, Rejected, Verdict
from consumer.ingest.tables import CANVAS, TABLE_OF_EVENT, TABLE_OF_SNAPSHOT, Table
from consumer.ingest.texts import Refusal, Steps, path_of
from consumer.ingest.unwrap import Envelope, unwrap
from consumer.ingest.version import CONTEXT, interned_name, stored_values, version_of
from consumer.printable import has_controls, printable, shown_name
from consumer.settings import People, Settings
from schemas.base import MAX_KEY_TEXT, Reason, time_of, whole_id

TOMBSTONE = "(tombstone)"
"""The name that counts Kafka messages without a value."""

MAX_VALUES = 10_000
"""Most values, at any depth, in the unknown and nested members of one event. Canvas' events have fewer than a hundred."""

VALUES_OF_EACH = 50
"""Most such values per event, on average, in a record of several events, if that is more than `MAX_VALUES` in all."""

MAX_COUNTED = 100
"""Most unknown members of one event that are counted; all are kept. A megabyte of invented names would be 80,000 rows."""

_WORDS = (str, int, float)
_HALF_PAIR = "holds half of a surrogate pair, which is no character"
_REASONS = frozenset(Reason)
_TYPE_REASONS = {"missing": Reason.MISSING_MEMBER, "string_too_long": Reason.BAD_TEXT, "string_unicode": Reason.BAD_TEXT}
_SENTENCES = {
    "missing": "this member is required",
    "string_type": "a text is expected",
    "string_unicode": _HALF_PAIR,
    "string_too_long": "a text of at most {max_length} characters is expected",
    "bool_type": "true or false is expected",
    "list_type": "an array is expected",
    "too_long": "an array of at most {max_length} elements is expected",
    "tuple_type": "an array is expected",
    "model_type": "an object is expected",
    "dict_type": "an object is expected",
}
"""Our sentences for pydantic's errors."""
_CONTROLS = "holds control characters, which no name has"
_NO_TENANT = "no root_account_uuid, and no default tenant (OUTCOMES_DEFAULT_TENANT) is configured"
_NO_TIME = "event_time is missing, or is not a time in ISO 8601 with a zone; without it the event has no place in history"


TURN_SECONDS = 0.01
"""Who decodes many records lets other tasks run after this time: the worst record takes a thousand times the usual."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of the decoder."""

    default_tenant: str | None = None
    """Tenant of events without `metadata.root_account_uuid`. None: such events are refused."""
    max_record_bytes: int = 4 * 1024 * 1024
    """A larger record is refused unread. Canvas itself drops events above 1,000,000 bytes."""
    max_future: timedelta = timedelta(days=1)
    """Most that `event_time` may be ahead of the clock."""
    people: People = "ids"
    """How much is stored about people. No version's hash depends on it."""

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        """Those that the settings name."""
        return cls(settings.default_tenant, settings.max_record_bytes, settings.max_future, settings.people)


def decode(record: RawRecord, rules: Rules, now: datetime) -> list[Verdict]:
    """The verdicts of all events in `record`, at least one. `now`: UTC, to tell events from the future."""
    raw = record.value
    if raw is None:
        return [Ignored(TOMBSTONE, None, record)]
    if len(raw) > rules.max_record_bytes:
        message = f"{len(raw)} bytes, more than the {rules.max_record_bytes} that are allowed"
        return [Rejected(Reason.TOO_LARGE, "", message, None, raw, record)]
    version = common_version(record, raw, now, rules.max_future, rules.people)
    return decode_any(record, raw, rules, now) if version is None else [version]


def decode_any(record: RawRecord, raw: bytes, rules: Rules, now: datetime) -> list[Verdict]:
    """The verdicts of all events in a record of any shape."""
    found = unwrap(raw)
    decoder = _Decoder(record, raw, rules, now, len(found))
    return [decoder.verdict(item) for item in found]


class _Refused(Exception):
    """The event is refused; the only argument is the `Refusal`."""


def _refused(reason: Reason, path: str, message: str) -> _Refused:
    return _Refused(Refusal(reason, path, message))


class _Decoder:
    """Decodes the events of one record."""

    __slots__ = ("_elements", "_now", "_raw", "_record", "_rules", "_suspicious", "_values_left")

    def __init__(self, record: RawRecord, raw: bytes, rules: Rules, now: datetime, events: int) -> None:
        self._record = record
        self._raw = raw
        self._rules = rules
        self._now = now
        self._suspicious = (b"\\" in raw and b"u0000" in raw) or b"\x00" in raw
        self._elements = Elements(raw) if events > 1 else None
        self._values_left = max(MAX_VALUES, VALUES_OF_EACH * events)
        """How many values the unknown and nested members of the remaining events may have."""

    def verdict(self, item: Envelope | Refusal) -> Verdict:
        name: str | None = None
        if isinstance(item, Envelope):
            try:
                return self._event(item)
            except _Refused as refused:
                refusal: Refusal = refused.args[0]
                given = item.metadata.get("event_name")
                name = given if isinstance(given, str) and given in TABLE_OF_EVENT else None
        else:
            refusal = item
        return Rejected(
            refusal.reason,
            printable(refusal.path[:MAX_KEY_TEXT])[:MAX_KEY_TEXT],  # it may contain names out of the record
            refusal.message,
            name,
            self._raw if self._elements is None else self._elements.raw_event(item.steps),
            self._record,
        )

    def _event(self, envelope: Envelope) -> Accepted | Ignored:
        """The order matters: it decides which refusal an event with several faults gets."""
        metadata, record = envelope.metadata, self._record
        suspicious = self._suspicious or envelope.lenient
        name = _name(metadata.get("event_name"), suspicious=suspicious)
        table = TABLE_OF_EVENT.get(name)
        if table is None and record.source.startswith(CANVAS):
            table = TABLE_OF_SNAPSHOT.get(name)
        if self._rules.people == "off" and table is not None and table.model.about_people:
            table = None
        event_time = _time(metadata.get("event_time"))
        ahead = event_time is not None and event_time - self._now > self._rules.max_future
        if table is None:
            if has_controls(name):
                raise _refused(Reason.BAD_TEXT, "metadata.event_name", _CONTROLS)
            # Freshness follows ignored events too: a time in the future would be the newest of its partition for ever.
            return Ignored(shown_name(name), None if ahead else event_time, record)
        if event_time is None:
            raise _refused(Reason.BAD_TIME, "metadata.event_time", _NO_TIME)
        if ahead:
            most = _in_words(self._rules.max_future)
            message = f"event_time is more than {most} ahead of the clock; it would freeze its row until then"
            raise _refused(Reason.FUTURE_EVENT_TIME, "metadata.event_time", message)
        tenant = _tenant(metadata.get("root_account_uuid") or self._rules.default_tenant)
        body = envelope.body
        if not isinstance(body, dict):
            raise _refused(Reason.BAD_TYPE, "body", "the body is an object")
        context = _context(metadata)
        counted = suspicious or bool(table.json) or len(body) > MAX_VALUES
        if counted:
            self._count_values(body.values())
        if suspicious:
            _check_values(tenant, ("metadata", "root_account_uuid"))
            _check_values(context, ("metadata",))
            _check_values(body, ("body",))
        if None in body.values():  # at the top level, null means absent; Canvas sends no nulls there today
            body = {member: value for member, value in body.items() if value is not None}
        names = telling_of(table.model, body, event_time) if self._rules.people == "names" and table.dropped else None
        if table.dropped:
            body = {member: value for member, value in body.items() if member not in table.dropped}
        if table.stateful:
            body.setdefault("workflow_state", "active")
        try:
            members = table.validate(body)
        except ValidationError as error:
            raise _Refused(_first_error(table, error)) from None
        extra = {member: body[member] for member in body if member not in members} if len(members) != len(body) else {}
        if extra and not counted:
            self._count_values(extra.values())
        unknown = _unknown(table, members, extra) if extra or table.json else ()
        hash_ = version_hash(name, canonical_body(table, members, extra))
        if extra and self._rules.people != "names" and table.model.about_people:
            extra = {}  # their names are counted, what they say is kept nowhere
        steps = None if self._elements is None else envelope.steps
        for member in table.user_uuids:
            if not members.get(member, "-").strip():
                del members[member]  # nobody's; the hash is that of what was sent
        object_id, values = stored_values(table, members, metadata)
        return version_of(
            table,
            tenant,
            name,
            event_time,
            object_id,
            members.get("updated_at"),
            hash_,
            values,
            record,
            context,
            extra,
            unknown,
            steps,
            names,
        )

    def _count_values(self, values: Collection[Any]) -> None:
        """Subtracts the values in `values`, at any depth, from those left."""
        found, level = 0, [values]
        while level:
            found += sum(map(len, level))
            if found > MAX_VALUES:
                message = f"more than {MAX_VALUES:,} values in members that are nested or that no model knows"
                raise _refused(Reason.TOO_LARGE, "body", message)
            if found > self._values_left:
                message = "the record's events together have too many values in such members; retried, each is read alone"
                raise _refused(Reason.TOO_LARGE, "body", message)
            level = [
                inner.values() if isinstance(inner, dict) else inner
                for outer in level
                for inner in outer
                if isinstance(inner, (dict, list))
            ]
        self._values_left -= found


def _name(name: object, *, suspicious: bool) -> str:
    if not isinstance(name, str) or not name or len(name) > MAX_KEY_TEXT:
        raise _refused(Reason.UNKNOWN_SHAPE, "metadata.event_name", "an event has a name of 1 to 255 characters")
    if suspicious:
        _check_values(name, ("metadata", "event_name"))
    return name


def _time(value: object) -> datetime | None:
    try:
        return time_of(value)
    except PydanticCustomError:
        return None


def _in_words(time: timedelta) -> str:
    """In the largest unit without a fraction: `1 day`, `90 seconds`."""
    seconds = int(time.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds and seconds % length == 0:
            return f"{seconds // length} {unit}{'s' if seconds > length else ''}"
    return "0 seconds"


def _tenant(uuid: object) -> str:
    path = "metadata.root_account_uuid"
    if not uuid:
        raise _refused(Reason.NO_TENANT, path, _NO_TENANT)
    if not isinstance(uuid, str) or len(uuid) > MAX_KEY_TEXT:
        raise _refused(Reason.BAD_TYPE, path, "root_account_uuid is a text of at most 255 characters")
    if (tenant := interned_name(uuid)) is None:
        raise _refused(Reason.BAD_TEXT, path, _CONTROLS)
    return tenant


def _context(metadata: dict[str, Any]) -> dict[str, Any]:
    """Empty without a context type: a background job knows no more than the root account."""
    if CONTEXT[0] not in metadata:
        return {}
    context = {key: metadata[key] for key in CONTEXT if type(metadata.get(key)) in _WORDS}
    if float in map(type, context.values()):  # ids that a program on the way turned into doubles
        whole = {key: whole_id(value) if isinstance(value, float) else value for key, value in context.items()}
        context = {key: value for key, value in whole.items() if value is not None}
    return context


def _unknown(table: Table, members: dict[str, Any], extra: dict[str, Any]) -> tuple[str, ...]:
    """Names of members that no model knows, such as `grade_level` or `rubric_criterion.ratings.icon`."""
    found = [("", name) for name in extra]
    for name in table.json & members.keys():
        found.extend(_unknown_parts(members[name], f"{name}."))
    if any(len(parents) + len(name) > MAX_KEY_TEXT for parents, name in found):
        raise _refused(Reason.BAD_TEXT, "body", f"a member's name is longer than {MAX_KEY_TEXT} characters")
    names = {parents + shown_name(name) for parents, name in found}
    return tuple(sorted(names)[:MAX_COUNTED] if len(names) > MAX_COUNTED else names)


def _unknown_parts(value: Any, parents: str) -> list[tuple[str, str]]:
    names: list[tuple[str, str]] = []
    for part in value if isinstance(value, list) else (value,):
        if isinstance(part, BaseModel):
            names.extend((parents, name) for name in part.__pydantic_extra__ or ())
            for name, inner in part:
                names.extend(_unknown_parts(inner, f"{parents}{name}."))
    return names


def _first_error(table: Table, error: ValidationError) -> Refusal:
    """In our own words: pydantic quotes the value, which may be personal."""
    declared = list(table.model.model_fields)
    found = error.errors(include_url=False, include_input=False)
    details: ErrorDetails = min(found, key=lambda details: declared.index(str(details["loc"][0])) if details["loc"] else 0)
    kind = details["type"]
    reason = Reason(kind) if kind in _REASONS else _TYPE_REASONS.get(kind, Reason.BAD_TYPE)
    sentence = _SENTENCES.get(kind, "a value of another type is expected").format_map(details.get("ctx", {}))
    return Refusal(reason, path_of(("body", *details["loc"])), details["msg"] if kind in _REASONS else sentence)


def _check_values(value: Any, steps: Steps) -> None:
    """Refuses U+0000, lone surrogates, NaN and infinities: Postgres or JSON cannot store them. Slow."""
    match value:
        case str():
            if "\x00" in value:
                raise _refused(Reason.BAD_TEXT, path_of(steps), "holds U+0000, which no Postgres text can hold")
            try:
                value.encode()
            except UnicodeEncodeError:
                raise _refused(Reason.BAD_TEXT, path_of(steps), _HALF_PAIR) from None
        case float():
            if value != value:
                raise _refused(Reason.BAD_NUMBER, path_of(steps), "NaN is no JSON number")
            if value in (float("inf"), float("-inf")):  # also 1e400, once it is parsed
                raise _refused(Reason.BAD_NUMBER, path_of(steps), "a number is out of range")
        case int():
            if not isinstance(value, bool) and abs(value) > 2**64:
                raise _refused(Reason.BAD_NUMBER, path_of(steps), "a number is out of range")
        case dict():
            for key, inner in value.items():
                _check_values(key, steps)
                _check_values(inner, (*steps, key))
        case list():
            for index, inner in enumerate(value):
                _check_values(inner, (*steps, index))
