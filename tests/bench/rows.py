"""The events that are measured: 1.2 kB results of 40,000 ids, as issue trackers of schools know them: regrades in disorder.

What differs from event to event in life differs here, so that remembering texts seen before flatters nobody: times are the
event's own, a result keeps its student, course, outcome and artifact, its score changes.
"""

import json
import random
import string
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.samples import Event, iso, payload

IDS = 40_000
STUDENTS = 10_000
COURSES = 500
OUTCOMES = 10
"""Outcomes of one course."""
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_LETTERS = string.ascii_letters + string.digits


def _uuid(chance: random.Random) -> str:
    return "".join(chance.choices(_LETTERS, k=40))


def _seconds(time: datetime) -> str:
    """As Canvas writes times in bodies."""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def _result(chance: random.Random, id_: int, students: list[str], courses: list[str]) -> dict[str, Any]:
    """What all events of a result say alike."""
    course = chance.randrange(COURSES)
    created = _BEGIN - timedelta(seconds=chance.randrange(3_000_000))
    possible = chance.choice((4, 5, 10, 20, 100))
    original = chance.randrange(2 * possible + 1) / 2
    return {
        "id": str(id_),
        "user_uuid": chance.choice(students),
        "result_context_id": str(course + 1),
        "result_context_uuid": courses[course],
        "learning_outcome_id": str(course * OUTCOMES + chance.randrange(OUTCOMES) + 1),
        "learning_outcome_context_uuid": courses[course],
        "created_at": _seconds(created),
        "artifact_id": str(chance.randrange(1, 10**7)),
        "artifact_created_at": _seconds(created),
        "associated_asset_id": str(course * 100 + chance.randrange(1, 100)),
        "possible": possible,
        "original_score": original,
        "original_possible": possible,
        "original_mastery": original >= 0.6 * possible,
    }


def events(
    count: int, seed: int = 1, *, begin: datetime = _BEGIN, known: Mapping[int, Mapping[str, Any]] | None = None
) -> Iterator[bytes]:
    """`count` result events of about 1.2 kB, the same for the same seed; their times lie in the 116 days from `begin` on.

    `known`: the ids to draw from, and what the bodies of each say whatever chance says.
    """
    chance = random.Random(seed)
    students = [_uuid(chance) for _ in range(STUDENTS)]
    courses = [_uuid(chance) for _ in range(COURSES)]
    event: Event = payload("learning_outcome_result_updated")
    told = known or {id_: {} for id_ in range(1, IDS)}
    results = [event["body"] | _result(chance, id_, students, courses) | said for id_, said in told.items()]
    for _ in range(count):
        time = begin + timedelta(milliseconds=chance.randrange(10**10))
        body = chance.choice(results)
        saved = _seconds(time - timedelta(milliseconds=chance.randrange(5, 50)))
        score = chance.randrange(2 * body["possible"] + 1) / 2
        body |= {
            "assessed_at": saved,
            "updated_at": saved,
            "artifact_updated_at": _seconds(time - timedelta(milliseconds=chance.randrange(50, 5_000))),
            "attempt": chance.randrange(1, 6),
            "score": score,
            "percent": score / body["possible"],
            "mastery": score >= 0.6 * body["possible"],
        }
        event["metadata"] |= {"event_time": iso(time), "job_id": str(chance.randrange(10**15, 10**16))}
        yield json.dumps(event | {"body": body}).encode()
