"""`outcomes capture`: every record of the topic is in one whole file, once, whatever ends the command."""

import errno
import os
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
import zstandard
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from structlog.testing import capture_logs

from consumer import capture as capturing
from consumer.capture import Capturing
from consumer.environment import load
from consumer.errors import Fatal, Transient
from consumer.ingest.records import RawRecord
from consumer.sources import archive, storage, tailing
from consumer.sources.files import source_of
from consumer.sources.finding import find
from consumer.sources.storage import MANIFEST
from tests import objects
from tests.acceptance.running import crashing, outcomes, outcomes_json, send
from tests.acceptance.test_worker import found, settings, stream
from tests.faults.crashing import CAPTURE_POINTS
from tests.faults.test_kafka import administering
from tests.samples import result

MakeTopic = Callable[..., Awaitable[str]]


def variables(bootstrap: str, topic: str, **more: str) -> dict[str, str]:
    """The environment of the command."""
    return {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "OUTCOMES_TOPIC": topic} | more


def lines(folder: Path) -> list[dict[str, Any]]:
    """The records of all files."""
    return [
        orjson.loads(line)
        for path in sorted(folder.glob("*/*.ndjson.zst"))
        for line in zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes()).splitlines()
    ]


def manifest(folder: Path) -> list[dict[str, Any]]:
    """Its lines."""
    return [orjson.loads(line) for line in (folder / MANIFEST).read_bytes().splitlines()]


async def test_a_replay_of_the_files_makes_what_the_worker_makes(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path
) -> None:
    """Also behind the worker: then all events are duplicates. The manifest names each file as a replay does."""
    name, events = await topic(3), stream(300)
    await send(kafka_bootstrap, name, [*events, b"\xff\xfe not text", None, b"{}"])
    code, _, err = await outcomes("capture", str(tmp_path), "--until-end", **variables(kafka_bootstrap, name))
    assert (code, f"{len(events) + 2:,} records in 1 files" in err) == (0, True), err
    worked = await outcomes_json("worker", "--until-end", **settings(database, kafka_bootstrap, name))
    (replayed,) = (await outcomes_json("replay", str(tmp_path), DATABASE_URL=another_database))["files"]
    assert await found(another_database) == await found(database)
    assert [entry["source"] for entry in manifest(tmp_path)] == [source_of(*find([str(tmp_path)]))] == [replayed["source"]]
    before = await found(database)
    (again,) = (await outcomes_json("replay", str(tmp_path), DATABASE_URL=database))["files"]
    assert (again["applied"], again["superseded"]) == (0, 0)
    assert again["duplicate"] == worked["applied"] + worked["superseded"] + worked["duplicate"]
    assert await found(database) == before


async def test_a_kill_at_any_step_loses_and_doubles_nothing(kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path) -> None:
    """The manifest says where to go on; a whole file that it does not name is taken as it is. Slow: nine commands."""
    name, count = await topic(2), 1_500
    await send(kafka_bootstrap, name, [result(id=number, title="x" * 1_000) for number in range(count)])
    taking = variables(kafka_bootstrap, name)
    for point, number in product(CAPTURE_POINTS, (1, 2)):
        async with crashing(f"{point}:{number}", "capture", str(tmp_path), **taking) as command:
            code, _, err = await command.end(None)
            assert code == -9, err
    with (tmp_path / MANIFEST).open("r+b") as opened:  # its last line may be cut in the middle
        opened.truncate((tmp_path / MANIFEST).stat().st_size - 10)
    code, _, err = await outcomes("capture", str(tmp_path), "--until-end", **taking)
    assert code == 0, err
    at = sorted((line["partition"], line["offset"]) for line in lines(tmp_path))
    assert len(at) == count == len(set(at))
    assert sum(entry["records"] for entry in manifest(tmp_path)) == count
    assert {entry["file"] for entry in manifest(tmp_path)} == {
        str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*.ndjson.zst")
    }


async def test_an_object_store_keeps_the_same_promises(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic
) -> None:
    """Killed once at each step, the next command goes on; a replay of the address makes what the worker makes."""
    name, events = await topic(2), stream(300)
    await send(kafka_bootstrap, name, events)
    with objects.bucket() as found_by:
        taking, place = variables(kafka_bootstrap, name, **found_by), f"s3://{objects.BUCKET}/live/events/"
        for point in CAPTURE_POINTS:
            async with crashing(f"{point}:1", "capture", place, **taking) as command:
                code, _, err = await command.end(None)
                assert code == -9, err
        code, _, err = await outcomes("capture", place, "--until-end", **taking)
        assert (code, f"{len(events):,} records in" in err) == (0, True), err
        replayed = await outcomes_json("replay", place, DATABASE_URL=another_database, **found_by)
        client = boto3.client("s3", endpoint_url=found_by["AWS_ENDPOINT"], aws_access_key_id="x", aws_secret_access_key="y")
        noted = client.get_object(Bucket=objects.BUCKET, Key=f"live/events/{MANIFEST}")["Body"].read().splitlines()
        client.close()
    await outcomes("worker", "--until-end", **settings(database, kafka_bootstrap, name))
    assert await found(another_database) == await found(database)
    assert {orjson.loads(line)["source"] for line in noted} == {file["source"] for file in replayed["files"]}
    assert sum(orjson.loads(line)["records"] for line in noted) == len(events)


