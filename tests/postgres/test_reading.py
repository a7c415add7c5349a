"""What status, history and explain tell."""

import json
from datetime import timedelta

import orjson
import pytest
from rich.console import Console, RenderableType

from consumer.errors import UsageError
from consumer.ingest.batch import Partition
from consumer.query import explain, history, objects, status
from consumer.query.truth import differences
from consumer.simulator.feed import Feed, messages_of
from consumer.simulator.school import School, institution
from consumer.simulator.truth import Truth
from consumer.store.postgres import connect
from tests.postgres.writing import TOPIC, batch_of, write
from tests.samples import NOON, TENANT, event, payload, result, scale


def text(renderable: RenderableType) -> str:
    """As a person sees it, on a wide terminal."""
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


async def test_status_tells_books_positions_quarantine_ignored_and_drift(database: str) -> None:
    """All of it, for people and for machines."""
    await write(database, result(1, surprise=1), result(1, surprise=1), b"{", payload("heartbeat"), None)
    await write(database, result(2), partition=Partition("file:abc", 0))
    connection = await connect(database)
    found = await status.status(connection, schema="0001", lag={TOPIC: 3})
    await connection.close()
    assert found.books == {
        "consumed": 6,
        "applied": 2,
        "superseded": 0,
        "duplicate": 1,
        "ignored": 2,
        "quarantined": 1,
        "erased": 0,
    }
    data = json.loads(orjson.dumps(found.as_json(), default=str))
    assert [row["lag"] for row in data["positions"]] == [None, 3]
    assert data["quarantine"][0]["reason"] == "not_json"
    assert {row["event_name"] for row in data["ignored"]} == {"heartbeat", "(tombstone)"}
    assert data["drift"] == [{"event_name": "learning_outcome_result_updated", "member": "surprise", "events": 2}]
    assert data["freshness_seconds"] > 0
    assert data["heartbeat_seconds"] > 0
    shown = text(status.render(found))
    for word in ("topic", "file:abc", "not_json", "heartbeat", "surprise", "6 consumed"):
        assert word in shown


async def test_an_event_ahead_of_the_clock_is_told_as_one(database: str) -> None:
    """For people in words; for machines the age is a negative number."""
    await write(database, result(1), payload("heartbeat"))
    connection = await connect(database)
    await connection.execute("UPDATE stream_position SET last_event_time = now() + interval '1501 days 1 minute'")
    found = await status.status(connection, schema="0001")
    await connection.close()
    assert "newest event 1501 d ahead of the clock · feed's heartbeat" in text(status.render(found))
    assert found.as_json()["freshness_seconds"] < -1501 * 86_400


async def test_status_of_an_empty_projection_says_so(database: str) -> None:
    """And does not fail."""
    connection = await connect(database)
    assert "nothing consumed yet" in text(status.render(await status.status(connection, schema="0001")))
    await connection.close()


async def test_history_shows_periods_and_what_changed(database: str) -> None:
    """The first state in full, then only what is different."""
    await write(
        database,
        scale(4, 3, 0),
        scale(10, 7, 0, minute=5),
        scale(10, 7, 0, minute=6),
        scale(10, 7, 0, minute=9, workflow_state="deleted"),
    )
    connection = await connect(database)
    found = await history.history(connection, "scale", 1, None)
    await connection.close()
    assert found.kind == "outcome_proficiency"
    assert [state.valid_from for state in found.states] == [NOON, NOON + timedelta(minutes=5), NOON + timedelta(minutes=9)]
    assert [set(state.changes) for state in found.states[1:]] == [{"outcome_proficiency_ratings"}, {"workflow_state"}]
    shown = text(history.render(found))
    assert "4 Level 0 · 3* Level 1 · 0 Level 2 -> 10 Level 0 · 7* Level 1 · 0 Level 2" in shown
    assert "active -> deleted" in shown
    json.dumps(found.as_json(), default=str)


