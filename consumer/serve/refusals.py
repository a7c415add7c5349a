"""Answers that are errors, in Canvas' shapes."""

from collections.abc import MutableMapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from consumer import log
from consumer.errors import Fatal, Transient, UsageError
from consumer.serve.api.dependencies import NOT_FOUND
from consumer.serve.connections import RETRY_AFTER_SECONDS

RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}
"""Header of an answer that may soon be another one."""


def error_response(status: int, message: str, *, word: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """An error as Canvas writes it."""
    body: dict[str, Any] = {"status": word} if word else {}
    body["errors"] = [{"message": message}]
    return Response(orjson.dumps(body), status, headers, "application/json")


async def http_error(_: Request, error: Exception) -> Response:
    """An error that a route raises, or a path without a route."""
    assert isinstance(error, HTTPException)
    message = NOT_FOUND if error.detail == HTTPStatus.NOT_FOUND.phrase else str(error.detail)
    return error_response(error.status_code, message, headers=dict(error.headers or {}))


async def invalid_parameters(_: Request, error: Exception) -> Response:
    """404 for a wrong id in the path: it names nothing. 400 for any other parameter."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["loc"][0] == "path" for one in found):
        return error_response(404, NOT_FOUND)
    return error_response(400, "; ".join(dict.fromkeys(_message(one, found) for one in found)))


def _message(error: MutableMapping[str, Any], found: Sequence[MutableMapping[str, Any]]) -> str:
    if error["type"] == "literal_error":
        name = error["loc"][1]
        lists = [one["ctx"]["expected"] for one in found if one["type"] == "literal_error" and one["loc"][1] == name]
        words = dict.fromkeys(word for some in lists for word in some.replace(" or ", ", ").split(", "))
        return f"{name}: allowed is {', '.join(words)}, and nothing else"
    where = ".".join(str(part) for part in error["loc"][1:]) or "the request"
    return f"{where}: {str(error['msg']).removeprefix('Value error, ')}"


async def database_error(request: Request, error: Exception) -> Response:
    """503 where the database is away, or its schema is not ours: either may be over soon. 404 for a tenant without data."""
    if isinstance(error, UsageError):
        return error_response(404, NOT_FOUND)
    if not isinstance(error, (Transient, Fatal)):
        return await internal_error(request, error)
    return error_response(503, "the projection cannot be read now; ask again soon", headers=RETRY)


async def internal_error(_: Request, error: Exception) -> Response:
    """500 for a bug. The log says which error and where, without its message, which may quote the request."""
    log.get("serve").error("request_failed", error=type(error).__name__, where=log.where(error))
    return error_response(500, "An error occurred.")
