"""The commonest record in one step: a single flat event in plain ASCII, as Canvas writes it.

Its version is the one that `decode_any` finds. Whenever anything is unusual the answer is None, and `decode_any` decides: only
the models say what is valid. For each kind of event a function is written from its model; `source_of` shows it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import astuple

from consumer.ingest.canonical import hasher_of
from consumer.ingest.records import Accepted, RawRecord
from consumer.ingest.tables import TABLE_OF_EVENT, Table
from consumer.ingest.version import CONTEXT, interned_name, stored_values, version_of
from consumer.settings import People
from schemas.base import MAX_KEY_TEXT, MAX_NUMBER, usual_time
from schemas.columns import columns_of

_LIMIT = int(MAX_NUMBER)
_Text = Annotated[str, Meta(max_length=MAX_KEY_TEXT)]
_Id = Annotated[str, Meta(max_length=18)]
"""Any number of so many digits is an id, if it is not 0."""
_Number = Annotated[int, Meta(ge=-_LIMIT, le=_LIMIT)] | Annotated[float, Meta(ge=-_LIMIT, le=_LIMIT)]
_Integer = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
_Dropped = str | bool | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | float | None
"""Known and not stored: anything that is not nested."""
_TYPES: Mapping[str, Any] = {
    "bigint": _Id,
    "text": _Text,
    "timestamptz": str,
    "double precision": _Number,
    "integer": _Integer,
    "boolean": bool,
}
"""Type of a column -> the usual JSON."""

_encode = msgspec.json.Encoder().encode


class _Metadata(msgspec.Struct, gc=False):
    event_name: str
    event_time: str
    root_account_uuid: _Text
    context_type: str | UnsetType | None = UNSET
    context_id: str | UnsetType | None = UNSET
    context_account_id: str | UnsetType | None = UNSET
    root_account_id: str | UnsetType | None = UNSET


class _Reader(NamedTuple):
    """How the events of one name are read."""

    name: str
    table: Table
    decode: Callable[[bytes], Any]
    members: Callable[[Any], Any]
    hasher: Any


def _body(table: Table) -> type[msgspec.Struct]:
    """The usual JSON of a body. Null is a value only where absent means the same."""
    fields: list[Any] = [(name, _Dropped, None) for name in sorted(table.dropped)]
    for column in columns_of(table.model):
        type_ = _TYPES[column.type]
        if column.member == "workflow_state" and table.stateful:
            fields.append((column.member, type_, "active"))
        elif column.required:
            fields.append((column.member, type_))
        else:
            fields.append((column.member, type_ | None, None))
    return msgspec.defstruct("Body", sorted(fields), kw_only=True, forbid_unknown_fields=True, gc=False)


_STEPS = {
    "bigint": ("{0} = int({0}) if {0}.isdigit() else 0", "if {0} == 0:", "    return None"),
    "timestamptz": ("{0} = usual_time({0})", "if {0} is None:", "    return None"),
    "double precision": ("{0} += 0.0  # a float, and never -0.0", "whole_{0} = int({0}) if {0}.is_integer() else {0}"),
}
"""Type of a column -> what is done with a value that is not null."""


def source_of(table: Table) -> str:
    """The function that makes `Members` of a body of the usual types; None where a value is unusual."""
    columns = sorted(columns_of(table.model), key=attrgetter("member"))
    known = ["_" if name in table.dropped else name for name in _body(table).__struct_fields__]
    lines = [f"{', '.join(known)} = astuple(body)"]
    canonical = []
    for column in columns:
        name = column.member
        steps = [step.format(name) for step in _STEPS.get(column.type, ())]
        if steps and not column.required:
            steps = [f"if {name} is not None:", *(f"    {step}" for step in steps)]
        if name in table.user_uuids:
            steps = [f"if {name} is not None and not {name}.strip():  # nobody's", "    return None"]
        lines += steps
        canonical.append(name)
        if column.type == "double precision":
            lines += ["else:", f"    whole_{name} = None"]
            canonical[-1] = f"whole_{name}"
    values = "".join(f"{name}, " for name in table.fields)
    lines.append(f"return ({table.id_member}, updated_at, ({values}), Canonical({', '.join(canonical)}))")
    return "\n    ".join(["def members(body):", *lines])


def _reader(name: str, table: Table) -> _Reader:
    body = _body(table)
    event = msgspec.defstruct("Event", [("metadata", _Metadata), ("body", body)], gc=False)
    names = sorted(column.member for column in columns_of(table.model))
    canonical = msgspec.defstruct("Canonical", [(member, Any, None) for member in names], omit_defaults=True, gc=False)
    scope: dict[str, Any] = {"astuple": astuple, "usual_time": usual_time, "Canonical": canonical}
    exec(source_of(table), scope)  # noqa: S102 - of names in our own models; a loop over the members takes half as long again
    return _Reader(name, table, msgspec.json.Decoder(event).decode, scope["members"], hasher_of(name))


_FLAT = [_reader(name, table) for name, table in TABLE_OF_EVENT.items() if not table.json]
_READERS: Mapping[People, Mapping[bytes, _Reader]] = {
    "off": {reader.name.encode(): reader for reader in _FLAT if not reader.table.model.about_people},
    "ids": {reader.name.encode(): reader for reader in _FLAT},
    "names": {reader.name.encode(): reader for reader in _FLAT if not reader.table.dropped},
}
"""Those that read all that is to be stored."""


def common_version(record: RawRecord, raw: bytes, now: datetime, max_future: timedelta, people: People) -> Accepted | None:
    """The version in a record of the common shape; None for any other record."""
    # Three objects, nothing nested. Deleting the brackets is faster than counting them.
    if not raw.isascii() or b"\\" in raw or b"[" in raw or len(raw) - len(raw.replace(b"{", b"")) != 3:
        return None
    at = raw.find(b'"', raw.find(b'"event_name"') + 12) + 1
    reader = _READERS[people].get(raw[at : raw.find(b'"', at)])
    if reader is None:
        return None
    try:
        event = reader.decode(raw)
    except msgspec.DecodeError:
        return None
    metadata = event.metadata
    event_time = usual_time(metadata.event_time)
    tenant = interned_name(metadata.root_account_uuid)
    if metadata.event_name != reader.name or not tenant or event_time is None or event_time - now > max_future:
        return None
    members = reader.members(event.body)
    if members is None:
        return None
    hasher = reader.hasher.copy()
    object_id, updated_at, values, canonical = members
    hasher.update(_encode(canonical))
    hash_ = int.from_bytes(hasher.digest(), "big", signed=True)
    context = {} if metadata.context_type is UNSET else _known(metadata)
    if reader.table.global_ids:
        told = {reader.table.id_member: object_id} | dict(zip(reader.table.fields, values, strict=True))
        told = {member: value for member, value in told.items() if value is not None}
        object_id, values = stored_values(reader.table, told, _known(metadata))
    return version_of(reader.table, tenant, reader.name, event_time, object_id, updated_at, hash_, values, record, context)


def _known(metadata: _Metadata) -> dict[str, Any]:
    return {key: value for key in CONTEXT if type(value := getattr(metadata, key)) is str}
