"""Bytes -> envelopes: every dialect in which an event arrives becomes (metadata, body).

Understood, alone and inside each other: `{metadata, body}` (published), `{attributes, body}` (Canvas' inside),
`{metadata, data}` (documents of 2018);
an SQS message (`Body`; `Messages`, `Records` and `body` as its tools print it), an SNS notification
(`Message`), a `kcat -J` line (`payload`); arrays of any of these.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from schemas.base import Reason

MAX_DEPTH = 64
"""Levels of nesting in one event; Canvas' own events have five."""

MAX_WRAPPERS = 8
"""Wrappers around one event; SQS around SNS around an array makes three."""

_BOM = b"\xef\xbb\xbf"
_SHOWN_BYTES = 40


class Envelope(NamedTuple):
    """One event: both members as they came, not yet validated."""

    metadata: dict[str, Any]
    body: Any
    where: tuple[str | int, ...]
    """Steps from the record's top to this event; a step into text is through its member too."""
    lenient: bool
    """Read by the parser that lets NaN and lone surrogates through: look at every value."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is not an event, and why."""

    reason: Reason
    path: str
    message: str
    where: tuple[str | int, ...] = ()


def path_of(steps: tuple[str | int, ...]) -> str:
    """`("body", "ratings", 1, "points")` -> `body.ratings[1].points`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def parse(text: bytes | str) -> tuple[Any, bool] | Refusal:
    """JSON -> (value, lenient). The strict parser first; the lenient one only tells what exactly the strict one minded."""
    try:
        return orjson.loads(text), False
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        decoded = text if isinstance(text, str) else text.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        return Refusal(Reason.NOT_JSON, "", f"not UTF-8: byte {error.start} starts no character")
    try:
        return json.loads(decoded, parse_int=_integer), True
    except RecursionError:
        return Refusal(Reason.TOO_DEEP, "", f"nested deeper than {MAX_DEPTH} levels")
    except ValueError:
        return Refusal(Reason.NOT_JSON, "", f"not JSON: {_without_content(strict)}{_guess(decoded)}")


def _integer(digits: str) -> int | float:
    """An integer; infinite beyond any double, so that it is refused with its path."""
    return int(digits) if len(digits) < 400 else float(digits)


def _without_content(error: json.JSONDecodeError) -> str:
    return f"{error.msg.split(':')[0]} at line {error.lineno} column {error.colno}"


def _guess(text: str) -> str:
    if text.startswith("eyJ") and text.count(".") == 2:
        return "; it looks like a signed payload (JWT), which the bridge has to decode"
    return ""


def too_deep(value: dict[str, Any] | list[Any]) -> bool:
    """Whether `value` nests deeper than `MAX_DEPTH`. Looks level by level, so that no input can exhaust the stack."""
    level: list[dict[str, Any] | list[Any]] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def unwrap(raw: bytes) -> list[Envelope | Refusal]:
    """All events of one record, at least one. Never raises; a record that cannot be read is one refusal."""
    parsed = parse(raw)
    if isinstance(parsed, Refusal):
        return [parsed]
    value, lenient = parsed
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and isinstance(value, (dict, list)) and too_deep(value):
        return [Refusal(Reason.TOO_DEEP, "", f"nested deeper than {MAX_DEPTH} levels")]
    match value:
        case {"metadata": dict(metadata), "body": body}:  # by far the most, so it goes the short way
            return [Envelope(metadata, body, (), lenient)]
        case _:
            return list(_unwrap(value, lenient, (), 0))


def _unwrap(value: Any, lenient: bool, where: tuple[str | int, ...], wrappers: int) -> Iterator[Envelope | Refusal]:
    if wrappers > MAX_WRAPPERS:
        yield Refusal(Reason.TOO_DEEP, path_of(where), f"wrapped more than {MAX_WRAPPERS} times", where)
        return
    match value:
        case (
            {"metadata": dict(metadata), "body": body}
            | {"attributes": dict(metadata), "body": dict(body)}
            | {
                "metadata": dict(metadata),
                "data": body,
            }
        ):
            yield Envelope(metadata, body, where, lenient)
        case [] | {"Messages": []} | {"Records": []}:
            yield Refusal(Reason.EMPTY_ARRAY, path_of(where), "an array without events", where)
        case list():
            for index, item in enumerate(value):
                yield from _unwrap(item, lenient, (*where, index), wrappers + 1)
        case {"Messages": list(items)}:
            yield from _unwrap(items, lenient, (*where, "Messages"), wrappers + 1)
        case {"Records": list(items)}:
            yield from _unwrap(items, lenient, (*where, "Records"), wrappers + 1)
        case {"Sns": dict(inner)}:
            yield from _unwrap(inner, lenient, (*where, "Sns"), wrappers + 1)
        case {"Body": str(text)}:
            yield from _inner(text, lenient, (*where, "Body"), wrappers)
        case {"Message": str(text)}:
            yield from _inner(text, lenient, (*where, "Message"), wrappers)
        case {"body": str(text)}:
            yield from _inner(text, lenient, (*where, "body"), wrappers)
        case {"topic": str(), "payload": str(text)}:
            yield from _inner(text, lenient, (*where, "payload"), wrappers)
        case {"topic": str(), "payload": dict() | list() as inner}:
            yield from _unwrap(inner, lenient, (*where, "payload"), wrappers + 1)
        case {"sensor": _, "data": list()}:
            message = "a Caliper envelope; outcome events exist in the Canvas format only, so subscribe to that"
            yield Refusal(Reason.UNKNOWN_SHAPE, path_of(where), message, where)
        case dict():
            message = "an object that is neither an event {metadata, body} nor a known wrapper around one"
            yield Refusal(Reason.UNKNOWN_SHAPE, path_of(where), message, where)
        case _:
            yield Refusal(Reason.UNKNOWN_SHAPE, path_of(where), f"{_kind(value)} where an event is expected", where)


def _inner(text: str, lenient: bool, where: tuple[str | int, ...], wrappers: int) -> Iterator[Envelope | Refusal]:
    parsed = parse(text)
    if isinstance(parsed, Refusal):
        yield Refusal(parsed.reason, path_of(where), parsed.message, where)
        return
    value, inner_lenient = parsed
    if isinstance(value, (dict, list)) and text.count("{") + text.count("[") > MAX_DEPTH and too_deep(value):
        yield Refusal(Reason.TOO_DEEP, path_of(where), f"nested deeper than {MAX_DEPTH} levels", where)
        return
    yield from _unwrap(value, lenient or inner_lenient, where, wrappers + 1)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case _:
            return "a number"


def element(raw: bytes, where: tuple[str | int, ...]) -> bytes:
    """The bytes of one event of a record that holds several; the whole record where it cannot be cut.

    The lenient parser keeps what the strict one would refuse or round, so nothing is lost but white space and repeated keys.
    """
    try:
        value: Any = json.loads(raw.removeprefix(_BOM))
        for step in where:
            if isinstance(value, str):
                value = json.loads(value)
            value = value[step]
    except ValueError:  # an integer of thousands of digits, which only the strict parser reads (as a float)
        return raw
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else json.dumps(value).encode()
