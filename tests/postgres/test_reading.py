"""What status, history and explain tell."""

import json
from datetime import timedelta

import orjson
import pytest
from rich.console import Console, RenderableType

from consumer.errors import UsageError
from consumer.ingest.batch import Partition
from consumer.read import explain, history, objects, status
from consumer.read.truth import differences
from consumer.store.postgres import connect
from simulator.feed import Feed, tell
from simulator.school import School, institution
from simulator.truth import Truth
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
    assert found.books == {"consumed": 6, "applied": 2, "superseded": 0, "duplicate": 1, "ignored": 2, "quarantined": 1}
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


async def test_status_of_an_empty_projection_says_so(database: str) -> None:
    """And does not fail."""
    connection = await connect(database)
    assert "nothing read yet" in text(status.render(await status.status(connection, schema="0001")))
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
    assert [row["reason"] for row in found.quarantined] == ["bad_number"]
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
    await write(database, event("course_created", tenant="another school"))
    with pytest.raises(UsageError, match=f"--tenant: {TENANT}, another school"):
        await objects.tenant_of(connection, None)
    assert await objects.tenant_of(connection, "another school") == "another school"
    await connection.close()


async def test_the_projection_of_a_simulated_school_is_what_the_simulator_says(database: str) -> None:
    """An independent look at every object, version and count; and it finds a planted difference."""
    truth = Truth()
    feed = Feed(disorder=0.5, duplicates=0.2, losses=0.05, poison=0.02, dialects=0.5, late=0.02)
    messages = list(tell(institution(School(events=3000, tenants=2)), feed, truth))
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
