"""Events are found by their shape, whatever carries them; nothing else is made of a record, and no search is without an end."""

import base64
import gzip
import html
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from consumer.ingest.decode import Rules
from consumer.ingest.records import Accepted, Ignored, Rejected
from consumer.ingest.texts import MAX_UNPACKED
from consumer.ingest.unwrap import MAX_EVENTS, MAX_VALUES, unwrap
from schemas.base import Reason
from tests.samples import event, rejected, result, scale, verdicts

ONE = result(7, description='a "quoted" {brace} [bracket], \\ and ünïcode \n line', nothing="")
TWO = result(8)
TEXT = json.dumps(ONE)


def b64(text: str | bytes) -> str:
    """As most write it."""
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def escaped(text: str) -> str:
    """With backslashes, as a text of SQL or of a log."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def csv(*fields: str) -> str:
    """A row, as Athena writes it."""
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields)


CARRIERS: dict[str, Any] = {
    "Kafka Connect, a text": {"schema": {"type": "string", "optional": False}, "payload": TEXT},
    "Kafka Connect, an object": {"schema": {"type": "struct", "fields": []}, "payload": ONE},
    "Kafka Connect's JSON string": TEXT,
    "a JSON string in a JSON string": json.dumps(TEXT),
    "rpk": {"topic": "t", "key": "k", "value": TEXT, "timestamp": 1, "partition": 0, "offset": 0},
    "REST proxy, binary": {"records": [{"key": None, "value": b64(TEXT)}]},
    "REST proxy, JSON": {"records": [{"key": "k", "value": ONE}]},
    "REST proxy v3": {"kind": "KafkaRecord", "key": {"type": "STRING", "data": "k"}, "value": {"type": "JSON", "data": ONE}},
    "AKHQ": [{"partition": 0, "headers": {}, "key": "k", "value": TEXT, "schema": {"key": None, "value": None}}],
    "kafka-ui": {"Content": TEXT, "Offset": 0, "Key": None, "Partition": 0, "Headers": {}},
    "Conduktor": {"key": {"id": 1}, "value": {"asJson": ONE, "size": 12}, "headers": []},
    "Redpanda console": [{"value": {"payload": ONE, "encoding": "json"}, "headers": [{"key": "a", "value": {"payload": "b"}}]}],
    "Kinesis": {"Records": [{"Data": b64(TEXT), "PartitionKey": "1", "SequenceNumber": "4" * 56}]},
    "Kinesis to Lambda": {"Records": [{"kinesis": {"partitionKey": "1", "data": b64(TEXT)}, "eventSource": "aws:kinesis"}]},
    "Firehose to Lambda": {"invocationId": "i", "records": [{"recordId": "4" * 56, "data": b64(TEXT)}]},
    "Firehose over HTTP": {"requestId": "r", "timestamp": 1, "records": [{"data": b64(TEXT)}]},
    "MSK to Lambda": {"records": {"topic-0": [{"offset": 1, "key": b64("k"), "value": b64(TEXT), "headers": [{"h": [1, 2]}]}]}},
    "CloudWatch to Lambda": {
        "awslogs": {"data": b64(gzip.compress(json.dumps({"logEvents": [{"id": "1", "message": TEXT}]}).encode()))}
    },
    "CloudWatch to Kinesis to Lambda": {
        "Records": [{"kinesis": {"data": b64(gzip.compress(json.dumps({"logEvents": [{"message": TEXT + "\n"}]}).encode()))}}]
    },
    "EventBridge": {"version": "0", "detail-type": "x", "resources": [], "detail": ONE},
    "EventBridge in SQS": {"MessageId": "1", "Body": json.dumps({"detail-type": "x", "resources": [], "detail": ONE})},
    "CloudEvents": {"specversion": "1.0", "id": "1", "datacontenttype": "application/json", "data": ONE},
    "CloudEvents, a text": {"specversion": "1.0", "id": "1", "data": TEXT},
    "CloudEvents, base64": {"specversion": "1.0", "id": "1", "data_base64": b64(TEXT)},
    "Splunk": {"time": 1742483045.31, "host": "h", "source": "s", "sourcetype": "canvas:live", "event": ONE},
    "Splunk's export": {"preview": False, "result": {"_raw": TEXT, "_time": "2025"}},
    "Logstash": {"@timestamp": "2025", "@version": "1", "message": TEXT, "event": {"original": TEXT}},
    "Logstash, read and as it was": {"@timestamp": "2025", "event": {"original": TEXT}, "metadata": ONE["metadata"], "x": ONE},
    "Filebeat": {"@timestamp": "2025", "log": {"offset": 0, "file": {"path": "/x"}}, "message": TEXT, "json": ONE},
    "Docker": {"log": TEXT + "\n", "stream": "stdout", "time": "2025-03-20T15:04:05.310Z"},
    "Loki": {"streams": [{"stream": {"app": "x"}, "values": [["1742483045310000000", TEXT]]}]},
    "Grafana's export": [{"line": TEXT, "timestamp": "1742483045310000000", "date": "2025", "fields": {"app": "x"}}],
    "Pub/Sub push": {
        "message": {"attributes": {"event_name": "x", "event_time": "y"}, "data": b64(TEXT), "messageId": "1"},
        "subscription": "s",
    },
    "Pub/Sub pull": [{"ackId": "a" * 60, "message": {"data": b64(TEXT), "messageId": "1"}}],
    "SQS with attributes of Canvas": {
        "Body": TEXT,
        "MessageAttributes": {"event_name": {"StringValue": "x", "DataType": "String"}},
        "attributes": {"event_name": "x"},
        "body": TEXT,
    },
    "Event Hubs": {"SequenceNumber": 1, "Offset": "0", "SystemProperties": {}, "Body": b64(TEXT)},
    "Event Grid": [{"id": "1", "eventType": "x", "subject": "s", "data": ONE, "dataVersion": "1", "metadataVersion": "1"}],
    "RabbitMQ": [{"payload_bytes": 1, "exchange": "", "payload": TEXT, "payload_encoding": "string", "properties": []}],
    "RabbitMQ, base64": [{"payload": b64(TEXT), "payload_encoding": "base64"}],
    "NiFi": {"attributes": {"filename": "x", "uuid": "y"}, "content": TEXT},
    "Debezium's outbox": {"payload": {"before": None, "after": {"id": "1", "payload": TEXT}, "op": "c"}, "schema": {}},
    "DynamoDB": {"Item": {"id": {"S": "1"}, "event": {"S": TEXT}}},
    "Elasticsearch": {"hits": {"hits": [{"_index": "i", "_source": ONE, "fields": {"message": [TEXT]}}]}},
    "base64 alone": b64(TEXT).encode(),
    "base64, for addresses, without its end": base64.urlsafe_b64encode(TEXT.encode()).rstrip(b"="),
    "base64 in lines": base64.encodebytes(TEXT.encode()),
    "base64 of base64": {"x": b64(b64(TEXT))},
    "a registry's number": b"\0\0\0\0\x05" + TEXT.encode(),
    "a registry's number that is a quotation mark": b"\0\0\0\0\x22" + TEXT.encode(),
    "a registry's number that is a bracket": b"\0\0\0\0\x5b" + TEXT.encode(),
    "a registry's number that is no text": b"\0\xff\xfe\x00\xc3" + TEXT.encode(),
    "a registry's number in base64": {"value": b64(b"\0\0\0\0\x05" + TEXT.encode())},
    "a text in Avro": b"\0\0\0\0\x05\xd4\x0b" + TEXT.encode(),
    "gzip": gzip.compress(TEXT.encode()),
    "a time before": b"2025-03-20T15:04:05.310Z " + TEXT.encode(),
    "a level and a name before": b"[INFO] [main] {worker-1} got event: " + TEXT.encode(),
    "something behind": TEXT.encode() + b"  <- received",
    "a comma behind": TEXT.encode() + b",",
    "CRI": b"2025-03-20T15:04:05.310000000Z stdout F " + TEXT.encode(),
    "docker compose": b"web-1  | " + TEXT.encode(),
    "syslog": b"<34>1 2025-03-20T15:04:05Z host app 12 ID47 - \xef\xbb\xbf" + TEXT.encode(),
    "colours": b"\x1b[32mINFO\x1b[0m \x1b[1m" + TEXT.encode() + b"\x1b[0m",
    "colours of jq": b"\x1b[1;39m{" + TEXT.encode().replace(b', "body"', b'\x1b[0m,\x1b[1;39m "body"')[1:] + b"\x1b[0m",
    "a key before": b"k1|" + TEXT.encode(),
    "a key in JSON before": b'{"id": [1, "]}"]}\t' + TEXT.encode(),
    "a key with brackets before": b'order[5]{a} ["b"]: ' + TEXT.encode(),
    "headers before": b'event_name:x,event_time:y\t{"event_name":"x"}\tk\t' + TEXT.encode(),
    "a key behind": TEXT.encode() + b"\tkey1",
    "latin-1 before": b"caf\xe9 " + TEXT.encode(),
    "a JSON string behind a key": b"k1 " + json.dumps(TEXT).encode(),
    "CSV": csv("1", TEXT, "2025-03-20").encode(),
    "CSV of pretty JSON": csv(json.dumps(ONE, indent=2), "x").encode(),
    "CSV of lines of a log": csv("2025-03-20", "INFO got " + TEXT).encode(),
    "CSV with backslashes": b'1,"' + TEXT.replace("\\", "\\\\").replace('"', '\\"').encode() + b'",x',
    "TSV": b"1\t" + TEXT.encode() + b"\t2025",
    "COPY": b"1\t" + TEXT.replace("\\", "\\\\").encode() + b"\t\\N",
    "Python's bytes": repr(TEXT.encode()).encode(),
    "mysqldump": f"INSERT INTO t VALUES (1,'{escaped(TEXT)}');".encode(),
    "nginx": b'POST /h 200 "-" "' + TEXT.replace("\\", r"\x5C").replace('"', r"\x22").encode() + b'"',
    "Python's bytes that are not ASCII": b"got " + repr(json.dumps(ONE, ensure_ascii=False).encode()).encode(),
    "a delimiter that is escaped": b"1|" + TEXT.replace("\\", "\\\\").replace(",", "\\,").encode() + b"|x",
    "XML": b"<Message><Body>" + html.escape(TEXT).encode() + b"</Body></Message>",
    "a form": b"payload=" + quote_plus(TEXT).encode() + b"&x=1",
    "base64 behind its name": b"level=info payload=" + b64(TEXT).encode() + b" size=1",
    "base64 in a form": b"a=1&payload=" + quote_plus(b64(TEXT + " ")).encode(),
    "numbers in a row": b'1,"' + str(list(TEXT.encode())).encode() + b'",x',
    "bytea in COPY": b"1\t\\\\x" + TEXT.encode().hex().encode() + b"\t\\N",
    "bytea in CSV": b"1,\\x" + TEXT.encode().hex().encode() + b",x",
    "SQL Server": b"0x" + TEXT.encode().hex().upper().encode(),
    "hexadecimal in a member": {"value": TEXT.encode().hex()},
    "Node's buffer": {"key": {"type": "Buffer", "data": [107]}, "value": {"type": "Buffer", "data": list(TEXT.encode())}},
    "Java's bytes": {"value": [byte - 256 if byte > 127 else byte for byte in json.dumps(ONE, ensure_ascii=False).encode()]},
    "the journal": {"__CURSOR": "s", "MESSAGE": list(TEXT.encode())},
    "columns of a table": {"id": "1", "metadata": json.dumps(ONE["metadata"]), "body": json.dumps(ONE["body"])},
    "a column of a table": {"metadata": ONE["metadata"], "body": json.dumps(ONE["body"])},
    "attributes in a text": {"message_id": "1", "attributes": '{"event_name": "x"}', "data": TEXT},
    "Fluent Bit": b"[0] kafka.0: [[1742483045.310000000, {}], " + json.dumps({"log": TEXT}).encode() + b"]",
    "Fluentd": ["canvas.live", 1742483045, {"log": TEXT}],
    "colours of grep": TEXT.replace("result", "\x1b[01;31m\x1b[Kresult\x1b[m\x1b[K").encode(),
    "CSV with blanks": b'1, "' + TEXT.replace('"', '""').encode() + b'", x',
    "base64 in a row": csv("1", b64(TEXT)).encode(),
}
"""The same event in each."""


@pytest.mark.parametrize("carrier", CARRIERS)
def test_an_event_is_the_same_in_every_carrier(carrier: str) -> None:
    """Once, and nothing else: what a wrapper brings along is neither an event nor a refusal."""
    value = CARRIERS[carrier]
    found = verdicts(value if isinstance(value, bytes) else json.dumps(value).encode())
    (plain,) = verdicts(ONE)
    assert isinstance(plain, Accepted)
    assert [(v.key, v.values, v.extra) for v in found if isinstance(v, Accepted)] == [(plain.key, plain.values, plain.extra)]
    assert len(found) == 1


def _value(text: str) -> str:
    """JSON that holds the text: itself, where it is JSON."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text


