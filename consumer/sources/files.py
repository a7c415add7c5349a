"""Captured files: found, hashed, unpacked and read, whatever they are called."""

import bz2
import glob
import io
import lzma
import os
import re
import shutil
import stat
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from consumer.errors import BrokenCapture, ChangedCapture, UsageError
from consumer.ingest.records import RawRecord
from consumer.ingest.split import HELD_BYTES, SAMPLE_BYTES, Form, Numbered, TooLong, form_of, numbered_lines, numbered_values
from consumer.sources import objects

CHUNK = 1024 * 1024
"""Bytes of unpacked text that are split at a time."""

_ZSTD_PIECE = 256
"""Packed bytes fed to zstandard at a time: what one piece can unpack to has to fit in memory."""

_PIECE = 64 * 1024
"""Packed bytes fed to bz2 and xz at a time; what they unpack to is taken in small portions."""

_XZ_MEMORY = 256 * 1024 * 1024
"""What unpacking xz may take: its highest level needs 65 MB, but a file of a hundred bytes can ask for 4 GB."""

_CONTROLS = bytes({*range(32)} - set(b"\t\n\v\f\r\x1b\x1e"))
"""What text does not hold; in other files they are about one byte in ten."""

_PADDING = re.compile(rb"\0{8,}")
"""Zeros that fill up lines and blocks; what is not text has fewer on end, or other controls."""

_GZ, _BZ2, _XZ, _ZST = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
"""How a stream of each packing begins."""

_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""How a zst frame begins that holds no text; pzstd writes one before each that does."""

_KNOWN = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"PK\x05\x06": "an empty zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"Rar!\x1a\x07": "a rar archive; unpack it first",
    _GZ: "packed twice; unpack it once",
    _ZST: "packed twice; unpack it once",
    b"\x7fELF": "a program (ELF)",
    b"%PDF-": "a PDF",
    b"PAR1": "Parquet, which is not read",
    b"Obj\x01": "Avro, which is not read",
    b"\xff\xfe": "UTF-16 text; convert it to UTF-8",
    b"\xfe\xff": "UTF-16 text; convert it to UTF-8",
}
"""What somebody may take for captured events, by its first bytes."""

_BEYOND_US = re.compile("memory|support|dictionary mismatch|unknown frame", re.IGNORECASE)
"""In what decompressors say of something that may be whole: it asks for too much, for what they cannot do, or is not theirs."""

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")

_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


class Readable(Protocol):
    """What is read from: a file, or an object of a store."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One file that somebody wants replayed."""

    label: str
    """As the user knows it: a path, an address, or `-`."""
    size: int
    """Bytes as stored, when it was found. What is added later is not read: it makes another file."""
    open: Callable[[], BinaryIO]
    """Opens it at its beginning."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some records of a file, in order."""

    records: list[RawRecord]
    read: int
    """Stored bytes read so far."""


def find(paths: Sequence[str]) -> list[Capture]:
    """Files, folders (with all below them, hidden ones left out), globs, `s3://`, `gs://` and `az://` addresses, `-` for stdin.

    In the order given, those of a folder by name, each file once, whatever links lead to it. Raises `UsageError` where
    something names nothing.
    """
    captures: dict[str, Capture] = {}
    for path in paths:
        for key, capture in _find(path):
            captures.setdefault(key, capture)
    return list(captures.values())


def _find(path: str) -> list[tuple[str, Capture]]:
    if path == "-":
        return [("-", _spooled(sys.stdin.buffer, "-"))]
    if not path:
        raise UsageError("an empty path names no file")
    if objects.is_address(path):
        return [(address, Capture(address, size, open_)) for address, size, open_ in objects.find(path)]
    if _SCHEME.match(path):
        raise UsageError(
            f"{path}: of addresses, only {', '.join(objects.SCHEMES)} are read; fetch it, or pipe it into `replay -`"
        )
    named = Path(path)
    try:
        if named.is_dir():
            found = sorted(_below(named))
        elif named.exists():
            found = [named]
        else:
            found = sorted({file for name in glob.glob(path, recursive=True) for file in _files(Path(name))})
    except OSError as error:
        raise UsageError(f"{error.filename or path}: {error.strerror}") from error
    if not found:
        raise UsageError(
            f"{path}: no such file" if not glob.has_magic(path) and not named.is_dir() else f"{path}: no file there"
        )
    return [(os.path.realpath(file), _local(file)) for file in found]


def _files(path: Path) -> Iterator[Path]:
    """What a glob means by a path that it met: as the shell would hand it over, but for what is neither file nor folder."""
    if path.is_dir():
        yield from _below(path)
    elif _is_meant(path):
        yield path


