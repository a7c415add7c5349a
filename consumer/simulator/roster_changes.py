"""What happens to rosters in a term: drops, SIS imports, cross-listing, merges of users. Mornings, before anybody is graded."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from consumer.simulator import names
from consumer.simulator.people import IMPORT, TEST_STUDENT, Enrollment, People
from consumer.simulator.posting import Canvas, Course, Event, User

SPARED = 4
"""A course keeps this many students, so that there is something to grade."""


class RosterChanges:
    """Plans the changes over the days of a term, and makes them."""

    def __init__(self, canvas: Canvas, people: People, courses: list[Course], chance: random.Random) -> None:
        self._canvas = canvas
        self._people = people
        self._courses = courses
        self._chance = chance
        self._away: list[Enrollment] = []
        self._touched = set[int]()
        """Users to whom something has happened: nothing else will, so that each case stands alone."""
        self.merges: list[tuple[User, User]] = []
        """From, into: those after which nothing has been assessed yet."""

    def of_day(self, today: datetime, day: int, days: int) -> Iterator[Event]:
        """The changes of a day."""
        plan: tuple[tuple[float, Callable[[datetime], Iterator[Event]]], ...] = (
            (0.05, self._student_view),
            (0.12, self._late_arrivals),
            (0.16, self._drops),
            (0.20, self._import_that_deletes),
            (0.25, self._other_section),
            (0.40, self._cross_listing),
            (0.45, self._merge_of_uuids),
            (0.50, self._return),
            (0.55, self._merges_with_past_uuids),
            (0.60, self._failed_import),
            (0.65, self._leaver),
            (0.70, self._paused),
            (0.75, self._new_name),
        )
        at = today - timedelta(hours=2)
        for share, change in plan:
            if day == int(share * days):
                yield from change(at)
                at += timedelta(minutes=5)
        if day == days - 1:
            yield from self._end(today + timedelta(hours=10))

    def _spare(self, course: Course) -> User | None:
        """A student of one section to whom something may happen."""
        free = [user for user in course.students if user.id not in self._touched and user.name != TEST_STUDENT]
        free = [user for user in free if len(self._people.of(user)) == 1]
        if len(course.students) <= SPARED or not free:
            return None
        found = self._chance.choice(free)
        self._touched.add(found.id)
        return found

    def _spares(self, courses: list[Course]) -> Iterator[tuple[Course, User]]:
        for course in courses:
            if (user := self._spare(course)) is not None:
                yield course, user

    def _student_view(self, at: datetime) -> Iterator[Event]:
        """Teachers look at their course as a student: Canvas makes the test student of the course."""
        for course in self._courses[::2]:
            user, events = self._people.new_user(at, TEST_STUDENT)
            yield from events
            yield from self._people.enroll(user, course, at + timedelta(seconds=1), course.sections[0], "StudentViewEnrollment")

    def _late_arrivals(self, at: datetime) -> Iterator[Event]:
        for course in self._courses:
            user, events = self._people.new_user(at)
            yield from events
            yield from self._people.enroll(user, course, at + timedelta(seconds=1), course.sections[0])

    def _drops(self, at: datetime) -> Iterator[Event]:
        for _, user in self._spares(self._courses):
            for one in self._people.of(user):
                yield from self._people.change(one, at, "deleted")
                self._away.append(one)

    def _return(self, at: datetime) -> Iterator[Event]:
        """One who dropped the course comes back, to the same enrolment."""
        for one in self._away[:1]:
            yield from self._people.change(one, at, "active")

    def _import(self, at: datetime, *states: str) -> Iterator[Event]:
        id_ = self._canvas.next_id()
        for number, state in enumerate(("created", "importing", *states)):
            body = {"sis_batch_id": str(id_), "account_id": "1", "workflow_state": state}
            name = "sis_batch_updated" if number else "sis_batch_created"
            yield self._canvas.event(name, at + timedelta(minutes=2 * number), "sis_batch", id_, body, job=IMPORT)

    def _import_that_deletes(self, at: datetime) -> Iterator[Event]:
        """Enrolments that an import deletes have no event; those that it adds have."""
        yield from self._import(at, "imported")
        for course, user in self._spares(self._courses):
            for one in self._people.of(user):
                self._people.change(one, at + timedelta(minutes=3), "deleted", told=False)
            if course is self._courses[0]:
                newcomer, events = self._people.new_user(at + timedelta(minutes=3))
                yield from events
                yield from self._people.enroll(newcomer, course, at + timedelta(minutes=3, seconds=1), course.sections[-1])

    def _failed_import(self, at: datetime) -> Iterator[Event]:
        yield from self._import(at, "failed")
        yield from self._import(at + timedelta(hours=1), "imported_with_messages")

    def _other_section(self, at: datetime) -> Iterator[Event]:
        """A student changes from one section to the other."""
        for course, user in self._spares(self._courses[::3]):
            for one in self._people.of(user):
                yield from self._people.change(one, at, "deleted")
            yield from self._people.enroll(user, course, at + timedelta(seconds=2), course.sections[-1])

    def _cross_listing(self, at: datetime) -> Iterator[Event]:
        if len(self._courses) > 1:
            first, second = self._courses[:2]
            yield from self._people.cross_list(first.sections[-1], second, at)

    def _merge(self, source: User, target: User, at: datetime, *, uuid_moves: bool) -> Iterator[Event]:
        """`source` goes into `target`. Results stay the source's; enrolments move without an event, but where both have one."""
        past = source.uuid
        places = [(one.course, one.section) for one in self._people.of(target)]
        for one in self._people.of(source):
            course = one.course
            if (course, one.section) in places:
                yield from self._people.change(one, at, "deleted")
            else:
                self._people.give(one, target, at)
            if not uuid_moves:
                row = {"course_id": course.id, "user_id": target.id, "user_uuid": past}
                self._canvas.save_silently("user_past_uuid", self._canvas.next_id(), at, row)
        if uuid_moves:
            source.uuid, target.uuid = None, past
            yield from self._people.save_user(source, at + timedelta(seconds=3))
            yield from self._people.save_user(target, at + timedelta(seconds=5))
        source.state, source.merged_into = "deleted", target.id
        yield from self._people.save_user(source, at + timedelta(seconds=8))
        self._touched |= {source.id, target.id}
        self._people.forget(source)
        self.merges.append((source, target))

    def _merge_of_uuids(self, at: datetime) -> Iterator[Event]:
        """The target is new and has no enrolments: the uuid moves."""
        for _, source in self._spares(self._courses[:1]):
            target, events = self._people.new_user(at - timedelta(minutes=20))
            yield from events
            yield from self._merge(source, target, at, uuid_moves=True)

    def _merges_with_past_uuids(self, at: datetime) -> Iterator[Event]:
        """The target has enrolments: in another course, or in the same section."""
        for course, source in self._spares(self._courses[-1:]):
            target = self._spare(self._courses[0])
            if target is not None and course is not self._courses[0]:
                yield from self._merge(source, target, at, uuid_moves=False)
        for course, source in self._spares(self._courses[-1:]):
            (mine,) = self._people.of(source)
            for target in course.students:
                others = self._people.of(target, course)
                if target.id not in self._touched and [one.section for one in others] == [mine.section]:
                    yield from self._merge(source, target, at + timedelta(minutes=3), uuid_moves=False)
                    break

    def _leaver(self, at: datetime) -> Iterator[Event]:
        """A user is deleted: first each enrolment."""
        for _, user in self._spares(self._courses[:1]):
            for one in self._people.of(user):
                yield from self._people.change(one, at, "deleted")
            user.state = "deleted"
            yield from self._people.save_user(user, at + timedelta(seconds=3))
            self._people.forget(user)

    def _paused(self, at: datetime) -> Iterator[Event]:
        """Enrolments that are inactive or completed keep their row."""
        for state, (_, user) in zip(("inactive", "completed"), self._spares(self._courses[:2]), strict=False):
            for one in self._people.of(user):
                yield from self._people.change(one, at, state)

    def _new_name(self, at: datetime) -> Iterator[Event]:
        for _, user in self._spares(self._courses[:1]):
            user.name = names.person(self._chance)
            yield from self._people.save_user(user, at)

    def _end(self, at: datetime) -> Iterator[Event]:
        """The term's end date passes: states become `completed`, enrolments stay as they are."""
        known = {user.id for user in self._people.known}
        for course in self._courses:
            for one in self._people.in_course(course):
                if one.user.id in known and one.state == "active":
                    yield self._people.save_state(one, at, "completed")
