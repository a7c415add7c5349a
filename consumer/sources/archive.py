"""A folder of captured files and its manifest: what is in the manifest is on disk, whole, and captured once.

A line of a file is a record: topic, partition, offset, time in milliseconds, and its payload as text (in base64 if it is none).
A file is written under a hidden name, synced, renamed, and only then named in the manifest, with its positions. So after a kill
at any step the manifest says where to go on. A whole file that it does not name yet is added to it at the next start.
"""

import fcntl
import os
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import zstandard

from consumer.errors import Fatal
from consumer.ingest.batch import Partition
from consumer.ingest.records import RawRecord

MANIFEST = ".manifest.ndjson"
"""Hidden, so that a replay of the folder does not read it."""
FILE_BYTES = 64 * 1024 * 1024
"""Packed; a file that has more is completed."""
_SUFFIX, _PART = ".ndjson.zst", ".part"
_CHUNK = 1024 * 1024
_SOME = 1_000

Ranges = dict[Partition, tuple[int, int]]
"""Of each partition: the first record of a file, and the one behind its last."""


class Archive:
    """The folder, which belongs to one process. Methods block. Raises `Fatal` where the disk fails or the folder is in use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.positions: dict[Partition, int] = {}
        """The next record of each partition that is not in a whole file."""
        self.files = 0
        self.records = 0
        """In whole files."""
        self._last = 0
        self._open: _Writing | None = None
        with _said(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(self._lock)
                raise Fatal(f"another capture writes to {folder}: give each a folder of its own") from error
            self._recover()

    def append(self, records: Iterable[tuple[RawRecord, int]]) -> None:
        """Writes records, of each partition in order. A new day begins a new file, and so does a full one."""
        with _said(self._folder):
            for record, milliseconds in records:
                if record.value is None:
                    continue  # a tombstone says nothing
                day = _day(milliseconds)
                if self._open is not None and (day > self._open.day or self._open.bytes > FILE_BYTES):
                    self.complete()
                if self._open is None:
                    self._open = _Writing(self._folder, self._last + 1, day)
                try:
                    self._open.write(record, milliseconds)
                except OSError:
                    self._open = None  # a part of it is missing
                    raise

    def complete(self) -> None:
        """Makes the open file a whole one, and names it in the manifest."""
        if self._open is None:
            return
        with _said(self._folder):
            writing, self._open = self._open, None
            path = writing.finish()
            self._name(path, writing.ranges, writing.records)

    def close(self) -> None:
        """Lets another process have the folder."""
        os.close(self._lock)

    def names(self) -> list[str]:
        """Of the whole files."""
        return [entry["file"] for entry in self._entries()]

    def lines(self, name: str) -> Iterator[list[bytes]]:
        """The lines of a whole file, some at a time."""
        with _said(self._folder), _unpacked(self._folder / name) as text:
            lines = _lines(text)
            while some := list(islice(lines, _SOME)):
                yield some

    def rewrite(self, name: str, lines: Iterable[bytes]) -> None:
        """Puts these lines in the place of a file, and its new digest into the manifest; its positions stay."""
        path = self._folder / name
        part = path.with_name(f".{path.name}{_PART}")
        with _said(self._folder):
            records = 0
            with part.open("wb") as file:
                with zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False) as packing:
                    for line in lines:
                        packing.write(line + b"\n")
                        records += 1
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
            _sync(path.parent)
            self.correct(name, records)

    def correct(self, name: str, records: int) -> None:
        """Makes the manifest say what a file is, where it says otherwise: after a rewriting that was killed, too."""
        path = self._folder / name
        entries = self._entries()
        entry = next(entry for entry in entries if entry["file"] == name)
        now = {"source": f"file:{_digest(path)}", "bytes": path.stat().st_size, "records": records}
        if now.items() <= entry.items():
            return
        entry |= now
        part = self._folder / f".{MANIFEST}{_PART}"
        with part.open("wb") as manifest:
            manifest.writelines(orjson.dumps(entry) + b"\n" for entry in entries)
            manifest.flush()
            os.fsync(manifest.fileno())
        part.rename(self._folder / MANIFEST)
        _sync(self._folder)

    def _entries(self) -> list[dict[str, Any]]:
        manifest = self._folder / MANIFEST
        return [orjson.loads(line) for line in manifest.read_bytes().splitlines()] if manifest.exists() else []

    def _recover(self) -> None:
        manifest = self._folder / MANIFEST
        known: set[str] = set()
        if manifest.exists():
            text = manifest.read_bytes()
            whole = text[: text.rfind(b"\n") + 1]  # a line that was cut in the middle: its file is found below
            if whole != text:
                os.truncate(manifest, len(whole))
            for line in whole.splitlines():
                entry = orjson.loads(line)
                known.add(entry["file"])
                self._count(entry["file"], _ranges(entry["positions"]), entry["records"])
        for part in self._folder.glob(f"*/.*{_PART}"):
            part.unlink()  # its records are read again
        for path in sorted(self._folder.glob(f"*/*{_SUFFIX}"), key=lambda path: path.name):
            if str(path.relative_to(self._folder)) not in known:
                self._name(path, *_read(path))

    def _name(self, path: Path, ranges: Ranges, records: int) -> None:
        name = str(path.relative_to(self._folder))
        entry = {
            "file": name,
            "source": f"file:{_digest(path)}",
            "bytes": path.stat().st_size,
            "records": records,
            "positions": [[*partition, *offsets] for partition, offsets in sorted(ranges.items())],
            "completed_at": datetime.now(UTC),
        }
        with (self._folder / MANIFEST).open("ab") as manifest:
            manifest.write(orjson.dumps(entry) + b"\n")
            manifest.flush()
            os.fsync(manifest.fileno())
        _sync(self._folder)
        self._count(name, ranges, records)

    def _count(self, name: str, ranges: Ranges, records: int) -> None:
        self._last = max(self._last, int(Path(name).name.removesuffix(_SUFFIX)))
        self.positions |= {partition: behind for partition, (_, behind) in ranges.items()}
        self.files += 1
        self.records += records


class _Writing:
    """A file under its hidden name."""

    def __init__(self, folder: Path, number: int, day: str) -> None:
        self.day = day
        self.records = 0
        self.ranges: Ranges = {}
        self._path = folder / day / f"{number:08}{_SUFFIX}"
        self._part = self._path.with_name(f".{self._path.name}{_PART}")
        self._path.parent.mkdir(exist_ok=True)
        _sync(folder)
        self._file: BinaryIO = self._part.open("wb")
        self._packing = zstandard.ZstdCompressor(write_checksum=True).stream_writer(self._file, closefd=False)

    @property
    def bytes(self) -> int:
        return self._file.tell()

    def write(self, record: RawRecord, milliseconds: int) -> None:
        assert record.value is not None
        try:
            payload = record.value.decode()
        except UnicodeDecodeError:
            payload = b64encode(record.value).decode()
        line = {
            "topic": record.source,
            "partition": record.partition,
            "offset": record.position,
            "ts": milliseconds,
            "payload": payload,
        }
        self._packing.write(orjson.dumps(line) + b"\n")
        _extend(self.ranges, Partition(record.source, record.partition), record.position)
        self.records += 1

    def finish(self) -> Path:
        """On disk, under its own name."""
        self._packing.close()  # type: ignore[no-untyped-call]
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._path)
        _sync(self._path.parent)
        return self._path


def _extend(ranges: Ranges, partition: Partition, offset: int) -> None:
    ranges[partition] = (ranges[partition][0] if partition in ranges else offset, offset + 1)


def _read(path: Path) -> tuple[Ranges, int]:
    """What a whole file holds."""
    ranges: Ranges = {}
    records = 0
    with _unpacked(path) as text:
        for line in _lines(text):
            entry = orjson.loads(line)
            _extend(ranges, Partition(entry["topic"], entry["partition"]), entry["offset"])
            records += 1
    return ranges, records


@contextmanager
def _unpacked(path: Path) -> Iterator[Any]:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as text:
        yield text


def _lines(text: Any) -> Iterator[bytes]:
    rest = b""
    while chunk := text.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _ranges(positions: list[tuple[str, int, int, int]]) -> Ranges:
    return {Partition(topic, number): (first, behind) for topic, number, first, behind in positions}


def _digest(path: Path) -> str:
    """As a replay names the file."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _day(milliseconds: int) -> str:
    """In UTC; today where the topic's clock runs ahead."""
    now = datetime.now(UTC)
    return f"{min(now, datetime.fromtimestamp(max(0, milliseconds) / 1000, UTC)):%Y-%m-%d}"


@contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        sentence = (
            f"{error.filename or folder} cannot be used ({error.strerror}); what is in the manifest is safe, start it again"
        )
        raise Fatal(sentence) from error


def _sync(folder: Path) -> None:
    """The names in it too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
