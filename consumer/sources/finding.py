"""The files that the user names: paths, folders, globs, addresses of object stores, stdin."""

import glob
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from consumer.errors import UsageError
from consumer.sources import objects

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Capture:
    """A file to read."""

    label: str
    """A path, an address, or `-`, as the user wrote it."""
    size: int
    """Stored bytes when it was found. Bytes added later are not read: they make it another file."""
    open: Callable[[], BinaryIO]
    """Opens it at its start."""


def find(paths: Sequence[str]) -> list[Capture]:
    """Files, folders with all below them that is not hidden, globs, `s3://`, `gs://` and `az://` addresses, `-` for stdin.

    In the given order, those of a folder by name, each file once, even if several links lead to it. Raises `UsageError` if a
    path names nothing.
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
        raise UsageError("a path is empty")
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
    """The files at or below a path that a glob found."""
    if path.is_dir():
        yield from _below(path)
    elif _is_meant(path):
        yield path


def _below(folder: Path) -> Iterator[Path]:
    """Every file that is not hidden. Follows links, and visits each folder once, so that cycles end.

    Raises `OSError` at a folder that cannot be listed; a glob would skip it silently.
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
    """A file, or a broken link: opening that says so, as for a missing file."""
    return path.is_file() or not path.exists()


def _local(path: Path) -> Capture:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe, such as bash's <(…), can be read only once and has no size
            with path.open("rb") as stream:
                return _spooled(stream, _label(path))
        with path.open("rb"):
            pass
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return Capture(_label(path), found.st_size, lambda: path.open("rb"))


def _label(path: Path) -> str:
    """The path as text for the database: bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _spooled(stream: BinaryIO, label: str) -> Capture:
    """Copies stdin or a pipe into a temporary file: we need its digest before its first record."""
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:  # such as a container with a read-only file system
        raise UsageError(f"{label} must be copied to a file first, and no folder is writable; set TMPDIR to one") from None
    try:
        spool = tempfile.NamedTemporaryFile(prefix="outcomes-stdin-")  # noqa: SIM115 - lives as long as the capture
        shutil.copyfileobj(stream, spool, _COPY_BYTES)
        spool.flush()
    except OSError as error:
        sentence = f"{label} cannot be copied to {folder}: {error.strerror}; set TMPDIR to another folder"
        raise UsageError(sentence) from error

    def open_() -> BinaryIO:
        return Path(spool.name).open("rb")

    return Capture(label, os.fstat(spool.fileno()).st_size, open_)
