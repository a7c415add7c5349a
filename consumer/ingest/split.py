"""The text of a captured file -> its records. Pure, and bounded in memory whatever the text is.

Two forms, told apart by content. LINES: a record a line (NDJSON, `kcat -J`, the console consumer); positions are line numbers.
VALUES: JSON values one after the other, with or without white space, or the elements of an array; positions count them.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto

import orjson

Numbered = tuple[int, bytes | None]
"""A record's position and its bytes; `None` is a Kafka tombstone."""

SAMPLE_BYTES = 1024 * 1024
_SAMPLE_LINES = 50
_BOM = b"\xef\xbb\xbf"
_TRAILER = re.compile(rb"Processed a total of \d+ messages")
_PREFIX = re.compile(rb"(CreateTime|LogAppendTime|NoTimestamp|Partition|Offset)\b")
_DUMP = re.compile(rb'\{\s*"topic"\s*:')
_NULL_PAYLOAD = re.compile(rb'"payload"\s*:\s*null')
_BLANK = re.compile(r"[\s\x1e]*")  # U+001E begins each record of a JSON text sequence (RFC 7464)
_BLANK_OR_COMMA = re.compile(r"[\s,]*")
_LINE_THAT_BEGINS_A_VALUE = re.compile(r"\n(?=[{\[])")
_decoder = json.JSONDecoder()


class Form(Enum):
    """How a file holds its records."""

    LINES = auto()
    VALUES = auto()


def form_of(sample: bytes, *, whole: bool) -> Form:
    """Form of a text that begins with `sample`; `whole` where that is all of it.

    Lines, if at least half of the first lines are records of their own: a broken line here and there changes nothing.
    """
    lines = sample.removeprefix(_BOM).split(b"\n")
    if not whole and len(lines) > 1:
        lines.pop()  # cut somewhere
    told = [line.strip() for line in lines if line.strip()][:_SAMPLE_LINES]
    if not told:
        return Form.LINES
    if len(told) == 1 and told[0].startswith(b"["):
        return Form.VALUES  # a file that is one array
    alone = sum(map(_is_record, told))
    return Form.LINES if 2 * alone >= len(told) else Form.VALUES


def _is_record(line: bytes) -> bool:
    if line[:1] in (b"{", b"["):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        return len(line) > 2 and isinstance(value, (dict, list))
    return b"\t" in line or line == b"null" or bool(_TRAILER.fullmatch(line) or _PREFIX.match(line))


def numbered_lines(chunks: Iterable[bytes], limit: int) -> Iterator[list[Numbered]]:
    """Records of the LINES form, a list for each chunk. A line above `limit` bytes is handed out cut to `limit` + 1."""
    number, rest, skipping = 0, b"", False
    for chunk in chunks:
        pieces = chunk.split(b"\n")
        records: list[Numbered] = []
        pieces[0] = rest + pieces[0] if not skipping else pieces[0]
        rest = pieces.pop()
        for piece in pieces:
            if skipping:  # the end of a line whose beginning was handed out
                skipping = False
                continue
            number += 1
            _add(records, number, piece, limit)
        if skipping:
            rest = b""
        elif len(rest) > limit:
            number += 1
            _add(records, number, rest, limit)
            rest, skipping = b"", True
        yield records
    if rest and not skipping:
        last: list[Numbered] = []
        _add(last, number + 1, rest, limit)
        yield last


def _add(records: list[Numbered], number: int, line: bytes, limit: int) -> None:
    if line.startswith(b"{") and not _DUMP.match(line):
        records.append((number, line[: limit + 1]))  # by far the most
        return
    line = (line.removeprefix(_BOM) if number == 1 else line).strip()
    if not line or _TRAILER.fullmatch(line):
        return
    if line[:1] not in (b"{", b"["):
        line = line[line.rfind(b"\t") + 1 :].strip()  # what the console consumer prints before the value; JSON has no raw tab
    if line == b"null" or (_DUMP.match(line) and _is_empty_dump(line)):
        records.append((number, None))
    else:
        records.append((number, line[: limit + 1]))


