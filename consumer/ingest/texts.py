"""A text -> the JSON in it: alone, one after the other, among other text, in a field of CSV, in base64, gzip, escapes.

The result depends only on the text, so that `elements` finds an event again by its steps.
"""

import json
import re
import zlib
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from consumer.printable import shown_name
from schemas.base import MAX_KEY_TEXT, Reason

MAX_DEPTH = 64
"""Levels of nesting in one event; Canvas' own events have five."""
SMALLEST = len('{"metadata":{"event_name":1},"body":1}')
"""Characters of the shortest event."""
MAX_UNPACKED = 8 * 1024 * 1024
"""Most bytes that gzip in a record may unpack to. CloudWatch writes such records to Kinesis, with at most 1 MB packed."""

MAX_TEXT = 16 * 1024 * 1024
"""Most characters that are searched in one record, beside three times its length (one for each nested text)."""

MAX_BRACKETS = 400_000
"""Most objects and arrays in one record, or in a text in it; an event of Canvas has about ten. A million empty ones take a
second to parse, and 200 MiB."""

TOO_MANY_BRACKETS = f"more than {MAX_BRACKETS:,} objects and arrays"

MAX_LOOKED_AT = 64 * 1024
"""Characters of a text that show what it is, if it is not JSON."""

BLANKS = " \t\n\r\v\f\x1e\0\ufeff"
_SPACES = BLANKS.replace("\0", "")
_MARK = "\ufeff"
"""A byte order mark; texts in a wrapper may have one too."""
_DIGITS = len(str(-(2**64)))
_TOO_MANY = 2**64
_GZIP = b"\x1f\x8b"
_BLOCK = 4096
"""Bytes that are unpacked at once. zlib copies the rest of its input at the end of each gzip member, and a record may hold
200,000 members."""
_SCHEMA_ID = 5
"""Bytes that a schema registry's serializer writes first: a zero, and the id of the schema."""
_GRANTED = 64 * 1024
_TRY = 32
"""In characters: failed parsing that is allowed beside twice the text's length, and the least cost of a try."""
_RUN = r"[A-Za-z0-9+/_-]{48,}={0,2}"
_LONG_RUN = re.compile(_RUN)
# Groups repeat possessively, `)*+`: a group that can backtrack takes 70 bytes of memory for each repetition.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]++(?:\r?\n[A-Za-z0-9+/_-]++)*+={0,2}")
"""Also in lines."""
_NUMBERS = re.compile(r"\[\s*(?:-?\d{1,3}\s*,\s*){32}")
_NAMED = re.compile(r'event_name\\*"\s*:')
"""A member `event_name` in broken JSON: part of an event."""
_BEGINS = re.compile(
    r'[{\[](?=\s*["{\[\]}])|\[(?=\s*(?:null|true|false|NaN|-?[\dI]))'  # an object or an array, and not [INFO] or {a}
    r'|"(?=[^"\\]*\\)'  # a JSON string with an escape in it
    r'|(?<![^,;|\t\n ])"(?=[^"\\]*"")'  # a field of CSV
    rf"|(?<![\w+/.%-]){_RUN}(?![\w+/.%-])"  # base64; not in a JWT, nor beside %, which stands for a +
)
_FIELD = re.compile(r'"([^"]*+(?:""[^"]*+)*+)("?)')
_DOUBLED = re.compile(r'"[^"\\]*""')
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FIRST = re.compile(r'[{\[]\s*(?:"|(\\+(?:"|x22))|(\\*&(?:amp;)*+(?:quot|#34|#x22);))', re.IGNORECASE)
"""The first bracket before a quotation mark, and how that is escaped."""
_PERCENT = re.compile("%(?:25)*+(?:7B|5B|3D|22)", re.IGNORECASE)
_OF_JSON = re.compile(r'\\["u/]')
_BACKSLASHES = "\ud9ab"
"""Stands for two backslashes: half of a surrogate pair, which decoding never produces."""
_ESCAPES = {f"\\{escape}": char for escape, char in zip("\"'|,;/nrtbfv", "\"'|,;/\n\r\t\b\f\v", strict=True)}
_BYTES = re.compile(r"(?:\\x[0-9A-Fa-f]{2})++")
_PERCENT_BYTES = re.compile("(?:%[0-9A-Fa-f]{2})++")
_ENTITIES = dict(
    zip(
        ("&quot;", "&#34;", "&#x22;", "&apos;", "&#39;", "&#x27;", "&lt;", "&gt;", "&amp;"),
        ('"', '"', '"', "'", "'", "'", "<", ">", "&"),
        strict=True,
    )
)
"""Of XML. `&amp;` must be last."""
_HEX = re.compile(r"(?:0?x)?((?:[0-9A-Fa-f]{2})++)")
"""Bytes as databases print them: `\\x7b22`, `0x7B22`."""
_BRACKET_OR_STRING = re.compile(r'[{}\[\]]|"[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
_JWT = re.compile(r"(?<![\w.-])ey[\w-]{8,}\.[\w-]{8,}\.[\w-]*(?![\w.-])")

SIGNED = "; it looks like a signed payload (JWT), which the intake opens"
"""End of the sentence for a record that is recognized, although it cannot be read."""
_LOOKS = (
    (re.compile("\0"), "; it looks like Avro or Protobuf behind a schema registry's number; only JSON is read"),
    (_JWT, SIGNED),
    (re.compile(r"<!doctype html|<html", re.IGNORECASE), "; it looks like an HTML page"),
    (re.compile(r"<[?!\w]"), "; it looks like XML"),
    (re.compile(r"[{\[]\s*'"), "; it looks like what Python prints of an object, which is not JSON"),
    (re.compile(r'(?:"[^"\n]*"|[^",\n]*)(?:,(?:"[^"\n]*"|[^",\n]*))+(?:\n|$)'), "; it looks like CSV without an event in it"),
)


Steps = tuple[str | int, ...]
"""Steps from a record's top: names of members, numbers of elements, numbers of the parts of a text that is not itself JSON."""


def path_of(steps: Steps) -> str:
    """`("body", "ratings", 1, "points")` -> `body.ratings[1].points`, without names that may be personal."""
    text = ""
    for step in steps:
        name = shown_name(step[:MAX_KEY_TEXT]) if isinstance(step, str) else f"[{step}]"
        text += f".{name}" if text and isinstance(step, str) else name
    return text


class TooMuch(Exception):
    """A record exceeds a limit of the search; the message says which."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not an event, or not a valid one."""

    reason: Reason
    path: str
    message: str
    steps: Steps = ()


class Json(NamedTuple):
    """A text parsed as JSON."""

    value: Any
    lenient: bool
    """It may contain NaN, lone surrogates or U+0000: every value needs a check."""


class Part(NamedTuple):
    """A text inside a text."""

    text: str
    broken: bool = False
    """Not JSON, but contains part of an event."""


def parse(text: bytes | str, *, hint: bool = True) -> Json | Refusal:
    """The strict parser first, then a lenient one. `hint`: a refusal says what the text looks like."""
    try:
        return Json(orjson.loads(text), False)
    except orjson.JSONDecodeError as error:  # not kept: its traceback would keep all values of the callers until gc runs
        place = f"{error.msg.split(':')[0]} at line {error.lineno} column {error.colno}"  # without the content
    try:
        decoded = (text if isinstance(text, str) else text.decode("utf-8")).removeprefix(_MARK)
    except UnicodeDecodeError as error:
        return Refusal(Reason.NOT_JSON, "", f"not UTF-8: byte {error.start} starts no character")
    try:
        return Json(json.loads(decoded, parse_int=_integer), True)
    except RecursionError:
        return Refusal(Reason.TOO_DEEP, "", f"nested deeper than {MAX_DEPTH} levels")
    except ValueError:
        return Refusal(Reason.NOT_JSON, "", f"not JSON: {place}{looks(decoded) if hint else ''}")


def _integer(digits: str) -> int | float:
    """Beyond 64 bits a double, as the strict parser reads it, or infinity."""
    value = int(digits) if len(digits) <= _DIGITS else _TOO_MANY
    return value if -(2**63) <= value < 2**64 else float(digits)


decoder = json.JSONDecoder(parse_int=_integer)


def looks(text: str) -> str:
    """What a text that is not JSON may be, as the end of a sentence, without its content."""
    text = text[:MAX_LOOKED_AT].strip(_SPACES)
    return next((what for like, what in _LOOKS if (like.search if like is _JWT else like.match)(text)), "")


def text_of(data: bytes | bytearray, spend: Callable[[int], None]) -> str:
    """Decoded, unpacked, without a schema id. Bytes that are not UTF-8 become lone surrogates."""
    if isinstance(data, bytes) and data.startswith(_GZIP):
        data = _unpacked(data)
        spend(len(data))
    if data.startswith(b"\0"):
        data = data[_SCHEMA_ID:]
    return data.decode("utf-8", "surrogateescape")


def _unpacked(data: bytes) -> bytearray:
    """As much as can be unpacked, without damaged members. Raises `TooMuch`."""
    unpacked = bytearray()
    at = 0
    while data.startswith(_GZIP, at):
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        before = len(unpacked)
        while at < len(data) and not member.eof:
            block = data[at : at + _BLOCK]
            try:
                unpacked += member.decompress(block, MAX_UNPACKED + 1 - len(unpacked))
            except zlib.error:
                del unpacked[before:]
                return unpacked
            if len(unpacked) > MAX_UNPACKED:
                raise TooMuch(f"gzip of more than {MAX_UNPACKED:,} bytes")
            at += len(block) - len(member.unused_data)
    return unpacked


def opened(text: str, spend: Callable[[int], None]) -> Json | Refusal | list[Part]:
    """The JSON that a text is, or the texts in it (maybe none). Refused only if nested too deeply.

    `spend` is called with the length of each text made from it, and may raise.
    """
    text = text.strip(BLANKS)
    _check_brackets(text)
    if text[:1] in ("{", "[", '"'):
        parsed = parse(text, hint=False)
        if isinstance(parsed, Json):  # the record's bytes may hide U+0000: a wrapper can escape the `u`
            return parsed._replace(lenient=parsed.lenient or "u0000" in text)
        if parsed.reason is Reason.TOO_DEEP:
            return parsed
    if not _may_hold(text):
        return []
    if _BASE64.fullmatch(text) and (inner := _decoded(text, spend)) is not None:
        return [Part(inner)]
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    parts = _parts(text, spend)
    left = 2 * len(text) + _GRANTED
    # Base64 is found without unescaping, the JSON around it is not.
    while (not parts or "event_name" not in text) and left > 0 and (plain := _unescaped(text, unsure=not parts)) != text:
        text = plain
        left -= len(text) + _TRY
        spend(len(text))
        _check_brackets(text)
        parts = _parts(text, spend) or parts
    return parts


def _check_brackets(text: str) -> None:
    if len(text) > MAX_BRACKETS < text.count("{") + text.count("["):
        raise TooMuch(TOO_MANY_BRACKETS)


def _unescaped(text: str, *, unsure: bool) -> str:
    """The text without escapes: backslashes, XML, percent. The same text if it has none.

    JSON has escapes of its own. So a text counts as escaped only if its first quotation mark is, or, with `unsure`, if none of
    its escapes are JSON's.
    """
    backslash, entity = first.groups() if (first := _FIRST.search(text)) else (None, None)
    if entity:
        for escape, char in _ENTITIES.items():
            text = text.replace(escape, char)
        return text
    if not unsure and not backslash:
        return text
    if not backslash and _PERCENT.search(text):
        return _PERCENT_BYTES.sub(_bytes_of, text.replace("+", " "))  # as `unquote_plus`, which takes 200 bytes a sign
    if "\\" not in text:
        return text
    escaped, text = text, text.replace("\\\\", _BACKSLASHES)
    if not backslash and _OF_JSON.search(text):
        return escaped
    for escape, char in _ESCAPES.items():
        text = text.replace(escape, char)
    return _BYTES.sub(_bytes_of, text).replace(_BACKSLASHES, "\\")


def _bytes_of(escapes: re.Match[str]) -> str:
    return bytes.fromhex(escapes[0].replace("\\x", "").replace("%", "")).decode("utf-8", "surrogateescape")


def text_of_numbers(values: list[Any], spend: Callable[[int], None]) -> str | None:
    """The text of these numbers as bytes (Node prints buffers so, Java arrays, the journal lines); None if they are not."""
    if len(values) < SMALLEST or type(values[0]) is not int or set(map(type, values)) != {int}:
        return None
    spend(len(values))
    if min(values) < -128 or max(values) > 255:
        return None
    inner = text_of(bytes(value & 255 for value in values), spend)
    return inner if _may_hold(inner) else None


def _may_hold(text: str) -> bool:
    """A quick test for an event: its name, escapes that may hide it, or encoded bytes."""
    return len(text) >= SMALLEST and ("event_name" in text or "\\u" in text or _holds_bytes(text))


def _holds_bytes(text: str) -> bool:
    return _LONG_RUN.search(text) is not None or _NUMBERS.search(text) is not None or _PERCENT.search(text) is not None


def _decoded(text: str, spend: Callable[[int], None]) -> str | None:
    """The text in hexadecimal digits or base64 (either alphabet, padded or not); None if it cannot contain an event."""
    digits = text.translate(_STANDARD).rstrip("=")
    try:
        data = bytes.fromhex(hex_[1]) if (hex_ := _HEX.fullmatch(text)) else a2b_base64(digits + "=" * (-len(digits) % 4))
        inner = text_of(data, spend)
    except NotBase64:
        return None
    return inner if _may_hold(inner) else None


def _parts(text: str, spend: Callable[[int], None]) -> list[Part]:
    """The JSON and base64 in a text, in order.

    Other text is left out, unless it contains part of an event. Broken objects are not searched inside. Bounded: a text of
    brackets that never close is not parsed from each bracket to its end.
    """
    parts: list[Part] = []
    left = 2 * len(text) + _GRANTED
    rest = at = 0
    while left > 0 and (begins := _BEGINS.search(text, at)):
        start = begins.start()
        first = text[start]
        inner, end = _value(text, start, end=begins.end(), spend=spend)
        if inner is None and first in '{["':
            left -= _TRY + (end or len(text)) - start + start // 16  # an error of the parser counts all lines before it
            if end is None:
                break  # a broken object without an end
            at = end if first == "{" else start + 1  # into broken arrays, never into broken objects
        elif inner is None:
            at = begins.end()
        else:
            if _NAMED.search(text, rest, start):
                parts.append(Part(text[rest:start], broken=True))
            if len(inner) >= SMALLEST:
                parts.append(Part(inner))
            else:
                left -= _TRY
            rest = at = end or start + 1
    if parts and _NAMED.search(text, rest):
        parts.append(Part(text[rest:], broken=True))
    return [] if all(part.broken for part in parts) else parts


def _value(text: str, start: int, *, end: int, spend: Callable[[int], None]) -> tuple[str | None, int | None]:
    """(text of the value at `start`, or None; where it or the try ends, or None for an object that is not closed)."""
    if text[start] not in '{["':
        return _decoded(text[start:end], spend), end
    if _DOUBLED.match(text, start):
        field = _FIELD.match(text, start)
        inner, closed = field.groups() if field else ("", "")
        inner = inner if closed else inner[: inner.rindex('""')]  # an open field ends at its last quotes
        return inner.replace('""', '"'), start + len(inner) + 2
    try:
        end = int(decoder.raw_decode(text, start)[1])
    except json.JSONDecodeError as error:
        failed = len(text) if error.msg.startswith("Unterminated string") else error.pos
    except (RecursionError, ValueError):
        failed = len(text)
    else:
        return text[start:end], end
    return None, end_of_brackets(text, start) if text[start] == "{" else failed


_STANDARD = str.maketrans("-_", "+/", "\r\n")


def end_of_brackets(text: str, at: int) -> int | None:
    """Where the bracket at `at` is closed, or None. Looks at strings and brackets only."""
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(text, at):
        match token[0]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
            case _ if not token[1]:
                return None  # an open string
        if depth <= 0:
            return token.end()
    return None
