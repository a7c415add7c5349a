"""What Canvas sent -> the records to publish: `{metadata, body}`, without signature, wrapper and personal metadata. Pure."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from consumer.errors import NoEvent
from consumer.ingest.unwrap import Envelope, unwrap

HEADER = "outcomes-intake"
"""Header of a record: `https`, or `sqs:` and the name of the queue."""

KEPT_METADATA = frozenset(
    {
        "context_account_id",
        "context_id",
        "context_role",
        "context_type",
        "developer_key_id",
        "event_name",
        "event_time",
        "hostname",
        "http_method",
        "job_id",
        "job_tag",
        "producer",
        "root_account_id",
        "root_account_lti_guid",
        "root_account_uuid",
    }
)
"""Metadata that tell neither who made the request nor from where. All others are dropped, those that Canvas invents too."""


class Event(NamedTuple):
    """One event, as it is published."""

    value: bytes
    """The JSON object `{metadata, body}`."""
    headers: tuple[tuple[str, bytes], ...] = ()
    """Headers of the record: where it came in."""

    def __repr__(self) -> str:
        """Without its content, which may be personal."""
        return f"Event({len(self.value)} bytes)"


def events_of(raw: bytes, headers: Mapping[str, str], *, drop_personal: bool) -> list[Event]:
    """The events in what arrived, in any wrapper; one as a rule. Raises `NoEvent` where not all of it is events."""
    found = unwrap(raw)
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    events = []
    for item in found:
        if not isinstance(item, Envelope):
            raise NoEvent(item.message)
        events.append(Event(_published(item, drop_personal=drop_personal), encoded))
    return events


def _published(envelope: Envelope, *, drop_personal: bool) -> bytes:
    metadata: dict[str, Any] = envelope.metadata
    if drop_personal:
        metadata = {name: value for name, value in metadata.items() if name in KEPT_METADATA}
    whole = {"metadata": metadata, "body": envelope.body}
    if not envelope.lenient:
        return orjson.dumps(whole)
    return json.dumps(whole, separators=(",", ":")).encode()  # NaN and lone surrogates too: the worker refuses and keeps them
