"""A believable institution: what happens in it, day by day, and the events that Canvas posts about it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from consumer.simulator.books import Books
from consumer.simulator.curriculum import COURSE_SCALE, DEFAULT_SCALE, METHODS, NEW_SCALE, SUBJECTS
from consumer.simulator.grading import Grading
from consumer.simulator.people import People
from consumer.simulator.posting import Canvas, Course, Event, second
from consumer.simulator.roster_changes import RosterChanges

OTHER_EVENTS = ("quiz_submitted", "course_completed", "discussion_entry_created", "group_membership_created", "logged_in")
ABOUT_PEOPLE = 0.15
"""Share of the events, at most, that tells who is enrolled. Others were enrolled before the institution subscribed."""
EVENTS_OF_A_STUDENT = 6
EVENTS_OF_AN_ACTION = 2.9


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


def institution(school: School, books: Books | None = None) -> Iterator[Event]:
    """All events, in the order of their `event_time` but for the small skew between Canvas' hosts.

    `books` receives what Canvas knows, also what it tells nobody.
    """
    tenants = [_Tenant(school, number, books) for number in range(school.tenants)]
    owed = float(school.events)
    for tenant in tenants:
        begun = list(tenant.setup())
        owed -= len(begun)
        yield from begun
    days = school.weeks * 5
    for day in range(days):
        count = int(owed / (days - day) / school.tenants)
        today = school.start + timedelta(days=7 * (day // 5) + day % 5)
        events = [event for tenant in tenants for event in tenant.day(today, day, days, count)]
        owed -= len(events)
        events.sort(key=lambda event: event.time)
        yield from events
    for tenant in tenants:
        yield from tenant.example_events(school.start + timedelta(weeks=school.weeks))


class _Tenant:
    """One institution, and what is going on in it."""

    def __init__(self, school: School, number: int, books: Books | None) -> None:
        self._school = school
        self._chance = random.Random(f"{school.seed}-{number}")
        self._canvas = Canvas(self._chance, 2107 + number, school.start, books)
        self._outcome_bodies: dict[int, dict[str, Any]] = {}
        self._accounts = {
            1: f"University {number + 1}",
            2: "School of Science",
            3: "School of Letters",
            4: "Department of Life Sciences",
        }
        self._courses: list[Course] = []
        self._people = People(self._canvas, self._chance)
        self._changes = RosterChanges(self._canvas, self._people, self._courses, self._chance)
        self._grading = Grading(self._canvas, self._courses, self._chance)
        self._enrolled = 0

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
        teacher, hired = self._people.new_user(at - timedelta(hours=1))
        yield from hired
        account = (4, 3, 2)[number % 3]
        name = f"{subject} {101 + number // len(SUBJECTS)}"
        course = Course(id_, self._canvas.random_name(40), account, name, teacher)
        self._courses.append(course)
        yield self._canvas.course_event(course, at, "created", "claimed")
        yield self._canvas.course_event(course, at + timedelta(hours=2), "updated", "available")
        yield from self._class(course, at + timedelta(hours=1))
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

    def _class(self, course: Course, at: datetime) -> Iterator[Event]:
        """Two sections, a teacher, and students who are invited and then accept.

        The last student never accepts, the last but one never gets a result, the third is in both sections.
        """
        yield from self._people.new_section(course, at, course.name, default=True)
        yield from self._people.new_section(course, at, f"{course.name}, evening")
        day, evening = course.sections
        at += timedelta(minutes=1)
        yield from self._people.enroll(course.teacher, course, at, day, "TeacherEnrollment")
        size = self._school.students
        for number in range(size):
            told = self._is_told()
            student, events = self._people.new_user(at, told=told)
            yield from events
            if size - 2 == number > 0:
                self._people.never_assess(student)
            state, section = "invited" if told else "active", evening if number % 4 == 3 else day
            yield from self._people.enroll(student, course, at + timedelta(seconds=1), section, state=state, told=told)
            if number == 2:
                yield from self._people.enroll(student, course, at + timedelta(seconds=1), evening, told=told)
            for one in self._people.of(student):
                if one.state == "invited" and (size == 1 or number < size - 1):
                    yield from self._people.change(one, at + timedelta(days=9), "active")

    def _is_told(self) -> bool:
        """Whether events tell of the next student: as many as there is room for."""
        school = self._school
        students = school.tenants * school.courses * school.students
        share = min(1.0, ABOUT_PEOPLE * school.events / (EVENTS_OF_A_STUDENT * students))
        self._enrolled += 1
        return int(self._enrolled * share) > int((self._enrolled - 1) * share)

    # -- a day --

    def day(self, today: datetime, day: int, days: int, count: int) -> list[Event]:
        """About `count` events between eight and five."""
        events = [event for pair in self._changes.merges for event in self._grading.merged(*pair, today, day / days)]
        self._changes.merges.clear()
        events += self._changes.of_day(today, day, days)
        events += self._planned(today, day, days)
        at, close = today, today + timedelta(hours=9)
        while len(events) < count:
            actions = max(2.0, (count - len(events)) / EVENTS_OF_AN_ACTION)
            at += timedelta(seconds=int((close - at).total_seconds() / actions * self._chance.uniform(0, 2)))
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
        """A result, a regrade, a deletion, a revival, a saved preference, or something that is not stored."""
        what = self._chance.random()
        if what < 0.40:
            return self._grading.graded(at, progress)
        if what < 0.50:
            return self._grading.quiz(at, progress)
        if what < 0.80:
            return self._grading.regraded(at, progress)
        if what < 0.84:
            return self._grading.replaced(at)
        if what < 0.88:
            return self._grading.revived(at)
        if what < 0.90:
            body = {"environment": "production", "region_code": "iad", "region": "us-east-1"}
            return [self._canvas.event("heartbeat", at, "", 0, body, job="x")]
        if what < 0.95 and self._people.known:
            return self._people.save_user(self._chance.choice(self._people.known), at)
        body = {"submission_id": str(self._canvas.next_id())}
        return [self._canvas.event(self._chance.choice(OTHER_EVENTS), at, "", 0, body, job="y")]
