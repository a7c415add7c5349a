"""Unpacking gz, bz2, xz and zst, in bounded memory, with every kind of damage noticed."""

import bz2
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import zstandard

CHUNK = 1024 * 1024
"""Bytes of unpacked text in one chunk."""

_ZSTD_INPUT = 256
"""Packed bytes for zstandard at a time: what they unpack to must fit into memory."""

_INPUT = 64 * 1024
"""Packed bytes for the other decompressors at a time. They limit what they unpack to."""

_XZ_MEMORY = 256 * 1024 * 1024
"""Most memory for unpacking xz: its highest level needs 65 MB, but a file of a hundred bytes can ask for 4 GB."""

_GZ, _BZ2, _XZ, _ZST = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
"""The first bytes of a stream of each format."""

_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""The first bytes of a zst frame without text; pzstd writes one before each frame."""

_UNSUPPORTED = re.compile("memory|support|dictionary mismatch|unknown frame", re.IGNORECASE)
"""Errors of decompressors for data that may be intact: it needs too much memory or an unsupported feature."""

UNREADABLE = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


class Readable(Protocol):
    """What is read from: a file, or an object of a store."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Damaged(Exception):
    """The checks of the format say that the unpacked text is wrong."""


def unpacked(stored: Readable) -> Iterator[bytes]:
    """The text in chunks; the first bytes tell the format. Raises `Damaged`, or one of `UNREADABLE`."""
    magic = stored.read(6)
    packed = _Unread(magic, stored)
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
    """One stream, as bz2's and lzma's decompressors read it."""

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
    """All streams, one after the other. Python's own readers silently ignore what follows the last one.

    Data that fails is `Damaged` if it begins like a stream; otherwise it is something after the last stream.
    """
    reader = io.BufferedReader(packed, CHUNK)
    try:
        piece = reader.read(_INPUT)
        while piece:
            if len(piece) < len(magic):
                piece += reader.read(len(magic) - len(piece))
            stream, ours = begin(), piece.startswith(magic)
            while not stream.eof:
                if stream.needs_input and not piece and not (piece := reader.read(_INPUT)):
                    raise EOFError("the last stream is cut")
                try:
                    unpacked, piece = stream.decompress(piece, CHUNK), b""
                except (OSError, zlib.error, lzma.LZMAError) as error:
                    if not ours or _UNSUPPORTED.search(str(error)):
                        raise
                    raise Damaged(str(error)) from error
                if unpacked:
                    yield unpacked
            piece = stream.unused_data.lstrip(b"\0") or reader.read(_INPUT)
            while piece and not (piece := piece.lstrip(b"\0")):  # padding of tapes and xz
                piece = reader.read(_INPUT)
    finally:
        reader.detach()


class _Unread(io.RawIOBase):
    """A stream after its first bytes were read: they come first again."""

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
    """All frames. zstandard's own reader does not notice a truncated frame."""
    begun = False
    ready: list[bytes] = []
    size = 0
    frame = zstandard.ZstdDecompressor().decompressobj()
    reader = io.BufferedReader(packed, CHUNK)
    try:
        while piece := reader.read(_ZSTD_INPUT):
            while piece:
                if not begun:
                    frame, begun = zstandard.ZstdDecompressor().decompressobj(), True
                try:
                    chunk = frame.decompress(piece)
                except zstandard.ZstdError as error:
                    yield b"".join(ready)
                    if _UNSUPPORTED.search(str(error)):
                        raise
                    raise Damaged(str(error)) from error
                piece, begun = (frame.unused_data, False) if frame.eof else (b"", True)
                ready.append(chunk)
                size += len(chunk)
            if size >= CHUNK:
                yield b"".join(ready)
                ready, size = [], 0
    finally:
        reader.detach()
    yield b"".join(ready)
    if begun:
        raise EOFError("the last zstd frame is cut")
