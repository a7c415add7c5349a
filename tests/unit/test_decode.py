"""Bytes -> verdicts: dialects, normalisation, refusals."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.ingest.decode import Rules
from consumer.ingest.records import Accepted, Ignored, Rejected
from consumer.ingest.texts import MAX_DEPTH
from consumer.ingest.unwrap import MAX_WRAPPERS
from consumer.printable import shown_name
from schemas.base import Reason
from schemas.events import EVENTS, HEARTBEAT
from tests.samples import NOW, TENANT, Event, accepted, event, iso, member, payload, rejected, result, scale, verdicts

RESULT = payload("learning_outcome_result_updated")

HASH_OF_8000 = -5577036737026643562
"""Of the version of a test below, as code computed it that knew no ids but digits and integers."""


def sqs(inner: Any) -> Event:
    """As the SQS API hands it out."""
    return {"MessageId": "1", "ReceiptHandle": "r", "Body": json.dumps(inner), "Attributes": {"SentTimestamp": "1"}}


def sns(inner: Any) -> Event:
    """As SNS delivers to a queue."""
    return {"Type": "Notification", "MessageId": "2", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(inner)}


DIALECTS: dict[str, Any] = {
    "published": RESULT,
    "canvas' inside": {"attributes": RESULT["metadata"], "body": RESULT["body"]},
    "documents of 2018": {"metadata": RESULT["metadata"], "data": RESULT["body"]},
    "SQS": sqs(RESULT),
    "SNS": sns(RESULT),
    "SNS in SQS": sqs(sns(RESULT)),
    "array": [RESULT],
    "array in SQS": sqs([RESULT]),
    "aws sqs receive-message": {"Messages": [sqs(RESULT)]},
    "Lambda from SQS": {"Records": [{"messageId": "1", "body": json.dumps(RESULT), "attributes": {"SentTimestamp": "1"}}]},
    "Lambda from SNS": {"Records": [{"EventSource": "aws:sns", "Sns": sns(RESULT)}]},
    "kcat -J": {"topic": "t", "partition": 0, "offset": 7, "key": None, "payload": json.dumps(RESULT)},
    "kcat -J -s value": {"topic": "t", "partition": 0, "offset": 7, "key": None, "payload": RESULT},
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_the_same_version(dialect: str) -> None:
    """However an event is wrapped, its key and values are the same."""
    found, plain = accepted(DIALECTS[dialect]), accepted(RESULT)
    assert (found.key, found.values) == (plain.key, plain.values)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 1, "learning_outcome_id": 1, "artifact_id": 22},
        {"score": 5.0, "possible": 5.0, "percent": 1.0},
        {"attempt": 1.0},
        {"updated_at": "2019-10-31T18:21:24-06:00"},
        {"updated_at": "2019-11-01 00:21:24 +0000"},
        {"updated_at": "2019-11-01 00:21:24 UTC"},
        {"updated_at": "2019-11-01T00:21:24.000Z"},
        {"hidden": None},
        {"workflow_state": "active"},
    ],
)
def test_the_way_a_value_is_written_makes_no_other_version(change: dict[str, Any]) -> None:
    """Ids as integers, numbers with or without a fraction, times with an offset, explicit nulls."""
    changed = RESULT | {"body": RESULT["body"] | change}
    assert accepted(changed).key == accepted(RESULT).key


@pytest.mark.parametrize(
    ("ids", "number"),
    [
        (("8000", 8000, 8000.0, "8000.0", "8000.00"), 8000),
        (("40013123", 40013123.0, "40013123.0", "4.0013123E7"), 40_013_123),
        ((str(2**53 - 1), 2**53 - 1, float(2**53 - 1), f"{2**53 - 1}.0"), 2**53 - 1),
    ],
)
def test_an_id_that_became_a_double_is_the_same_id(ids: tuple[Any, ...], number: int) -> None:
    """As pandas, Athena and Spark write a column of ids with a gap in it; of a member that no model knows too."""
    told = {accepted(result(1, learning_outcome_id=id_, x_id=id_, x_ids=[id_])) for id_ in ids}
    assert {version.key for version in told} == {
        accepted(result(1, learning_outcome_id=number, x_id=number, x_ids=[number])).key
    }
    assert {member(version, "learning_outcome_id") for version in told} == {number}
    assert {version.extra for version in told} == {f'{{"x_id":{number},"x_ids":[{number}]}}'}


def test_no_hash_moves_by_what_is_understood_today() -> None:
    """These were known before doubles were ids; projections hold them."""
    hashes = [accepted(result(1, learning_outcome_id=id_, x_id="7", y=[1.0, 1.5])).key.version_hash for id_ in (8000, "8000")]
    assert hashes == [HASH_OF_8000] * 2


def test_where_a_request_was_made_may_have_become_doubles_too() -> None:
    """Exact ones are ids, others say nothing any more."""
    told = result(1)
    told["metadata"] |= {"context_type": "Course", "context_id": 12.0, "context_account_id": 21070000000000001.0}
    told["metadata"]["root_account_id"] = 1
    assert json.loads(accepted(told).metadata or "") == {"context_type": "Course", "context_id": 12, "root_account_id": 1}


@pytest.mark.parametrize(
    "written",
    [
        "2025-03-20 15:04:05.31+00",
        "2025-03-20 15:04:05.310000+00",
        "2025-03-20T15:04:05.31+00",
        "2025-03-20 20:34:05.31+05:30",
        "2025-03-20T20:34:05.31+0530",
        "2025-03-20 20:04:05.31+05",
        "2025-03-20 12:04:05.31-03",
        "2025-03-20t15:04:05.310z",
        "2025-03-20 15:04:05.31 UTC",
    ],
)
def test_a_time_as_postgres_prints_it_is_the_same_moment(written: str) -> None:
    """One event, one version, however its times are written."""
    name, usual = "learning_outcome_result_updated", "2025-03-20T15:04:05.310Z"
    assert accepted(event(name, at=written, assessed_at=written)).key == accepted(event(name, at=usual, assessed_at=usual)).key


@pytest.mark.parametrize("written", ["2025-03-20T15:04Z", "2025-03-20 15:04+00", "2025-03-20T20:34+05:30"])
def test_a_time_may_have_no_seconds(written: str) -> None:
    """Then it is the minute's first."""
    usual = accepted(event("learning_outcome_result_updated", at="2025-03-20T15:04:00Z"))
    assert accepted(event("learning_outcome_result_updated", at=written)).key == usual.key


