"""Captured files in object stores, with obstore (an extra)."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from consumer.errors import UsageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3://", "gs://", "az://")


def is_address(path: str) -> bool:
    """Whether the path is in an object store."""
    return path.startswith(SCHEMES)


def find(address: str) -> list[tuple[str, int, Callable[[], BinaryIO]]]:
    """(address, bytes, open) of every object at or below an address, sorted by name.

    Credentials, region and endpoint come from the usual environment variables (`AWS_*`, `GOOGLE_*`, `AZURE_*`).
    """
    try:
        import obstore  # noqa: PLC0415 - the extra `objects`
        from obstore.exceptions import BaseError  # noqa: PLC0415 - comes with the extra `objects`
        from obstore.store import from_url  # noqa: PLC0415 - as the line above
    except ImportError as error:
        raise UsageError(
            f"{address}: object stores need the extra `objects` (pip install 'outcomes-consumer[objects]')"
        ) from error
    scheme, _, rest = address.partition("://")
    bucket, _, prefix = rest.partition("/")
    try:
        store = from_url(f"{scheme}://{bucket}")
        found = [meta for batch in obstore.list(store, prefix or None) for meta in batch]
        if not found and prefix:  # listing works by folder, not for a single object
            found = [obstore.head(store, prefix)]
    except (BaseError, FileNotFoundError, OSError, ValueError) as error:
        raise UsageError(f"{address}: {str(error).splitlines()[0]}") from error
    if not found:
        raise UsageError(f"{address}: no object there")
    return [
        (f"{scheme}://{bucket}/{meta['path']}", meta["size"], _opener(store, meta["path"]))
        for meta in sorted(found, key=lambda meta: meta["path"])
    ]


def _opener(store: "ObjectStore", path: str) -> Callable[[], BinaryIO]:
    def open_() -> BinaryIO:
        import obstore  # noqa: PLC0415 - the extra `objects`

        return cast("BinaryIO", _Reader(obstore.open_reader(store, path)))

    return open_


class _Reader(io.RawIOBase):
    """obstore's reader returns buffers; files return bytes."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return bytes(self._reader.read(size))
