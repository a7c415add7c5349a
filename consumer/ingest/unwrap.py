"""Bytes -> envelopes: finds the events of a record by their shape, in any wrapper.

An object is an event if its `metadata` (or `attributes`) has an `event_name` and it has a `body` (or `data`). Events are not
searched inside. Everything else is: objects by member, arrays by element, texts by what `texts` finds in them. Members and
texts without an event belong to the wrapper. Elements without one, beside others, are refused alone. A record without any
event is refused with a sentence that says what it looks like.
"""

from collections import Counter
from itertools import islice
from typing import Any, NamedTuple

import orjson

from consumer.ingest.texts import (
    MAX_BRACKETS,
    MAX_DEPTH,
    MAX_TEXT,
    SMALLEST,
    TOO_MANY_BRACKETS,
    Json,
    Refusal,
    Steps,
    TooMuch,
    opened,
    parse,
    path_of,
    text_of,
    text_of_numbers,
)
from consumer.ingest.unrecognized import refusals
from schemas.base import Reason

MAX_WRAPPERS = 8
"""Most texts nested around one event; SQS around SNS makes two."""

MAX_EVENTS = 20_000
"""Most events in one record. So many real ones would be more bytes than a record may have."""

MAX_VALUES = 50_000
"""Most objects, arrays and texts that are searched in one record. A wrapper has about five for each event."""

_DEEP = f"nested deeper than {MAX_DEPTH} levels"


class Envelope(NamedTuple):
    """One event, not validated yet."""

    metadata: dict[str, Any]
    body: Any
    steps: Steps
    lenient: bool
    """The parser let NaN and lone surrogates through: every value needs a check."""


class _Text(NamedTuple):
    """Facts about the text that a value was parsed from."""

    lenient: bool
    deep: bool
    """Has enough brackets to be nested too deeply."""
    number: int
    """How many texts are around it."""


def too_deep(value: dict[str, Any] | list[Any]) -> bool:
    """Whether `value` is nested deeper than `MAX_DEPTH`. Goes level by level: no input can exhaust the stack."""
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
    """All events of one record, at least one item. Never raises; an unreadable record is one refusal."""
    # At least as many brackets as levels. Deleting them is five times as fast as counting them.
    brackets = 2 * len(raw) - len(raw.replace(b"{", b"")) - len(raw.replace(b"[", b""))
    if brackets > MAX_BRACKETS:
        return [Refusal(Reason.TOO_LARGE, "", TOO_MANY_BRACKETS)]
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _search(raw, parse(raw))
    if (
        type(value) is dict
        and type(metadata := value.get("metadata")) is dict
        and "event_name" in metadata
        and type(value.get("body", "")) is not str
    ):
        if brackets > MAX_DEPTH and too_deep(value):  # the usual case, without a search
            return [Refusal(Reason.TOO_DEEP, "", _DEEP)]
        return [Envelope(metadata, value["body"], (), False)]
    return _search(raw, Json(value, False))


def holds_event(raw: bytes) -> bool:
    """Whether a record contains an event, even one that is refused."""
    return any(type(item) is Envelope and "event_name" in item.metadata for item in unwrap(raw))


def _search(raw: bytes, parsed: Json | Refusal) -> list[Envelope | Refusal]:
    search = _Search(MAX_TEXT + 3 * len(raw))
    try:
        if isinstance(parsed, Json):
            deep = raw.count(b"{") + raw.count(b"[") > MAX_DEPTH
            found = search.value(parsed.value, (), _Text(parsed.lenient, deep, 0), 0)
            found = found or list(islice(refusals(parsed.value, ()), MAX_EVENTS + 1))
        elif parsed.reason is Reason.TOO_DEEP:
            return [parsed]
        else:
            found = search.text(text_of(raw, search.spend), (), _Text(False, False, -1), 0) or [parsed]
    except TooMuch as error:
        return [Refusal(Reason.TOO_LARGE, "", str(error))]
    if len(found) > MAX_EVENTS:
        return [Refusal(Reason.TOO_LARGE, "", _TOO_MANY)]
    if all(type(item) is Refusal and item.reason is Reason.TOO_DEEP for item in found):
        return found[:1]
    return found


_TOO_MANY = f"more than {MAX_EVENTS:,} events"


