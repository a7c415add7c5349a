"""The models say what Canvas sends, and the published files say what the models say."""

import json

import jsonschema
import pytest

from consumer.ingest.decode import TOMBSTONE
from consumer.ingest.records import Accepted, Ignored, Rejected
from consumer.ingest.tables import TABLE_OF_EVENT, TABLES
from schemas import publish
from schemas.base import Body
from schemas.events import BODIES, EVENTS, HEARTBEAT
from tests.samples import payload, verdicts


@pytest.mark.parametrize("event_name", BODIES)
def test_published_json_schema_equals_the_model(event_name: str) -> None:
    """Whoever changes a model runs `python -m schemas.publish`."""
    assert (publish.FOLDER / f"{event_name}.json").read_text(encoding="utf-8") == publish.text(event_name)


def test_published_json_schemas_are_of_known_events_only() -> None:
    """No file outlives its event."""
    assert {path.stem for path in publish.FOLDER.glob("*.json")} == set(BODIES)


@pytest.mark.parametrize("event_name", BODIES)
def test_the_example_of_an_event_fits_its_json_schema_and_its_model(event_name: str) -> None:
    """The people who run the bridge can check what they send, and see one that is right."""
    document = publish.document(event_name)
    (example,) = document["examples"]
    jsonschema.validate(example, document, format_checker=jsonschema.FormatChecker())
    body = BODIES[event_name].model_validate(example["body"])
    assert body.model_extra == {}
    assert example["metadata"]["event_name"] == event_name


@pytest.mark.parametrize("model", dict.fromkeys(BODIES.values()))
def test_the_examples_of_a_kind_show_all_its_members(model: type[Body]) -> None:
    """All but those that any body may have."""
    examples = [publish.document(name)["examples"][0] for name, one in BODIES.items() if one is model]
    shown = {member for example in examples for member in example["body"]}
    assert model.model_fields.keys() - Body.model_fields.keys() - shown == set()


@pytest.mark.parametrize("event_name", EVENTS)
def test_every_event_is_accepted_into_its_table(event_name: str) -> None:
    """The stored payload of each name becomes one version."""
    (verdict,) = verdicts(payload(event_name))
    assert isinstance(verdict, Accepted)
    assert verdict.table is TABLE_OF_EVENT[event_name]
    assert len(verdict.values) == len(verdict.table.members)


def test_a_json_schema_refuses_what_decoding_refuses() -> None:
    """An id of zero and a time without a zone, for example."""
    times = (("assessed_at", "2025-03-20T15:04:05"), ("assessed_at", "2025-03-20"), ("created_at", ""))
    for member, value in (("id", "0"), ("score", "5"), ("learning_outcome_id", None), *times):
        event = payload("learning_outcome_result_created")
        event["body"][member] = value
        assert isinstance(verdicts(event)[0], Rejected)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(event, publish.document("learning_outcome_result_created"))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("assessed_at", "2025-03-20 15:04:05.31+00"),
        ("assessed_at", "2025-03-20T15:04:05,31Z"),
        ("assessed_at", "2025-03-20T15:04:05.31 GMT"),
        ("assessed_at", "2025-03-20T15:04:05.31Z[UTC]"),
        ("assessed_at", "2025-03-20T16:04:05.31+01:00[Europe/Paris]"),
        ("assessed_at", "2025-03-20 15:04:05.31 +0000 UTC"),
        ("assessed_at", "2025-03-20 16:04:05.31 +0100 CET"),
        ("assessed_at", "2025-03-20T15:04Z"),
        ("learning_outcome_id", 8000.0),
        ("learning_outcome_id", "8000.0"),
        ("learning_outcome_id", "4.0013123E7"),
    ],
)
def test_a_json_schema_takes_what_decoding_takes(member: str, value: object) -> None:
    """As tools print times and ids on the way."""
    event = payload("learning_outcome_result_created")
    event["body"][member] = value
    assert isinstance(verdicts(event)[0], Accepted)
    jsonschema.validate(event, publish.document("learning_outcome_result_created"))


def test_a_json_schema_refuses_an_event_time_without_a_zone() -> None:
    """As decoding does."""
    event = payload("learning_outcome_result_created")
    event["metadata"]["event_time"] = "2025-03-20T15:04:05"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event, publish.document("learning_outcome_result_created"))


def test_a_heartbeat_is_ignored_and_counted_under_its_name() -> None:
    """It feeds the liveness of the feed."""
    (verdict,) = verdicts(payload(HEARTBEAT))
    assert isinstance(verdict, Ignored)
    assert verdict.event_name == HEARTBEAT
    assert verdict.event_time is not None


def test_a_tombstone_is_ignored() -> None:
    """Compacted topics hold messages without a value."""
    (verdict,) = verdicts(None)
    assert isinstance(verdict, Ignored)
    assert verdict.event_name == TOMBSTONE


def test_every_member_says_what_it_is() -> None:
    """Descriptions become the columns' comments and the files' documentation."""
    for table in TABLES.values():
        for name, field in table.model.model_fields.items():
            assert field.description, f"{table.name}.{name}"


def test_models_are_frozen_and_keep_unknown_members() -> None:
    """A value that travels through the house does not change on the way."""
    event = payload("course_created")
    body = BODIES["course_created"].model_validate(event["body"] | {"sis_term": "2025-S"})
    assert body.model_extra == {"sis_term": "2025-S"}
    with pytest.raises(ValueError, match="frozen"):
        body.workflow_state = "deleted"  # type: ignore[misc]


def test_json_schema_files_are_json_schema() -> None:
    """Each is valid against the draft it names."""
    for path in publish.FOLDER.glob("*.json"):
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
