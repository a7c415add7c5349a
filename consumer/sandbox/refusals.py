"""Answers of Canvas that refuse a write: 400 with `errors` by attribute, for a scale 422 with a list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of Canvas that refuses a write."""

    status: int
    body: Mapping[str, Any]


class Errors:
    """Errors by attribute, in the order in which they were found."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    def add(self, attribute: str, kind: str) -> None:
        """`kind`: Rails' word for the error, or a message. An error without its own message shows its word."""
        self._found.append((attribute, kind))

    def __bool__(self) -> bool:
        return bool(self._found)

    def by_attribute(self) -> Refusal:
        """The answer of a controller that asks whether an object was saved."""
        errors: dict[str, list[dict[str, str]]] = {}
        for attribute, kind in self._found:
            errors.setdefault(attribute, []).append({"attribute": attribute, "type": kind, "message": kind})
        return Refusal(400, {"errors": errors})

    def as_list(self) -> Refusal:
        """The answer of Canvas where saving raised an error."""
        errors = [{"field": attribute, "message": kind, "error_code": kind} for attribute, kind in self._found]
        return Refusal(422, {"errors": errors})
