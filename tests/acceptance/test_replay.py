"""`outcomes replay` as its user runs it."""

import asyncio
import gzip
import json
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from consumer.environment import load
from consumer.ingest.decode import Rules
from consumer.replay import Replay, Sending
from consumer.sources import finding
from consumer.store.postgres import connect
from consumer.store.store import Store
from schemas.events import EVENTS
from tests.acceptance.running import outcomes, outcomes_json, running, started, until
from tests.acceptance.test_worker import consumed, found, settings, stream, undisturbed
from tests.postgres.writing import books
from tests.samples import Event, event, payload, result


def ndjson(events: list[Event]) -> bytes:
    """A line each."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in events)


async def test_every_published_event_goes_through_a_file_into_its_table(database: str, tmp_path: Path) -> None:
    """The ten of "Learning" and the neighbours, pretty-printed one after the other."""
    (tmp_path / "seed.json").write_text("\n".join(json.dumps(payload(name), indent=2) for name in EVENTS))
    summary = await outcomes_json("replay", str(tmp_path), DATABASE_URL=database)
    assert summary["consumed"] == len(EVENTS) == summary["applied"] + summary["superseded"]
    connection = await connect(database)
    row = await connection.fetchrow(
        "SELECT title, calculation_int, context_id FROM learning_outcome_version WHERE event_name LIKE '%created'"
    )
    assert row is not None
    assert tuple(row) == ("Molecular biology knowledge", 65, 1234)
    assert await connection.fetchval("SELECT count(*) FROM outcome_proficiency_rating") == 5
    await connection.close()


CASES = Path(__file__).parents[1] / "cases"


async def test_times_and_ids_as_other_tools_print_them_are_applied(database: str) -> None:
    """A dump out of Postgres, a bridge that writes no seconds, a table in which ids are doubles."""
    names = ("pg_time_event_time", "minutes_event_time", "float_ids2")
    files_of = [str(CASES / f"{name}.ndjson") for name in names]
    told = sum(len(Path(file).read_bytes().splitlines()) for file in files_of)
    summary = await outcomes_json("replay", *files_of, DATABASE_URL=database)
    assert (summary["consumed"], summary["applied"]) == (told, told)
    connection = await connect(database)
    rows = await connection.fetch("SELECT id, to_char(event_time, 'HH24:MI:SS.MS') FROM learning_outcome_result ORDER BY id")
    assert [tuple(row) for row in rows] == [(40010, "15:04:00.000"), (40011, "15:04:05.310"), (40013, "15:04:05.310")]
    await connection.close()


async def test_a_file_is_replayed_once(database: str, tmp_path: Path) -> None:
    """Under another name it is the same; packed it is another file of the same events: duplicates."""
    (tmp_path / "a.ndjson").write_bytes(ndjson(stream(200)))
    first = await outcomes_json("replay", str(tmp_path / "a.ndjson"), DATABASE_URL=database)
    (tmp_path / "b.ndjson").write_bytes(ndjson(stream(200)))
    again = await outcomes_json("replay", str(tmp_path / "b.ndjson"), DATABASE_URL=database)
    assert (first["consumed"], again["consumed"]) == (224, 0)
    (tmp_path / "c.gz").write_bytes(gzip.compress(ndjson(stream(200))))
    packed = await outcomes_json("replay", str(tmp_path / "c.gz"), DATABASE_URL=database)
    assert (packed["duplicate"], packed["applied"]) == (224, 0)


async def test_a_killed_replay_goes_on_where_it_was(database: str, another_database: str, tmp_path: Path) -> None:
    """Killed twice, and stopped in good order once: the same projection, exact books."""
    told = stream(6000, seed=6)
    file = tmp_path / "events.ndjson"
    file.write_bytes(ndjson(told))
    small = {"DATABASE_URL": database, "OUTCOMES_BATCH_SIZE": "20"}
    for at, number in ((1, signal.SIGKILL), (800, signal.SIGTERM), (2000, signal.SIGKILL)):
        async with running("replay", str(file), **small) as process:

            async def far_enough(at: int = at) -> bool:
                return await consumed(database) >= at

            await until(far_enough)
            code, _, _ = await process.end(number)
            assert code == (1 if number == signal.SIGTERM else -signal.SIGKILL)
    last = await outcomes_json("replay", str(file), **small)
    assert 0 < last["consumed"] < len(told)
    assert last["files"][0]["resumed_at"] > 1
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def test_two_replays_of_one_file_at_once_read_it_once(database: str, another_database: str, tmp_path: Path) -> None:
    """One goes on, the other says so."""
    told = stream(4000, seed=7)
    file = tmp_path / "events.ndjson"
    file.write_bytes(ndjson(told))
    small = {"DATABASE_URL": database, "OUTCOMES_BATCH_SIZE": "50"}
    one, two = await asyncio.gather(outcomes("replay", str(file), **small), outcomes("replay", str(file), **small))
    assert {one[0], two[0]} <= {0, 1}
    await outcomes_json("replay", str(file), **small)
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def test_a_dry_run_says_what_would_become_of_it_and_changes_nothing(database: str, tmp_path: Path) -> None:
    """The same books as the real run that follows."""
    files = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    files[0].write_bytes(ndjson(stream(300)) + b"{\n")
    files[1].write_bytes(ndjson(stream(300)) + ndjson([result(999)]))
    arguments = ("replay", *map(str, files))
    dry = await outcomes_json(*arguments, "--dry-run", DATABASE_URL=database)
    assert await consumed(database) == 0
    real = await outcomes_json(*arguments, DATABASE_URL=database)
    for part in ("consumed", "applied", "superseded", "duplicate", "ignored", "quarantined"):
        assert dry[part] == real[part]
    assert [file["duplicate"] for file in dry["files"]] == [file["duplicate"] for file in real["files"]]
    code, out, _ = await outcomes(*arguments, "--dry-run", DATABASE_URL=database)
    assert code == 0
    assert "would become" in out


async def test_strict_ends_with_one_when_something_was_set_aside(database: str, tmp_path: Path) -> None:
    """Without it, quarantine is not a failure of the replay."""
    (tmp_path / "a").write_bytes(ndjson([result(1)]) + b"{\n")
    (tmp_path / "b").write_bytes(ndjson([result(2)]) + b"{\n")
    assert (await outcomes("replay", str(tmp_path / "a"), DATABASE_URL=database))[0] == 0
    assert (await outcomes("replay", "--strict", str(tmp_path / "b"), DATABASE_URL=database))[0] == 1


async def test_a_cut_archive_is_read_as_far_as_it_goes_and_ends_with_one(database: str, tmp_path: Path) -> None:
    """And the other files are read."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(ndjson(stream(3000)))[:-100])
    (tmp_path / "b").write_bytes(ndjson([result(10**6)]))
    code, out, _ = await outcomes("replay", str(tmp_path), DATABASE_URL=database)
    assert code == 1
    assert "cannot be read to its end" in " ".join(out.split())
    connection = await connect(database)
    assert await connection.fetchval("SELECT count(*) FROM learning_outcome_result WHERE id = 1000000") == 1
    assert (await books(connection)).consumed > 100
    await connection.close()


