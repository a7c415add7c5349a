"""Captured files that are bombs, broken, change while they are read, or are no files: nothing is lost, and it is said."""

import asyncio
import bz2
import gzip
import io
import json
import lzma
import os
import resource
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from consumer.errors import UsageError
from consumer.sources import finding
from consumer.store.postgres import Connection, connect
from tests.acceptance.running import Process, outcomes, outcomes_json, running, started, until
from tests.samples import result

MIB = 1024 * 1024
MOST_MEGABYTES = 420
"""Of a replay: what it starts with, a record of 64 MiB that it holds, copies of it on the way, and what unpacking takes."""

PACKINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def ndjson(first: int, number: int = 20, **members: Any) -> bytes:
    """A line for each of so many results."""
    return b"".join(json.dumps(result(id_, **members)).encode() + b"\n" for id_ in range(first, first + number))


async def ids(dsn: str) -> list[int]:
    """All results that are known."""
    connection = await connect(dsn)
    try:
        return [row["id"] for row in await connection.fetch("SELECT id FROM learning_outcome_result ORDER BY id")]
    finally:
        await connection.close()


async def count(dsn: str, table: str) -> int:
    """Rows of a table."""
    connection = await connect(dsn)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await connection.close()


async def peak_megabytes(process: Process) -> float:
    """The most memory that it ever had, asked for until it ends."""
    peak = 0
    while True:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        except FileNotFoundError:
            return peak / 1024
        lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
        if not lines:
            return peak / 1024
        peak = int(lines[0].split()[1])
        await asyncio.sleep(0.1)


def greedy_xz(text: bytes) -> bytes:
    """An archive whose header asks for four gigabytes to unpack it."""
    packed = bytearray(lzma.compress(text, preset=0))
    size = (packed[12] + 1) * 4
    header = packed[12 : 12 + size - 4]
    at = header.index(b"\x21\x01")  # LZMA2, with one byte of properties: the dictionary's size
    header[at + 2] = 40
    packed[12 : 12 + size] = header + zlib.crc32(header).to_bytes(4, "little")
    return bytes(packed)


@pytest.mark.timeout(300)  # ten seconds of processor time
async def test_no_bomb_takes_more_than_bounded_memory_and_each_ends_in_a_sentence(database: str, tmp_path: Path) -> None:
    """A gigabyte of anything in next to nothing: what comes before it is applied, and the files beside it."""
    bombs = {
        f"string.{packing}": pack(ndjson(i, 2) + b'{"a": "') + pack(b"x" * 16 * MIB) * 32
        for i, (packing, pack) in enumerate(PACKINGS.items(), 1)
    }
    bombs |= {f"zeros.{packing}": PACKINGS[packing](bytes(16 * MIB)) * 32 for packing in ("gz", "zst")}
    bombs["nested.gz"] = gzip.compress(gzip.compress(gzip.compress(bytes(64 * MIB)) * 16))
    bombs["lines.bz2"] = bz2.compress(b"\n" * 16 * MIB) + bz2.compress(ndjson(100, 1))
    bombs["greedy.xz"] = greedy_xz(ndjson(200, 1))
    for name, data in bombs.items():
        (tmp_path / name).write_bytes(data)
    async with running("replay", str(tmp_path), "--json", DATABASE_URL=database) as process:
        peak = await peak_megabytes(process)
        code, out, err = await process.end(None)
    assert code == 1, err
    assert 30 < peak < MOST_MEGABYTES
    troubles = {Path(file["label"]).name: file["trouble"] for file in json.loads(out)["files"]}
    for packing in PACKINGS:
        assert "line 3 is larger than 67,108,864 bytes" in troubles[f"string.{packing}"]
    for packing in ("gz", "zst"):
        assert "cannot be read: it is not text" in troubles[f"zeros.{packing}"]
    assert "packed twice" in troubles["nested.gz"]
    assert "cannot be read to its end: Memory usage limit exceeded" in troubles["greedy.xz"]
    assert troubles["lines.bz2"] is None
    assert await ids(database) == [1, 2, 3, 4, 5, 100]


def _flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0x55]) + data[len(data) // 2 + 1 :]


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) * 2 // 3],
    "flipped": _flipped,
    "wrong magic": lambda data: b"\x00" + data[1:],
    "garbage behind": lambda data: data + b"garbage behind it",
    "text behind": lambda data: data + ndjson(1, 1),
    "cut behind": lambda data: data + data[: len(data) // 2],
}