@pytest.mark.parametrize(
    ("last_two", "reason"),
    [
        ([result(minute=1), result(minute=2)], "newest event_time"),
        ([result(minute=1, created=True), result(minute=1)], "created comes before updated"),
        (
            [result(minute=1, updated_at="2025-03-20T12:00:00Z"), result(minute=1, updated_at="2025-03-20T12:00:01Z")],
            "later updated_at",
        ),
        ([result(minute=1, score=1), result(minute=1, score=2)], "hash of their bodies"),
        ([result(minute=1)], "only version"),
    ],
)
async def test_explain_tells_which_version_won_and_why(database: str, last_two: list[dict[str, object]], reason: str) -> None:
    """The first element of the order key that differs."""
    await write(database, *last_two)
    connection = await connect(database)
    found = await explain.explain(connection, "result", 1, TENANT)
    current = await connection.fetchval("SELECT version_hash FROM learning_outcome_result")
    await connection.close()
    assert reason in found.reason
    assert [version.version_hash for version in found.versions if version.current] == [current]
    json.dumps(found.as_json(), default=str)


async def test_history_and_explain_tell_a_result_that_is_another_students_now(database: str) -> None:
    """As a change of its student, whatever its score does."""
    await write(database, result(1, minute=1, user_uuid="ana"), result(1, minute=2, user_uuid="ana"))
    await write(database, result(1, minute=3, user_uuid="bo"))
    connection = await connect(database)
    told = await history.history(connection, "result", 1, None)
    found = await explain.explain(connection, "result", 1, None)
    await connection.close()
    assert told.states[-1].changes["user_uuid"] == ("ana", "bo")
    assert [version.student_changed for version in found.versions] == [False, False, True]
    assert text(explain.render(found)).count("student changed") == 1


async def test_explain_shows_where_versions_came_from_and_which_came_late(database: str) -> None:
    """And records in quarantine that may be about the object."""
    await write(database, result(1, minute=5))
    await write(database, result(1, minute=1), result(1, score="five"))
    connection = await connect(database)
    found = await explain.explain(connection, "learning_outcome_result", 1, None)
    await connection.close()
    assert [(version.position, version.came_late, version.current) for version in found.versions] == [
        (1, True, False),
        (0, False, True),
    ]
    assert [row["reason"] for row in found.quarantined or ()] == ["bad_number"]
    shown = text(explain.render(found))
    assert "topic-0 @1" in shown
    assert "came late" in shown
    assert "bad_number" in shown


async def test_objects_that_nobody_knows_are_named_in_one_sentence(database: str) -> None:
    """Also kinds, and a choice between tenants."""
    connection = await connect(database)
    with pytest.raises(UsageError, match="the projection is empty"):
        await objects.tenant_of(connection, None)
    await write(database, result(1))
    with pytest.raises(UsageError, match="no learning_outcome_result 9 is known"):
        await history.history(connection, "result", 9, None)
    with pytest.raises(UsageError, match="no learning_outcome_result 9 is known"):
        await explain.explain(connection, "result", 9, None)
    with pytest.raises(UsageError, match="grade is no kind of object"):
        await history.history(connection, "grade", 9, None)
    with pytest.raises(UsageError, match=r"user is no kind of object; did you mean canvas_user\?"):
        await history.history(connection, "user", 9, None)
    await write(database, event("course_created", tenant="another school"))
    with pytest.raises(UsageError, match=f"--tenant: {TENANT}, another school"):
        await objects.tenant_of(connection, None)
    assert await objects.tenant_of(connection, "another school") == "another school"
    await connection.close()