def test_the_order_of_members_makes_no_other_version() -> None:
    """A bridge that sorts or shuffles members changes nothing."""
    turned = {"body": dict(reversed(RESULT["body"].items())), "metadata": RESULT["metadata"]}
    assert accepted(turned).key == accepted(RESULT).key


def test_another_value_is_another_version() -> None:
    """The hash covers every member, known or not."""
    changes: list[dict[str, Any]] = [{}, {"score": 4}, {"colour": 1}, {"colour": 2}, {"mastery": ...}]
    hashes = {accepted(event("learning_outcome_result_updated", **change)).key.version_hash for change in changes}
    assert len(hashes) == 5


def test_absent_and_null_are_the_same() -> None:
    """Streams before 2024 carry explicit nulls."""
    assert accepted(result(artifact_id=None)).key == accepted(result(artifact_id=...)).key


def test_nulls_inside_nested_things_stay() -> None:
    """Canvas compacts the top level only."""
    criterion = {"description": None, "points_possible": 3.0, "ratings": None}
    assert member(accepted(event("learning_outcome_updated", rubric_criterion=criterion)), "rubric_criterion") == (
        '{"description":null,"points_possible":3,"ratings":null}'
    )


def test_local_ids_of_accounts_and_courses_join_the_others() -> None:
    """They come as global ids: shard x 10^13 + local id."""
    course = accepted(payload("course_updated"))
    assert course.key.id == 565
    assert member(course, "global_id") == 21070000000000565
    assert member(course, "account_id") == 79
    account = accepted(payload("account_created"))
    assert (account.key.id, member(account, "parent_account_id")) == (79, 1)


def test_a_plain_local_id_of_an_unsharded_canvas_stays() -> None:
    """Installations without sharding send local ids where others send global ones."""
    course = accepted(event("course_updated", course_id="565"))
    assert (course.key.id, member(course, "global_id")) == (565, 565)


def test_an_outcome_of_another_shard_keeps_its_global_id() -> None:
    """A reference above 10^13 points to another shard and is not reduced."""
    assert member(accepted(result(learning_outcome_id="10030000000000007")), "learning_outcome_id") == 10030000000000007


