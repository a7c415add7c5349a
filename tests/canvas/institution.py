"""A simulated institution's own Canvas: its gradebooks at any date, and its REST API."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from consumer.simulator.books import Books, Entry
from consumer.simulator.posting import Event
from schemas.base import local_id
from tests.canvas.content import Row
from tests.canvas.people import ADMIN, TERM
from tests.canvas.school import School
from tests.reference import Reference
from tests.reference_math import Told

Scores = dict[int, Decimal]
"""By outcome; those without a score are not there."""
LOSABLE = frozenset({"canvas_user", "enrollment", "enrollment_state", "submission"})
"""Kinds of which a feed of these tests may lose events.

The `user_updated` that moves a uuid is not lost with the seeds in use. Only that event tells when the uuid moved: without it,
results between the merge and the next reading count as the former owner's.
"""


def _local(value: str) -> int:
    return local_id(int(value))


class OwnCanvas:
    """What the institution's Canvas knows. `lost`: kind, id and `event_time` of events that the feed never told."""

    def __init__(self, events: list[Event], books: Books, lost: Iterable[tuple[str, int, datetime]] = ()) -> None:
        self.tenant = events[0].root_account_uuid
        self._events = events
        self._books = books
        self._lost = frozenset(lost)
        self.courses = sorted(id_ for id_, _ in books.rows(self.tenant, "course", events[-1].time))

    def gradebooks(self, at: datetime) -> dict[int, dict[int, Scores]]:
        """Course -> user -> scores, of every user with a row. Canvas finds the results by the user's id, never by the uuid."""
        rows = {course: self._books.gradebook(self.tenant, course, at) for course in self.courses}
        owners = {id_: user for found in rows.values() for user, results in found.items() for id_ in results}
        told = []
        for event in self._events:
            if event.kind not in ("learning_outcome_result", *LOSABLE):
                told.append(Told({"metadata": event.metadata, "body": event.body}, event.time))
            elif event.kind == "learning_outcome_result" and event.id in owners:
                body = event.body | {"user_uuid": str(owners[event.id])}
                told.append(Told({"metadata": event.metadata, "body": body}, event.time))
        reference = Reference(told)
        found: dict[int, dict[int, Scores]] = {course: {user: {} for user in rows[course]} for course in self.courses}
        for course in self.courses:
            for (user, outcome), rollup in reference.rollups(self.tenant, course, at).items():
                found[course][int(user)][outcome] = rollup.score
        return found

    def users(self, at: datetime) -> dict[str, int]:
        """Uuid -> the user who had it at that moment."""
        newest = self._books.newest(self.tenant, "canvas_user", at)
        return {entry.row["uuid"]: id_ for id_, entry in newest.items() if "uuid" in entry.row}

    def untold(self, at: datetime) -> set[tuple[int, int]]:
        """(course, user) of whose enrolments no event told the state at that moment."""
        found = set()
        users = self._books.newest(self.tenant, "canvas_user", at)
        for id_, entry in self._books.newest(self.tenant, "enrollment", at).items():
            for past in self._books.entries[self.tenant, "enrollment", id_]:
                user = _local(past.row["user_id"])
                if past.time <= at and not (self._told("enrollment", id_, entry) and self._identity_told(user, users[user])):
                    found.add((_local(past.row["course_id"]), user))
        return found

    def _identity_told(self, user: int, entry: Entry) -> bool:
        """A saved preference that is lost takes nothing away."""
        first = self._books.entries[self.tenant, "canvas_user", user][0].row
        same = all(entry.row.get(name) == first.get(name) for name in ("uuid", "workflow_state"))
        return same or self._told("canvas_user", user, entry)

    def _told(self, kind: str, id_: int, entry: Entry) -> bool:
        return entry.event is not None and (kind, id_, entry.time) not in self._lost

    def words_about_people(self) -> list[str]:
        """Names, and their longer parts, logins, SIS ids, and what students hand in."""
        rows = [one.row for (_, kind, _), states in self._books.entries.items() if kind == "canvas_user" for one in states]
        members = [
            str(row[name]) for row in rows for name in ("name", "sortable_name", "user_login", "user_sis_id") if name in row
        ]
        parts = {part.strip(",") for member in members for part in member.split()}
        return sorted({*members, *(part for part in parts if len(part) > 5), "My essay"} - {"Student"})

    # -- what REST shows --

    def school(self, at: datetime) -> School:
        """Its REST API, as it answers at that moment."""
        tenant, books = self.tenant, self._books

        def rows(kind: str) -> list[tuple[int, Row]]:
            return list(books.rows(tenant, kind, at))

        users = {id_: entry.row for id_, entry in books.newest(tenant, "canvas_user", at).items()}
        enrollments = {id_: self._enrollment(id_, entry.row) for id_, entry in books.newest(tenant, "enrollment", at).items()}
        sections = defaultdict[int, dict[int, list[int]]](lambda: defaultdict(list))
        for row in enrollments.values():
            if row["enrollment_state"] != "deleted" and row["type"] in ("StudentEnrollment", "StudentViewEnrollment"):
                sections[row["user_id"]][row["course_id"]].append(row["course_section_id"])
        return School(
            account_level_scales=True,
            accounts={id_: self._account(id_, row) for id_, row in rows("account")},
            courses={id_: self._course(id_, row) for id_, row in rows("course")},
            outcomes={id_: self._outcome(id_, row) for id_, row in rows("learning_outcome")},
            groups={id_: self._group(id_, row) for id_, row in rows("learning_outcome_group")},
            links=[self._link(row) for _, row in rows("learning_outcome_link")],
            scales={
                (row["context_type"], int(row["context_id"])): [
                    {name: rating[name] for name in ("description", "points", "mastery", "color")}
                    for rating in row["outcome_proficiency_ratings"]
                ]
                for _, row in rows("outcome_proficiency")
            },
            methods={
                (row["context_type"], int(row["context_id"])): (row["calculation_method"], row.get("calculation_int"))
                for _, row in rows("outcome_calculation_method")
            },
            grading_standards={},
            assignments={id_: self._assignment(id_, row) for id_, row in rows("assignment")},
            alignments=[
                {"assignment_id": id_, "outcome_id": outcome} for id_, row in rows("assignment") for outcome in row["aligned"]
            ],
            users={id_: self._user(id_, row) | {"sections": dict(sections[id_])} for id_, row in users.items()},
            results={id_: self._result(id_, row) for id_, row in rows("learning_outcome_result")},
            sections={id_: self._section(id_, row) for id_, row in rows("course_section")},
            enrollments=enrollments,
            others={ADMIN: {"id": ADMIN, "name": "Ada Admin", "uuid": f"USER{ADMIN:036}"}},
            own_id=ADMIN,
            merged={id_: row["merged_into_user_id"] for id_, row in users.items() if row["merged_into_user_id"]},
            deleted_users={id_ for id_, row in users.items() if row["workflow_state"] == "deleted"},
            past_uuids={(row["course_id"], row["user_id"]): row["user_uuid"] for _, row in rows("user_past_uuid")},
        )

    def _account(self, id_: int, row: Row) -> Row:
        parent = row.get("parent_account_id")
        return {
            "id": id_,
            "name": row["name"],
            "uuid": f"ACCOUNT{id_:033}" if parent else self.tenant,
            "parent_account_id": _local(parent) if parent else None,
            "root_account_id": 1 if parent else None,
            "workflow_state": "active",
            "default_time_zone": row["default_time_zone"],
        }

    def _course(self, id_: int, row: Row) -> Row:
        return {
            "id": id_,
            "name": row["name"],
            "course_code": row["name"][:3].upper(),
            "uuid": row["uuid"],
            "account_id": _local(row["account_id"]),
            "root_account_id": 1,
            "workflow_state": row["workflow_state"],
            "created_at": row["created_at"],
            "enrollment_term_id": TERM,
            "start_at": None,
            "end_at": None,
            "sis_course_id": f"SIS-{id_}",
        }

    def _outcome(self, id_: int, row: Row) -> Row:
        names = ("title", "display_name", "description", "vendor_guid", "context_type", "calculation_method", "workflow_state")
        criterion = {name: row["rubric_criterion"][name] for name in ("points_possible", "mastery_points", "ratings")}
        shown = {name: row[name] for name in names} | criterion
        return shown | {"id": id_, "context_id": int(row["context_id"]), "calculation_int": row.get("calculation_int")}

    def _group(self, id_: int, row: Row) -> Row:
        parent = row.get("parent_outcome_group_id")
        return {
            "id": id_,
            "title": row["title"],
            "description": None,
            "vendor_guid": None,
            "context_type": row["context_type"],
            "context_id": int(row["context_id"]),
            "parent_id": int(parent) if parent else None,
            "workflow_state": row["workflow_state"],
        }

    def _link(self, row: Row) -> Row:
        return {
            "context_type": row["context_type"],
            "context_id": int(row["context_id"]),
            "group_id": int(row["learning_outcome_group_id"]),
            "outcome_id": int(row["learning_outcome_id"]),
            "workflow_state": row["workflow_state"],
        }

    def _assignment(self, id_: int, row: Row) -> Row:
        quiz = {"quiz_id": row["quiz_id"]} if row["quiz_id"] else {}
        ids = {"id": id_, "course_id": _local(row["context_id"]), "assignment_group_id": _local(row["assignment_group_id"])}
        shown = {name: row[name] for name in ("title", "due_at", "points_possible", "workflow_state")}
        return ids | quiz | shown | {"submission_types": row["submission_types"].split(",")}

    def _result(self, id_: int, row: Row) -> Row:
        """Canvas tells when work was handed in; the simulator's quizzes are assessed at that very moment."""
        quiz = row["artifact_type"] == "Quizzes::QuizSubmission"
        return {
            "id": id_,
            "course_id": int(row["result_context_id"]),
            "user_id": row["user_id"],
            "outcome_id": int(row["learning_outcome_id"]),
            "assignment_id": row["assignment_id"],
            **{name: row.get(name) for name in ("score", "possible", "percent", "mastery", "workflow_state")},
            "hidden": False,
            "hide_points": False,
            "submitted_or_assessed_at": row["assessed_at"] if quiz else row["submitted_at"],
        }

    def _user(self, id_: int, row: Row) -> Row:
        uuid = row.get("uuid", f"NEW{id_:037}")
        names = {name: row[name] for name in ("name", "sortable_name", "created_at")}
        return {"id": id_, "uuid": uuid, "login_id": row.get("user_login"), "sis_user_id": row.get("user_sis_id"), **names}

    def _section(self, id_: int, row: Row) -> Row:
        home = row.get("nonxlist_course_id")
        return {
            "id": id_,
            "name": row["name"],
            "course_id": int(row["course_id"]),
            "nonxlist_course_id": int(home) if home else None,
            "start_at": None,
            "end_at": None,
            "restrict_enrollments_to_section_dates": False,
            "created_at": "2025-01-01T00:00:00Z",
            "sis_section_id": row["sis_source_id"],
            "sis_course_id": f"SIS-{row['course_id']}",
            "integration_id": None,
            "workflow_state": "active",
        }

    def _enrollment(self, id_: int, row: Row) -> Row:
        names = ("type", "created_at", "updated_at", "limit_privileges_to_course_section")
        ids = {name: _local(row[name]) for name in ("user_id", "course_id", "course_section_id")}
        shown = {name: row[name] for name in names} | ids
        return shown | {"id": id_, "root_account_id": 1, "associated_user_id": None, "enrollment_state": row["workflow_state"]}
