"""Rails' nested parameters: forms, query strings and JSON become the objects and lists of Canvas' documents."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.serve.api.rails_params import (
    FORM,
    JSON,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_FIELDS,
    MULTIPART,
    BadParameters,
    nested,
    parse,
)

OUTCOME = (
    ("title", "Outcome Title"),
    ("mastery_points", "3"),
    ("ratings[][description]", "Exceeds Expectations"),
    ("ratings[][points]", "5"),
    ("ratings[][description]", "Does Not Meet Expectations"),
    ("ratings[][points]", "0"),
    ("ratings[][points]", "0"),
)
"""From the document's example of a PUT, whose last rating has points alone."""


def multipart(*fields: tuple[str, str], boundary: str = "----x") -> bytes:
    """A form as `curl -F` sends it."""
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
    return ("".join(parts) + f"--{boundary}--\r\n").encode()


def test_a_member_that_the_newest_object_has_begins_the_next_one() -> None:
    """Rack's rule, on the document's own example."""
    assert nested(OUTCOME) == {
        "title": "Outcome Title",
        "mastery_points": "3",
        "ratings": [
            {"description": "Exceeds Expectations", "points": "5"},
            {"description": "Does Not Meet Expectations", "points": "0"},
            {"points": "0"},
        ],
    }


@pytest.mark.parametrize(
    ("pairs", "params"),
    [
        ((("a", "1"), ("a", "2")), {"a": "2"}),
        ((("a[]", "1"), ("a[]", "2")), {"a": ["1", "2"]}),
        ((("a[b]", "1"), ("a[c][d]", "2")), {"a": {"b": "1", "c": {"d": "2"}}}),
        ((("a[][b][]", "1"), ("a[][b][]", "2"), ("a[][c]", "3")), {"a": [{"b": ["1", "2"], "c": "3"}]}),
        ((("a[][b][c]", "1"), ("a[][b][d]", "2"), ("a[][b][c]", "3")), {"a": [{"b": {"c": "1", "d": "2"}}, {"b": {"c": "3"}}]}),
        ((("a[", "1"), ("b]", "2"), ("[c]", "3"), ("", "4")), {"a[": "1", "b]": "2", "[c]": "3"}),
    ],
)
def test_names_are_paths(pairs: tuple[tuple[str, str], ...], params: object) -> None:
    """Lists, objects, objects in lists; a name with unbalanced brackets is one step."""
    assert nested(pairs) == params


def test_a_form_says_the_same_in_each_of_its_encodings() -> None:
    """`curl -F`, `curl -d` and a query string give the same parameters."""
    encoded = "title=Outcome+Title&mastery_points=3" + "".join(
        f"&{name.replace('[', '%5B').replace(']', '%5D')}={value.replace(' ', '%20')}" for name, value in OUTCOME[2:]
    )
    expected = nested(OUTCOME)
    assert parse(f"{MULTIPART}; boundary=----x", multipart(*OUTCOME)) == expected
    assert parse(FORM, encoded.encode()) == expected
    assert parse(None, b"", encoded) == expected


def test_json_keeps_its_numbers_exactly() -> None:
    """A bound of 0.1 is not 0.1000000000000000055; true and null keep their types."""
    params = parse(f"{JSON}; charset=utf-8", b'{"value": 94.1, "whole": 3, "yes": true, "none": null, "list": [{"a": "b"}]}')
    assert params == {"value": Decimal("94.1"), "whole": 3, "yes": True, "none": None, "list": [{"a": "b"}]}


def test_the_body_wins_over_the_query() -> None:
    """As in Rails, which reads both."""
    assert parse(FORM, b"title=body", "title=query&description=kept") == {"title": "body", "description": "kept"}


@pytest.mark.parametrize(
    ("content_type", "body", "word"),
    [
        (FORM, b"a=1&a[]=2", "makes a list of what is none"),
        (FORM, b"a=1&a[b]=2", "makes an object of what is none"),
        (FORM, b"a[][][b]=1", "a list in a list"),
        (FORM, b"a=%ff", "no text in UTF-8"),
        (FORM, b"a=%00", "U+0000"),
        (FORM, b"a" + b"[a]" * MAX_DEPTH + b"=1", "deep"),
        (FORM, b"a[]=1&" * (MAX_FIELDS + 1), "more than"),
        (FORM, b"a" * 300 + b"=1", "more than"),
        (FORM, b"a" * (MAX_BYTES + 1), "more than"),
        (MULTIPART, multipart(("a", "1")), "names no boundary"),
        (f"{MULTIPART}; boundary=x", b"nothing of the kind", "cannot be read"),
        (f"{MULTIPART}; boundary=----x", multipart(("a", "1"))[:-6], "cut off"),
        (f"{MULTIPART}; boundary=----x", multipart(('a"; filename="f', "1")), "a file"),
        (f"{MULTIPART}; boundary=----x", multipart(*([("a[]", "1")] * (MAX_FIELDS + 1))), "more than"),
        (JSON, b"{", "is not JSON"),
        (JSON, b"[]", "no object"),
        (JSON, b'{"a": NaN}', "NaN"),
        (JSON, b'{"a": 1e99999999999999999999}', "out of all bounds"),
        (JSON, b'{"a": "\\ud800"}', "half of a character"),
        (JSON, b'{"a":' + b"[" * 100_000, "is not JSON"),
        (JSON, b'{"a":' + b"[" * 9 + b"]" * 9 + b"}", "deep"),
        (JSON, b'{"a": [' + b"1," * MAX_FIELDS + b"1]}", "more than"),
        ("text/plain", b"a=1", "of none of the types"),
        (None, b"a=1", "of none of the types"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(content_type: str | None, body: bytes, word: str) -> None:
    """Too deep, too many, too large, cut off, not text, not a form: always `BadParameters`."""
    with pytest.raises(BadParameters, match=word.replace("+", "\\+")):
        parse(content_type, body)


NAMES = st.text(st.sampled_from("ab[]"), max_size=12)


@given(st.lists(st.tuples(NAMES, st.text(max_size=3)), max_size=12))
def test_any_names_are_parameters_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Any order and shape of names can be parsed, and only a later field replaces a field with a name."""
    try:
        params = nested(pairs)
    except BadParameters:
        return
    assert bool(params) == any(name for name, _ in pairs)


@given(st.binary(max_size=60), st.sampled_from([FORM, JSON, f"{MULTIPART}; boundary=x", "", "a/b"]))
def test_any_bytes_are_parameters_or_refused(body: bytes, content_type: str) -> None:
    """Any body gives parameters or `BadParameters`."""
    try:
        params = parse(content_type, body)
    except BadParameters:
        return
    assert bool(params) <= bool(body)
