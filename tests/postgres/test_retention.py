"""Retention: what goes, what stays, and that every moment from the cutoff on answers as before."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.errors import Fatal, Transient, UsageError
from consumer.ingest.batch import Books
from consumer.query import explain, gradebook, history, rollup, scale, status, timeline
from consumer.query.verify import verify
from consumer.store.postgres import Connection, connect
from consumer.store.retention import RetentionReport, retain
from consumer.store.sql import sql
from tests import worlds
from tests.postgres.test_mastery import PLACES
from tests.postgres.writing import ARRIVAL, books, projection, write
from tests.samples import NOW, TENANT, event, result
from tests.worlds import OUTCOMES, STUDENTS, World

CUTOFF = datetime(2025, 1, 1, tzinfo=UTC)
LATE_2024 = datetime(2024, 11, 12, 12, tzinfo=UTC)
"""Where the worlds of these tests begin: half of their events are before the cutoff."""
OF_THE_VERSION = ("valid_from", "updated_at", "event_name", "event_time", "version_hash", "metadata", *ARRIVAL)
RESULTS, ASSESSMENTS = "learning_outcome_result_version", "rubric_assessment_version"


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """Closed where the test fails too: one that is left open ends pytest itself."""
    opened = await connect(database)
    yield opened
    await opened.close()


def scored(id_: int, at: datetime | str, score: float | None, **members: Any) -> Any:
    """A result at a moment."""
    return event("learning_outcome_result_updated", at=at, id=str(id_), score=score, **members)


async def partitions(connection: Connection, table: str = RESULTS) -> list[str]:
    """Their names, without the table's."""
    rows = await connection.fetch(sql("retain_partitions"), table)
    return [row["name"].removeprefix(f"{table}_") for row in rows]


async def everything(connection: Connection, tenant: str, moments: list[datetime]) -> dict[Any, Any]:
    """All answers about one tenant: now, at these moments, and each timeline from the cutoff on."""
    found: dict[Any, Any] = {}
    for at in (None, *moments):
        for course in PLACES:
            found["rollups", at, course] = await rows(connection, "outcome_rollup_at($1, $2, $3)", tenant, course, at)
            found["summary", at, course] = await rows(
                connection, "course_outcome_summary_of($1, $2, $3, NULL)", tenant, course, at
            )
            found["setting", at, course] = await rows(connection, "mastery_setting($1, 'Course', $2, $3)", tenant, course, at)
        for id_ in range(1, 31):
            found["result", at, id_] = await rows(connection, "learning_outcome_result_at($1, $2, $3)", tenant, id_, at)
    for course in PLACES:
        for student in STUDENTS:
            for outcome in OUTCOMES:
                changes = await connection.fetch(
                    "SELECT * FROM mastery_timeline($1, $2, $3, $4)", tenant, course, student, outcome
                )
                after = [tuple(row) for row in changes if row["at"] > CUTOFF]
                found["timeline", course, student, outcome] = after
    for table in ("learning_outcome_result", "rubric_assessment"):
        told = await connection.fetch(f"SELECT * FROM {table}_history WHERE valid_to > $1 OR valid_to IS NULL", CUTOFF)
        # Of a state that held when the cutoff came, its newest version is left: the same state, another version.
        found["history", table] = sorted(
            repr([value for name, value in row.items() if row["valid_from"] >= CUTOFF or name not in OF_THE_VERSION])
            for row in told
        )
    return found