def test_an_id_of_another_shard_than_the_root_accounts_stays_global() -> None:
    """Where nothing tells the root account's shard, it is that of the object itself."""
    elsewhere = "21080000000000501"
    enrollment = accepted(event("enrollment_updated", user_id=elsewhere, associated_user_id=elsewhere))
    assert (member(enrollment, "user_id"), member(enrollment, "associated_user_id")) == (int(elsewhere), int(elsewhere))
    assert member(enrollment, "course_id") < 10**13
    user = event("user_updated", user_id=elsewhere)
    assert (accepted(user).key.id, member(accepted(user), "global_id")) == (int(elsewhere), int(elsewhere))
    del user["metadata"]["root_account_id"]
    assert (accepted(user).key.id, member(accepted(user), "global_id")) == (501, int(elsewhere))


@pytest.mark.parametrize("blank", ["", " \t"])
@pytest.mark.parametrize("name", ["learning_outcome_result_updated", "user_updated", "enrollment_updated"])
def test_a_blank_uuid_of_a_user_is_none(name: str, blank: str) -> None:
    """The hash stays that of what was sent."""
    uuid = "uuid" if name == "user_updated" else "user_uuid"
    sent, absent = event(name), event(name)
    sent["body"][uuid] = blank
    del absent["body"][uuid]
    assert member(accepted(sent), uuid) is None
    assert accepted(sent).key.version_hash != accepted(absent).key.version_hash


def test_unknown_members_are_kept_and_named() -> None:
    """The drift report counts them; their values are in `extra`."""
    version = accepted(result(hidden=True, nested={"b_id": "7", "a": 1.0}))
    assert version.extra == '{"hidden":true,"nested":{"a":1,"b_id":7}}'
    assert set(version.unknown) == {"hidden", "nested"}


PERSONAL_NAMES = (
    "jane.doe@school.edu",
    "\uff20jane",
    "jane%40school.edu",
    "Jane Doe",
    "jane\u00a0doe",
    "+49 170 1234",
    "4711",
    "user_21070001",
)


def test_names_of_members_that_may_be_somebodys_are_counted_as_one() -> None:
    """An e-mail address as a key, for example; the values are kept."""
    told = result(1, grade_level=1)
    told["body"] |= dict.fromkeys(PERSONAL_NAMES, 1)
    version = accepted(told)
    assert sorted(version.unknown) == ["(personal)", "grade_level"]
    assert set(json.loads(version.extra or "")) == {*PERSONAL_NAMES, "grade_level"}
    nested = event("learning_outcome_updated")
    nested["body"]["rubric_criterion"]["ratings"][0] |= {"jane.doe@school.edu": 1, "icon": 1}
    assert sorted(accepted(nested).unknown) == ["rubric_criterion.ratings.(personal)", "rubric_criterion.ratings.icon"]


@pytest.mark.parametrize("name", PERSONAL_NAMES)
def test_names_of_events_that_may_be_somebodys_are_counted_as_one(name: str) -> None:
    """They are counted, and shown nowhere."""
    (verdict,) = verdicts({"metadata": {"event_name": name}, "body": {}})
    assert isinstance(verdict, Ignored)
    assert verdict.event_name == "(personal)"


@pytest.mark.parametrize("name", [*EVENTS, HEARTBEAT, "asset_accessed", "quizzes-lti.grade_changed", "ToolLaunch", "sis_v2"])
def test_names_that_canvas_gives_are_counted_as_they_are(name: str) -> None:
    """Nobody is called so."""
    assert shown_name(name) == name


@pytest.mark.parametrize("name", PERSONAL_NAMES)
def test_a_path_holds_no_name_that_may_be_somebodys(name: str) -> None:
    """The path of a refusal is shown where its bytes are not."""
    told = result(1)
    told["body"][name] = {name: "\0"}
    assert rejected(told).path == "body.(personal).(personal)"


def test_unknown_nested_members_are_named_with_their_parents() -> None:
    """A new member of a rating is drift too."""
    event_ = scale(4, 3, 0)
    event_["body"]["outcome_proficiency_ratings"][0]["icon"] = "star"
    version = accepted(event_)
    assert version.unknown == ("outcome_proficiency_ratings.icon",)
    assert '"icon":"star"' in member(version, "outcome_proficiency_ratings")