def _below(folder: Path) -> Iterator[Path]:
    """Every file in it that is not hidden, through links too; a folder that several lead to once, so that circles end.

    Raises `OSError` at a folder that cannot be looked into, which a glob would pass over in silence.
    """

    def refuse(error: OSError) -> None:
        raise error

    seen: set[str] = set()
    for inner, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        if (real := os.path.realpath(inner)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (file for name in names if not name.startswith(".") and _is_meant(file := Path(inner, name)))


def _is_meant(path: Path) -> bool:
    """A file, or a link that leads nowhere: whoever opens that says so, as of a file that is missing."""
    return path.is_file() or not path.exists()


def _local(path: Path) -> Capture:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe, such as bash makes of <(…), can be read once only, and has no size
            with path.open("rb") as stream:
                return _spooled(stream, _named(path))
        with path.open("rb"):
            pass
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return Capture(_named(path), found.st_size, lambda: path.open("rb"))


def _named(path: Path) -> str:
    """The path as text that a database takes: bytes that are none stand as their escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _spooled(stream: BinaryIO, label: str) -> Capture:
    """Stdin or a pipe, laid down in a file that vanishes with the process: its digest is needed before its first record."""
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:  # as in a container whose file system is read-only
        raise UsageError(f"{label} must be laid down first, and no folder can be written to; set TMPDIR to one") from None
    try:
        spool = tempfile.NamedTemporaryFile(prefix="outcomes-stdin-")  # noqa: SIM115 - lives as long as the capture
        shutil.copyfileobj(stream, spool, CHUNK)
        spool.flush()
    except OSError as error:
        sentence = f"{label} cannot be laid down in {folder}: {error.strerror}; set TMPDIR to another folder"
        raise UsageError(sentence) from error

    def again() -> BinaryIO:
        return Path(spool.name).open("rb")

    return Capture(label, os.fstat(spool.fileno()).st_size, again)


class _Stored:
    """Reads the stored bytes of a capture up to the size it was found with, and hashes them on the way."""

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
            raise changed(self._capture)  # here, so that nobody takes half a record for one
        self._left -= len(data)
        self.count += len(data)
        self._digest.update(data)
        return data

    def source(self) -> str:
        """`file:` and the digest of all stored bytes; reads what has not been read."""
        while self.read(CHUNK):
            pass
        return f"file:{self._digest.hexdigest()}"

    def close(self) -> None:
        self._file.close()


def changed(capture: Capture) -> ChangedCapture:
    """What to say of a capture that is no longer what it was."""
    return ChangedCapture(f"{capture.label} changed while it was replayed; replay it again")


@contextmanager
def _opened(capture: Capture) -> Iterator[_Stored]:
    """Its stored bytes. Raises `BrokenCapture` where the machine does not give them: it was removed, or its disk fails."""
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

    Unpacks the file on the way. Raises `BrokenCapture` where it cannot be read, or where what was packed is not what it unpacks
    to: nothing of such a file is read, because its records may be whole and wrong. One that is only cut is read to there.
    """
    with _opened(capture) as stored:
        try:
            for _ in _chunks(stored):
                pass
        except _Damaged as error:
            what = f"{capture.label} is damaged: {error}; nothing of it was read, because what it unpacks to may be wrong"
            raise BrokenCapture(what) from error
        except _BROKEN:
            pass  # said once the rest is read
        return stored.source()


def records(capture: Capture, source: str, *, start: int, max_record_bytes: int) -> Iterator[Piece]:
    """The records from position `start` on, about a MiB of text at a time.

    Each record is whole. One above `max_record_bytes` is not parsed, and one above that and `HELD_BYTES` cannot be held: there
    the file ends for us. Raises `BrokenCapture`, after all that was readable, where that is so, where the file is damaged or
    holds no text; and `ChangedCapture` where it is not the one that `source` was made of.
    """
    with _opened(capture) as stored:
        trouble = ""
        cause: BaseException | None = None
        try:
            for numbered in _numbered(_chunks(stored), max_record_bytes):
                found = [RawRecord(source, 0, position, value) for position, value in numbered if position >= start]
                yield Piece(found, stored.count)
        except _Broken as error:
            cause = error.__cause__
            trouble = f"cannot be read to its end: {str(cause) or type(cause).__name__}"
        except _NoText as error:
            trouble = f"cannot be read: it is {error}"
        except TooLong as error:
            trouble = (
                f"is not read from {error.which} on: {error}, which is more than can be held; take that out to read the rest"
            )
        if stored.source() != source:
            raise changed(capture)
        if trouble:
            raise BrokenCapture(f"{capture.label} {trouble}") from cause


class _Damaged(Exception):
    """What was packed is not what it unpacks to, as the packing itself tells."""


class _Broken(Exception):
    """Carries a decompressor's error past the splitter, which is to hand out what came before it."""


class _NoText(Exception):
    """It is something else; the text says what."""


def _numbered(chunks: Iterator[bytes], limit: int) -> Iterator[list[Numbered]]:
    """Splits what can be read; `_Broken` comes after the records before the break."""
    held: list[_Broken] = []

    def until_broken() -> Iterator[bytes]:
        try:
            yield from chunks
        except (*_BROKEN, _Damaged) as error:
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
    if what := _no_text(beginning):
        raise _NoText(what)
    whole = len(beginning) < SAMPLE_BYTES
    text, most = chain(sample, readable), max(HELD_BYTES, limit)
    form = form_of(beginning[:SAMPLE_BYTES], whole=whole)
    if form is Form.VALUES:
        yield from numbered_values(text, limit, most)
    else:
        yield from numbered_lines(text, most, rows=form is Form.ROWS)
    if held:
        raise held[0]


def _no_text(beginning: bytes) -> str | None:
    """What a file is that begins so and holds no text; None where it does."""
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
        return "no text, and none of the packings that are known (gz, zst, bz2, xz)"
    return None


def _chunks(stored: Readable) -> Iterator[bytes]:
    """The text, unpacked by what its first bytes say it is."""
    magic = stored.read(6)
    packed = _Rejoined(magic, stored)
    match magic:
        case _ if magic.startswith(_GZ):
            yield from _streams(packed, _GZ, _Gunzip)
        case _ if magic.startswith(_BZ2):
            yield from _streams(packed, _BZ2, bz2.BZ2Decompressor)
        case _ if magic.startswith(_XZ):
            yield from _streams(packed, _XZ, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY))
        case _ if magic.startswith(_ZST) or _SKIPPABLE.match(magic):
            yield from _zstandard(packed)
        case _:
            while chunk := packed.read(CHUNK):
                yield chunk


