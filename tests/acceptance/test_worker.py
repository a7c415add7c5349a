"""The worker process against a real Kafka and a real Postgres."""

import asyncio
import json
import random
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import aiohttp

from consumer.ingest.batch import Books
from consumer.store.postgres import connect
from schemas.events import EVENTS
from tests.acceptance.running import outcomes, outcomes_json, running, send, until
from tests.postgres.writing import books, projection, waiting_for_locks, write
from tests.samples import NOON, Event, event, payload, result, scale

NewTopic = Callable[..., Awaitable[str]]


def stream(count: int, seed: int = 1) -> list[Event]:
    """Results and scales in disorder, some of them twice."""
    chance = random.Random(seed)
    told = [
        event(
            "learning_outcome_result_updated",
            at=NOON + timedelta(milliseconds=chance.randrange(10**7)),
            id=str(chance.randrange(1, max(2, count // 5))),
            score=float(chance.randrange(5)),
        )
        for _ in range(count)
    ]
    told += [scale(chance.randrange(5, 9), 3, 0, minute=chance.randrange(100)) for _ in range(count // 50)]
    told += chance.choices(told, k=count // 10)
    chance.shuffle(told)
    return told


async def consumed(dsn: str) -> int:
    """Events in the books."""
    connection = await connect(dsn)
    try:
        return (await books(connection)).consumed
    finally:
        await connection.close()


def settings(dsn: str, bootstrap: str, topic: str, **more: str) -> dict[str, str]:
    """The environment of a worker."""
    return {
        "DATABASE_URL": dsn,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "OUTCOMES_TOPIC": topic,
        "OUTCOMES_GROUP_ID": topic,
        "OUTCOMES_HTTP_PORT": "0",
        "OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
    } | more


async def undisturbed(dsn: str, told: list[Event]) -> dict[str, list[Any]]:
    """The projection of these events, written in one batch."""
    await write(dsn, *told)
    connection = await connect(dsn)
    try:
        return await projection(connection)
    finally:
        await connection.close()


async def found(dsn: str) -> dict[str, list[Any]]:
    """The projection as it is."""
    connection = await connect(dsn)
    try:
        return await projection(connection)
    finally:
        await connection.close()


async def test_every_published_event_goes_through_the_topic_into_its_table(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """And its values are found there."""
    name = await topic(partitions=2)
    await send(kafka_bootstrap, name, [payload(event_name) for event_name in EVENTS])
    summary = await outcomes_json("worker", "--until-end", **settings(database, kafka_bootstrap, name))
    assert summary["consumed"] == len(EVENTS) == summary["applied"] + summary["superseded"]
    connection = await connect(database)
    row = await connection.fetchrow("SELECT * FROM learning_outcome_result_version WHERE event_name LIKE '%created'")
    assert row is not None
    body = payload("learning_outcome_result_created")["body"]
    for member, value in body.items():
        if member.endswith("_at"):
            assert row[member].isoformat().replace("+00:00", "Z") == value
        else:
            assert str(row[member]) == str(float(value) if isinstance(row[member], float) else value)
    ratings = json.loads(await connection.fetchval("SELECT outcome_proficiency_ratings FROM outcome_proficiency"))
    assert [rating["points"] for rating in ratings] == [4, 3, 2, 1, 0]
    assert await connection.fetchval("SELECT count(*) FROM outcome_proficiency_rating WHERE mastery") == 1
    criterion = json.loads(await connection.fetchval("SELECT rubric_criterion FROM learning_outcome"))
    assert criterion == payload("learning_outcome_created")["body"]["rubric_criterion"]
    await connection.close()


async def test_kill_minus_nine_in_the_middle_loses_and_doubles_nothing(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Killed three times in the middle of a stream: the same projection, exact books."""
    name, told = await topic(partitions=4), stream(6000)
    await send(kafka_bootstrap, name, told)
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="200", OUTCOMES_GROUP_INSTANCE_ID="one")
    for at in (1, 1500, 3500):
        async with running("worker", **small) as worker:
            await until(lambda at=at: _at_least(database, at))  # type: ignore[misc]
            await worker.end(signal.SIGKILL)
    summary = await outcomes_json("worker", "--until-end", **small)
    assert 0 < summary["consumed"] < len(told)
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def _at_least(dsn: str, events: int) -> bool:
    return await consumed(dsn) >= events


async def test_workers_that_join_and_leave_share_one_topic(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Three workers, one killed, one stopped, one that comes late."""
    name, told = await topic(partitions=4), stream(8000, seed=2)
    await send(kafka_bootstrap, name, told[:5000])
    small = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="100")
    async with running("worker", **small) as first, running("worker", **small) as second:
        await until(lambda: _at_least(database, 500))
        async with running("worker", **small) as third:
            await until(lambda: _at_least(database, 2000))
            await first.end(signal.SIGKILL)
            await send(kafka_bootstrap, name, told[5000:])
            code, out, err = await second.end(signal.SIGTERM)
            assert code in (0, 128 + signal.SIGTERM), err  # it may still have been starting
            await until(lambda: _at_least(database, len(told)))
            code, out, err = await third.end(signal.SIGTERM)
            assert code == 0, err
            assert "consumed" in out
    assert await consumed(database) == len(told)
    assert await found(database) == await undisturbed(another_database, told)


async def test_live_and_replay_of_the_same_events_at_once_are_one_projection(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic, tmp_path: Any
) -> None:
    """A file of what is in the topic, replayed beside a running worker."""
    name, told = await topic(partitions=2), stream(3000, seed=3)
    await send(kafka_bootstrap, name, told)
    file = tmp_path / "captured.ndjson"
    file.write_bytes(b"".join(json.dumps(value).encode() + b"\n" for value in random.Random(4).sample(told, len(told))))
    live = settings(database, kafka_bootstrap, name, OUTCOMES_BATCH_SIZE="150")
    async with running("worker", **live) as worker:
        summary = await outcomes_json("replay", str(file), DATABASE_URL=database, OUTCOMES_BATCH_SIZE="150")
        assert summary["consumed"] == len(told)
        await until(lambda: _at_least(database, 2 * len(told)))
        await worker.end()
    assert await found(database) == await undisturbed(another_database, told)


async def test_poison_of_every_kind_is_set_aside_alone(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """Its batch mates are applied; every reason of the closed list that a topic can bring is met."""
    from tests.unit.test_decode import BROKEN

    name = await topic(partitions=1)
    good = [result(number) for number in range(1, len(BROKEN) + 1)]
    poison = [value if isinstance(value, bytes) else json.dumps(value).encode() for value, _, _ in BROKEN.values()]
    mixed = [value for pair in zip(good, poison, strict=True) for value in pair]
    await send(kafka_bootstrap, name, mixed)
    limits = settings(database, kafka_bootstrap, name, OUTCOMES_MAX_RECORD_BYTES="65536")
    summary = await outcomes_json("worker", "--until-end", **limits)
    assert (summary["applied"], summary["quarantined"]) == (len(good), len(poison))
    connection = await connect(database)
    rows = await connection.fetch("SELECT reason, raw FROM quarantine ORDER BY position")
    assert [row["reason"] for row in rows] == [reason for _, reason, _ in BROKEN.values()]
    assert [bytes(row["raw"]) for row in rows] == poison
    await connection.close()


async def test_a_restored_database_reads_again_what_it_is_missing(
    database: str, another_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """The database's position counts, not Kafka's committed offset."""
    name, told = await topic(partitions=1), stream(500, seed=5)
    await send(kafka_bootstrap, name, told)
    assert (await outcomes_json("worker", "--until-end", **settings(database, kafka_bootstrap, name)))["consumed"] == len(told)
    again = await outcomes_json("worker", "--until-end", **settings(another_database, kafka_bootstrap, name))
    assert again["consumed"] == len(told)
    assert await found(database) == await found(another_database)


async def test_a_position_above_the_end_of_the_topic_stops_the_worker_with_what_to_do(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """A topic that was made anew is never taken for the old one; told to go on, the worker records the gap."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, stream(50))
    connection = await connect(database)
    await connection.execute("INSERT INTO stream_position (source, partition, next_position) VALUES ($1, 0, 1000)", name)
    async with running("worker", **settings(database, kafka_bootstrap, name)) as worker:
        code, _, err = await worker.end(None)
    assert code == 2
    assert "was deleted and created again" in err
    assert "OUTCOMES_ON_GAP=continue" in err
    onwards = settings(database, kafka_bootstrap, name, OUTCOMES_ON_GAP="continue")
    assert (await outcomes_json("worker", "--until-end", **onwards))["consumed"] == 56
    row = await connection.fetchrow("SELECT source, partition, from_position, to_position, reason FROM stream_gap")
    assert row is not None
    assert tuple(row) == (name, 0, 1000, 0, "topic_recreated")
    await connection.close()


async def test_a_worker_refuses_a_schema_that_is_not_its_own(
    empty_database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """In one sentence that says what to do."""
    async with running("worker", **settings(empty_database, kafka_bootstrap, await topic(partitions=1))) as worker:
        code, _, err = await worker.end(None)
    assert code == 2
    assert "run `outcomes migrate`" in err.splitlines()[-1]


async def test_a_wrong_password_or_database_stops_the_worker_in_one_sentence(kafka_bootstrap: str, database: str) -> None:
    """Waiting would not help."""
    missing = database.replace("/" + database.split("?", maxsplit=1)[0].rsplit("/", 1)[1], "/no_such_database", 1)
    async with running("worker", **settings(missing, kafka_bootstrap, "x")) as worker:
        code, _, err = await worker.end(None)
    assert code == 2
    assert "the database does not exist" in err


async def test_until_the_end_of_a_topic_that_does_not_exist_is_an_error(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """A typing error is no success; the broker was not made to create the topic, so that the next run says it too."""
    there = await topic(partitions=1)
    missing = f"{there}-mistyped"
    for _ in range(2):
        code, out, err = await outcomes("worker", "--until-end", **settings(database, kafka_bootstrap, f"{there},{missing}"))
        assert (code, out) == (2, "")
        said = f"no topic {missing} (did you mean {there}?) that we may read, and --until-end waits for none"
        assert err.splitlines()[-1] == f"outcomes: Kafka has {said}"


async def test_a_session_timeout_that_the_brokers_do_not_allow_stops_the_worker_in_one_sentence(
    database: str, kafka_bootstrap: str, topic: NewTopic
) -> None:
    """Waiting would not help."""
    wrong = settings(database, kafka_bootstrap, await topic(), OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS="7200")
    code, _, err = await outcomes("worker", **wrong)
    assert code == 2
    assert "set it between their group.min.session.timeout.ms and group.max.session.timeout.ms" in err.splitlines()[-1]
    assert "OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS" in err.splitlines()[-1]


async def test_an_address_of_the_probes_that_is_not_of_this_machine_is_named(database: str, kafka_bootstrap: str) -> None:
    """Not only the port, which may be as good as any."""
    strange = {"OUTCOMES_HTTP_HOST": "203.0.113.1", "OUTCOMES_HTTP_PORT": "8080"}
    code, _, err = await outcomes("worker", **(settings(database, kafka_bootstrap, "x") | strange))
    assert code == 2
    assert "port 8080 of 203.0.113.1 cannot be opened" in err.splitlines()[-1]
    assert "OUTCOMES_HTTP_HOST" in err.splitlines()[-1]


async def test_probes_and_metrics_tell_how_the_worker_is(
    database: str, kafka_bootstrap: str, topic: NewTopic, free_port: int
) -> None:
    """Ready once partitions are read; counts by outcome, lag and freshness for Prometheus."""
    name = await topic(partitions=1)
    heartbeat = payload("heartbeat")
    await send(kafka_bootstrap, name, [*stream(100), b"{", heartbeat])
    with_port = settings(database, kafka_bootstrap, name, OUTCOMES_HTTP_PORT=str(free_port), OUTCOMES_HTTP_HOST="127.0.0.1")
    async with running("worker", **with_port) as worker, aiohttp.ClientSession(f"http://127.0.0.1:{free_port}") as session:

        async def ready() -> bool:
            try:
                async with session.get("/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await until(ready)
        await until(lambda: _at_least(database, 114))
        async with session.get("/livez") as response:
            assert response.status == 200
        await asyncio.sleep(1.5)  # gauges are set once a second
        async with session.get("/metrics") as response:
            text = await response.text()
        await worker.end()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    values = {name: float(value) for name, value in pairs}
    connection = await connect(database)
    total = await books(connection)
    await connection.close()
    for outcome in ("applied", "superseded", "duplicate", "ignored", "quarantined"):
        assert values[f'outcomes_events_total{{outcome="{outcome}"}}'] == getattr(total, outcome)
    assert total == Books(total.applied, total.superseded, total.duplicate, ignored=1, quarantined=1)
    assert values['outcomes_quarantined_total{reason="not_json"}'] == 1
    assert values[f'outcomes_lag_records{{partition="0",topic="{name}"}}'] == 0
    assert values["outcomes_freshness_seconds"] > 0
    assert values["outcomes_heartbeat_seconds"] > 0
    assert values["outcomes_batch_seconds_count"] >= 1
    assert values["outcomes_ready"] == 1
    assert values["outcomes_paused"] == 0


async def test_a_worker_that_was_started_again_knows_how_fresh_the_feed_is(
    database: str, kafka_bootstrap: str, topic: NewTopic, free_port: int
) -> None:
    """Whatever feeds the topic may have died before; whoever is to be woken by that must not wait for an event."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, [result(1), payload("heartbeat")])
    with_port = settings(database, kafka_bootstrap, name, OUTCOMES_HTTP_PORT=str(free_port), OUTCOMES_HTTP_HOST="127.0.0.1")
    await outcomes_json("worker", "--until-end", **settings(database, kafka_bootstrap, name))
    async with running("worker", **with_port), aiohttp.ClientSession(f"http://127.0.0.1:{free_port}") as session:

        async def told() -> list[float]:
            try:
                async with session.get("/readyz") as ready, session.get("/metrics") as response:
                    lines = (await response.text()).splitlines() if ready.status == 200 else []
            except aiohttp.ClientError:
                return []
            return [float(line.split()[-1]) for line in lines if line.startswith(("outcomes_freshness", "outcomes_heartbeat"))]

        assert [seconds > 0 for seconds in await until(told)] == [True, True]


async def test_a_second_signal_ends_the_worker_at_once(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """While it waits for a database lock that nobody gives up."""
    name = await topic(partitions=1)
    await send(kafka_bootstrap, name, stream(50))
    connection, asking = await connect(database), await connect(database)
    async with connection.transaction():
        await connection.execute("LOCK TABLE learning_outcome_result_version IN ACCESS EXCLUSIVE MODE")
        async with running("worker", **settings(database, kafka_bootstrap, name)) as worker:

            async def blocked() -> bool:
                return bool(await waiting_for_locks(asking))

            await until(blocked)
            worker.send(signal.SIGTERM)
            await asyncio.sleep(0.5)
            code, _, _ = await worker.end(signal.SIGTERM, 5)
            assert code == 1
    await connection.close()
    await asking.close()


async def test_sigterm_while_the_database_is_away_ends_in_good_time(kafka_bootstrap: str) -> None:
    """Nothing to drain: the worker does not wait for an outage to end."""
    away = settings("postgresql://x:x@127.0.0.1:9/none", kafka_bootstrap, "x")
    async with running("worker", **away) as worker:
        await worker.says("waiting")
        code, _, err = await worker.end(signal.SIGTERM, 10)
    assert code == 0, err
    assert "waiting" in err


async def test_no_log_line_holds_personal_data_or_secrets(database: str, kafka_bootstrap: str, topic: NewTopic) -> None:
    """Not the students', not the teacher's in the metadata, not the database's password."""
    name = await topic(partitions=1)
    personal = payload("learning_outcome_link_created")
    await send(
        kafka_bootstrap, name, [personal, result(1, user_uuid="SECRET-STUDENT"), result(2, user_uuid=7), b'{"SECRET-STUDENT"']
    )
    async with running(
        "worker", "--until-end", **settings(database, kafka_bootstrap, name, OUTCOMES_LOG_LEVEL="debug")
    ) as worker:
        code, out, err = await worker.end(None)
    assert code == 0, err
    lines = [json.loads(line) for line in err.splitlines()]
    assert any(line["event"] == "batch" for line in lines)
    for secret in ("SECRET-STUDENT", "oxana@example.com", "93.184.216.34", "456-T45", "Mozilla"):
        assert secret not in err + out
