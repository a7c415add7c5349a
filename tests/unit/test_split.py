"""Every form of a captured file is read back record by record, wherever its chunks end."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.ingest.lines import MOST_JOINED, numbered_lines
from consumer.ingest.records import Accepted, Rejected, TooLong
from consumer.ingest.split import Form, form_of
from consumer.ingest.values import numbered_values
from tests.samples import event, result, verdicts

LIMIT = 100_000
HELD = 10_000_000
EVENTS = [result(1), result(2, description='a "quoted" {brace} [bracket] \\ and ünïcode \n line'), event("course_created")]

Found = list[tuple[int, bytes | None]]


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces of this size."""
    return (data[start : start + size] for start in range(0, len(data), size))


def split(data: bytes, size: int = 7, limit: int = LIMIT, held: int = HELD) -> Found:
    """All records, in the form that the data itself shows."""
    return [record for records in pieces(data, size, limit, held) for record in records]


def pieces(data: bytes, size: int, limit: int, held: int) -> Iterator[Found]:
    """The same as they come."""
    form, chunks = form_of(data, whole=True), chunked(data, size)
    return numbered_values(chunks, limit, held) if form is Form.VALUES else numbered_lines(chunks, held, rows=form is Form.ROWS)


def values(found: Found) -> list[Any]:
    """Parsed."""
    return [None if value is None else json.loads(value) for _, value in found]


def dump(value: Any, **options: Any) -> bytes:
    """JSON bytes."""
    return json.dumps(value, ensure_ascii=False, **options).encode()


def kcat(value: Any) -> bytes:
    """A line of `kcat -J`."""
    return dump({"topic": "t", "partition": 0, "offset": 3, "tstype": "create", "ts": 1, "key": None, "payload": value})


FORMS: dict[str, tuple[bytes, list[int]]] = {
    "NDJSON": (b"".join(dump(value) + b"\n" for value in EVENTS), [1, 2, 3]),
    "NDJSON without a last line feed": (b"\n".join(map(dump, EVENTS)), [1, 2, 3]),
    "NDJSON of Windows": (b"".join(dump(value) + b"\r\n" for value in EVENTS), [1, 2, 3]),
    "NDJSON with blank lines": (b"\n\n" + b"\n\n".join(map(dump, EVENTS)) + b"\n\n", [3, 5, 7]),
    "NDJSON with a byte order mark": (b"\xef\xbb\xbf" + b"\n".join(map(dump, EVENTS)), [1, 2, 3]),
    "one after the other": (b"".join(map(dump, EVENTS)), [1, 2, 3]),
    "with blanks between": (b"  ".join(map(dump, EVENTS)), [1, 2, 3]),
    "pretty": (b"\n".join(dump(value, indent=2) for value in EVENTS), [1, 2, 3]),
    "pretty with a byte order mark": (b"\xef\xbb\xbf" + b"\n".join(dump(value, indent=2) for value in EVENTS), [1, 2, 3]),
    "an array": (dump(EVENTS), [1, 2, 3]),
    "a pretty array": (dump(EVENTS, indent=4), [1, 2, 3]),
    "an array, a line each": (b"[\n" + b",\n".join(map(dump, EVENTS)) + b"\n]\n", [1, 2, 3]),
    "pretty with tabs, as cJSON writes it": (
        b"\n".join(dump(v, indent="\t", separators=(",", ":\t")) for v in EVENTS),
        [1, 2, 3],
    ),
    "two arrays": (dump(EVENTS[:2], indent=1) + b"\n" + dump(EVENTS[2:], indent=1), [1, 2, 3]),
    "console consumer": (b"".join(dump(v) + b"\n" for v in EVENTS) + b"Processed a total of 3 messages\n", [1, 2, 3]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 13, 1_000_000])