def test_personal_members_of_the_metadata_are_not_kept() -> None:
    """Only where the request was made is kept."""
    version = accepted(payload("learning_outcome_link_created"))
    assert version.metadata is not None
    assert set(json.loads(version.metadata)) == {"context_type", "context_id", "context_account_id", "root_account_id"}
    everything = repr(version)
    for personal in (
        "oxana@example.com",
        "456-T45",
        "93.184.216.34",
        "Mozilla",
        "ef686f8ed684abf78cbfa1f6a58112b5",
        "https://",
    ):
        assert personal not in everything


def test_an_event_of_another_name_is_ignored_by_its_name_alone() -> None:
    """Whatever is in it, and even without a tenant."""
    (verdict,) = verdicts({"metadata": {"event_name": "quiz_submitted"}, "body": "anything"})
    assert verdict == Ignored("quiz_submitted", None, verdict.record)


def test_an_ignored_event_of_the_future_has_no_time() -> None:
    """Freshness would be ahead of the clock for ever; a day ahead is believed, as of any event."""
    told = [NOW + timedelta(hours=23), NOW + timedelta(hours=25), datetime(2999, 1, 1, tzinfo=UTC)]
    found = verdicts([{"metadata": {"event_name": "quiz_submitted", "event_time": iso(at)}, "body": {}} for at in told])
    assert [verdict.event_time for verdict in found if isinstance(verdict, Ignored)] == [told[0], None, None]


def test_the_default_tenant_stands_in_for_a_missing_one() -> None:
    """And only for a missing one."""
    rules = Rules(default_tenant="school")
    assert accepted(event("course_updated", tenant=None), rules).key.root_account_uuid == "school"
    assert accepted(event("course_updated"), rules).key.root_account_uuid == TENANT


