"""A text -> the JSON in it: alone, several one after the other, among other text, in a field of CSV, in base64, gzip, escapes.

What a text opens to depends on nothing but the text: whoever cuts an event out of its record later takes the same way.
"""

import json
import re
import zlib
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import orjson

from consumer.printable import shown_name
from schemas.base import MAX_KEY_TEXT, Reason

MAX_DEPTH = 64
"""Levels of nesting in one event; Canvas' own events have five."""
SMALLEST = len('{"metadata":{"event_name":1},"body":1}')
"""Characters of the shortest event."""
MAX_UNPACKED = 8 * 1024 * 1024
"""Bytes that a gzip in a record may unpack to; a record of Kinesis, where CloudWatch puts such, has 1 MB packed."""

MAX_TEXT = 16 * 1024 * 1024
"""Characters of texts that are searched in one record, and three times its own length: one for each text around another."""

MAX_LOOKED_AT = 64 * 1024
"""Characters that tell what a text is that is not JSON."""

BLANKS = " \t\n\r\v\f\x1e\0\ufeff"
_SPACES = BLANKS.replace("\0", "")
_MARK = "\ufeff"
"""A byte order mark, which a wrapper's text may have as a record has."""
_DIGITS = len(str(-(2**64)))
_TOO_MANY = 2**64
_GZIP = b"\x1f\x8b"
_SCHEMA_ID = 5
"""Bytes before what a schema registry's serializers write: a zero, and the schema's number."""
_GRANTED = 64 * 1024
_TRY = 32
"""In characters: what may be read in vain of a text, besides twice its length, and what a try costs at least."""
_RUN = r"[A-Za-z0-9+/_-]{48,}={0,2}"
_LONG_RUN = re.compile(_RUN)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+(?:\r?\n[A-Za-z0-9+/_-]+)*={0,2}")
"""Lines of it, too."""
_NUMBERS = re.compile(r"\[\s*(?:-?\d{1,3}\s*,\s*){32}")
_NAMED = re.compile(r'event_name\\*"\s*:')
"""A member `event_name`, in text that is not JSON any more: a part of an event."""
_BEGINS = re.compile(
    r'[{\[](?=\s*["{\[\]}])|\[(?=\s*(?:null|true|false|NaN|-?[\dI]))'  # an object or an array, and not [INFO] or {a}
    r'|"(?=[^"\\]*\\)'  # a JSON string with an escape in it
    r'|(?<![^,;|\t\n ])"(?=[^"\\]*"")'  # a field of CSV
    rf"|(?<![\w+/.%-]){_RUN}(?![\w+/.%-])"  # base64; not in a JWT, nor beside %, which stands for a +
)
_FIELD = re.compile(r'"([^"]*(?:""[^"]*)*)"')
_DOUBLED = re.compile(r'"[^"\\]*""')
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FIRST = re.compile(r'[{\[]\s*(?:"|(\\+(?:"|x22))|(\\*&(?:amp;)*(?:quot|#34|#x22);))', re.IGNORECASE)
"""The first bracket of a text, before a quotation mark, and how that is escaped."""
_PERCENT = re.compile("%(?:25)*(?:7B|5B|3D|22)", re.IGNORECASE)
_OF_JSON = re.compile(r'\\["u/]')
_BACKSLASHES = "\ud9ab"
"""Stands for two of them; half of a pair that no bytes become."""
_ESCAPES = {f"\\{escape}": char for escape, char in zip("\"'|,;/nrtbfv", "\"'|,;/\n\r\t\b\f\v", strict=True)}
_BYTES = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
_ENTITIES = dict(
    zip(
        ("&quot;", "&#34;", "&#x22;", "&apos;", "&#39;", "&#x27;", "&lt;", "&gt;", "&amp;"),
        ('"', '"', '"', "'", "'", "'", "<", ">", "&"),
        strict=True,
    )
)
"""Of XML; the last one last."""
_HEX = re.compile(r"(?:0?x)?((?:[0-9A-Fa-f]{2})+)")
"""Bytes as databases print them: `\\x7b22`, `0x7B22`."""
_BRACKET_OR_STRING = re.compile(r'[{}\[\]]|"[^"\\]*(?:\\.[^"\\]*)*("?)', re.DOTALL)
_JWT = re.compile(r"(?<![\w.-])ey[\w-]{8,}\.[\w-]{8,}\.[\w-]*(?![\w.-])")

