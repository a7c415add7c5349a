"""What the server says where it has no answer: the shapes are Canvas'."""

import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from consumer import log
from consumer.errors import Fatal, Transient
from consumer.serve.api.dependencies import NOT_THERE
from consumer.serve.connections import RETRY_AFTER_SECONDS

RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}
"""Header of an answer that may be another one soon."""
_STEPS = 5
"""Of the way to a mistake of ours that its line in the log tells, the last ones."""


def says(status: int, sentence: str, *, word: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """A refusal in Canvas' form."""
    body: dict[str, Any] = {"status": word} if word else {}
    body["errors"] = [{"message": sentence}]
    return Response(orjson.dumps(body), status, headers, "application/json")


async def refused(_: Request, error: Exception) -> Response:
    """What a route refuses, and a path that is none."""
    assert isinstance(error, HTTPException)
    sentence = NOT_THERE if error.status_code == 404 else str(error.detail)
    return says(error.status_code, sentence, headers=dict(error.headers or {}))


async def not_understood(_: Request, error: Exception) -> Response:
    """An id in the path that is none names nothing: 404. Any other parameter: 400."""
    assert isinstance(error, RequestValidationError)
    wrong = error.errors()
    if any(one["loc"][0] == "path" for one in wrong):
        return says(404, NOT_THERE)
    return says(400, "; ".join(_sentence(one) for one in wrong))


def _sentence(one: MutableMapping[str, Any]) -> str:
    where = ".".join(str(part) for part in one["loc"][1:]) or "the request"
    return f"{where}: {str(one['msg']).removeprefix('Value error, ')}"


async def trouble(_: Request, error: Exception) -> Response:
    """The database is away, or is not one that this code can read: either may be over soon."""
    if not isinstance(error, (Transient, Fatal)):
        return await broken(_, error)
    return says(503, "the projection cannot be read now; ask again soon", headers=RETRY)


async def broken(_: Request, error: Exception) -> Response:
    """A mistake of ours. What it was and where is in the log, never in the answer; its message may quote what was asked."""
    steps = reversed(traceback.extract_tb(error.__traceback__)[-_STEPS:])
    where = [f"{Path(step.filename).name}:{step.lineno} {step.name}" for step in steps]
    log.get("serve").error("request_failed", error=type(error).__name__, where=where)
    return says(500, "An error occurred.")
