"""The Live Event of a write, as Canvas posts it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from consumer.ingest.tables import Table
from consumer.sandbox.refusals import Refusal
from schemas.base import SHARD

Body: TypeAlias = dict[str, Any]
"""Of an event: without nulls, ids as strings."""

MAX_EVENT_BYTES = 1_000_000
"""Canvas drops a larger event unsent."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The request that made an event, for its metadata. The address has no query: that may hold a secret."""

    method: str
    url: str
    hostname: str | None
    client_ip: str | None
    user_agent: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class EventContext:
    """The tenant and context of an event, for its metadata; ids are global, None where no event tells them."""

    root_account_uuid: str
    root_account_id: int | None
    context_type: str | None = None
    context_id: int | None = None
    context_account_id: int | None = None


def global_id(local: int | None, root_account_id: int | None) -> int | None:
    """The global id of an object on the root account's shard."""
    if local is None or root_account_id is None or local >= SHARD:
        return local
    return root_account_id // SHARD * SHARD + local


def event(name: str, body: Body, at: datetime, context: EventContext, request: HttpRequest) -> bytes | Refusal:
    """The record for the topic. Refuses an event that is larger than Canvas sends."""
    ids = {
        "root_account_id": context.root_account_id,
        "context_type": context.context_type,
        "context_id": context.context_id,
        "context_account_id": context.context_account_id,
    }
    metadata: Body = {
        "event_name": name,
        "event_time": milliseconds(at),
        "producer": "canvas",
        "root_account_uuid": context.root_account_uuid,
        **{member: str(value) for member, value in ids.items() if value is not None},
        "request_id": request.request_id,
        "hostname": request.hostname,
        "http_method": request.method,
        "url": request.url,
        "client_ip": request.client_ip,
        "user_agent": request.user_agent,
        "referrer": None,
    }
    value = orjson.dumps({"metadata": metadata, "body": body})
    if len(value) > MAX_EVENT_BYTES:
        message = f"the event would have more than {MAX_EVENT_BYTES} bytes, and Canvas sends none such"
        return Refusal(400, {"errors": [{"message": message}]})
    return value


def body_of(table: Table, row: Mapping[str, Any]) -> Body:
    """A row of the projection as the body of its event."""
    body: Body = {table.id_member: str(row["id"])}
    for name in table.members:
        value = row[name]
        if value is None:
            continue
        if name in table.json:
            value = orjson.loads(value)
        elif name.endswith("_id"):
            value = str(value)
        elif isinstance(value, datetime):
            value = whole_seconds(value)
        body[name] = value
    if row["extra"] is not None:
        body |= orjson.loads(row["extra"])
    return body


def whole_seconds(time: datetime) -> str:
    """As Canvas writes times in a body."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def milliseconds(time: datetime) -> str:
    """As Canvas writes `event_time`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