def test_every_form_is_read_back_value_for_value(form: str, size: int) -> None:
    """With the positions that resuming needs."""
    data, positions = FORMS[form]
    found = split(data, size)
    assert values(found) == EVENTS
    assert [position for position, _ in found] == positions


def test_a_line_may_be_an_array_of_events() -> None:
    """It is one record; decoding makes its elements."""
    found = split(dump(EVENTS[:2]) + b"\n" + dump(EVENTS[2]) + b"\n" + dump([EVENTS[0]]) + b"\n")
    assert values(found) == [EVENTS[:2], EVENTS[2], [EVENTS[0]]]


def test_messages_without_a_value_are_tombstones() -> None:
    """As kcat and the console consumer print them."""
    assert values(split(kcat(None) + b"\n" + kcat("{}") + b"\n" + kcat(None))) == [None, json.loads(kcat("{}")), None]
    for line in (b"CreateTime:1\tk\tnull", b"CreateTime:1742483045310-k1-null", b"k1|null", b"k\t null"):
        assert split(line + b"\nCreateTime:2\tk\t{}\n") == [(1, None), (2, b"CreateTime:2\tk\t{}")]
    for line in (b"the value was null", b"a=null", b"nonull", b'{"id": 1}\tnull', b"key[1]\tnull"):
        assert split(line + b"\n" + dump(EVENTS[0])) == [(1, line), (2, dump(EVENTS[0]))]
    assert split(b"null\n{}\n" + dump(EVENTS[0])) == [(1, None), (2, b"{}"), (3, dump(EVENTS[0]))]


