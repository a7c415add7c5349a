"""The law of order: the projection depends on the set of records, and on nothing else."""

import asyncio
import itertools
import random
from asyncio import Runner
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.ingest.batch import Partition
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import Accepted, RawRecord
from consumer.store.postgres import Connection, connect
from consumer.store.writer import Writer
from tests import WHOLE
from tests.postgres.writing import batch_of_records, projection, write
from tests.samples import NOON, NOW, RULES, Event, event, raw, result, scale

_numbers = itertools.count()

moments = st.sampled_from([NOON + timedelta(milliseconds=ms) for ms in (0, 1, 900, 1000, 60_000)])
updated = st.sampled_from([..., "2025-03-20T12:00:00Z", "2025-03-20T12:00:01Z"])
states = st.sampled_from(["active", "deleted"])


PEOPLE = (
    "SELECT user_uuid, user_id, since FROM user_identity WHERE root_account_uuid = $1 ORDER BY 1, 2",
    "SELECT course_id, user_id, user_uuid, past_uuids, standing, enrollments::text FROM course_roster "
    "WHERE root_account_uuid = $1 ORDER BY 1, 2",
)
"""What follows from the events about people: whose a uuid was since when, and the rosters."""


@st.composite
def some_event(draw: st.DrawFn) -> Event:
    """An event on one of a few objects at one of a few moments, so that every kind of tie occurs."""
    at, verb = draw(moments), draw(st.sampled_from(["created", "updated"]))
    common: dict[str, Any] = {"updated_at": draw(updated) if verb == "updated" else ...}
    match draw(st.sampled_from(["result", "scale", "outcome", "course", "user", "enrollment", "section", "submission"])):
        case "result":
            changes: dict[str, Any] = {
                "id": draw(st.sampled_from(["1", "2"])),
                "score": draw(st.sampled_from([1.0, 0.0, None])),
                "workflow_state": draw(states),
            }
            return event(f"learning_outcome_result_{verb}", at=at, **common, **changes)
        case "scale":
            # A scale's updated_at stays where it is when only its ratings change.
            edited = scale(
                *draw(st.sampled_from([(4, 3, 0), (10, 7, 0), (3, 2, 1)])),
                updated_at="2025-03-20T12:00:00Z",
                workflow_state=draw(states),
            )
            return event("outcome_proficiency_updated", at=at, **edited["body"])
        case "outcome":
            return event(f"learning_outcome_{verb}", at=at, **common, title=draw(st.sampled_from(["Cells", "Genes"])))
        case "user":
            user, uuid = (
                draw(st.sampled_from(["21070000000000501", "21070000000000502"])),
                draw(st.sampled_from(["ana", "bo", ...])),
            )
            return event(f"user_{verb}", at=at, updated_at=draw(updated), user_id=user, uuid=uuid)
        case "enrollment":
            return event(
                f"enrollment_{verb}",
                at=at,
                updated_at=draw(updated),
                enrollment_id=draw(st.sampled_from(["21070000000000011", "21070000000000012"])),
                user_id=draw(st.sampled_from(["21070000000000501", "21070000000000502"])),
                user_uuid=draw(st.sampled_from(["ana", "bo", ...])),
                workflow_state=draw(states),
            )
        case "section":
            course = draw(st.sampled_from(["565", "566"]))
            return event(f"course_section_{verb}", at=at, course_section_id="731", course_id=course)
        case "submission":
            return event(f"submission_{verb}", at=at, updated_at=draw(updated), submitted_at=draw(updated))
        case _:
            return event(
                f"course_{verb}",
                at=at,
                updated_at=draw(updated),
                account_id=draw(st.sampled_from(["21070000000000079", "21070000000000080"])),
            )


def copied(told: Event, chance: random.Random) -> Event:
    """The same version as another bridge brings it: with other word of where the request was made, or none; with -0 for 0."""
    account = f"2107000000000008{chance.choice('01')}"
    hints = {"context_type": "Course", "context_id": "21070000000000007", "context_account_id": account}
    metadata = {name: value for name, value in told["metadata"].items() if name not in (*hints, "root_account_id")}
    body = {name: -value if value == 0 and name == "score" else value for name, value in told["body"].items()}
    return {"metadata": metadata | chance.choice(({}, hints)), "body": chance.choice((told["body"], body))}


def expected(records: list[RawRecord]) -> tuple[dict[Any, Any], dict[Any, set[Any]]]:
    """The newest key of each object, and all keys: the law, said in Python."""
    versions: dict[Any, set[Any]] = defaultdict(set)
    for record in records:
        for verdict in decode(record, RULES, NOW):
            if isinstance(verdict, Accepted):
                versions[verdict.table.name, verdict.key.root_account_uuid, verdict.key.id].add(verdict.key[2:])
    return {key: max(found) for key, found in versions.items()}, versions


