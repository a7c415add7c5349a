"""What REST told, as events of our own."""

import json
from typing import Any

import pytest

from consumer.ingest.decode import decode
from consumer.ingest.records import Accepted, Ignored, Rejected
from consumer.ingest.tables import TABLES
from schemas.base import Reason
from schemas.snapshots import SNAPSHOTS
from tests.samples import NOON, NOW, RULES, TENANT, accepted, event, iso, payload, raw

CANVAS = "canvas:school.example"


def snapshot(table: str, body: dict[str, Any]) -> Any:
    """The verdict on it."""
    metadata = {"event_name": f"{table}_backfilled", "event_time": iso(NOON), "root_account_uuid": TENANT}
    (verdict,) = decode(raw({"metadata": metadata, "body": body}, 1, CANVAS), RULES, NOW)
    return verdict


@pytest.mark.parametrize("name", [name for name in SNAPSHOTS if TABLES[name.removesuffix("_backfilled")].model.events is None])
def test_a_snapshot_is_a_version_that_is_older_than_an_event_of_the_same_moment(name: str) -> None:
    """The members are those of the event; where both are of one millisecond the feed is believed."""
    table = name.removesuffix("_backfilled")
    body = payload(f"{table}_created")["body"]
    told, posted = snapshot(table, body), accepted(event(f"{table}_created", at=NOON))
    assert isinstance(told, Accepted)
    assert told.table.name == table
    assert told.values == posted.values
    assert told.key < posted.key


def test_a_snapshot_comes_from_canvas_and_from_nowhere_else() -> None:
    """On a topic or in a file the name is one of those that nobody knows."""
    body = payload("learning_outcome_created")["body"]
    metadata = {"event_name": "learning_outcome_backfilled", "event_time": iso(NOON), "root_account_uuid": TENANT}
    for source in ("topic", "file:0123"):
        (verdict,) = decode(raw({"metadata": metadata, "body": body}, 1, source), RULES, NOW)
        assert isinstance(verdict, Ignored)


@pytest.mark.parametrize("table", ["account", "course"])
def test_a_local_id_leaves_the_global_one_unknown(table: str) -> None:
    """REST tells local ids, the feed global ones; one that is known is passed on."""
    id_member = TABLES[table].id_member
    body = payload(f"{table}_created")["body"] | {id_member: "79"}
    assert snapshot(table, body).values[TABLES[table].members.index("global_id")] is None
    known = snapshot(table, body | {id_member: "21070000000000079"})
    assert known.values[0] == 21070000000000079
    assert known.key.id == snapshot(table, body).key.id == 79


def test_a_result_without_created_at_and_a_scale_with_a_negative_id_are_understood_from_canvas_alone() -> None:
    """REST tells neither; of an event both are refused."""
    body = payload("learning_outcome_result_created")["body"]
    del body["created_at"]
    assert isinstance(snapshot("learning_outcome_result", body), Accepted)
    body = payload("outcome_proficiency_created")["body"] | {"outcome_proficiency_id": -2}
    assert snapshot("outcome_proficiency", body).key.id == -2
    for name, wrong in (
        ("learning_outcome_result_created", {"created_at": ...}),
        ("outcome_proficiency_created", {"outcome_proficiency_id": -2}),
    ):
        (verdict,) = decode(raw(json.dumps(event(name, **wrong)).encode()), RULES, NOW)
        assert isinstance(verdict, Rejected)
    assert snapshot("outcome_proficiency", body | {"outcome_proficiency_id": 0}).reason == Reason.BAD_ID
