"""Backfills and reconciliations in this process, and the feed that a school would send."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import SecretStr

from consumer.canvas.backfill import Task, backfill
from consumer.canvas.client import CanvasClient
from consumer.canvas.pacing import RetryPolicy
from consumer.canvas.reconcile import Reconciliation, reconcile
from consumer.canvas.report import Report
from consumer.ingest.batch import Batch
from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import RawRecord
from consumer.query.verify import verify
from consumer.settings import Settings
from consumer.store.postgres import connect
from consumer.store.writer import Writer
from tests.canvas.content import UUID, Place
from tests.canvas.school import School
from tests.postgres.writing import TOPIC
from tests.samples import Event, iso

SHARD = 10**13
LINKS, SCALES = 901, 1001
"""First ids of links and scales in the feed; REST shows neither."""
BEFORE = datetime(2025, 6, 1, 12, tzinfo=UTC)
"""The time of the feed's events."""
QUICK = RetryPolicy(tries=4, first_seconds=0.001, max_seconds=0.002)


class Address(Protocol):
    """A Canvas, or a server that answers like one."""

    @property
    def url(self) -> str:
        """Its base URL."""

    @property
    def token(self) -> str:
        """Its token."""


@contextmanager
def unsignalled(_: Callable[[], None]) -> Iterator[None]:
    """Without signals."""
    yield


def settings_of(school: Address, **more: Any) -> Settings:
    """The settings for it."""
    return Settings(canvas_url=school.url, canvas_token=SecretStr(school.token), **more)


def variables_of(school: Address, dsn: str) -> dict[str, str]:
    """The same as environment variables."""
    return {"DATABASE_URL": dsn, "OUTCOMES_CANVAS_URL": school.url, "OUTCOMES_CANVAS_TOKEN": school.token}


def client_of(school: Address) -> CanvasClient:
    """Reads it, and gives up soon."""
    return CanvasClient(school.url, SecretStr(school.token), seconds=5, policy=QUICK)


async def fill(
    dsn: str,
    school: Address,
    *,
    signals: Callable[[Callable[[], None]], AbstractContextManager[None]] = unsignalled,
    say: Callable[[str], None] = lambda _: None,
    client: CanvasClient | None = None,
    people: str = "ids",
    **task: Any,
) -> Report:
    """A backfill."""
    return await backfill(
        dsn,
        settings_of(school, people=people),
        signals,
        Task(**task),
        say=say,
        show=lambda _: None,
        client=client or client_of(school),
    )


async def differences(dsn: str, school: Address, *, repair: bool = False, people: str = "ids", **task: Any) -> Reconciliation:
    """A reconciliation."""
    return await reconcile(
        dsn,
        settings_of(school, people=people),
        unsignalled,
        Task(writing=repair, **task),
        say=lambda _: None,
        show=lambda _: None,
        client=client_of(school),
    )


async def deliver(dsn: str, *events: Event) -> None:
    """Writes events as the feed would."""
    connection = await connect(dsn)
    try:
        writer = Writer(connection)
        at = (await writer.positions([TOPIC])).get(TOPIC, 0)
        await writer.open_position(TOPIC, at)
        batch = Batch()
        for position, event in enumerate(events, at):
            batch.add(decode(RawRecord(*TOPIC, position, json.dumps(event).encode()), Rules(), datetime.now(UTC)))
        batch.advance(TOPIC, at, at + len(events))
        assert not batch.rejected
        await writer.write(batch)
    finally:
        await connection.close()


async def query(dsn: str, statement: str, *arguments: Any) -> list[Any]:
    """The rows of a statement."""
    connection = await connect(dsn)
    try:
        return list(await connection.fetch(statement, *arguments))
    finally:
        await connection.close()


async def digest(dsn: str) -> str:
    """All current and version tables, and what a backfill stores beside them."""
    connection = await connect(dsn)
    try:
        beside = [
            (await connection.fetchval(f"SELECT count(*) FROM {table}"))
            for table in (
                "outcome_alignment_version",
                "user_identity",
                "backfill_run",
                "grading_standard_version",
                "stream_position",
            )
        ]
        return f"{(await verify(connection)).digest} {beside}"
    finally:
        await connection.close()


