"""From rows about courses, sections, terms, assignments and people to Canvas' shapes (`schemas.rest_people`). Pure.

Members are those of Canvas' `lib/api/v1/course.rb`, `section.rb`, `enrollment_term.rb`, `assignment.rb` and `user.rb`.
"""

from collections.abc import Container, Iterable
from datetime import datetime

from consumer.serve.api import serializers
from consumer.serve.api.naming import Name
from consumer.serve.api.serializers import Json, Row

_COURSE = ("course_code", "start_at", "end_at", "sis_course_id", "enrollment_term_id")
_SECTION = (
    "id",
    "name",
    "course_id",
    "nonxlist_course_id",
    "start_at",
    "end_at",
    "restrict_enrollments_to_section_dates",
    "integration_id",
    "sis_course_id",
)
_TERM = ("id", "name", "start_at", "end_at", "created_at", "grading_period_group_id", "sis_term_id")
_ASSIGNMENT = (
    "id",
    "due_at",
    "unlock_at",
    "lock_at",
    "points_possible",
    "assignment_group_id",
    "grading_type",
    "updated_at",
    "workflow_state",
    "quiz_id",
    "post_manually",
)
_ENROLLMENT = (
    "id",
    "user_id",
    "course_id",
    "course_section_id",
    "associated_user_id",
    "limit_privileges_to_course_section",
    "enrollment_state",
    "type",
    "created_at",
    "updated_at",
)


def course(row: Row, include: Container[str], now: datetime) -> Json:
    """A course with what only REST tells of it, where a backfill has read it."""
    shown = serializers.course(row) | {name: row[name] for name in _COURSE}
    if "term" in include and row["enrollment_term_id"] is not None:
        shown["term"] = {name: row[f"term_{name}"] for name in ("name", "start_at", "end_at")} | {
            "id": row["enrollment_term_id"]
        }
    return shown | ({"concluded": _concluded(row, now)} if "concluded" in include else {})


def _concluded(row: Row, now: datetime) -> bool | None:
    """Whether the course is over, by its state or its dates.

    Nothing here tells whether the course's own end counts or the term's: where these differ it is not known.
    """
    if row["workflow_state"] == "completed":
        return True
    if not row["detailed"]:
        return None
    ended = {end is not None and end < now for end in (row["end_at"] or row["term_end_at"], row["term_end_at"])}
    return ended.pop() if len(ended) == 1 else None


def section(row: Row, include: Container[str]) -> Json:
    """A section."""
    shown = {name: row[name] for name in _SECTION} | {"sis_section_id": row["sis_source_id"]}
    return shown | ({"total_students": row["total_students"]} if "total_students" in include else {})


def term(row: Row) -> Json:
    """A term."""
    return {name: row[name] for name in _TERM} | {"workflow_state": row["workflow_state"] or "active"}


def assignment(row: Row) -> Json:
    """An assignment; members that only REST tells are null where it has not."""
    types = row["submission_types"]
    return {
        **{name: row[name] for name in _ASSIGNMENT},
        "name": row["title"],
        "course_id": row["context_id"],
        "submission_types": [] if types is None else types.split(","),
        "published": row["workflow_state"] == "published",
        "is_quiz_assignment": row["quiz_id"] is not None,
        "html_url": f"/courses/{row['context_id']}/assignments/{row['id']}",
    }


def user(row: Row, name: Name, tenant: str, include: Container[str]) -> Json:
    """A user. Login and SIS id are there where they are stored; only a merged user tells into whom."""
    shown = {
        "id": row["id"],
        "name": name.name,
        "created_at": row["created_at"],
        "sortable_name": name.sortable_name,
        "short_name": name.short_name,
    }
    if name.sis_user_id is not None:
        shown["sis_user_id"] = name.sis_user_id
    if name.login is not None:
        shown["login_id"] = name.login
    if row["merged_into_user_id"] is not None:
        shown["merged_into_user_id"] = row["merged_into_user_id"]
    if "uuid" in include:
        shown |= {"uuid": row["uuid"], "account_uuid": tenant}
        if row["past_uuid"] is not None and row["past_uuid"] != row["uuid"]:
            shown["past_uuid"] = row["past_uuid"]
    return shown


def enrollment(row: Row, root_id: int | None) -> Json:
    """An enrolment. Custom roles are told by no event: the role is the type."""
    return {
        **{name: row[name] for name in _ENROLLMENT},
        "root_account_id": root_id,
        "role": row["type"],
        "html_url": f"/courses/{row['course_id']}/users/{row['user_id']}",
    }


def user_details(course_row: Row, rows: Iterable[Row]) -> Json:
    """A student's sections, each once."""
    sections = {row["course_section_id"]: row["section_name"] for row in rows}
    return {
        "course": {"name": course_row["name"]},
        "user": {"sections": [{"id": id_, "name": sections[id_]} for id_ in sorted(sections)], "last_login": None},
    }
