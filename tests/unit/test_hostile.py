"""Hostile records and texts: a reason survives every dialect, time and memory are bounded, what was found stays found."""

import gzip
import json
import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.ingest.decode import MAX_COUNTED, MAX_VALUES, VALUES_OF_EACH, Rules
from consumer.ingest.lines import numbered_lines
from consumer.ingest.records import Accepted, Ignored, Rejected
from consumer.ingest.texts import MAX_BRACKETS, MAX_UNPACKED, _unescaped, _value
from consumer.ingest.unwrap import MAX_EVENTS, MAX_WRAPPERS
from schemas.base import MAX_RATINGS, Reason
from tests import WHOLE
from tests.fuzz.laws import LAWS, check_decode
from tests.samples import NOW, Event, accepted, event, iso, rejected, result, scale, verdicts
from tests.unit.test_decode import BROKEN, RULES_OF_BROKEN

FOUND = Path(__file__).parents[1] / "fuzz" / "found"
GOOD = json.dumps(result(4711))


def _text(text: str) -> str:
    """As a JSON string."""
    return json.dumps(text)


WRAPPERS: Mapping[str, Callable[[str], str]] = {
    "SQS": lambda text: '{"MessageId": "1", "Body": ' + _text(text) + "}",
    "SNS": lambda text: '{"Type": "Notification", "Message": ' + _text(text) + "}",
    "SNS in SQS": lambda text: WRAPPERS["SQS"](WRAPPERS["SNS"](text)),
    "SQS in SNS in SQS": lambda text: WRAPPERS["SQS"](WRAPPERS["SNS"](WRAPPERS["SQS"](text))),
    "receive-message": lambda text: '{"Messages": [' + WRAPPERS["SQS"](text) + "]}",
    "Lambda from SQS": lambda text: '{"Records": [{"body": ' + _text(text) + "}]}",
    "Lambda from SNS": lambda text: '{"Records": [{"Sns": ' + WRAPPERS["SNS"](text) + "}]}",
    "kcat -J": lambda text: '{"topic": "t", "payload": ' + _text(text) + "}",
}
"""Wrappers that hold any text."""

PARTS: Mapping[str, Callable[[str], str]] = {
    "array": lambda text: f"[{text}]",
    "array in SQS": lambda text: WRAPPERS["SQS"](f"[{text}]"),
    "array of arrays": lambda text: f"[[{text}]]",
    "kcat -J -s value": lambda text: '{"topic": "t", "payload": ' + text + "}",
}
"""Those that hold JSON as it is."""

MEMBERS: Mapping[str, tuple[str, str]] = {
    "published": ("metadata", "body"),
    "Canvas' inside": ("attributes", "body"),
    "documents of 2018": ("metadata", "data"),
}
"""What an event's two halves are called."""

POISONS: dict[str, tuple[Any, Reason]] = {
    "an unknown id with zeros in front": (result(1, x_id="0" * 19 + "1" + "9" * 40, score="5"), Reason.BAD_NUMBER),
    "1e999999999": (json.dumps(result(1, x=7777)).replace("7777", "1e999999999").encode(), Reason.BAD_NUMBER),
    "-1e999999999": (json.dumps(result(1, x=7777)).replace("7777", "-1e999999999").encode(), Reason.BAD_NUMBER),
    "NaN in an id": (json.dumps(result(1, learning_outcome_id=float("nan"))).encode(), Reason.BAD_NUMBER),
    "an id of 2^64": (result(1, learning_outcome_id=2**64), Reason.BAD_ID),
    "U+0000 in a scale": (scale(4, 3, 0, more={"x": ["\0"]}), Reason.BAD_TEXT),
    "half a pair in a name": (result(1) | {"body": result(1)["body"] | {"\udc00": 1}}, Reason.BAD_TEXT),
    "half a pair in the tenant": (event("course_updated", tenant="\ud800"), Reason.BAD_TEXT),
    "U+0000 in the tenant": (event("course_updated", tenant="a\0"), Reason.BAD_TEXT),
    "U+0000 in the context": (
        result(1) | {"metadata": result(1)["metadata"] | {"context_type": "\0", "context_id": "1"}},
        Reason.BAD_TEXT,
    ),
    "a nested unknown name without end": (event("learning_outcome_updated", rubric_criterion={"x" * 300: 1}), Reason.BAD_TEXT),
    "levels without end": (event("learning_outcome_updated", rubric_criterion={"ratings": [{}] * 1001}), Reason.BAD_TYPE),
    "a scale without end": (
        event("outcome_proficiency_updated", outcome_proficiency_ratings=[{}] * (MAX_RATINGS + 1)),
        Reason.BAD_TYPE,
    ),
    "an empty list of messages": ({"Messages": []}, Reason.EMPTY_ARRAY),
    "an empty list of records": ({"Records": []}, Reason.EMPTY_ARRAY),
    "event time without a moment": (event("course_updated", at="2025-13-01T00:00:00Z"), Reason.BAD_TIME),
    "event time in the far future": (event("course_updated", at="9999-12-31T23:59:59Z"), Reason.FUTURE_EVENT_TIME),
}
"""Further ones; those of `BROKEN` have the paths too."""