STATES = {
    "account": "id, name, parent_account_id, default_time_zone, workflow_state",
    "course": "id, uuid, account_id, name, workflow_state",
    "learning_outcome": "id, context_type, context_id, title, short_description, display_name, description, vendor_guid, "
    "calculation_method, calculation_int, rubric_criterion::text, workflow_state",
    "learning_outcome_group": "id, context_type, context_id, title, parent_outcome_group_id, workflow_state",
    "learning_outcome_link": "id, learning_outcome_id, learning_outcome_group_id, context_type, context_id, workflow_state",
    "learning_outcome_result": "id, learning_outcome_id, result_context_id, user_uuid, score, possible, percent, mastery, "
    "assessed_at, associated_asset_type, associated_asset_id, workflow_state",
    "outcome_proficiency": "id, context_type, context_id, outcome_proficiency_ratings::text, workflow_state",
    "grading_standard": "id, title, context_type, context_id, grading_scheme::text, points_based",
    "outcome_alignment": "course_id, learning_outcome_id, asset_type, asset_id, workflow_state, title",
}


async def state(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """The projection's current content, without times of versions."""
    connection = await connect(dsn)
    try:
        return {
            table: [tuple(row) for row in await connection.fetch(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3, 4")]
            for table, columns in STATES.items()
        }
    finally:
        await connection.close()


def counts(report: Any, part: str) -> dict[str, int]:
    """One count by table, without zeros."""
    return {name: getattr(found, part) for name, found in report.tables.items() if getattr(found, part)}


def ratings(rows: list[tuple[Any, ...]]) -> dict[tuple[str, int], list[tuple[str, float]]]:
    """Active scales by owner."""
    return {
        (row[1], row[2]): [(level["description"], level["points"]) for level in json.loads(row[3])]
        for row in rows
        if row[-1] == "active"
    }


async def scale_in_force(dsn: str, context_type: str, context_id: int) -> list[str] | None:
    """Names of its levels."""
    ((found,),) = await query(
        dsn, "SELECT outcome_proficiency_ratings::text FROM mastery_setting($1, $2, $3, NULL)", UUID, context_type, context_id
    )
    return None if found is None else [level["description"] for level in json.loads(found)]


async def rollups(dsn: str, course: int, at: datetime | None = None) -> dict[tuple[str, int], float]:
    """Scores by student and outcome."""
    found = await query(dsn, "SELECT * FROM outcome_rollup_at($1, $2, $3)", UUID, course, at)
    return {(row["user_uuid"], row["learning_outcome_id"]): float(row["score"]) for row in found if row["score"] is not None}


# The feed


def school_event(name: str, body: dict[str, Any], at: datetime = BEFORE) -> Event:
    """An event of the school."""
    return {
        "metadata": {"event_name": name, "event_time": iso(at), "root_account_uuid": UUID},
        "body": {member: value for member, value in body.items() if value is not None},
    }


def account_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With global ids, as in the feed."""
    row = school.accounts[id_]
    parent = row["parent_account_id"]
    body = {
        "account_id": str(SHARD + id_),
        "root_account_id": str(SHARD + 1),
        "root_account_uuid": UUID,
        "domain": "gv.example",
    }
    body |= {"parent_account_id": parent and str(SHARD + parent), "workflow_state": row["workflow_state"]}
    body |= {"name": row["name"], "default_time_zone": row["default_time_zone"]}
    return school_event("account_created", body | members, at)


def course_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With global ids, and the feed's word for unpublished."""
    row = school.courses[id_]
    body = {
        "course_id": str(SHARD + id_),
        "account_id": str(SHARD + row["account_id"]),
        "account_uuid": "A",
        "uuid": row["uuid"],
    }
    state = "claimed" if row["workflow_state"] == "unpublished" else row["workflow_state"]
    body |= {"name": row["name"], "created_at": row["created_at"], "updated_at": row["created_at"], "workflow_state": state}
    return school_event("course_created", body | members, at)


def outcome_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With its own criterion, even if account-level scales apply."""
    row = school.outcomes[id_]
    names = ("context_type", "context_id", "title", "display_name", "description", "vendor_guid", "workflow_state")
    body = {name: row[name] for name in (*names, "calculation_method", "calculation_int")}
    criterion = {name: row[name] for name in ("points_possible", "mastery_points", "ratings")} | {"description": row["title"]}
    body |= {"learning_outcome_id": str(id_), "short_description": row["title"], "context_uuid": "U", "icon": "sun"}
    return school_event("learning_outcome_updated", body | {"rubric_criterion": criterion} | members, at)


def group_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """A group."""
    row = school.groups[id_]
    names = ("context_type", "context_id", "title", "description", "vendor_guid", "workflow_state")
    body = {name: row[name] for name in names} | {"parent_outcome_group_id": row["parent_id"] and str(row["parent_id"])}
    return school_event("learning_outcome_group_created", body | {"learning_outcome_group_id": str(id_)} | members, at)


def link_event(school: School, index: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With its id, which REST does not show."""
    row = school.links[index]
    body = {"context_type": row["context_type"], "context_id": row["context_id"], "workflow_state": row["workflow_state"]}
    body |= {"learning_outcome_group_id": str(row["group_id"]), "learning_outcome_id": str(row["outcome_id"])}
    return school_event("learning_outcome_link_created", body | {"learning_outcome_link_id": str(LINKS + index)} | members, at)


def result_event(school: School, id_: int, at: datetime = BEFORE, **members: Any) -> Event:
    """With the student's uuid, not the id, which only REST shows."""
    row = school.results[id_]
    body = {name: row[name] for name in ("score", "possible", "percent", "mastery", "workflow_state")}
    body |= {"id": str(id_), "learning_outcome_id": str(row["outcome_id"]), "user_uuid": school.users[row["user_id"]]["uuid"]}
    body |= {"result_context_type": "Course", "result_context_id": str(row["course_id"])}
    body |= {"result_context_uuid": school.courses[row["course_id"]]["uuid"], "created_at": "2025-03-01T09:00:00Z"}
    body |= {"assessed_at": row["submitted_or_assessed_at"], "attempt": 2, "artifact_type": "RubricAssessment"}
    body |= {"associated_asset_type": "Assignment", "associated_asset_id": str(row["assignment_id"]), "artifact_id": str(id_)}
    return school_event("learning_outcome_result_updated", body | members, at)


def scale_event(school: School, place: Place, at: datetime = BEFORE, **members: Any) -> Event:
    """With ids of the scale and its levels."""
    id_ = SCALES + list(school.scales).index(place) if place in school.scales else SCALES + 99
    levels = [
        rating | {"outcome_proficiency_rating_id": str(id_ * 10 + number), "workflow_state": "active"}
        for number, rating in enumerate(school.scales.get(place, ()))
    ]
    body = {
        "outcome_proficiency_id": str(id_),
        "context_type": place[0],
        "context_id": str(place[1]),
        "workflow_state": "active",
    }
    return school_event("outcome_proficiency_updated", body | {"outcome_proficiency_ratings": levels} | members, at)


def method_event(name: str, number: int | None, at: datetime = BEFORE) -> Event:
    """The root account's method, which REST does not show."""
    body = {"outcome_calculation_method_id": "1", "context_type": "Account", "context_id": "1", "workflow_state": "active"}
    return school_event(
        "outcome_calculation_method_created", body | {"calculation_method": name, "calculation_int": number}, at
    )


def feed_of(school: School, at: datetime = BEFORE) -> list[Event]:
    """The whole school's events."""
    return [
        *(account_event(school, id_, at) for id_ in school.accounts),
        *(course_event(school, id_, at) for id_ in school.courses),
        *(outcome_event(school, id_, at) for id_ in school.outcomes),
        *(group_event(school, id_, at) for id_ in school.groups),
        *(link_event(school, index, at) for index in range(len(school.links))),
        *(scale_event(school, place, at) for place in school.scales),
        *(result_event(school, id_, at) for id_ in school.results),
        method_event("highest", None, at),
    ]