WRAPS: dict[str, Callable[[str], str]] = {
    "a member": lambda text: json.dumps({"id": "1", "Body": text, "n": [1, None, {}]}),
    "an object": lambda text: f'{{"specversion": "1.0", "data": {_value(text)}, "x": [[]]}}',
    "deeper": lambda text: f'{{"a": {{"b": {{"c": {_value(text)}}}}}, "d": "{{"}}',
    "an array": lambda text: f"[{_value(text)}]",
    "a JSON string": json.dumps,
    "twice": lambda text: json.dumps({"message": text, "event": {"original": text}}),
    "base64": b64,
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 in a member": lambda text: json.dumps({"Records": [{"data": b64(text)}]}),
    "gzip": lambda text: json.dumps({"awslogs": {"data": b64(gzip.compress(text.encode()))}}),
    "a registry's number": lambda text: json.dumps({"value": b64(b"\0\0\0\0\x07" + text.encode())}),
    "escaped": lambda text: "x" + escaped(f'{{"m": {_value(text)}}}'),
    "XML": lambda text: f"<a>{html.escape(_value(text))}</a>",
    "a form": lambda text: "a=1&b=" + quote_plus(_value(text)),
    "hexadecimal": lambda text: json.dumps({"x": text.encode().hex()}),
    "numbers": lambda text: json.dumps({"type": "Buffer", "data": list(text.encode())}),
    "a line": lambda text: f"2025-03-20T15:04:05Z [INFO] {{x}} got {_value(text)}",
    "a line with an end": lambda text: f'k1|{_value(text)} "behind" {{it}}',
    "a row": lambda text: csv("1", _value(text), "2"),
}