async def write_split(
    connections: Sequence[Connection], told: list[list[RawRecord]], batch_size: int, rules: Rules = RULES
) -> None:
    """Each list by a writer of its own, all at once."""

    async def writer_of(connection: Connection, records: list[RawRecord]) -> None:
        if not records:
            return
        writer = Writer(connection)
        await writer.open_position(Partition(records[0].source, records[0].partition), 0)
        for start in range(0, len(records), batch_size):
            await writer.write(batch_of_records(records[start : start + batch_size], rules))

    await asyncio.gather(*map(writer_of, connections, told))


@contextmanager
def connected(dsn: str) -> Iterator[tuple[Runner, list[Connection]]]:
    """A loop and three connections for all examples of a property: to connect costs more than an example."""
    with Runner() as runner:
        connections = [runner.run(connect(dsn)) for _ in range(3)]
        yield runner, connections
        for connection in connections:
            runner.run(connection.close())


def test_any_order_repetition_and_split_gives_the_same_projection(database: str) -> None:
    """Shuffled, repeated, split over concurrent writers, one of them a replayed file: the newest wins, all are kept."""

    async def run(events: list[Event], seed: int, writers: int, batch_size: int) -> None:
        tenant, again = f"tenant-{next(_numbers)}", f"tenant-{next(_numbers)}"
        chance = random.Random(seed)
        told = [copied(value, chance) for value in (*events, *chance.choices(events, k=chance.randrange(len(events) + 1)))]
        inorder = sorted(told, key=lambda value: str(value["metadata"]["event_time"]))
        chance.shuffle(told)
        sources = [(f"{tenant}-topic", 0), (f"{tenant}-topic", 1), (f"file:{tenant}", 0)][:writers]
        split: list[list[RawRecord]] = [[] for _ in sources]
        for value in told:
            value["metadata"]["root_account_uuid"] = tenant
            part = chance.randrange(len(sources))
            split[part].append(raw(value, len(split[part]), *sources[part]))
        await write_split(connections, split, batch_size)

        newest, versions = expected([record for records in split for record in records])
        connection = connections[0]
        for (table, _, id_), key in newest.items():
            order = "event_time, event_name, coalesce(updated_at, '0001-01-01Z'), version_hash"
            one = f"FROM {table} WHERE root_account_uuid = $1 AND id = $2"
            assert [tuple(row) for row in await connection.fetch(f"SELECT {order} {one}", tenant, id_)] == [tuple(key)]
            many = f"FROM {table}_version WHERE root_account_uuid = $1 AND id = $2"
            found = {tuple(row) for row in await connection.fetch(f"SELECT {order} {many}", tenant, id_)}
            assert found == {tuple(version) for version in versions[table, tenant, id_]}

        # In the order of their time, one by one, into another tenant: the same rows.
        for value in inorder:
            value["metadata"]["root_account_uuid"] = again
        await write_split(connections, [[raw(value, index, f"{again}-topic") for index, value in enumerate(inorder)]], 1)
        once, twice = await projection(connection, tenant), await projection(connection, again)
        # As text, because -0.0 equals 0.0 and is not stored as that.
        assert {name: [str(row[1:]) for row in rows] for name, rows in once.items()} == {
            name: [str(row[1:]) for row in rows] for name, rows in twice.items()
        }
        for question in PEOPLE:
            assert await connection.fetch(question, tenant) == await connection.fetch(question, again), question

    with connected(database) as (runner, connections):

        @settings(max_examples=150 if WHOLE else 30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(some_event(), min_size=1, max_size=12), st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 12))
        def holds(events: list[Event], seed: int, writers: int, batch_size: int) -> None:
            runner.run(run(events, seed, writers, batch_size))

        holds()


async def state_of(dsn: str, table: str, id_: int, *columns: str) -> tuple[Any, ...]:
    """Some columns of a current row."""
    connection = await connect(dsn)
    row = await connection.fetchrow(f"SELECT {', '.join(columns)} FROM {table} WHERE id = $1", id_)
    await connection.close()
    assert row is not None
    return tuple(row)


async def test_a_scale_edit_that_leaves_updated_at_unmoved_is_applied(database: str) -> None:
    """Canvas does not touch the scale's row when only its ratings change."""
    await write(database, scale(4, 3, 0, minute=0), scale(10, 7, 0, minute=5))
    (ratings,) = await state_of(database, "outcome_proficiency", 1, "outcome_proficiency_ratings")
    assert '"points": 10' in ratings


async def test_two_saves_within_a_second_are_told_apart_by_event_time(database: str) -> None:
    """Both have the same `updated_at`; the later event is the state, in whichever order they arrive."""
    first = event(
        "learning_outcome_result_updated", at=NOON + timedelta(milliseconds=100), updated_at="2025-03-20T12:00:00Z", score=1
    )
    second = event(
        "learning_outcome_result_updated", at=NOON + timedelta(milliseconds=900), updated_at="2025-03-20T12:00:00Z", score=2
    )
    await write(database, second)
    books = await write(database, first)
    assert (books.applied, books.superseded) == (0, 1)
    assert await state_of(database, "learning_outcome_result", 1, "score") == (2.0,)


