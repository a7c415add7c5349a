"""Bytes -> envelopes: every dialect in which an event arrives becomes (metadata, body).

Understood, alone and inside each other: `{metadata, body}` (published), `{attributes, body}` (Canvas' inside),
`{metadata, data}` (documents of 2018);
an SQS message (`Body`; `Messages`, `Records` and `body` as its tools print it), an SNS notification
(`Message`), a `kcat -J` line (`payload`); arrays of any of these.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import orjson

from consumer.printable import shown_name
from schemas.base import MAX_KEY_TEXT, Reason

MAX_DEPTH = 64
"""Levels of nesting in one event; Canvas' own events have five."""

MAX_WRAPPERS = 8
"""Wrappers around one event; SQS around SNS around an array makes three."""

MAX_EVENTS = 20_000
"""Events in one record. So many real ones are more bytes than a record may have; so many zeros are next to none."""

MAX_BRACKETS = 20 * MAX_EVENTS
"""Objects and arrays in one record; an event of Canvas has about ten. A million empty ones take a second to read."""

_MARK = "\ufeff"
"""A byte order mark, which a wrapper's text may have as a record has."""
_DIGITS = len(str(-(2**64)))
_TOO_MANY = 2**64
_BLANK = re.compile(r"[ \t\n\r]*")


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
    """`("body", "ratings", 1, "points")` -> `body.ratings[1].points`; without names that may be somebody's."""
    text = ""
    for step in steps:
        name = shown_name(step[:MAX_KEY_TEXT]) if isinstance(step, str) else f"[{step}]"
        text += f".{name}" if text and isinstance(step, str) else name
    return text


def parse(text: bytes | str) -> tuple[Any, bool] | Refusal:
    """JSON -> (value, lenient). The strict parser first; the lenient one only tells what exactly the strict one minded."""
    try:
        return orjson.loads(text), False
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        decoded = (text if isinstance(text, str) else text.decode("utf-8")).removeprefix(_MARK)
    except UnicodeDecodeError as error:
        return Refusal(Reason.NOT_JSON, "", f"not UTF-8: byte {error.start} starts no character")
    try:
        return json.loads(decoded, parse_int=_integer), True
    except RecursionError:
        return Refusal(Reason.TOO_DEEP, "", f"nested deeper than {MAX_DEPTH} levels")
    except ValueError:
        return Refusal(Reason.NOT_JSON, "", f"not JSON: {_without_content(strict)}{_guess(decoded)}")


def _integer(digits: str) -> int | float:
    """An integer; beyond 64 bits a double, as the strict parser reads it, and infinite where even that is too small."""
    value = int(digits) if len(digits) <= _DIGITS else _TOO_MANY
    return value if -(2**63) <= value < 2**64 else float(digits)


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
    # As many brackets as levels, at least; to delete them is five times as fast as to count them.
    brackets = 2 * len(raw) - len(raw.replace(b"{", b"")) - len(raw.replace(b"[", b""))
    if brackets > MAX_BRACKETS:
        return [Refusal(Reason.TOO_LARGE, "", f"more than {MAX_BRACKETS:,} objects and arrays")]
    parsed = parse(raw)
    if isinstance(parsed, Refusal):
        return [parsed]
    value, lenient = parsed
    if brackets > MAX_DEPTH and isinstance(value, (dict, list)) and too_deep(value):
        return [Refusal(Reason.TOO_DEEP, "", f"nested deeper than {MAX_DEPTH} levels")]
    if type(value) is dict and type(metadata := value.get("metadata")) is dict and "body" in value:
        return [Envelope(metadata, value["body"], (), lenient)]  # by far the most, so they go the short way
    found = list(islice(_unwrap(value, lenient, (), 0), MAX_EVENTS + 1))
    return found if len(found) <= MAX_EVENTS else [Refusal(Reason.TOO_LARGE, "", f"more than {MAX_EVENTS:,} events")]


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
    hidden = "u0000" in text  # the bytes of the record need not hint at it: the wrapper may have escaped the u
    yield from _unwrap(value, lenient or inner_lenient or hidden, where, wrappers + 1)


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


class Elements:
    """Cuts events out of a record that holds several, as they were written. Reads it once, however many are asked for."""

    def __init__(self, raw: bytes) -> None:
        self._text = raw.decode("utf-8").removeprefix(_MARK)
        self._parts: dict[tuple[str | int, ...], dict[str | int, str]] = {}

    def cut(self, where: tuple[str | int, ...]) -> bytes:
        """The event there, or the text that should have held one; decoded again, it says the same."""
        text = self._at(where)
        if where and isinstance(where[-1], str) and text.startswith('"'):
            text = _decoder.decode(text)
        return text.encode("utf-8", "backslashreplace")  # half a surrogate pair, which JSON writes in the same way

    def _at(self, where: tuple[str | int, ...]) -> str:
        if not where:
            return self._text
        *outer, step = where
        around = tuple(outer)
        if around not in self._parts:
            text = self._at(around)
            inner = _decoder.decode(text).removeprefix(_MARK) if text.startswith('"') else text
            self._parts[around] = dict(_parts(inner))
        return self._parts[around][step]


_decoder = json.JSONDecoder(parse_int=_integer)


def _parts(text: str) -> Iterator[tuple[str | int, str]]:
    """Name or index, and text, of each part of an array or object that was read before, so that it is known to be whole."""
    at = _behind_blanks(text, 0)
    in_array = text[at] == "["
    at = _behind_blanks(text, at + 1)
    index = 0
    while text[at] not in "]}":
        name: str | int = index
        if not in_array:
            name, at = _decoder.raw_decode(text, at)
            at = _behind_blanks(text, _behind_blanks(text, at) + 1)
        _, end = _decoder.raw_decode(text, at)
        yield name, text[at:end]
        at = _behind_blanks(text, end)
        if text[at] == ",":
            at = _behind_blanks(text, at + 1)
        index += 1


def _behind_blanks(text: str, at: int) -> int:
    blanks = _BLANK.match(text, at)
    return blanks.end() if blanks else at