async def test_a_full_disk_ends_it_and_what_was_captured_stays(
    kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence; with room again, each record is in one file."""
    name, sent = await topic(1), 300
    await send(kafka_bootstrap, name, [result(id=number, title="x" * 1_000) for number in range(sent)])
    reading = load(kafka_bootstrap_servers=kafka_bootstrap, topic=(name,))
    monkeypatch.setattr(archive, "FILE_BYTES", 1_000)
    writes = iter(range(10**6))
    write = archive._Writing.write

    def full(self: archive._Writing, record: RawRecord, milliseconds: int) -> None:
        if next(writes) == sent // 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, record, milliseconds)

    monkeypatch.setattr(archive._Writing, "write", full)
    with pytest.raises(Fatal, match="No space left on device"):
        await Capturing(reading, str(tmp_path), until_end=True).run()
    kept = len(lines(tmp_path))
    captured = await Capturing(reading, str(tmp_path), until_end=True).run()
    assert 0 < kept < sent == captured.records
    assert [line["offset"] for line in lines(tmp_path)] == list(range(sent))


async def test_what_is_away_is_waited_for(
    kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka in the middle of a file, or the store when the file is whole: no record is lost or doubled."""
    name, sent = await topic(2), 300
    await send(kafka_bootstrap, name, [result(id=number, title="x" * 1_000) for number in range(sent)])
    reading = load(kafka_bootstrap_servers=kafka_bootstrap, topic=(name,), kafka_fetch_bytes=20_000)
    monkeypatch.setattr(capturing, "_PAUSE_SECONDS", 0.01)
    away = {(tailing.Tail, "fetch"): {2}, (storage.Folder, "keep"): {1}, (storage.Folder, "note"): {1}}
    for (owner, what), when in away.items():
        monkeypatch.setattr(owner, what, _away(getattr(owner, what), when, after=what == "keep"))
    with capture_logs() as logs:
        captured = await Capturing(reading, str(tmp_path), until_end=True).run()
    assert [line["system"] for line in logs if line["event"] == "waiting"] == ["kafka", "objects", "objects"]
    assert captured.records == sent == len({(line["partition"], line["offset"]) for line in lines(tmp_path)})
    assert len(lines(tmp_path)) == sent


def _away(method: Callable[..., Any], when: set[int], *, after: bool) -> Callable[..., Any]:
    """A method that fails at some of its calls, before or after it has done its work."""
    calls = iter(range(10**6))

    def fails(*arguments: Any) -> Any:
        now = next(calls) in when
        if now and not after:
            raise storage.StoreAway("away") if method.__qualname__.startswith("Folder") else Transient("away")
        answer = method(*arguments)
        if now:
            raise storage.StoreAway("away")
        return answer

    return fails


async def test_records_that_kafka_has_deleted_are_said(kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path) -> None:
    """It stops, unless it is told to go on."""
    name = await topic(1)
    taking = variables(kafka_bootstrap, name)
    await send(kafka_bootstrap, name, [result(id=number) for number in range(10)])
    assert (await outcomes("capture", str(tmp_path), "--until-end", **taking))[0] == 0
    await send(kafka_bootstrap, name, [result(id=number) for number in range(10)])
    async with administering(kafka_bootstrap) as admin:
        await admin.delete_records({TopicPartition(name, 0): RecordsToDelete(15)})
    code, _, err = await outcomes("capture", str(tmp_path), "--until-end", **taking)
    assert (code, "holds the records 15 to 20, but the next one to capture is 10" in err) == (2, True), err
    code, _, err = await outcomes("capture", str(tmp_path), "--until-end", **taking, OUTCOMES_ON_GAP="continue")
    assert (code, [line["offset"] for line in lines(tmp_path)]) == (0, [*range(10), *range(15, 20)]), err


async def test_what_is_wrong_is_said_in_a_sentence(kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path) -> None:
    """Exit code 2: a topic that does not exist, a folder that is none."""
    code, _, err = await outcomes("capture", str(tmp_path), "--until-end", **variables(kafka_bootstrap, "nobody"))
    assert (code, "Kafka has no topic nobody" in err) == (2, True), err
    (tmp_path / "file").touch()
    taking = variables(kafka_bootstrap, await topic(1))
    code, _, err = await outcomes("capture", str(tmp_path / "file"), "--until-end", **taking)
    assert (code, "cannot be used" in err) == (2, True), err
