"""Whoever is erased is gone, and stays gone whatever comes again."""

import asyncio
import hmac
import itertools
import random
import re
from asyncio import Runner
from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.errors import Fatal, UsageError
from consumer.ingest.batch import Books, Partition
from consumer.ingest.decode import Rules
from consumer.ingest.person_keys import HANGING, Key, Secret, digest_of
from consumer.query.verify import verify
from consumer.store import erasure, quarantine, retention
from consumer.store.postgres import Connection, connect
from consumer.store.writer import Writer
from tests import WHOLE
from tests.acceptance.running import until
from tests.postgres import erasing
from tests.postgres.erasing import ANA
from tests.postgres.writing import TOPIC, batch_of, books, projection, waiting_for_locks, write
from tests.samples import NOON, NOW, TENANT, Event, event, result

NAMED = Rules(people="names")
_numbers = itertools.count()


async def tell(connections: Sequence[Connection], events: Sequence[Event], chance: random.Random) -> None:
    """Each to one of the writers, who write at once, in batches of any size, each by a partition of its own."""
    split: list[list[Event]] = [[] for _ in connections]
    for told in events:
        chance.choice(split).append(told)

    async def one(connection: Connection, events: list[Event]) -> None:
        partition = Partition(f"file:{next(_numbers)}", 0)
        writer = Writer(connection)
        await writer.open_position(partition, 0)
        at = 0
        while at < len(events):
            size = chance.randrange(1, 6)
            await writer.write(batch_of(events[at : at + size], partition, at, NAMED))
            at += size

    await asyncio.gather(*map(one, connections, split))


def test_erased_means_never_seen(database: str) -> None:
    """Any order, repetition and split, erased in the midst, replayed, retried: as if no event had told of the person."""

    async def run(events: list[Event], before: int, seed: int) -> None:
        tenant, other = f"tenant-{next(_numbers)}", f"tenant-{next(_numbers)}"
        chance = random.Random(seed)
        for told in events:
            told["metadata"]["root_account_uuid"] = tenant
        await tell(connections, events[:before], chance)
        await erasure.erase(connections[0], tenant, users=[ANA[0]], uuids=[ANA[1]])
        again = [*events, *events[before:]]
        chance.shuffle(again)
        await tell(connections, again, chance)
        await quarantine.retry(connections[0], NAMED, NOW)

        rest = erasing.without(events, [("user", ANA[0]), ("uuid", ANA[1])])
        for told in rest:
            told["metadata"]["root_account_uuid"] = other
        await tell(connections, rest, chance)
        left, expected = [await erasing.everything(connections[0], name) for name in (tenant, other)]
        assert left == expected
        identities = [set(map(tuple, await connections[0].fetch(erasing.IDENTITIES, name))) for name in (tenant, other)]
        assert (
            identities[1] <= identities[0] <= identities[1] | {(uuid, user) for user, uuid in erasing.PEOPLE if user != ANA[0]}
        )

    with Runner() as runner:
        connections = [runner.run(connect(database)) for _ in range(3)]

        @settings(max_examples=100 if WHOLE else 8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(erasing.some_event(), min_size=1, max_size=12), st.integers(0, 12), st.integers(0, 2**32))
        def holds(events: list[Event], before: int, seed: int) -> None:
            runner.run(run(events, before, seed))

        holds()
        for connection in connections:
            runner.run(connection.close())