ALL: dict[str, tuple[Any, Reason]] = {what: (value, reason) for what, (value, reason, _) in BROKEN.items()} | POISONS

SCALARS: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, -0.0, 1e15, 1e16, 1e308, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**30),
    *("", "0", "1", "0" * 19 + "1" * 30, str(2**63), "\0", "\ud800", "\u202e", "x" * 256, "2107~79", "active", "deleted"),
    *("2025-03-20T15:04:05Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00+14:00", float("nan"), float("-inf"), [], {}),
)
"""Values that somebody may not have thought of."""


def _cases() -> list[tuple[str, str, bytes, Reason]]:
    cases = []
    for what, (value, reason) in ALL.items():
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        cases.append((what, "as it is", data, reason))
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue  # no wrapper that is JSON can hold it
        if text:  # a wrapper around nothing is an object like any other
            cases += [(what, dialect, wrap(text).encode(), reason) for dialect, wrap in WRAPPERS.items()]
        if reason is not Reason.NOT_JSON and not text.startswith('"'):  # a text in a wrapper may be an event as text
            cases += [(what, dialect, wrap(text).encode(), reason) for dialect, wrap in PARTS.items()]
        if isinstance(value, dict) and {"metadata", "body"} == value.keys() and isinstance(value["body"], dict):
            cases += [
                (what, dialect, json.dumps({metadata: value["metadata"], body: value["body"]}).encode(), reason)
                for dialect, (metadata, body) in MEMBERS.items()
            ]
    return cases


CASES = _cases()


def test_a_reason_survives_every_dialect() -> None:
    """However a record is wrapped, it has one verdict, and that tells the same reason."""
    for what, dialect, data, reason in CASES:
        refusal = rejected(data, RULES_OF_BROKEN)
        assert refusal.reason is reason, (what, dialect, refusal)
        assert refusal.raw == data
    assert {reason for *_, reason in CASES} == set(Reason) - {Reason.REFUSED_BY_DATABASE}


def test_mates_are_understood_whatever_is_between_them() -> None:
    """Bad records stand alone in an array too, and each keeps its own bytes as they were written."""
    for what, (value, reason) in ALL.items():
        if reason in (Reason.NOT_JSON, Reason.TOO_DEEP, Reason.TOO_LARGE):
            continue  # there the array itself is none
        text = value.decode() if isinstance(value, bytes) else json.dumps(value)
        mates = f'[{GOOD},{text} , {{"Body": {json.dumps(f"[{GOOD}, {text}, 1]")}}}, {GOOD}]'
        one, bad, *inner, other = verdicts(mates.encode())
        assert isinstance(one, Accepted), what
        assert isinstance(other, Accepted), what
        assert isinstance(bad, Rejected), what
        assert bad.reason == reason, what
        kept = [mate.raw.decode() for mate in (bad, *inner) if isinstance(mate, Rejected)]
        assert kept == [text, text, "1"], what


