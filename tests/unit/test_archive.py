"""The folder of captured files."""

from pathlib import Path

import orjson
import pytest

from consumer.errors import Fatal
from consumer.ingest.batch import Partition
from consumer.ingest.records import RawRecord
from consumer.sources.archive import Archive
from consumer.sources.files import records, source_of
from consumer.sources.finding import find
from consumer.sources.storage import MANIFEST, Folder
from tests.samples import verdicts
from tests.unit.test_wrappers import CARRIERS

NOON = 1_742_472_000_000
"""2025-03-20, in milliseconds."""
DAY = 86_400_000


def record(offset: int, value: bytes | None = b"{}") -> RawRecord:
    """Of one partition."""
    return RawRecord("topic", 0, offset, value)


def test_a_new_day_begins_a_new_file(tmp_path: Path) -> None:
    """Late records stay in the file that is open; tombstones are left out."""
    archive = Archive(Folder(tmp_path))
    archive.append([(record(0), NOON), (record(1, None), NOON), (record(2), NOON + DAY), (record(3), NOON)])
    archive.complete()
    archive.close()
    entries = [orjson.loads(line) for line in (tmp_path / MANIFEST).read_bytes().splitlines()]
    assert [(entry["file"], entry["positions"]) for entry in entries] == [
        ("2025-03-20/00000001.ndjson.zst", [["topic", 0, 0, 1]]),
        ("2025-03-21/00000002.ndjson.zst", [["topic", 0, 2, 4]]),
    ]
    again = Archive(Folder(tmp_path))
    assert (again.positions, again.files, again.records) == ({Partition("topic", 0): 4}, 2, 3)
    again.close()


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    """The second one is told to take another."""
    archive = Archive(Folder(tmp_path))
    with pytest.raises(Fatal, match="another capture"):
        Folder(tmp_path)
    archive.close()


def test_a_captured_record_is_decoded_as_it_was(tmp_path: Path) -> None:
    """Whatever wrapper and encoding it came in."""
    raw = [value if isinstance(value, bytes) else orjson.dumps(value) for value in CARRIERS.values()]
    archive = Archive(Folder(tmp_path))
    archive.append((record(offset, value), NOON) for offset, value in enumerate(raw))
    archive.complete()
    archive.close()
    (capture,) = find([str(tmp_path)])
    chunks = records(capture, source_of(capture), start=1, max_record_bytes=10**6)
    captured = [line.value or b"" for chunk in chunks for line in chunk.records]
    for name, before, after in zip(CARRIERS, raw, captured, strict=True):
        assert list(map(_key, verdicts(after))) == list(map(_key, verdicts(before))), name


def _key(verdict: object) -> tuple[type, object]:
    return type(verdict), getattr(verdict, "key", None)
