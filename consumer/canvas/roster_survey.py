"""People and places of one course: assignments, sections, enrolments, users, and whom Canvas merged into whom."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

from consumer.canvas import mapping
from consumer.canvas.client import CanvasClient, Context, Page
from consumer.canvas.mapping import RemoteObject
from consumer.canvas.observations import REFUSALS, ListEnd, Objects, Observation, PastUuids, Unanswered, WholeRoster
from consumer.canvas.projection import Projection
from schemas import rest_people

MAX_GONE_USERS = 50
"""Most users of a course who are requested one by one, because Canvas may have merged them into others."""

_Mappings = Mapping[str, Callable[[Any], RemoteObject]]
"""By table. The first one is the table of the list."""

_STUDENTS = frozenset({"StudentEnrollment", "StudentViewEnrollment"})


class RosterSurvey:
    """The requests of a scope's courses, one course after the other or several at once."""

    def __init__(self, client: CanvasClient, projection: Projection) -> None:
        self._client = client
        self._projection = projection
        self._own_id: int | None = None
        """The token's user."""
        self._requested_users: set[int] = set()
        """Users who were requested one by one."""

    async def observe(self, course: Context, uuid: str | None) -> AsyncIterator[Observation]:
        """All of a course. `WholeRoster` comes last, and only if every request was answered and the answers show everybody."""
        reading = _Reading(self._client, self._projection, course, uuid)
        try:
            async for observation in reading.lists():
                yield observation
            async for observation in self._gone_users(reading):
                yield observation
            if reading.began is not None and (split := await self._projection.merged_users(reading.limits)):
                yield Objects("user_merge", None, reading.began, [mapping.user_merge(id_, None) for id_ in split])
            if (doubt := await self._doubt(reading)) is not None:
                yield Unanswered(f"{doubt}, so the roster counts as not read")
            elif reading.began is not None:
                yield WholeRoster(course.context_id, reading.began)
        except REFUSALS as error:
            yield Unanswered(f"{error}, so the roster counts as not read")

    async def _gone_users(self, reading: "_Reading") -> AsyncIterator[Observation]:
        """Canvas shows a user alone to administrators of an account of theirs: what it does not show proves nothing."""
        gone = await self._projection.gone_users(reading.course.context_id, reading.limits, reading.dropped, MAX_GONE_USERS)
        for user_id in gone:
            if user_id in self._requested_users:
                continue
            self._requested_users.add(user_id)
            try:
                answer = await self._client.user(user_id)
            except REFUSALS:
                continue
            yield Objects("canvas_user", None, answer.requested_at, [mapping.user(answer.value)])
            if answer.value.merged_into_user_id is not None:
                yield Objects(
                    "user_merge", None, answer.requested_at, [mapping.user_merge(user_id, answer.value.merged_into_user_id)]
                )

    async def _doubt(self, reading: "_Reading") -> str | None:
        """Why the answers may not show everybody, or not who they are."""
        if limited := {user_id for user_id, limits in reading.limits.items() if all(limits)}:
            self._own_id = self._own_id or await self._client.own_user_id()
            if self._own_id in limited:
                return "the token's user is limited to sections of this course and sees no others"
        anonymous = {str(user_id) for user_id in reading.students - reading.identified}
        if unknown := len(anonymous - (await self._projection.users(anonymous)).keys()):
            return f"Canvas shows no uuid of {unknown} of {len(reading.students)} students"
        return None


class _Reading:
    """One course's lists, and what they showed."""

    def __init__(self, client: CanvasClient, projection: Projection, course: Context, uuid: str | None) -> None:
        self._client = client
        self._projection = projection
        self.course = course
        self._uuid = uuid
        self.began: datetime | None = None
        self.limits: dict[int, list[bool]] = {}
        """By user: for each enrolment that is not deleted, whether the user sees only its section."""
        self.dropped: set[int] = set()
        """Users with a deleted enrolment."""
        self.students: set[int] = set()
        """Users with an enrolment as student or test student that is not deleted."""
        self.identified: set[int] = set()
        """Users whose uuid was shown."""
        self._enrollments: set[int] = set()

    async def lists(self) -> AsyncIterator[Observation]:
        """Enrolments are listed before users: one that is made in between is shown with its user."""
        id_ = self.course.context_id
        assignments: _Mappings = {
            "assignment": lambda one: mapping.assignment(one, id_),
            "assignment_detail": lambda one: mapping.assignment_detail(one, id_),
        }
        async for observation in self._whole(lambda: self._client.assignments(id_), assignments):
            yield observation
        async for observation in self._whole(lambda: self._client.sections(id_), {"course_section": mapping.section}):
            yield observation
        async for observation in self._whole(lambda: self._client.enrollments(id_), {"enrollment": self._enrollment}):
            yield observation
        async for page in self._client.course_users(id_):
            self.identified.update(user.id for user in page.items if user.uuid is not None)
            yield Objects("canvas_user", self.course, page.requested_at, [mapping.user(one) for one in page.items])
            if past := [(user.id, user.past_uuid) for user in page.items if user.past_uuid is not None]:
                yield PastUuids(id_, page.requested_at, past)
            new = [(one, user.uuid) for user in page.items for one in user.enrollments or () if one.id not in self._enrollments]
            enrollments = [self._enrollment(one, uuid) for one, uuid in new]
            yield Objects("enrollment", self.course, page.requested_at, enrollments)

    async def _whole(self, pages: Callable[[], AsyncIterator[Page[Any]]], mappings: _Mappings) -> AsyncIterator[Observation]:
        """A list, read once more if it lacks something that we know: a row may move from one page to another meanwhile."""
        table = next(iter(mappings))
        shown, began = set[int](), None
        for _ in range(2):
            count = 0
            async for page in pages():
                count, began = count + 1, began or page.requested_at
                self.began = self.began or began
                new = [one for one in page.items if one.id not in shown]
                shown.update(one.id for one in new)
                for name, mapped in mappings.items():
                    yield Objects(name, self.course, page.requested_at, [mapped(one) for one in new])
            if began is None or count == 1 or not await self._projection.not_shown(table, self.course, began, shown):
                break
        if began is not None:
            yield ListEnd(table, self.course, began, shown, read_completely=True)

    def _enrollment(self, one: rest_people.Enrollment, user_uuid: str | None = None) -> RemoteObject:
        self._enrollments.add(one.id)
        if one.enrollment_state == "deleted":
            self.dropped.add(one.user_id)
        else:
            self.limits.setdefault(one.user_id, []).append(one.limit_privileges_to_course_section is True)
            if one.type in _STUDENTS:
                self.students.add(one.user_id)
        user_uuid = user_uuid or (one.user.uuid if one.user is not None else None)
        if user_uuid is not None:
            self.identified.add(one.user_id)
        return mapping.enrollment(one, self._uuid, user_uuid)