BROKEN: dict[str, tuple[Any, Reason, str]] = {
    "empty": (b"", Reason.NOT_JSON, ""),
    "cut": (b'{"metadata": {', Reason.NOT_JSON, ""),
    "not UTF-8": (b'{"a": "\xff"}', Reason.NOT_JSON, ""),
    "compressed": (gzip.compress(b"{}"), Reason.NOT_JSON, ""),
    "a number of 5000 digits": (
        json.dumps(result(score=7777)).replace("7777", "9" * 5000).encode(),
        Reason.BAD_NUMBER,
        "body.score",
    ),
    "cut text in SQS": ({"Body": '{"metadata"'}, Reason.NOT_JSON, "Body"),
    "too large": (b'"' + b"x" * 70_000 + b'"', Reason.TOO_LARGE, ""),
    "too deep": (b"[" * 100 + b"]" * 100, Reason.TOO_DEEP, ""),
    "far too deep": (b"[" * 30_000 + b"]" * 30_000, Reason.TOO_DEEP, ""),
    "deep unknown member": (result(deep=json.loads("[" * 80 + "]" * 80)), Reason.TOO_DEEP, ""),
    "a text": (b'"learning_outcome_created"', Reason.UNKNOWN_SHAPE, ""),
    "null": (b"null", Reason.UNKNOWN_SHAPE, ""),
    "an object of another kind": ({"hello": 1}, Reason.UNKNOWN_SHAPE, ""),
    "Caliper": ({"sensor": "s", "sendTime": "t", "data": []}, Reason.UNKNOWN_SHAPE, ""),
    "no event name": ({"metadata": {}, "body": {}}, Reason.UNKNOWN_SHAPE, "metadata.event_name"),
    "empty event name": ({"metadata": {"event_name": ""}, "body": {}}, Reason.UNKNOWN_SHAPE, "metadata.event_name"),
    "endless event name": ({"metadata": {"event_name": "x" * 256}, "body": {}}, Reason.UNKNOWN_SHAPE, "metadata.event_name"),
    "empty array": ([], Reason.EMPTY_ARRAY, ""),
    "empty array in SQS": ({"Body": "[]"}, Reason.EMPTY_ARRAY, "Body"),
    "no tenant": (event("course_updated", tenant=None), Reason.NO_TENANT, "metadata.root_account_uuid"),
    "tenant of another type": (
        event("course_updated") | {"metadata": RESULT["metadata"] | {"root_account_uuid": 7}},
        Reason.BAD_TYPE,
        "metadata.root_account_uuid",
    ),
    "tenant without end": (event("course_updated", tenant="x" * 256), Reason.BAD_TYPE, "metadata.root_account_uuid"),
    "tomorrow's tomorrow": (
        result() | {"metadata": RESULT["metadata"] | {"event_time": "2999-01-01T00:00:00Z"}},
        Reason.FUTURE_EVENT_TIME,
        "metadata.event_time",
    ),
    "event time without zone": (event("course_updated", at="2025-03-20T15:04:05"), Reason.BAD_TIME, "metadata.event_time"),
    "event time as number": (
        result() | {"metadata": RESULT["metadata"] | {"event_time": 1742483045}},
        Reason.BAD_TIME,
        "metadata.event_time",
    ),
    "time without zone": (result(assessed_at="2025-03-20T15:04:05"), Reason.BAD_TIME, "body.assessed_at"),
    "minutes without zone": (result(assessed_at="2025-03-20T15:04"), Reason.BAD_TIME, "body.assessed_at"),
    "an hour": (result(assessed_at="2025-03-20T15+00"), Reason.BAD_TIME, "body.assessed_at"),
    "time as digits": (result(assessed_at="1742483045"), Reason.BAD_TIME, "body.assessed_at"),
    "30 February": (result(assessed_at="2025-02-30T15:04:05Z"), Reason.BAD_TIME, "body.assessed_at"),
    "before all time": (result(assessed_at="0001-01-01T00:00:00+14:00"), Reason.BAD_TIME, "body.assessed_at"),
    "no id": (
        result() | {"body": {k: v for k, v in RESULT["body"].items() if k != "id"}},
        Reason.MISSING_MEMBER,
        "body.id",
    ),
    "id 0": (result(learning_outcome_id="0"), Reason.BAD_ID, "body.learning_outcome_id"),
    "negative id": (result(learning_outcome_id=-1), Reason.BAD_ID, "body.learning_outcome_id"),
    "id beyond 64 bits": (result(learning_outcome_id=str(2**63)), Reason.BAD_ID, "body.learning_outcome_id"),
    "id with a fraction": (result(learning_outcome_id=8000.5), Reason.BAD_ID, "body.learning_outcome_id"),
    "id with a fraction in quotes": (result(learning_outcome_id="8000.5"), Reason.BAD_ID, "body.learning_outcome_id"),
    "id with an exponent and a fraction": (result(learning_outcome_id="1.05E1"), Reason.BAD_ID, "body.learning_outcome_id"),
    "id as a double that is not exact": (result(learning_outcome_id=2.0**53), Reason.BAD_ID, "body.learning_outcome_id"),
    "id as the text of such a double": (
        result(learning_outcome_id="2.1070000000000002E16"),
        Reason.BAD_ID,
        "body.learning_outcome_id",
    ),
    "id 0 as a double": (result(learning_outcome_id=0.0), Reason.BAD_ID, "body.learning_outcome_id"),
    "id 0.0": (result(learning_outcome_id="0.0"), Reason.BAD_ID, "body.learning_outcome_id"),
    "id as true": (result(learning_outcome_id=True), Reason.BAD_ID, "body.learning_outcome_id"),
    "REST id": (result(learning_outcome_id="2107~79"), Reason.BAD_ID, "body.learning_outcome_id"),
    "number in quotes": (result(score="5"), Reason.BAD_NUMBER, "body.score"),
    "true as number": (result(score=True), Reason.BAD_NUMBER, "body.score"),
    "NaN": (json.dumps(result(score=float("nan"))).encode(), Reason.BAD_NUMBER, "body.score"),
    "Infinity": (json.dumps(result(score=float("inf"))).encode(), Reason.BAD_NUMBER, "body.score"),
    "1e400": (json.dumps(result()).replace('"score": 5', '"score": 1e400').encode(), Reason.BAD_NUMBER, "body.score"),
    "NaN in an unknown member": (json.dumps(result(x={"y": [float("nan")]})).encode(), Reason.BAD_NUMBER, "body.x.y[0]"),
    "half an attempt": (result(attempt=1.5), Reason.BAD_NUMBER, "body.attempt"),
    "an attempt of 33 bits": (result(attempt=2**33), Reason.BAD_NUMBER, "body.attempt"),
    "mastery as text": (result(mastery="true"), Reason.BAD_TYPE, "body.mastery"),
    "text as number": (result(user_uuid=5), Reason.BAD_TYPE, "body.user_uuid"),
    "a user without end": (result(user_uuid="x" * 256), Reason.BAD_TEXT, "body.user_uuid"),
    "U+0000": (result(user_uuid="a\x00b"), Reason.BAD_TEXT, "body.user_uuid"),
    "U+0000 in an unknown name": (RESULT | {"body": RESULT["body"] | {"a\x00b": 1}}, Reason.BAD_TEXT, "body"),
    "half a surrogate pair": (result(user_uuid="a\ud800b"), Reason.BAD_TEXT, "body.user_uuid"),
    "an unknown name without end": (RESULT | {"body": RESULT["body"] | {"x" * 256: 1}}, Reason.BAD_TEXT, "body"),
    "body as text": ({"metadata": RESULT["metadata"], "data": "x"}, Reason.BAD_TYPE, "body"),
    "two mastery ratings": (
        json.loads(json.dumps(scale(4, 3, 2)).replace('"mastery": false', '"mastery": true')),
        Reason.BAD_SCALE,
        "body",
    ),
    "no mastery rating": (scale(4, 3, 2, mastery=9), Reason.BAD_SCALE, "body"),
    "ratings that do not fall": (scale(4, 4, 2), Reason.BAD_SCALE, "body"),
    "no ratings": (scale(), Reason.BAD_SCALE, "body"),
    "negative points": (scale(4, 3, -1), Reason.BAD_SCALE, "body"),
    "rating without points": (
        event("outcome_proficiency_updated", outcome_proficiency_ratings=[{"description": "x", "mastery": True, "color": "0"}]),
        Reason.MISSING_MEMBER,
        "body.outcome_proficiency_ratings[0].points",
    ),
}
RULES_OF_BROKEN = Rules(max_record_bytes=65_536)