class _Unpacking(Protocol):
    """As bz2's and lzma's decompressors are: one stream, in portions."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gunzip:
    """One member of a gz file."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._more = False

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        return not self._more

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        unpacked = self._member.decompress(self._member.unconsumed_tail + data, max_length)
        self._more = bool(self._member.unconsumed_tail) or len(unpacked) == max_length
        return unpacked


def _streams(packed: io.RawIOBase, magic: bytes, begin: Callable[[], _Unpacking]) -> Iterator[bytes]:
    """All streams, one after the other. Python's own readers pass over what comes behind them in silence.

    What fails is damaged where it begins as a stream does, and else something behind the last one.
    """
    reader = io.BufferedReader(packed, CHUNK)
    try:
        piece = reader.read(_PIECE)
        while piece:
            if len(piece) < len(magic):
                piece += reader.read(len(magic) - len(piece))
            stream, ours = begin(), piece.startswith(magic)
            while not stream.eof:
                if stream.needs_input and not piece and not (piece := reader.read(_PIECE)):
                    raise EOFError("the last stream is cut")
                try:
                    unpacked, piece = stream.decompress(piece, CHUNK), b""
                except (OSError, zlib.error, lzma.LZMAError) as error:
                    if not ours or _BEYOND_US.search(str(error)):
                        raise
                    raise _Damaged(str(error)) from error
                if unpacked:
                    yield unpacked
            piece = stream.unused_data.lstrip(b"\0") or reader.read(_PIECE)
            while piece and not (piece := piece.lstrip(b"\0")):  # zeros fill up blocks of tapes, and of xz
                piece = reader.read(_PIECE)
    finally:
        reader.detach()


class _Rejoined(io.RawIOBase):
    """A stream with the bytes that were looked at put back."""

    def __init__(self, first: bytes, rest: Readable) -> None:
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        data, self._first = (
            (self._first[: len(buffer)], self._first[len(buffer) :]) if self._first else (self._rest.read(len(buffer)), b"")
        )
        buffer[: len(data)] = data
        return len(data)


def _zstandard(packed: io.RawIOBase) -> Iterator[bytes]:
    """All frames. zstandard's own reader takes a cut frame for its end, so frames are ended here."""
    begun = False
    unpacked: list[bytes] = []
    size = 0
    frame = zstandard.ZstdDecompressor().decompressobj()
    reader = io.BufferedReader(packed, CHUNK)
    try:
        while piece := reader.read(_ZSTD_PIECE):
            while piece:
                if not begun:
                    frame, begun = zstandard.ZstdDecompressor().decompressobj(), True
                try:
                    chunk = frame.decompress(piece)
                except zstandard.ZstdError as error:
                    yield b"".join(unpacked)
                    if _BEYOND_US.search(str(error)):
                        raise
                    raise _Damaged(str(error)) from error
                piece, begun = (frame.unused_data, False) if frame.eof else (b"", True)
                unpacked.append(chunk)
                size += len(chunk)
            if size >= CHUNK:
                yield b"".join(unpacked)
                unpacked, size = [], 0
    finally:
        reader.detach()
    yield b"".join(unpacked)
    if begun:
        raise EOFError("the last zstd frame is cut")