async def test_the_projection_of_a_simulated_school_is_what_the_simulator_says(database: str) -> None:
    """An independent look at every object, version and count; and it finds a planted difference."""
    truth = Truth()
    feed = Feed(disorder=0.5, duplicates=0.2, losses=0.05, poison=0.02, dialects=0.5, late=0.02)
    messages = list(messages_of(institution(School(events=3000, tenants=2)), feed, truth))
    for start in range(0, len(messages), 700):
        await write(database, *(message.value for message in messages[start : start + 700]))
    connection = await connect(database)
    assert await differences(connection, truth) == []
    score = "(SELECT score FROM learning_outcome_result ORDER BY id LIMIT 1)"
    kept = await connection.fetchval(f"SELECT {score}")
    change = "UPDATE learning_outcome_result SET score = $1 WHERE id = (SELECT min(id) FROM learning_outcome_result)"
    await connection.execute(change, 77.0)
    (difference,) = await differences(connection, truth)
    assert "differs in score" in difference
    await connection.execute(change, kept)
    await connection.close()


async def test_a_batch_of_nothing_but_strangers_is_counted(database: str) -> None:
    """Events of other names only."""
    batch = batch_of([{"metadata": {"event_name": "quiz_submitted"}, "body": {}}] * 3)
    assert len(batch.ignored) == 3
    books = await write(database, *[{"metadata": {"event_name": "quiz_submitted"}, "body": {}}] * 3)
    assert books.ignored == 3


async def test_a_tenant_that_nobody_knows_is_named_with_those_that_are_known(database: str) -> None:
    """A mistyped one is no missing object."""
    await write(database, result(1))
    connection = await connect(database)
    with pytest.raises(UsageError, match=f"no such tenant: nope; there are {TENANT}"):
        await history.history(connection, "result", 1, "nope")
    await connection.close()


@pytest.mark.parametrize("width", [60, 80])
async def test_status_breaks_no_name_and_no_number_on_a_narrow_terminal(database: str, width: int) -> None:
    """Topics first, then the newest files; zeros are left out."""
    await write(
        database, *[result(id_) for id_ in range(1, 4)], b"{", partition=Partition("canvas-live-events-of-the-school", 11)
    )
    connection = await connect(database)
    await connection.execute("UPDATE stream_position SET next_position = 12345678901")
    for number in range(12):
        await connection.execute(
            "INSERT INTO stream_position (source, partition, next_position, label, updated_at) "
            "VALUES ($1, 0, 7654321, $2, now() - make_interval(mins => $3))",
            f"file:{number:032}",
            f"captured/2025/{number:02}.ndjson",
            number,
        )
    found = await status.status(connection, schema="0001", lag={Partition("canvas-live-events-of-the-school", 11): 12345678})
    await connection.close()
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(status.render(found))
    shown = capture.get()
    assert max(map(len, shown.splitlines())) <= width
    words = shown.split()
    for word in ("canvas-live-events-of-the-school", "12,345,678,901", "12,345,678", "captured/2025/09.ndjson", "quarantined"):
        assert word in words, shown
    assert "… and 2 more files" in shown
    assert "captured/2025/10.ndjson" not in words
    assert words.index("canvas-live-events-of-the-school") < words.index("captured/2025/00.ndjson")


async def test_nothing_out_of_a_record_reaches_a_terminal_as_a_command(database: str) -> None:
    """Names of members, values, files: shown with their control characters escaped."""
    evil = "\x1b[2Jevil\x9b"
    told = [result(1, artifact_type=evil), result(1, score="five")]
    for value in told:
        value["body"][f"member {evil}"] = 1
    await write(database, *told, partition=Partition("file:abc", 0))
    connection = await connect(database)
    await connection.execute("UPDATE stream_position SET label = $1", evil)
    shown = [
        text(status.render(await status.status(connection, schema="0001"))),
        text(history.render(await history.history(connection, "result", 1, None))),
        text(explain.render(await explain.explain(connection, "result", 1, None))),
    ]
    await connection.close()
    for page in shown:
        assert r"\x1b[2Jevil\x9b" in page
        assert not set(page) & {"\x1b", "\x9b"}