@pytest.mark.parametrize("what", BROKEN)
def test_a_refusal_tells_reason_and_path(what: str) -> None:
    """And a sentence, and keeps the bytes."""
    value, reason, path = BROKEN[what]
    refusal = rejected(value, RULES_OF_BROKEN)
    assert (refusal.reason, refusal.path) == (reason, path), refusal.message
    assert refusal.message
    assert refusal.raw == (value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.mark.parametrize(
    ("number", "sentence"), [("NaN", "NaN is no JSON number"), ("1e400", "out of range"), ("9" * 400, "out of range")]
)
def test_a_number_that_cannot_be_held_is_called_what_it_is(number: str, sentence: str) -> None:
    """1e400 is JSON, and becomes infinite only when it is read."""
    assert sentence in rejected(json.dumps(result()).replace('"score": 5', f'"score": {number}').encode()).message


def test_every_reason_has_an_example() -> None:
    """Except the one that only the database can give."""
    assert {reason for _, reason, _ in BROKEN.values()} == set(Reason) - {Reason.REFUSED_BY_DATABASE}


def test_a_deleted_scale_may_be_anything() -> None:
    """Its ratings are all deleted with it."""
    accepted(scale(workflow_state="deleted"))


def test_a_signed_payload_is_named_as_one() -> None:
    """Canvas can sign; the intake opens that."""
    assert "JWT" in rejected(b"eyJhbGciOiJSUzI1NiJ9.eyJtZXRhZGF0YSI6e319.c2ln").message


def test_an_array_is_its_elements() -> None:
    """Each has its own verdict, and a refused one keeps its own bytes only."""
    good, bad = result(2), result(3, score="x")
    other = {"metadata": {"event_name": "quiz_submitted"}, "body": {}}
    found = verdicts([good, bad, other, [good]])
    assert [type(verdict) for verdict in found] == [Accepted, Rejected, Ignored, Accepted]
    refusal = found[1]
    assert isinstance(refusal, Rejected)
    assert json.loads(refusal.raw) == bad
    assert refusal.path == "body.score"


def test_an_element_that_no_strict_parser_reads_does_not_take_its_mates_along() -> None:
    """One NaN in an array of events."""
    found = verdicts(json.dumps([result(2), result(3, score=float("nan"))]).encode())
    assert [type(verdict) for verdict in found] == [Accepted, Rejected]


def test_wrappers_have_an_end() -> None:
    """A message cannot be wrapped for ever."""
    value: Any = RESULT
    for _ in range(MAX_WRAPPERS + 2):
        value = {"Body": json.dumps(value)}
    assert rejected(value).reason is Reason.TOO_DEEP


def test_nesting_up_to_the_limit_is_read() -> None:
    """An unknown member may be as deep as the limit allows."""
    accepted(result(deep=json.loads("[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2))))


def test_no_refusal_quotes_the_record() -> None:
    """Sentences go to logs; what students are called does not."""
    for value, _, _ in BROKEN.values():
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        refusal = rejected(data.replace(b"elXwFPr6", b"SECRETXX"), RULES_OF_BROKEN)
        assert "SECRETXX" not in refusal.message


def test_an_event_may_be_a_day_ahead_and_no_more() -> None:
    """Clocks differ; a row must not be frozen until next year."""
    accepted(event("course_updated", at=NOW + timedelta(hours=23)))
    assert rejected(event("course_updated", at=NOW + timedelta(hours=25))).reason is Reason.FUTURE_EVENT_TIME


def test_created_sorts_before_updated_at_the_same_moment() -> None:
    """And a version without `updated_at` before one with it."""
    created, updated = accepted(result(created=True)).key, accepted(result()).key
    assert created.event_time == updated.event_time
    assert created < updated
    assert accepted(result(updated_at=...)).key < updated


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text() | st.sampled_from(["metadata", "body"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(sorted(RESULT["body"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_decoding_never_raises_and_always_gives_a_verdict(data: bytes) -> None:
    """Nothing in a message can crash the loop."""
    assert verdicts(data)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        ["learning_outcome_result_updated", "learning_outcome_updated", "outcome_proficiency_updated", "course_updated"]
    ),
    st.data(),
)
def test_a_body_with_anything_in_it_has_exactly_one_verdict(event_name: str, data: st.DataObject) -> None:
    """Members replaced by any JSON value."""
    changed = payload(event_name)
    for name in data.draw(st.lists(st.sampled_from(sorted(changed["body"])), max_size=3)):
        changed["body"][name] = data.draw(json_values)
    assert len(verdicts(json.dumps(changed).encode())) == 1


@given(st.datetimes(datetime(2000, 1, 1), datetime(2025, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_a_time_is_an_instant_whatever_its_offset(time: datetime) -> None:
    """The same moment in any zone is the same value."""
    time = time.replace(microsecond=0)
    if time.utcoffset() and time.utcoffset().total_seconds() % 60:  # type: ignore[union-attr]
        return  # ISO 8601 offsets have whole minutes
    assert member(accepted(result(assessed_at=time.isoformat())), "assessed_at") == time.astimezone(UTC)


def test_a_record_that_is_too_large_is_kept_whole_and_told_in_its_true_size() -> None:
    """A retry with a larger limit can then understand it."""
    long = json.dumps(result(1, title="x" * 5000)).encode()
    refusal = rejected(long, Rules(max_record_bytes=1000))
    assert refusal.raw == long
    assert refusal.message == f"{len(long)} bytes, more than the 1000 that are allowed"
    assert accepted(refusal.raw, Rules(max_record_bytes=10_000)).key.id == 1


@pytest.mark.parametrize("name", ["quiz\x1b[2J", "quiz\nsubmitted", "\u202equiz"])
def test_names_and_tenants_with_control_characters_are_refused(name: str) -> None:
    """They would end up on terminals; Canvas has none."""
    for event_, path in (
        ({"metadata": {"event_name": name}, "body": {}}, "metadata.event_name"),
        (event("course_created", tenant=name), "metadata.root_account_uuid"),
    ):
        refusal = rejected(event_)
        assert (refusal.reason, refusal.path) == (Reason.BAD_TEXT, path)


def test_a_path_holds_no_control_characters() -> None:
    """It may hold names out of the record."""
    evil = result(1)
    evil["body"]["a\x1b[2J"] = {"b": float("nan")}
    refusal = rejected(evil)
    assert refusal.path == "body.a\\x1b[2J.b"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (result(1, user_uuid=7), "a text is expected"),
        (result(1, user_uuid="x" * 300), "a text of at most 255 characters is expected"),
        (result(1, mastery="yes"), "true or false is expected"),
        (event("outcome_proficiency_updated", outcome_proficiency_ratings=7), "an array is expected"),
        (event("learning_outcome_updated", rubric_criterion=7), "an object is expected"),
        (
            event("course_updated", at="2026-01-02T00:00:01Z"),
            "event_time is more than 1 day ahead of the clock; it would freeze its",
        ),
    ],
)
def test_refusals_are_told_in_our_own_words(value: Event, sentence: str) -> None:
    """What was expected, and nothing about the library that found out."""
    assert rejected(value).message.startswith(sentence)