async def rows(connection: Connection, source: str, *arguments: Any) -> list[str]:
    """What a function says, in one order."""
    return sorted(repr(tuple(row)) for row in await connection.fetch(f"SELECT * FROM {source}", *arguments))


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 110, 125])
async def test_every_moment_from_the_cutoff_on_answers_as_before(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Rollups, summaries, scales, results, histories, and timelines with their causes; `database` proves the books."""
    monkeypatch.setattr(worlds, "NOON", LATE_2024)
    world = World(seed, size=160)
    events = world.events()
    random.Random(seed).shuffle(events)
    if seed % 2:
        await connection.fetchval(sql("make_version_partitions"), [2024, 2025])
    await write(database, *events)
    times = sorted(datetime.fromisoformat(told["metadata"]["event_time"]) for told in events)
    moments = [CUTOFF, *random.Random(seed).sample([time for time in times if time > CUTOFF], 4)]
    before = await everything(connection, world.tenant, moments)
    current = await projection(connection)
    done = await retain(connection, 2025, now=NOW)
    assert of_results(done).retired > 0
    after = await everything(connection, world.tenant, moments)
    assert {key: value for key, value in after.items() if before[key] != value} == {}
    now = await projection(connection)
    assert {name for name in now if now[name] != current[name]} <= {RESULTS, ASSESSMENTS}


def of_results(done: list[RetentionReport]) -> RetentionReport:
    """What became of the results' versions."""
    (found,) = [one for one in done if one.table == RESULTS]
    return found


async def test_a_result_restored_after_the_cutoff_is_told_from_a_new_one(database: str, connection: Connection) -> None:
    """The first had counted before it was deleted, and its newest version that did stays; the second had never counted."""
    course = {"result_context_id": "7", "user_uuid": "ana", "learning_outcome_id": "1"}
    await write(
        database,
        event("course_created", course_id="7"),
        event("learning_outcome_created", at="2022-01-01T00:00:00Z", learning_outcome_id="1"),
        scored(1, "2023-03-01T00:00:00Z", 1, **course),
        scored(1, "2023-04-01T00:00:00Z", 2, **course),
        scored(1, "2023-05-01T00:00:00Z", 2, workflow_state="deleted", **course),
        scored(2, "2023-06-01T00:00:00Z", None, **course),
        scored(1, "2024-03-01T00:00:00Z", 3, **course),
        scored(2, "2024-04-01T00:00:00Z", 4, **course),
    )
    done = of_results(await retain(connection, 2024, now=NOW))
    shown = await timeline.timeline(connection, 7, "ana", 1, None)
    assert [(change.at.month, change.cause) for change in shown.changes] == [(3, "result restored"), (4, "new result")]
    assert (done.kept, done.retired) == (3, 1)


async def test_what_goes_is_booked_and_what_stays_is_the_newest_of_each(database: str) -> None:
    """Old partitions become tables of their own that say so; a new one holds what stands for them; `status` tells."""
    connection = await connect(database)
    await connection.fetchval(sql("make_version_partitions"), [2022, 2023, 2024, 2025])
    told = [scored(1, f"{year}-05-01T00:00:00Z", year) for year in (2022, 2023, 2024, 2025)]
    await write(database, *told, scored(2, "2022-06-01T00:00:00Z", 1))
    asked = await retain(connection, 2024, now=NOW, dry_run=True)
    assert await partitions(connection) == ["default", "y2022", "y2023", "y2024", "y2025"]
    done = await retain(connection, 2024, now=NOW)
    assert [(one.kept, one.retired, one.moved, one.partitions) for one in asked] == [
        (one.kept, one.retired, one.moved, one.partitions) for one in done
    ]
    assert (of_results(done).kept, of_results(done).retired, of_results(done).partitions) == (
        2,
        1,
        (f"{RESULTS}_y2022", f"{RESULTS}_y2023"),
    )
    assert of_results(done).bytes_freed > 0
    (others,) = [one for one in done if one.table == ASSESSMENTS]
    assert (others.kept, others.retired, others.partitions) == (0, 0, ())
    assert await partitions(connection) == ["before_2024", "default", "y2024", "y2025"]
    assert await connection.fetchval(f"SELECT count(*) FROM {RESULTS}_y2022") == 2
    said = await connection.fetchval(f"SELECT obj_description('{RESULTS}_y2022'::regclass)")
    assert said == f"Versions that outcomes retain has taken out of {RESULTS} on 2026-01-01; nothing reads them any more."
    assert await connection.fetchval("SELECT history_begins()") == datetime(2024, 1, 1, tzinfo=UTC)
    assert (await status.status(connection, schema="")).history_begins == datetime(2024, 1, 1, tzinfo=UTC)
    built = await connection.fetch(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = $1::regclass", f"{RESULTS}_before_2024"
    )
    assert all(row[0].startswith(f"{RESULTS}_before_2024_") for row in built)
    assert len(built) == 5
    await connection.close()


async def test_dropped_partitions_are_gone(database: str) -> None:
    """With `drop` nothing is kept of what was retired."""
    connection = await connect(database)
    await connection.fetchval(sql("make_version_partitions"), [2023])
    await write(database, scored(1, "2023-05-01T00:00:00Z", 1), scored(1, "2023-06-01T00:00:00Z", 2))
    assert of_results(await retain(connection, 2024, now=NOW, drop=True)).retired == 1
    assert await connection.fetchval(f"SELECT to_regclass('{RESULTS}_y2023')") is None
    await connection.close()


async def test_a_partition_that_holds_both_is_split_at_the_cutoff(database: str) -> None:
    """As the one is that a migrated table became: years from the cutoff on get their own."""
    connection = await connect(database)
    await connection.execute(
        f"""
        SELECT outcomes_internal.new_version_partition('{RESULTS}', '{RESULTS}_before_2026', '-');
        SELECT outcomes_internal.copy_version_indexes('{RESULTS}', '{RESULTS}_before_2026');
        ALTER TABLE {RESULTS} ATTACH PARTITION {RESULTS}_before_2026 FOR VALUES FROM (MINVALUE) TO ('2026-01-01Z');
        """
    )
    told = [scored(1, f"{year}-05-01T00:00:00Z", year) for year in (2005, 2019, 2023, 2024, 2025)]
    await write(database, *told)
    assert of_results(await retain(connection, 2024, now=NOW, dry_run=True)).moved == 2
    done = of_results(await retain(connection, 2024, now=NOW))
    assert (done.kept, done.retired, done.moved) == (1, 2, 2)
    assert await partitions(connection) == ["before_2024", "default", "y2024", "y2025"]
    kept = await connection.fetch(f"SELECT tableoid::regclass::text, score FROM {RESULTS} ORDER BY event_time")
    assert [tuple(row) for row in kept] == [
        (f"{RESULTS}_before_2024", 2023), (f"{RESULTS}_y2024", 2024), (f"{RESULTS}_y2025", 2025)
    ]  # fmt: skip
    await connection.close()


async def test_retaining_goes_on_year_by_year_and_never_back(database: str) -> None:
    """The same year again takes what came late since; an earlier one, or one that has not begun, is refused."""
    connection = await connect(database)
    await write(
        database,
        scored(1, "2003-05-01T00:00:00Z", 3),
        scored(1, "2022-05-01T00:00:00Z", 1),
        scored(1, "2023-05-01T00:00:00Z", 2),
    )
    assert of_results(await retain(connection, 2024, now=NOW)).retired == 2
    assert of_results(await retain(connection, 2024, now=NOW)).retired == 0
    await write(database, scored(1, "2023-01-01T00:00:00Z", 7), scored(1, "2024-01-01T00:00:00Z", 8))
    again = of_results(await retain(connection, 2024, now=NOW))
    assert (again.retired, again.partitions) == (1, (f"{RESULTS}_retired_1",)), "what it names is what may be dropped"
    assert await partitions(connection) == ["before_2024", "default", "y2024"]
    assert await connection.fetchval(f"SELECT count(*) FROM {RESULTS}_retired_1") == 2
    assert of_results(await retain(connection, 2025, now=NOW)).retired == 1
    with pytest.raises(UsageError, match="history before 2025 is retired already"):
        await retain(connection, 2024, now=NOW)
    with pytest.raises(UsageError, match="2027 has not begun"):
        await retain(connection, 2027, now=NOW)
    assert await connection.fetchval("SELECT sum(versions) FROM retired_version") == 4
    await connection.close()


async def test_a_late_event_from_before_the_cutoff_takes_its_place(database: str) -> None:
    """It is a version like any other, and the newest before the cutoff where it is that; one that went comes back."""
    connection = await connect(database)
    old, newer = scored(1, "2023-05-01T00:00:00Z", 1), scored(1, "2023-06-01T00:00:00Z", 2)
    await write(database, old, newer)
    await retain(connection, 2024, now=NOW)
    assert await write(database, newer) == Books(duplicate=1)
    assert await write(database, old) == Books(superseded=1)
    assert await write(database, scored(1, "2023-07-01T00:00:00Z", 3)) == Books(applied=1)
    assert await connection.fetchval("SELECT score FROM learning_outcome_result_at($1, 1, '2024-01-01Z')", TENANT) == 3
    await connection.close()


async def test_a_moment_before_history_begins_is_refused(database: str) -> None:
    """Not answered from what is left: gradebook, scale and rollup; history, timeline and explain say where history begins."""
    connection = await connect(database)
    course = {"result_context_id": "7", "user_uuid": "ana", "learning_outcome_id": "1"}
    await write(
        database,
        event("course_created", course_id="7"),
        event("learning_outcome_created", at="2022-01-01T00:00:00Z", learning_outcome_id="1"),
        *(scored(1, f"{year}-05-01T00:00:00Z", year % 5, **course) for year in (2022, 2023, 2024)),
    )
    await retain(connection, 2024, now=NOW)
    early, begins = datetime(2023, 12, 31, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    for at, known_at, sentence in ((early, None, "history begins at 2024-01-01: what"), (None, early, "what was known before")):
        with pytest.raises(UsageError, match=sentence):
            await gradebook.gradebook(connection, 7, None, at, known_at)
        with pytest.raises(UsageError, match=sentence):
            await scale.effective(connection, ("Course", 7), None, at, known_at)
        with pytest.raises(UsageError, match=sentence):
            await rollup.rollup(connection, 7, "ana", 1, None, at, known_at)
    assert (await gradebook.gradebook(connection, 7, None, begins, None)).students[0].key == "ana"
    shown = await timeline.timeline(connection, 7, "ana", 1, None)
    assert [(one.at, one.cause) for one in shown.changes][:1] == [(begins, "history begins")]
    assert shown.history_begins == begins
    told = await history.history(connection, "result", 1, None)
    assert [state.row["score"] for state in told.states] == [3, 4]
    assert told.history_begins == begins
    assert (await explain.explain(connection, "result", 1, None)).history_begins == begins
    assert (await history.history(connection, "course", 7, None)).history_begins is None
    await connection.close()


async def test_only_the_owner_retains(database: str) -> None:
    """In a sentence that says who."""
    connection = await connect(database)
    await connection.execute("SET ROLE outcomes_writer")
    with pytest.raises(Fatal, match="run it as their owner"):
        await retain(connection, 2024, now=NOW)
    await connection.close()


async def test_writers_and_readers_go_on_meanwhile(database: str) -> None:
    """New events are written while old history is folded; one that is as old as that waits, and is not lost."""
    connection = await connect(database)
    await connection.fetchval(sql("make_version_partitions"), [2023, 2025])
    start = datetime(2023, 5, 1, tzinfo=UTC)
    await write(database, *(scored(id_, start + timedelta(days=day), day) for id_ in range(1, 200) for day in (1, 2, 3)))
    stop = asyncio.Event()

    async def writing() -> int:
        written = 0
        while not stop.is_set():
            late = [scored(1, start + timedelta(hours=written), 9)] if written % 5 == 0 else []
            with contextlib.suppress(Transient):  # who waits for what is folded is sent away, and comes again
                await write(database, result(501 + written), *late)
                written += 1
        return written

    task = asyncio.create_task(writing())
    await asyncio.sleep(0.2)
    done = await retain(connection, 2025, now=NOW)
    await asyncio.sleep(0.2)
    stop.set()
    written = await task
    assert of_results(done).retired >= 398
    assert (await books(connection)).consumed == 597 + written + (written + 4) // 5
    assert (await verify(connection)).holds
    assert await connection.fetchval(f"SELECT count(*) FROM {RESULTS} WHERE id > 500") == written
    await connection.close()
