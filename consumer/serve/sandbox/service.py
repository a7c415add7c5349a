"""Writing as in Canvas, for `outcomes serve --sandbox`, so that a whole pipeline can be tried without one.

A write of an outcome or a scale becomes the Live Event that Canvas would post, on the topic, and is answered when the broker
has it; the projection follows when a worker has read it. Grading standards have no event and are written directly. One sandbox
at a time writes for a tenant: what it has published and nobody has read yet is known to this process alone.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import orjson

from consumer import log
from consumer.errors import Transient, UsageError
from consumer.ingest.tables import TABLES
from consumer.query import grading_standards
from consumer.query.sql import sql as read_sql
from consumer.serve.api.rails_params import Params
from consumer.serve.reading import STATEMENT_SECONDS, Reading
from consumer.serve.sandbox import rules
from consumer.serve.sandbox.rules import Body, FreshIds, Place, Refused, Request
from consumer.serve.sql import sql
from consumer.store.postgres import connect, translated
from schemas.grading_standards import Standard

Context: TypeAlias = tuple[Literal["Account", "Course"], int]

PENDING = 1000
"""Published objects that are remembered, at most. An older one is known again when a worker has read it."""
WAIT_SECONDS = 30.0
"""How long a write waits for those before it."""

_MILLISECOND = timedelta(milliseconds=1)
_EDITED = ("title", "display_name", "description", "vendor_guid", "calculation_method", "calculation_int")
_OUTCOME, _SCALE = TABLES["learning_outcome"], TABLES["outcome_proficiency"]


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest state of an object, and the time of its event."""

    body: Body
    event_time: datetime


class Pending:
    """States that were published and may not be in the projection yet, so that quick writes build on one another."""

    def __init__(self) -> None:
        self._published: OrderedDict[tuple[str, ...], Newest] = OrderedDict()

    def publish(self, key: tuple[str, ...], state: Newest) -> None:
        """Remembers it; forgets the oldest where there are too many."""
        self._published[key] = state
        self._published.move_to_end(key)
        if len(self._published) > PENDING:
            self._published.popitem(last=False)

    def newer(self, key: tuple[str, ...], shown: Newest | None) -> Newest | None:
        """The newer of what was published and what the projection shows; what it shows needs no remembering."""
        published = self._published.get(key)
        if published is not None and (shown is None or shown.event_time < published.event_time):
            return published
        self._published.pop(key, None)
        return shown


