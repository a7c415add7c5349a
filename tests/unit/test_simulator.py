"""The simulator tells believable events and the truth about them."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import Accepted, Ignored, RawRecord, Rejected
from consumer.simulator.feed import Feed, Message, messages_of
from consumer.simulator.posting import Event
from consumer.simulator.school import School, institution
from consumer.simulator.truth import Truth
from schemas.base import Reason
from schemas.events import EVENTS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOISY = Feed(disorder=0.3, duplicates=0.1, losses=0.02, poison=0.05, dialects=0.3, late=0.01)


def told(school: School, feed: Feed) -> tuple[list[Message], Truth]:
    """Everything at once."""
    truth = Truth()
    return list(messages_of(institution(school), feed, truth)), truth


def test_the_same_seed_tells_the_same_bytes_and_another_does_not() -> None:
    """A run can be repeated."""
    assert told(School(seed=3, events=800), NOISY)[0] == told(School(seed=3, events=800), NOISY)[0]
    assert told(School(seed=3, events=800), NOISY)[0] != told(School(seed=4, events=800), NOISY)[0]


def test_how_it_is_told_does_not_change_what_happened() -> None:
    """The institution has a chance of its own."""
    assert list(institution(School(events=800))) == list(institution(School(events=800)))
    quiet, noisy = told(School(events=800), Feed()), told(School(events=800), Feed(disorder=0.9, duplicates=0.5))
    assert {key: known.bodies for key, known in quiet[1].objects.items()} == {
        key: known.bodies for key, known in noisy[1].objects.items()
    }


def test_every_event_is_understood_and_every_poison_refused_for_its_reason() -> None:
    """Verdicts are counted as the truth counts them."""
    messages, truth = told(School(events=4000), NOISY)
    ignored: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    versions = set()
    for message in messages:
        for verdict in decode(RawRecord("t", 0, 0, message.value), Rules(), NOW):
            match verdict:
                case Accepted():
                    versions.add((verdict.table.name, verdict.key))
                case Ignored():
                    ignored[verdict.event_name] += 1
                case Rejected():
                    refused[verdict.reason] += 1
    assert ignored == truth.ignored
    assert refused == truth.poison
    assert len(versions) == truth.versions
    assert truth.events == len(messages)


def test_poison_comes_in_every_reason_that_a_message_can_bring() -> None:
    """All but one record that is too large, and what only the database can refuse."""
    _, truth = told(School(events=3000), Feed(poison=0.1))
    assert set(truth.poison) == set(Reason) - {Reason.TOO_LARGE, Reason.REFUSED_BY_DATABASE}


@pytest.mark.parametrize("size", [500, 20_000])
def test_about_as_many_events_come_as_were_asked_for(size: int) -> None:
    """Within a fifth."""
    count = sum(1 for _ in institution(School(events=size)))
    assert 0.8 * size < count < 1.2 * size


def test_every_event_name_occurs() -> None:
    """And heartbeats and others between them."""
    names = {event.name for event in institution(School(events=5000))}
    assert set(EVENTS) <= names
    assert "heartbeat" in names


def of_kind(kind: str) -> list[Event]:
    """All events of a kind in a school."""
    return [event for event in institution(School(events=8000)) if event.kind == kind]


def test_a_scale_changes_while_its_updated_at_stays() -> None:
    """Only its ratings changed: `updated_at` is still the time it was made."""
    edits = [e for e in of_kind("outcome_proficiency") if e.name.endswith("updated") and e.body["workflow_state"] == "active"]
    assert any(e.body["updated_at"] < f"{e.time:%Y-%m-%d}" for e in edits)


def test_results_are_regraded_deleted_and_revived() -> None:
    """By updates of the same row."""
    states: dict[int, list[str]] = {}
    for event in of_kind("learning_outcome_result"):
        states.setdefault(event.id, []).append(event.body["workflow_state"])
    assert any("deleted" in s and s[-1] == "active" for s in states.values())
    assert any(len(s) > 2 for s in states.values())


def test_two_saves_in_one_second_have_equal_updated_at() -> None:
    """Different bodies that only `event_time` can order."""
    seen: dict[tuple[int, str], set[str]] = {}
    for event in of_kind("learning_outcome_result"):
        if "updated_at" in event.body:
            seen.setdefault((event.id, event.body["updated_at"]), set()).add(event.metadata["event_time"])
    assert any(len(times) > 1 for times in seen.values())


def test_percent_is_score_by_possible_and_outlives_a_cleared_score() -> None:
    """Canvas leaves the percent where it was when a score is cleared."""
    results = of_kind("learning_outcome_result")
    assert any("score" not in event.body and "percent" in event.body for event in results)
    for event in results:
        if "score" in event.body:
            assert event.body["percent"] == event.body["score"] / event.body["possible"]


def test_truth_is_read_back_as_it_was_written() -> None:
    """It lies beside the events in a file."""
    _, truth = told(School(events=600), NOISY)
    again = Truth.read(list(truth.lines()))
    assert (again.events, again.versions, again.poison, again.ignored) == (
        truth.events,
        truth.versions,
        truth.poison,
        truth.ignored,
    )
    assert again.objects == truth.objects


@pytest.mark.parametrize("wrong", [{"disorder": 2}, {"poison": -0.1}, {"window": 0}])
def test_impossible_knobs_are_refused(wrong: dict[str, float]) -> None:
    """With the name of the knob."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Feed(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="students"):
        School(students=0)
