"""Events as Canvas posts them: their metadata, and the bodies of each kind."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from consumer.simulator.books import Books, Entry
from schemas.base import SHARD, local_id
from schemas.columns import id_of
from schemas.events import EVENTS, MODELS
from schemas.publish import example

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as Canvas tells it."""

    name: str
    time: datetime
    """`event_time`, whole milliseconds."""
    kind: str
    """Table of the object; empty for events of other names."""
    root_account_uuid: str
    id: int
    """Local id; 0 where there is no object."""
    metadata: dict[str, Any]
    body: dict[str, Any]


@dataclass(slots=True, eq=False)
class User:
    """A user of Canvas."""

    id: int
    uuid: str | None
    """None: Canvas gave it to another user."""
    name: str
    login: str | None
    sis_id: str | None
    created: datetime
    state: str = "registered"
    merged_into: int | None = None
    """Only REST tells."""


@dataclass(slots=True, eq=False)
class Assignment:
    """An assignment, or a quiz and the assignment that stands for it."""

    id: int
    title: str
    outcomes: list[int]
    """What it measures."""
    quiz: int | None
    due: datetime
    state: str = "unpublished"


@dataclass(slots=True, eq=False)
class Course:
    """A course, and who and what is in it."""

    id: int
    uuid: str
    account: int
    name: str
    teacher: User
    sections: list[int] = field(default_factory=list)
    students: list[User] = field(default_factory=list)
    """Who can be assessed today."""
    outcomes: list[int] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)