class _Search:
    """Finds events. Raises `TooMuch` rather than return only some of them."""

    def __init__(self, characters: int) -> None:
        self._values = MAX_VALUES
        self._characters = characters

    def value(self, value: Any, steps: Steps, text: _Text, depth: int) -> list[Envelope | Refusal]:
        """The events of a value at this depth."""
        if type(value) is str:
            return self.text(value, steps, text, depth)
        if not isinstance(value, (dict, list)):
            return []
        self._visit()
        if depth >= MAX_DEPTH:
            return [Refusal(Reason.TOO_DEEP, "", _DEEP, steps)]
        if isinstance(value, list):
            return self._array(value, steps, text, depth)
        if (event := _event(value)) is None:
            return self._members(value, steps, text, depth)
        if not event.certain and (found := self._members(value, steps, text, depth)):
            return found
        if (text.deep or event.opened) and too_deep([event.metadata, event.body]):
            return [Refusal(Reason.TOO_DEEP, path_of(steps), _DEEP, steps)]
        return [Envelope(event.metadata, event.body, steps, text.lenient or event.lenient)]

    def _visit(self) -> None:
        self._values -= 1
        if self._values < 0:
            raise TooMuch(f"more than {MAX_VALUES:,} values to search for events")

    def spend(self, characters: int) -> None:
        """Counts characters that are searched."""
        self._characters -= characters
        if self._characters < 0:
            raise TooMuch("too much text within texts to search for events")

    def _members(self, value: dict[str, Any], steps: Steps, text: _Text, depth: int) -> list[Envelope | Refusal]:
        """The events of all members. Members with equal events, such as a text and its parsed form, count once."""
        by_member = [
            found
            for name, member in value.items()
            if _may_hold(member) and (found := self.value(member, (*steps, name), text, depth + 1))
        ]
        if len(by_member) < 2:
            return by_member[0] if by_member else []
        known: Counter[Any] = Counter()
        different: list[Envelope | Refusal] = []
        for found in by_member:
            here: Counter[Any] = Counter()
            for item in found:
                if type(item) is Envelope:
                    key = _frozen((item.metadata, item.body))
                    here[key] += 1
                    if here[key] <= known[key]:
                        continue
                different.append(item)
            known |= here  # as often as in the member that has it most often
        return different

    def _array(self, value: list[Any], steps: Steps, text: _Text, depth: int) -> list[Envelope | Refusal]:
        if (inner := text_of_numbers(value, self.spend)) is not None:
            return self.text(inner, (*steps, 0), text, depth + 1, part=True)
        by_index = {
            index: found
            for index, item in enumerate(value)
            if _may_hold(item) and (found := self.value(item, (*steps, index), text, depth + 1))
        }
        if not by_index:
            return []
        every: list[Envelope | Refusal] = []
        if list(by_index) == [len(value) - 1] and all(map(_is_bare, value[:-1])) and _event(value[-1]) is None:
            return by_index[len(value) - 1]  # [time, event], as Fluent Bit writes it
        if all(index in by_index or _is_short(item) for index, item in enumerate(value)) and not any(
            isinstance(value[index], (dict, list)) for index in by_index
        ):
            return [item for found in by_index.values() for item in found]  # a row, such as Loki's [time, text]
        for index, item in enumerate(value):
            every += by_index.get(index) or refusals(item, (*steps, index))
            if len(every) > MAX_EVENTS:
                raise TooMuch(_TOO_MANY)
        return every

    def text(self, text: str, steps: Steps, around: _Text, depth: int, *, part: bool = False) -> list[Envelope | Refusal]:
        """The events of a text inside `around`. `part`: the text is part of another text."""
        if len(text) < SMALLEST:
            return []
        self._visit()
        self.spend(len(text))
        number = around.number + 1
        held = opened(text, self.spend)
        if isinstance(held, Refusal):
            return [Refusal(held.reason, path_of(steps), held.message, steps)]
        if isinstance(held, Json) and not _may_hold(held.value):
            return []
        if held and (number > MAX_WRAPPERS or depth >= MAX_DEPTH):
            return [Refusal(Reason.TOO_DEEP, path_of(steps), f"wrapped more than {MAX_WRAPPERS} times", steps)]
        if isinstance(held, Json):
            deep = text.count("{") + text.count("[") > MAX_DEPTH
            return self.value(held.value, steps, _Text(around.lenient or held.lenient, deep, number), depth)
        inside = around._replace(number=number) if part else around
        by_part = [self.text(inner.text, (*steps, index), inside, depth + 1, part=True) for index, inner in enumerate(held)]
        if not any(by_part):
            return []
        every: list[Envelope | Refusal] = []
        for index, (inner, found) in enumerate(zip(held, by_part, strict=True)):
            every += found
            if inner.broken and not found:
                at = (*steps, index)
                every.append(Refusal(Reason.NOT_JSON, path_of(at), "not JSON, but a part of an event is in it", at))
        return every


def _is_short(value: Any) -> bool:
    """Whether it is a number or a word, which cannot be a broken event."""
    return not isinstance(value, (dict, list)) and (type(value) is not str or (len(value) < SMALLEST and value[:1] not in "{["))


def _is_bare(value: Any) -> bool:
    """Whether it is short, empty, or a list of such values."""
    return not value or _is_short(value) or (type(value) is list and all(not item or _is_short(item) for item in value))


def _may_hold(value: Any) -> bool:
    return type(value) is dict or type(value) is list or (type(value) is str and len(value) >= SMALLEST)


class _Halves(NamedTuple):
    """The two members of an object that looks like an event."""

    metadata: dict[str, Any]
    body: Any
    certain: bool
    """If not, its body is a text, and it may be a wrapper: messages of Pub/Sub have `attributes`, and `data` in base64."""
    opened: bool
    """A member was a text with an object in it, such as the column of a table."""
    lenient: bool


def _event(value: Any) -> _Halves | None:
    if type(value) is not dict:
        return None
    for first in ("metadata", "attributes"):
        if not (metadata := _half(value.get(first))) or "event_name" not in metadata.value:
            continue
        for second in ("body", "data"):
            if second in value:
                body, texts = value[second], type(value[first]) is str
                certain = type(body) is not str or (first, second) == ("metadata", "body")
                inner = _half(body) if type(body) is str else None
                lenient = metadata.lenient or (inner is not None and inner.lenient)
                return _Halves(metadata.value, inner.value if inner else body, certain, texts or inner is not None, lenient)
    return None


def _half(value: Any) -> Json | None:
    """An object, maybe inside a text."""
    if type(value) is dict:
        return Json(value, False)
    if type(value) is not str or not value.startswith("{"):
        return None
    parsed = parse(value)
    return parsed if isinstance(parsed, Json) and type(parsed.value) is dict else None


def _frozen(value: Any) -> Any:
    """Equal for equal values."""
    match value:
        case dict():
            return frozenset((name, _frozen(inner)) for name, inner in value.items())
        case list() | tuple():
            return tuple(map(_frozen, value))
        case _:
            return value
