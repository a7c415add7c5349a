"""Named valid events. `payloads/` holds one for each event name as Canvas sends it; the functions here vary them."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from consumer.ingest.decode import Rules, decode
from consumer.ingest.records import Accepted, RawRecord, Rejected, Verdict

PAYLOADS = Path(__file__).parent / "payloads"
TENANT = "VicYj3cu5BIFpoZhDVU4DZumnlBrWi1grgJEzADs"
NOON = datetime(2025, 3, 20, 12, tzinfo=UTC)
"""A moment for events that do not care."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""The clock of tests that have no other."""
RULES = Rules()

Event = dict[str, Any]


def payload(event_name: str) -> Event:
    """The stored event of this name."""
    event: Event = json.loads((PAYLOADS / f"{event_name}.json").read_text(encoding="utf-8"))
    return event


def iso(time: datetime) -> str:
    """As Canvas writes `event_time`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(event_name: str, *, at: datetime | str | None = None, tenant: str | None = TENANT, **members: Any) -> Event:
    """The stored event with another time, tenant and members; `...` takes a member out."""
    changed = deepcopy(payload(event_name))
    if at is not None:
        changed["metadata"]["event_time"] = iso(at) if isinstance(at, datetime) else at
    if tenant is None:
        changed["metadata"].pop("root_account_uuid", None)
    else:
        changed["metadata"]["root_account_uuid"] = tenant
    for name, value in members.items():
        if value is ...:
            changed["body"].pop(name, None)
        else:
            changed["body"][name] = value
    return changed


def result(id: int = 1, *, minute: int = 0, created: bool = False, **members: Any) -> Event:  # noqa: A002 - Canvas's word
    """A `learning_outcome_result` event, `minute` minutes after noon."""
    name = "learning_outcome_result_created" if created else "learning_outcome_result_updated"
    return event(name, at=NOON + timedelta(minutes=minute), id=str(id), **members)


def scale(*points: float, mastery: int = 1, minute: int = 0, **members: Any) -> Event:
    """An `outcome_proficiency_updated` whose `updated_at` does not move; rating number `mastery` (from 0) is the threshold."""
    ratings = [
        {
            "outcome_proficiency_rating_id": str(index + 1),
            "description": f"Level {index}",
            "points": float(value),
            "mastery": index == mastery,
            "color": "0B874B",
            "workflow_state": "active",
        }
        for index, value in enumerate(points)
    ]
    return event(
        "outcome_proficiency_updated", at=NOON + timedelta(minutes=minute), outcome_proficiency_ratings=ratings, **members
    )


def raw(value: Event | list[Any] | bytes | None, position: int = 0, source: str = "topic", partition: int = 0) -> RawRecord:
    """A record that holds this."""
    data = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return RawRecord(source, partition, position, data)


def verdicts(value: Event | list[Any] | bytes | None, rules: Rules = RULES) -> list[Verdict]:
    """What becomes of a record that holds this."""
    return decode(raw(value), rules, NOW)


def accepted(value: Event | bytes, rules: Rules = RULES) -> Accepted:
    """The one version that this event is."""
    (verdict,) = verdicts(value, rules)
    assert isinstance(verdict, Accepted), verdict
    return verdict


def rejected(value: Event | list[Any] | bytes, rules: Rules = RULES) -> Rejected:
    """The one refusal that this record is."""
    (verdict,) = verdicts(value, rules)
    assert isinstance(verdict, Rejected), verdict
    return verdict


def member(version: Accepted, name: str) -> Any:
    """A column's value."""
    return version.values[version.table.members.index(name)]