def _is_empty_dump(line: bytes) -> bool:
    """A line of `kcat -J` for a message without a value."""
    if not _NULL_PAYLOAD.search(line):
        return False
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and value.get("payload", ...) is None


def numbered_values(chunks: Iterable[bytes], limit: int) -> Iterator[list[Numbered]]:
    """Records of the VALUES form, a list for each chunk.

    What is no JSON is handed out as one record, up to the next line that begins with a bracket: nothing is dropped. So is a
    value above `limit` characters, cut to `limit` + 1 bytes.
    """
    splitter = _Values(limit)
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    for chunk in chunks:
        yield splitter.feed(decode(chunk), last=False)
    yield splitter.feed(decode(b"", final=True), last=True)


class _Values:
    """The text that is not handed out yet, and where in it we are."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._text = ""
        self._at = 0
        self._number = 0
        self._in_array = False
        self._elements = 0
        self._skipping = False
        """Inside something unreadable whose beginning was handed out."""
        self._enough = 0
        """Length of text below which trying again is of no use: doubling keeps the work linear."""

    def feed(self, text: str, *, last: bool) -> list[Numbered]:
        """The records that end in `text`; with `last`, also what has no end."""
        self._text += text
        records: list[Numbered] = []
        if last or len(self._text) >= self._enough:
            while self._take(records, last=last):
                pass
            self._text = self._text[self._at :]
            self._at = 0
            self._enough = 2 * len(self._text)
        return records

    def _take(self, records: list[Numbered], *, last: bool) -> bool:
        """Takes what comes next; False when more text is needed, or none is left."""
        if self._skipping:
            return self._resume()
        text = self._text
        self._at = at = self._behind_blanks()
        if at >= len(text):
            return False
        if not self._in_array and text[at] == "[":
            self._in_array, self._elements, self._at = True, 0, at + 1
            return True
        if self._in_array and text[at] == "]":
            if self._elements == 0:
                self._hand_out(records, "[]")
            self._in_array, self._at = False, at + 1
            return True
        try:
            _, end = _decoder.raw_decode(text, at)
        except RecursionError:
            return self._set_aside(records)
        except ValueError:
            return (last or len(text) - at > self._limit) and self._set_aside(records)
        if end == len(text) and not last and text[end - 1] not in '}]"':
            return False  # a number that may go on
        self._hand_out(records, text[at:end])
        self._at = end
        return True

    def _behind_blanks(self) -> int:
        blank = (_BLANK_OR_COMMA if self._in_array else _BLANK).match(self._text, self._at)
        at = blank.end() if blank else self._at
        return at + 1 if self._number == 0 and self._text.startswith("\ufeff", at) else at

    def _set_aside(self, records: list[Numbered]) -> bool:
        """Hands out what is no value, up to the next line that begins one, or as far as we can see."""
        following = _LINE_THAT_BEGINS_A_VALUE.search(self._text, self._at + 1)
        end = following.end() if following else len(self._text)
        self._hand_out(records, self._text[self._at : end])
        self._at, self._skipping = end, following is None
        if following and self._text[end] == "[":
            self._in_array = False
        return True

    def _resume(self) -> bool:
        following = _LINE_THAT_BEGINS_A_VALUE.search(self._text, self._at)
        # A line feed at the very end may be the one: it stays until what follows it is known.
        self._at = following.end() if following else len(self._text) - self._text.endswith("\n")
        self._skipping = following is None
        return following is not None

    def _hand_out(self, records: list[Numbered], text: str) -> None:
        self._number += 1
        self._elements += 1
        data = text[: self._limit + 1].encode("utf-8", "surrogateescape").rstrip()
        records.append((self._number, data[: self._limit + 1]))
