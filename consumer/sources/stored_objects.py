"""Captured files in an object store. Needs obstore, an extra."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, PreconditionError

from consumer.errors import Fatal
from consumer.sources import objects
from consumer.sources.storage import MANIFEST, SUFFIX, StoreAway, taken


class Objects:
    """A `Storage` without locks: a file is never replaced, and the manifest only while it is the one that we know.

    So of two captures with one address, the second one to write ends with `Fatal`.
    """

    def __init__(self, address: str, store: Any) -> None:
        """`store`: obstore's, of the bucket."""
        self.name = address
        self._store = store
        self._prefix = objects.prefix_of(address)
        self._manifest = b""
        self._version: Any = "create"
        """What the manifest must be, to be replaced."""
        with self._answers():
            if any(meta["path"] == self._path(MANIFEST) for meta in self._all()):
                found = store.get(self._path(MANIFEST))
                self._manifest, self._version = bytes(found.bytes()), _version(found.meta)

    def manifest(self) -> bytes:
        """See `Storage`."""
        return self._manifest

    def files(self) -> list[str]:
        """See `Storage`."""
        with self._answers():
            paths = [meta["path"] for meta in self._all()]
        names = [path.removeprefix(self._prefix).removeprefix("/") for path in paths if path.endswith(SUFFIX)]
        return sorted(names, key=lambda name: name.rpartition("/")[2])

    def open(self, name: str) -> BinaryIO:
        """See `Storage`. As a file of this machine, without a name."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        with self._answers():
            for chunk in self._store.get(self._path(name)).stream():
                file.write(bytes(chunk))
        file.seek(0)
        return cast("BinaryIO", file)

    def begin(self, name: str) -> BinaryIO:  # noqa: ARG002 - it gets its name once it is whole
        """See `Storage`. A file of this machine, without a name, so that nothing stays after a kill."""
        return cast("BinaryIO", tempfile.TemporaryFile())

    def keep(self, name: str, file: BinaryIO) -> None:
        """See `Storage`."""
        with file, self._answers():
            file.seek(0)
            try:
                self._store.put(self._path(name), file, mode="create")
            except AlreadyExistsError:
                file.seek(0)
                with self.open(name) as stored:
                    if stored.read() != file.read():  # else only the answer was lost
                        raise

    def remove(self, name: str) -> None:
        """See `Storage`."""
        with self._answers():
            self._store.delete(self._path(name))

    def note(self, line: bytes) -> None:
        """See `Storage`."""
        text = self._manifest + line
        with self._answers():
            try:
                self._version = _version(self._store.put(self._path(MANIFEST), text, mode=self._version))
            except (AlreadyExistsError, PreconditionError):
                found = self._store.get(self._path(MANIFEST))
                if bytes(found.bytes()) != text:  # else only the answer was lost
                    raise
                self._version = _version(found.meta)
        self._manifest = text

    def close(self) -> None:
        """See `Storage`."""

    def _all(self) -> Iterator[Any]:
        for batch in self._store.list(self._prefix or None):
            yield from batch

    def _path(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Its errors become ours."""
        try:
            yield
        except (AlreadyExistsError, PreconditionError) as error:
            raise taken(self.name) from error
        except GenericError as error:
            raise StoreAway(f"{self.name} does not answer: {objects.sentence(error)}") from error
        except (BaseError, FileNotFoundError, PermissionError) as error:
            raise Fatal(f"{self.name} cannot be used: {objects.sentence(error)}") from error


def _version(meta: Any) -> dict[str, Any]:
    return {name: meta[name] for name in ("e_tag", "version") if meta[name] is not None}
