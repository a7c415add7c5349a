"""The text of a captured file -> its records. Pure, and bounded in memory whatever the text is.

Three forms, told apart by content. LINES: a record a line, whatever stands around the JSON in it (NDJSON, `kcat -J`, the
console consumer, logs); positions are line numbers. ROWS: lines of CSV below the names of its columns; a row goes on where its
quotes are open, and its position is its last line. VALUES: JSON values one after the other, with or without white space, or the
elements of an array; positions count them.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from itertools import islice

import orjson

from consumer.ingest.texts import end_of_brackets
from consumer.ingest.unwrap import holds_event

Numbered = tuple[int, bytes | None]
"""A record's position and its bytes; `None` is a Kafka tombstone."""

SAMPLE_BYTES = 1024 * 1024
HELD_BYTES = 64 * 1024 * 1024
"""Largest record that is held whole, whatever may become of it; what bounds memory."""
MOST_JOINED = 4 * 1024 * 1024
"""Bytes of lines that are joined to one record: beyond, what seemed to be open is a sign that stands alone."""
_SAMPLE_LINES = 50
_TRAILER = re.compile(rb"Processed a total of \d+ messages")
_PREFIX = re.compile(rb"(?:CreateTime|LogAppendTime|NoTimestamp|Partition|Offset)\b")
_NULL = re.compile(rb"(?:.*\t)?\s*null|[^\s=]+[^\w\s=]null")
"""Alone, behind a tab as the console consumer prints it, or in one word with a key and what parts them."""
_ARRAY = re.compile(rb"[\[\],]|\],")
"""A line of an array that has no element."""
_PIECE = re.compile(rb'[{\[]$|[}\]]|"(?:[^"\\]|\\.)*"\s*:')
"""How a line of pretty-printed JSON begins: a bracket alone, one that closes, or a member."""
_BEGINS_VALUE = re.compile(rb'\{\s*(?:["}]|$)|\[(?:\s|\xef\xbb\xbf)*(?:["{\[\]]|[-+.eE\d]+\s*,|$)')
_FIELD = re.compile(rb'(?:^|[,;|\t]) ?"[{\[](?:\s*""|\s*$)')
"""A field of CSV with JSON in it: its quotes are doubled, or it goes on in the next line."""
_NAMES = re.compile(rb'"?[\w@.-]+"?(?:[,;|\t]"?[\w@.-]+"?)+')
"""Names of several columns."""
_CRI = re.compile(rb"\S+ (stdout|stderr) ([PF])\S* ")
"""How a line of a container's log begins in Kubernetes; P where it goes on in the next one of its stream."""
_DOCKER = re.compile(rb'\{"log":"((?:[^"\\]|\\.)*)"(,"stream":"(\w+)".*)')
_DOCKER_CUTS = 16_000
"""Docker cuts lines of logs after 16 KiB; all others end in a line feed."""
_DUMP = re.compile(rb'\{\s*"topic"\s*:')
_NULL_PAYLOAD = re.compile(rb'"payload"\s*:\s*null')
_BLANK = re.compile(r"[\s\x1e\ufeff]*")  # U+001E begins each record of a JSON text sequence (RFC 7464), U+FEFF a file
_BLANK_OR_COMMA = re.compile(r"[\s\ufeff,]*")
_MARKS = re.compile(rb"(?:\xef\xbb\xbf\s*)+")
_LINE_THAT_BEGINS_A_VALUE = re.compile(r"\n\ufeff*([{\[])")
_REST_OF_A_NUMBER = re.compile(r"[-+.eE0-9]*")
_LONGEST_LITERAL = len("-Infinity") + len("\\ud800\\udc00")
"""Characters at the end of a text in which an error may mean no more than that the text goes on."""
_GLANCE = 64 * 1024
"""Characters of a long text that are looked at first: most values are shorter."""
_decoder = json.JSONDecoder()


class TooLong(Exception):
    """A record is larger than can be held whole. What came before it was handed out; where the next begins is not known."""

    def __init__(self, which: str, at_least: int) -> None:
        super().__init__(f"{which} is larger than {at_least:,} bytes")
        self.which = which


class Form(Enum):
    """How a file holds its records."""

    LINES = auto()
    ROWS = auto()
    VALUES = auto()