SIGNED = "; it looks like a signed payload (JWT), which the bridge has to decode"
"""Ends the sentence about a record that is known, although nothing of it can be read."""
_LOOKS = (
    (re.compile("\0"), "; it looks like Avro or Protobuf behind a schema registry's number; only JSON is read"),
    (_JWT, SIGNED),
    (re.compile(r"<!doctype html|<html", re.IGNORECASE), "; it looks like an HTML page"),
    (re.compile(r"<[?!\w]"), "; it looks like XML"),
    (re.compile(r"[{\[]\s*'"), "; it looks like what Python prints of an object, which is not JSON"),
    (re.compile(r'(?:"[^"\n]*"|[^",\n]*)(?:,(?:"[^"\n]*"|[^",\n]*))+(?:\n|$)'), "; it looks like CSV without an event in it"),
)


Where = tuple[str | int, ...]
"""Steps from a record's top: names of members, numbers of elements, numbers of the parts of a text that is not itself JSON."""


def path_of(steps: Where) -> str:
    """`("body", "ratings", 1, "points")` -> `body.ratings[1].points`; without names that may be somebody's."""
    text = ""
    for step in steps:
        name = shown_name(step[:MAX_KEY_TEXT]) if isinstance(step, str) else f"[{step}]"
        text += f".{name}" if text and isinstance(step, str) else name
    return text


class TooMuch(Exception):
    """More than a record may hold to search; the text says more than what."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is not an event, and why."""

    reason: Reason
    path: str
    message: str
    where: Where = ()


class Json(NamedTuple):
    """What a text says that is JSON."""

    value: Any
    lenient: bool
    """Read by the parser that lets NaN and lone surrogates through, or with a hidden U+0000: look at every value."""


class Part(NamedTuple):
    """One of the texts that a text holds."""

    text: str
    broken: bool = False
    """Not JSON, but it has a part of an event."""


def parse(text: bytes | str, *, hint: bool = True) -> Json | Refusal:
    """The strict parser first; the lenient one only tells what the strict one minded; `hint`: and what it looks like."""
    try:
        return Json(orjson.loads(text), False)
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        decoded = (text if isinstance(text, str) else text.decode("utf-8")).removeprefix(_MARK)
    except UnicodeDecodeError as error:
        return Refusal(Reason.NOT_JSON, "", f"not UTF-8: byte {error.start} starts no character")
    try:
        return Json(json.loads(decoded, parse_int=_integer), True)
    except RecursionError:
        return Refusal(Reason.TOO_DEEP, "", f"nested deeper than {MAX_DEPTH} levels")
    except ValueError:
        where = f"{strict.msg.split(':')[0]} at line {strict.lineno} column {strict.colno}"  # without the content
        return Refusal(Reason.NOT_JSON, "", f"not JSON: {where}{looks(decoded) if hint else ''}")


def _integer(digits: str) -> int | float:
    """An integer; beyond 64 bits a double, as the strict parser reads it, and infinite where even that is too small."""
    value = int(digits) if len(digits) <= _DIGITS else _TOO_MANY
    return value if -(2**63) <= value < 2**64 else float(digits)


decoder = json.JSONDecoder(parse_int=_integer)


def looks(text: str) -> str:
    """What a text that is not JSON may be, without any of its content; behind a sentence."""
    text = text[:MAX_LOOKED_AT].strip(_SPACES)
    return next((what for like, what in _LOOKS if (like.search if like is _JWT else like.match)(text)), "")


def text_of(data: bytes, spend: Callable[[int], None]) -> str:
    """As text, unpacked and without a schema registry's number. Bytes that are no characters become half pairs."""
    if data.startswith(_GZIP):
        data = _unpacked(data)
        spend(len(data))
    if data.startswith(b"\0"):
        data = data[_SCHEMA_ID:]
    return data.decode("utf-8", "surrogateescape")


def _unpacked(data: bytes) -> bytes:
    """As far as it can be. Raises `TooMuch`."""
    unpacked = b""
    while data.startswith(_GZIP):
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            unpacked += member.decompress(data, MAX_UNPACKED + 1 - len(unpacked))
        except zlib.error:
            break
        if len(unpacked) > MAX_UNPACKED:
            raise TooMuch(f"gzip of more than {MAX_UNPACKED:,} bytes")
        data = member.unused_data
    return unpacked


