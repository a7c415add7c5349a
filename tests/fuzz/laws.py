"""What holds for any bytes whatever. The fuzzer looks for bytes that break it; `tests/unit/test_hostile.py` keeps them."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, get_args

from consumer.ingest.common_shape import common_version
from consumer.ingest.decode import Rules, decode, decode_any
from consumer.ingest.lines import numbered_lines
from consumer.ingest.records import Accepted, Ignored, Numbered, RawRecord, Rejected, TooLong, Verdict
from consumer.ingest.split import form_of
from consumer.ingest.texts import MAX_DEPTH
from consumer.ingest.unwrap import holds_event
from consumer.ingest.values import numbered_values
from consumer.printable import has_controls
from consumer.settings import People
from schemas.base import MAX_ID, MAX_KEY_TEXT, Reason
from tests.samples import NOW, event, result

RULES = Rules(max_record_bytes=1024 * 1024)
GOOD = json.dumps(result(4711)).encode()
BAD = json.dumps(event("course_updated", course_id="0")).encode()
BLANK = b" \t\n\r\v\f\x1c\x1d\x1e\x1f"
LONG = 1000
MOST_CHUNKS = 200


def decoded(data: bytes) -> list[Verdict]:
    """The verdicts of a record that holds these bytes."""
    return decode(RawRecord("topic", 0, 7, data), RULES, NOW)


def told(verdict: Verdict) -> Any:
    """What a verdict says, without where the event came from and how it was written."""
    match verdict:
        case Accepted():
            return verdict.key, verdict.values, verdict.extra, verdict.metadata, sorted(verdict.unknown)
        case Ignored():
            return verdict.event_name, verdict.event_time
        case Rejected():
            return verdict.reason, verdict.event_name


def check_decode(data: bytes) -> None:
    """No exception; a verdict for each event, which a table can hold; the same again, and in other dialects."""
    found = decoded(data)
    assert found
    assert found == decoded(data)
    for verdict in found:
        match verdict:
            case Accepted():
                _check_accepted(verdict)
            case Ignored():
                assert 0 < len(verdict.event_name) <= MAX_KEY_TEXT
                assert not has_controls(verdict.event_name)
            case Rejected():
                _check_rejected(verdict, data, alone=len(found) == 1)
    _check_dialects(data, found)


def _check_accepted(version: Accepted) -> None:
    texts = [version.key.root_account_uuid, version.key.event_name, version.extra, version.metadata, *version.unknown]
    numbers = [version.key.id, version.key.version_hash]
    for value in version.values:
        (texts if isinstance(value, str) else numbers if isinstance(value, int) else []).append(value)
        assert not isinstance(value, float) or abs(value) < float("inf")
    assert all("\0" not in text and text.encode() is not None for text in texts if text is not None)
    assert all(-MAX_ID - 1 <= number <= MAX_ID for number in numbers)
    assert all(len(name) <= MAX_KEY_TEXT for name in version.unknown)
    for jsonb in (version.extra, version.metadata, *(v for v in version.values if isinstance(v, str) and v[:1] in "{[")):
        assert jsonb is None or "\\u0000" not in jsonb.replace("\\\\", "")


def _check_rejected(refusal: Rejected, data: bytes, *, alone: bool) -> None:
    assert refusal.message
    assert len(refusal.path) <= MAX_KEY_TEXT
    assert not has_controls(refusal.path)
    if alone:
        assert refusal.raw == data
    elif refusal.reason is not Reason.TOO_DEEP:  # in too many wrappers; alone it is in none
        assert [told(again) for again in decoded(refusal.raw)] == [told(refusal)]


def _check_dialects(data: bytes, found: list[Verdict]) -> None:
    """However it is wrapped it is the same, as far as its reasons are not those of the wrapper.

    Of a wrapper in which there is no event, the wrapper itself is what is refused, once.
    """
    ours = [told(verdict) for verdict in found]
    if len(data) > 100_000 or any(isinstance(v, Rejected) and v.reason in (Reason.TOO_DEEP, Reason.TOO_LARGE) for v in found):
        return
    try:
        text = data.decode()
        value = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return
    if _depth(value) > MAX_DEPTH - 1:
        return
    good, bad = ([told(verdict) for verdict in decoded(mate)] for mate in (GOOD, BAD))
    holds = holds_event(data)
    dialects = [
        (json.dumps({"Body": text}).encode(), ours if holds or len(ours) == 1 else None),
        (b"[" + data + b"," + GOOD + b", " + BAD + b"]", ours + good + bad),
    ]
    if holds:
        row = b'1,"' + data.replace(b'"', b'""') + b'",2'
        line = b"2025 [INFO] {x} " + data + b" <- got"
        dialects += [
            (wrapped, ours) for wrapped in (json.dumps({"a": [{"data": b64encode(data).decode()}]}).encode(), row, line)
        ]
    for wrapped, expected in dialects:
        others = decoded(wrapped)
        if not any(isinstance(v, Rejected) and v.reason is Reason.TOO_DEEP for v in others):  # one wrapper more than may be
            assert (len(others) == 1) if expected is None else [told(other) for other in others] == expected
    if len(found) == 1 and isinstance(found[0], Accepted):
        assert [told(other) for other in decoded(json.dumps(_turned(value, text)).encode())] == ours


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level := [inner for outer in level if isinstance(outer, (dict, list)) for inner in _inner(outer)]:
        depth += 1
    return depth + 1


def _inner(outer: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer


def _turned(value: Any, text: str) -> Any:
    """The same with all members in the other order, integers as they were."""

    def integer(digits: str) -> int | float:
        return int(digits) if len(digits) < 21 and -(2**63) <= int(digits) < 2**64 else float(digits)

    exact = json.loads(text, parse_int=integer)

    def turn(part: Any) -> Any:
        match part:
            case dict():
                return {name: turn(inner) for name, inner in reversed(part.items())}
            case list():
                return [turn(inner) for inner in part]
            case _:
                return part

    return turn(exact) if isinstance(value, dict) else exact


def check_common(data: bytes) -> None:
    """What is read in one step is what is found by the way for any shape, to the type of each value."""
    for people in get_args(People):
        rules = Rules(people=people)
        record = RawRecord("topic", 0, 7, data)
        version = common_version(record, data, NOW, rules.max_future, people)
        if version is not None:
            (found,) = decode_any(record, data, rules, NOW)
            assert version == found
            assert repr(version.row) == repr(found.row)  # 5 is not 5.0


def check_split(data: bytes) -> None:
    """The first two bytes say how the rest is cut. However it is cut, the records are the same, and no text is missing."""
    size, limit, text = 1 + (data[0] if data else 0), 1 + (data[1] if len(data) > 1 else 0), data[2:]
    size = max(size, len(text) // MOST_CHUNKS)
    form_of(text, whole=True)
    splitters: tuple[Callable[[Iterable[bytes]], Iterator[list[Numbered]]], ...] = (
        numbered_lines,
        lambda chunks: numbered_lines(chunks, rows=True),
        lambda chunks: numbered_values(chunks, limit),
        lambda chunks: numbered_values(chunks, 10**6),
    )
    for splitter in splitters:
        whole = records(splitter([text]))
        assert records(splitter(chunked(text, size))) == whole
        assert all(value is None or value.strip() for _, value in whole)
        numbers = [number for number, _ in whole]
        assert numbers == sorted(set(numbers))
        if splitter not in splitters[:2]:
            assert numbers == list(range(1, len(whole) + 1))
            kept = b"".join(value or b"" for _, value in whole)
            assert without_blanks(kept) == without_blanks(text)
    for held in (1 + size, LONG):
        bounded(numbered_lines(chunked(text, size), held), held)
        bounded(numbered_lines(chunked(text, size), held, rows=True), max(held, len(text)))
        bounded(numbered_values(chunked(text, size), limit, held), held)


def bounded(pieces: Iterator[list[Numbered]], held: int) -> None:
    """No record is larger than what may be held, in characters."""
    try:
        for piece in pieces:
            assert all(len((value or b"").decode("utf-8", "surrogateescape")) <= held for _, value in piece)
    except TooLong as error:
        assert error.which  # noqa: PT017 - that it came is no fault


def records(pieces: Iterable[list[Numbered]]) -> list[Numbered]:
    """All, in one list."""
    return list(chain.from_iterable(pieces))


def chunked(text: bytes, size: int) -> Iterator[bytes]:
    """The text in pieces."""
    return (text[start : start + size] for start in range(0, len(text), size))


def without_blanks(text: bytes) -> bytes:
    """What the VALUES form may not lose: all but blanks, a byte order mark, and the signs around the elements of an array."""
    return text.replace(b"\xef\xbb\xbf", b"").translate(None, BLANK + b",[]")


LAWS: Mapping[str, Callable[[bytes], None]] = {
    "decode": check_decode,
    "common": check_common,
    "split": check_split,
}
"""Name of a target -> what holds for any bytes."""
