"""The canonical form of a body: the same bytes, whatever a program on the way changed.

Members sorted by name, top-level nulls left out, ids as integers, whole numbers without a fraction, times in UTC. Members that
no model knows follow the same rules by their names, so that a model may add them later without new versions of old events.
"""

from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple, get_args, get_origin

import orjson
from pydantic import BaseModel

from consumer.ingest.tables import Table
from schemas.base import EXACT, MAX_ID, Body, whole_id

_ID_DIGITS = 19
"""As in the models, so that an unknown id is read like a known one."""
_OPTIONS = orjson.OPT_UTC_Z


def _is_float(annotation: Any) -> bool:
    return annotation is float or any(_is_float(part) for part in get_args(annotation))


def _is_nested(annotation: Any) -> bool:
    return (
        get_origin(annotation) is list
        or (isinstance(annotation, type) and issubclass(annotation, BaseModel))
        or any(_is_nested(part) for part in get_args(annotation))
    )


class _Kinds(NamedTuple):
    """Top-level members that are doubles, and those that are nested."""

    floats: tuple[str, ...]
    nested: tuple[str, ...]


@cache
def _kinds(model: type[Body]) -> _Kinds:
    fields = {name: info.annotation for name, info in model.model_fields.items()}
    return _Kinds(
        tuple(name for name, annotation in fields.items() if _is_float(annotation) and not _is_nested(annotation)),
        tuple(name for name, annotation in fields.items() if _is_nested(annotation)),
    )


def plain(value: Any, name: str = "") -> Any:
    """The canonical form of a nested or unknown value. `name`: of its member."""
    kind = type(value)
    if kind is str:
        return _unknown_id(value) if name == "id" or name.endswith("_id") else value
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < EXACT else value
    if kind is dict:
        return {key: plain(value[key], key) for key in sorted(value)}
    if kind is list or kind is tuple:
        name = name.removesuffix("s")
        return [plain(item, name) for item in value]
    if isinstance(value, BaseModel):
        return plain(value.model_dump(exclude_unset=True))
    return value


def _unknown_id(text: str) -> int | str:
    """Read like a known id."""
    if len(text) <= _ID_DIGITS and text.isascii() and text.isdigit():
        return int(text) if 0 < int(text) <= MAX_ID else text
    return whole_id(text) or text


def canonical_body(table: Table, members: dict[str, Any], unknown: dict[str, Any]) -> bytes:
    """As JSON bytes. `members`: those that are known and not null, sorted by name.

    Changes -0.0 to 0.0 in `members` too: the stored row must not depend on which copy came first.
    """
    floats, nested = _kinds(table.model)
    canonical = members.copy()
    for name in floats:
        value = canonical.get(name)
        if value is not None and value.is_integer() and abs(value) < EXACT:
            canonical[name] = int(value)
            if not value:
                members[name] = 0.0
    for name in nested:
        if name in canonical:
            canonical[name] = plain(canonical[name], name)
    if unknown:
        return orjson.dumps(canonical | plain(unknown), option=_OPTIONS | orjson.OPT_SORT_KEYS)
    return orjson.dumps(canonical, option=_OPTIONS)


def version_hash(event_name: str, canonical: bytes) -> int:
    """64-bit hash of event name and canonical body, signed (a Postgres `bigint`).

    It only tells apart versions of one object with one `event_time`, which are few.
    """
    hasher = hasher_of(event_name).copy()
    hasher.update(canonical)
    return int.from_bytes(hasher.digest(), "big", signed=True)


@cache
def hasher_of(event_name: str) -> blake2b:
    """What `version_hash` begins with. Copy it."""
    return blake2b(digest_size=8, key=event_name.encode()[:64])