class Sandbox:
    """All writes. What Canvas refuses comes back as `Refused`, what does not exist as None.

    Raises `Transient` where broker or database are away, and `Fatal` where they refuse us; then nothing was written, unless it
    was the broker's answer alone that was lost.
    """

    def __init__(self, dsn: str, reading: Reading, publish: Callable[[bytes], Awaitable[None]]) -> None:
        """`publish` returns when the topic has the record."""
        self._dsn = dsn
        self._reading = reading
        self._publish_record = publish
        self._pending = Pending()
        self._highest: dict[tuple[str, str], int] = {}
        self._last = datetime.min.replace(tzinfo=UTC)
        self._events, self._standards = asyncio.Lock(), asyncio.Lock()

    async def put_outcome(self, tenant: str, id_: int, params: Params, request: Request) -> Mapping[str, Any] | Refused | None:
        """The outcome's row after the write, as `outcome.sql` tells one."""
        async with _in_turn(self._events):
            row = await self._reading.row("outcome", tenant, id_, None)
            if row is None or row["workflow_state"] != "active":
                return None
            key = (tenant, _OUTCOME.name, str(id_))
            shown = Newest(rules.body_of(_OUTCOME, dict(row)), row["event_time"])
            newest = self._pending.newer(key, shown) or shown
            body = rules.outcome(newest.body, params, account_level=row["account_level"], now=datetime.now(UTC))
            if isinstance(body, Refused):
                return body
            if body is not newest.body:
                place = await self._place(tenant, None)
                refused = await self._publish(key, "learning_outcome_updated", body, newest.event_time, place, request)
                if refused is not None:
                    return refused
            edited = {name: body.get(name) for name in _EDITED}
            criterion = body.get("rubric_criterion")
            return {**row, **edited, "rubric_criterion": None if criterion is None else orjson.dumps(criterion).decode()}

    async def post_scale(self, tenant: str, context: Context, params: Params, request: Request) -> Body | Refused:
        """The body of the event: the scale after the write. The context is known to exist."""
        async with _in_turn(self._events):
            row = await self._reading.row("sandbox_scale", tenant, *context)
            assert row is not None, "it answers for any context"
            key = (tenant, _SCALE.name, *map(str, context))
            shown = Newest(rules.body_of(_SCALE, dict(row)), row["event_time"]) if row["id"] is not None else None
            newest = self._pending.newer(key, shown)
            fresh = FreshIds(
                1 + max(row["highest_id"] or 0, self._highest.get((tenant, "scale"), 0), 0),
                1 + max(row["highest_rating_id"] or 0, self._highest.get((tenant, "rating"), 0)),
            )
            known, told_at = (newest.body, newest.event_time) if newest else (None, None)
            body = rules.scale(known, told_at, context, params, fresh, datetime.now(UTC))
            if isinstance(body, Refused):
                return body
            name = f"outcome_proficiency_{'created' if known is None else 'updated'}"
            refused = await self._publish(key, name, body, told_at, await self._place(tenant, context), request)
            if refused is not None:
                return refused
            self._took(tenant, "scale", int(body["outcome_proficiency_id"]))
            self._took(tenant, "rating", rules.highest_rating_id([body["outcome_proficiency_ratings"]]))
            return body

    async def write_standard(
        self, tenant: str, context: Context, id_: int | None, params: Params, *, delete: bool = False
    ) -> Mapping[str, Any] | Refused | None:
        """The row of a grading standard after the write; `id_` None makes a new one. All or nothing, one write at a time.

        In turn also for the database's sake: each write has a connection of its own, and the worker needs some too.
        """
        async with _in_turn(self._standards):
            return await self._write_standard(tenant, context, id_, params, delete=delete)

    async def _write_standard(
        self, tenant: str, context: Context, id_: int | None, params: Params, *, delete: bool
    ) -> Mapping[str, Any] | Refused | None:
        connection = await connect(self._dsn, statement_seconds=STATEMENT_SECONDS, application="outcomes serve --sandbox")
        try:
            async with connection.transaction():
                await connection.execute(read_sql("letters_lock"))
                known, used = None, False
                if id_ is None:
                    id_ = int(await connection.fetchval(sql("sandbox_standard_id"), tenant))
                else:
                    row = await connection.fetchrow(sql("sandbox_standard"), tenant, id_, *context)
                    if row is None:
                        return None
                    known, used = _standard(dict(row)), row["used"]
                made: Standard | Refused
                if delete and known is not None:
                    made = known.model_copy(update={"workflow_state": "deleted"})
                else:
                    made = rules.standard(known, id_, context, params, used=used)
                if isinstance(made, Refused):
                    return made
                (written,) = (await grading_standards.take_in(connection, [made], tenant, None)).standards
                return written
        except UsageError:  # nothing is known of this tenant
            return None
        except Exception as error:
            meaning = translated(error)
            if meaning is None or meaning is error:
                raise
            raise meaning from error
        finally:
            connection.terminate()

    async def _place(self, tenant: str, context: Context | None) -> Place:
        row = await self._reading.row("sandbox_place", tenant, *(context or (None, None)))
        assert row is not None, "it answers for any context"
        root = row["root_account_id"]
        if context is None:
            return Place(tenant, root)
        own = row["context_id"] or rules.global_id(context[1], root)
        holder = row["context_account_id"] or rules.global_id(row["local_account_id"], root)
        return Place(tenant, root, context[0], own, holder)

    async def _publish(
        self, key: tuple[str, ...], name: str, body: Body, after: datetime | None, place: Place, request: Request
    ) -> Refused | None:
        """Puts the event on the topic, later than any of this process and than the state that it replaces."""
        self._last = max(_whole_milliseconds(datetime.now(UTC)), self._last + _MILLISECOND)
        at = self._last if after is None else max(self._last, _whole_milliseconds(after) + _MILLISECOND)
        record = rules.event(name, body, at, place, request)
        if isinstance(record, Refused):
            return record
        await self._publish_record(record)
        self._pending.publish(key, Newest(body, at))
        log.get("serve").info("published", event_name=name, request_id=request.request_id)
        return None

    def _took(self, tenant: str, what: str, id_: int) -> None:
        self._highest[tenant, what] = max(self._highest.get((tenant, what), 0), id_)


@asynccontextmanager
async def _in_turn(turn: asyncio.Lock) -> AsyncIterator[None]:
    """One write after the other: each builds on the one before, and the times of events are in the topic's order."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await turn.acquire()
    except TimeoutError:
        raise Transient("writes before this one are still waiting") from None
    try:
        yield
    finally:
        turn.release()


def _whole_milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _standard(row: Mapping[str, Any]) -> Standard:
    told = {name: row[name] for name in ("id", "title", "context_type", "context_id", "workflow_state", "points_based")}
    scheme = json.loads(row["grading_scheme"], parse_float=Decimal)
    return Standard.model_validate({**told, "scaling_factor": row["scaling_factor"], "grading_scheme": scheme})
