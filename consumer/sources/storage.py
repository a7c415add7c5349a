"""Where captured files lie: a folder, or an object store. Each belongs to one capture."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from consumer.errors import Fatal, Transient
from consumer.sources import objects

MANIFEST = ".manifest.ndjson"
"""Hidden, so that a replay does not read it."""
SUFFIX = ".ndjson.zst"
_PART = ".part"


class StoreAway(Transient):
    """The object store does not answer."""


class Storage(Protocol):
    """Methods block. Raise `OSError` where a disk fails, `Fatal`, and of an object store `StoreAway`."""

    name: str
    """As the user wrote it."""

    def manifest(self) -> bytes:
        """Its whole lines."""

    def files(self) -> list[str]:
        """Names of all whole files, by number."""

    def open(self, name: str) -> BinaryIO:
        """Reads a whole file."""

    def begin(self, name: str) -> BinaryIO:
        """A file to write, which is not a whole one yet. A kill takes it away, or the next start does."""

    def keep(self, name: str, file: BinaryIO) -> None:
        """Makes it a whole one, which is safe when this returns."""

    def remove(self, name: str) -> None:
        """Removes a whole file."""

    def note(self, line: bytes) -> None:
        """Adds a line to the manifest, which is safe when this returns."""

    def close(self) -> None:
        """Lets another process have it."""


class Folder:
    """A file is written under a hidden name, synced, and renamed."""

    def __init__(self, folder: Path) -> None:
        """Raises `Fatal` if another capture has the folder."""
        self.name = str(folder)
        self._folder = folder
        with disk_errors(self.name):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(self._lock)
                raise taken(self.name) from error
            for part in folder.glob(f"*/.*{_PART}"):
                part.unlink()  # its records are read again

    def manifest(self) -> bytes:
        """See `Storage`."""
        path = self._folder / MANIFEST
        text = path.read_bytes() if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]  # a line that was cut in the middle: its file is in `files`
        if whole != text:
            os.truncate(path, len(whole))
        return whole

    def files(self) -> list[str]:
        """See `Storage`."""
        found = sorted(self._folder.glob(f"*/*{SUFFIX}"), key=lambda path: path.name)
        return [str(path.relative_to(self._folder)) for path in found]

    def open(self, name: str) -> BinaryIO:
        """See `Storage`."""
        return (self._folder / name).open("rb")

    def begin(self, name: str) -> BinaryIO:
        """See `Storage`."""
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        _sync(self._folder)
        return path.with_name(f".{path.name}{_PART}").open("w+b")

    def keep(self, name: str, file: BinaryIO) -> None:
        """See `Storage`."""
        with file:
            os.fsync(file.fileno())
        path = self._folder / name
        Path(file.name).rename(path)
        _sync(path.parent)

    def remove(self, name: str) -> None:
        """See `Storage`."""
        (self._folder / name).unlink()

    def note(self, line: bytes) -> None:
        """See `Storage`."""
        with (self._folder / MANIFEST).open("ab") as manifest:
            manifest.write(line)
            manifest.flush()
            os.fsync(manifest.fileno())
        _sync(self._folder)

    def close(self) -> None:
        """See `Storage`."""
        os.close(self._lock)


def storage_of(place: str) -> Storage:
    """A folder, or an address of an object store. Raises as `Storage`, and `UsageError`."""
    if not objects.is_address(place):
        return Folder(Path(place))
    store = objects.store_of(place)
    from consumer.sources.stored_objects import Objects  # noqa: PLC0415 - the extra `objects`

    return Objects(place, store)


@contextmanager
def disk_errors(place: str) -> Iterator[None]:
    """Those of this machine's disk become `Fatal`."""
    try:
        yield
    except OSError as error:
        sentence = (
            f"{error.filename or place} cannot be used ({error.strerror}); what is in the manifest is safe, start it again"
        )
        raise Fatal(sentence) from error


def taken(place: str) -> Fatal:
    """The error where two captures have one place."""
    return Fatal(f"another capture writes to {place}: give each a place of its own")


def _sync(folder: Path) -> None:
    """The names in it too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