async def test_created_that_arrives_after_updated_changes_nothing(database: str) -> None:
    """It takes its place in the past."""
    await write(database, result(minute=1, score=3))
    books = await write(database, result(minute=0, created=True, score=1))
    assert (books.applied, books.superseded) == (0, 1)
    assert await state_of(database, "learning_outcome_result", 1, "score", "event_name") == (
        3.0,
        "learning_outcome_result_updated",
    )


async def test_a_deletion_is_not_undone_by_an_older_event(database: str) -> None:
    """Deleted, then a stale active one."""
    await write(database, result(minute=5, workflow_state="deleted"))
    await write(database, result(minute=4))
    assert await state_of(database, "learning_outcome_result", 1, "workflow_state") == ("deleted",)


async def test_a_newer_active_version_revives_a_deleted_object(database: str) -> None:
    """The next assessment sets a deleted result active again."""
    await write(database, result(minute=5, workflow_state="deleted"), result(minute=6))
    assert await state_of(database, "learning_outcome_result", 1, "workflow_state") == ("active",)


async def test_the_newest_version_replaces_the_whole_row(database: str) -> None:
    """A body is the full row: what it leaves out is gone."""
    await write(database, result(minute=0, artifact_id="22"), result(minute=1, artifact_id=...))
    assert await state_of(database, "learning_outcome_result", 1, "artifact_id") == (None,)


async def test_a_late_event_slots_into_the_past_of_the_history(database: str) -> None:
    """Periods follow event_time; nothing that was there is rewritten."""
    await write(database, result(minute=0, score=1), result(minute=20, score=3))
    await write(database, result(minute=10, score=2))
    connection = await connect(database)
    rows = await connection.fetch(
        "SELECT score, valid_from, valid_to FROM learning_outcome_result_history WHERE id = 1 ORDER BY valid_from"
    )
    await connection.close()
    at = [NOON + timedelta(minutes=minute) for minute in (0, 10, 20)]
    assert [tuple(row) for row in rows] == [(1.0, at[0], at[1]), (2.0, at[1], at[2]), (3.0, at[2], None)]


async def test_neighbours_that_say_the_same_are_one_period(database: str) -> None:
    """Canvas emits updates with an identical body."""
    await write(
        database,
        result(minute=0, score=1),
        result(minute=1, score=1, updated_at="2025-03-20T12:01:00Z"),
        result(minute=2, score=2),
    )
    connection = await connect(database)
    rows = await connection.fetch(
        "SELECT score, valid_from, valid_to FROM learning_outcome_result_history WHERE id = 1 ORDER BY valid_from"
    )
    assert [tuple(row) for row in rows] == [(1.0, NOON, NOON + timedelta(minutes=2)), (2.0, NOON + timedelta(minutes=2), None)]
    assert await connection.fetchval("SELECT count(*) FROM learning_outcome_result_version") == 3
    await connection.close()


async def test_links_and_results_come_before_their_outcome(database: str) -> None:
    """No arrival order is needed: nothing refers with a foreign key."""
    books = await write(database, event("learning_outcome_link_created"), result(), event("learning_outcome_created"))
    assert books.applied == 3


async def test_the_same_ids_of_two_tenants_are_two_objects(database: str) -> None:
    """Local ids are unique per institution only."""
    books = await write(database, result(), event("learning_outcome_result_updated", at=NOON, tenant="another school", id="1"))
    assert books.applied == 2


async def test_writers_that_learn_of_the_same_people_do_not_wait_for_each_other_in_a_circle(database: str) -> None:
    """One is told of users whose enrolments the other is told of, and the other way round."""

    def told(users: range, enrolled: range, tenant: str) -> list[Event]:
        return [
            *(event("user_created", tenant=tenant, user_id=str(id_), uuid=f"uuid {id_}") for id_ in users),
            *(
                event("enrollment_created", tenant=tenant, enrollment_id=str(id_), user_id=str(id_), user_uuid=f"uuid {id_}")
                for id_ in enrolled
            ),
        ]

    first, second = range(1, 60), range(60, 120)
    writers = [await connect(database) for _ in range(2)]
    for number in range(6):
        tenant = f"circle {number}"
        both = told(first, second, tenant), told(second, first, tenant)
        await write_split(
            writers,
            [
                [raw(one, index, f"{tenant}-topic", part) for index, one in enumerate(events)]
                for part, events in enumerate(both)
            ],
            200,
        )
    assert await writers[0].fetchval("SELECT count(*) FROM user_identity") == 6 * 119
    for connection in writers:
        await connection.close()
