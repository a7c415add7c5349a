"""A server on a real socket, over a real database with a small school."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp

from consumer.ingest.batch import Partition
from consumer.query import grading_standards
from consumer.rights import tokens
from consumer.rights.grants import Grant
from consumer.serve.app import make_app, serving
from consumer.store.postgres import connect
from schemas.grading_standards import Standard
from tests.postgres.test_gradebook import account, course, outcome, worked
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, Event, event, iso, scale

ANA, BO, CHI = "ana-0123456789012345678901234567890123456", "bo-01234567890123456789012345678901234567", "chi"
ANA_ID, DEE_ID = 501, 502
OTHER = "other-tenant-000000000000000000000000000"
SHARD = 2107 * 10**13
FIVE = {"Exceeds": 5, "Meets": 3, "Below": 0}
"""The outcomes' own criterion."""


def minutes(number: int) -> datetime:
    """This many minutes after noon."""
    return NOON + timedelta(minutes=number)


def group(id_: int, title: str, parent: int | None, context: tuple[str, int], *, minute: int = 0, **members: Any) -> Event:
    """An outcome group."""
    return event(
        "learning_outcome_group_updated",
        at=minutes(minute),
        learning_outcome_group_id=str(id_),
        title=title,
        parent_outcome_group_id=... if parent is None else str(parent),
        context_type=context[0],
        context_id=str(context[1]),
        **members,
    )


def link(id_: int, of: int, in_group: int, context: tuple[str, int], *, minute: int = 0, **members: Any) -> Event:
    """A link."""
    return event(
        "learning_outcome_link_updated",
        at=minutes(minute),
        learning_outcome_link_id=str(id_),
        learning_outcome_id=str(of),
        learning_outcome_group_id=str(in_group),
        context_type=context[0],
        context_id=str(context[1]),
        **members,
    )


COURSE, ACCOUNT = ("Course", 7), ("Account", 1)
ON_ASSIGNMENT: dict[str, Any] = {"associated_asset_type": "Assignment", "associated_asset_id": "56"}


def school() -> list[Event]:
    """Accounts 1 > 2 > 3, course 7 in 3. Account-level scales are on from minute 30."""
    return [
        account(1, None),
        account(2, 1),
        account(3, 2),
        event(
            "account_updated",
            at=NOON,
            account_id=str(2107 * 10**13 + 4),
            parent_account_id=str(2107 * 10**13 + 1),
            workflow_state="deleted",
        ),
        course(7, 3),
        course(8, 2),
        outcome(1, "Reading", context_type="Account", context_id="1", display_name="Read"),
        outcome(2, "Writing", method="decaying_average", number=65, context_type="Course", context_id="7"),
        outcome(3, "Old", workflow_state="archived"),
        outcome(4, "Gone", workflow_state="deleted"),
        group(10, "Course 7", None, COURSE),
        group(11, "Unit 1", 10, COURSE),
        group(12, "Put away", 10, COURSE, workflow_state="archived"),
        group(20, "School", None, ACCOUNT),
        link(100, 1, 11, COURSE),
        link(101, 2, 10, COURSE),
        link(102, 4, 10, COURSE),
        link(103, 1, 20, ACCOUNT),
        link(104, 3, 20, ACCOUNT, workflow_state="deleted"),
        worked(1, ANA, 1, 1.0, **ON_ASSIGNMENT),
        worked(2, ANA, 2, 0.2, minute=2, **ON_ASSIGNMENT | {"associated_asset_id": "57"}),
        worked(3, BO, 1, 0.6, minute=3, **ON_ASSIGNMENT),
        worked(
            4, CHI, 1, 0.4, minute=4, **ON_ASSIGNMENT | {"associated_asset_type": "Quizzes::Quiz", "associated_asset_id": "9"}
        ),
        worked(5, CHI, 2, 0.8, minute=5, workflow_state="deleted"),
        worked(6, f"id:{DEE_ID}", 1, 0.8, minute=6),
        worked(7, BO, 2, 0.5, minute=40, **ON_ASSIGNMENT | {"associated_asset_id": "57"}),
        scale(4, 3, 0, minute=30, outcome_proficiency_id="90", context_type="Account", context_id="1"),
        scale(10, 7, 0, minute=50, outcome_proficiency_id="91", context_type="Course", context_id="8"),
    ]


def user(id_: int, name: str, uuid: str, *, minute: int = 0, **members: Any) -> Event:
    """A user."""
    first = name.split(maxsplit=1)[0]
    told: dict[str, Any] = {"user_login": first.lower(), "user_sis_id": f"S-{id_}", "workflow_state": "registered"}
    names = {"name": name, "short_name": first}
    return event("user_updated", at=minutes(minute), user_id=str(SHARD + id_), uuid=uuid, **names | told | members)