def form_of(sample: bytes, *, whole: bool) -> Form:
    """Form of a text that begins with `sample`; `whole` where that is all of it.

    A bracket alone on the first line opens an array, whatever the lines behind it look like. Else they are lines, if at least
    half of the first ones are records of their own, or if they do not look like JSON at all: text is not cut into words.
    """
    lines = sample.split(b"\n")
    if not whole and len(lines) > 1:
        lines.pop()  # cut somewhere
    told = list(islice(filter(None, map(_bare, lines)), _SAMPLE_LINES))
    if not told:
        return Form.LINES
    begins_value = _BEGINS_VALUE.match(told[0]) is not None
    if begins_value and told[0].startswith(b"[") and (len(told) == 1 or end_of_brackets(told[0].decode("latin-1"), 0) is None):
        return Form.VALUES  # a file that is one array
    if any(map(_FIELD.search, told)) or (_NAMES.fullmatch(told[0]) and len(told) > 1 and holds_event(told[1])):
        return Form.ROWS
    alone = sum(map(_is_record, told))
    pieces = sum(_PIECE.match(line) is not None for line in told)
    if 2 * alone >= len(told) or (not begins_value and 2 * pieces < len(told)):
        return Form.LINES
    return Form.VALUES


def _bare(line: bytes) -> bytes:
    """Without blanks around it, and byte order marks before it: where files were joined, each may have its own."""
    line = line.strip()
    marks = _MARKS.match(line)
    return line[marks.end() :] if marks else line


def _is_record(line: bytes) -> bool:
    """Whether a line can stand alone: JSON, also before a comma, or an event with something around it."""
    if line[:1] in (b"{", b"[", b'"'):
        line = line.removesuffix(b",")
        try:
            return len(line) > 2 and isinstance(orjson.loads(line), (dict, list, str))
        except orjson.JSONDecodeError:
            end = end_of_brackets(line.decode("latin-1"), 0)
            if end is None or line[end:].lstrip(b" ")[:1] in (b"{", b"["):
                return False  # a piece of a value, or several; but behind a tab it is a value with its key
    elif line == b"null" or _TRAILER.fullmatch(line) or _PREFIX.match(line):
        return True
    return _PIECE.match(line) is None and holds_event(line)


def numbered_lines(chunks: Iterable[bytes], held: int = HELD_BYTES, *, rows: bool = False) -> Iterator[list[Numbered]]:
    """Records of the LINES or ROWS form, whole, a list for each chunk. Raises `TooLong` at a line above `held` bytes."""
    lines = _Rows() if rows else _Lines()
    number = 0
    rest: list[bytes] = []
    size = 0
    for chunk in chunks:
        pieces = chunk.split(b"\n")
        records: list[Numbered] = []
        if len(pieces) > 1 and size + len(pieces[0]) <= held:
            pieces[0] = b"".join((*rest, pieces[0]))
            rest, size = [], 0
        last = pieces.pop()
        for piece in pieces:
            if size + len(piece) > held:
                size += len(piece)
                break
            number += 1
            if piece:
                lines.add(records, number, piece)
        else:
            rest.append(last)
            size += len(last)
        yield records
        if size > held:
            yield lines.end(number)
            raise TooLong(f"line {number + 1}", held)
    final: list[Numbered] = []
    if rest:
        number += 1
        lines.add(final, number, b"".join(rest))
    yield final + lines.end(number)


