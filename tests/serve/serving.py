"""A server on a real socket, over a real database with a small school."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp

from consumer.query import grading_standards
from consumer.serve.access import tokens
from consumer.serve.app import make_app, serving
from consumer.settings import Settings
from consumer.store.postgres import connect
from schemas.grading_standards import Standard
from tests.postgres.test_gradebook import account, course, outcome, worked
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, Event, event, scale

ANA, BO, CHI = "ana-0123456789012345678901234567890123456", "bo-01234567890123456789012345678901234567", "chi"
ANA_ID, DEE_ID = 501, 502
OTHER = "other-tenant-000000000000000000000000000"
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
        made, _ = await tokens.create(connection, tenant, "a test")
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
    app = make_app(dsn, Settings(serve_port=0))
    token = await token_for(dsn, tenant)
    async with serving(app, "127.0.0.1", 0) as (base, _), Served.over(base, token) as server:
        yield server