def opened(text: str, spend: Callable[[int], None]) -> Json | Refusal | list[Part]:
    """What a text holds: JSON, or other texts, which may be none. A refusal is about its depth.

    `spend` is told of each number of characters that are made of it, and may raise.
    """
    text = text.strip(BLANKS)
    if text[:1] in ("{", "[", '"'):
        parsed = parse(text, hint=False)
        if isinstance(parsed, Json):  # the bytes of the record need not hint at U+0000: a wrapper may have escaped the u
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
    # Bytes as digits are seen through escapes, but not what is around them.
    while (not parts or "event_name" not in text) and left > 0 and (plain := _unescaped(text, unsure=not parts)) != text:
        text = plain
        left -= len(text) + _TRY
        spend(len(text))
        parts = _parts(text, spend) or parts
    return parts


def _unescaped(text: str, *, unsure: bool) -> str:
    """The text that was escaped to this one: with backslashes, as XML or as a part of an address; itself where none was.

    JSON has escapes of its own. So it was only where the first quotation mark is escaped, or, if `unsure` ones count, where
    none of the escapes is JSON's.
    """
    backslash, entity = first.groups() if (first := _FIRST.search(text)) else (None, None)
    if entity:
        for escape, char in _ENTITIES.items():
            text = text.replace(escape, char)
        return text
    if not unsure and not backslash:
        return text
    if not backslash and _PERCENT.search(text):
        return unquote_plus(text, errors="surrogateescape")
    if "\\" not in text:
        return text
    escaped, text = text, text.replace("\\\\", _BACKSLASHES)
    if not backslash and _OF_JSON.search(text):
        return escaped
    for escape, char in _ESCAPES.items():
        text = text.replace(escape, char)
    return _BYTES.sub(_bytes_of, text).replace(_BACKSLASHES, "\\")


def _bytes_of(escapes: re.Match[str]) -> str:
    return bytes.fromhex(escapes[0].replace("\\x", "")).decode("utf-8", "surrogateescape")


def text_of_numbers(values: list[Any], spend: Callable[[int], None]) -> str | None:
    """The text whose bytes these numbers are, as Node prints a buffer, Java an array and the journal a line; None without."""
    if len(values) < SMALLEST or type(values[0]) is not int or set(map(type, values)) != {int}:
        return None
    spend(len(values))
    if min(values) < -128 or max(values) > 255:
        return None
    inner = text_of(bytes(value & 255 for value in values), spend)
    return inner if _may_hold(inner) else None


def _may_hold(text: str) -> bool:
    """Whether an event may be in it, said quickly: its name, escapes that may stand for it, or bytes as digits."""
    return len(text) >= SMALLEST and ("event_name" in text or "\\u" in text or _holds_bytes(text))


def _holds_bytes(text: str) -> bool:
    return _LONG_RUN.search(text) is not None or _NUMBERS.search(text) is not None or _PERCENT.search(text) is not None


def _decoded(text: str, spend: Callable[[int], None]) -> str | None:
    """The text in hexadecimal digits, or in base64 of either alphabet, padded or not; None where it cannot hold an event."""
    digits = text.translate(_STANDARD).rstrip("=")
    try:
        data = bytes.fromhex(hex_[1]) if (hex_ := _HEX.fullmatch(text)) else a2b_base64(digits + "=" * (-len(digits) % 4))
        inner = text_of(data, spend)
    except NotBase64:
        return None
    return inner if _may_hold(inner) else None


def _parts(text: str, spend: Callable[[int], None]) -> list[Part]:
    """What stands in a text among other text, in order; empty where nothing does.

    What is neither JSON nor base64 is left out, unless it has a part of an event. Nothing is looked for inside of an object
    that is broken. Bounded: a text of nothing but beginnings is not read from each of them to its end.
    """
    parts: list[Part] = []
    left = 2 * len(text) + _GRANTED
    rest = at = 0
    while left > 0 and (begins := _BEGINS.search(text, at)):
        start = begins.start()
        first = text[start]
        inner, end = _value(text, start, end=begins.end(), spend=spend)
        if inner is None and first in '{["':
            left -= _TRY + (end or len(text)) - start + start // 16  # the parser's error counts the lines before it
            if end is None:
                break  # a broken object without an end
            at = end if first == "{" else start + 1  # into arrays that are cut, and never into objects
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
    """The text of the value that begins at `start`, or None, and where it, or the try, ends; None where an object is open."""
    if text[start] not in '{["':
        return _decoded(text[start:end], spend), end
    if _DOUBLED.match(text, start):
        field = _FIELD.match(text, start)
        return (field[1].replace('""', '"'), field.end()) if field else (None, len(text))
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
    """Where the brackets that open at `at` are closed again; None where they are not. Looks at strings and brackets only."""
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(text, at):
        match token[0]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
            case _ if not token[1]:
                return None  # a string that goes on
        if depth <= 0:
            return token.end()
    return None
