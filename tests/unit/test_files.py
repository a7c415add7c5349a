"""Captured files: packed in any way, damaged, or changing while they are read."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import tracemalloc
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard

from consumer.errors import BrokenCapture, UsageError
from consumer.sources import files, finding
from tests.samples import result

TEXT = b"".join(json.dumps(result(number)).encode() + b"\n" for number in range(1, 301))
LIMIT = 1_000_000


def pzstd(data: bytes) -> bytes:
    """Each frame behind one that is skipped and holds its size."""
    frames = [zstandard.compress(data[:5000]), zstandard.compress(data[5000:])]
    return b"".join(b"\x50\x2a\x4d\x18\x04\0\0\0" + len(frame).to_bytes(4, "little") + frame for frame in frames)


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gz": gzip.compress,
    "gz of two members": lambda data: gzip.compress(data[:5000]) + gzip.compress(data[5000:]),
    "bz2": bz2.compress,
    "bz2 of two streams": lambda data: bz2.compress(data[:5000]) + bz2.compress(data[5000:]),
    "xz": lzma.compress,
    "zst": zstandard.compress,
    "zst of two frames": lambda data: zstandard.compress(data[:5000]) + zstandard.compress(data[5000:]),
    "zst of pzstd": pzstd,
    "zst behind a long frame that is skipped": lambda data: (
        b"\x5f\x2a\x4d\x18\xe8\x03\0\0" + bytes(1000) + zstandard.compress(data)
    ),
}


def read(path: Path, *, start: int = 1) -> list[tuple[int, bytes | None]]:
    """All records of the one file at `path`."""
    (capture,) = finding.find([str(path)])
    source = files.source_of(capture)
    pieces = list(files.records(capture, source, start=start, max_record_bytes=LIMIT))
    if pieces:
        assert pieces[-1].read <= path.stat().st_size
    assert {record.source for piece in pieces for record in piece.records} <= {source}
    return [(record.position, record.value) for piece in pieces for record in piece.records]


@pytest.mark.parametrize("packing", PACKED)
def test_a_file_is_unpacked_by_its_content_whatever_it_is_called(tmp_path: Path, packing: str) -> None:
    """The name says nothing."""
    path = tmp_path / "events.txt"
    path.write_bytes(PACKED[packing](TEXT))
    found = read(path)
    assert b"\n".join(value or b"" for _, value in found) + b"\n" == TEXT
    assert read(path, start=290) == found[289:]


def test_the_source_is_the_digest_of_the_bytes_and_not_the_name(tmp_path: Path) -> None:
    """So a file is replayed once under whatever name."""
    (tmp_path / "a").write_bytes(TEXT)
    (tmp_path / "b").write_bytes(TEXT)
    (tmp_path / "c").write_bytes(TEXT + b"\n")
    sources = [files.source_of(capture) for capture in finding.find([str(tmp_path)])]
    assert sources[0] == sources[1] != sources[2]
    assert sources[0].startswith("file:")
    assert len(sources[0]) == len("file:") + 32


@pytest.mark.parametrize("packing", [name for name in PACKED if name != "plain"])
def test_a_cut_archive_gives_what_is_readable_and_then_says_so(tmp_path: Path, packing: str) -> None:
    """Nothing that can be read is lost."""
    path = tmp_path / "cut"
    users = (sha256(b"%d" % number).hexdigest() for number in range(2000))  # enough that is new for more than one block of bz2
    text = b"".join(json.dumps(result(1, user_uuid=user)).encode() + b"\n" for user in users)
    path.write_bytes(PACKED[packing](text)[:-30])
    (capture,) = finding.find([str(path)])
    pieces = files.records(capture, files.source_of(capture), start=1, max_record_bytes=LIMIT)
    counts: list[int] = []
    with pytest.raises(BrokenCapture, match="cannot be read to its end"):
        counts.extend(len(piece.records) for piece in pieces)
    assert sum(counts) > 1000


CHECKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


@pytest.mark.parametrize("before", ["", "behind a whole one, "])
@pytest.mark.parametrize("place", ["in its middle", "in its check"])
@pytest.mark.parametrize("packing", CHECKED)
def test_a_small_archive_that_is_damaged_says_so_as_a_large_one_does(
    tmp_path: Path, packing: str, place: str, before: str
) -> None:
    """Although nothing of it was handed out when that is found; the same for one that stands behind others in a file."""
    data = bytearray(CHECKED[packing](TEXT))
    data[len(data) // 2 if place == "in its middle" else 10 if packing == "bz2" else -6 if packing == "gz" else -3] ^= 0x10
    path = tmp_path / "damaged"
    path.write_bytes((CHECKED[packing](TEXT) if before else b"") + data)
    with pytest.raises(BrokenCapture, match=r"damaged is damaged: .*; nothing of it was read, because"):
        read(path)


@pytest.mark.parametrize("packing", CHECKED)
@pytest.mark.parametrize("behind", [b"\n", b"garbage behind it"])
def test_what_stands_behind_a_whole_archive_does_not_make_it_a_damaged_one(tmp_path: Path, packing: str, behind: bytes) -> None:
    """Its own checks hold: it is read, and then it is said."""
    path = tmp_path / "more"
    path.write_bytes(CHECKED[packing](TEXT) + behind)
    (capture,) = finding.find([str(path)])
    pieces = files.records(capture, files.source_of(capture), start=1, max_record_bytes=LIMIT)
    counts: list[int] = []
    with pytest.raises(BrokenCapture, match="more cannot be read to its end: "):
        counts.extend(len(piece.records) for piece in pieces)
    assert sum(counts) == 300


@pytest.mark.parametrize("pack", CHECKED.values(), ids=CHECKED)
def test_no_record_of_a_damaged_archive_is_another_one_than_was_packed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """A bit that flips where unpacking goes on changes records that look whole: nothing of that file is read."""
    keys = (b64encode(sha256(b"%d" % number).digest()) for number in range(30_000))
    text = b"".join(b'{"metadata":{},"body":{"key":"%s"}}\n' % key for key in keys)
    packed, told = pack(text), text.splitlines()
    path, damaged = tmp_path / "damaged", 0
    for at in range(len(packed) // 20, len(packed), len(packed) // 12):
        broken = bytearray(packed)
        broken[at] ^= 0x10
        path.write_bytes(broken)
        (capture,) = finding.find([str(path)])
        try:
            source = files.source_of(capture)
        except BrokenCapture as error:
            assert "is damaged" in str(error)  # noqa: PT017 - what only seems to be cut is read to there
            damaged += 1
            continue
        found: list[bytes | None] = []
        pieces = files.records(capture, source, start=1, max_record_bytes=LIMIT)
        with pytest.raises(BrokenCapture, match="cannot be read to its end"):
            found.extend(record.value for piece in pieces for record in piece.records)
        assert found == told[: len(found)]
    assert damaged


def test_a_file_that_grows_is_read_to_where_it_was(tmp_path: Path) -> None:
    """What was added later makes another file."""
    path = tmp_path / "growing"
    path.write_bytes(TEXT)
    (capture,) = finding.find([str(path)])
    source = files.source_of(capture)
    path.write_bytes(TEXT + TEXT)
    assert sum(len(piece.records) for piece in files.records(capture, source, start=1, max_record_bytes=LIMIT)) == 300


@pytest.mark.parametrize("change", [TEXT[:5000], TEXT[::-1], b""])
def test_a_file_that_changes_while_it_is_replayed_is_refused(tmp_path: Path, change: bytes) -> None:
    """It shrank, or became another."""
    path = tmp_path / "changing"
    path.write_bytes(TEXT)
    (capture,) = finding.find([str(path)])
    source = files.source_of(capture)
    path.write_bytes(change)
    with pytest.raises(BrokenCapture, match="changed while it was replayed"):
        list(files.records(capture, source, start=1, max_record_bytes=LIMIT))


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_bomb_does_not_explode_in_memory(tmp_path: Path, packing: str) -> None:
    """A line of 200 MB packed into next to nothing ends the reading there, and says so."""
    path = tmp_path / "bomb"
    with path.open("wb") as file:
        target = gzip.GzipFile(fileobj=file, mode="wb") if packing == "gz" else zstandard.ZstdCompressor().stream_writer(file)
        with target as packed:
            packed.write(TEXT)
            for _ in range(200):
                packed.write(b"x" * 1_000_000)
    tracemalloc.start()
    (capture,) = finding.find([str(path)])
    pieces = files.records(capture, files.source_of(capture), start=1, max_record_bytes=LIMIT)
    counts: list[int] = []
    with pytest.raises(BrokenCapture, match=r"bomb is not read from line 301 on: line 301 is larger than 67,108,864 bytes"):
        counts.extend(len(piece.records) for piece in pieces)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(counts) == 300
    assert peak < 100_000_000


def test_a_record_above_the_limit_comes_whole_out_of_a_file(tmp_path: Path) -> None:
    """It is quarantine that holds it."""
    path = tmp_path / "large"
    long = json.dumps(result(1, title="x" * 2 * LIMIT)).encode()
    path.write_bytes(TEXT + long + b"\n" + TEXT)
    found = read(path)
    assert len(found) == 601
    assert found[300] == (301, long)


def test_folders_globs_and_files_are_found_once_each_and_in_order(tmp_path: Path) -> None:
    """Hidden files are left out of folders."""
    for name in ("b.json", "a.json", "sub/c.json", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(TEXT)
    found = finding.find([str(tmp_path / "b.json"), str(tmp_path), str(tmp_path / "*.json"), str(tmp_path / "**" / "*.json")])
    assert [Path(capture.label).name for capture in found] == ["b.json", "a.json", "c.json"]


def names(*paths: Path) -> list[str]:
    """What is found, as its last two steps."""
    return ["/".join(Path(capture.label).parts[-2:]) for capture in finding.find([str(path) for path in paths])]


def test_folders_are_followed_through_links_and_each_is_read_once(tmp_path: Path) -> None:
    """In circles too. What is hidden stays left out, but for a link to it that is not."""
    for name in ("in/a.json", "in/sub/b.json", "in/.git/c.json", "in/sub/.d.json", "elsewhere/e.json", "in/.store/f.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(TEXT)
    for link, target in {
        "in/link": "elsewhere",
        "in/twin": "elsewhere",
        "in/shown": "in/.store",
        "in/sub/circle": "in",
        "in/sub/other": "in/sub",
        "elsewhere/back": "in",
        "in/.gone": "nowhere",
        "in/z.json": "in/a.json",
        "top": "in",
    }.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    found = ["in/a.json", "link/e.json", "shown/f.json", "sub/b.json"]
    assert names(tmp_path / "in") == found
    assert names(tmp_path / "in", tmp_path / "elsewhere", tmp_path / "top") == found
    assert sorted(names(tmp_path / "top")) == sorted(["top/a.json", *found[1:]])


def test_a_glob_that_meets_a_folder_takes_what_is_below_it(tmp_path: Path) -> None:
    """As the shell's own expansion does; what is hidden is left out there too."""
    for name in ("x/a.json", "x/b/c.json", "x/b/d/e.json", "x/b/.f.json", "x/.g/h.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(TEXT)
    expanded = names(*sorted(tmp_path.glob("x/[!.]*")))
    assert names(tmp_path / "x" / "*") == names(tmp_path / "x" / "**") == expanded == ["x/a.json", "b/c.json", "d/e.json"]


@pytest.mark.parametrize("path", ["x", "x/*", "x/sub*", "x/sub/link"])
@pytest.mark.parametrize("target", ["nowhere", "link"])
def test_a_link_that_leads_nowhere_is_named_as_a_missing_file_is(tmp_path: Path, target: str, path: str) -> None:
    """Wherever it is met; to itself too."""
    (tmp_path / "x" / "sub").mkdir(parents=True)
    (tmp_path / "x" / "a.json").write_bytes(TEXT)
    (tmp_path / "x" / "sub" / "link").symlink_to(target)
    with pytest.raises(UsageError, match=r"x/sub/link: (no such file|No such file|Too many levels|Symbolic link loop)"):
        finding.find([str(tmp_path / path)])


@pytest.mark.parametrize("name", ["missing.json", "nothing*.json", "empty"])
def test_a_path_that_names_nothing_is_named(tmp_path: Path, name: str) -> None:
    """In one sentence."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no (such )?file"):
        finding.find([str(tmp_path / name)])


def test_stdin_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for its digest, once for its records."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(TEXT))))
    (capture,) = finding.find(["-"])
    source = files.source_of(capture)
    assert sum(len(piece.records) for piece in files.records(capture, source, start=1, max_record_bytes=LIMIT)) == 300


def archive(format_: int) -> bytes:
    """A tar archive of one captured file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format_) as tar:
        member = tarfile.TarInfo("events.ndjson")
        member.size = len(TEXT)
        tar.addfile(member, io.BytesIO(TEXT))
    return packed.getvalue()