def test_a_refused_element_is_kept_to_the_letter() -> None:
    """No digit is rounded, no member dropped: `quarantine retry` finds what Canvas sent."""
    parts = ('{"a" : 1e400, "a":2}', "9" * 5000, '"a text"', '{"x": 0.10000000000000000000000001}', '{"é": 1}')
    found = verdicts(("[" + " ,".join(parts) + "]").encode())
    assert [refusal.raw.decode() for refusal in found if isinstance(refusal, Rejected)] == list(parts)


def test_an_unknown_id_is_read_as_a_known_one_or_kept_as_text() -> None:
    """Digits without end made integers that no parser and no column holds."""
    for digits in ("0" * 19 + "1" + "9" * 40, "9" * 5000, "0" * 30 + "7"):
        assert accepted(result(1, x_id=digits)).extra == f'{{"x_id":"{digits}"}}'
    assert accepted(result(1, x_id="0007")).extra == '{"x_id":7}'


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, -(2**64), 10**30, 10**308])
def test_a_large_number_is_the_same_to_both_parsers(number: int) -> None:
    """A byte order mark in front, which only the lenient parser reads, changes no version."""
    plain = json.dumps(result(1, x=number)).encode()
    assert accepted(b"\xef\xbb\xbf" + plain).key == accepted(plain).key


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_byte_order_mark_in_a_wrapper_is_passed_over_as_before_a_record(wrapper: str) -> None:
    """Files are sent as messages with the mark that they began with. What is refused in an array behind one is found."""
    wrap = WRAPPERS[wrapper]
    assert accepted(wrap("\ufeff" + GOOD).encode()).key == accepted(GOOD.encode()).key
    one, bad = verdicts(wrap(f"\ufeff[{GOOD}, [1]]").encode())
    assert isinstance(one, Accepted)
    assert isinstance(bad, Rejected)
    assert bad.raw == b"1"


def test_a_null_character_cannot_hide_in_a_wrapper() -> None:
    """A wrapper may escape the letters of an escape."""
    text = json.dumps({"Body": json.dumps(result(1, x="NULL"))})
    assert rejected(text.replace("NULL", "\\\\\\u00750000").encode()).reason is Reason.BAD_TEXT


def test_a_record_of_more_events_than_it_can_hold_is_refused_whole() -> None:
    """Four megabytes of zeros would be two million rows in quarantine, in one transaction."""
    refusal = rejected(b"[" + b"0," * MAX_EVENTS + b"0]")
    assert (refusal.reason, refusal.message) == (Reason.TOO_LARGE, "more than 20,000 events")
    assert len(verdicts(b"[" + b"0," * 9_999 + b"0]")) == 10_000


def test_invented_members_are_all_kept_and_a_hundred_of_them_counted() -> None:
    """Some records full of other names each would be millions of rows of the drift report, in one transaction."""
    version = accepted(_with({f"m{number}": number for number in range(5000)}))
    assert len(json.loads(version.extra or "")) == 5000
    assert len(version.unknown) == MAX_COUNTED


def _in_unknown(values: list[Any]) -> Event:
    return result(1, x=values)


def _in_an_unknown_object(values: list[Any]) -> Event:
    return result(1, x={f"m{number}": value for number, value in enumerate(values)})


def _as_members(values: list[Any]) -> Event:
    return _with({f"m{number}": value for number, value in enumerate(values)})


def _in_a_rating(values: list[Any]) -> Event:
    told = scale(4, 3, 2)
    told["body"]["outcome_proficiency_ratings"][0]["x"] = [[value] for value in values]
    return told


def _with_a_null(values: list[Any]) -> Event:
    return result(1, x=values, y="\0")


@pytest.mark.parametrize("make", [_in_unknown, _in_an_unknown_object, _as_members, _in_a_rating, _with_a_null])
def test_too_many_values_that_no_model_knows_are_refused(make: Callable[[list[Any]], Event]) -> None:
    """To bring four megabytes of them into canonical form would take seconds, in which nothing else is done."""
    refusal = rejected(make([0] * (MAX_VALUES + 1)))
    assert (refusal.reason, refusal.path) == (Reason.TOO_LARGE, "body")
    assert refusal.message.startswith("more than 10,000 values")