EVENT = dump(EVENTS[1])
PREFIXES: dict[str, bytes] = {
    "a partition": b"1\t",
    "a key with tabs": b"CreateTime:17\ta\tkey\t\twith tabs\t",
    "headers": b"CreateTime:17\tNO_HEADERS\ta:1,b:2\tkey\t",
    "a byte order mark": b"1\t \xef\xbb\xbf",
    "a key in JSON": b'CreateTime:17\tPartition:0\t{"id":\t[1, "]\\"}\t"]}\t',
    "a key with brackets": b"Partition:0\torder[5] {a}\t",
}
VALUES: dict[str, bytes] = {
    "an event": EVENT,
    "an event with tabs": dump(EVENTS[1], separators=("\t,\t", "\t:\t")).replace(b"{", b"{\t").replace(b"]", b"\t]"),
    "an array": dump(EVENTS),
    "a number that JSON has not": b'{"metadata": NaN}',
    "a long one": dump(result(1, description="x" * 100_000)),
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("value", VALUES)
def test_what_the_console_consumer_prints_before_a_record_is_passed_over(prefix: str, value: str) -> None:
    """Keys may hold tabs, brackets and JSON, and JSON may have tabs between its tokens. The line is the record."""
    line = PREFIXES[prefix] + VALUES[value]
    (_, first), (position, second) = split(EVENT + b"\n" + line + b"\r\n", 1000)
    assert (first, position, second) == (EVENT, 2, line.strip())
    found, alone = verdicts(second), verdicts(VALUES[value])
    if value == "a number that JSON has not":
        assert [type(verdict) for verdict in found] == [Rejected]
    else:
        assert [(v.key, v.values) for v in found if isinstance(v, Accepted)] == [
            (v.key, v.values) for v in alone if isinstance(v, Accepted)
        ]
        assert len(found) == len(alone)


UNTOLD: dict[str, bytes] = {
    "a key behind the event": b"1\t" + EVENT + b"\tkey1",
    "null behind the event": b"1\t" + EVENT + b"\tnull",
    "null behind the event, marked": b"CreateTime:17\t" + EVENT + b"\tnull",
    "null behind half an event": b"1\t" + EVENT[:-9] + b"\tnull",
    "JSON behind the event": b"1\t" + EVENT + b'\t{"key": 1}',
    "two events": b"1\t" + EVENT + EVENT,
    "two events, marked": b"CreateTime:17\t" + EVENT + EVENT,
    "half an event": b"CreateTime:17\tkey\t" + EVENT[:-9],
    "half an event that ends in a whole member": b'CreateTime:17\tkey\t{"metadata": {},\t"body":\t{"a": 1}',
    "half a text and a member": b'CreateTime:17\tkey\t{"metadata": "\t{"a": 1}',
    "an event in a sentence": b"2025-03-20\tINFO\tgot " + EVENT + b'\t{"a": 1}',
    "a sentence with brackets": b"2025-03-20\tERROR\t[main] failed [again]",
    "a broken line": b"2025-03-20\tERROR\tbroken\tpipe",
    "a text": b'CreateTime:17\tkey\t"text"',
}


@pytest.mark.parametrize("what", UNTOLD)
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_line_that_cannot_be_told_apart_is_handed_out_whole(what: str, size: int) -> None:
    """So that quarantine holds all of it: no event is taken for a tombstone, none for a key."""
    assert split(EVENT + b"\n" + UNTOLD[what] + b"\n", size) == [(1, EVENT), (2, UNTOLD[what])]


def test_lines_with_a_record_between_tabs_stay_lines() -> None:
    """Decoding finds it there."""
    line = b"1\t" + EVENT + b"\tkey1"
    assert split((line + b"\n") * 3) == [(1, line), (2, line), (3, line)]


LOGS: dict[str, tuple[bytes, list[int]]] = {
    "a file of words": (b"1 2 3 true\nnull hypothesis\n-- \n1,2,3\n", [1, 2, 3, 4]),
    "CSV without events": (b"id,title\n1,a\n2,b\n", [1, 2, 3]),
    "a log with brackets": (b"[INFO] one\n[INFO] {two}\n{three} [4]\n" * 2, [1, 2, 3, 4, 5, 6]),
    "one line of a log": (b"[INFO] nothing [1, 2]", [1]),
    "YAML": (b"a:\n  - b: 1\n  - c: [1, 2]\n", [1, 2, 3]),
    "HTML": (b"<html>\n<body>\n</html>\n", [1, 2, 3]),
    "signed bodies": (b"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\n" * 3, [1, 2, 3]),
}


@pytest.mark.parametrize("what", LOGS)
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_text_is_never_cut_into_words(what: str, size: int) -> None:
    """Each line is a record, whole."""
    data, numbers = LOGS[what]
    assert split(data, size) == [(n, line.strip()) for n, line in zip(numbers, data.split(b"\n"), strict=False)]


def row(*fields: str) -> bytes:
    """Of CSV, each field in quotes."""
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields).encode()