class _Lines:
    """Lines -> records. Parts that a container's runtime has made of one are a record at the place of the last."""

    def __init__(self) -> None:
        self._last = 0
        """Line of the last part."""
        self._parts: dict[bytes, list[bytes]] = {}
        """By stream: what of a line has come."""

    def add(self, records: list[Numbered], number: int, line: bytes) -> None:
        """Puts the record that ends in this line behind the others, if one does."""
        if line.startswith(b"{") and not _DUMP.match(line):
            if line.startswith(b'{"log":"') and (docker := _DOCKER.fullmatch(line)):
                self._docker(records, number, docker)
            else:
                records.append((number, line))  # by far the most
            return
        line = _bare(line)
        if not line.strip(b"\0") or _ARRAY.fullmatch(line) or _TRAILER.fullmatch(line):
            return
        if cri := _CRI.match(line):
            stream, tag = cri.groups()
            self._join(records, number, stream, line[cri.end() :] if stream in self._parts else line, whole=tag == b"F")
        else:
            records.append((number, None if _is_tombstone(line) else line))

    def _docker(self, records: list[Numbered], number: int, line: re.Match[bytes]) -> None:
        text, behind, stream = line.groups()
        going_on = stream in self._parts
        whole = text.endswith(b"\\n") or (not going_on and len(text) < _DOCKER_CUTS)
        part = (b"" if going_on else b'{"log":"') + text + (b'"' + behind if whole else b"")
        self._join(records, number, stream, part, whole=whole)

    def _join(self, records: list[Numbered], number: int, stream: bytes, part: bytes, *, whole: bool) -> None:
        parts = self._parts.setdefault(stream, [])
        parts.append(part)
        self._last = number
        if whole or sum(map(len, parts)) > MOST_JOINED:
            records.append((number, b"".join(self._parts.pop(stream))))

    def end(self, number: int) -> list[Numbered]:
        """What has not come to its end, one record for all of it; behind the last line, where that has one of its own."""
        left, self._parts = b"\n".join(map(b"".join, self._parts.values())), {}
        return [(number + (self._last < number), left)] if left else []


