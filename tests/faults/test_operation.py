"""What people do meanwhile: replays, migrations, retries, and clocks that are wrong."""

import asyncio
import json
import random
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from consumer.app import connected
from consumer.ingest.batch import Books
from consumer.query.verify import verify
from migrations import HEAD
from tests.acceptance.running import crashing, outcomes, outcomes_json, running, send, until
from tests.acceptance.test_worker import _at_least, consumed, found, settings, stream, undisturbed
from tests.faults.crashing import POINTS, RETRY_POINTS
from tests.postgres.writing import books, write
from tests.samples import TENANT, Event, event
from tests.scratch import folder

MakeTopic = Callable[..., Awaitable[str]]

REPLAY_POINTS = [point for point in POINTS if point not in ("fetched", "decoded", "draining")]
"""The steps of a replay: those of the store, and the one behind its transaction."""


def ndjson(file: Path, events: list[Event]) -> Path:
    """A file with a line each."""
    file.write_text("".join(json.dumps(value) + "\n" for value in events))
    return file


def shuffled(events: list[Event], seed: int) -> list[Event]:
    """The same events in another order."""
    return random.Random(seed).sample(events, len(events))


async def total(dsn: str) -> Books:
    """The books of everything."""
    async with connected(dsn) as connection:
        return await books(connection)


async def holds(dsn: str) -> None:
    """The books agree with the tables, now."""
    async with connected(dsn) as connection:
        proof = await verify(connection)
        assert proof.holds, [check for check in proof.checks if check.failures]


async def test_two_replays_and_a_worker_at_once_on_the_same_objects_agree(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path
) -> None:
    """Each tells all events in another order: one history, and each book exact."""
    name, told = await topic(partitions=2), stream(600, seed=40)
    await send(kafka_bootstrap, name, told)
    small = {"DATABASE_URL": database, "OUTCOMES_BATCH_SIZE": "40"}
    files = [ndjson(tmp_path / f"{seed}.ndjson", shuffled(told, seed)) for seed in (1, 2)]
    async with running("worker", **(settings(database, kafka_bootstrap, name) | small)) as worker:
        replays = await asyncio.gather(*(outcomes_json("replay", str(file), **small) for file in files))
        await until(lambda: _at_least(database, 3 * len(told)))
        code, _, err = await worker.end()
        assert code == 0, err
    assert [replay["consumed"] for replay in replays] == [len(told)] * 2
    async with connected(database) as connection:
        rows = await connection.fetch("SELECT sum(consumed)::bigint FROM stream_position GROUP BY source")
    assert [row[0] for row in rows] == [len(told)] * 3
    sums = await total(database)
    assert sums == Books(sums.applied, sums.superseded, sums.duplicate)
    assert await found(database) == await undisturbed(another_database, told)


@pytest.mark.parametrize("point", REPLAY_POINTS)
async def test_a_replay_killed_at_this_step_and_resumed_loses_and_doubles_nothing(
    point: str, database: str, another_database: str, tmp_path: Path
) -> None:
    """By SIGKILL in its second batch; the next one goes on behind what is written."""
    told = stream(200, seed=41)
    file = ndjson(tmp_path / "captured.ndjson", told)
    small = {"DATABASE_URL": database, "OUTCOMES_BATCH_SIZE": "60"}
    # The first batch holds results and scales: two tables to stage.
    number = 4 if point in ("staging", "after_stage") else 2
    async with crashing(f"{point}:{number}", "replay", str(file), **small) as replay:
        code, _, err = await replay.end(None)
        assert code == -signal.SIGKILL, err
    await until(lambda: _alone(database))  # a COMMIT that was sent may still be under way
    written = await consumed(database)
    # The second batch is staged while the first one is written: that one may not be committed yet.
    assert written in (60, 120) or (written == 0 and point in ("transaction_open", "staging", "after_stage"))
    await holds(database)
    summary = await outcomes_json("replay", str(file), **small)
    assert summary["files"][0]["resumed_at"] == written + 1
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def _alone(dsn: str) -> bool:
    """Whether nobody else has a session in the database."""
    async with connected(dsn) as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return bool(await connection.fetchval(others) == 0)


@pytest.mark.parametrize("point", RETRY_POINTS)
async def test_a_retry_killed_at_this_step_leaves_nothing_half_done(point: str, database: str, another_database: str) -> None:
    """By SIGKILL in its second transaction; a second retry does what is left, once."""
    told = stream(560, seed=42)
    stripped = [json.loads(json.dumps(value)) for value in told]
    for value in stripped:
        del value["metadata"]["root_account_uuid"]
    await write(database, *stripped)
    assert await total(database) == Books(quarantined=len(told))
    named = {"DATABASE_URL": database, "OUTCOMES_DEFAULT_TENANT": TENANT}
    number = 3 if point == "after_stage" else 2
    async with crashing(f"{point}:{number}", "quarantine", "retry", "--all", **named) as retry:
        code, _, err = await retry.end(None)
        assert code == -signal.SIGKILL, err
    await until(lambda: _alone(database))  # a COMMIT that was sent may still be under way
    left = (await total(database)).quarantined
    assert left in (0, len(told) - 500)
    await holds(database)
    again = await outcomes_json("quarantine", "retry", "--all", **named)
    assert (again["understood"], again["still"]) == (left, 0)
    sums = await total(database)
    assert sums == Books(sums.applied, sums.superseded, sums.duplicate)
    assert sums.consumed == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def test_migrations_from_three_processes_at_once_make_one_schema(empty_database: str, another_database: str) -> None:
    """One makes it, the others wait and find it made."""
    ended = await asyncio.gather(*(outcomes("migrate", DATABASE_URL=empty_database) for _ in range(3)))
    assert [code for code, _, _ in ended] == [0, 0, 0], ended
    assert sorted(out for _, out, _ in ended) == [
        f"schema {HEAD}: migrated from nothing\n",
        *[f"schema {HEAD}: was up to date\n"] * 2,
    ]
    assert await columns(empty_database) == await columns(another_database)
    await holds(empty_database)


