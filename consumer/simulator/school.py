"""A believable institution: what happens in it, in the order in which it happens, as Canvas would tell it.

Bodies and metadata follow canvas-facts 1 and 3 member by member; what is told and what is not follows section 5.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SHARD = 10_000_000_000_000

_SUBJECTS = (
    (
        "Biology",
        (
            "Explain how cells work",
            "Plan a fair experiment",
            "Handle equipment safely",
            "Read a data table",
            "Describe an ecosystem",
        ),
    ),
    (
        "Mathematics",
        ("Compare fractions", "Solve linear equations", "Reason with proportions", "Prove a claim", "Read a graph"),
    ),
    ("English", ("Find the main idea", "Cite evidence", "Write an argument", "Edit for clarity", "Speak to an audience")),
    ("History", ("Weigh a source", "Place events in time", "Explain causes", "Compare societies", "Argue from documents")),
    ("Chemistry", ("Balance an equation", "Predict a reaction", "Measure precisely", "Keep a lab book", "Explain bonding")),
    ("Music", ("Read notation", "Keep a rhythm", "Listen critically", "Perform together", "Compose a phrase")),
)
_METHODS: tuple[tuple[str, int | None], ...] = (
    ("decaying_average", 65),
    ("highest", None),
    ("latest", None),
    ("average", None),
    ("n_mastery", 3),
    ("weighted_average", 80),
    ("standard_decaying_average", 65),
)
_DEFAULT_SCALE = (
    ("Exceeds Mastery", 4.0, "0374B5"),
    ("Mastery", 3.0, "0B874B"),
    ("Near Mastery", 2.0, "FAB901"),
    ("Below Mastery", 1.0, "D97900"),
    ("No Evidence", 0.0, "E0061F"),
)
_NEW_SCALE = (
    ("Advanced", 10.0, "0374B5"),
    ("Proficient", 7.0, "0B874B"),
    ("Developing", 4.0, "FAB901"),
    ("Beginning", 0.0, "E0061F"),
)
_COURSE_SCALE = (("Yes", 1.0, "0B874B"), ("Not yet", 0.0, "E0061F"))
_OTHERS = ("submission_updated", "quiz_submitted", "course_section_created", "enrollment_updated", "logged_in")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


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


@dataclass(slots=True)
class _Course:
    id: int
    uuid: str
    account: int
    name: str
    outcomes: list[int]
    students: list[str]
    quiz: int


@dataclass(slots=True)
class _Result:
    course: _Course
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
        told = [event for tenant in tenants for event in tenant.day(today, day, days, count)]
        told.sort(key=lambda event: event.time)
        yield from told


class _Tenant:
    """One institution, and what is going on in it."""

    def __init__(self, school: School, number: int) -> None:
        self._school = school
        self._chance = random.Random(f"{school.seed}-{number}")
        self._shard = 2107 + number
        self.uuid = self._name(40)
        self._ids = 100
        self._ability: dict[str, float] = {}
        self._recent: deque[_Result] = deque(maxlen=400)
        self._deleted: deque[_Result] = deque(maxlen=50)
        self._outcome_bodies: dict[int, dict[str, Any]] = {}
        self._scales: dict[tuple[str, int], dict[str, Any]] = {}
        self._accounts = {
            1: f"University {number + 1}",
            2: "School of Science",
            3: "School of Letters",
            4: "Department of Life Sciences",
        }
        self._courses: list[_Course] = []

    def setup_size(self) -> int:
        """Events of `setup`, for counting."""
        school = self._school
        return len(self._accounts) + 6 + school.courses * (3 + 2 * school.outcomes)

    def _name(self, length: int) -> str:
        return "".join(self._chance.choice(_ALPHABET) for _ in range(length))

    def _next_id(self) -> int:
        self._ids += self._chance.randrange(1, 4)
        return self._ids

    def _global(self, local: int) -> str:
        return str(self._shard * SHARD + local)

    # -- telling --

    def _tell(
        self,
        name: str,
        saved: datetime,
        kind: str,
        id_: int,
        body: dict[str, Any],
        *,
        job: str | None = None,
        course: _Course | None = None,
    ) -> Event:
        """`saved` is the row's time; the event is posted a little later, by a host with a clock of its own."""
        time = saved + timedelta(milliseconds=self._chance.randrange(5, 900))
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
        metadata: dict[str, Any] = {
            "event_name": name,
            "event_time": f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z",
            "producer": "canvas",
            "root_account_id": self._global(1),
            "root_account_uuid": self.uuid,
            "root_account_lti_guid": f"{self.uuid}.canvas.example.edu",
        }
        if job is not None:
            metadata |= {"job_id": str(102 * SHARD + self._chance.randrange(10**9)), "job_tag": job}
        else:
            login = f"teacher{self._chance.randrange(40)}"
            metadata |= {
                "user_id": self._global(5000),
                "user_login": f"{login}@example.edu",
                "user_sis_id": None,
                "user_account_id": self._global(1),
                "time_zone": "America/Denver",
                "context_type": "Course" if course else "Account",
                "context_id": self._global(course.id if course else 1),
                "context_account_id": self._global(course.account if course else 1),
                "context_sis_source_id": None,
                "request_id": self._name(16),
                "session_id": self._name(32),
                "hostname": "canvas.example.edu",
                "http_method": "POST",
                "user_agent": "Mozilla/5.0",
                "client_ip": "192.0.2.7",
                "url": f"https://canvas.example.edu/api/v1/x?access_token={self._name(20)}",
                "referrer": None,
            }
        return Event(name, time, kind, self.uuid, id_, metadata, {k: v for k, v in body.items() if v is not None})

    # -- the beginning of the year --

    def setup(self) -> Iterator[Event]:
        """Accounts, scales, methods, courses, outcomes, groups, links."""
        at = self._school.start - timedelta(days=14)
        for id_, name in self._accounts.items():
            yield self._account(id_, name, {2: 1, 3: 1, 4: 2}.get(id_), at, "created")
        yield self._scale("Account", 1, _DEFAULT_SCALE, at, "created")
        yield self._scale("Account", 2, _DEFAULT_SCALE, at + timedelta(hours=1), "created")
        yield self._method("Account", 1, "highest", None, at, "created")
        yield self._method("Account", 2, "decaying_average", 65, at, "created")
        root = self._next_id()
        yield self._group(root, "Account", 1, self._accounts[1], None, at)
        for number in range(self._school.courses):
            yield from self._course(number, at + timedelta(days=1, minutes=number))
        first = self._courses[0]
        yield self._scale("Course", first.id, _COURSE_SCALE, at + timedelta(days=2), "created")

    def _account(self, id_: int, name: str, parent: int | None, at: datetime, verb: str) -> Event:
        body = {
            "name": name,
            "account_id": self._global(id_),
            "root_account_id": self._global(1),
            "root_account_uuid": self.uuid,
            "parent_account_id": self._global(parent) if parent else None,
            "workflow_state": "active",
            "domain": "canvas.example.edu",
            "default_time_zone": "America/Denver",
        }
        return self._tell(f"account_{verb}", at, "account", id_, body)

    def _course(self, number: int, at: datetime) -> Iterator[Event]:
        subject, aims = _SUBJECTS[number % len(_SUBJECTS)]
        id_ = 500 + number
        students = [self._name(40) for _ in range(self._school.students)]
        for student in students:
            self._ability[student] = self._chance.uniform(0.25, 0.75)
        account = (4, 3, 2)[number % 3]
        course = _Course(
            id_, self._name(40), account, f"{subject} {101 + number // len(_SUBJECTS)}", [], students, self._next_id()
        )
        self._courses.append(course)
        yield self._course_event(course, at, "created", "claimed")
        yield self._course_event(course, at + timedelta(hours=2), "updated", "available")
        group = self._next_id()
        yield self._group(group, "Course", id_, course.name, None, at + timedelta(hours=1))
        for index in range(self._school.outcomes):
            outcome, link = self._next_id(), self._next_id()
            course.outcomes.append(outcome)
            method, int_ = _METHODS[(number * self._school.outcomes + index) % len(_METHODS)]
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
            yield self._tell("learning_outcome_created", saved, "learning_outcome", outcome, body, course=course)
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
            yield self._tell("learning_outcome_link_created", saved, "learning_outcome_link", link, linked, course=course)

    def _course_event(self, course: _Course, at: datetime, verb: str, state: str) -> Event:
        body = {
            "course_id": self._global(course.id),
            "account_id": self._global(course.account),
            "uuid": course.uuid,
            "account_uuid": "account-uuid-of-" + str(course.account),
            "name": course.name,
            "created_at": _second(self._school.start - timedelta(days=13)),
            "updated_at": _second(at),
            "workflow_state": state,
        }
        return self._tell(f"course_{verb}", at, "course", course.id, body, course=course)

    def _group(self, id_: int, context: str, context_id: int, title: str, parent: int | None, at: datetime) -> Event:
        body = {
            "learning_outcome_group_id": str(id_),
            "context_type": context,
            "context_id": str(context_id),
            "title": title,
            "parent_outcome_group_id": str(parent) if parent else None,
            "workflow_state": "active",
        }
        return self._tell("learning_outcome_group_created", at, "learning_outcome_group", id_, body)

    def _scale(
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
        """`touched` False: only ratings changed, so `updated_at` stays where it was (canvas-facts 6)."""
        before = self._scales.get((context, context_id))
        id_ = int(before["outcome_proficiency_id"]) if before else self._next_id()
        mastery = 1 if len(levels) > 2 else 0
        updated = _second(at) if touched or before is None else before["touched"]
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
        return self._tell(f"outcome_proficiency_{verb}", at, "outcome_proficiency", id_, body)

    def _method(self, context: str, context_id: int, method: str, int_: int | None, at: datetime, verb: str) -> Event:
        id_ = 10 + context_id
        body = {
            "outcome_calculation_method_id": str(id_),
            "context_type": context,
            "context_id": str(context_id),
            "workflow_state": "active",
            "calculation_method": method,
            "calculation_int": int_,
            "updated_at": _second(at) if verb == "updated" else None,
        }
        return self._tell(f"outcome_calculation_method_{verb}", at, "outcome_calculation_method", id_, body)

    # -- a day --

    def day(self, today: datetime, day: int, days: int, count: int) -> list[Event]:
        """About `count` events between eight and five."""
        told = list(self._planned(today, day, days))
        while len(told) < count:
            at = today + timedelta(seconds=self._chance.randrange(9 * 3600))
            told.extend(self._something(at, day / days))
        return told

    def _planned(self, today: datetime, day: int, days: int) -> Iterator[Event]:
        """What happens once: scales that change in mid-term, moves, deletions and revivals."""
        first, noon = self._courses[0], today + timedelta(hours=4)
        if day == days // 2:
            yield self._scale("Account", 2, _NEW_SCALE, noon, "updated", touched=False)
            yield self._method("Account", 2, "n_mastery", 3, noon, "updated")
        if day == days // 3:
            yield self._scale("Course", first.id, _COURSE_SCALE, noon, "updated", "deleted")
            yield self._account(4, self._accounts[4], 3, noon, "updated")
        if day == 2 * days // 3:
            yield self._scale("Course", first.id, _COURSE_SCALE, noon, "updated")
            last = self._courses[-1]
            last.account = 2
            yield self._course_event(last, noon, "updated", "available")
            outcome = last.outcomes[-1]
            for hour, state in ((1, "archived"), (2, "active"), (3, "deleted")):
                saved = noon + timedelta(hours=hour)
                body = self._outcome_bodies[outcome] | {"workflow_state": state, "updated_at": _second(saved)}
                yield self._tell("learning_outcome_updated", saved, "learning_outcome", outcome, body, course=last)
        if day == days // 4:
            outcome, id_ = first.outcomes[0], self._next_id()
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
            yield self._tell(
                "outcome_friendly_description_created", noon, "outcome_friendly_description", id_, body, course=first
            )
            again = body | {"description": "I can show how it works.", "updated_at": _second(noon + timedelta(days=1))}
            yield self._tell(
                "outcome_friendly_description_updated",
                noon + timedelta(days=1),
                "outcome_friendly_description",
                id_,
                again,
                course=first,
            )
            group = self._next_id()
            yield self._group(group, "Course", first.id, "Unit 1", None, noon)
            moved = {
                "learning_outcome_group_id": str(group),
                "context_type": "Course",
                "context_id": str(first.id),
                "title": "Unit One",
                "workflow_state": "active",
                "updated_at": _second(noon),
            }
            yield self._tell(
                "learning_outcome_group_updated", noon + timedelta(hours=1), "learning_outcome_group", group, moved
            )
            link = self._next_id()
            body = {
                "learning_outcome_link_id": str(link),
                "learning_outcome_id": str(outcome),
                "learning_outcome_group_id": str(group),
                "context_id": str(first.id),
                "context_type": "Course",
                "workflow_state": "deleted",
                "updated_at": _second(noon),
            }
            yield self._tell("learning_outcome_link_updated", noon, "learning_outcome_link", link, body, course=first)

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
                self._tell(
                    "heartbeat", at, "", 0, {"environment": "production", "region_code": "iad", "region": "us-east-1"}, job="x"
                )
            ]
        return [self._tell(self._chance.choice(_OTHERS), at, "", 0, {"submission_id": str(self._next_id())}, job="y")]

    def _graded(self, at: datetime, progress: float) -> list[Event]:
        course = self._chance.choice(self._courses)
        student, outcome = self._chance.choice(course.students), self._chance.choice(course.outcomes)
        assessment, id_ = self._next_id(), self._next_id()
        score = float(self._points(student, progress, 5))
        submitted = at - timedelta(hours=self._chance.randrange(1, 72))
        assessed = {
            "id": str(assessment),
            "aligned_to_outcomes": True,
            "artifact_id": str(self._next_id()),
            "artifact_type": "Submission",
            "assessment_type": "grading",
            "context_uuid": course.uuid,
            "submitted_at": _second(submitted),
            "created_at": _second(at),
            "updated_at": _second(at),
            "attempt": 1,
        }
        body = self._result(course, student, outcome, id_, at, score, 5.0) | {
            "mastery": score >= 3,
            "original_mastery": score >= 3,
            "artifact_type": "RubricAssessment",
            "artifact_id": str(assessment),
            "artifact_created_at": _second(at),
            "artifact_updated_at": _second(at),
            "associated_asset_type": "Assignment",
            "associated_asset_id": str(20_000 + outcome % 50),
        }
        self._recent.append(_Result(course, body))
        job = "RubricAssessment#update_outcomes_for_assessment"
        return [
            self._tell("rubric_assessed", at, "rubric_assessment", assessment, assessed, job=job),
            self._tell("learning_outcome_result_created", at, "learning_outcome_result", id_, body, job=job),
        ]

    def _quiz(self, at: datetime, progress: float) -> list[Event]:
        """Several banks of one quiz are aligned to one outcome: several results with the same quiz as asset."""
        course = self._chance.choice(self._courses)
        student, outcome, submission = (
            self._chance.choice(course.students),
            self._chance.choice(course.outcomes),
            self._next_id(),
        )
        told = []
        for possible in (4.0, 1.0, 2.0)[: self._chance.randrange(1, 4)]:
            id_ = self._next_id()
            score = float(self._points(student, progress, int(possible)))
            body = self._result(course, student, outcome, id_, at, score, possible) | {
                "artifact_type": "Quizzes::QuizSubmission",
                "artifact_id": str(submission),
                "artifact_created_at": _second(at),
                "artifact_updated_at": _second(at),
                "associated_asset_type": "Quizzes::Quiz",
                "associated_asset_id": str(course.quiz),
            }
            self._recent.append(_Result(course, body))
            told.append(
                self._tell(
                    "learning_outcome_result_created",
                    at,
                    "learning_outcome_result",
                    id_,
                    body,
                    job="Quizzes::SubmissionGrader#update_outcomes",
                )
            )
        return told

    def _result(
        self, course: _Course, student: str, outcome: int, id_: int, at: datetime, score: float, possible: float
    ) -> dict[str, Any]:
        return {
            "id": str(id_),
            "learning_outcome_id": str(outcome),
            "learning_outcome_context_uuid": course.uuid,
            "result_context_id": str(course.id),
            "result_context_type": "Course",
            "result_context_uuid": course.uuid,
            "user_uuid": student,
            "score": score,
            "possible": possible,
            "percent": score / possible,
            "original_score": score,
            "original_possible": possible,
            "attempt": 1,
            "assessed_at": _second(at),
            "created_at": _second(at),
            "workflow_state": "active",
        }

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
            return [self._updated(result, at, {"score": None})]  # percent keeps its value (canvas-facts 7.3)
        possible = body["possible"]
        told = []
        for _ in range(2 if luck < 0.3 else 1):
            score = float(self._points(body["user_uuid"], progress, int(possible)))
            change = {
                "score": score,
                "percent": score / possible,
                "assessed_at": _second(at),
                "attempt": body["attempt"] + (luck > 0.7),
            }
            if "mastery" in body:
                change["mastery"] = score >= 3
            told.append(self._updated(result, at, change))
        return told

    def _updated(self, result: _Result, at: datetime, change: dict[str, Any]) -> Event:
        result.body = result.body | change | {"updated_at": _second(at)}
        id_ = int(result.body["id"])
        return self._tell(
            "learning_outcome_result_updated",
            at,
            "learning_outcome_result",
            id_,
            result.body,
            job="RubricAssessment#update_outcomes_for_assessment",
        )

    def _replaced(self, at: datetime) -> list[Event]:
        """Another rubric on an assignment deletes its results, each with an event of its own."""
        told = []
        for _ in range(min(len(self._recent), self._chance.randrange(1, 5))):
            result = self._recent.popleft()
            told.append(
                self._updated(
                    result, at, {"workflow_state": "deleted", "associated_asset_type": None, "associated_asset_id": None}
                )
            )
            self._deleted.append(result)
        return told


def _second(at: datetime) -> str:
    """As Canvas writes times in bodies: whole seconds."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