@settings(max_examples=250, deadline=None)
@example(1, True, False, ["a registry's number", "a form", "a form"])
@given(st.integers(1, 3), st.booleans(), st.booleans(), st.lists(st.sampled_from(sorted(WRAPS)), max_size=5))
def test_equal_events_come_in_equal_order_whatever_the_wrapping(
    number: int, poison: bool, lines: bool, wraps: list[str]
) -> None:
    """Wrapped and wrapped again. What is refused among them is kept by itself, and says the same when it is decoded again."""
    events = [result(index + 1, description='"[{\\') for index in range(number)]
    if poison:
        events.insert(1, event("course_updated", course_id="0"))
    text = "\n".join(map(json.dumps, events)) if lines else json.dumps(events)
    expected = verdicts(json.dumps(events).encode())
    for wrap in wraps:
        text = WRAPS[wrap](text)
    assume(len(text) < 2**20)  # "numbers" makes four characters of one, and what is too large to search is refused
    found = verdicts(text.encode())
    assert [_told(verdict) for verdict in found] == [_told(verdict) for verdict in expected], wraps
    for verdict in found:
        if isinstance(verdict, Rejected):
            assert [_told(again) for again in verdicts(verdict.raw)] == [_told(verdict)]


def _told(verdict: Accepted | Ignored | Rejected) -> Any:
    return (verdict.key, verdict.extra) if isinstance(verdict, Accepted) else (type(verdict), verdict.event_name)


