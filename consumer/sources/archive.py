"""Captured files and their manifest: what is in the manifest is stored, whole, and captured once.

A line of a file is a record: topic, partition, offset, time in milliseconds, and its payload as text (in base64 if it is none).
A file is whole before the manifest names it, with its positions. So after a kill at any step the manifest says where to go on.
A whole file that it does not name yet is added to it at the next start.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from typing import Any, BinaryIO

import orjson
import zstandard

from consumer.ingest.batch import Partition
from consumer.ingest.records import RawRecord
from consumer.sources.storage import SUFFIX, Storage, disk_errors

FILE_BYTES = 64 * 1024 * 1024
"""Packed; a file that has more is completed."""
_CHUNK = 1024 * 1024
_SOME = 1_000

Ranges = dict[Partition, tuple[int, int]]
"""Of each partition: the first record of a file, and the one behind its last."""


class Archive:
    """All that was captured to one place. Methods block. Raise `Fatal` where the disk fails, and `StoreAway`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.positions: dict[Partition, int] = {}
        """The next record of each partition that is not in a whole file."""
        self.files = 0
        self.records = 0
        """In whole files."""
        self._last = 0
        self._open: _Writing | None = None
        try:
            with disk_errors(storage.name):
                self._recover()
        except BaseException:
            storage.close()
            raise

    def append(self, records: Iterable[tuple[RawRecord, int]]) -> None:
        """Writes records, of each partition in order. A new day begins a new file, and so does a full one."""
        with disk_errors(self._storage.name):
            for record, milliseconds in records:
                if record.value is None:
                    continue  # a tombstone says nothing
                day = _day(milliseconds)
                if self._open is not None and (day > self._open.day or self._open.bytes > FILE_BYTES):
                    self.complete()
                if self._open is None:
                    self._open = _Writing(self._storage, f"{day}/{self._last + 1:08}{SUFFIX}")
                try:
                    self._open.write(record, milliseconds)
                except OSError:
                    self._give_up()  # a part of it is missing
                    raise

    def complete(self) -> None:
        """Makes the open file a whole one, and names it in the manifest."""
        if self._open is None:
            return
        with disk_errors(self._storage.name):
            writing, self._open = self._open, None
            file = writing.finish()
            source, size = _digest(file)
            self._storage.keep(writing.name, file)
            self._name(writing.name, source, size, writing.ranges, writing.records)

    def close(self) -> None:
        """Lets another process have the place. What is not complete is captured again."""
        self._give_up()
        self._storage.close()

    def _give_up(self) -> None:
        writing, self._open = self._open, None
        if writing is not None:
            writing.give_up()

    def names(self) -> list[str]:
        """Of the whole files."""
        return list(self._entries())

    def lines(self, name: str) -> Iterator[list[bytes]]:
        """The lines of a whole file, some at a time."""
        with disk_errors(self._storage.name), self._storage.open(name) as file:
            lines = _lines(zstandard.ZstdDecompressor().stream_reader(file))
            while some := list(islice(lines, _SOME)):
                yield some

    def rewrite(self, name: str, lines: Iterable[bytes]) -> None:
        """Puts these lines in the place of a file, and its new digest into the manifest; its positions stay."""
        records = 0
        with disk_errors(self._storage.name):
            file = self._storage.begin(name)
            with zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False) as packing:
                for line in lines:
                    packing.write(line + b"\n")
                    records += 1
            file.flush()
            self._storage.keep(name, file)
        self.correct(name, records)

    def correct(self, name: str, records: int) -> None:
        """Makes the manifest say what a file is, where it says otherwise: after a rewriting that was killed, too."""
        with disk_errors(self._storage.name):
            with self._storage.open(name) as file:
                source, size = _digest(file)
            entry = self._entries()[name]
            now = {"source": source, "bytes": size, "records": records}
            if not now.items() <= entry.items():
                self._storage.note(orjson.dumps(entry | now) + b"\n")

    def _entries(self) -> dict[str, dict[str, Any]]:
        """What the manifest says of each file; of one that was rewritten, what it says last."""
        entries = map(orjson.loads, self._storage.manifest().splitlines())
        return {entry["file"]: entry for entry in entries}

    def _recover(self) -> None:
        known = self._entries()
        for name, entry in known.items():
            self._count(name, _ranges(entry["positions"]), entry["records"])
        for name in self._storage.files():
            if name not in known:
                self._add(name)

    def _add(self, name: str) -> None:
        with self._storage.open(name) as file:
            source, size = _digest(file)
            ranges, records = _read(file)
        if any(first < self.positions.get(partition, 0) for partition, (first, _) in ranges.items()):
            self._storage.remove(name)  # by a capture that another one had overtaken: the records are in its files
        else:
            self._name(name, source, size, ranges, records)

    def _name(self, name: str, source: str, size: int, ranges: Ranges, records: int) -> None:
        entry = {
            "file": name,
            "source": source,
            "bytes": size,
            "records": records,
            "positions": [[*partition, *offsets] for partition, offsets in sorted(ranges.items())],
            "completed_at": datetime.now(UTC),
        }
        self._storage.note(orjson.dumps(entry) + b"\n")
        self._count(name, ranges, records)

    def _count(self, name: str, ranges: Ranges, records: int) -> None:
        self._last = max(self._last, int(name.rpartition("/")[2].removesuffix(SUFFIX)))
        self.positions |= {partition: behind for partition, (_, behind) in ranges.items()}
        self.files += 1
        self.records += records


class _Writing:
    """A file that is not whole yet."""

    def __init__(self, storage: Storage, name: str) -> None:
        self.name = name
        self.day = name.partition("/")[0]
        self.records = 0
        self.ranges: Ranges = {}
        self._file = storage.begin(name)
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

    def give_up(self) -> None:
        """A file that is never whole."""
        with suppress(OSError):  # the disk may be full
            self._file.close()

    def finish(self) -> BinaryIO:
        """All of it is written."""
        self._packing.close()  # type: ignore[no-untyped-call]
        self._file.flush()
        return self._file


def _extend(ranges: Ranges, partition: Partition, offset: int) -> None:
    ranges[partition] = (ranges[partition][0] if partition in ranges else offset, offset + 1)


def _read(file: BinaryIO) -> tuple[Ranges, int]:
    """What a whole file holds."""
    ranges: Ranges = {}
    records = 0
    file.seek(0)
    with zstandard.ZstdDecompressor().stream_reader(file) as text:
        for line in _lines(text):
            entry = orjson.loads(line)
            _extend(ranges, Partition(entry["topic"], entry["partition"]), entry["offset"])
            records += 1
    return ranges, records


def _lines(text: Any) -> Iterator[bytes]:
    rest = b""
    while chunk := text.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _ranges(positions: list[tuple[str, int, int, int]]) -> Ranges:
    return {Partition(topic, number): (first, behind) for topic, number, first, behind in positions}


def _digest(file: BinaryIO) -> tuple[str, int]:
    """The source, as a replay names the file, and its bytes."""
    digest = blake2b(digest_size=16)
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return f"file:{digest.hexdigest()}", file.tell()


def _day(milliseconds: int) -> str:
    """In UTC; today where the topic's clock runs ahead."""
    now = datetime.now(UTC)
    return f"{min(now, datetime.fromtimestamp(max(0, milliseconds) / 1000, UTC)):%Y-%m-%d}"