async def test_no_event_slips_in_between_an_erasure_and_a_writer(database: str) -> None:
    """A writer that had staged its batch before the erasure, and one that waits for it: neither stores the person."""
    connections = [await connect(database) for _ in range(4)]
    early, late = (Writer(connection) for connection in connections[:2])
    partitions = [Partition("topic", number) for number in range(2)]
    for writer, partition in zip((early, late), partitions, strict=True):
        await writer.open_position(partition, 0)
    batches = [batch_of([result(number, user_uuid="ana"), result(number + 10)], partitions[number]) for number in range(2)]
    await early.stage(batches[0])
    async with connections[2].transaction():
        await connections[2].fetchval("SELECT outcomes_internal.look_at_suppressions(true)")
        writing = asyncio.create_task(late.write(batches[1]))
        await until(lambda: waiting_for_locks(connections[3]))
        await connections[2].fetch("SELECT * FROM outcomes_internal.suppress($1, '{}', '{ana}', '{}', '{}', '{}')", TENANT)
    books = [(await early.write(batches[0]))[partitions[0]], (await writing)[partitions[1]]]
    assert books == [Books(applied=1, erased=1)] * 2
    assert await connections[2].fetchval("SELECT count(*) FROM learning_outcome_result_version WHERE user_uuid = 'ana'") == 0
    for connection in connections:
        await connection.close()


async def test_a_writer_at_work_is_waited_for(database: str) -> None:
    """What it commits is taken out too."""
    connection, other = await connect(database), await connect(database)
    writer = Writer(connection)
    await writer.open_position(TOPIC, 0)
    asked: list[asyncio.Task[erasure.Receipt]] = []

    def before_commit(_: object) -> None:
        asked.append(asyncio.create_task(erasure.erase(other, TENANT, uuids=["ana"])))

    await writer.write(batch_of([result(1, user_uuid="ana")]), before_commit)
    receipt = await asked[0]
    assert receipt.rows["learning_outcome_result"] == 1
    assert await books(connection) == Books(erased=1)
    await connection.close()
    await other.close()


async def test_a_program_that_knows_of_no_erasure_writes_until_somebody_is_erased(database: str) -> None:
    """Then it stops, with a sentence that says what to do, and stores nothing."""
    connection = await connect(database)
    old = Writer(connection)
    await old.open_position(TOPIC, 0)

    async def as_before(*, adding: bool) -> int:
        return old.suppressions.number

    old.look_at_suppressions = as_before  # type: ignore[method-assign]  # as a writer of the version before
    await old.write(batch_of([result(1)]))
    await erasure.erase(connection, TENANT, uuids=["ana"])
    with pytest.raises(Fatal, match=r"people were erased from this database.*upgrade it"):
        await old.write(batch_of([result(2, user_uuid="ana")], first=1))
    with pytest.raises(
        Fatal, match=r"people were erased from this database"
    ):  # what tells whose a uuid is looks at them as well
        await old.write(batch_of([event("user_created", user_id="501", uuid="ana")], first=1))
    assert await books(connection) == Books(applied=1)
    await connection.close()


async def test_an_erasure_that_is_killed_has_changed_nothing(database: str) -> None:
    """At any of its statements: all or nothing."""
    connection = await connect(database)
    await write(
        connection, result(1, user_uuid="ana"), event("user_created", user_id="501", uuid="ana"), b'{"user_uuid": "ana"'
    )
    before = await erasing.everything(connection, TENANT)
    statements = 0
    while True:
        other = await connect(database)
        left = itertools.count(statements, -1)

        def kill(*_: object, other: Connection = other, left: Iterator[int] = left) -> None:
            if next(left) == 0:
                other.terminate()

        other.add_query_logger(kill)
        try:
            await erasure.erase(other, TENANT, uuids=["ana"])
            await other.close()
            break
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await asyncio.sleep(0)  # lets the transport close first
            await connection.fetchval("SELECT outcomes_internal.look_at_suppressions(false)")  # once the server is done with it
            if await connection.fetchval("SELECT EXISTS (SELECT FROM suppression)"):
                break  # only the answer to COMMIT was lost
            assert await erasing.everything(connection, TENANT) == before
            statements += 1 if WHOLE else 3
    assert statements > 8
    assert await books(connection) == Books(erased=3)
    await connection.close()