def test_zeros_that_fill_up_lines_are_no_sign_of_another_kind_of_file(tmp_path: Path) -> None:
    """Records of a fixed length, and files that were laid out before they were written."""
    path = tmp_path / "padded"
    path.write_bytes(b"".join(line.ljust(2000, b"\0") + b"\n" for line in TEXT.splitlines()) + bytes(5000))
    assert [(at, (raw or b"").strip(b"\0")) for at, raw in read(path)] == list(enumerate(TEXT.splitlines(), start=1))


NO_TEXT: dict[str, tuple[bytes, str]] = {
    "picture": (bytes(range(256)) * 50, "it is not text"),
    "UTF-16": ("{}\n".encode("utf-16"), "it is UTF-16 text; convert it to UTF-8"),
    "tar": (archive(tarfile.PAX_FORMAT), "it is a tar archive; unpack it first"),
    "tar.gz": (gzip.compress(archive(tarfile.GNU_FORMAT)), "it is a tar archive; unpack it first"),
    "tar.zst": (zstandard.compress(archive(tarfile.USTAR_FORMAT)), "it is a tar archive; unpack it first"),
    "zip": (b"PK\x03\x04" + TEXT, "it is a zip archive; unpack it first"),
    "program": (b"\x7fELF" + TEXT, r"it is a program \(ELF\)"),
    "gz.gz": (gzip.compress(gzip.compress(TEXT)), "it is packed twice; unpack it once"),
}


@pytest.mark.parametrize("kind", NO_TEXT)
def test_a_file_that_is_no_text_is_refused_by_what_it_is_and_not_strewn_over_quarantine(tmp_path: Path, kind: str) -> None:
    """A folder may hold anything."""
    data, sentence = NO_TEXT[kind]
    path = tmp_path / "picture"
    path.write_bytes(data)
    with pytest.raises(BrokenCapture, match=f"picture cannot be read: {sentence}"):
        read(path)
