"""Lines and rows of CSV -> records."""

import re
from collections.abc import Iterable, Iterator

import orjson

from consumer.ingest.records import HELD_BYTES, Numbered, TooLong

MOST_JOINED = 4 * 1024 * 1024
"""Most bytes of lines that are joined to one record: beyond, an open quotation mark is taken as a plain character."""
TRAILER = re.compile(rb"Processed a total of \d+ messages")
PREFIX = re.compile(rb"(?:CreateTime|LogAppendTime|NoTimestamp|Partition|Offset)\b")
_NULL = re.compile(rb"(?:.*\t)?\s*null|[^\s=]+[^\w\s=]null")
"""Alone, after a tab as the console consumer prints it, or in one word after a key and a separator."""
_ARRAY = re.compile(rb"[\[\],]|\],")
"""A line of an array without an element."""
FIELD = re.compile(rb'(?:^|[,;|\t]) ?"[{\[](?:\s*""|\s*$)')
"""A field of CSV with JSON in it: its quotes are doubled, or it continues in the next line."""
_CRI = re.compile(rb"\S+ (stdout|stderr) ([PF])\S* ")
"""The start of a line in a Kubernetes container log; P: it continues in the next line of its stream."""
_DOCKER = re.compile(rb'\{"log":"([^"\\]*+(?:\\.[^"\\]*+)*+)"(,"stream":"(\w+)".*)')
_DOCKER_CUTS = 16_000
"""Docker cuts log lines after 16 KiB; all others end in a line feed."""
_DUMP = re.compile(rb'\{\s*"topic"\s*:')
_NULL_PAYLOAD = re.compile(rb'"payload"\s*:\s*null')
_MARKS = re.compile(rb"(?:\xef\xbb\xbf\s*+)++")


def bare(line: bytes) -> bytes:
    """Without surrounding blanks and leading byte order marks: each of several joined files may have its own."""
    line = line.strip()
    marks = _MARKS.match(line)
    return line[marks.end() :] if marks else line


def numbered_lines(chunks: Iterable[bytes], held: int = HELD_BYTES, *, rows: bool = False) -> Iterator[list[Numbered]]:
    """Records of the LINES or ROWS form, a list for each chunk. Raises `TooLong` at a line above `held` bytes."""
    lines = _Rows(held) if rows else _Lines(held)
    number = 0
    rest: list[bytes] = []
    size = 0
    for chunk in chunks:
        parts = chunk.split(b"\n")
        records: list[Numbered] = []
        if len(parts) > 1 and size + len(parts[0]) <= held:
            parts[0] = b"".join((*rest, parts[0]))
            rest, size = [], 0
        last = parts.pop()
        for part in parts:
            if size + len(part) > held:
                size += len(part)
                break
            number += 1
            if part:
                lines.add(records, number, part)
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
    """Lines -> records. Joins the parts of a line that a container runtime has cut; its position is the last part's."""

    def __init__(self, held: int) -> None:
        self._held = held
        self._last = 0
        """Line number of the last part; one less if that line has a record."""
        self._parts: dict[bytes, bytearray] = {}
        """By stream: the parts of an unfinished line."""
        self._size = 0
        """Bytes of all parts, and one for each stream."""

    def add(self, records: list[Numbered], number: int, line: bytes) -> None:
        """Appends the record that ends in this line, if there is one."""
        if line.startswith(b"{") and not _DUMP.match(line):
            if line.startswith(b'{"log":"') and (docker := _DOCKER.fullmatch(line)):
                self._docker(records, number, docker)
            else:
                records.append((number, line))  # the usual case
            return
        line = bare(line)
        if not line.strip(b"\0") or _ARRAY.fullmatch(line) or TRAILER.fullmatch(line):
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
        if full := self._size + len(part) > self._held and self._size > 0:
            records.append((number, self._unfinished()))
        self._size += len(part) + (stream not in self._parts)
        parts = self._parts.setdefault(stream, bytearray())
        parts += part
        # A line has one record: after the unfinished ones even a whole line waits for the next.
        if ends := not full and (whole or len(parts) > MOST_JOINED):
            self._size -= len(parts) + 1
            records.append((number, bytes(self._parts.pop(stream))))
        self._last = number - (full or ends)

    def end(self, number: int) -> list[Numbered]:
        """Unfinished lines, as one record. Its position is one after the last line, if that has a record of its own."""
        left = self._unfinished()
        return [(number + (self._last < number), left)] if left else []

    def _unfinished(self) -> bytes:
        left, self._parts, self._size = b"\n".join(self._parts.values()), {}, 0
        return left


class _Rows(_Lines):
    """Rows of CSV -> records, without the header."""

    def __init__(self, held: int) -> None:
        super().__init__(held)
        self._begun = False
        self._row: list[tuple[int, bytes]] = []
        """Lines of a row with an open quotation mark."""
        self._row_size = 0

    def add(self, records: list[Numbered], number: int, line: bytes) -> None:
        """Appends the row that ends in this line, if there is one."""
        if not self._begun and (header := bare(line)):
            self._begun = True
            if b"{" not in header:
                return
        if self._row and self._row_size + len(self._row) + len(line) > self._held:
            self._split_row(records)
        odd = line.count(b'"') % 2 == 1
        if not self._row and not (odd and (FIELD.search(line.rstrip()) or _ends_open(line))):
            super().add(records, number, line)
            return
        self._row.append((number, line))
        self._row_size += len(line)
        if odd and len(self._row) > 1:
            records.append((number, b"\n".join(line for _, line in self._row)))
            self._row, self._row_size = [], 0
        elif self._row_size > MOST_JOINED:
            self._split_row(records)

    def _split_row(self, records: list[Numbered]) -> None:
        for number, line in self._row:
            super().add(records, number, line)
        self._row, self._row_size = [], 0

    def end(self, number: int) -> list[Numbered]:
        """The lines of an unfinished row, one record each."""
        left: list[Numbered] = []
        self._split_row(left)
        return left + super().end(number)


def _ends_open(line: bytes) -> bool:
    """Whether a line of CSV with an odd number of quotes ends inside a field, before any event."""
    bare = line.replace(b'""', b"")
    return b"event_name" not in line and bare[: bare.rfind(b'"')].rstrip(b" ")[-1:] in (b"", b",", b";", b"|", b"\t")


def _is_tombstone(line: bytes) -> bool:
    """Whether the line is a message without a value."""
    if line.endswith(b"null"):
        return b"{" not in line and b"[" not in line and (_NULL.fullmatch(line) or PREFIX.match(line)) is not None
    return _DUMP.match(line) is not None and _is_empty_dump(line)


def _is_empty_dump(line: bytes) -> bool:
    """Whether a line of `kcat -J` is a message without a value."""
    if not _NULL_PAYLOAD.search(line):
        return False
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and value.get("payload", ...) is None