class _Rows(_Lines):
    """Rows of CSV -> records. The names of the columns are none."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._row: list[tuple[int, bytes]] = []
        """Lines of a row whose quotes are open."""
        self._size = 0

    def add(self, records: list[Numbered], number: int, line: bytes) -> None:
        """Puts the row that ends in this line behind the others, if one does."""
        if not self._begun and (bare := _bare(line)):
            self._begun = True
            if b"{" not in bare:
                return
        odd = line.count(b'"') % 2 == 1
        if not self._row and not (odd and (_FIELD.search(line.rstrip()) or _ends_open(line))):
            super().add(records, number, line)
            return
        self._row.append((number, line))
        self._size += len(line)
        if odd and len(self._row) > 1:
            records.append((number, b"\n".join(line for _, line in self._row)))
            self._row, self._size = [], 0
        elif self._size > MOST_JOINED:
            self._give_up(records)

    def _give_up(self, records: list[Numbered]) -> None:
        for number, line in self._row:
            super().add(records, number, line)
        self._row, self._size = [], 0

    def end(self, number: int) -> list[Numbered]:
        """What has not come to its end: lines, as they are."""
        left: list[Numbered] = []
        self._give_up(left)
        return left + super().end(number)


def _ends_open(line: bytes) -> bool:
    """Whether a line of CSV with an odd number of quotes ends within a field, before any event."""
    bare = line.replace(b'""', b"")
    return b"event_name" not in line and bare[: bare.rfind(b'"')].rstrip(b" ")[-1:] in (b"", b",", b";", b"|", b"\t")


def _is_tombstone(line: bytes) -> bool:
    """Whether it stands for a message without a value."""
    if line.endswith(b"null"):
        return b"{" not in line and b"[" not in line and (_NULL.fullmatch(line) or _PREFIX.match(line)) is not None
    return _DUMP.match(line) is not None and _is_empty_dump(line)


def _is_empty_dump(line: bytes) -> bool:
    """A line of `kcat -J` for a message without a value."""
    if not _NULL_PAYLOAD.search(line):
        return False
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and value.get("payload", ...) is None


def numbered_values(chunks: Iterable[bytes], limit: int, held: int = HELD_BYTES) -> Iterator[list[Numbered]]:
    """Records of the VALUES form, whole, a list for each chunk.

    What is no JSON is handed out as one record, up to the next line that begins with a bracket: nothing is dropped. Of a value
    above `limit` characters only the end is looked for. Raises `TooLong` at one above `held`.
    """
    splitter = _Values(limit, held)
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    for chunk in chunks:
        yield splitter.feed(decode(chunk), last=False)
        splitter.check()
    yield splitter.feed(decode(b"", final=True), last=True)
    splitter.check()


class _Values:
    """The text that is not handed out yet, and where in it we are."""

    def __init__(self, limit: int, held: int) -> None:
        self._limit = limit
        self._held = held
        self._text = ""
        self._at = 0
        self._number = 0
        self._in_array = False
        self._elements = 0
        self._coming: list[str] = []
        """Text that is not yet worth looking at."""
        self._size = 0
        """Length of all text."""
        self._enough = 0
        """Length of text below which trying again is of no use: doubling keeps the work linear."""
        self._before = 0
        """Length of the text that was handed out and let go."""
        self._open = 0
        """Up to here from the very beginning, a value was still open that was set aside: what begins before is not searched to
        its end once more, or a thousand brackets that never close would be searched a thousand times."""

    def feed(self, text: str, *, last: bool) -> list[Numbered]:
        """The records that end in `text`; with `last`, also what has no end."""
        self._coming.append(text)
        self._size += len(text)
        records: list[Numbered] = []
        if last or self._size >= min(self._enough, self._held):
            self._text = "".join((self._text, *self._coming))
            self._coming.clear()
            while self._take(records, last=last):
                if self._at > max(_GLANCE, len(self._text) // 16):
                    self._let_go()  # each error of the parser counts the lines before it
            self._let_go()
            self._size = len(self._text)
            self._enough = 2 * self._size
        return records

    def _let_go(self) -> None:
        """Of what was handed out."""
        self._before += self._at
        self._text = self._text[self._at :]
        self._at = 0

    def check(self) -> None:
        """Raises `TooLong` where what is not handed out yet is more than can be held."""
        if self._size > self._held:
            raise TooLong(f"value {self._number + 1}", self._held)

    def _take(self, records: list[Numbered], *, last: bool) -> bool:
        """Takes what comes next; False when more text is needed, or none is left."""
        text = self._text
        blank = (_BLANK_OR_COMMA if self._in_array else _BLANK).match(text, self._at)
        self._at = at = blank.end() if blank else self._at
        if at >= len(text):
            return False
        if not self._in_array and text[at] == "[":
            self._in_array, self._elements, self._at = True, 0, at + 1
            return True
        if self._in_array and text[at] == "]":
            if self._elements == 0:
                self._add(records, "[]")
            self._in_array, self._at = False, at + 1
            return True
        if not self._in_array and text[at] != "{":
            return self._set_aside(records, last=last)  # words are no values
        end = self._end(at)
        if end is None:  # not whole yet
            if not last and len(text) - at <= self._held:
                return False
            self._open = self._before + len(text)
            return self._set_aside(records, last=last)
        if end < 0:
            return self._set_aside(records, last=last)
        if not last and text[end - 1] not in '}]"' and _REST_OF_A_NUMBER.fullmatch(text, end):
            return False  # it may go on
        return self._hand_out(records, end)

    def _end(self, at: int) -> int | None:
        """Where the value that begins at `at` ends: None where the text ends first, -1 where it is no value."""
        text = self._text
        short = len(text) - at <= self._limit or text[at] not in '{["'
        for size in (len(text),) if short else (min(_GLANCE, self._limit), self._limit):
            seen, start = (text, at) if size == len(text) else (text[at : at + size], 0)
            try:
                return int(_decoder.raw_decode(seen, start)[1]) + at - start
            except json.JSONDecodeError as error:
                if not error.msg.startswith("Unterminated string") and error.pos <= len(seen) - _LONGEST_LITERAL:
                    return -1
            except (RecursionError, ValueError):  # depth, or an integer of thousands of digits: not for this parser
                return self._end_of_brackets(at)
        return None if size == len(text) else self._end_of_brackets(at)

    def _end_of_brackets(self, at: int) -> int | None:
        return -1 if self._before + at < self._open else end_of_brackets(self._text, at)

    def _set_aside(self, records: list[Numbered], *, last: bool) -> bool:
        """Hands out what is no value, up to the next line that begins one; False where that is still to come."""
        following = _LINE_THAT_BEGINS_A_VALUE.search(self._text, self._at + 1)
        if following is None and not last:
            return False
        end = following.start() if following else len(self._text)
        if following and following[1] == "[":
            self._in_array = False
        return self._hand_out(records, end)

    def _hand_out(self, records: list[Numbered], end: int) -> bool:
        """Hands out what goes to `end`; False where that is more than can be held, which `check` will say."""
        if end - self._at > self._held:
            return False
        self._add(records, self._text[self._at : end])
        self._at = end
        return True

    def _add(self, records: list[Numbered], text: str) -> None:
        self._number += 1
        self._elements += 1
        records.append((self._number, text.encode("utf-8", "surrogateescape").rstrip()))
