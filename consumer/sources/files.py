"""Captured files: hashed and read, whatever their form and packing."""

import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain

from consumer.errors import BrokenCapture, ChangedCapture
from consumer.ingest.lines import numbered_lines
from consumer.ingest.records import HELD_BYTES, Numbered, RawRecord, TooLong
from consumer.ingest.split import SAMPLE_BYTES, Form, form_of
from consumer.ingest.values import numbered_values
from consumer.sources.finding import Capture
from consumer.sources.unpacking import CHUNK, UNREADABLE, Damaged, unpacked

_CONTROLS = bytes({*range(32)} - set(b"\t\n\v\f\r\x1b\x1e"))
"""Bytes that text does not contain. In other files they are about one byte in ten."""

_PADDING = re.compile(rb"\0{8,}")
"""Zeros that fill up lines and blocks. Other files have fewer in a row, or other control characters."""

_KNOWN = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"PK\x05\x06": "an empty zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"Rar!\x1a\x07": "a rar archive; unpack it first",
    b"\x1f\x8b": "packed twice; unpack it once",
    b"\x28\xb5\x2f\xfd": "packed twice; unpack it once",
    b"\x7fELF": "a program (ELF)",
    b"%PDF-": "a PDF",
    b"PAR1": "Parquet, which is not read",
    b"Obj\x01": "Avro, which is not read",
    b"\xff\xfe": "UTF-16 text; convert it to UTF-8",
    b"\xfe\xff": "UTF-16 text; convert it to UTF-8",
}
"""Other formats, by their first bytes."""


@dataclass(frozen=True, slots=True)
class RecordChunk:
    """Some records of a file, in order."""

    records: list[RawRecord]
    read: int
    """Stored bytes read so far."""


class _Stored:
    """Reads and hashes the stored bytes of a capture, up to the size it was found with."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._file = capture.open()
        self._left = capture.size
        self._digest = blake2b(digest_size=16)
        self.count = 0

    def read(self, size: int, /) -> bytes:
        wanted = min(self._left, size)
        data = self._file.read(wanted)
        if wanted and not data:
            raise changed(self._capture)  # here, before half a record counts as one
        self._left -= len(data)
        self.count += len(data)
        self._digest.update(data)
        return data

    def source(self) -> str:
        """`file:` and the digest of all stored bytes. Reads the rest first."""
        while self.read(CHUNK):
            pass
        return f"file:{self._digest.hexdigest()}"

    def close(self) -> None:
        self._file.close()


def changed(capture: Capture) -> ChangedCapture:
    """The error for a capture that is not the same file any more."""
    return ChangedCapture(f"{capture.label} changed while it was replayed; replay it again")


@contextmanager
def _opened(capture: Capture) -> Iterator[_Stored]:
    """Its stored bytes. Raises `BrokenCapture` if they cannot be read: the file was removed, or its disk fails."""
    try:
        stored = _Stored(capture)
        try:
            yield stored
        finally:
            stored.close()
    except OSError as error:
        raise BrokenCapture(f"{capture.label} cannot be read: {error.strerror or error}") from error


def source_of(capture: Capture) -> str:
    """`file:` and 32 hex digits: BLAKE2b-128 of the stored bytes.

    Also unpacks the file. Raises `BrokenCapture` if it cannot be read or is damaged: its records may look intact and be wrong.
    A file that is only truncated is not an error here; `records` reads it up to its end.
    """
    with _opened(capture) as stored:
        try:
            for _ in unpacked(stored):
                pass
        except Damaged as error:
            sentence = f"{capture.label} is damaged: {error}; nothing of it was read, because what it unpacks to may be wrong"
            raise BrokenCapture(sentence) from error
        except UNREADABLE:
            pass  # `records` reports it, after the records before
        return stored.source()


def records(capture: Capture, source: str, *, start: int, max_record_bytes: int) -> Iterator[RecordChunk]:
    """The records from position `start` on, about a MiB of text at a time.

    After all readable records, raises `BrokenCapture` if the file is truncated, is not text, or has a record larger than both
    `max_record_bytes` and `HELD_BYTES`; and `ChangedCapture` if its digest is not `source`.
    """
    with _opened(capture) as stored:
        trouble = ""
        cause: BaseException | None = None
        try:
            for numbered in _numbered(unpacked(stored), max_record_bytes):
                chunk = [RawRecord(source, 0, position, value) for position, value in numbered if position >= start]
                yield RecordChunk(chunk, stored.count)
        except _Broken as error:
            cause = error.__cause__
            trouble = f"cannot be read to its end: {str(cause) or type(cause).__name__}"
        except _NotText as error:
            trouble = f"cannot be read: it is {error}"
        except TooLong as error:
            trouble = f"is not read from {error.which} on: {error}, more than fits into memory; remove it to read the rest"
        if stored.source() != source:
            raise changed(capture)
        if trouble:
            raise BrokenCapture(f"{capture.label} {trouble}") from cause


class _Broken(Exception):
    """Carries an error of the decompressor around the splitter, which first returns the records before it."""


class _NotText(Exception):
    """The file is something else; the message says what."""


def _numbered(chunks: Iterator[bytes], limit: int) -> Iterator[list[Numbered]]:
    """Splits the readable text; then raises `_Broken` if it was not all."""
    held: list[_Broken] = []

    def until_broken() -> Iterator[bytes]:
        try:
            yield from chunks
        except (*UNREADABLE, Damaged) as error:
            broken = _Broken()
            broken.__cause__ = error
            held.append(broken)

    readable = until_broken()
    sample: list[bytes] = []
    for chunk in readable:
        sample.append(chunk)
        if sum(map(len, sample)) >= SAMPLE_BYTES:
            break
    beginning = b"".join(sample)
    if what := _other_format(beginning):
        raise _NotText(what)
    whole = len(beginning) < SAMPLE_BYTES
    text, most = chain(sample, readable), max(HELD_BYTES, limit)
    form = form_of(beginning[:SAMPLE_BYTES], whole=whole)
    if form is Form.VALUES:
        yield from numbered_values(text, limit, most)
    else:
        yield from numbered_lines(text, most, rows=form is Form.ROWS)
    if held:
        raise held[0]


def _other_format(beginning: bytes) -> str | None:
    """What a file that begins like this is; None if it is text."""
    for magic, what in _KNOWN.items():
        if beginning.startswith(magic):
            return what
    try:
        tarfile.TarInfo.frombuf(beginning[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        pass
    else:
        return "a tar archive; unpack it first"
    text = _PADDING.sub(b"", beginning) or beginning
    if len(text.translate(None, _CONTROLS)) < 0.95 * len(text):
        return "not text, and not in a known packing (gz, zst, bz2, xz)"
    return None