def test_as_many_values_as_may_be_are_kept() -> None:
    """A hundred times as many as any event of Canvas has."""
    assert len(json.loads(accepted(result(1, x=[0] * (MAX_VALUES - 1))).extra or "")["x"]) == MAX_VALUES - 1


def test_the_events_of_one_record_have_a_bound_together_and_are_understood_alone() -> None:
    """One record must not cost what many do; nothing is lost: what is beyond waits in quarantine, with its own bytes."""
    many = [result(id_, x=[0] * (MAX_VALUES - 10)) for id_ in range(1, 5)]
    first, *others = verdicts(many)
    assert isinstance(first, Accepted)
    for number, verdict in enumerate(others, 1):
        assert isinstance(verdict, Rejected)
        assert (verdict.reason, verdict.path) == (Reason.TOO_LARGE, "body")
        assert "together" in verdict.message
        assert accepted(verdict.raw).key.id == number + 1


def test_a_full_record_of_events_with_a_few_unknown_members_each_is_applied() -> None:
    """Canvas adds a member to an event, and a bridge packs thousands of events into a record."""
    found = verdicts([result(id_, x=[0] * (VALUES_OF_EACH - 2)) for id_ in range(1, 1001)])
    assert {type(verdict) for verdict in found} == {Accepted}


def test_a_record_of_more_brackets_than_events_have_is_refused_unread() -> None:
    """A million empty arrays in the metadata would take a second to read."""
    refusal = rejected(b'{"metadata":{"x":[' + b"[]," * MAX_BRACKETS + b'0]},"body":{}}')
    assert (refusal.reason, refusal.message) == (Reason.TOO_LARGE, "more than 400,000 objects and arrays")
    for before in ("[", "x event_name ["):
        packed = json.dumps({"a": _packed(before + "[]," * MAX_BRACKETS + "0]" + " event_name", 0, gzip.compress)})
        assert rejected(packed.encode()).message == refusal.message


def test_a_record_keeps_no_more_bytes_in_quarantine_than_it_has() -> None:
    """However many bad events it holds, and however they are wrapped: each keeps its own."""
    bad = [{"metadata": {"event_name": "course_created"}, "body": {"n": number}} for number in range(500)]
    for value in (bad, [bad, bad], {"Message": json.dumps(bad)}, {"Records": [{"body": json.dumps(bad)}]}, [json.dumps(bad)]):
        found = verdicts(value)
        assert sum(len(verdict.raw) for verdict in found if isinstance(verdict, Rejected)) <= len(json.dumps(value))


def test_an_event_may_be_as_far_ahead_as_is_configured_and_not_a_millisecond_more() -> None:
    """At the bound it is accepted."""
    rules = Rules(max_future=timedelta(hours=1))
    accepted(event("course_updated", at=NOW + timedelta(hours=1)), rules)
    refusal = rejected(event("course_updated", at=iso(NOW + timedelta(hours=1, milliseconds=1))), rules)
    assert (refusal.reason, refusal.path) == (Reason.FUTURE_EVENT_TIME, "metadata.event_time")


def test_wrappers_inside_each_other_may_be_eight_and_no_more() -> None:
    """SQS in SNS in SQS and so on: one verdict at any number."""
    text = GOOD
    for number in range(1, MAX_WRAPPERS + 4):
        text = WRAPPERS["SQS" if number % 2 else "SNS"](text)
        (verdict,) = verdicts(text.encode())
        assert isinstance(verdict, Accepted) == (number <= MAX_WRAPPERS), number


MIB = 1024 * 1024


