"""The text of a captured file -> its records. Pure, and bounded in memory whatever the text is.

Two forms, told apart by content. LINES: a record a line (NDJSON, `kcat -J`, the console consumer); positions are line numbers.
VALUES: JSON values one after the other, with or without white space, or the elements of an array; positions count them.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from itertools import islice

import orjson

Numbered = tuple[int, bytes | None]
"""A record's position and its bytes; `None` is a Kafka tombstone."""

SAMPLE_BYTES = 1024 * 1024
HELD_BYTES = 64 * 1024 * 1024
"""Largest record that is held whole, whatever may become of it; what bounds memory."""
_SAMPLE_LINES = 50
_BOM = b"\xef\xbb\xbf"
_TRAILER = re.compile(rb"Processed a total of \d+ messages")
_PREFIX = re.compile(rb"(CreateTime|LogAppendTime|NoTimestamp|Partition|Offset)\b")
_OPENING = re.compile(rb"[{\[]")
_DUMP = re.compile(rb'\{\s*"topic"\s*:')
_NULL_PAYLOAD = re.compile(rb'"payload"\s*:\s*null')
_BLANK = re.compile(r"[\s\x1e\ufeff]*")  # U+001E begins each record of a JSON text sequence (RFC 7464), U+FEFF a file
_BLANK_OR_COMMA = re.compile(r"[\s\ufeff,]*")
_BLANK_BYTES = re.compile(rb"\s*")
_LINE_THAT_BEGINS_A_VALUE = re.compile(r"\n\ufeff*([{\[])")
_BRACKET_OR_STRING = re.compile(r'[{}\[\]]|"[^"\\]*(?:\\.[^"\\]*)*("?)', re.DOTALL)
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
    VALUES = auto()


def form_of(sample: bytes, *, whole: bool) -> Form:
    """Form of a text that begins with `sample`; `whole` where that is all of it.

    Lines, if at least half of the first lines are records of their own: a broken line here and there changes nothing. A bracket
    alone on the first line opens an array, whatever the lines behind it look like.
    """
    lines = sample.split(b"\n")
    if not whole and len(lines) > 1:
        lines.pop()  # cut somewhere
    told = list(islice(filter(None, map(_bare, lines)), _SAMPLE_LINES))
    if not told:
        return Form.LINES
    if told[0] == b"[" or (len(told) == 1 and told[0].startswith(b"[")):
        return Form.VALUES  # a file that is one array
    alone = sum(map(_is_record, told))
    return Form.LINES if 2 * alone >= len(told) else Form.VALUES


def _bare(line: bytes) -> bytes:
    """Without blanks around it, and byte order marks before it: where files were joined, each may have its own."""
    line = line.strip()
    if not line.startswith(_BOM):
        return line
    at = 0
    while line.startswith(_BOM, at):
        blank = _BLANK_BYTES.match(line, at + len(_BOM))
        at = blank.end() if blank else at + len(_BOM)
    return line[at:]


def _is_record(line: bytes) -> bool:
    if line[:1] in (b"{", b"["):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        return len(line) > 2 and isinstance(value, (dict, list))
    if line == b"null" or _TRAILER.fullmatch(line) or _PREFIX.match(line):
        return True
    value = _value(line)
    if value != line:
        return _is_record(value)
    # A tab alone says nothing: pretty-printed JSON has them too, behind its colons.
    return b"\t" in line and any(_is_record(_bare(field)) for field in line.split(b"\t"))


def numbered_lines(chunks: Iterable[bytes], held: int = HELD_BYTES) -> Iterator[list[Numbered]]:
    """Records of the LINES form, whole, a list for each chunk. Raises `TooLong` at a line above `held` bytes."""
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
                _add(records, number, piece)
        else:
            rest.append(last)
            size += len(last)
        yield records
        if size > held:
            raise TooLong(f"line {number + 1}", held)
    if rest:
        final: list[Numbered] = []
        _add(final, number + 1, b"".join(rest))
        yield final


def _add(records: list[Numbered], number: int, line: bytes) -> None:
    if line.startswith(b"{") and not _DUMP.match(line):
        records.append((number, line))  # by far the most
        return
    line = _bare(line)
    if not line or _TRAILER.fullmatch(line):
        return
    if line[:1] not in (b"{", b"["):
        line = _value(line)
    if line == b"null" or (_DUMP.match(line) and _is_empty_dump(line)):
        records.append((number, None))
    else:
        records.append((number, line))


def _value(line: bytes) -> bytes:
    """Without what the console consumer prints before a whole record or `null`; any other line as it is, for nothing is lost.

    Tabs part what is printed, but keys may hold them too, and JSON between its tokens: the first bracket tells where it begins.
    """
    brace = line.find(b"{")
    at = line.find(b"[", 0, brace) if brace >= 0 else line.find(b"[")
    at = at if at >= 0 else brace
    if at < 0:
        return b"null" if line[line.rfind(b"\t") + 1 :].strip() == b"null" else line
    if _begins_field(line, 0, at) and _is_whole(line[at:]):
        return line[at:]  # by far the most
    return _behind_brackets(line) if _PREFIX.match(line) else line


def _begins_field(line: bytes, start: int, at: int) -> bool:
    """Whether there is a tab behind `start`, and no more than blanks and byte order marks between it and `at`."""
    tab = line.rfind(b"\t", start, at)
    return tab >= 0 and not _bare(line[tab + 1 : at])


def _is_whole(value: bytes) -> bool:
    """Whether the bracket that it begins with is closed by its last byte."""
    if len(value) <= _GLANCE:  # parsed, a long one may take many times its bytes
        try:
            orjson.loads(value)
        except orjson.JSONDecodeError:
            pass  # NaN and the like are for decoding to refuse
        else:
            return True
    return _end_of_brackets(value.decode("latin-1"), 0) == len(value)


def _behind_brackets(line: bytes) -> bytes:
    """The record in a line that the console consumer marked as its own, so that what comes last is the value.

    Before it are keys and headers with brackets, if each is closed: else they may be the beginning of what is broken.
    """
    text = line.decode("latin-1")  # a character a byte
    end: int | None = 0
    while end is not None and (opening := _OPENING.search(line, end)):
        start, at = end, opening.start()
        end = _end_of_brackets(text, at)
        if end == len(line) and _begins_field(line, start, at):
            return line[at:]
    return line


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
        return -1 if self._before + at < self._open else _end_of_brackets(self._text, at)

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


def _end_of_brackets(text: str, at: int) -> int | None:
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