async def test_a_broken_archive_gives_what_it_can_and_the_whole_one_the_rest(database: str, tmp_path: Path) -> None:
    """Exit code 1 and a sentence for each; replaced by the whole files everything is there, and nothing twice."""
    whole: dict[Path, bytes] = {}
    for number, (packing, damage) in enumerate((packing, damage) for packing in PACKINGS for damage in DAMAGES):
        path = tmp_path / f"{damage}.{packing}"
        text = ndjson(1 + 100 * number, 100)
        whole[path] = PACKINGS[packing](text[:50_000]) + PACKINGS[packing](text[50_000:])
        path.write_bytes(DAMAGES[damage](whole[path]))
    code, out, err = await outcomes("replay", str(tmp_path), "--json", DATABASE_URL=database)
    assert code == 1, err
    first = {file["label"]: file for file in json.loads(out)["files"]}
    assert [label for label, file in first.items() if not file["trouble"]] == []
    for packing in PACKINGS:
        assert first[str(tmp_path / f"cut.{packing}")]["applied"] >= 30  # the first part of two is whole
        for damage in ("garbage behind", "text behind", "cut behind"):
            assert first[str(tmp_path / f"{damage}.{packing}")]["applied"] == 100
            assert "cannot be read to its end" in first[str(tmp_path / f"{damage}.{packing}")]["trouble"]
    for path, data in whole.items():
        path.write_bytes(data)
    code, out, err = await outcomes("replay", str(tmp_path), "--json", DATABASE_URL=database)
    assert code == 0, err
    second = json.loads(out)
    assert (second["quarantined"], second["superseded"]) == (0, 0)
    known = sum(file["applied"] for file in first.values())
    assert (second["applied"], second["duplicate"]) == (100 * len(whole) - known, known)
    assert await ids(database) == list(range(1, 100 * len(whole) + 1))


@contextmanager
def unlocking(lock: Connection) -> Iterator[None]:
    """Whatever happens, nobody waits for ever."""
    try:
        yield
    finally:
        lock.terminate()


async def waiting(lock: Connection, number: int) -> None:
    """Until so many sessions of this database wait for a lock."""
    await until(
        lambda: lock.fetchval(
            "SELECT count(DISTINCT pid) >= $1 FROM pg_locks WHERE NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            number,
        )
    )


def _shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1_000_000 + 77)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"half a line')