def enrolled(
    id_: int, of_user: int, in_section: int, *, type_: str = "StudentEnrollment", state: str = "active", minute: int = 0
) -> Event:
    """An enrolment in course 7."""
    return event(
        "enrollment_updated",
        at=minutes(minute),
        enrollment_id=str(SHARD + id_),
        user_id=str(SHARD + of_user),
        user_uuid=...,
        user_name=f"Nobody {of_user}",
        course_id=str(SHARD + 7),
        course_section_id=str(SHARD + in_section),
        type=type_,
        workflow_state=state,
        associated_user_id=...,
    )


def section(id_: int, name: str, *, in_course: int = 7, minute: int = 0, **members: Any) -> Event:
    """A section."""
    told: dict[str, Any] = {"nonxlist_course_id": ..., "sis_source_id": f"SEC-{id_}", "workflow_state": "active"}
    of_section = {"course_section_id": str(id_), "course_id": str(in_course), "name": name}
    return event("course_section_updated", at=minutes(minute), **of_section | told | members)


def assignment(id_: int, title: str, *, minute: int = 0, **members: Any) -> Event:
    """An assignment of course 7."""
    told: dict[str, Any] = {"workflow_state": "published", "submission_types": "online_upload", "due_at": ...}
    return event(
        "assignment_updated",
        at=minutes(minute),
        assignment_id=str(SHARD + id_),
        context_id=str(SHARD + 7),
        title=title,
        **told | members,
    )


EVE_ID, TEST_ID, TEACHER_ID, GUS_ID = 503, 504, 505, 506


def people() -> list[Event]:
    """Course 7: Ana; Eve in both sections, without results; the test student; a teacher; Gus, who has left at minute 45.

    No enrolment of Bo, Chi and Dee is known.
    """
    return [
        section(71, "Morning"),
        section(72, "Evening"),
        user(ANA_ID, "Ana Maria Zoll", ANA),
        user(EVE_ID, "Eve Ames", "eve"),
        user(TEST_ID, "Test Student", "test", user_login=..., user_sis_id=...),
        user(TEACHER_ID, "Tia Dean", "tia"),
        user(GUS_ID, "Gus Hale", "gus"),
        enrolled(901, ANA_ID, 71),
        enrolled(902, EVE_ID, 71, state="completed"),
        enrolled(903, EVE_ID, 72, state="invited"),
        enrolled(904, TEST_ID, 71, type_="StudentViewEnrollment"),
        enrolled(905, TEACHER_ID, 71, type_="TeacherEnrollment"),
        enrolled(906, GUS_ID, 71),
        enrolled(906, GUS_ID, 71, state="deleted", minute=45),
        worked(8, "gus", 1, 0.2, minute=7),
        assignment(56, "Unit 1 essay"),
        assignment(57, "A quiz", submission_types="online_quiz"),
        assignment(58, "Draft", workflow_state="unpublished"),
    ]


NAMES = {
    ANA_ID: ("Ana Maria Zoll", "Ana", "Zoll, Ana Maria", "ana", "S-501"),
    EVE_ID: ("Eve Ames", "Eve", "Ames, Eve", "eve", "S-503"),
    TEST_ID: ("Test Student", "Test Student", "Student, Test", None, None),
    TEACHER_ID: ("Tia Dean", "Tia", "Dean, Tia", "tia", "S-505"),
}
"""As `OUTCOMES_PEOPLE=names` stores them."""


async def name_people(dsn: str, tenant: str = TENANT, mark: str = "") -> None:
    """Stores names; with a mark those of another school, where the ids may be other ones too."""
    columns = "root_account_uuid, user_id, name, short_name, sortable_name, login, sis_user_id, told_at"
    connection = await connect(dsn)
    try:
        await connection.executemany(
            f"INSERT INTO person_name ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, now())",
            [
                (tenant, id_ + shift, *(one and mark + one for one in name))
                for id_, name in NAMES.items()
                for shift in ((0, 5000) if mark else (0,))
            ],
        )
    finally:
        await connection.close()


def told_by_rest() -> list[Event]:
    """What only a backfill knows: terms, the course's details, which assignment is a quiz."""

    def snapshot(kind: str, **body: Any) -> Event:
        metadata = {"event_name": f"{kind}_backfilled", "event_time": iso(minutes(0)), "root_account_uuid": TENANT}
        return {"metadata": metadata, "body": body}

    return [
        snapshot("enrollment_term", enrollment_term_id=4, name="Spring", start_at="2025-01-13T07:00:00Z", sis_term_id="T-4"),
        snapshot("enrollment_term", enrollment_term_id=3, name="Fall", start_at="2024-08-20T07:00:00Z"),
        snapshot("enrollment_term", enrollment_term_id=2, name="Old", workflow_state="deleted"),
        snapshot("course_detail", course_id=7, enrollment_term_id=4, course_code="BIO-7", sis_course_id="C-7"),
        snapshot("assignment_detail", assignment_id=57, course_id=7, quiz_id=9, post_manually=False, grading_type="points"),
    ]


