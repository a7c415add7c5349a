"""Writes files that `files` can read."""

import gzip
import os.path
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from consumer.errors import UsageError


@contextmanager
def writing(path: Path | None) -> Iterator[BinaryIO]:
    """A file for NDJSON, packed according to its suffix (`.gz`, `.zst`); stdout without a path.

    Raises `UsageError`, also later, for example if the disk is full.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.suffix.lower() in (".bz2", ".xz", ".zip"):
        raise UsageError(f"{path}: only .gz and .zst can be written; use one of these, or another suffix for plain NDJSON")
    try:
        with _packed(path) as file:
            yield file
    except BrokenPipeError:
        raise  # the reader of a pipe has closed it
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


@contextmanager
def _packed(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as plain:
        match path.suffix.lower():
            case ".gz":
                with gzip.GzipFile(fileobj=plain, mode="wb", mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            case ".zst":
                with zstandard.ZstdCompressor().stream_writer(plain) as zpacked:
                    yield cast("BinaryIO", zpacked)
            case _:
                yield plain


def same(one: Path, other: Path) -> bool:
    """Whether both paths name one file, even if it does not exist."""
    if os.path.exists(one) and os.path.exists(other):  # unlike pathlib, without errors for loops and locked folders
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)