def test_an_event_is_never_searched_inside() -> None:
    """Whatever its members hold, it is one event."""
    inner = result(1, description=TEXT, nested={"metadata": ONE["metadata"], "body": ONE["body"]}, b=b64(TEXT))
    for value in (inner, {"metadata": {"event_name": "quiz_submitted"}, "body": TEXT}, [inner, inner][:1]):
        assert len(verdicts(json.dumps(value).encode())) == 1
    halves = {"metadata": json.dumps(inner["metadata"]), "body": json.dumps(inner["body"])}
    for value in (halves, inner | {"body": halves["body"]}):
        assert [verdict.key.id for verdict in verdicts(json.dumps(value).encode()) if isinstance(verdict, Accepted)] == [1]
    assert [type(verdict) for verdict in verdicts(f"{escaped(json.dumps(inner)[:-30])} {TEXT[:-9]}".encode())] == [Rejected]
    (verdict,) = verdicts(json.dumps({"detail": inner}).encode())
    assert isinstance(verdict, Accepted)
    assert verdict.key.id == 1
    assert [type(verdict) for verdict in verdicts((json.dumps(inner)[:-30] + " " + TEXT).encode())] == [Rejected]


def test_equal_events_of_several_members_are_one_and_those_of_an_array_are_not() -> None:
    """A copy that a shipper made is no second event; what was delivered twice was."""
    twice = {"message": json.dumps([ONE, TWO, ONE]), "parsed": [TWO, ONE], "other": result(9)}
    found = verdicts(json.dumps(twice).encode())
    assert [verdict.key.id for verdict in found if isinstance(verdict, Accepted)] == [7, 8, 7, 9]