async def test_stdin_is_a_file_too(database: str) -> None:
    """From `kcat -J`, for example."""
    lines = [
        json.dumps({"topic": "t", "partition": 0, "offset": i, "key": None, "payload": json.dumps(v)})
        for i, v in enumerate(stream(50))
    ]
    async with started(("replay", "-", "--json"), {"DATABASE_URL": database}, stdin="\n".join(lines).encode()) as process:
        code, out, err = await process.end(None)
    assert code == 0, err
    assert json.loads(out)["consumed"] == 56


@pytest.mark.parametrize("path", ["missing.json", "s3://", "http://example.edu/a", ""])
async def test_a_path_that_names_nothing_ends_with_two(database: str, path: str) -> None:
    """One sentence on stderr."""
    code, out, err = await outcomes("replay", path, DATABASE_URL=database)
    assert code == 2
    assert out == ""
    assert path in err


async def test_a_record_above_the_limit_lies_whole_in_quarantine_and_can_be_retried(database: str, tmp_path: Path) -> None:
    """With its true size in the message, and with a larger limit it is understood."""
    long = ndjson([result(2, title="x" * 3_000_000)])
    (tmp_path / "a").write_bytes(ndjson([result(1)]) + long + ndjson([result(3)]))
    small = {"DATABASE_URL": database, "OUTCOMES_MAX_RECORD_BYTES": "100000"}
    summary = await outcomes_json("replay", str(tmp_path / "a"), **small)
    assert (summary["applied"], summary["quarantined"]) == (2, 1)
    (row,) = await outcomes_json("quarantine", "list", **small)
    assert row["bytes"] == len(long) - 1
    assert f"{len(long) - 1} bytes" in row["message"]
    retried = await outcomes_json("quarantine", "retry", "--all", DATABASE_URL=database)
    assert (retried["understood"], retried["applied"]) == (1, 1)