PRETTY = json.dumps(EVENTS[1], indent=2, ensure_ascii=False)
TABLES: dict[str, tuple[bytes, list[int]]] = {
    "one column": (b'"event"\n' + row(json.dumps(EVENTS[0])) + b"\n" + row(json.dumps(EVENTS[1])), [2, 3]),
    "no names": (row("1", json.dumps(EVENTS[0])) + b"\r\n" + row("2", json.dumps(EVENTS[1])) + b"\r\n", [1, 2]),
    "names, and other columns": (
        b"id,event,at\n" + row("1", json.dumps(EVENTS[0]), "x") + b"\n" + row("2", json.dumps(EVENTS[1]), ""),
        [2, 3],
    ),
    "quoted line feeds": (b"id,event\n" + row("1", PRETTY) + b"\n" + row("2", PRETTY) + b"\n", [1 + 23, 1 + 46]),
    "tabs": (b"id\tevent\n1\t" + dump(EVENTS[0]) + b"\n2\t" + dump(EVENTS[1]) + b"\n", [2, 3]),
    "semicolons": (row("1", json.dumps(EVENTS[0])).replace(b'","', b'";"') + b"\n" + row(json.dumps(EVENTS[1])), [1, 2]),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("size", [1, 13, 1_000_000])
def test_a_row_of_csv_is_a_record_and_the_names_of_its_columns_are_none(table: str, size: int) -> None:
    """Quoted fields may go over several lines."""
    data, numbers = TABLES[table]
    found = split(data, size)
    lines = PRETTY.count("\n") + 1
    assert [number for number, _ in found] == [1 + lines * (number // 23) if number > 20 else number for number in numbers]
    assert [len(verdicts(value)) for _, value in found] == [1, 1]
    assert all(isinstance(verdict, Accepted) for _, value in found for verdict in verdicts(value))


NOTE = b'1,"two\n""lines"",","'
FILES: dict[str, bytes] = {
    "keys that are JSON": b"".join(b'{"id":1}\t' + dump(value) + b"\n" for value in EVENTS),
    "Avro's keys": b"".join(b'{"string":"k"}\t' + dump({"string": json.dumps(value)}) + b"\n" for value in EVENTS),
    "rows that are open before an event": b"a,b,c\n"
    + b"\n".join(NOTE + dump(value).replace(b'"', b'""') + b'"' for value in EVENTS),
    "rows that are open before an event in lines": b"a,b,c\n"
    + b"\n".join(NOTE + dump(value, indent=1).replace(b'"', b'""') + b'"' for value in EVENTS),
    "rows with blanks": b"a, b\n" + b"\n".join(b'1, "' + dump(value).replace(b'"', b'""') + b'"' for value in EVENTS),
    "bytea": b"id,payload\n" + b"".join(b"1,\\x" + dump(value).hex().encode() + b"\n" for value in EVENTS),
}
"""All of EVENTS in each, and nothing else."""


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_lines_gives_its_events_and_nothing_else(name: str) -> None:
    """No key becomes a record of its own, and no row is cut where a text in it has a line feed."""
    found = [v for _, raw in split(FILES[name]) if raw is not None for v in verdicts(raw)]
    plain = [v for value in EVENTS for v in verdicts(value)]
    assert [(type(v), v.key if isinstance(v, Accepted) else None) for v in found] == [
        (type(v), v.key if isinstance(v, Accepted) else None) for v in plain
    ]


def test_a_quotation_mark_that_is_never_closed_takes_no_more_than_bounded_lines_along() -> None:
    """They are handed out one by one, each at its place."""
    line = row(json.dumps(EVENTS[0]))
    rows = 2 * MOST_JOINED // len(line)
    told = list(numbered_lines(chunked(b'a\n1,"{\n' + (line + b"\n") * rows, 65_536), rows=True))
    found = list(chain.from_iterable(told))
    assert [number for number, _ in found] == list(range(2, rows + 3))
    assert found[1][1] == line
    assert next(index for index, records in enumerate(told) if records) <= MOST_JOINED // 65_536 + 1


def test_parts_of_lines_are_joined_to_no_more_than_may_be_held() -> None:
    """What has come goes out as one record, and what would be too much waits for the next position: nothing is lost."""
    text = b"x stdout P aaaaa\nx stdout P bbbbb\nx stderr P ccccc\nx stdout F ddddd"
    for held in range(16, 70):
        found = list(chain.from_iterable(numbered_lines(chunked(text, 5), held)))
        numbers = [number for number, _ in found]
        assert numbers == sorted(set(numbers))
        told = [value or b"" for _, value in found]
        assert max(map(len, told)) <= held
        assert all(part in b" ".join(told) for part in (b"aaaaa", b"bbbbb", b"ccccc", b"ddddd"))
    assert list(chain.from_iterable(numbered_lines([text[:33]], 20))) == [(2, b"x stdout P aaaaa"), (3, b"bbbbb")]


def test_a_row_whose_quotes_are_open_takes_no_more_lines_along_than_may_be_held() -> None:
    """Its lines are handed out one by one, as they are behind a quotation mark that stands alone."""
    rows = b'a,b\n"{""x"": \n1\n2\n3}"\n'
    assert list(chain.from_iterable(numbered_lines([rows], 100, rows=True))) == [(5, rows[4:-1])]
    found = list(chain.from_iterable(numbered_lines([rows], 12, rows=True)))
    assert [value for _, value in found] == [b'"{""x"":', b"1", b"2", b'3}"']


CRI = b"2025-03-20T15:04:05.310000000Z stdout "


@pytest.mark.parametrize("size", [1, 13, 1_000_000])
def test_lines_that_a_runtime_has_cut_are_joined(size: int) -> None:
    """Kubernetes marks the parts; those of the other stream may come between them."""
    text, other = dump(EVENTS[1]), dump(EVENTS[0])
    parts = [CRI + b"P " + text[:300], CRI.replace(b"stdout", b"stderr") + b"F " + other, CRI + b"P " + text[300:310]]
    found = split(b"\n".join([*parts, CRI + b"F " + text[310:], CRI + b"F " + other, CRI + b"P " + text[:99]]), size)
    assert found == [(2, parts[1]), (4, CRI + b"P " + text), (5, CRI + b"F " + other), (6, CRI + b"P " + text[:99])]
    assert [type(verdict) for _, value in found for verdict in verdicts(value)] == [Accepted, Accepted, Accepted, Rejected]


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_what_docker_has_cut_after_16_kib_is_joined(size: int) -> None:
    """Lines of its files that do not end in a line feed go on; short ones are whole whatever they end in."""
    long = json.dumps(result(1, description="é" * 40_000))
    texts = [long[:16_384], long[16_384:32_768], long[32_768:] + "\n", json.dumps(result(2)), json.dumps(result(3)) + "\n"]
    lines = [json.dumps({"log": text, "stream": "stdout", "time": "x"}, separators=(",", ":")).encode() for text in texts]
    found = split(b"\n".join(lines), size)
    assert [number for number, _ in found] == [3, 4, 5]
    assert [v.key.id for _, value in found for v in verdicts(value) if isinstance(v, Accepted)] == [1, 2, 3]


def test_the_tail_of_a_pretty_value_is_one_record() -> None:
    """Not one for its first word, and one for the rest."""
    pretty = dump(EVENTS[0], indent=2)
    tail = pretty[-60:].partition(b"\n")[2].strip()
    assert [value for _, value in split(b"  " + tail + b"\n" + pretty)] == [tail, pretty]


def test_bytes_that_are_zero_are_no_record() -> None:
    """A log that was cut while it was written begins with them; so does a line behind a schema's number that is a line feed."""
    assert split(b"\0" * 5000 + b"\n" + b"\0\0\0\0\n" + EVENT + b"\n\0\0\0\0\n" + EVENT) == [(3, EVENT), (5, EVENT)]


def test_an_array_that_begins_with_its_first_element_is_read_by_elements() -> None:
    """As it always was: positions count them."""
    data = b"[" + b",\n\n".join(map(dump, EVENTS)) + b"]\n"
    assert [number for number, _ in split(data)] == [1, 2, 3]


def test_lines_of_an_array_have_its_elements_and_nothing_else() -> None:
    """Where its head was cut off, or commas stand alone."""
    told = b",\n".join(map(dump, EVENTS))
    assert [number for number, _ in split(told + b",\n]\n")] == [1, 2, 3]
    assert [number for number, _ in split(b"\n,\n".join(map(dump, EVENTS * 2)) + b"\n],\n")] == [1, 3, 5, 7, 9, 11]


def test_a_bracket_alone_opens_an_array_whatever_its_lines_look_like() -> None:
    """Commas on lines of their own, or none: half of the first lines, or more, are records of their own."""
    told = EVENTS * 20
    for between in (b"\n,\n", b"\n"):
        data = MARK + b"\n[\n" + between.join(map(dump, told)) + b"\n]\n"
        assert values(split(data, 1000)) == told


def test_an_empty_array_is_one_record() -> None:
    """Decoding refuses it: nothing is passed over in silence."""
    assert split(b"[]") == [(1, b"[]")]
    assert split(b" [ ] ") == [(1, b"[]")]


def test_an_empty_file_holds_nothing() -> None:
    """Nor does one of blank lines."""
    assert split(b"") == split(b"\n\n  \n") == []


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("blank", [MARK, b"\n" + MARK + b"\n", b" " + MARK * 2 + b"\r\n\t" + MARK + b"\n\n", b"\n" * 14 + MARK])
@pytest.mark.parametrize("form", ["lines", "values", "array", "arrays"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 1_000_000])
def test_byte_order_marks_and_blanks_are_passed_over_wherever_they_are(size: int, form: str, blank: bytes) -> None:
    """As in files that were joined. They are no records, however they are cut."""
    match form:
        case "lines":
            between = (blank if blank.startswith(b"\n") else b"\n" + blank).join(map(dump, EVENTS))
        case "values":
            between = blank.join(dump(value, indent=1) for value in EVENTS)
        case "array":
            between = b"[" + blank + (blank + b"," + blank).join(map(dump, EVENTS)) + blank + b"]"
        case _:
            between = blank.join(dump([value], indent=1) for value in EVENTS)
    assert values(split(blank + between + b"\n" + blank, size)) == EVENTS
    assert split(blank, size) == split(blank * 3, size) == []


def test_a_mark_behind_more_blanks_than_a_chunk_holds_is_no_record() -> None:
    """It was one, of no bytes, where blanks came behind it in the same chunk."""
    data = b"\n" * 131_068 + MARK + b"\n" * 70_000 + dump(EVENTS, indent=1)
    for size in (131_072, 131_069, 65_536, len(data)):
        found = list(chain.from_iterable(numbered_values(chunked(data, size), LIMIT)))
        assert values(found) == EVENTS
        assert [position for position, _ in found] == [1, 2, 3]


@pytest.mark.parametrize("size", [1, 50, 1_000_000])
def test_what_is_broken_ends_before_a_mark_and_a_value(size: int) -> None:
    """The first of two joined files was cut."""
    first, second = dump(EVENTS[0], indent=2)[:-40].rstrip(), dump(EVENTS[1], indent=2)
    assert [value for _, value in split(first + b"\n" + MARK + second, size)] == [first, second]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1_000_000])
def test_what_only_begins_like_a_mark_is_kept(size: int) -> None:
    """In both forms, to the byte."""
    for junk in (b"\xef\xbb", b"\xef", b"\xbf\xbb", b"\xef\xbb\xbe"):
        for splitter in (numbered_lines(chunked(junk, size)), numbered_values(chunked(junk, size), LIMIT)):
            assert list(chain.from_iterable(splitter)) == [(1, junk)]


@pytest.mark.parametrize("size", [1, 50, 1_000_000])
def test_a_broken_line_stays_alone(size: int) -> None:
    """It is handed out as it is."""
    lines = [dump(EVENTS[0]), b'{"metadata": {', b"\xff\xfe", dump(EVENTS[1]), b"plain text", dump(EVENTS[2])]
    assert [value for _, value in split(b"\n".join(lines), size)] == lines


@pytest.mark.parametrize("size", [1, 50, 1_000_000])
def test_what_is_broken_between_values_is_handed_out_and_the_rest_is_read(size: int) -> None:
    """Up to the next line that begins a value."""
    pretty = [dump(value, indent=2) for value in EVENTS]
    data = pretty[0] + b"\n" + pretty[1][:-40] + b"\n" + pretty[2] + b"\n" + pretty[0]
    found = [value for _, value in split(data, size)]
    assert [found[0], found[2], found[3]] == [pretty[0], pretty[2], pretty[0]]
    assert found[1] == pretty[1][:-40].rstrip()


def test_a_value_that_the_end_of_the_file_cuts_is_handed_out() -> None:
    """Nothing is dropped."""
    pretty = dump(EVENTS[0], indent=2)
    assert [value for _, value in split(pretty + b"\n" + pretty[:-20])] == [pretty, pretty[:-20].rstrip()]


LONG = result(7, description="x" * 500, more=[{"a": ["}", "\\", '"']}] * 50)


@pytest.mark.parametrize("size", [10, 100, 10_000])
@pytest.mark.parametrize("form", ["lines", "pretty", "joined", "array"])
def test_a_record_above_the_limit_is_handed_out_whole(size: int, form: str) -> None:
    """So that quarantine holds it whole; what follows is read."""
    told = [{"a": 1}, LONG, {"b": 2}, {"c": 3}]
    match form:
        case "lines":
            data = b"\n".join(map(dump, told))
        case "pretty":
            data = b"\n".join(dump(value, indent=1) for value in told)
        case "joined":
            data = b"".join(map(dump, told))
        case _:
            data = dump(told)
    found = split(data, size, limit=200)
    assert values(found) == told
    assert [position for position, _ in found] == [1, 2, 3, 4]


@pytest.mark.parametrize("size", [10, 100, 10_000])
def test_a_long_record_that_is_cut_is_handed_out_whole_and_the_rest_is_read(size: int) -> None:
    """Its end cannot be found, so it goes to the next line that begins a value."""
    pretty = dump(LONG, indent=1)[:-300].rstrip()
    data = dump({"a": 1}, indent=1) + b"\n" + pretty + b"\n" + dump({"b": 2}, indent=1)
    found = [value for _, value in split(data, size, limit=200)]
    assert found == [dump({"a": 1}, indent=1), pretty, dump({"b": 2}, indent=1)]


@pytest.mark.parametrize("size", [10, 100, 10_000])
@pytest.mark.parametrize(("indent", "which"), [(None, "line 3"), (1, "value 3")])
def test_a_record_that_is_too_long_to_be_held_is_named_after_all_that_came_before_it(
    size: int, indent: int | None, which: str
) -> None:
    """Memory is bounded, and nothing is passed over in silence."""
    told = [{"a": 1}, {"b": 2}, LONG, {"c": 3}]
    found: Found = []
    with pytest.raises(TooLong, match=rf"{which} is larger than 1,000 bytes"):
        found.extend(chain.from_iterable(pieces(b"\n".join(dump(value, indent=indent) for value in told), size, 200, 1000)))
    assert values(found) == told[:2]


def test_depth_without_end_is_handed_out() -> None:
    """The parser's stack is not the splitter's problem."""
    deep = b"[" * 2 + b'{"a":' * 200_000
    found = split(deep + b"\n" + dump(EVENTS[0], indent=2), 65_536, limit=10_000)
    assert json.loads(found[-1][1] or b"") == EVENTS[0]


json_values = st.recursive(
    st.dictionaries(
        st.text(), st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), min_size=1
    ),
    lambda inner: st.dictionaries(st.text(), inner | st.lists(inner), min_size=1, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(json_values, min_size=1, max_size=6),
    st.integers(1, 200),
    st.sampled_from(["lines", "joined", "pretty", "array", "pretty array"]),
)
def test_any_values_in_any_form_and_any_chunks_come_back(told: list[Any], size: int, form: str) -> None:
    """Value for value, numbered from 1."""
    match form:
        case "lines":
            data = b"\n".join(map(dump, told))
        case "joined":
            data = b"".join(map(dump, told))
        case "pretty":
            data = b"\n".join(dump(value, indent=1) for value in told)
        case "array":
            data = dump(told)
        case _:
            data = dump(told, indent=2)
    found = split(data, size)
    assert values(found) == told
    assert [position for position, _ in found] == list(range(1, len(told) + 1))
