"""What a school's feed tells of people and places, and what the projection holds of them."""

from datetime import datetime
from typing import Any

from consumer.store.postgres import connect
from tests.canvas.content import ROOT
from tests.canvas.filling import BEFORE, SHARD, account_event, course_event, school_event
from tests.canvas.school import School
from tests.samples import Event


def user_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With a global id."""
    row = school.user_row(id_)
    body = {"user_id": str(SHARD + id_), "uuid": row["uuid"], "name": row["name"], "short_name": row["name"]}
    body |= {"created_at": "2024-08-01T08:00:00Z", "updated_at": "2024-08-01T08:00:00Z"}
    state = "deleted" if id_ in school.deleted_users else "registered"
    return school_event("user_updated", body | {"workflow_state": state} | members, at)


def enrollment_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With global ids, of the section too."""
    row = school.enrollments[id_]
    body = {name: str(SHARD + row[name]) for name in ("course_id", "user_id", "course_section_id")}
    body |= {"enrollment_id": str(SHARD + id_), "course_uuid": school.courses[row["course_id"]]["uuid"]}
    body |= {"user_uuid": school.user_row(row["user_id"])["uuid"], "user_name": school.user_row(row["user_id"])["name"]}
    body |= {name: row[name] for name in ("type", "created_at", "updated_at", "limit_privileges_to_course_section")}
    return school_event("enrollment_updated", body | {"workflow_state": row["enrollment_state"]} | members, at)


def section_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With local ids."""
    row = school.sections[id_]
    body: dict[str, Any] = {"course_section_id": str(id_), "course_id": str(row["course_id"]), "root_account_id": str(ROOT)}
    body |= {"nonxlist_course_id": row["nonxlist_course_id"] and str(row["nonxlist_course_id"])}
    body |= {name: row[name] for name in ("name", "start_at", "end_at", "restrict_enrollments_to_section_dates")}
    body |= {"sis_source_id": row["sis_section_id"], "workflow_state": row["workflow_state"], "default_section": False}
    return school_event("course_section_updated", body | members, at)


def assignment_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With global ids."""
    row = school.assignments[id_]
    body: dict[str, Any] = {
        "assignment_id": str(SHARD + id_),
        "context_type": "Course",
        "context_id": str(SHARD + row["course_id"]),
    }
    body |= {"title": row["title"], "points_possible": 10.0, "submission_types": "online_upload,online_text_entry"}
    body |= {"workflow_state": row["workflow_state"], "assignment_group_id": str(SHARD + 1301)}
    return school_event("assignment_updated", body | members, at)


def sis_batch_event(id_: int, account: int, state: str, at: datetime = BEFORE) -> Event:
    """With local ids."""
    return school_event(
        "sis_batch_updated", {"sis_batch_id": str(id_), "account_id": str(account), "workflow_state": state}, at
    )


def roster_feed(school: School, at: datetime = BEFORE) -> list[Event]:
    """All that the feed can tell of the school's people and places."""
    return [
        *(account_event(school, id_, at) for id_ in school.accounts),
        *(course_event(school, id_, at) for id_ in school.courses),
        *(user_event(school, id_, at) for id_ in (*school.users, *school.others)),
        *(section_event(school, id_, at) for id_ in school.sections),
        *(enrollment_event(school, id_, at) for id_ in school.enrollments),
        *(assignment_event(school, id_, at) for id_ in school.assignments),
    ]


COLUMNS = {
    "assignment": "id, context_id, title, points_possible, submission_types, due_at, workflow_state",
    "assignment_detail": "id, course_id, quiz_id, post_manually, grading_type",
    "canvas_user": "id, uuid, created_at, workflow_state",
    "course_detail": "id, enrollment_term_id, course_code, end_at, sis_course_id",
    "course_section": "id, course_id, nonxlist_course_id, name, end_at, sis_source_id, workflow_state",
    "enrollment": "id, course_id, course_uuid, user_id, user_uuid, course_section_id, type, created_at, workflow_state",
    "enrollment_term": "id, name, start_at, end_at, sis_term_id, workflow_state",
    "user_identity": "user_id, user_uuid",
    "user_merge": "id, merged_into_user_id",
    "user_past_uuid": "course_id, user_id, user_uuid",
}


async def rosters(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """The projection's people and places, without times of versions."""
    connection = await connect(dsn)
    try:
        return {
            table: [tuple(row) for row in await connection.fetch(f"SELECT {columns} FROM {table} ORDER BY 1, 2")]
            for table, columns in COLUMNS.items()
        }
    finally:
        await connection.close()


async def read_rosters(dsn: str) -> set[int]:
    """Courses of whose whole rosters the projection knows."""
    connection = await connect(dsn)
    try:
        return {row["course_id"] for row in await connection.fetch("SELECT DISTINCT course_id FROM roster_reading")}
    finally:
        await connection.close()


async def enrolled(dsn: str, course: int) -> set[tuple[int, int]]:
    """User and enrolment, of enrolments in a course that are not deleted."""
    connection = await connect(dsn)
    try:
        found = await connection.fetch(
            "SELECT user_id, id FROM enrollment WHERE course_id = $1 AND workflow_state <> 'deleted'", course
        )
        return {(row["user_id"], row["id"]) for row in found}
    finally:
        await connection.close()
