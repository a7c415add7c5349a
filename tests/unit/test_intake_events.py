"""What an intake publishes."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import NoEvent
from consumer.intake.events import KEPT_METADATA, events_of

METADATA = {
    "event_name": "learning_outcome_created",
    "event_time": "2025-03-20T15:04:05.310Z",
    "root_account_uuid": "a" * 40,
    "user_login": "ada",
    "client_ip": "192.0.2.1",
    "invented_by_canvas": "ada@example.org",
}
BODY = {"learning_outcome_id": "12", "points": 4.0}


def test_signature_dialect_and_personal_metadata_are_gone() -> None:
    """The record has only metadata and body, in their own names, and nothing that tells who made the request."""
    raw = orjson.dumps({"iss": "x", "exp": 1, "attributes": METADATA, "data": BODY})
    (event,) = events_of(raw, {"outcomes-intake": "https"}, drop_personal=True)
    kept = {name: METADATA[name] for name in ("event_name", "event_time", "root_account_uuid")}
    assert orjson.loads(event.value) == {"metadata": kept, "body": BODY}
    assert event.headers == (("outcomes-intake", b"https"),)


def test_personal_metadata_stay_by_choice() -> None:
    """With the setting off, the metadata are as Canvas wrote them."""
    (event,) = events_of(orjson.dumps({"metadata": METADATA, "body": BODY}), {}, drop_personal=False)
    assert orjson.loads(event.value)["metadata"] == METADATA


def test_no_personal_name_is_kept() -> None:
    """Nothing that is kept names a person, an address or a secret."""
    personal = {"user_id", "real_user_id", "user_login", "user_sis_id", "client_ip", "session_id"}
    secret = {"url", "referrer", "user_agent"}
    assert not (personal | secret) & KEPT_METADATA


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", b'{"metadata":{"event_name":"x"}}', b'{"body":{}}'])
def test_what_is_no_event_is_refused(raw: bytes) -> None:
    """It is refused in a sentence."""
    with pytest.raises(NoEvent, match=r"\w{3}"):
        events_of(raw, {}, drop_personal=True)


def test_an_event_that_json_forbids_is_published_for_quarantine() -> None:
    """NaN and half characters reach the worker, which refuses and keeps them: refused here they would be lost."""
    raw = b'{"metadata":{"event_name":"learning_outcome_created"},"body":{"a":NaN,"b":"\\ud800"}}'
    (event,) = events_of(raw, {}, drop_personal=True)
    assert b"NaN" in event.value
    assert b"\\ud800" in event.value


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_are_events_or_refused(raw: bytes) -> None:
    """No bytes raise another error."""
    with suppress(NoEvent):
        assert events_of(raw, {}, drop_personal=True)