async def test_a_line_that_is_too_long_to_be_held_is_named_and_nothing_is_skipped_in_silence(
    database: str, tmp_path: Path
) -> None:
    """Exit code 1, every time, until somebody has taken it out."""
    file = tmp_path / "a.gz"
    with gzip.open(file, "wb", compresslevel=1) as packed:
        packed.write(ndjson([result(1)]) + b"x" * 70_000_000 + b"\n" + ndjson([result(2)]))
    for applied in (1, 0):
        code, out, _ = await outcomes("replay", str(file), "--json", DATABASE_URL=database)
        assert code == 1
        assert json.loads(out)["applied"] == applied
        assert "is not read from line 2 on: line 2 is larger than 67,108,864 bytes" in json.loads(out)["files"][0]["trouble"]


async def test_a_file_that_could_not_be_read_at_all_leaves_no_position(database: str, tmp_path: Path) -> None:
    """Status tells of what was read, and not of pictures."""
    (tmp_path / "picture").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(ndjson(stream(10)))[:15])
    code, out, _ = await outcomes("replay", str(tmp_path), DATABASE_URL=database)
    assert code == 1
    lines = out.splitlines()
    assert any(
        line.endswith("picture cannot be read: it is not text, and not in a known packing (gz, zst, bz2, xz)") for line in lines
    )
    assert any("cut.gz cannot be read to its end: " in line for line in lines)
    connection = await connect(database)
    assert await connection.fetchval("SELECT count(*) FROM stream_position") == 0
    await connection.close()


async def test_a_file_that_was_read_wholly_says_so(database: str, tmp_path: Path) -> None:
    """And not that it was read on from its end."""
    (tmp_path / "a").write_bytes(ndjson([result(1)]))
    await outcomes("replay", str(tmp_path / "a"), DATABASE_URL=database)
    code, out, _ = await outcomes("replay", str(tmp_path / "a"), DATABASE_URL=database, COLUMNS="200")
    assert code == 0
    assert out.splitlines()[1].endswith("read before")


async def test_a_file_without_a_byte_is_called_empty(database: str, tmp_path: Path) -> None:
    """Where every number is nothing, the table says why."""
    (tmp_path / "a").write_bytes(b"")
    code, out, _ = await outcomes("replay", str(tmp_path / "a"), DATABASE_URL=database, COLUMNS="200")
    assert (code, out.splitlines()[1].endswith("a  empty")) == (0, True)