async def columns(dsn: str) -> list[tuple[str, ...]]:
    """All columns of all relations, with their types."""
    async with connected(dsn) as connection:
        rows = await connection.fetch(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'outcomes' "
            "ORDER BY table_name, ordinal_position"
        )
    return [tuple(row) for row in rows]


async def test_a_worker_does_not_mind_migrations_that_find_nothing_to_do(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic
) -> None:
    """Again and again, several at once, while it writes."""
    name, told = await topic(partitions=2), stream(600, seed=43)
    async with running("worker", **settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="40")) as worker:
        for part in range(2):
            await send(kafka_bootstrap, name, told[part::2])
            ended = await asyncio.gather(*(outcomes("migrate", DATABASE_URL=database) for _ in range(2)))
            assert [out for _, out, _ in ended] == [f"schema {HEAD}: was up to date\n"] * 2
        await until(lambda: _at_least(database, len(told)))
        code, _, err = await worker.end()
    assert code == 0, err
    assert '"waiting"' not in err
    assert await found(database) == await undisturbed(another_database, told)


async def test_a_worker_stops_when_the_schema_has_become_newer_than_its_code(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic
) -> None:
    """At its next connection, in one sentence; the newer code goes on where it was."""
    name, told = await topic(partitions=1), stream(200, seed=44)
    variables = settings(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")
    await send(kafka_bootstrap, name, told[:100])
    async with connected(database) as admin:
        async with running("worker", **variables) as worker:
            await until(lambda: _at_least(database, 100))
            await admin.execute("UPDATE alembic_version SET version_num = '9999'")
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await send(kafka_bootstrap, name, told[100:])
            code, _, err = await worker.end(None)
        assert code == 2, err
        assert err.splitlines()[-1] == (
            f"outcomes: the database is at schema 9999, which this code ({HEAD}) does not know: upgrade this code, "
            "or start with a new database if an unreleased version made this one"
        )
        assert (await books(admin)).consumed == 100
        await admin.execute("UPDATE alembic_version SET version_num = $1", HEAD)
    await outcomes_json("worker", "--until-end", **variables)
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def test_a_clock_that_was_days_behind_costs_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: MakeTopic, tmp_path: Path
) -> None:
    """What came meanwhile seemed to be of the future and stays set aside, until the clock is right and a retry applies it."""
    name, old = await topic(), stream(200, seed=45)
    shift = datetime.now(UTC) + timedelta(days=2)
    told = [
        event("learning_outcome_result_updated", at=shift + timedelta(seconds=number), id=str(number % 20 + 1), score=number)
        for number in range(60)
    ]
    variables = settings(database, kafka_bootstrap, name, OUTCOMES_GROUP_INSTANCE_ID="one")
    retry = ("quarantine", "retry", "--reason", "future_event_time")
    await send(kafka_bootstrap, name, [*old, *told])
    summary = await outcomes_json("worker", "--until-end", **variables)
    assert (summary["consumed"], summary["quarantined"]) == (len(old) + len(told), len(told))
    early = await outcomes_json(*retry, DATABASE_URL=database)
    assert (early["understood"], early["still"]) == (0, len(told))
    right = {"OUTCOMES_MAX_FUTURE_SECONDS": str(3 * 86_400)}  # as far ahead as the clock was behind
    await send(kafka_bootstrap, name, told[-5:])
    await outcomes_json("worker", "--until-end", **variables, **right)
    done = await outcomes_json(*retry, DATABASE_URL=database, **right)
    assert (done["understood"], done["still"]) == (len(told), 0)
    sums = await total(database)
    assert (sums.consumed, sums.quarantined) == (len(old) + len(told) + 5, 0)
    await outcomes_json("replay", str(ndjson(tmp_path / "all", [*old, *told])), DATABASE_URL=another_database, **right)
    assert await found(database) == await found(another_database)


async def test_an_embedded_postgres_is_stopped_although_an_earlier_user_of_it_was_killed(tmp_path: Path) -> None:
    """The last of the living stops it; who was killed no longer counts."""
    capture = ndjson(tmp_path / "captured.ndjson", stream(2000))
    with folder() as path:
        runs = path / "postgres" / "postmaster.pid"
        async with running("replay", str(capture), OUTCOMES_DATA_FOLDER=str(path), OUTCOMES_BATCH_SIZE="10") as replay:
            await replay.err_line()
            await until(lambda: asyncio.to_thread(runs.exists))
            await replay.end(signal.SIGKILL)
        code, _, err = await outcomes("status", OUTCOMES_DATA_FOLDER=str(path))
        assert code == 0, err
        assert not runs.exists()
