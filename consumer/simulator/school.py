"""A believable institution: what happens in it, day by day, and the events that Canvas posts about it."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from consumer.simulator.curriculum import COURSE_SCALE, DEFAULT_SCALE, METHODS, NEW_SCALE, SUBJECTS
from consumer.simulator.posting import Canvas, Course, Event, second

OTHER_EVENTS = ("quiz_submitted", "course_completed", "discussion_entry_created", "group_membership_created", "logged_in")


@dataclass(frozen=True, slots=True)
class School:
    """What to simulate."""

    seed: int = 1
    events: int = 10_000
    """About how many events in all."""
    tenants: int = 1
    courses: int = 6
    """Per tenant."""
    students: int = 20
    """Per course."""
    outcomes: int = 5
    """Per course."""
    weeks: int = 16
    start: datetime = datetime(2025, 1, 13, 8, tzinfo=UTC)

    def __post_init__(self) -> None:
        for name in ("events", "tenants", "courses", "students", "outcomes", "weeks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1")


@dataclass(slots=True)
class _Result:
    course: Course
    body: dict[str, Any]


def institution(school: School) -> Iterator[Event]:
    """All events, in the order of their `event_time` but for the small skew between Canvas' hosts."""
    tenants = [_Tenant(school, number) for number in range(school.tenants)]
    days = school.weeks * 5
    begun = sum(tenant.setup_size() for tenant in tenants)
    daily = max(1.0, (school.events - begun) / (days * school.tenants))
    for tenant in tenants:
        yield from tenant.setup()
    owed = 0.0
    for day in range(days):
        owed += daily
        count, owed = int(owed), owed - int(owed)
        today = school.start + timedelta(days=7 * (day // 5) + day % 5)
        events = [event for tenant in tenants for event in tenant.day(today, day, days, count)]
        events.sort(key=lambda event: event.time)
        yield from events
    for tenant in tenants:
        yield from tenant.example_events(school.start + timedelta(weeks=school.weeks))


class _Tenant:
    """One institution, and what is going on in it."""

    def __init__(self, school: School, number: int) -> None:
        self._school = school
        self._chance = random.Random(f"{school.seed}-{number}")
        self._canvas = Canvas(self._chance, 2107 + number, school.start)
        self._ability: dict[str, float] = {}
        self._recent: deque[_Result] = deque(maxlen=400)
        self._deleted: deque[_Result] = deque(maxlen=50)
        self._outcome_bodies: dict[int, dict[str, Any]] = {}
        self._accounts = {
            1: f"University {number + 1}",
            2: "School of Science",
            3: "School of Letters",
            4: "Department of Life Sciences",
        }
        self._courses: list[Course] = []

    def setup_size(self) -> int:
        """Events of `setup`, for counting."""
        school = self._school
        return len(self._accounts) + 6 + school.courses * (3 + 2 * school.outcomes)

    # -- the beginning of the year --

    def example_events(self, at: datetime) -> Iterator[Event]:
        """See `Canvas.example_events`."""
        return self._canvas.example_events(at)

    def setup(self) -> Iterator[Event]:
        """Accounts, scales, methods, courses, outcomes, groups, links."""
        at = self._school.start - timedelta(days=14)
        for id_, name in self._accounts.items():
            yield self._canvas.account_event(id_, name, {2: 1, 3: 1, 4: 2}.get(id_), at, "created")
        yield self._canvas.scale_event("Account", 1, DEFAULT_SCALE, at, "created")
        yield self._canvas.scale_event("Account", 2, DEFAULT_SCALE, at + timedelta(hours=1), "created")
        yield self._canvas.method_event("Account", 1, "highest", None, at, "created")
        yield self._canvas.method_event("Account", 2, "decaying_average", 65, at, "created")
        root = self._canvas.next_id()
        yield self._canvas.group_event(root, "Account", 1, self._accounts[1], None, at)
        for number in range(self._school.courses):
            yield from self._course(number, at + timedelta(days=1, minutes=number))
        first = self._courses[0]
        yield self._canvas.scale_event("Course", first.id, COURSE_SCALE, at + timedelta(days=2), "created")

    def _course(self, number: int, at: datetime) -> Iterator[Event]:
        subject, aims = SUBJECTS[number % len(SUBJECTS)]
        id_ = 500 + number
        students = [self._canvas.random_name(40) for _ in range(self._school.students)]
        for student in students:
            self._ability[student] = self._chance.uniform(0.25, 0.75)
        account = (4, 3, 2)[number % 3]
        course = Course(
            id_,
            self._canvas.random_name(40),
            account,
            f"{subject} {101 + number // len(SUBJECTS)}",
            [],
            students,
            self._canvas.next_id(),
        )
        self._courses.append(course)
        yield self._canvas.course_event(course, at, "created", "claimed")
        yield self._canvas.course_event(course, at + timedelta(hours=2), "updated", "available")
        group = self._canvas.next_id()
        yield self._canvas.group_event(group, "Course", id_, course.name, None, at + timedelta(hours=1))
        for index in range(self._school.outcomes):
            outcome, link = self._canvas.next_id(), self._canvas.next_id()
            course.outcomes.append(outcome)
            method, int_ = METHODS[(number * self._school.outcomes + index) % len(METHODS)]
            title = aims[index % len(aims)] + (f" {index // len(aims) + 1}" if index >= len(aims) else "")
            body = {
                "learning_outcome_id": str(outcome),
                "context_type": "Course",
                "context_id": str(id_),
                "context_uuid": course.uuid,
                "title": title,
                "short_description": title,
                "display_name": "",
                "description": f"<p>{title} in {subject.lower()}.</p>",
                "vendor_guid": f"{subject[:3].upper()}.{index + 1}",
                "calculation_method": method,
                "calculation_int": int_,
                "workflow_state": "active",
                "rubric_criterion": {
                    "description": title,
                    "mastery_points": 3.0,
                    "points_possible": 5.0,
                    "ratings": [
                        {"description": "Exceeds Expectations", "points": 5.0},
                        {"description": "Meets Expectations", "points": 3.0},
                        {"description": "Does Not Meet Expectations", "points": 0.0},
                    ],
                },
            }
            self._outcome_bodies[outcome] = body
            saved = at + timedelta(hours=3, minutes=index)
            yield self._canvas.event("learning_outcome_created", saved, "learning_outcome", outcome, body, course=course)
            linked = {
                "learning_outcome_link_id": str(link),
                "learning_outcome_id": str(outcome),
                "learning_outcome_context_uuid": course.uuid,
                "learning_outcome_group_id": str(group),
                "learning_outcome_group_context_uuid": course.uuid,
                "context_id": str(id_),
                "context_type": "Course",
                "workflow_state": "active",
            }
            yield self._canvas.event(
                "learning_outcome_link_created", saved, "learning_outcome_link", link, linked, course=course
            )

    # -- a day --

    def day(self, today: datetime, day: int, days: int, count: int) -> list[Event]:
        """About `count` events between eight and five."""
        events = list(self._planned(today, day, days))
        while len(events) < count:
            at = today + timedelta(seconds=self._chance.randrange(9 * 3600))
            events.extend(self._something(at, day / days))
        return events

    def _planned(self, today: datetime, day: int, days: int) -> Iterator[Event]:
        """What happens once: scales that change in mid-term, moves, deletions and revivals."""
        first, noon = self._courses[0], today + timedelta(hours=4)
        if day == days // 2:
            yield self._canvas.scale_event("Account", 2, NEW_SCALE, noon, "updated", touched=False)
            yield self._canvas.method_event("Account", 2, "n_mastery", 3, noon, "updated")
        if day == days // 3:
            yield self._canvas.scale_event("Course", first.id, COURSE_SCALE, noon, "updated", "deleted")
            yield self._canvas.account_event(4, self._accounts[4], 3, noon, "updated")
        if day == 2 * days // 3:
            yield self._canvas.scale_event("Course", first.id, COURSE_SCALE, noon, "updated")
            last = self._courses[-1]
            last.account = 2
            yield self._canvas.course_event(last, noon, "updated", "available")
            outcome = last.outcomes[-1]
            for hour, state in ((1, "archived"), (2, "active"), (3, "deleted")):
                saved = noon + timedelta(hours=hour)
                body = self._outcome_bodies[outcome] | {"workflow_state": state, "updated_at": second(saved)}
                yield self._canvas.event("learning_outcome_updated", saved, "learning_outcome", outcome, body, course=last)
        if day == days // 4:
            outcome, id_ = first.outcomes[0], self._canvas.next_id()
            body = {
                "outcome_friendly_description_id": str(id_),
                "context_type": "Course",
                "context_id": str(first.id),
                "description": "I can explain it to a friend.",
                "workflow_state": "active",
                "learning_outcome_id": str(outcome),
                "learning_outcome_context_uuid": first.uuid,
                "root_account_id": "1",
            }
            yield self._canvas.event(
                "outcome_friendly_description_created", noon, "outcome_friendly_description", id_, body, course=first
            )
            again = body | {"description": "I can show how it works.", "updated_at": second(noon + timedelta(days=1))}
            yield self._canvas.event(
                "outcome_friendly_description_updated",
                noon + timedelta(days=1),
                "outcome_friendly_description",
                id_,
                again,
                course=first,
            )
            group = self._canvas.next_id()
            yield self._canvas.group_event(group, "Course", first.id, "Unit 1", None, noon)
            moved = {
                "learning_outcome_group_id": str(group),
                "context_type": "Course",
                "context_id": str(first.id),
                "title": "Unit One",
                "workflow_state": "active",
                "updated_at": second(noon),
            }
            yield self._canvas.event(
                "learning_outcome_group_updated", noon + timedelta(hours=1), "learning_outcome_group", group, moved
            )
            link = self._canvas.next_id()
            body = {
                "learning_outcome_link_id": str(link),
                "learning_outcome_id": str(outcome),
                "learning_outcome_group_id": str(group),
                "context_id": str(first.id),
                "context_type": "Course",
                "workflow_state": "deleted",
                "updated_at": second(noon),
            }
            yield self._canvas.event("learning_outcome_link_updated", noon, "learning_outcome_link", link, body, course=first)

    def _something(self, at: datetime, progress: float) -> list[Event]:
        """A result, a regrade, a deletion, a revival, or something that is none of our business."""
        what = self._chance.random()
        if what < 0.62 or not self._recent:
            return self._graded(at, progress)
        if what < 0.72:
            return self._quiz(at, progress)
        if what < 0.90:
            return self._regraded(self._chance.choice(self._recent), at, progress)
        if what < 0.93:
            return self._replaced(at)
        if what < 0.95 and self._deleted:
            return [self._updated(self._deleted.popleft(), at, {"workflow_state": "active"})]
        if what < 0.97:
            return [
                self._canvas.event(
                    "heartbeat", at, "", 0, {"environment": "production", "region_code": "iad", "region": "us-east-1"}, job="x"
                )
            ]
        return [
            self._canvas.event(
                self._chance.choice(OTHER_EVENTS), at, "", 0, {"submission_id": str(self._canvas.next_id())}, job="y"
            )
        ]

    def _graded(self, at: datetime, progress: float) -> list[Event]:
        course = self._chance.choice(self._courses)
        student, outcome = self._chance.choice(course.students), self._chance.choice(course.outcomes)
        assessment, id_ = self._canvas.next_id(), self._canvas.next_id()
        score = float(self._points(student, progress, 5))
        submitted = at - timedelta(hours=self._chance.randrange(1, 72))
        assessed = {
            "id": str(assessment),
            "aligned_to_outcomes": True,
            "artifact_id": str(self._canvas.next_id()),
            "artifact_type": "Submission",
            "assessment_type": "grading",
            "context_uuid": course.uuid,
            "submitted_at": second(submitted),
            "created_at": second(at),
            "updated_at": second(at),
            "attempt": 1,
        }
        body = self._canvas.result_body(course, student, outcome, id_, at, score, 5.0) | {
            "mastery": score >= 3,
            "original_mastery": score >= 3,
            "artifact_type": "RubricAssessment",
            "artifact_id": str(assessment),
            "artifact_created_at": second(at),
            "artifact_updated_at": second(at),
            "associated_asset_type": "Assignment",
            "associated_asset_id": str(20_000 + outcome % 50),
        }
        self._recent.append(_Result(course, body))
        job = "RubricAssessment#update_outcomes_for_assessment"
        return [
            self._canvas.event("rubric_assessed", at, "rubric_assessment", assessment, assessed, job=job),
            self._canvas.event("learning_outcome_result_created", at, "learning_outcome_result", id_, body, job=job),
        ]

    def _quiz(self, at: datetime, progress: float) -> list[Event]:
        """Several banks of one quiz are aligned to one outcome: several results with the same quiz as asset."""
        course = self._chance.choice(self._courses)
        student, outcome, submission = (
            self._chance.choice(course.students),
            self._chance.choice(course.outcomes),
            self._canvas.next_id(),
        )
        events = []
        for possible in (4.0, 1.0, 2.0)[: self._chance.randrange(1, 4)]:
            id_ = self._canvas.next_id()
            score = float(self._points(student, progress, int(possible)))
            body = self._canvas.result_body(course, student, outcome, id_, at, score, possible) | {
                "artifact_type": "Quizzes::QuizSubmission",
                "artifact_id": str(submission),
                "artifact_created_at": second(at),
                "artifact_updated_at": second(at),
                "associated_asset_type": "Quizzes::Quiz",
                "associated_asset_id": str(course.quiz),
            }
            self._recent.append(_Result(course, body))
            events.append(
                self._canvas.event(
                    "learning_outcome_result_created",
                    at,
                    "learning_outcome_result",
                    id_,
                    body,
                    job="Quizzes::SubmissionGrader#update_outcomes",
                )
            )
        return events

    def _points(self, student: str, progress: float, possible: int) -> int:
        """Ability grows over the term; a day has its luck."""
        share = self._ability[student] + 0.3 * progress + self._chance.gauss(0, 0.15)
        return max(0, min(possible, round(share * possible)))

    def _regraded(self, result: _Result, at: datetime, progress: float) -> list[Event]:
        """A regrade or a retake updates the same row; sometimes twice within a second, sometimes it says nothing new."""
        body, luck = result.body, self._chance.random()
        if luck < 0.1:
            return [self._updated(result, at, {})]
        if luck < 0.15:
            return [self._updated(result, at, {"score": None})]  # percent keeps its value
        possible = body["possible"]
        events = []
        for _ in range(2 if luck < 0.3 else 1):
            score = float(self._points(body["user_uuid"], progress, int(possible)))
            change = {
                "score": score,
                "percent": score / possible,
                "assessed_at": second(at),
                "attempt": body["attempt"] + (luck > 0.7),
            }
            if "mastery" in body:
                change["mastery"] = score >= 3
            events.append(self._updated(result, at, change))
        return events

    def _updated(self, result: _Result, at: datetime, change: dict[str, Any]) -> Event:
        result.body = result.body | change | {"updated_at": second(at)}
        id_ = int(result.body["id"])
        return self._canvas.event(
            "learning_outcome_result_updated",
            at,
            "learning_outcome_result",
            id_,
            result.body,
            job="RubricAssessment#update_outcomes_for_assessment",
        )

    def _replaced(self, at: datetime) -> list[Event]:
        """Another rubric on an assignment deletes its results, each with an event of its own."""
        events = []
        for _ in range(min(len(self._recent), self._chance.randrange(1, 5))):
            result = self._recent.popleft()
            events.append(
                self._updated(
                    result, at, {"workflow_state": "deleted", "associated_asset_type": None, "associated_asset_id": None}
                )
            )
            self._deleted.append(result)
        return events
