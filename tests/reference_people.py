"""Canvas' rules about who is in a course once more, in plain Python: rosters, merges, and whose a result is.

Files ending in .rb are Canvas' own. A section or a merge moves enrolments that no event tells of.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.reference_math import BEGINNING, Version, moment

STUDENT = {"StudentEnrollment", "StudentViewEnrollment"}
"""The types whose owners have a row in the gradebook (course.rb)."""
TYPES = STUDENT | {"TeacherEnrollment", "TaEnrollment", "DesignerEnrollment", "ObserverEnrollment"}
"""All that Canvas has (enrollment.rb); an enrolment of no such type tells nothing."""
END = datetime.max.replace(tzinfo=UTC)
"""Newer than all."""

Rows = Mapping[str, Mapping[int, Version]]


class Identity(NamedTuple):
    """A user had a uuid from a moment on."""

    user_uuid: str
    user_id: int
    since: datetime


class Reading(NamedTuple):
    """REST told the whole roster of a course."""

    tenant: str
    course_id: int
    at: datetime
    recorded_at: datetime


class PastUuid(NamedTuple):
    """REST told that New Quizzes still know a user by the uuid of a merged one, in a course."""

    tenant: str
    course_id: int
    user_id: int
    user_uuid: str
    at: datetime
    recorded_at: datetime


class Member(NamedTuple):
    """A row of a roster."""

    user_uuid: str | None
    past_uuids: list[str]
    standing: str
    test_student: bool
    sections: list[int]
    enrollments: list[dict[str, Any]]
    concluded: bool
    inactive: bool
    merged_into_user_id: int | None


class Share(NamedTuple):
    """An enrolment that somebody ever had in a course, and whether it is theirs and there now."""

    row: Version
    here: bool

    @property
    def counts(self) -> bool:
        """Whether it gives its owner a row in the gradebook (course.rb, `all_students`)."""
        return self.here and self.row.body.get("workflow_state") != "deleted" and self.row.body.get("type") in STUDENT


def identities(versions: Iterable[Version], known_at: datetime | None) -> list[Identity]:
    """Who had which uuid when, told by users and enrolments; a pair that is known holds since its earliest telling."""
    since: dict[tuple[str, int], datetime] = {}
    known: set[Identity] = set()
    for version in versions:
        uuid, user = _pair(version)
        if uuid is not None and user is not None:
            since[uuid, user] = min(since.get((uuid, user), version.event_time), version.event_time)
            if known_at is None or version.recorded_at <= known_at:
                known.add(Identity(uuid, user, version.event_time))
    known |= {Identity(*pair, since[pair]) for pair in {one[:2] for one in known}}
    return sorted(known, key=lambda one: (one.user_uuid, one.since, one.user_id))


def _pair(version: Version) -> tuple[str | None, int | None]:
    if version.kind == "user":
        return version.body.get("uuid"), version.id
    if version.kind == "enrollment":
        return version.body.get("user_uuid"), user_of(version)
    return None, None


def user_of(row: Version) -> int | None:
    """The user of an enrolment or a submission; those of other shards have whole ids (live_events.rb)."""
    return row.id_of("user_id")


def section_of(row: Version) -> int | None:
    """The section of an enrolment."""
    return row.id_of("course_section_id")


class People:
    """Who was in which course at a moment."""

    def __init__(
        self,
        rows: Rows,
        versions: Sequence[Version],
        known: Sequence[Identity],
        readings: Sequence[Reading],
        past: Sequence[PastUuid],
        at: datetime | None,
    ) -> None:
        self._rows, self._known, self._past, self._at = rows, known, past, at or END
        self._of_uuid: dict[str, list[Identity]] = defaultdict(list)
        self._of_user: dict[int, list[Identity]] = defaultdict(list)
        for one in known:
            self._of_uuid[one.user_uuid].append(one)
            self._of_user[one.user_id].append(one)
        self._versions: dict[str, list[Version]] = defaultdict(list)
        for version in versions:
            self._versions[version.kind].append(version)
        self._read = {one.course_id: one.at for one in sorted(readings, key=lambda one: one.at)}
        self.merges = self._merges()
        self._courses: dict[int, dict[int, list[Share]]] = {}
        self._names: dict[tuple[str, int | None, int], str | None] = {}

    def holder(self, user_uuid: str, at: datetime) -> int | None:
        """Whose a uuid was: of the last who was told to have it by then, else of the first (user_merge.rb)."""
        if user_uuid.startswith("id:"):
            return int(user_uuid[3:])
        holders = self._of_uuid.get(user_uuid, [])
        return next((one.user_id for one in reversed(holders) if one.since <= at), holders[0].user_id if holders else None)

    def uuid(self, user: int) -> str | None:
        """The newest of those that a user has at the moment; none where each is another user's."""
        mine = [one for one in self._of_user.get(user, []) if self.holder(one.user_uuid, self._at) == user]
        told = [one for one in mine if one.since <= self._at]
        newest = [one for one in told if one.since == max(other.since for other in told)]
        first = [one for one in mine if one.since == min(other.since for other in mine)]
        known = {one.user_uuid: self.first(one) for one in newest or first}
        return min(known, key=lambda uuid: (known[uuid], uuid), default=None)

    def first(self, told: Identity) -> datetime:
        """Since when a user is known to have had a uuid."""
        return min(one.since for one in self._of_uuid[told.user_uuid] if one.user_id == told.user_id)

    def key(self, user: int) -> str:
        """By what rollups call a user."""
        return self.uuid(user) or f"id:{user}"

    def uuids(self, user: int) -> list[str]:
        """All that a user ever had."""
        return list(dict.fromkeys(one.user_uuid for one in self._of_user.get(user, [])))

    def gone(self, user: int | None) -> bool:
        """Deleted, or merged into another user (user_merge.rb)."""
        row = self._rows["user"].get(user or 0)
        if user is None or user in self.merges:
            return user is not None
        return (
            row is not None and row.body.get("workflow_state") == "deleted" and not self._enrolled_after(user, row.event_time)
        )

    def _enrolled_after(self, user: int, time: datetime) -> bool:
        """Whether an enrolment that is not deleted was told later: nobody who is deleted has one (user.rb)."""
        return any(
            user_of(one) == user and one.event_time > time and one.body.get("workflow_state") != "deleted"
            for one in self._versions["enrollment"]
        )

    def _split_after(self, user: int, time: datetime) -> bool:
        """Whether a user who was merged was told to be there again."""
        return self._enrolled_after(user, time) or any(
            one.id == user and one.event_time > time and one.body.get("workflow_state") != "deleted"
            for one in self._versions["user"]
        )

    def _merges(self) -> dict[int, tuple[int, datetime]]:
        """Who is merged into whom, since when (user_merge.rb). Of merges in a circle the oldest no longer holds."""
        told = {id_: (row.id_of("merged_into_user_id"), row.event_time) for id_, row in self._rows["user_merge"].items()}
        edges = {
            id_: (into, time)
            for id_, (into, time) in told.items()
            if into is not None and into != id_ and not self._split_after(id_, time)
        }
        for id_ in sorted(edges, key=lambda one: (edges[one][1], one)):
            if id_ in self._chain(edges, id_)[1:]:
                del edges[id_]
        return edges

    @staticmethod
    def _chain(edges: Mapping[int, tuple[int, datetime]], user: int) -> list[int]:
        """A user, into whom it is merged, and so on; a circle once round."""
        chain = [user]
        while chain[-1] in edges:
            chain.append(edges[chain[-1]][0])
            if chain[-1] in chain[:-1]:
                break
        return chain

    def enrolled(self, course: int) -> dict[int, list[Share]]:
        """By user: the enrolments of a course that were ever told to be the user's, deleted and moved ones too."""
        if course not in self._courses:
            self._courses[course] = self._enrolled(course)
        return self._courses[course]

    def _enrolled(self, course: int) -> dict[int, list[Share]]:
        moved: dict[int, datetime] = {}  # sections, and when they were last told to be in the course
        for version in self._versions["course_section"]:
            if version.id_of("course_id") == course:
                moved[version.id] = max(moved.get(version.id, BEGINNING), version.event_time)
        told: dict[int, set[int | None]] = defaultdict(set)
        for version in self._versions["enrollment"]:
            here = version.id_of("course_id") == course
            if here or moved.get(section_of(version) or 0, BEGINNING) > version.event_time:
                told[version.id].add(user_of(version))
        shares: dict[int, list[Share]] = defaultdict(list)
        for id_, users in sorted(told.items()):
            row = self._rows["enrollment"][id_]
            owner = self._owner(row)
            for user in (users | {owner}) - {None}:
                assert user is not None
                shares[user].append(Share(row, user == owner and self._course(row) == course))
        return shares

    def _course(self, row: Version) -> int | None:
        """Where an enrolment is: the newer of itself and its section tells (course_section.rb)."""
        section = self._rows["course_section"].get(section_of(row) or 0)
        if section is not None and section.event_time > row.event_time and section.id_of("course_id") is not None:
            return section.id_of("course_id")
        return row.id_of("course_id")

    def _owner(self, row: Version) -> int | None:
        """Whose an enrolment is: after a merge that is newer of the user that remains in the end (user_merge.rb)."""
        user = user_of(row)
        if user in self.merges and self.merges[user][1] > row.event_time:
            return self._chain(self.merges, user)[-1]
        return user

    def standing(self, user: int | None, course: int) -> str:
        """enrolled, left or unknown."""
        shares = [share for share in self.enrolled(course).get(user or 0, []) if share.row.body.get("type") in TYPES]
        if any(share.counts for share in shares) and not self.gone(user):
            return "enrolled"
        return "left" if shares or self.gone(user) else "unknown"

    def counts_as(self, user_uuid: str, made: datetime, course: int | None) -> str | None:
        """By which uuid a result counts in a course that was made at a moment; none: nowhere (course.rb, `all_students`)."""
        if course is None:
            return user_uuid
        key = user_uuid, self.holder(user_uuid, made), course
        if key not in self._names:
            self._names[key] = self._name(*key)
        return self._names[key]

    def _name(self, user_uuid: str, user: int | None, course: int) -> str | None:
        match self.standing(user, course):
            case "enrolled":
                assert user is not None
                return self.key(user)
            case "left":
                return None
            case _ if not self._seen_since_read(user_uuid, user, course):
                return None
            case _:
                return user_uuid if self.holder(user_uuid, self._at) == user else f"id:{user}"

    def _seen_since_read(self, user_uuid: str, user: int | None, course: int) -> bool:
        """Whether the roster was never read, or the person has a result that was made later."""
        read = self._read.get(course)
        return read is None or any(
            version.made > read and self.holder(user_uuid, version.made) == user
            for version in self._versions["learning_outcome_result"]
            if version.body.get("user_uuid") == user_uuid
            and version.id_of("result_context_id") == course
            and version.body.get("result_context_type", "Course") == "Course"
        )

    def shown(self, student: str, course: int | None, all_known: Sequence[Identity]) -> bool:
        """Whether a student has a row, or would have with a result; of a uuid that names no row the user who has it."""
        if course is None or self.names_row(student, course, all_known):
            return True
        user = self.holder(student, self._at)
        return user is not None and any(
            self.counts_as(name, time, course) is not None
            for name in (*self.uuids(user), f"id:{user}")
            for time in (BEGINNING, *(one.since for one in self._of_uuid.get(name, [])))
            if self.holder(name, time) == user
        )

    def is_of(self, result: Version, student: str) -> bool:
        """Whether a result is of the user who has a uuid now; of a uuid that no user is known to have, by itself."""
        user = self.holder(student, self._at)
        uuid: str = result.body["user_uuid"]
        return uuid == student if user is None else self.holder(uuid, result.made) == user

    def names_row(self, student: str, course: int, all_known: Sequence[Identity]) -> bool:
        """Whether a result of anybody who ever had the uuid would count by it."""
        people = {one.user_id for one in all_known if one.user_uuid == student}
        if student.startswith("id:"):
            people.add(int(student[3:]))
        names = {student} | {one.user_uuid for one in all_known if one.user_id in people} | {f"id:{user}" for user in people}
        moments = {name: [BEGINNING, *(one.since for one in self._of_uuid.get(name, []))] for name in names}
        return any(self.counts_as(name, time, course) == student for name, times in moments.items() for time in times)

    def submitted_at(self, assignment: int, user_uuid: str, assessed: datetime | None) -> datetime | None:
        """When whoever has a uuid handed in last before the assessment (rubric_assessment.rb)."""
        user = self.holder(user_uuid, self._at)
        times = [
            time
            for one in self._versions["submission"]
            if user is not None
            and one.id_of("assignment_id") == assignment
            and user_of(one) == user
            and self._rows["submission"][one.id].body.get("workflow_state") != "deleted"
            and (time := moment(one.body.get("submitted_at"))) is not None
            and (assessed is None or time <= assessed)
        ]
        return max(times, default=None)

    def roster(self, course: int) -> dict[int, Member]:
        """Everybody who ever was a student of a course, by user id."""
        found = {}
        for user, shares in self.enrolled(course).items():
            students = [share for share in shares if share.row.body.get("type") in STUDENT]
            if students:
                found[user] = self._member(user, course, students)
        return found

    def _member(self, user: int, course: int, shares: list[Share]) -> Member:
        standing = self.standing(user, course)
        rows = [share.row for share in shares if share.counts or standing == "left"]
        states = [row.body.get("workflow_state", "active") for row in rows]
        past = {one.user_uuid for one in self._past if one.course_id == course and one.user_id == user}
        return Member(
            user_uuid=self.uuid(user),
            past_uuids=sorted((past | set(self.uuids(user))) - {self.uuid(user)}),
            standing=standing,
            test_student=any(row.body["type"] == "StudentViewEnrollment" for row in rows),
            sections=sorted({section for row in rows if (section := section_of(row)) is not None}),
            enrollments=[self._enrollment(row) for row in rows],
            concluded=all(state in ("completed", "deleted") for state in states),
            inactive=all(state == "inactive" for state in states),
            merged_into_user_id=self.merges[user][0] if user in self.merges else None,
        )

    def _enrollment(self, row: Version) -> dict[str, Any]:
        state = self._rows["enrollment_state"].get(row.id)
        return {
            "id": row.id,
            "course_section_id": section_of(row),
            "workflow_state": row.body.get("workflow_state", "active"),
            "state": state.body.get("state") if state else None,
            "type": row.body["type"],
        }
