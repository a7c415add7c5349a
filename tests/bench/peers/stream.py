"""The same results in the forms that the peers like, keyed by id, some seen beforehand so that nobody is measured cold."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from tests.bench import gate
from tests.bench.gate import PARTITIONS, Gate
from tests.bench.rows import events

Form = Literal["event", "flat", "flat with schema"]

COLUMNS = {
    "id": "bigint",
    "learning_outcome_id": "bigint",
    "learning_outcome_context_uuid": "text",
    "result_context_type": "text",
    "result_context_id": "bigint",
    "result_context_uuid": "text",
    "user_uuid": "text",
    "score": "double precision",
    "possible": "double precision",
    "percent": "double precision",
    "mastery": "boolean",
    "original_score": "double precision",
    "original_possible": "double precision",
    "original_mastery": "boolean",
    "attempt": "integer",
    "assessed_at": "timestamptz",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "associated_asset_type": "text",
    "associated_asset_id": "bigint",
    "artifact_type": "text",
    "artifact_id": "bigint",
    "artifact_created_at": "timestamptz",
    "artifact_updated_at": "timestamptz",
    "event_time": "timestamptz",
}
"""Members of a result with the type of their column, the same in our table and the peers'."""

_AS_LIKED: dict[str, Callable[[Any], Any]] = {
    "bigint": int,
    "integer": int,
    "double precision": float,
    "boolean": bool,
    "text": str,
    "timestamptz": lambda text: text.replace("Z", "+00:00"),  # Pathway refuses a Z; all understand an offset
}

END = 1_000_000_000
"""Ids from here on are the last record of each partition: when all are seen, the rest is."""
WARM = 2_000_000_000
"""Ids from here on are what is read before the clock starts: connections, plans and compiled code are there then."""
WARM_END = 3_000_000_000
WARM_EVENTS = 20_000

_CONNECT_TYPES = {
    "bigint": {"type": "int64"},
    "integer": {"type": "int32"},
    "double precision": {"type": "double"},
    "boolean": {"type": "boolean"},
    "text": {"type": "string"},
    "timestamptz": {"type": "string", "name": "io.debezium.time.ZonedTimestamp"},
}
CONNECT_SCHEMA = {
    "type": "struct",
    "optional": False,
    "fields": [{"field": name, "optional": name != "id", **_CONNECT_TYPES[kind]} for name, kind in COLUMNS.items()],
}
"""The flat record as Kafka Connect's JsonConverter describes it."""

Row = tuple[Any, ...]


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """An event's body and time as one row: ids and numbers as numbers."""
    found = event["body"] | {"event_time": event["metadata"]["event_time"]}
    return {name: _AS_LIKED[kind](found[name]) for name, kind in COLUMNS.items()}


def row(event: dict[str, Any]) -> Row:
    """As Postgres gives it back."""
    values = flat(event)
    return tuple(
        datetime.fromisoformat(values[name]) if kind == "timestamptz" else values[name] for name, kind in COLUMNS.items()
    )


@dataclass(frozen=True)
class Stream:
    """Records of one form, and the right rows after them."""

    warm: Sequence[tuple[int, bytes]]
    """Ids and records."""
    measured: Sequence[tuple[int, bytes]]
    last: dict[int, Row]
    """By id: the state that arrived last."""
    newest: dict[int, Row]
    """By id: the newest state."""

    def bytes_each(self) -> int:
        """Mean size of a record."""
        return sum(len(value) for _, value in self.measured) // len(self.measured)


def _encode(event: dict[str, Any], form: Form) -> bytes:
    if form == "event":
        return json.dumps(event).encode()
    if form == "flat":
        return orjson.dumps(flat(event))
    return orjson.dumps({"schema": CONNECT_SCHEMA, "payload": flat(event)})


def streams(count: int, forms: Iterable[Form]) -> dict[Form, Stream]:
    """`count` events in each of these forms."""
    warm: dict[Form, list[tuple[int, bytes]]] = {form: [] for form in forms}
    measured: dict[Form, list[tuple[int, bytes]]] = {form: [] for form in warm}
    last, newest = dict[int, Row](), dict[int, Row]()
    where = list(COLUMNS).index("event_time")

    def add(records: dict[Form, list[tuple[int, bytes]]], event: dict[str, Any], id_: int) -> None:
        event["body"]["id"] = str(id_)
        for form, found in records.items():
            found.append((id_, _encode(event, form)))

    event: dict[str, Any] = {}
    for value in events(WARM_EVENTS, seed=2):
        event = json.loads(value)
        add(warm, event, WARM + int(event["body"]["id"]))
    for value in events(count):
        event = json.loads(value)
        id_ = int(event["body"]["id"])
        last[id_] = state = row(event)
        if id_ not in newest or state[where] > newest[id_][where]:
            newest[id_] = state
        add(measured, event, id_)
    for partition in range(PARTITIONS):
        add(warm, event, WARM_END + partition)
        add(measured, event, END + partition)
    return {form: Stream(warm[form], measured[form], last, newest) for form in warm}


async def closed(bootstrap: str, stream: Stream) -> Gate:
    """A new topic, partitioned by id: what comes beforehand is there, the rest waits behind the gate."""
    ids, values = zip(*stream.measured, strict=True)
    return await gate.closed(bootstrap, values, keys=ids, beforehand=stream.warm)
