"""The writes of `outcomes serve --sandbox`, which lets people try a whole pipeline without Canvas.

A write of an outcome or a scale puts the Live Event of Canvas on the topic, and is answered when the broker has it; the
projection follows when a worker has read it. Grading standards have no event and are written directly. Run one sandbox for a
tenant: only this process knows what it has published and no worker has read.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from consumer import log
from consumer.errors import Transient, UsageError
from consumer.ingest.tables import TABLES
from consumer.query import grading_standards
from consumer.query.sql import sql as query_sql
from consumer.sandbox import events, rules
from consumer.sandbox.events import Body, EventContext, HttpRequest
from consumer.sandbox.refusals import Refusal
from consumer.sandbox.rules import Context, NewIds
from consumer.sandbox.sql import sql
from consumer.serve.api.rails_params import Params
from consumer.serve.read_pool import STATEMENT_SECONDS, ReadPool
from consumer.serve.sql import sql as serve_sql
from consumer.store.postgres import connect, translating
from schemas.grading_standards import Standard

MAX_PUBLISHED = 1000
"""Published objects that are remembered. An older one is known again when a worker has read it."""
WAIT_SECONDS = 30.0
"""How long a write waits for those before it."""

_MILLISECOND = timedelta(milliseconds=1)
_EDITED = ("title", "display_name", "description", "vendor_guid", "calculation_method", "calculation_int")
_OUTCOME, _SCALE = TABLES["learning_outcome"], TABLES["outcome_proficiency"]


@dataclass(frozen=True, slots=True)
class State:
    """A state of an object, and the time of its event."""

    body: Body
    event_time: datetime


class PublishedStates:
    """Published states that may not be in the projection yet, so that quick writes build on one another."""

    def __init__(self) -> None:
        self._published: OrderedDict[tuple[str, ...], State] = OrderedDict()

    def add(self, key: tuple[str, ...], state: State) -> None:
        """Remembers a state; forgets the oldest of too many."""
        self._published[key] = state
        self._published.move_to_end(key)
        if len(self._published) > MAX_PUBLISHED:
            self._published.popitem(last=False)

    def newest(self, key: tuple[str, ...], projected: State | None) -> State | None:
        """The newer one of the published and the projected state. Forgets the published one once it is projected."""
        published = self._published.get(key)
        if published is not None and (projected is None or projected.event_time < published.event_time):
            return published
        self._published.pop(key, None)
        return projected


class Sandbox:
    """All writes. They return a `Refusal` where Canvas refuses, and None where the object does not exist.

    Raises `Transient` where broker or database are away, and `Fatal` where they refuse us. Then nothing was written, unless
    only the broker's answer was lost.
    """

    def __init__(self, dsn: str, pool: ReadPool, publish: Callable[[bytes], Awaitable[None]]) -> None:
        """`publish` returns when the topic has the record."""
        self._dsn = dsn
        self._pool = pool
        self._publish_record = publish
        self._published = PublishedStates()
        self._highest: dict[tuple[str, str], int] = {}
        self._last_event_time = datetime.min.replace(tzinfo=UTC)
        self._event_lock, self._standard_lock = asyncio.Lock(), asyncio.Lock()

    async def put_outcome(
        self, tenant: str, id_: int, params: Params, request: HttpRequest
    ) -> Mapping[str, Any] | Refusal | None:
        """The outcome's row after the write, as of `outcome.sql`."""
        async with _one_at_a_time(self._event_lock):
            row = await self._pool.fetch_row(serve_sql("outcome"), tenant, id_, None)
            if row is None or row["workflow_state"] != "active":
                return None
            key = (tenant, _OUTCOME.name, str(id_))
            projected = State(events.body_of(_OUTCOME, dict(row)), row["event_time"])
            newest = self._published.newest(key, projected) or projected
            body = rules.outcome(newest.body, params, account_level=row["account_level"], now=datetime.now(UTC))
            if isinstance(body, Refusal):
                return body
            if body is not newest.body:
                context = await self._event_context(tenant, None)
                refusal = await self._publish(key, "learning_outcome_updated", body, newest.event_time, context, request)
                if refusal is not None:
                    return refusal
            edited = {name: body.get(name) for name in _EDITED}
            criterion = body.get("rubric_criterion")
            return {**row, **edited, "rubric_criterion": None if criterion is None else orjson.dumps(criterion).decode()}

    async def post_scale(self, tenant: str, context: Context, params: Params, request: HttpRequest) -> Body | Refusal:
        """The body of the event: the scale after the write. The context is known to exist."""
        async with _one_at_a_time(self._event_lock):
            row = await self._pool.fetch_row(sql("scale"), tenant, *context)
            assert row is not None, "it answers for any context"
            key = (tenant, _SCALE.name, *map(str, context))
            projected = State(events.body_of(_SCALE, dict(row)), row["event_time"]) if row["id"] is not None else None
            newest = self._published.newest(key, projected)
            new = NewIds(
                1 + max(row["highest_id"] or 0, self._highest.get((tenant, "scale"), 0), 0),
                1 + max(row["highest_rating_id"] or 0, self._highest.get((tenant, "rating"), 0)),
            )
            known, known_at = (newest.body, newest.event_time) if newest else (None, None)
            body = rules.scale(known, known_at, context, params, new, datetime.now(UTC))
            if isinstance(body, Refusal):
                return body
            name = f"outcome_proficiency_{'created' if known is None else 'updated'}"
            refusal = await self._publish(key, name, body, known_at, await self._event_context(tenant, context), request)
            if refusal is not None:
                return refusal
            self._note_id(tenant, "scale", int(body["outcome_proficiency_id"]))
            self._note_id(tenant, "rating", rules.highest_rating_id(body["outcome_proficiency_ratings"]))
            return body

    async def write_standard(
        self, tenant: str, context: Context, id_: int | None, params: Params, *, delete: bool = False
    ) -> Mapping[str, Any] | Refusal | None:
        """The row of a grading standard after the write; `id_` None makes a new one. In one transaction.

        One write at a time, because each opens a connection, and the worker needs some too.
        """
        async with _one_at_a_time(self._standard_lock):
            with translating():
                return await self._write_standard(tenant, context, id_, params, delete=delete)

    async def _write_standard(
        self, tenant: str, context: Context, id_: int | None, params: Params, *, delete: bool
    ) -> Mapping[str, Any] | Refusal | None:
        connection = await connect(self._dsn, statement_seconds=STATEMENT_SECONDS, application="outcomes serve --sandbox")
        try:
            async with connection.transaction():
                await connection.execute(query_sql("letters_lock"))
                known, used = None, False
                if id_ is None:
                    id_ = int(await connection.fetchval(sql("standard_id"), tenant))
                else:
                    row = await connection.fetchrow(sql("standard"), tenant, id_, *context)
                    if row is None:
                        return None
                    known, used = _standard(dict(row)), row["used"]
                made: Standard | Refusal
                if delete and known is not None:
                    made = known.model_copy(update={"workflow_state": "deleted"})
                else:
                    made = rules.standard(known, id_, context, params, used=used)
                if isinstance(made, Refusal):
                    return made
                (written,) = (await grading_standards.take_in(connection, [made], tenant, None)).standards
                return written
        except UsageError:  # no event of this tenant is known
            return None
        finally:
            connection.terminate()

    async def _event_context(self, tenant: str, context: Context | None) -> EventContext:
        row = await self._pool.fetch_row(sql("event_context"), tenant, *(context or (None, None)))
        assert row is not None, "it answers for any context"
        root = row["root_account_id"]
        if context is None:
            return EventContext(tenant, root)
        own = row["context_id"] or events.global_id(context[1], root)
        holder = row["context_account_id"] or events.global_id(row["local_account_id"], root)
        return EventContext(tenant, root, context[0], own, holder)

    async def _publish(
        self,
        key: tuple[str, ...],
        name: str,
        body: Body,
        after: datetime | None,
        context: EventContext,
        request: HttpRequest,
    ) -> Refusal | None:
        """Puts the event on the topic. Its time is after all events of this process, and after the state that it replaces."""
        self._last_event_time = max(_cut_to_milliseconds(datetime.now(UTC)), self._last_event_time + _MILLISECOND)
        at = self._last_event_time if after is None else max(self._last_event_time, _cut_to_milliseconds(after) + _MILLISECOND)
        record = events.event(name, body, at, context, request)
        if isinstance(record, Refusal):
            return record
        await self._publish_record(record)
        self._published.add(key, State(body, at))
        log.get("serve").info("published", event_name=name, request_id=request.request_id)
        return None

    def _note_id(self, tenant: str, what: str, id_: int) -> None:
        self._highest[tenant, what] = max(self._highest.get((tenant, what), 0), id_)


@asynccontextmanager
async def _one_at_a_time(lock: asyncio.Lock) -> AsyncIterator[None]:
    """One write after the other: each builds on the one before, and events on the topic are in order of time."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await lock.acquire()
    except TimeoutError:
        raise Transient("writes before this one are still waiting") from None
    try:
        yield
    finally:
        lock.release()


def _cut_to_milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _standard(row: Mapping[str, Any]) -> Standard:
    members = {name: row[name] for name in ("id", "title", "context_type", "context_id", "workflow_state", "points_based")}
    scheme = json.loads(row["grading_scheme"], parse_float=Decimal)
    return Standard.model_validate({**members, "scaling_factor": row["scaling_factor"], "grading_scheme": scheme})
