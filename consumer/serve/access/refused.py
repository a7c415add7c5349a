"""Pages of signing in, and refusals in plain words: for people HTML, for programs an error as Canvas writes it."""

from functools import cache
from typing import Any

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.types import Scope

from consumer.serve.refusals import error_response

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""Nothing from other servers, no script, and in no frame."""
HEADINGS = {401: "Sign in", 403: "Not yours to see", 404: "Not found", 429: "Too many attempts", 503: "Not now"}


class SignInRefused(Exception):
    """Somebody could not be signed in. The message tells that person why, in words without a secret."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("consumer.serve.access"), autoescape=True, undefined=StrictUndefined)


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page; every value is escaped."""
    html = _templates().get_template(template).render(values)
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})


def refused_page(message: str, status: int) -> Response:
    """A refusal, to read."""
    return page("refused.html", status, heading=HEADINGS.get(status, "That did not work"), message=message)


def is_browser(scope: Scope) -> bool:
    """Whether a person asks for a page: programs ask for other types, and below `/api`."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return scope["method"] in ("GET", "HEAD") and b"text/html" in accepted and not scope["path"].startswith("/api/")


def refusal(scope: Scope, status: int, message: str, *, headers: dict[str, str] | None = None) -> Response:
    """A page for a person, else an error as Canvas writes it."""
    if not is_browser(scope):
        return error_response(status, message, headers=headers)
    answer = refused_page(message, status)
    answer.headers.update(headers or {})
    return answer
