"""What a response of Canvas means: its next page, its errors, its JSON. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from yarl import URL

from consumer.errors import CanvasError, CanvasForbidden, CanvasNotFound, CanvasRejected, CanvasSurprise, CanvasUnauthorized

A = TypeVar("A")

THROTTLED = b"Rate Limit Exceeded"
"""In the body of a 403, it means throttling; any other 403 is about permission."""

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*(?:=\s*(?:"[^"]*"|[^\s",;]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Success:
    """A complete answer of status 200, not parsed yet."""

    body: bytes = field(repr=False)
    next_url: URL | None
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Retryable:
    """A failed request that may be repeated."""

    why: str
    wait: float | None = None
    """Seconds, where Canvas said how long."""
    throttled: bool = False


def endpoint(path: str) -> str:
    """As messages name it."""
    return f"GET /api/v1/{path}"


def failure(
    path: str, status: int, headers: Mapping[str, str], body: bytes, requested_at: datetime, now: datetime
) -> Retryable | CanvasError | None:
    """Why a response holds no answer; None where it holds one."""
    wait = _retry_after(headers.get("Retry-After", ""), now)
    if status == 429 or (status == 403 and THROTTLED in body):
        return Retryable(f"throttling ({status})", wait, throttled=True)
    if status >= 500 or status == 408:
        return Retryable(f"status {status}", wait)
    if status == 401 and ("WWW-Authenticate" in headers or b'"unauthorized"' not in body):
        return CanvasUnauthorized(f"{endpoint(path)}: Canvas does not know this token (401); check OUTCOMES_CANVAS_TOKEN")
    if status in (401, 403):
        return CanvasForbidden(f"{endpoint(path)}: the token's user may not see this ({status})")
    if status == 404:
        return CanvasNotFound(f"{endpoint(path)}: not found (404)", requested_at)
    if status != 200:
        return (CanvasRejected if status >= 400 else CanvasSurprise)(f"{endpoint(path)}: status {status}")
    if "json" not in headers.get("Content-Type", "").partition(";")[0].lower():
        return CanvasSurprise(f"{endpoint(path)}: the answer is not JSON; check that OUTCOMES_CANVAS_URL is a Canvas")
    return None


def parse(path: str, shape: type[A], body: bytes) -> tuple[A] | Retryable | CanvasSurprise:
    """The model. Truncated JSON may be repeated; another shape is named by its path, without its content."""
    try:
        return (TypeAdapter(shape).validate_json(body),)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return Retryable("incomplete JSON")
    message = f"{first['msg'][0].lower()}{first['msg'][1:]}"
    return CanvasSurprise(f"{endpoint(path)}: {_json_path(first['loc'])} is not as Canvas publishes it: {message}")


def _json_path(location: Iterable[Any]) -> str:
    """`outcome_results[3].links.user`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".") or "the answer"


def next_link(headers: Iterable[str]) -> str | None:
    """The address that `Link` calls `next` (RFC 8288), untouched: Canvas says it is opaque."""
    for header in headers:
        for target, parameters in _LINK.findall(header):
            rel = _REL.search(parameters)
            if rel is not None and "next" in (rel[1] or rel[2] or "").lower().split():
                return str(target)
    return None


def number(text: str | None) -> float | None:
    """A number of a header."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None


def date(text: str) -> datetime | None:
    """A date of a header."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year of twenty digits overflows
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def _retry_after(text: str, now: datetime) -> float | None:
    """Seconds, given as a number or as a date (RFC 9110)."""
    if (seconds := number(text)) is not None:
        return max(seconds, 0.0)
    until = date(text)
    return None if until is None else max((until - now).total_seconds(), 0.0)