def of(tenant: str, events: list[Event]) -> list[Event]:
    """The same events of another tenant."""
    return [{**one, "metadata": one["metadata"] | {"root_account_uuid": tenant}} for one in events]


STANDARDS: list[dict[str, Any]] = [
    {
        "id": 5,
        "title": "Account Standard",
        "context_type": "Account",
        "context_id": 1,
        "grading_scheme": [{"name": "A", "value": 0.9}, {"name": "B", "value": 0.545}, {"name": "F", "value": 0}],
    },
    {
        "id": 6,
        "title": "Of points",
        "context_type": "Course",
        "context_id": 7,
        "points_based": True,
        "scaling_factor": 4,
        "grading_scheme": [{"name": "A", "value": 0.9}, {"name": "F", "value": 0}],
    },
    {
        "id": 8,
        "title": "Put away",
        "context_type": "Course",
        "context_id": 7,
        "workflow_state": "archived",
        "grading_scheme": [{"name": "P", "value": 0}],
    },
]


async def fill(dsn: str) -> None:
    """The school, with what only a backfill knows: standards, a removed alignment, and Ana's id."""
    await write(dsn, *school())
    connection = await connect(dsn)
    try:
        told = [Standard.model_validate(json.loads(json.dumps(one), parse_float=Decimal)) for one in STANDARDS]
        await grading_standards.take_in(connection, told, TENANT, NOON)
        await connection.execute(
            "INSERT INTO user_identity (root_account_uuid, user_id, user_uuid, since) VALUES ($1, $2, $3, now())",
            TENANT,
            ANA_ID,
            ANA,
        )
        await align(connection, 57, 2, "deleted", minute=20)
        await align(
            connection, 56, 1, "active", minute=10, title="Unit 1 test", submission_types="online_text_entry,online_url"
        )
    finally:
        await connection.close()


async def fill_people(dsn: str) -> None:
    """The school with its people, without their names."""
    await fill(dsn)
    await write(dsn, *people())
    await write(dsn, *told_by_rest(), partition=Partition("canvas:test", 0))


async def align(connection: Any, assignment: int, of_outcome: int, state: str, *, minute: int, **members: Any) -> None:
    """What a backfill read of an alignment of course 7."""
    await connection.execute(
        "INSERT INTO outcome_alignment_version (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, "
        "workflow_state, event_time, source, title, submission_types) "
        "VALUES ($1, 7, $2, 'Assignment', $3, $4, $5, 'canvas:test', $6, $7)",
        TENANT,
        of_outcome,
        assignment,
        state,
        minutes(minute),
        members.get("title"),
        members.get("submission_types"),
    )


async def token_for(dsn: str, tenant: str) -> str:
    """A new token."""
    connection = await connect(dsn)
    try:
        made, _ = await tokens.create(connection, tenant, "a test", Grant("tenant", None, names=True, operations=True))
    finally:
        await connection.close()
    return made


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer."""

    status: int
    json: Any
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Served:
    """A running server, and a token for it."""

    base: str
    token: str
    session: aiohttp.ClientSession

    async def ask(self, path: str, *, token: str | None = None, method: str = "GET", **headers: str) -> Answer:
        """Sends a request with the token, or with another one; an empty one is none."""
        used = self.token if token is None else token
        sent = ({"Authorization": f"Bearer {used}"} if used else {}) | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        url = path if path.startswith("http") else self.base + path
        async with self.session.request(method, url, headers=sent) as answer:
            body = await answer.read()
            is_json = answer.content_type == "application/json"
            return Answer(answer.status, json.loads(body) if is_json else None, dict(answer.headers), body)

    @classmethod
    @asynccontextmanager
    async def over(cls, base: str, token: str) -> "AsyncIterator[Served]":
        """A server that runs already."""
        async with aiohttp.ClientSession() as session:
            yield cls(base, token, session)

    async def get(self, path: str, **headers: str) -> Any:
        """The JSON of an answer with status 200."""
        answer = await self.ask(path, **headers)
        assert answer.status == 200, (path, answer)
        return answer.json


@asynccontextmanager
async def served(dsn: str, tenant: str = TENANT) -> AsyncIterator[Served]:
    """A server over this database, with a token for one tenant."""
    app = make_app(dsn)
    token = await token_for(dsn, tenant)
    async with serving(app, "127.0.0.1", 0) as (base, _), Served.over(base, token) as server:
        yield server