class Canvas:
    """One institution's Canvas: gives ids and posts events."""

    def __init__(self, chance: random.Random, shard: int, start: datetime, books: Books | None) -> None:
        self._chance = chance
        self._books = books
        self._shard = shard
        self._start = start
        self.uuid = self.random_name(40)
        self._ids = 100
        self._scales: dict[tuple[str, int], dict[str, Any]] = {}
        self.kinds = set[str]()
        """Kinds of objects that it has posted an event about."""

    def random_name(self, length: int) -> str:
        """A random word, as Canvas makes uuids and sessions."""
        return "".join(self._chance.choice(_ALPHABET) for _ in range(length))

    def next_id(self) -> int:
        """A local id above all before it."""
        self._ids += self._chance.randrange(1, 4)
        return self._ids

    def global_id(self, local: int) -> str:
        """The global id of a local one."""
        return str(self._shard * SHARD + local)

    def event(
        self,
        name: str,
        saved: datetime,
        kind: str,
        id_: int,
        body: dict[str, Any],
        *,
        job: str | None = None,
        course: Course | None = None,
        by: User | None = None,
        hidden: dict[str, Any] | None = None,
    ) -> Event:
        """`saved` is the row's time; the event is posted a little later, by a host with a clock of its own.

        `by`: who asked, else the course's teacher or an administrator. `hidden`: members that only REST shows.
        """
        time = saved + timedelta(milliseconds=self._chance.randrange(5, 900))
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
        metadata: dict[str, Any] = {
            "event_name": name,
            "event_time": f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z",
            "producer": "canvas",
            "root_account_id": self.global_id(1),
            "root_account_uuid": self.uuid,
            "root_account_lti_guid": f"{self.uuid}.canvas.example.edu",
        }
        if job is not None:
            metadata |= {"job_id": str(102 * SHARD + self._chance.randrange(10**9)), "job_tag": job}
        else:
            who = by or (course.teacher if course else None)
            metadata |= {
                "user_id": self.global_id(who.id if who else 99),
                "user_login": who.login if who else "administrator@example.edu",
                "user_sis_id": who.sis_id if who else None,
                "user_account_id": self.global_id(1),
                "time_zone": "America/Denver",
                "context_type": "Course" if course else "Account",
                "context_id": self.global_id(course.id if course else 1),
                "context_account_id": self.global_id(course.account if course else 1),
                "context_sis_source_id": None,
                "request_id": self.random_name(16),
                "session_id": self.random_name(32),
                "hostname": "canvas.example.edu",
                "http_method": "POST",
                "user_agent": "Mozilla/5.0",
                "client_ip": "192.0.2.7",
                "url": f"https://canvas.example.edu/api/v1/x?access_token={self.random_name(20)}",
                "referrer": None,
            }
        self.kinds.add(kind)
        event = Event(name, time, kind, self.uuid, id_, metadata, {k: v for k, v in body.items() if v is not None})
        if kind:
            self.save_silently(kind, id_, time, event.body | (hidden or {}), name)
        return event

    def save_silently(self, kind: str, id_: int, time: datetime, row: dict[str, Any], event: str | None = None) -> None:
        """Changes an object in Canvas' own books. `event`: the one that tells it, if any."""
        if self._books is not None:
            self._books.save(self.uuid, kind, id_, Entry(time, row, event))

    def example_events(self, at: datetime) -> Iterator[Event]:
        """The published example of every event of a kind that has not been posted: so a new kind is simulated at once."""
        missing = MODELS.keys() - self.kinds
        for name, model in EVENTS.items():
            if model.kind in missing:
                body = example(name)["body"]
                yield self.event(name, at, str(model.kind), local_id(int(body[id_of(model)])), body)

    def account_event(self, id_: int, name: str, parent: int | None, at: datetime, verb: str) -> Event:
        """An account was created or updated."""
        body = {
            "name": name,
            "account_id": self.global_id(id_),
            "root_account_id": self.global_id(1),
            "root_account_uuid": self.uuid,
            "parent_account_id": self.global_id(parent) if parent else None,
            "workflow_state": "active",
            "domain": "canvas.example.edu",
            "default_time_zone": "America/Denver",
        }
        return self.event(f"account_{verb}", at, "account", id_, body)

    def course_event(self, course: Course, at: datetime, verb: str, state: str) -> Event:
        """A course was created or updated."""
        body = {
            "course_id": self.global_id(course.id),
            "account_id": self.global_id(course.account),
            "uuid": course.uuid,
            "account_uuid": "account-uuid-of-" + str(course.account),
            "name": course.name,
            "created_at": second(self._start - timedelta(days=13)),
            "updated_at": second(at),
            "workflow_state": state,
        }
        return self.event(f"course_{verb}", at, "course", course.id, body, course=course)

    def assignment_event(self, assignment: Assignment, course: Course, at: datetime, verb: str) -> Event:
        """An assignment was created or updated."""
        body = {
            "assignment_id": self.global_id(assignment.id),
            "assignment_group_id": self.global_id(course.id),
            "context_id": self.global_id(course.id),
            "context_type": "Course",
            "context_uuid": course.uuid,
            "title": assignment.title,
            "description": f"<p>{assignment.title} of {course.name}.</p>",
            "due_at": second(assignment.due),
            "points_possible": 5.0,
            "submission_types": "online_quiz" if assignment.quiz else "online_text_entry",
            "workflow_state": assignment.state,
            "updated_at": second(at),
            "anonymous_grading": False,
            "created_on_blueprint_sync": False,
        }
        hidden = {"quiz_id": assignment.quiz, "aligned": assignment.outcomes}
        return self.event(f"assignment_{verb}", at, "assignment", assignment.id, body, course=course, hidden=hidden)

    def group_event(self, id_: int, context: str, context_id: int, title: str, parent: int | None, at: datetime) -> Event:
        """A group was created."""
        body = {
            "learning_outcome_group_id": str(id_),
            "context_type": context,
            "context_id": str(context_id),
            "title": title,
            "parent_outcome_group_id": str(parent) if parent else None,
            "workflow_state": "active",
        }
        return self.event("learning_outcome_group_created", at, "learning_outcome_group", id_, body)

    def scale_event(
        self,
        context: str,
        context_id: int,
        levels: tuple[tuple[str, float, str], ...],
        at: datetime,
        verb: str,
        state: str = "active",
        *,
        touched: bool = True,
    ) -> Event:
        """`touched` False: only ratings changed, so `updated_at` stays where it was."""
        before = self._scales.get((context, context_id))
        id_ = int(before["outcome_proficiency_id"]) if before else self.next_id()
        mastery = 1 if len(levels) > 2 else 0
        updated = second(at) if touched or before is None else before["touched"]
        body = {
            "outcome_proficiency_id": str(id_),
            "context_type": context,
            "context_id": str(context_id),
            "workflow_state": state,
            "outcome_proficiency_ratings": [
                {
                    "outcome_proficiency_rating_id": str(id_ * 10 + place),
                    "description": description,
                    "points": points,
                    "mastery": place == mastery,
                    "color": color,
                    "workflow_state": state,
                }
                for place, (description, points, color) in enumerate(levels)
            ],
            "updated_at": updated if verb == "updated" else None,
        }
        self._scales[context, context_id] = {"outcome_proficiency_id": str(id_), "touched": updated}
        return self.event(f"outcome_proficiency_{verb}", at, "outcome_proficiency", id_, body)

    def method_event(self, context: str, context_id: int, method: str, int_: int | None, at: datetime, verb: str) -> Event:
        """A calculation method was created or updated."""
        id_ = 10 + context_id
        body = {
            "outcome_calculation_method_id": str(id_),
            "context_type": context,
            "context_id": str(context_id),
            "workflow_state": "active",
            "calculation_method": method,
            "calculation_int": int_,
            "updated_at": second(at) if verb == "updated" else None,
        }
        return self.event(f"outcome_calculation_method_{verb}", at, "outcome_calculation_method", id_, body)

    def result_body(
        self, course: Course, student: User, outcome: int, id_: int, at: datetime, score: float, possible: float
    ) -> dict[str, Any]:
        """The members that every result has."""
        return {
            "id": str(id_),
            "learning_outcome_id": str(outcome),
            "learning_outcome_context_uuid": course.uuid,
            "result_context_id": str(course.id),
            "result_context_type": "Course",
            "result_context_uuid": course.uuid,
            "user_uuid": student.uuid,
            "score": score,
            "possible": possible,
            "percent": score / possible,
            "original_score": score,
            "original_possible": possible,
            "attempt": 1,
            "assessed_at": second(at),
            "created_at": second(at),
            "workflow_state": "active",
        }


def second(at: datetime) -> str:
    """As Canvas writes times in bodies: whole seconds."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
