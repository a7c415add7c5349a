"""Captured files in an object store, with obstore's own store in memory."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import orjson
import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from consumer.errors import Fatal
from consumer.ingest.batch import Partition
from consumer.ingest.records import RawRecord
from consumer.sources.archive import Archive
from consumer.sources.storage import StoreAway
from consumer.sources.stored_objects import Objects

NOON = 1_742_472_000_000
"""2025-03-20, in milliseconds."""
DAY = 86_400_000
ADDRESS = "s3://bucket/captured/"


class Unreliable:
    """A store that answers as long as `answers` says so, before or after it has done what it was asked for."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.fails: Callable[[str, str], bool] = lambda when, path: False

    def put(self, path: str, file: Any, *, mode: Any) -> Any:
        """See obstore."""
        self._may_fail("before", path)
        answer = self.store.put(path, file, mode=mode)
        self._may_fail("after", path)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def _may_fail(self, when: str, path: str) -> None:
        if self.fails(when, path):
            raise GenericError("away\n\nDebug source: …")


def opened(store: Unreliable) -> Archive:
    """What a capture to the address begins with."""
    return Archive(Objects(ADDRESS, store))


def captured(archive: Archive, *offsets: int, day: int = 0) -> None:
    """One file with these records."""
    archive.append((RawRecord("topic", 0, offset, b"{}"), NOON + day * DAY) for offset in offsets)
    archive.complete()


def files(store: Unreliable) -> list[str]:
    """Whole files, hidden ones too."""
    return sorted(meta["path"] for batch in store.list() for meta in batch)


def test_what_was_captured_is_found_again() -> None:
    """With its positions, by the next capture."""
    store = Unreliable()
    captured(opened(store), 0, 1)
    captured(opened(store), 2, day=1)
    again = opened(store)
    assert (again.files, again.records, again.positions) == (2, 3, {Partition("topic", 0): 3})
    assert files(store) == [
        "captured/.manifest.ndjson",
        "captured/2025-03-20/00000001.ndjson.zst",
        "captured/2025-03-21/00000002.ndjson.zst",
    ]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("path", ["zst", "manifest.ndjson"])
def test_a_store_that_goes_away_costs_and_doubles_nothing(when: str, path: str) -> None:
    """Whether or not it has done what it did not answer: the records are captured again, or their file is found."""
    store = Unreliable()
    captured(opened(store), 0, 1)
    store.fails = lambda now, name: now == when and name.endswith(path)
    with pytest.raises(StoreAway, match=r"^s3://bucket/captured/ does not answer: away$"):
        captured(opened(store), 2, 3)
    store.fails = lambda now, name: False
    again = opened(store)
    captured(again, *range(again.positions[Partition("topic", 0)], 6))
    last = opened(store)
    assert (last.records, last.positions[Partition("topic", 0)]) == (6, 6)


@pytest.mark.parametrize("path", ["zst", "manifest.ndjson"])
def test_an_answer_that_was_lost_between_is_no_other_capture(path: str) -> None:
    """The client asks again by itself, and then finds what it has written."""
    store = Unreliable()
    put, done = store.put, set()

    def twice(name: str, file: Any, *, mode: Any) -> Any:
        if name.endswith(path) and name not in done:
            done.add(name)
            put(name, file, mode=mode)
            if not isinstance(file, bytes):
                file.seek(0)
        return put(name, file, mode=mode)

    store.put = twice  # type: ignore[assignment,method-assign]
    archive = opened(store)
    captured(archive, 0, 1)
    captured(archive, 2)
    assert opened(store).records == 3


@pytest.mark.parametrize("day", [0, 1])
def test_of_two_captures_the_second_to_write_ends(day: int) -> None:
    """It is told so; what it has left there, of another day too, is taken away by the next capture."""
    store = Unreliable()
    one, other = opened(store), opened(store)
    captured(one, 0, 1)
    with pytest.raises(Fatal, match="another capture writes to s3://bucket/captured/"):
        captured(other, 0, 1, 2, day=day)
    again = opened(store)
    assert (again.files, again.records) == (1, 2)
    assert len(files(store)) == 2
    (noted,) = again._storage.manifest().splitlines()
    with again._storage.open(orjson.loads(noted)["file"]) as file:
        assert orjson.loads(noted)["source"] == f"file:{blake2b(file.read(), digest_size=16).hexdigest()}"


def test_what_the_store_refuses_is_a_sentence() -> None:
    """It ends the capture: waiting would not help."""
    store = Unreliable()

    def refuses(*_: Any, **__: Any) -> Any:
        raise PermissionError("nobody may write\nmore")

    archive = opened(store)
    store.put = refuses  # type: ignore[method-assign]
    with pytest.raises(Fatal, match=r"^s3://bucket/captured/ cannot be used: nobody may write$"):
        captured(archive, 0)
