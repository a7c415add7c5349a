"""Rails' nested parameters, from a query string, a form or JSON. Pure.

A name such as `ratings[][points]` is a path. `[]` means a list, and the next step a member of the list's newest object; a
member that this object already has begins a new object (Rack, `query_parser.rb`). So the order of a form's fields matters:
`ratings[][description]`, `ratings[][points]`, `ratings[][points]` are two ratings, the second without a description.
"""

import json
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import NoReturn, TypeAlias
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from consumer.errors import UsageError

MAX_BYTES = 1024 * 1024
"""Of a request's body. Canvas drops events of more than 1,000,000 bytes."""
MAX_FIELDS = 4096
"""Fields of a form, or values of a JSON text (Rack: 4096)."""
MAX_DEPTH = 8
"""Of objects and lists in one another; Canvas' documents need three."""
MAX_NAME = 255
"""Characters of a field's name."""

Value: TypeAlias = "str | int | Decimal | bool | list[Value] | dict[str, Value] | None"
"""A parameter. Scalars of a form are texts, numbers of JSON are exact."""
Params: TypeAlias = dict[str, Value]

FORM, MULTIPART, JSON = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"

_NAME = re.compile(r"(?P<first>[^\[\]]+)(?P<rest>(?:\[[^\[\]]*\])*)")
_STEP = re.compile(r"\[([^\[\]]*)\]")
_NEXT = None
"""The step `[]`."""


class BadParameters(UsageError):
    """The parameters cannot be read; the message tells the client why. Canvas answers 400."""


def parse(content_type: str | None, body: bytes, query: str = "") -> Params:
    """The parameters of a request; those of the body win. Raises `BadParameters`.

    Refuses a body whose type is missing, or neither a form nor JSON.
    """
    params = nested(_pairs(query))
    if body:
        params |= _body(content_type, body)
    _check(params)
    return params


def _body(content_type: str | None, body: bytes) -> Params:
    if len(body) > MAX_BYTES:
        raise BadParameters(f"the body has more than {MAX_BYTES} bytes")
    kind, options = parse_options_header(content_type)
    match kind.decode("latin-1").lower():
        case "application/x-www-form-urlencoded":
            return nested(_pairs(_text(body)))
        case "multipart/form-data":
            return nested(_fields(body, options.get(b"boundary")))
        case other if other == JSON or (other.startswith("application/") and other.endswith("+json")):
            return _json(body)
        case _:
            raise BadParameters(f"the body is of none of the types {FORM}, {MULTIPART} and {JSON}")


def nested(pairs: Iterable[tuple[str, str]]) -> Params:
    """Objects and lists from flat names and their values, by Rack's rule. Raises `BadParameters`."""
    params: Params = {}
    for name, value in pairs:
        if len(name) > MAX_NAME:
            raise BadParameters(f"a name has more than {MAX_NAME} characters")
        path = _path(name)
        if path:
            _put(params, path, value, name)
    return params


def _path(name: str) -> list[str | None]:
    """The steps of a name; a name with unbalanced brackets is one step."""
    found = _NAME.fullmatch(name)
    if found is None:
        return [name] if name else []
    steps = _STEP.findall(found["rest"])
    if len(steps) >= MAX_DEPTH:
        raise BadParameters(f"{name} is nested more than {MAX_DEPTH} deep")
    return [found["first"], *(step or _NEXT for step in steps)]


def _put(into: Params, path: list[str | None], value: str, name: str) -> None:
    key, *rest = path
    assert key is not None, "every list is in an object"
    if not rest:
        into[key] = value
    elif rest[0] is _NEXT:
        items = into.setdefault(key, [])
        if not isinstance(items, list):
            raise BadParameters(f"{name} makes a list of what is none")
        if len(rest) == 1:
            items.append(value)
            return
        if rest[1] is _NEXT:
            raise BadParameters(f"{name} is a list in a list, which no parameter is")
        newest = items[-1] if items else None
        if not isinstance(newest, dict) or _holds(newest, rest[1:]):
            items.append(newest := {})
        _put(newest, rest[1:], value, name)
    else:
        inner = into.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BadParameters(f"{name} makes an object of what is none")
        _put(inner, rest, value, name)


def _holds(item: Params, path: list[str | None]) -> bool:
    """Whether the object already has this member; a list in it can always take more."""
    inner: Value = item
    for step in path:
        if step is _NEXT or not isinstance(inner, dict) or step not in inner:
            return False
        inner = inner[step]
    return True


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError:
        raise BadParameters("a parameter is no text in UTF-8") from None
    except ValueError:
        raise BadParameters(f"there are more than {MAX_FIELDS} parameters") from None


def _fields(body: bytes, boundary: bytes | None) -> list[tuple[str, str]]:
    if not boundary:
        raise BadParameters(f"the type {MULTIPART} names no boundary")
    fields: list[tuple[str, str]] = []
    ended = False

    def field(found: Field) -> None:
        if len(fields) == MAX_FIELDS:
            raise BadParameters(f"there are more than {MAX_FIELDS} parameters")
        fields.append((_text(found.field_name or b""), _text(found.value or b"")))

    def file(found: File) -> None:
        found.close()
        raise BadParameters("a file was sent, and no parameter is one")

    def end() -> None:
        nonlocal ended
        ended = True

    try:
        parser = FormParser(MULTIPART, field, file, end, boundary=boundary, config={"MAX_MEMORY_FILE_SIZE": MAX_BYTES})
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise BadParameters(f"the form cannot be read: {error}") from None
    if not ended:
        raise BadParameters("the form is cut off")
    return fields


def _json(body: bytes) -> Params:
    try:
        value = json.loads(_text(body), parse_float=_number, parse_constant=_no_number, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise BadParameters(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadParameters("the body is JSON, but no object")
    return value


def _object(members: list[tuple[str, Value]]) -> Params:
    """Refuses a name that comes twice: a proxy may have read the other value."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member comes twice in an object")
    return found


def _number(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValueError(f"{digits[:40]} is out of all bounds") from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadParameters("the body is no text in UTF-8") from None


def _check(params: Params) -> None:
    """Checks limits, and that a database can hold all texts."""
    allowed = MAX_FIELDS
    waiting: list[tuple[Value, int]] = [(params, 0)]
    while waiting:
        value, depth = waiting.pop()
        allowed -= 1
        if allowed < -1:
            raise BadParameters(f"there are more than {MAX_FIELDS} values")
        if depth > MAX_DEPTH:
            raise BadParameters(f"a value is nested more than {MAX_DEPTH} deep")
        match value:
            case dict():
                for name in value:
                    _check_text(name)
                waiting += [(inner, depth + 1) for inner in value.values()]
            case list():
                waiting += [(inner, depth + 1) for inner in value]
            case str():
                _check_text(value)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise BadParameters("a text holds the character U+0000")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadParameters("a text holds half of a character") from None
