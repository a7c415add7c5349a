"""Values of parameters, cast as Rails casts them. Pure."""

import re
from decimal import Decimal

from consumer.serve.api.rails_params import Value
from schemas.base import MAX_NUMBER

LARGEST = Decimal("1e9")
"""Larger integers are cut to it, and larger bounds of a grading standard are refused."""
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "off", "OFF"})
_FLOAT = re.compile(r"\s*([+-]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,4})?)", re.ASCII)
_INTEGER = re.compile(r"\s*([+-]?\d{1,12})", re.ASCII)
_BEYOND = Decimal("1e16")


def is_given(value: Value) -> bool:
    """Truth in Ruby: everything but nil and false."""
    return value is not None and value is not False


def is_scalar(value: Value) -> bool:
    """Whether `permit` accepts it under a plain name; lists and objects are ignored."""
    return not isinstance(value, (list, dict))


def as_text(value: Value) -> str | None:
    """As for a text column."""
    match value:
        case None:
            return None
        case bool():
            return "t" if value else "f"
        case _:
            return str(value)


def as_boolean(value: Value) -> bool:
    """As for a boolean column."""
    return value not in (None, "", False, 0) and str(value) not in _FALSE


def as_integer(value: Value) -> int | None:
    """As for an integer column: a text counts as the number that it begins with, else 0."""
    match value:
        case None | "":
            return None
        case str():
            found = _INTEGER.match(value)
            return int(found[1]) if found else 0
        case bool() | int():
            return int(value)
        case Decimal():
            return int(value) if abs(value) <= LARGEST else int(LARGEST)
        case _:
            return None


def as_decimal(value: Value) -> Decimal:
    """As Ruby's `to_f`, without rounding: nil is 0, a text the number that it begins with, else 0. At most 10^16."""
    number: Decimal = Decimal(0)
    match value:
        case Decimal() | bool() | int():
            number = Decimal(value)
        case str() if found := _FLOAT.match(value):
            number = Decimal(found[1].replace("_", ""))
    return min(max(number, -_BEYOND), _BEYOND)


def as_float(value: "Value | float") -> float | None:
    """As `as_decimal`, or a float as it is; None for what is not a number, or too large for an event."""
    if isinstance(value, (bool, list, dict)):
        return None
    number = Decimal(value) if isinstance(value, float) else as_decimal(value)
    return float(number) + 0.0 if abs(number) <= MAX_NUMBER else None
