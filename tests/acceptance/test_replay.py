"""`outcomes replay` as its user runs it."""

import asyncio
import gzip
import json
import signal
from pathlib import Path

import pytest

from consumer.store.postgres import connect
from schemas.events import EVENTS
from tests.acceptance.running import outcomes, outcomes_json, running, started, until
from tests.acceptance.test_worker import consumed, found, stream, undisturbed
from tests.postgres.writing import books
from tests.samples import Event, payload, result


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


@pytest.mark.parametrize("path", ["missing.json", "s3://"])
async def test_a_path_that_names_nothing_ends_with_two(database: str, path: str) -> None:
    """One sentence on stderr."""
    code, out, err = await outcomes("replay", path, DATABASE_URL=database)
    assert code == 2
    assert out == ""
    assert path in err