@pytest.mark.parametrize("address", ["postgresql://u@nowhere.invalid/d", "postgresql://u@127.0.0.1:9/d"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_ends_a_replay_that_waits_for_postgres(address: str, number: int, tmp_path: Path) -> None:
    """At once; and the command has said what it is waiting for."""
    (tmp_path / "a").write_bytes(ndjson([result(1)]))
    async with running("replay", str(tmp_path / "a"), DATABASE_URL=address, OUTCOMES_LOG_LEVEL="error") as process:
        line = await process.err_line()
        assert "waiting for Postgres" in line
        assert "Ctrl-C gives up" in line
        code, out, _ = await process.end(number, 3)
    assert code == 1
    assert "stopped while waiting for Postgres" in out


async def test_a_stopped_dry_run_does_not_promise_to_go_on_from_there(database: str, tmp_path: Path) -> None:
    """It has kept nothing; while it writes, and while it waits for Postgres."""
    file = tmp_path / "a"
    file.write_bytes(ndjson(stream(100)))
    store = Store(database, statement_seconds=60, dry_run=True)
    replay = Replay(store, Rules(), batch_size=10, batch_bytes=10**6, say=print, dry_run=True)
    (done,) = await replay.run(finding.find([str(file)]), lambda _: replay.stop())
    await store.close()
    assert done.trouble == f"{file}: stopped; a dry run keeps nothing, so that the next one does it all again"
    async with running("replay", "--dry-run", str(file), DATABASE_URL="postgresql://u@127.0.0.1:9/d") as process:
        await process.err_line()
        code, out, _ = await process.end()
    assert (code, "for Postgres; a dry run keeps nothing, so that the next one does it all again" in out) == (1, True), out


async def test_again_reads_a_file_from_its_start_and_the_books_hold(database: str, tmp_path: Path) -> None:
    """What other settings understand is applied, what was known is a duplicate."""
    file = tmp_path / "a"
    file.write_bytes(ndjson([result(1), event("course_created", tenant=None), payload("heartbeat")]) + b"{\n")
    first = await outcomes_json("replay", str(file), DATABASE_URL=database)
    assert (first["applied"], first["ignored"], first["quarantined"]) == (1, 1, 2)
    wiser = {"DATABASE_URL": database, "OUTCOMES_DEFAULT_TENANT": "school"}
    dry = await outcomes_json("replay", "--again", "--dry-run", str(file), **wiser)
    again = await outcomes_json("replay", "--again", str(file), **wiser)
    for books_ in (dry, again):
        assert (books_["applied"], books_["duplicate"], books_["ignored"], books_["quarantined"]) == (1, 1, 1, 1)
    assert (await outcomes_json("replay", str(file), **wiser))["consumed"] == 0
    assert await consumed(database) == 8


async def test_a_file_goes_into_a_topic_as_it_is_and_in_its_order(
    database: str, kafka_bootstrap: str, topic: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    """Whatever its form, without any database; each file's records lie in one partition, and a worker consumes them."""
    told, name = stream(300), await topic(partitions=3)
    (tmp_path / "a.gz").write_bytes(gzip.compress(ndjson(told) + b"no JSON\n"))
    (tmp_path / "b").write_text(json.dumps([result(1000), result(1001)], indent=1))
    nowhere = {"KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap, "DATABASE_URL": "postgresql://u@127.0.0.1:9/d"}
    summary = await outcomes_json("replay", str(tmp_path), "--to-topic", name, **nowhere)
    assert (summary["topic"], summary["sent"]) == (name, len(told) + 3)
    assert [(file["label"], file["sent"]) for file in summary["files"]] == [
        (str(tmp_path / "a.gz"), len(told) + 1),
        (str(tmp_path / "b"), 2),
    ]
    consumer = AIOKafkaConsumer(name, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    got: list[Any] = []
    while len(got) < summary["sent"]:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            got += records
    await consumer.stop()
    assert {len({record.partition for record in got if record.key == key}) for key in {record.key for record in got}} == {1}
    (first,) = {record.key for record in got if record.value == b"no JSON"}
    lines = [record.value for record in sorted(got, key=lambda record: record.offset) if record.key == first]
    assert lines == (ndjson(told) + b"no JSON\n").splitlines()
    assert [json.loads(record.value) for record in sorted(got, key=lambda record: record.offset) if record.key != first] == [
        result(1000),
        result(1001),
    ]
    code, out, _ = await outcomes("replay", str(tmp_path / "b"), "--to-topic", name, **nowhere)
    assert (code, out.splitlines()[0]) == (0, f"2 sent from {tmp_path / 'b'}")
    assert re.fullmatch(rf"2 sent to {name} · [\d.]+ s", out.splitlines()[1])
    code, out, _err = await outcomes("worker", "--until-end", **settings(database, kafka_bootstrap, name))
    assert code == 0
    assert out.startswith(f"{len(told) + 5:,} consumed · ")
    assert " · 1 quarantined · " in out
    assert out.splitlines()[-1] == f"what went to quarantine, and why: outcomes quarantine list --source {name}"


async def test_what_cannot_be_sent_to_a_topic_is_said_in_a_sentence(
    kafka_bootstrap: str, topic: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    """No broker, flags that are about the database, a file that is cut (exit code 1, and the rest of it is sent)."""
    name = await topic()
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(ndjson(stream(3000)))[:-100])
    variables = {"KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap}
    code, out, err = await outcomes("replay", str(file), "--to-topic", name, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")
    assert (code, out) == (2, "")
    assert err == f"outcomes: {name}: no Kafka at 127.0.0.1:9\n"
    for flag in ("--dry-run", "--again", "--strict"):
        code, _, err = await outcomes("replay", str(file), "--to-topic", name, flag, **variables)
        assert (code, err.count("\n")) == (2, 1)
        assert "about the database" in err
    code, out, _ = await outcomes("replay", str(file), "--to-topic", name, **variables)
    assert code == 1
    assert "cannot be read to its end" in out
    assert int(out.splitlines()[0].partition(" ")[0].replace(",", "")) > 100


async def test_sending_to_a_topic_can_be_stopped(
    kafka_bootstrap: str, topic: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    """What was sent is counted, and the sentence says that the rest was not."""
    name = await topic()
    file = tmp_path / "a"
    file.write_bytes(ndjson(stream(600)) * 100)
    sending = Sending(load(kafka_bootstrap_servers=kafka_bootstrap), name)
    (done,) = await sending.run(finding.find([str(file)]), lambda progress: sending.stop() if progress.events else None)
    assert 0 < done.sent < 60_000
    assert done.trouble is not None
    assert done.trouble.startswith(f"{file}: stopped; ")