async def test_the_database_and_the_writer_compute_the_same_digest(database: str) -> None:
    """As RFC 2104 defines it, whatever a key is made of."""
    connection = await connect(database)
    kept = await connection.fetchrow("SELECT inner_pad, outer_pad, key FROM outcomes_internal.erasure_key")
    assert kept is not None
    secret = Secret(*kept[:2])
    for key in (Key(TENANT, "user", "501"), Key(TENANT, "uuid", "žluťoučký"), Key("other", "enrollment", "9" * 18)):
        found = await connection.fetchval(
            "SELECT outcomes_internal.person_digest(inner_pad, outer_pad, $1, $2, $3) FROM outcomes_internal.erasure_key",
            *key,
        )
        assert found == digest_of(secret, *key) == hmac.digest(kept[2], "\x1f".join(key).encode(), "sha256")
    await connection.close()


async def test_merged_users_are_erased_together_or_not_at_all(database: str) -> None:
    """Canvas says that they are one person; whoever asks has to say so too."""
    connection = await connect(database)
    await write(
        connection,
        event("user_created", user_id="501", uuid="ana"),
        event("user_created", user_id="502", uuid="ann"),
        event("user_updated", at=NOON, user_id="502", uuid="ana"),
        result(1, user_uuid="ann"),
        result(2, user_uuid="bo"),
    )
    with pytest.raises(UsageError, match=r"the users 501, 502. With --merged"):
        await erasure.erase(connection, TENANT, users=[501])
    receipt = await erasure.erase(connection, TENANT, users=[501], merged=True)
    assert len(receipt.digests) == 4
    rows = await connection.fetch("SELECT user_uuid FROM learning_outcome_result")
    assert [row["user_uuid"] for row in rows] == ["bo"]
    assert await connection.fetchval("SELECT count(*) FROM canvas_user") == 0
    await connection.close()


async def test_a_dry_run_tells_every_place_and_changes_nothing(database: str) -> None:
    """It says what the erasure then does."""
    connection = await connect(database)
    await write(
        connection,
        event("user_created", user_id="501", uuid="ana"),
        result(1, user_uuid="ana", surprise=1),
        result(1, minute=1, user_uuid="ana"),
        b'{"user_uuid": "ana"',
        rules=NAMED,
    )
    before = await erasing.everything(connection, TENANT)
    told = await erasure.erase(connection, TENANT, uuids=["ana"], dry_run=True)
    assert await erasing.everything(connection, TENANT) == before
    done = await erasure.erase(connection, TENANT, uuids=["ana"])
    assert told.rows == done.rows
    assert done.rows == {
        "canvas_user": 1,
        "canvas_user_version_y2024": 1,
        "learning_outcome_result": 1,
        "learning_outcome_result_version_y2025": 2,
        "person_name": 1,
        "quarantine": 1,
        "unknown_value": 1,
        "user_identity": 1,
    }
    await connection.close()


async def test_an_older_state_of_somebody_else_becomes_current(database: str) -> None:
    """Canvas gave a result to another user: only the erased one's states go."""
    connection = await connect(database)
    await write(connection, result(1, user_uuid="bo", score=1), result(1, minute=1, user_uuid="ana", score=2))
    await erasure.erase(connection, TENANT, uuids=["ana"])
    assert [tuple(row) for row in await connection.fetch("SELECT user_uuid, score FROM learning_outcome_result")] == [("bo", 1)]
    await connection.close()


async def test_what_else_an_event_says_of_an_erased_person_is_not_kept(database: str) -> None:
    """In members that no model knows. The event itself is about something else, and stays."""
    connection = await connect(database)
    await erasure.erase(connection, TENANT, users=[501], uuids=["ana"])
    books = await write(
        connection, event("learning_outcome_created", author={"uuid": "ana"}), event("course_created", note="bo")
    )
    assert books == Books(applied=2)
    assert await connection.fetchval("SELECT extra FROM learning_outcome") is None
    assert await connection.fetchval("SELECT extra FROM course") == '{"note": "bo"}'
    await connection.close()


