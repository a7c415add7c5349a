"""The common shape: read in one step, or left to the way for any shape, never read differently."""

import json
from typing import Any

import pytest

from consumer.ingest.common_shape import common_version, source_of
from consumer.ingest.decode import Rules
from consumer.ingest.records import Accepted
from consumer.ingest.tables import TABLES
from consumer.settings import People
from tests.bench.rows import events
from tests.fuzz.common_events import NAMES, changed
from tests.fuzz.laws import check_common
from tests.samples import NOW, Event, event, raw, result

RULES = Rules()
DEEP = 70


def common(value: Event | bytes, people: People = "ids") -> Accepted | None:
    """What is read in one step; it is what the way for any shape finds."""
    record = raw(value)
    assert record.value is not None
    check_common(record.value)
    return common_version(record, record.value, NOW, RULES.max_future, people)


def with_metadata(value: Event, **members: Any) -> Event:
    """The event with other members of its metadata; `...` takes one out."""
    changed = value["metadata"] | members
    return value | {"metadata": {name: told for name, told in changed.items() if told is not ...}}


def written(value: Event, old: str, new: str) -> bytes:
    """The event with a piece of its text replaced, for what `json` writes in another way."""
    text = json.dumps(value)
    assert old in text
    return text.replace(old, new).encode()


def nested(opening: str, closing: str) -> bytes:
    """A result whose metadata are nested deeper than an event may be."""
    return written(with_metadata(result(1), x=77), '"x": 77', f'"x": {opening * DEEP}1{closing * DEEP}')


USUAL: dict[str, Event | bytes] = {
    **{
        f"{name}, an example": event(name, at=NOW)
        for name in NAMES
        if not name.startswith(("course_section", "course_updated"))
    },
    "course_updated as Canvas writes it": event("course_updated", updated_at="2025-03-20T15:04:05Z"),
    "without blanks": json.dumps(result(1), separators=(",", ":")).encode(),
    "an event of the benchmark": next(events(1)),
    "nulls": result(1, score=None, assessed_at=None, user_uuid=None, artifact_id=None, mastery=None, attempt=None),
    "an absent state": result(1, workflow_state=...),
    "whole numbers with a fraction": result(1, score=5.0, possible=5, percent=1.0),
    "numbers that exponents are for": result(1, score=1e-7, possible=-1e15, percent=0.00001, original_score=1e15),
    "minus zero": written(result(1, score=7777), "7777", "-0.0"),
    "minus zero, whole": written(result(1, score=7777), "7777", "-0"),
    "zeros before an id": result(1, learning_outcome_id="000000000000000007"),
    "ids of several shards": with_metadata(
        event("enrollment_created", user_id="30000000000005", course_id="21070000000000005"),
        root_account_id="21070000000000001",
    ),
    "a root account that is no id": with_metadata(event("enrollment_created"), root_account_id="x"),
    "no root account": with_metadata(event("enrollment_created"), root_account_id=None),
    "the largest texts": result(1, user_uuid="x" * 255),
    "a request": with_metadata(result(1), context_type="Course", context_id="12", context_account_id=None),
    "a request somewhere": with_metadata(result(1), context_type=None),
    "a request to nothing": with_metadata(result(1), context_type=..., context_id="12", root_account_id="1"),
    "personal metadata": with_metadata(result(1), user_login="somebody", url="https://x.example/?a=b", real_user_id=None),
}

UNUSUAL: dict[str, Event | bytes] = {
    "Arabic digits": json.dumps(result(1, learning_outcome_id="\u0661"), ensure_ascii=False).encode(),
    "a superscript": json.dumps(result(1, learning_outcome_id="\u00b2"), ensure_ascii=False).encode(),
    "an escaped null character": result(1, user_uuid="\0"),
    "arrays in each other": nested("[", "]"),
    "objects in each other": nested('{"x":', "}"),
    "another name outside": written(result(1), '{"metadata"', '{"event_name": "learning_outcome_result_created", "metadata"'),
    "a name that nobody knows": with_metadata(result(1), event_name="heartbeat"),
    "the far future": event("course_created", at="2026-01-02T00:00:00.001Z"),
    "no time": with_metadata(result(1), event_time="2025-03-20"),
    "no tenant": with_metadata(result(1), root_account_uuid=""),
    "a tenant with a control character": with_metadata(result(1), root_account_uuid="a\x7f"),
    "a tenant without end": with_metadata(result(1), root_account_uuid="x" * 256),
    "an id without end": result(1, learning_outcome_id="9" * 19),
    "an id of zero": result(1, learning_outcome_id="0"),
    "an id with a sign": result(1, learning_outcome_id="+1"),
    "an id with a line": result(1, learning_outcome_id="1_0"),
    "a number without end": result(1, score=1e15 + 1),
    "a whole number without end": result(1, score=10**15 + 1),
    "an integer without end": result(1, attempt=2**31),
    "an integer with a fraction": result(1, attempt=1.0),
    "a text without end": result(1, user_uuid="x" * 256),
    "a number as a text": result(1, score="5"),
    "a time of the first day": result(1, assessed_at="0001-01-01T00:00:00Z"),
    "an offset": result(1, assessed_at="2025-03-20T15:04:05+01:00"),
    "an offset of hours": result(1, assessed_at="2025-03-20T15:04:05.1+01"),
    "nobody's": result(1, user_uuid=" "),
    "an unknown member": result(1, grade_level="5"),
    "a required null": result(1, created_at=None),
    "a state of null": result(1, workflow_state=None),
    "a member that is not stored, too large": event("submission_created", score=10**400),
    "a context as a number": with_metadata(result(1), context_type="Course", context_id=12),
    "an event of two": json.dumps([result(1), result(2)]).encode(),
    "an event in a text": {"Body": json.dumps(result(1))},
    "no event": b"",
}


@pytest.mark.parametrize("what", USUAL)
def test_the_common_shape_is_read_in_one_step(what: str) -> None:
    """To what the way for any shape makes of it."""
    assert common(USUAL[what]) is not None


@pytest.mark.parametrize("what", UNUSUAL)
def test_anything_unusual_is_left_to_the_way_for_any_shape(what: str) -> None:
    """What is valid, and why not, is said in one place."""
    assert common(UNUSUAL[what]) is None


@pytest.mark.parametrize(
    ("people", "name", "taken"),
    [
        ("off", "enrollment_created", False),
        ("off", "learning_outcome_result_created", True),
        ("ids", "user_created", True),
        ("names", "user_created", False),
        ("names", "enrollment_state_created", True),
    ],
)
def test_the_setting_about_people_holds_for_the_common_shape(people: People, name: str, *, taken: bool) -> None:
    """Whoever's names are to be stored, or nothing at all, goes the way for any shape."""
    assert (common(event(name, at=NOW), people) is not None) is taken


def test_whatever_is_changed_in_an_event_both_ways_agree() -> None:
    """A few hundred changes; `make fuzz` tries millions."""
    for seed in range(500):
        check_common(changed(seed))


def test_who_reads_the_code_can_see_what_reads_the_events() -> None:
    """The functions that are written from the models."""
    assert "score += 0.0" in source_of(TABLES["learning_outcome_result"])
