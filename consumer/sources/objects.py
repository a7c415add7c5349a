"""Captured files in object stores, with obstore (an extra)."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from consumer.errors import UsageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3://", "gs://", "az://")
REQUEST_SECONDS = timedelta(seconds=300)
"""Long enough to send a captured file by a slow line."""
RETRY_SECONDS = timedelta(seconds=20)
"""How long a request is tried again."""


def is_address(path: str) -> bool:
    """Whether the path is in an object store."""
    return path.startswith(SCHEMES)


def prefix_of(address: str) -> str:
    """The path in the bucket, without a slash at its end."""
    return address.partition("://")[2].partition("/")[2].strip("/")


def sentence(error: Exception) -> str:
    """Why, without the client's own report behind it."""
    return str(error).splitlines()[0]


def store_of(address: str) -> "ObjectStore":
    """The client of the bucket. Raises `UsageError`.

    Credentials, region and endpoint come from the usual environment variables (`AWS_*`, `GOOGLE_*`, `AZURE_*`).
    """
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - the extra `objects`
        from obstore.store import from_url  # noqa: PLC0415 - the extra `objects`
    except ImportError as error:
        raise UsageError(
            f"{address}: object stores need the extra `objects` (pip install 'outcomes-consumer[objects]')"
        ) from error
    scheme, _, rest = address.partition("://")
    try:
        return from_url(
            f"{scheme}://{rest.partition('/')[0]}",
            client_options={"timeout": REQUEST_SECONDS, "allow_http": True},  # where the endpoint says so
            retry_config={"max_retries": 5, "retry_timeout": RETRY_SECONDS},
        )
    except (BaseError, ValueError) as error:
        raise UsageError(f"{address}: {sentence(error)}") from error


def find(address: str) -> list[tuple[str, int, Callable[[], BinaryIO]]]:
    """(address, bytes, open) of every object at or below an address that is not hidden, sorted by name."""
    store, prefix = store_of(address), prefix_of(address)
    import obstore  # noqa: PLC0415 - the extra `objects`
    from obstore.exceptions import BaseError  # noqa: PLC0415 - the extra `objects`

    try:
        found = [meta for batch in obstore.list(store, prefix or None) for meta in batch if not _hidden(meta["path"], prefix)]
        if not found and prefix:  # listing works by folder, not for a single object
            found = [obstore.head(store, prefix)]
    except (BaseError, FileNotFoundError, OSError, ValueError) as error:
        raise UsageError(f"{address}: {sentence(error)}") from error
    if not found:
        raise UsageError(f"{address}: no object there")
    bucket = address.removesuffix("/").removesuffix(prefix).removesuffix("/")
    return [
        (f"{bucket}/{meta['path']}", meta["size"], _opener(store, meta["path"]))
        for meta in sorted(found, key=lambda meta: meta["path"])
    ]


def _hidden(path: str, prefix: str) -> bool:
    return any(name.startswith(".") for name in path.removeprefix(prefix).split("/"))


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