def _filled(unit: str, before: str = "", after: str = "") -> bytes:
    """About a MiB of `unit` in between."""
    return (before + unit * ((MIB - len(before) - len(after)) // len(unit.encode())) + after).encode()


def _inside(member: str, unit: str, before: str, after: str, name: str = "learning_outcome_updated") -> bytes:
    """An event with a member of about a MiB."""
    head, tail = json.dumps(event(name, **{member: "VALUE"})).split('"VALUE"')
    return _filled(unit, head + before, after + tail)


def _with(members: dict[str, Any]) -> Event:
    """A result with these."""
    return result(1) | {"body": result(1)["body"] | members}


def _nested(text: str) -> bytes:
    """As often in SQS and SNS as fits."""
    while len(inner := WRAPPERS["SQS"](WRAPPERS["SNS"](text))) < MIB:
        text = inner
    return text.encode()


def _packed(text: str, times: int, pack: Callable[[bytes], bytes] = bytes) -> str:
    """In base64, and that in base64 again, so many times more."""
    data = b64encode(pack(text.encode()))
    for _ in range(times):
        data = b64encode(data)
    return data.decode()


NASTY: Mapping[str, Callable[[], bytes]] = {
    "arrays in arrays": lambda: b"[" * MIB,
    "arrays in arrays, closed": lambda: b"[" * (MIB // 2) + b"]" * (MIB // 2),
    "objects in objects": lambda: b'{"a":' * (MIB // 5),
    "objects in objects, closed": lambda: b'{"a":' * (MIB // 6) + b"1" + b"}" * (MIB // 6),
    "deep in SQS": lambda: WRAPPERS["SQS"]("[" * MIB).encode(),
    "digits": lambda: _inside("x", "9", "", ""),
    "digits in quotes": lambda: _inside("x_id", "9", '"', '"'),
    "digits of an id": lambda: _inside("learning_outcome_id", "0", '"', '1"'),
    "a fraction": lambda: _inside("x", "1", "0.", ""),
    "digits and an exponent": lambda: _inside("x", "1", "0.", "e999999999"),
    "digits, read leniently": lambda: b"\xef\xbb\xbf" + _inside("x", "9", "", ""),
    "escapes": lambda: _inside("x", "\\u00e9", '"', '"'),
    "escapes and a null character": lambda: _inside("x", "\\u00e9", '"', '\\u0000"'),
    "backslashes in SQS in SNS": lambda: _nested(json.dumps("\\" * 1000)),
    "half pairs": lambda: _inside("x", "\\ud800", '"', '"'),
    "members of one name": lambda: _inside("x", '"a":1,', "{", '"a":1}'),
    "members of many names": lambda: json.dumps(_with({f"m{number}": 1 for number in range(90_000)})).encode(),
    "zeros": lambda: _filled("0,", "[", "0]"),
    "zeros, as many as may be": lambda: b"[" + b"0," * (MAX_EVENTS - 1) + b"0]",
    "texts, as many as may be": lambda: b"[" + b'"12345",' * (MAX_EVENTS - 1) + b"0]",
    "empty objects": lambda: _filled("{},", "[", "0]"),
    "empty arrays": lambda: _filled("[],", "[", "0]"),
    "ignored events": lambda: _filled('{"metadata":{"event_name":"x"},"body":1},', "[", "0]"),
    "refused events": lambda: _filled('{"metadata":{"event_name":"course_created"},"body":1},', "[", "0]"),
    "texts in SQS in an array": lambda: _filled('{"Body":"["},', "[", "0]"),
    "levels": lambda: _inside("rubric_criterion", "{},", '{"ratings":[', "{}]}"),
    "levels that are none": lambda: _inside("rubric_criterion", "0,", '{"ratings":[', "0]}"),
    "ratings": lambda: _inside("outcome_proficiency_ratings", "{},", "[", "0]", "outcome_proficiency_updated"),
    "an unknown array, leniently": lambda: _inside("x", "0,", "[", "NaN]"),
    "no UTF-8": lambda: b'"' + b"\xff" * MIB,
    "no UTF-8 at the end": lambda: _filled("a", '"') + b"\xff",
    "byte order marks": lambda: b"\xef\xbb\xbf" * (MIB // 3),
    "blanks": lambda: b" " * MIB,
    "null characters": lambda: b"\x00" * MIB,
    "an endless text": lambda: b'"' + b"a" * MIB,
    "an endless name": lambda: _inside("x", "a", '{"', '":1}'),
    "names in names": lambda: _filled('{"' + "a" * 15_000 + '":', '{"metadata":', "NaN" + "}" * 64),
    "SQS in SNS in SQS": lambda: _nested(GOOD),
    "objects in a line": lambda: _filled('{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":1}', 'x "event_name": '),
    "broken objects in a line": lambda: _filled('{"a"}', 'x "event_name": '),
    "braces in a line": lambda: _filled("{", 'x "event_name": '),
    "strings in a line": lambda: _filled('"{\\', 'x "event_name": '),
    "backslashes in a line": lambda: _filled("\\", 'x "event_name": '),
    "rows": lambda: _filled('"{""event_name"": ""x""}",', "a,"),
    "base64 in base64": lambda: json.dumps({"data": _packed(json.dumps([result(1)] * 110), 6)}).encode(),
    "words that may be base64": lambda: _filled('"' + "a" * 48 + '",', '{"a": [', "0]}"),
    "small texts with braces": lambda: _filled('"a{\\"b\\":{\\"event_name\\": {[{\\"xxxxxxxxx",', '{"a": [', "0]}"),
    "objects in an object": lambda: _filled('{"a":{"b":1}},', '{"x":[', "0]}"),
    "deep objects, many": lambda: _filled('{"a":' * 70 + "1" + "}" * 70 + ",", '{"x":[', "0]}"),
    "a bomb": lambda: json.dumps({"a": _packed("0" * 12_000_000, 0, gzip.compress)}).encode(),
    "bombs": lambda: json.dumps({"a": [_packed('"event_name"' + "0," * 3_900_000, 0, gzip.compress)] * 60}).encode(),
    "signed bodies in a line": lambda: _filled("eyJhbGciOiJSUzI1NiJ9.eyJtZXRhZGF0YSI6e319.c2ln ", "event_name "),
    "colours": lambda: _filled("\x1b[31m", 'x "event_name": '),
    "an array in SQS in an array": lambda: _nested("[" + ",".join([GOOD] * 20) + "]"),
}
MOST_SECONDS = 1.0
MOST_MEGABYTES = 256


def main() -> None:
    """In a process of its own: seconds of work and verdicts for each of `NASTY`, and the memory that all of it took."""
    import resource

    verdicts(GOOD.encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {}
    for what, make in NASTY.items():
        data = make()
        begun = time.process_time()
        number = len(verdicts(data))
        found[what] = (time.process_time() - begun, number, len(data))
    print(json.dumps({"cases": found, "megabytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}))


def test_a_megabyte_of_anything_is_decoded_within_a_second_and_bounded_memory() -> None:
    """Nothing in a message can block the loop, or fill the machine."""
    done = subprocess.run([sys.executable, "-m", "tests.unit.test_hostile"], capture_output=True, check=True, text=True)
    found = json.loads(done.stdout)
    slow = {what: case for what, case in found["cases"].items() if case[0] > MOST_SECONDS or case[1] < 1 or case[2] > 1.2 * MIB}
    assert slow == {}
    assert found["megabytes"] < MOST_MEGABYTES


@given(st.text(st.sampled_from(["%", "2", "5", "C", "3", "a", "9", "+", "é", "\ud800"])))
def test_a_form_is_unescaped_as_everybody_does_it(text: str) -> None:
    """Only in less memory. Characters of several bytes may be cut anywhere."""
    text = "%7B%C3%A9%F0%9F%98" + text + "%80%F0%9F%98%80"
    assert _unescaped(text, unsure=True) == unquote_plus(text, errors="surrogateescape")


@given(st.text(st.sampled_from(['"', "a", ","])))
def test_a_field_of_csv_ends_at_its_last_quotes_where_it_is_open(text: str) -> None:
    """As an expression reads it that may give back what it has taken."""
    text = '"a""' + text
    field = re.match(r'"([^"]*(?:""[^"]*)*)"', text)
    assert field
    assert _value(text, 0, end=1, spend=lambda _: None) == (field[1].replace('""', '"'), field.end())


LARGEST = Rules().max_record_bytes


def _largest(unit: str, before: str = "", after: str = "", size: int = LARGEST) -> str:
    """As large as a record may be."""
    return before + unit * ((size - len((before + after).encode())) // len(unit.encode())) + after


def _gzip(unit: str, before: str = '"event_name"', after: str = "") -> str:
    """As large as a gzip may be that is unpacked, in base64 in an object."""
    return json.dumps({"a": _packed(_largest(unit, before, after, MAX_UNPACKED), 0, gzip.compress)})


HEAVY: dict[str, Callable[[], str]] = {
    "percent signs": lambda: _largest("%", "event_name=%7B"),
    "wide escapes": lambda: _largest("%C3a", "\U0001f600event_name=%7B"),
    "escaped escapes": lambda: _largest("%2525252525252522", "event_name=%7B"),
    "an escape escaped without an end": lambda: _largest("25", "event_name %", "22"),
    "bytes as escapes and letters": lambda: _largest("\\x22aa", 'x "event_name": '),
    "quotation marks in an open field": lambda: _largest('""', 'a,"event_name', "x"),
    "texts, read leniently": lambda: _largest('"ab",', "[", "NaN]"),
    "lines of base64": lambda: _largest("\na", "a" * 60),
    "hexadecimal digits": lambda: _largest("7b22"),
    "a gzip of numbers": lambda: _gzip("0,", '["event_name",', "0]"),
    "a gzip of texts, read leniently": lambda: _gzip('"ab",', '["event_name",NaN,', "0]"),
    "a gzip of lines of base64": lambda: _gzip("\na", "event_name\n" + "a" * 60),
    "a gzip of wide characters": lambda: _gzip("a", '{"event_name":"\U0001f600', '"}'),
    "gzips, one behind the other": lambda: json.dumps({"a": b64encode(gzip.compress(b"0") * 140_000).decode()}),
}
if WHOLE:  # others on the same ways
    HEAVY |= {
        "escaped quotation marks": lambda: _largest("%22", "event_name=%7B"),
        "escapes and letters": lambda: _largest("%22aa", "event_name=%7B"),
        "an entity escaped without an end": lambda: _largest("amp;", "event_name {&", "quot;"),
        "bytes as escapes": lambda: _largest("\\x22", 'x "event_name": '),
        "backslashes in a string": lambda: _largest("\\\\", '{"event_name'),
        "quotation marks in a field": lambda: _largest('""', 'a,"event_name', '"'),
        "a gzip of a digit": lambda: _gzip("0"),
        "a gzip of doubles": lambda: _gzip("0.1,", '["event_name",', "0]"),
        "a gzip of texts": lambda: _gzip('"ab",', '["event_name",', "0]"),
        "a gzip of arrays": lambda: _gzip("[0],", '["event_name",', "0]"),
        "a gzip of objects": lambda: _gzip('{"a":0},', '["event_name",NaN,', "0]"),
        "a gzip of percent signs": lambda: _gzip("%", "event_name=%7B"),
        "a gzip of escapes and letters": lambda: _gzip("%22aa", "event_name=%7B"),
        "a gzip of bytes as escapes": lambda: _gzip("\\x22aa", 'x "event_name": '),
    }
MOST_HELD = 192
"""MiB that decoding a record may take besides the record. A worker's container has 512."""
MOST_SECONDS_OF_LARGEST = 4.0


def heavy() -> None:
    """In a process of its own for each of `HEAVY`: seconds of work, verdicts, length, and MiB at the peak."""
    import resource

    verdicts(GOOD.encode())
    for what, make in HEAVY.items():

        def made(make: Callable[[], str] = make) -> bytes:
            return make().encode()

        data = subprocess_of(made)  # what making it took is no part of the peak

        def measured(data: bytes = data) -> bytes:
            before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024
            begun = time.process_time()
            number = len(verdicts(data))
            spent = time.process_time() - begun
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return json.dumps((spent, number, len(data), (peak - before) / 1024)).encode()

        print(json.dumps([what, json.loads(subprocess_of(measured))]))


def subprocess_of(function: Callable[[], bytes]) -> bytes:
    """What it returns in a fork."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reading)
        with open(writing, "wb") as out:
            out.write(function())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as got:
        data = got.read()
    os.waitpid(child, 0)
    return data


@pytest.mark.timeout(480)  # its bounds are of processor time; 20 s of it take minutes beside much other work
def test_a_record_of_anything_is_decoded_in_bounded_time_and_memory() -> None:
    """However large it may be: one record that kills a worker would kill the next one too."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.test_hostile", "heavy"], capture_output=True, check=True, text=True
    )
    found = dict(map(json.loads, done.stdout.splitlines()))
    assert found.keys() == HEAVY.keys()
    assert {what: case for what, case in found.items() if case[1] < 1 or case[2] > LARGEST} == {}
    assert {what: case for what, case in found.items() if case[3] > MOST_HELD} == {}
    assert {what: case for what, case in found.items() if case[0] > MOST_SECONDS_OF_LARGEST} == {}


ENDLESS: Mapping[str, bytes] = {
    "objects that never close": b'{"a":\n',
    "arrays that never close": b"[\n",
    "lines that are no values": b"x\n{",
    "texts that never close": b'"x\n[',
    "numbers": b"1 ",
    "arrays of nothing": b"[]",
}


PREFIXED: Mapping[str, bytes] = {
    "brackets that close": b"[]",
    "brackets that close in fields": b"\t[]",
    "brackets that never close": b"\t[",
    "braces that never close": b'\t{"a":',
    "texts that never close": b'\t["',
    "marks": b"\t\xef\xbb\xbf",
    "fields": b"\ta",
}


@pytest.mark.parametrize("what", PREFIXED)
@pytest.mark.parametrize("mark", [b"1", b"CreateTime:1"])
def test_a_line_of_the_console_consumer_is_read_in_time_that_grows_with_its_length_and_no_faster(
    mark: bytes, what: str
) -> None:
    """Its value is not looked for from each of its tabs and brackets."""
    line = mark + PREFIXED[what] * (2 * MIB // len(PREFIXED[what])) + b"."
    begun = time.process_time()
    assert list(numbered_lines([line])) == [[], [(1, line)]]
    assert time.process_time() - begun < 5 * MOST_SECONDS


SPLITTING = """
import os, sys, time
from consumer.ingest.values import numbered_values

def seconds(length):
    unit = os.fsencode(sys.argv[1])
    begun = time.process_time()
    assert list(numbered_values([unit * (length // len(unit))], 4 << 20))
    return time.process_time() - begun

print(*(min(seconds(length) for _ in range(3)) for length in (4_000, 16_000)))
"""
"""In a process of its own: other tests leave another recursion limit and more to collect."""


@pytest.mark.parametrize("what", ENDLESS)
def test_a_text_is_split_in_time_that_grows_with_its_length_and_no_faster(what: str) -> None:
    """What never closes is not looked through from each of its beginnings. Four times the text is four times the work."""
    measured = subprocess.run([sys.executable, "-c", SPLITTING, ENDLESS[what]], capture_output=True, check=True)
    small, large = map(float, measured.stdout.split())
    assert large < 10 * small + 0.1


def test_what_the_fuzzer_found_stays_found() -> None:
    """Bytes that broke a law once; the name begins with the law."""
    for path in sorted(FOUND.glob("*-*")):
        LAWS[path.name.split("-")[0]](path.read_bytes())


def test_the_law_of_the_fuzzer_holds_for_all_that_is_here() -> None:
    """The corpus that it begins with: stable, holdable, the same in other dialects."""
    for _, _, data, _ in CASES[::5]:
        check_decode(data)
    for value in SCALARS:
        for member in ("score", "learning_outcome_id", "assessed_at", "user_uuid", "x", "x_id", "mastery", "attempt"):
            check_decode(json.dumps(_with({member: value})).encode())
            check_decode(b"\xef\xbb\xbf" + json.dumps(_with({member: [value]})).encode())
    assert isinstance(verdicts(b'[{"metadata":{"event_name":"x"},"body":1}]')[0], Ignored)


if __name__ == "__main__":
    heavy() if "heavy" in sys.argv else main()
