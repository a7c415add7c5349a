"""Writing captured events: the other end of `files`."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from consumer.errors import UsageError


@contextmanager
def writing(path: Path | None) -> Iterator[BinaryIO]:
    """A file to write NDJSON to, packed as its ending says (`.gz`, `.zst`); stdout without a path. Raises `UsageError`."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.suffix in (".bz2", ".xz", ".zip"):
        raise UsageError(f"{path}: only .gz and .zst are packed; take one of these, or another ending for plain NDJSON")
    try:
        plain = path.open("wb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    with plain:
        match path.suffix:
            case ".gz":
                with gzip.GzipFile(fileobj=plain, mode="wb", mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            case ".zst":
                with zstandard.ZstdCompressor().stream_writer(plain) as zpacked:
                    yield cast("BinaryIO", zpacked)
            case _:
                yield plain
