"""Which names of topics are shown for one that is missing."""

import time

from consumer.sources.kafka_client import COMPARED_NAMES, near, or_rather


def test_a_slip_of_the_pen_finds_the_name_that_was_meant() -> None:
    """In any case of its letters, and the nearest first."""
    known = {"canvas-live-events", "canvas-live-events-dlq", "billing", "__consumer_offsets"}
    assert near("canvas-live-event", known)[0] == "canvas-live-events"
    assert near("Canvas-Live-Events", known)[0] == "canvas-live-events"
    assert near("grades", known) == []
    assert or_rather(near("billin", known)) == " (did you mean billing?)"
    assert or_rather([]) == ""


def test_kafkas_own_topics_are_never_meant() -> None:
    """Nobody's events are there."""
    assert near("consumer_offsets", {"__consumer_offsets", "__transaction_state"}) == []


def test_a_cluster_of_any_number_of_topics_is_searched_in_bounded_time() -> None:
    """Of a hundred thousand, those are compared whose names are about as long."""
    known = {f"some-team-some-topic-with-a-long-name-{number}" for number in range(100_000)} | {"canvas-live-events"}
    begun = time.process_time()
    assert near("canvas-live-evnts", known)[0] == "canvas-live-events"
    assert near("some-team-some-topic-with-a-long-name-", known)
    assert time.process_time() - begun < 10
    assert len(known) > COMPARED_NAMES