async def test_rest_brings_nobody_back(database: str) -> None:
    """Nor what only REST tells, outside of the books: whose a uuid is, and under which one tools knew somebody."""
    connection = await connect(database)
    await erasure.erase(connection, TENANT, users=[501], uuids=["ana"])
    for user, uuid in ((501, "ann"), (502, "ana"), (502, "bo")):
        await connection.execute("INSERT INTO user_identity VALUES ($1, $2, $3, now(), now())", TENANT, user, uuid)
        await connection.execute(
            "INSERT INTO user_past_uuid VALUES ($1, 7, $2, $3, now())",
            TENANT,
            user,
            uuid,
        )
    for table in ("user_identity", "user_past_uuid"):
        assert [tuple(row) for row in await connection.fetch(f"SELECT user_id, user_uuid FROM {table}")] == [(502, "bo")]
    books = await write(
        connection,
        event("learning_outcome_result_updated", user_uuid="id:501"),
        event("learning_outcome_result_updated", user_uuid="id:502"),
    )
    assert books == Books(applied=1, erased=1)
    await connection.close()


async def test_a_restored_database_is_brought_in_line_from_the_list(database: str, another_database: str) -> None:
    """Also one that has never known of an erasure: it takes over the key."""
    connection, restored = await connect(database), await connect(another_database)
    told: list[Event | list[Any] | bytes | None] = [
        event("user_created", user_id="501", uuid="ana"),
        event("submission_created", submission_id="11", user_id="501"),
        event("rubric_assessed", artifact_id="11"),
        result(1, user_uuid="ana"),
        result(2, user_uuid="bo"),
        b'{"user_uuid": "ana"',
    ]
    for one in (connection, restored):
        await write(one, *told)
    await erasure.erase(connection, TENANT, uuids=["ana"])
    listed = await erasure.exported(connection)
    assert b"ana" not in listed
    added, rows = await erasure.take_in(restored, listed)
    assert added == 4
    assert rows["quarantine"] == 1
    assert await erasing.everything(restored, TENANT) == await erasing.everything(connection, TENANT)
    assert await erasure.take_in(restored, listed) == (0, {})
    assert (await verify(restored)).holds
    assert await write(restored, *told, partition=Partition("again", 0)) == Books(duplicate=1, erased=5)
    await connection.close()
    await restored.close()


async def test_verify_finds_an_erased_person_who_is_there_again(unchecked_database: str) -> None:
    """As in a database that was restored."""
    connection = await connect(unchecked_database)
    await write(connection, result(1, user_uuid="ana"))
    await erasure.erase(connection, TENANT, uuids=["bo"])
    assert (await verify(connection)).holds
    await connection.execute("UPDATE learning_outcome_result SET user_uuid = 'bo'")
    found = [check for check in (await verify(connection)).checks if check.promise == "no erased person is in a table"]
    assert [(check.failures, check.examples) for check in found] == [
        (1, (f"learning_outcome_result: a uuid of {TENANT} that was erased",))
    ]
    await connection.close()


