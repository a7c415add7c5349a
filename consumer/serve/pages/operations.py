"""For those who run it: positions, freshness, books, drift, quarantine. Of all tenants: a topic has events of each."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any, TypeVar

import asyncpg
from fastapi import APIRouter, Depends, Query, Response

from consumer.errors import UsageError
from consumer.query.objects import origin, reads_quarantine, tenant_of
from consumer.query.status import Status, ago, status
from consumer.serve.api.dependencies import Id, TenantAllTime, TenantRequest, not_found
from consumer.serve.pages.routing import csv_answer, page, router_options
from consumer.store import quarantine
from consumer.store.postgres import Connection
from migrations import HEAD

T = TypeVar("T")
router = APIRouter(**router_options)
WRITER = "outcomes_writer"
"""May read quarantine. A login that is no member of it sees how many records wait, and not which."""
RECORDS = 50
"""Of quarantine on a page."""
_POSITIONS = (
    "source",
    "partition",
    "label",
    "next_position",
    "consumed",
    "applied",
    "superseded",
    "duplicate",
    "ignored",
    "quarantined",
    "erased",
    "last_event_time",
    "updated_at",
)


async def _operator(request: TenantAllTime) -> TenantRequest:
    """404 for who may not see operations."""
    if not request.viewer.sees_operations:
        raise not_found()
    return request


Operator = Annotated[TenantRequest, Depends(_operator)]


@router.get("/operations")
async def operations(request: Operator) -> Response:
    """What `outcomes status` shows, without what only Kafka knows."""
    return page("operations.html", request, found=await _status(request), ago=ago)


@router.get("/operations.csv")
async def operations_csv(request: Operator) -> Response:
    """The positions, with their books."""
    found = await _status(request)
    return csv_answer(_POSITIONS, ([row[name] for name in _POSITIONS] for row in found.positions))


@router.get("/operations.json")
async def operations_json(request: Operator) -> Response:
    """As `outcomes status --json` prints it."""
    return request.answer((await _status(request)).as_json(), exact_times=True)


@router.get("/operations/quarantine")
async def records(request: Operator, reason: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """The oldest records that wait, with reason and place."""

    async def question(connection: Connection) -> list[dict[str, Any]]:
        await _as_reader_of_quarantine(connection)
        return await quarantine.listed(connection, states=("open",), reason=reason, limit=RECORDS)

    rows = [(row, origin(row)) for row in await _asked(request, question)]
    return page("quarantine.html", request, rows=rows, reason=reason, limit=RECORDS)


@router.get("/operations/quarantine/{record_id}")
async def record(request: Operator, record_id: Id) -> Response:
    """One record with its bytes: what Canvas sent, personal data included."""

    async def question(connection: Connection) -> dict[str, Any]:
        await _as_reader_of_quarantine(connection)
        return await quarantine.shown(connection, record_id)

    row = await _asked(request, question)
    raw = row.pop("raw")
    text = None if raw is None else bytes(raw).decode("utf-8", "backslashreplace")
    return page("record.html", request, row=row, raw=text)


async def _status(request: TenantRequest) -> Status:
    async def question(connection: Connection) -> Status:
        await _as_writer(connection)
        return await status(connection, schema=HEAD)

    return await _asked(request, question)


async def _asked(request: TenantRequest, question: Callable[[Connection], Awaitable[T]]) -> T:
    async def within(connection: Connection) -> T:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await question(connection)

    return await request.pool.read(request.tenant, within)


async def _as_writer(connection: Connection) -> None:
    """Takes the role until the transaction ends, where the login may. Nothing can be written: the transaction only reads."""
    with suppress(asyncpg.InsufficientPrivilegeError):
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {WRITER}")


async def _as_reader_of_quarantine(connection: Connection) -> None:
    """Raises `UsageError` where there are several tenants (records have none, and could be another's), or the login may not."""
    await tenant_of(connection, None)
    await _as_writer(connection)
    if not await reads_quarantine(connection):
        raise UsageError("this server's login may not read quarantine")
