"""The people and places of a small school, what befalls them, and how Canvas shows them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.canvas.content import ALGEBRA, ANN, BEN, BIOLOGY, CEM, DORA, READING, ROOT, Content, Row

TEACHER, TEST_STUDENT, ADMIN = 511, 512, 590
"""Not students: the teacher and the test student of algebra, and the token's user."""
TERM, DEFAULT_TERM = 1201, 1202
MORNING, EVENING, LEAVES, READERS = 701, 702, 703, 704
"""Sections: two of algebra, one of biology, one of reading."""
ANN_MORNING, ANN_EVENING, ANN_LEAVES, BEN_MORNING, BEN_LEAVES, CEM_EVENING, DORA_READING, TEACHING, TESTING = range(1101, 1110)
"""Enrolments."""


def _section(id_: int, course: int, name: str) -> Row:
    return {
        "id": id_,
        "name": name,
        "course_id": course,
        "nonxlist_course_id": None,
        "start_at": None,
        "end_at": "2025-06-01T00:00:00Z",
        "restrict_enrollments_to_section_dates": False,
        "created_at": "2024-08-01T09:00:00Z",
        "sis_section_id": f"SEC-{id_}",
        "sis_course_id": f"SIS-{course}",
        "integration_id": None,
        "workflow_state": "active",
    }


def _enrollment(id_: int, user: int, course: int, section: int, type_: str = "StudentEnrollment") -> Row:
    return {
        "id": id_,
        "root_account_id": ROOT,
        "user_id": user,
        "course_id": course,
        "course_section_id": section,
        "associated_user_id": None,
        "limit_privileges_to_course_section": False,
        "enrollment_state": "active",
        "type": type_,
        "role": type_,
        "created_at": "2024-08-20T09:00:00Z",
        "updated_at": "2024-08-20T09:00:00Z",
    }


def _term(id_: int, name: str, start: str | None) -> Row:
    shown = {"id": id_, "name": name, "start_at": start, "end_at": None, "created_at": "2024-06-01T00:00:00Z"}
    return shown | {"workflow_state": "active", "grading_period_group_id": None, "sis_term_id": f"TERM-{id_}"}