def _overwrite(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"id": "3', b'"id": "9'))


def _replace(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.mkdir()


CHANGES: Mapping[str, tuple[Callable[[Path], None], bool]] = {
    "shrinks": (_shrink, True),
    "grows": (_grow, False),
    "is overwritten": (_overwrite, True),
    "is replaced": (_replace, False),
}
"""What happens to a file in the middle of its replay, and whether the replay can notice."""


async def test_a_file_that_changes_in_the_middle_of_its_replay_is_named_and_nothing_is_lost(
    database: str, tmp_path: Path
) -> None:
    """No half record is taken for one; when the file is back, it is read whole, although much of it was read before."""
    whole: dict[Path, bytes] = {}
    for number, name in enumerate(CHANGES):
        path = tmp_path / name / "events"
        path.parent.mkdir()
        whole[path] = ndjson(1000 * (number + 1), 600, title="x" * 8000)
        path.write_bytes(whole[path])
    small = {"DATABASE_URL": database, "OUTCOMES_BATCH_SIZE": "50"}
    lock = await connect(database)
    with unlocking(lock):
        transaction = lock.transaction()
        await transaction.start()
        await lock.execute("LOCK TABLE learning_outcome_result IN SHARE MODE")
        replays = [asyncio.ensure_future(outcomes("replay", str(path), "--json", **small)) for path in whole]
        await waiting(lock, len(replays))
        for path, (change, _) in zip(whole, CHANGES.values(), strict=True):
            change(path)
        await transaction.rollback()
        ended = dict(zip(CHANGES, await asyncio.gather(*replays), strict=True))
    for name, (code, out, err) in ended.items():
        (file,) = json.loads(out)["files"]
        if CHANGES[name][1]:
            assert code == 1, err
            assert file["trouble"] == f"{tmp_path}/{name}/events changed while it was replayed; replay it again"
            assert file["consumed"] > 0
        else:
            assert (code, file["trouble"], file["applied"]) == (0, None, 600), err
    assert await count(database, "quarantine") == 0
    for path, data in whole.items():
        if path.is_dir():
            path.rmdir()
        path.write_bytes(data)
    second = await outcomes_json("replay", *map(str, whole), **small)
    assert [file["trouble"] for file in second["files"]] == [None] * len(whole)
    assert [file["consumed"] for file in second["files"]] == [600, 0, 600, 0]
    known = set(await ids(database))
    assert known >= {1000 * (number + 1) + line for number in range(len(whole)) for line in range(600)}
    assert await count(database, "quarantine") == 0


async def test_a_file_that_is_gone_before_it_is_read_is_named_and_the_next_one_is_read(database: str, tmp_path: Path) -> None:
    """Removed, or a folder in its place, after its digest was made."""
    paths = [tmp_path / name for name in ("removed", "folder", "stays")]
    for number, path in enumerate(paths, 1):
        path.write_bytes(ndjson(number, 1))
    for gone, change, sentence in (
        (paths[0], lambda path: path.unlink(), "No such file or directory"),
        (paths[1], _replace, "Is a directory"),
    ):
        lock = await connect(database)
        with unlocking(lock):
            transaction = lock.transaction()
            await transaction.start()
            await lock.execute("LOCK TABLE stream_position IN ACCESS EXCLUSIVE MODE")
            replay = asyncio.ensure_future(outcomes("replay", str(gone), str(paths[2]), "--json", DATABASE_URL=database))
            await waiting(lock, 1)
            change(gone)
            await transaction.rollback()
            code, out, err = await replay
        assert code == 1, err
        assert json.loads(out)["files"][0]["trouble"] == f"{gone} cannot be read: {sentence}"
    assert await ids(database) == [3]


async def test_a_pipe_is_a_file_and_what_ends_in_the_middle_of_a_record_is_set_aside(database: str, tmp_path: Path) -> None:
    """stdin, a named pipe, and a file whose name is no text: all are read, and the half records lie in quarantine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / os.fsdecode(b"caf\xe9\x1b[2J.ndjson")).write_bytes(ndjson(20, 2))
    writer = threading.Thread(target=lambda: pipe.write_bytes(gzip.compress(ndjson(10, 3)[:-30])), daemon=True)
    writer.start()
    arguments = ("replay", "-", str(pipe), str(odd), "--json")
    async with started(arguments, {"DATABASE_URL": database}, stdin=ndjson(1, 3)[:-30]) as process:
        code, out, err = await process.end(None)
    writer.join(1)
    assert code == 0, err
    assert [(file["applied"], file["quarantined"]) for file in json.loads(out)["files"]] == [(2, 1), (2, 1), (2, 0)]
    assert await ids(database) == [1, 2, 10, 11, 20, 21]
    again = await outcomes_json("replay", str(odd), DATABASE_URL=database)
    assert again["consumed"] == 0


async def test_a_replay_is_stopped_where_there_is_nothing_to_write(database: str, tmp_path: Path) -> None:
    """Between the millions of blank lines of a file, too; the next one goes on."""
    file = tmp_path / "blank.gz"
    file.write_bytes(
        gzip.compress(ndjson(1, 1)) + gzip.compress(b" \n" * 8 * MIB, compresslevel=1) * 20 + gzip.compress(ndjson(2, 1))
    )
    async with running("replay", str(file), "--json", DATABASE_URL=database, OUTCOMES_BATCH_SIZE="1") as process:
        await until(lambda: count(database, "stream_position"))
        code, out, _ = await process.end(seconds=5)
    assert code == 1
    assert json.loads(out)["files"][0]["trouble"].endswith("stopped; replay it again to go on from here")
    assert await ids(database) == [1]


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who may nothing: root may read everything."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.mark.parametrize("closed", ["file", "folder", "inner folder"])
def test_what_may_not_be_read_is_named_and_not_passed_over(tmp_path_factory: pytest.TempPathFactory, closed: str) -> None:
    """A folder inside of the named one, too."""
    top = Path("/tmp") / f"outcomes-closed-{os.getpid()}-{closed.replace(' ', '-')}"  # noqa: S108 - pytest's own folders are closed to others
    inner = top / "inner"
    inner.mkdir(parents=True)
    try:
        (inner / "events").write_bytes(ndjson(1, 1))
        for path in (top, inner):
            path.chmod(0o755)
        target = {"file": inner / "events", "folder": inner, "inner folder": inner}[closed]
        target.chmod(0)
        with nobody(), pytest.raises(UsageError, match=f"{target}.*: Permission denied"):
            finding.find([str({"file": target, "folder": target / "events", "inner folder": top}[closed])])
    finally:
        inner.chmod(0o755)
        (inner / "events").unlink()
        inner.rmdir()
        top.rmdir()


def test_a_full_disk_under_stdin_is_a_sentence_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is copied first, which takes its size."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(bytes(3 * MIB))))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    try:
        with pytest.raises(UsageError, match=r"- cannot be copied to .*: File too large; set TMPDIR to another folder"):
            finding.find(["-"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_stdin_without_any_writable_folder_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose file system is read-only, where even asking for the folder fails."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/nowhere"])
    with pytest.raises(UsageError, match=r"^- must be copied to a file first, and no folder is writable; set TMPDIR to one$"):
        finding.find(["-"])