async def test_every_place_is_searched(database: str) -> None:
    """Each way to name a person, in current rows, partitions, the default one, and tables that `retain` has left."""
    connection = await connect(database)
    user, uuid = 987654, "uuid-of-ada-987654x"
    theirs = {"user_id": str(user), "user_uuid": uuid}
    rest = Partition("canvas:school.example", 0)
    years = ("1999", "2020", "2021", "2025")
    told: list[Event | list[Any] | bytes | None] = [
        event("user_created", user_id=str(user), uuid=uuid, name="Ada Maria Byrne"),
        event("user_updated", user_id="7", uuid=uuid),
        event("user_updated", user_id=str(user), uuid=...),
        event("enrollment_updated", enrollment_id="10", user_id=str(user), user_uuid=...),
        *(event("enrollment_created", at=f"{year}-05-01T00:00:00Z", **theirs) for year in years),
        event("enrollment_updated", enrollment_id="8", user_id="9", user_uuid="parent", associated_user_id=str(user)),
        event("enrollment_updated", enrollment_id="9", user_id=..., user_uuid=uuid),
        event("enrollment_state_created", enrollment_id="21070000000009001"),
        event("submission_created", submission_id="91", user_id=str(user)),
        event("rubric_assessed", id="22", artifact_id="91"),
        event("rubric_assessed", id="23", artifact_type="Assignment"),
        *(
            event("learning_outcome_result_updated", at=f"{year}-06-01T00:00:00Z", user_uuid=uuid, artifact_id="23")
            for year in years
        ),
        event("learning_outcome_result_updated", id="2", user_uuid=f"id:{user}"),
        result(3, user_uuid="another", artifact_id="24"),
    ]
    await write(connection, *told, rules=NAMED)
    at_own_pages = event("course_created")
    at_own_pages["metadata"] |= {"context_type": "User", "context_id": str(user)}
    merges = [event("user_created", user_id="1") for _ in range(2)]
    for one, (gone, into) in zip(merges, ((user, 7), (6, user)), strict=True):
        one["metadata"]["event_name"] = "user_merge_backfilled"
        one["body"] = {"user_id": gone, "merged_into_user_id": into}
    assert await write(connection, at_own_pages, *merges, partition=rest) == Books(applied=3)
    await connection.execute("INSERT INTO user_past_uuid VALUES ($1, 7, $2, 'past-987654x', now())", TENANT, user)
    await connection.execute("INSERT INTO user_past_uuid VALUES ($1, 8, 7, $2, now())", TENANT, uuid)
    await retention.retain(connection, 2022, now=NOW)
    detached = "learning_outcome_result_version_y2020"
    assert await connection.fetchval(f"SELECT count(*) FROM {detached}") == 1

    receipt = await erasure.erase(connection, TENANT, uuids=[uuid], merged=True)
    assert len(receipt.digests) == 5
    assert receipt.rows[detached] == 1
    assert await connection.fetchval("SELECT count(*) FROM course_version") == 1
    tables = await connection.fetch(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'outcomes%' AND relkind = 'r'"
    )
    for (table,) in tables:
        rows = [row[0] for row in await connection.fetch(f"SELECT t::text FROM {table} t")]
        assert not [row for row in rows if re.search(r"987654|Ada Maria", row)], table
    hanging = [await connection.fetchval(f"SELECT count(*) FROM {name}_version") for name in sorted(HANGING)]
    assert hanging == [0, 0]
    assert [row["id"] for row in await connection.fetch("SELECT id FROM learning_outcome_result_version")] == [3]
    assert (await verify(connection)).holds
    await connection.close()


async def test_what_an_event_tells_more_of_an_erased_person_is_theirs_too(database: str) -> None:
    """What came before it is taken out, what comes later is not stored; whoever is named beside stays."""
    connection = await connect(database)
    await write(connection, event("course_created"))
    await erasure.erase(connection, TENANT, uuids=["ana"])
    state = event("enrollment_state_created", enrollment_id="41")
    submitted = event("submission_created", submission_id="91", user_id="501")
    assessed = [event("rubric_assessed", id=id_, artifact_id=artifact) for id_, artifact in (("22", "91"), ("23", "92"))]
    observed = result(9, user_uuid="parent")
    assert await write(connection, state, submitted, *assessed, observed) == Books(applied=5)
    observer = event("enrollment_created", enrollment_id="42", user_id="900", user_uuid="parent", associated_user_id="501")
    told = (
        event("user_created", user_id="501", uuid="ana"),
        event("enrollment_created", enrollment_id="41", user_id="501", user_uuid=..., associated_user_id=...),
        result(1, user_uuid="ana", artifact_type="RubricAssessment", artifact_id="23"),
        observer,
        state,
        *assessed,
    )
    for one in told:
        assert (await write(connection, one)).erased == 1
    held = {table for table, rows in (await projection(connection)).items() if rows and not table.endswith("_version")}
    assert held == {"course", "learning_outcome_result"}
    assert await books(connection) == Books(applied=2, erased=4 + len(told))
    assert (await write(connection, result(9, minute=1, user_uuid="parent"))).applied == 1
    await connection.close()