@dataclass
class People(Content, ABC):
    """Rosters of the school, and the routes that show them."""

    sections: dict[int, Row] = field(
        default_factory=lambda: {
            MORNING: _section(MORNING, ALGEBRA, "Morning"),
            EVENING: _section(EVENING, ALGEBRA, "Evening"),
            LEAVES: _section(LEAVES, BIOLOGY, "Leaves"),
            READERS: _section(READERS, READING, "Readers"),
        }
    )
    enrollments: dict[int, Row] = field(
        default_factory=lambda: {
            row["id"]: row
            for row in (
                _enrollment(ANN_MORNING, ANN, ALGEBRA, MORNING),
                _enrollment(ANN_EVENING, ANN, ALGEBRA, EVENING),
                _enrollment(ANN_LEAVES, ANN, BIOLOGY, LEAVES),
                _enrollment(BEN_MORNING, BEN, ALGEBRA, MORNING),
                _enrollment(BEN_LEAVES, BEN, BIOLOGY, LEAVES),
                _enrollment(CEM_EVENING, CEM, ALGEBRA, EVENING),
                _enrollment(DORA_READING, DORA, READING, READERS),
                _enrollment(TEACHING, TEACHER, ALGEBRA, MORNING, "TeacherEnrollment"),
                _enrollment(TESTING, TEST_STUDENT, ALGEBRA, MORNING, "StudentViewEnrollment"),
            )
        }
    )
    others: dict[int, Row] = field(
        default_factory=lambda: {
            TEACHER: {"id": TEACHER, "name": "Tara Teal", "uuid": f"USER{TEACHER:036}"},
            TEST_STUDENT: {"id": TEST_STUDENT, "name": "Test Student", "uuid": f"USER{TEST_STUDENT:036}"},
            ADMIN: {"id": ADMIN, "name": "Ada Admin", "uuid": f"USER{ADMIN:036}"},
        }
    )
    """Users who are no students."""
    terms: dict[int, Row] = field(
        default_factory=lambda: {
            TERM: _term(TERM, "Spring 2025", "2025-01-10T00:00:00Z"),
            DEFAULT_TERM: _term(DEFAULT_TERM, "Default Term", None) | {"workflow_state": "deleted"},
        }
    )
    merged: dict[int, int] = field(default_factory=dict)
    """User who is gone -> user who remains."""
    deleted_users: set[int] = field(default_factory=set)
    past_uuids: dict[tuple[int, int], str] = field(default_factory=dict)
    """By course and user."""
    own_id: int = ADMIN
    """The token's user."""
    hides_test_student: bool = False
    """The list of users is without the test student, also if it is asked for."""
    hides_user_uuids: bool = False
    """The token's user may not see uuids of users, or Canvas is too old."""

    # What befalls people

    def user_row(self, id_: int) -> Row:
        """A student or another user."""
        return self.users.get(id_) or self.others[id_]

    def drop(self, *ids: int) -> None:
        """Deletes enrolments. By SIS imports, Canvas does so without an event."""
        for id_ in ids:
            self.enrollments[id_]["enrollment_state"] = "deleted"
        self._place_students()

    def cross_list(self, section_id: int, course: int) -> None:
        """Moves a section and its enrolments; Canvas sends an event of the section alone."""
        row = self.sections[section_id]
        row |= {"course_id": course, "nonxlist_course_id": row["course_id"]}
        for enrollment in self.enrollments.values():
            if enrollment["course_section_id"] == section_id:
                enrollment["course_id"] = course
        self._place_students()

    def merge(self, gone: int, into: int, *, uuid_moves: bool) -> None:
        """Merges users; enrolments move without an event. Else than the uuid, a past uuid stays behind in each course."""
        courses = {row["course_id"] for row in self.enrollments.values() if row["user_id"] == gone}
        if uuid_moves:
            self.users[into]["uuid"], self.users[gone]["uuid"] = self.users[gone]["uuid"], f"NEW{gone:037}"
        else:
            self.past_uuids |= {(course, into): self.users[gone]["uuid"] for course in courses}
        for row in self.enrollments.values():
            if row["user_id"] == gone:
                row["user_id"] = into
        self.merged[gone] = into
        self.deleted_users.add(gone)
        self._place_students()

    def split(self, gone: int, enrollments: Collection[int]) -> None:
        """Takes a merge back, without an event: these enrolments are the user's again."""
        for id_ in enrollments:
            self.enrollments[id_]["user_id"] = gone
        del self.merged[gone]
        self.deleted_users.discard(gone)
        self._place_students()

    def _place_students(self) -> None:
        """Brings the students' sections up to date, by which results and rollups are shown."""
        for user in self.users.values():
            user["sections"] = {}
        for row in self.enrollments.values():
            if row["user_id"] in self.users and row["enrollment_state"] != "deleted" and "Student" in row["type"]:
                self.users[row["user_id"]]["sections"].setdefault(row["course_id"], []).append(row["course_section_id"])

    # Answers

    def _people_routes(self) -> dict[str, Callable[[web.Request], Any]]:
        return {
            "users/self": self._self,
            r"users/{id:\d+}": self._user,
            r"accounts/{id:\d+}/terms": self._terms,
            r"courses/{id:\d+}/sections": self._sections,
            r"courses/{id:\d+}/assignments": self._assignments,
            r"courses/{id:\d+}/enrollments": self._enrollments,
            r"courses/{id:\d+}/users": self._users,
        }

    def _shown_user(self, id_: int, include: list[str], course: int | None = None) -> Row:
        row = self.user_row(id_)
        given, _, family = row["name"].rpartition(" ")
        shown = {
            "id": id_,
            "name": row["name"],
            "created_at": row.get("created_at", "2024-08-01T08:00:00Z"),
            "sortable_name": row.get("sortable_name", f"{family}, {given}"),
            "short_name": row["name"],
            "sis_user_id": row.get("sis_user_id", f"S-{id_}"),
            "integration_id": None,
            "login_id": row.get("login_id", f"{family.lower()}{id_}"),
        }
        if "uuid" in include and not self.hides_user_uuids:
            shown |= {"uuid": row["uuid"], "account_uuid": self.accounts[ROOT]["uuid"]}
            if (course, id_) in self.past_uuids and course is not None:
                shown["past_uuid"] = self.past_uuids[course, id_]
        return shown

    async def _self(self, request: web.Request) -> web.Response:
        return self._answer(request, self._shown_user(self.own_id, []))

    async def _user(self, request: web.Request) -> web.Response:
        id_ = int(request.match_info["id"])
        if id_ in self.deleted_users and id_ not in self.merged:
            raise web.HTTPNotFound
        shown = self._shown_user(id_, request.query.getall("include[]", []))
        return self._answer(request, shown | ({"merged_into_user_id": self.merged[id_]} if id_ in self.merged else {}))

    async def _terms(self, request: web.Request) -> web.Response:
        if self.accounts[int(request.match_info["id"])]["parent_account_id"] is not None:
            raise web.HTTPBadRequest(reason="Terms only belong to root_accounts.")
        states = request.query.getall("workflow_state[]", ["active"])
        rows = [row for row in self.terms.values() if "all" in states or row["workflow_state"] in states]
        return self._page(request, rows, lambda page: {"enrollment_terms": page})

    async def _sections(self, request: web.Request) -> web.Response:
        course = self.place(request)[1]
        rows = [row for row in self.sections.values() if row["course_id"] == course and row["workflow_state"] == "active"]
        shown = [{name: value for name, value in row.items() if name != "workflow_state"} for row in rows]
        return self._page(request, sorted(shown, key=lambda row: str(row["name"])))

    async def _assignments(self, request: web.Request) -> web.Response:
        course = self.place(request)[1]
        rows = [row for row in self.assignments.values() if row["course_id"] == course and row["workflow_state"] != "deleted"]
        shown = [
            {
                "id": row["id"],
                "course_id": course,
                "name": row["title"],
                "due_at": row.get("due_at"),
                "points_possible": row.get("points_possible", 10.0),
                "submission_types": row.get("submission_types", ["online_upload", "online_text_entry"]),
                "workflow_state": row["workflow_state"],
                "published": row["workflow_state"] == "published",
                "post_manually": row.get("post_manually", False),
                "grading_type": "points",
                "assignment_group_id": row.get("assignment_group_id", 1301),
            }
            | ({"quiz_id": row["quiz_id"]} if "quiz_id" in row else {})
            for row in rows
        ]
        return self._page(request, shown)

    def _visible(self, course: int) -> list[Row]:
        """A user all of whose enrolments are limited to their sections sees these alone."""
        rows = [row for row in self.enrollments.values() if row["course_id"] == course]
        own = [row for row in rows if row["user_id"] == self.own_id and row["enrollment_state"] != "deleted"]
        if own and all(row["limit_privileges_to_course_section"] for row in own):
            sections = {row["course_section_id"] for row in own}
            return [row for row in rows if row["course_section_id"] in sections]
        return rows

    def _state(self, row: Row) -> str:
        """`deleted` where the course or the section is."""
        gone = self.sections[row["course_section_id"]]["workflow_state"] == "deleted"
        return "deleted" if gone else str(row["enrollment_state"])

    async def _enrollments(self, request: web.Request) -> web.Response:
        course, include = self.place(request)[1], request.query.getall("include[]", [])
        states = request.query.getall("state[]", ["active", "invited"])
        types = request.query.getall("type[]", [])
        shown = [
            row | {"enrollment_state": self._state(row), "user": self._shown_user(row["user_id"], include)}
            for row in self._visible(course)
            if self._state(row) in states and (row["type"] in types or not types)
        ]
        return self._page(request, shown)

    async def _users(self, request: web.Request) -> web.Response:
        """Canvas takes the test student out after it has cut the pages."""
        course, include = self.place(request)[1], request.query.getall("include[]", [])
        states = request.query.getall("enrollment_state[]", ["active", "invited"])
        wanted = {name.replace("_", "") for name in request.query.getall("enrollment_type[]", [])}
        enrolled: dict[int, list[Row]] = {}
        for row in self._visible(course):
            if self._state(row) in states and row["type"].removesuffix("Enrollment").lower() in wanted:
                enrolled.setdefault(row["user_id"], []).append(row)
        shown = [
            self._shown_user(id_, include, course) | ({"enrollments": rows} if "enrollments" in include else {})
            for id_, rows in enrolled.items()
        ]
        hidden = {row["user_id"] for row in self.enrollments.values() if row["type"] == "StudentViewEnrollment"}
        if "test_student" in include and not self.hides_test_student:
            hidden = set()
        return self._page(request, shown, lambda page: [one for one in page if one["id"] not in hidden])

    # Of the server

    @abstractmethod
    def _answer(self, request: web.Request, value: Any, **headers: str) -> web.Response: ...

    @abstractmethod
    def _page(
        self, request: web.Request, items: list[Row], wrap: Callable[[list[Row]], Any] = lambda page: page
    ) -> web.Response: ...

    @abstractmethod
    def place(self, request: web.Request) -> tuple[str, int]:
        """The request's context, if it exists."""
