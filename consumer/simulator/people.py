"""Who is in an institution and in its courses, and the events that Canvas posts about them."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from consumer.simulator import names
from consumer.simulator.books import STUDENTS
from consumer.simulator.posting import Canvas, Course, Event, User, second

IMPORT = "SisBatch.process_all_for_account"
"""Canvas' job for SIS imports."""
TEST_STUDENT = "Test Student"


@dataclass(slots=True, eq=False)
class Section:
    """A section of a course."""

    id: int
    name: str
    course: Course
    home: Course
    """Where it was made; another one than `course` while it is cross-listed."""
    default: bool


@dataclass(slots=True, eq=False)
class Enrollment:
    """A user in a section."""

    id: int
    user: User
    course: Course
    section: Section
    type: str
    created: datetime
    state: str
    observed: User | None = None


class People:
    """Users, sections and enrolments of an institution.

    Methods that change something return the events about it. `told` False: Canvas has no event, as for what happened before the
    institution subscribed.
    """

    def __init__(self, canvas: Canvas, chance: random.Random) -> None:
        self._canvas = canvas
        self._chance = chance
        self._enrollments: list[Enrollment] = []
        self._sections: dict[int, Section] = {}
        self._idle = set[int]()
        self.known: list[User] = []
        """Users of whom events have told."""

    # -- users --

    def new_user(self, at: datetime, name: str | None = None, *, told: bool = True) -> tuple[User, list[Event]]:
        """A user; one whose name is given has neither login nor SIS id."""
        id_, uuid = self._canvas.next_id(), self._canvas.random_name(40)
        if name is None:
            name = names.person(self._chance)
            user = User(id_, uuid, name, names.login(name, id_), f"SIS{id_:06}", at)
        else:
            user = User(id_, uuid, name, None, None, at)
        if told:
            self.known.append(user)
        return user, self.save_user(user, at, "created", told=told)

    def save_user(self, user: User, at: datetime, verb: str = "updated", *, told: bool = True) -> list[Event]:
        """Canvas saves a user; often nothing has changed, as when a preference was saved."""
        body: dict[str, Any] = {
            "user_id": self._canvas.global_id(user.id),
            "uuid": user.uuid,
            "name": user.name,
            "short_name": user.name,
            "workflow_state": user.state,
            "created_at": second(user.created),
            "updated_at": second(at),
            "user_login": user.login,
            "user_sis_id": user.sis_id,
        }
        hidden = {"sortable_name": names.sortable(user.name), "merged_into_user_id": user.merged_into}
        if not told:
            self._canvas.save_silently("canvas_user", user.id, at, body | hidden)
            return []
        return [self._canvas.event(f"user_{verb}", at, "canvas_user", user.id, body, by=user, hidden=hidden)]

    def forget(self, user: User) -> None:
        """A user is gone: nothing more is told."""
        self.known = [one for one in self.known if one is not user]

    def never_assess(self, user: User) -> None:
        """From now on nobody grades anything of this student's."""
        self._idle.add(user.id)

    # -- sections --

    def new_section(self, course: Course, at: datetime, name: str, *, default: bool = False) -> list[Event]:
        """A section of a course."""
        section = Section(self._canvas.next_id(), name, course, course, default)
        self._sections[section.id] = section
        course.sections.append(section.id)
        return [self._section_event(section, at, "created")]

    def _section_event(self, section: Section, at: datetime, verb: str) -> Event:
        body = {
            "course_section_id": str(section.id),
            "course_id": str(section.course.id),
            "root_account_id": "1",
            "name": section.name,
            "default_section": section.default,
            "sis_source_id": f"SECTION-{section.id}",
            "workflow_state": "active",
            "restrict_enrollments_to_section_dates": False,
            "nonxlist_course_id": str(section.home.id) if section.home is not section.course else None,
            "stuck_sis_fields": [],
        }
        name = f"course_section_{verb}"
        return self._canvas.event(name, at, "course_section", section.id, body, course=section.course)

    def cross_list(self, section_id: int, course: Course, at: datetime) -> list[Event]:
        """A section moves to another course, its enrolments with it. Only one of them, a straggler, has an event of its own."""
        section = self._sections[section_id]
        before, section.course = section.course, course
        before.sections.remove(section_id)
        course.sections.append(section_id)
        events = [self._section_event(section, at, "updated")]
        moved = [one for one in self._enrollments if one.section is section]
        for one in moved:
            one.course = course
            self._canvas.save_silently("enrollment", one.id, at, self._row(one, at), events[0].name)
        alive = [one for one in moved if one.state != "deleted"]
        events += [self.save_enrollment(one, at + timedelta(seconds=4)) for one in alive[:1]]
        self._refresh(before, course)
        return events

    # -- enrolments --

    def of(self, user: User, course: Course | None = None) -> list[Enrollment]:
        """Enrolments of a user, in a course or everywhere, that are not deleted."""
        return [
            one
            for one in self._enrollments
            if one.user is user and one.state != "deleted" and (course is None or one.course is course)
        ]

    def in_course(self, course: Course) -> list[Enrollment]:
        """Enrolments in a course that are not deleted."""
        return [one for one in self._enrollments if one.course is course and one.state != "deleted"]

    def enroll(
        self,
        user: User,
        course: Course,
        at: datetime,
        section_id: int,
        type_: str = "StudentEnrollment",
        state: str = "active",
        *,
        told: bool = True,
        observed: User | None = None,
    ) -> list[Event]:
        """A user joins a section."""
        section = self._sections[section_id]
        one = Enrollment(self._canvas.next_id(), user, course, section, type_, at, state, observed)
        self._enrollments.append(one)
        self._refresh(course)
        if not told:
            self._canvas.save_silently("enrollment", one.id, at, self._row(one, at))
            self._canvas.save_silently("enrollment_state", one.id, at, self._state_row(one, at, state))
            return []
        return [self.save_enrollment(one, at, "created"), self.save_state(one, at, state, "created")]

    def change(self, one: Enrollment, at: datetime, state: str, *, told: bool = True) -> list[Event]:
        """An enrolment changes its state. Untold: in bulk, as SIS imports delete."""
        one.state = state
        self._refresh(one.course)
        if not told:
            self._canvas.save_silently("enrollment", one.id, at, self._row(one, at))
            self._canvas.save_silently("enrollment_state", one.id, at, self._state_row(one, at, state))
            return []
        return [self.save_enrollment(one, at), self.save_state(one, at + timedelta(seconds=1), state)]

    def give(self, one: Enrollment, user: User, at: datetime) -> None:
        """An enrolment becomes another user's, as merges do it: in bulk."""
        one.user = user
        self._canvas.save_silently("enrollment", one.id, at, self._row(one, at))
        self._refresh(one.course)

    def save_enrollment(self, one: Enrollment, at: datetime, verb: str = "updated") -> Event:
        """Canvas saves an enrolment."""
        job = IMPORT if verb == "created" else None
        return self._canvas.event(
            f"enrollment_{verb}", at, "enrollment", one.id, self._row(one, at), job=job, course=one.course
        )

    def save_state(self, one: Enrollment, at: datetime, state: str, verb: str = "updated") -> Event:
        """The state that results from dates."""
        job = "EnrollmentState.process_states_in_ranges"
        row = self._state_row(one, at, state)
        return self._canvas.event(f"enrollment_state_{verb}", at, "enrollment_state", one.id, row, job=job)

    def _state_row(self, one: Enrollment, at: datetime, state: str) -> dict[str, Any]:
        return {
            "enrollment_id": self._canvas.global_id(one.id),
            "state": state,
            "state_started_at": second(at),
            "state_is_current": True,
            "restricted_access": state in ("completed", "inactive", "deleted"),
            "access_is_current": True,
        }

    def _row(self, one: Enrollment, at: datetime) -> dict[str, Any]:
        row = {
            "enrollment_id": self._canvas.global_id(one.id),
            "course_id": self._canvas.global_id(one.course.id),
            "course_uuid": one.course.uuid,
            "user_id": self._canvas.global_id(one.user.id),
            "user_uuid": one.user.uuid,
            "user_name": one.user.name,
            "type": one.type,
            "created_at": second(one.created),
            "updated_at": second(at),
            "limit_privileges_to_course_section": False,
            "course_section_id": self._canvas.global_id(one.section.id),
            "workflow_state": one.state,
        }
        return row | ({"associated_user_id": self._canvas.global_id(one.observed.id)} if one.observed else {})

    def _refresh(self, *courses: Course) -> None:
        """Whom teachers can assess in these courses."""
        for course in courses:
            active = [one.user for one in self.in_course(course) if one.type in STUDENTS and one.state == "active"]
            course.students = [user for user in dict.fromkeys(active) if user.id not in self._idle]
