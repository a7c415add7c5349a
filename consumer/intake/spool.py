"""Events on disk, while the topic is away: appended with fsync, read in order of arrival, deleted once they are stored.

A record is its length and CRC-32 (four bytes each, big-endian) and its payload. Files hold records in order of arrival; a file
is deleted when all of its records are stored, so after a kill some are stored again, which does no harm. What a kill or a power
cut left half written at the end of a file is passed over: nobody was told that it is stored.
"""

import fcntl
import os
import threading
import zlib
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from consumer import log
from consumer.errors import Fatal, Transient

FILE_BYTES = 8 * 1024 * 1024
"""A file that is larger gets no more records."""
_HEAD = Struct(">II")
_MAX_RECORD = 64 * 1024 * 1024
_SUFFIX = ".spool"


class SpoolFull(Transient):
    """The spool holds as much as it may, or the disk takes nothing."""


@dataclass(slots=True)
class _File:
    number: int
    path: Path
    end: int = 0
    """Bytes of whole records."""
    records: int = 0
    """Of them, not yet stored."""
    read: int = 0
    """Bytes that are stored already."""


class Spool:
    """One folder, which belongs to one process. Methods block; threads may call them."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Opens the folder and finds its whole records. Raises `Fatal` if another process has it, or if it fails."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._files: deque[_File] = deque()
        self._open: int | None = None
        """Descriptor of the last file, if it takes more records."""
        self._one_at_a_time = threading.Lock()
        self.events = 0
        """Records that are not stored yet."""
        self.bytes = 0
        """Of all files."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(self._lock)
                raise Fatal(f"another intake uses {folder}: give each its own OUTCOMES_DATA_FOLDER") from error
            for path in sorted(folder.glob(f"*{_SUFFIX}")):
                self._recover(_File(int(path.stem), path))
        except OSError as error:
            raise Fatal(f"{folder} cannot be used ({error.strerror}): set OUTCOMES_DATA_FOLDER to a writable folder") from error

    def append(self, payloads: Sequence[bytes]) -> None:
        """Returns once all are on disk; else none counts. Raises `SpoolFull`."""
        data = b"".join(part for one in payloads for part in (_HEAD.pack(len(one), zlib.crc32(one)), one))
        with self._one_at_a_time:
            if self.bytes + len(data) > self._most_bytes:
                raise SpoolFull(f"the spool is full: {self.bytes:,} of {self._most_bytes:,} bytes")
            try:
                file = self._write(data)
            except OSError as error:
                self._take_back()
                raise SpoolFull(f"the disk of the spool takes nothing: {error.strerror}") from error
            file.end += len(data)
            file.records += len(payloads)
            self.bytes += len(data)
            self.events += len(payloads)

    def oldest(self, most_bytes: int) -> list[bytes]:
        """The first records that are not stored yet, of one file; at least one if there are any."""
        with self._one_at_a_time:
            found: list[bytes] = []
            file = next((file for file in self._files if file.records), None)
            if file is None:
                return found
            size = 0
            with file.path.open("rb") as opened:
                opened.seek(file.read)
                while len(found) < file.records:
                    length, _ = _HEAD.unpack(opened.read(_HEAD.size))
                    size += length
                    if found and size > most_bytes:
                        break
                    found.append(opened.read(length))
            return found

    def stored(self, payloads: Sequence[bytes]) -> None:
        """What `oldest` gave is stored: forgets it, and deletes files that hold nothing else."""
        with self._one_at_a_time:
            file = next(file for file in self._files if file.records)
            file.records -= len(payloads)
            file.read += sum(_HEAD.size + len(one) for one in payloads)
            self.events -= len(payloads)
            if not self.events:
                self._close_last()
            while self._files and not self._files[0].records and (len(self._files) > 1 or self._open is None):
                gone = self._files.popleft()
                self.bytes -= gone.end
                gone.path.unlink(missing_ok=True)

    def set_aside(self, payload: bytes) -> Path:
        """Keeps a record that no topic takes, where an operator finds it; the last step before `stored`."""
        path = self._folder / "refused.ndjson"
        with path.open("ab") as opened:
            opened.write(payload.partition(b"\n")[2] + b"\n")
            opened.flush()
            os.fsync(opened.fileno())
        return path

    def close(self) -> None:
        """Lets another process have the folder."""
        self._close_last()
        os.close(self._lock)

    def _recover(self, file: _File) -> None:
        size = file.path.stat().st_size
        with file.path.open("rb") as opened:
            while len(head := opened.read(_HEAD.size)) == _HEAD.size:
                length, crc = _HEAD.unpack(head)
                payload = opened.read(length) if length <= _MAX_RECORD else b""
                if len(payload) != length or zlib.crc32(payload) != crc:
                    break
                file.end += _HEAD.size + length
                file.records += 1
        if file.end < size:
            log.get("intake").warning("spool_cut", file=str(file.path), bytes=size - file.end)
        if file.records:
            self._files.append(file)
            self.events += file.records
            self.bytes += file.end
        else:
            file.path.unlink()

    def _write(self, data: bytes) -> _File:
        descriptor, file = self._writable()
        view, at = memoryview(data), file.end
        while view:
            written = os.pwrite(descriptor, view, at)
            view, at = view[written:], at + written
        os.fdatasync(descriptor)
        return file

    def _writable(self) -> tuple[int, _File]:
        """The file that takes the next records, and its descriptor."""
        if self._open is not None and self._files[-1].end < FILE_BYTES:
            return self._open, self._files[-1]
        self._close_last()
        number = self._files[-1].number + 1 if self._files else 1
        path = self._folder / f"{number:012}{_SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the file's name too
        finally:
            os.close(folder)
        self._open = descriptor
        self._files.append(_File(number, path))
        return descriptor, self._files[-1]

    def _take_back(self) -> None:
        """After an error: takes back what was written of it; the next record goes into another file."""
        if self._open is not None:
            with suppress(OSError):  # then the next opening passes it over, or finds whole records, which do no harm
                os.ftruncate(self._open, self._files[-1].end)
            self._close_last()

    def _close_last(self) -> None:
        descriptor, self._open = self._open, None
        if descriptor is not None:
            os.close(descriptor)