def test_what_holds_no_event_beside_others_is_refused_alone_in_arrays_only() -> None:
    """With its own bytes, also where the array is in base64."""
    parts = ['{"hello":  1}', '{"MessageId": "1", "Body": "{\\"metadata\\""}', "7"]
    for text in (f"[{TEXT}, {', '.join(parts)}]", json.dumps({"d": b64(f"[{TEXT}, {', '.join(parts)}]"), "x": {"hello": 2}})):
        one, *refused = verdicts(text.encode())
        assert isinstance(one, Accepted)
        assert [verdict.raw.decode() for verdict in refused if isinstance(verdict, Rejected)] == parts


@pytest.mark.parametrize("cut", ["[{0}, {1}", '{0} {{"metadata": {{"event_name": "x"', "{0}\n{1}", 'x {1}, "a": {0}'])
def test_a_part_of_an_event_beside_whole_ones_is_refused_and_not_dropped(cut: str) -> None:
    """In an array or a text that was cut."""
    found = verdicts(cut.format(TEXT, TEXT[: len(TEXT) // 2]).encode())
    refusals = [verdict for verdict in found if isinstance(verdict, Rejected)]
    assert len(refusals) == 1
    assert refusals[0].reason is Reason.NOT_JSON
    assert "event_name" in refusals[0].raw.decode()


HINTS: dict[str, tuple[Any, Reason, str]] = {
    "a signed body": (b"eyJhbGciOiJSUzI1NiJ9.eyJtZXRhZGF0YSI6e319.c2ln", Reason.NOT_JSON, "a signed payload (JWT)"),
    "a signed body in SQS": ({"Body": "eyJhbGciOiJSUzI1NiJ9.eyJtZXRhZGF0YSI6e319.c2ln"}, Reason.NOT_JSON, "payload (JWT)"),
    "a signed event": (
        f"POST eyJhbGciOiJSUzI1NiJ9.{b64(TEXT[:99])}.c2lnbmVk".encode(),
        Reason.NOT_JSON,
        "payload (JWT)",
    ),
    "Caliper": ({"sensor": "s", "sendTime": "t", "data": [{"type": "x"}]}, Reason.UNKNOWN_SHAPE, "Caliper"),
    "Caliper in SQS": ({"Body": json.dumps({"sensor": "s", "data": []})}, Reason.UNKNOWN_SHAPE, "Caliper"),
    "one of Caliper": ({"@context": "http://purl.imsglobal.org/ctx/caliper/v1p2", "id": "x"}, Reason.UNKNOWN_SHAPE, "Caliper"),
    "SNS": ({"Type": "SubscriptionConfirmation", "Token": "t", "Message": "You have"}, Reason.UNKNOWN_SHAPE, "confirm"),
    "S3": ({"Records": [{"s3": {"object": {"key": "x"}}}]}, Reason.UNKNOWN_SHAPE, "S3 announces"),
    "Kafka Connect": ({"schema": {"type": "string"}, "payload": None}, Reason.UNKNOWN_SHAPE, "without a payload"),
    "Avro": (b"\0\0\0\0\x05\x02\x04ab", Reason.NOT_JSON, "schema registry"),
    "HTML": (b"<!DOCTYPE html><html><body>502</body></html>", Reason.NOT_JSON, "an HTML page"),
    "XML": (b'<?xml version="1.0"?><a/>', Reason.NOT_JSON, "XML"),
    "CSV": (b"id,title,points\n1,x,2\n", Reason.NOT_JSON, "CSV"),
    "Python": (b"{'metadata': {'event_name': 'x'}, 'body': {}}", Reason.NOT_JSON, "Python"),
    "no name": ({"Body": json.dumps({"metadata": {}, "body": {}})}, Reason.UNKNOWN_SHAPE, "an event has a name"),
    "half of one in base64": ({"data": b64(TEXT[:200])}, Reason.NOT_JSON, "not JSON"),
}


@pytest.mark.parametrize("what", HINTS)
def test_a_refusal_says_what_the_record_looks_like(what: str) -> None:
    """The record is one refusal, kept whole."""
    value, reason, hint = HINTS[what]
    refusal = rejected(value)
    assert hint in refusal.message
    assert refusal.reason is reason
    assert refusal.raw == (value if isinstance(value, bytes) else json.dumps(value).encode())


def test_a_signed_event_is_never_taken_unverified() -> None:
    """Its second part is base64 of an event; whoever passes it on has to check the signature."""
    body = b64(TEXT).rstrip("=").replace("+", "-").replace("/", "_")
    for text in (f"eyJhbGciOiJSUzI1NiJ9.{body}.c2lnbmVkc2ln", f'x "eyJhbGciOiJSUzI1NiJ9.{body}.c2lnbmVkc2ln" event_name'):
        for value in (text.encode(), json.dumps({"Body": text}).encode(), json.dumps(text).encode()):
            assert "JWT" in rejected(value).message


def test_a_search_that_is_not_finished_finds_nothing() -> None:
    """A record beyond a bound is refused whole: no event of it is applied, and none is lost."""
    many = json.dumps({"a": ONE, "x": [{}] * MAX_VALUES})
    packed = json.dumps({"a": ONE, "b": b64(gzip.compress(b'"event_name"' + bytes(MAX_UNPACKED)))})
    again = json.dumps({"a": ONE, "b": [b64(gzip.compress(b'"event_name"' + bytes(MAX_UNPACKED - 100)))] * 9})
    events = json.dumps([{"metadata": {"event_name": "x"}, "body": 1}] * MAX_EVENTS + [0])
    for text, sentence in (
        (many, "more than 50,000 values to search"),
        (packed, "gzip of more than 8,388,608 bytes"),
        (again, "too much text within texts"),
        (events, "more than 20,000 events"),
    ):
        refusal = rejected(text.encode())
        assert (refusal.reason, refusal.raw) == (Reason.TOO_LARGE, text.encode())
        assert sentence in refusal.message


@pytest.mark.parametrize("unit", ['"{\\', '["a",', '[{"x":[', '{"a":', '{"a"}', '"{""', "[]", '"', '{"', ',"\n""'])
def test_a_text_of_beginnings_is_searched_in_time_that_grows_with_its_length(unit: str) -> None:
    """It is not read from each of them to its end."""
    text = 'x "event_name": ' + unit * (150_000 // len(unit))
    begun = time.process_time()
    assert rejected(text.encode(), Rules(max_record_bytes=10**6)).reason is Reason.NOT_JSON
    assert time.process_time() - begun < 1


def test_a_value_in_base64_is_looked_at_as_closely_as_any() -> None:
    """The record's bytes do not show what is hidden there."""
    bad = [result(1, x="a\0b"), result(1, x=float("nan")), result(1, x="\ud800"), scale(4, 4, 1)]
    for value in bad:
        assert rejected({"data": b64(json.dumps(value))}).reason == rejected(value).reason


def test_half_a_character_in_an_event_behind_a_line_of_a_log_is_refused() -> None:
    """No replacement character gets into the tables."""
    assert rejected(b"caf\xe9 " + TEXT.replace("quoted", "q\u00e9").encode("latin-1", "ignore")).reason is Reason.BAD_TEXT


def test_what_is_found_knows_its_way_through_texts() -> None:
    """Names, numbers of elements, and numbers of the parts of a text that is not itself JSON."""
    text = json.dumps({"Records": [{"data": b64(f"INFO {TEXT}\nINFO {TEXT}")}]})
    assert [item.steps for item in unwrap(text.encode())] == [("Records", 0, "data", 0, 0), ("Records", 0, "data", 0, 1)]
