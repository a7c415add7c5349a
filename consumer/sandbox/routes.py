"""Canvas' write endpoints, at Canvas' paths; only with `--sandbox`.

Published in "Outcomes", "Proficiency Ratings", "Grading Standards". A write answers as the reading endpoint of its object.
"""

import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from consumer import log
from consumer.errors import Fatal, Transient
from consumer.sandbox.events import HttpRequest
from consumer.sandbox.refusals import Refusal
from consumer.sandbox.service import Sandbox
from consumer.serve import app as read_only
from consumer.serve.api import serializers
from consumer.serve.api.dependencies import (
    CONTEXT,
    ContextAllTime,
    ContextRequest,
    Id,
    TenantAllTime,
    TenantRequest,
    bad_request,
    not_found,
)
from consumer.serve.api.rails_params import FORM, JSON, MAX_BYTES, MULTIPART, BadParameters, Params, parse
from consumer.settings import Settings
from consumer.sources.producing import Producer
from schemas import rest

Schema: TypeAlias = dict[str, Any]

_RETRY = {"Retry-After": "5"}
"""Seconds after which a client may try a write again."""


class NotEditable(BaseModel):
    """Canvas' answer where nobody may edit an outcome's own points, ratings or method."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    error: str
    """Which values nobody may edit."""


_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_FLAG: Schema = {"type": "boolean"}


def _documented(members: Schema, item: tuple[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """A request's body in its three encodings; `item`: the name of a list, and the members of its objects."""
    name, inner = item
    listed = {name: {"type": "array", "items": {"type": "object", "properties": inner}}}
    flat = {f"{name}[][{member}]": {"type": "array", "items": schema} for member, schema in inner.items()}
    json = {"schema": {"type": "object", "properties": members | listed, "required": list(required)}}
    form = {"schema": {"type": "object", "properties": members | flat, "required": [word for word in required if word != name]}}
    return {"requestBody": {"content": {JSON: json, MULTIPART: form, FORM: form}}}


_OUTCOME_BODY = _documented(
    {
        "title": _TEXT | {"description": "The new title.", "maxLength": 255},
        "display_name": _TEXT | {"description": "A friendly name, shown in reports.", "maxLength": 255},
        "description": _TEXT | {"description": "The new description.", "maxLength": 65_535},
        "vendor_guid": _TEXT | {"description": "A custom GUID for the learning standard.", "maxLength": 255},
        "mastery_points": _NUMBER | {"description": "The new threshold. With new ratings alone: points of the highest."},
        "calculation_method": {
            "enum": ["weighted_average", "decaying_average", "n_mastery", "latest", "highest", "average"],
            "description": "The new calculation method.",
        },
        "calculation_int": {"type": "integer", "description": "1 to 99 for weighted averages, 1 to 10 for n_mastery."},
    },
    ("ratings", {"description": _TEXT, "points": _NUMBER}),
)
_SCALE_BODY = _documented(
    {},
    (
        "ratings",
        {
            "description": _TEXT | {"maxLength": 255},
            "points": _NUMBER | {"minimum": 0, "description": "Falling from level to level."},
            "mastery": _FLAG | {"description": "True for exactly one level."},
            "color": _TEXT | {"pattern": "^[A-Fa-f0-9]{6}$"},
        },
    ),
    ("ratings",),
)
_STANDARD: Schema = {
    "title": _TEXT | {"maxLength": 255, "description": "The title."},
    "points_based": _FLAG | {"description": "Whether values are points of scaling_factor, not percent."},
    "scaling_factor": _NUMBER | {"description": "The most points possible; 1 where not points-based."},
}
_ENTRY = ("grading_scheme_entry", {"name": _TEXT | {"maxLength": 255}, "value": _NUMBER | {"description": "The lower bound."}})
_NEW_STANDARD_BODY = _documented(_STANDARD, _ENTRY, ("title", "grading_scheme_entry"))
_STANDARD_BODY = _documented(_STANDARD, _ENTRY)

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": rest.ErrorBody, "description": "Canvas would not save it, or the parameters cannot be read."},
    401: {"model": rest.ErrorBody, "description": "The token is missing, or opens nothing."},
    404: {"model": rest.ErrorBody, "description": "It does not exist, or it is another tenant's."},
    429: {"model": rest.ErrorBody, "description": "Too many wrong tokens came from this address."},
    413: {"model": rest.ErrorBody, "description": f"A body of more than {MAX_BYTES} bytes."},
    503: {"model": rest.ErrorBody, "description": "The broker or the database is away; the write was not confirmed."},
}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await app.state.producer.close()


router = APIRouter(prefix="/api/v1", responses=_ERRORS, lifespan=_lifespan)


def make_app(dsn: str, settings: Settings) -> FastAPI:
    """The server of a database that takes Canvas' writes too. The first write connects to the broker."""
    app = read_only.make_app(dsn, settings)
    producer, topic = Producer(settings), settings.topic[0]
    app.state.producer = producer
    app.state.sandbox = Sandbox(dsn, app.state.pool, lambda record: producer.send(topic, record))
    app.include_router(router)
    app.add_exception_handler(405, _not_allowed)
    return app


async def _not_allowed(request: Request, _: Exception) -> Response:
    """405, with all methods of the path: Starlette names those of the first route only, and reading and writing are two."""
    methods = [
        method
        for method in ("GET", "POST", "PUT", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]
    return JSONResponse({"errors": [{"message": "Method Not Allowed"}]}, 405, {"Allow": ", ".join(methods)})


def _sandbox(request: Request) -> Sandbox:
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


async def _params(request: Request) -> Params:
    """The connection has limited the body."""
    try:
        return parse(request.headers.get("content-type"), await request.body(), request.url.query)
    except ClientDisconnect:
        raise bad_request("the body is cut off") from None
    except BadParameters as error:
        raise bad_request(str(error)) from None


SandboxOf = Annotated[Sandbox, Depends(_sandbox)]
Parameters = Annotated[Params, Depends(_params)]


def _event_request(request: Request) -> HttpRequest:
    """The request as its event's metadata describes it."""
    return HttpRequest(
        request.method,
        str(request.url.replace(query="")),
        request.url.hostname,
        request.client.host if request.client else None,
        request.headers.get("user-agent"),
        str(uuid.uuid4()),
    )


@contextmanager
def _unconfirmed_as_503() -> Iterator[None]:
    """503 where broker or database are away, or refuse us."""
    try:
        yield
    except (Transient, Fatal) as error:
        log.get("serve").warning("write_not_confirmed", error=str(error))
        raise HTTPException(503, f"the write was not confirmed: {error}", _RETRY) from error


def _answer(request: TenantRequest, written: Mapping[str, Any] | Refusal | None) -> Response:
    if written is None:
        raise not_found()
    if isinstance(written, Refusal):
        return JSONResponse(written.body, written.status)
    return request.answer(written)


# -- outcomes --


@router.put(
    "/outcomes/{outcome_id}",
    response_model=rest.Outcome,
    tags=["Outcomes"],
    openapi_extra=_OUTCOME_BODY,
    responses={403: {"model": NotEditable, "description": "Account-level scales are on."}},
)
async def put_outcome(request: TenantAllTime, outcome_id: Id, params: Parameters, sandbox: SandboxOf) -> Response:
    """Modify an outcome: missing parameters change nothing, new ratings replace all.

    Answers when the broker has the event `learning_outcome_updated`; an unchanged outcome needs none.
    """
    with _unconfirmed_as_503():
        written = await sandbox.put_outcome(request.tenant, outcome_id, params, _event_request(request.http))
    return _answer(request, serializers.outcome(written) if isinstance(written, Mapping) else written)


# -- mastery scales --


@router.post(
    f"{CONTEXT}/outcome_proficiency",
    response_model=rest.Proficiency,
    tags=["Proficiency Ratings"],
    openapi_extra=_SCALE_BODY,
    responses={422: {"model": rest.ErrorBody, "description": "A scale that Canvas would not save."}},
)
async def post_proficiency(request: ContextAllTime, params: Parameters, sandbox: SandboxOf) -> Response:
    """Create or replace the own mastery scale of an account or course; it applies below, where none nearer is defined.

    Answers when the broker has the event, `outcome_proficiency_created` or `_updated`.
    """
    with _unconfirmed_as_503():
        body = await sandbox.post_scale(request.tenant, request.context, params, _event_request(request.http))
    if isinstance(body, Refusal):
        return _answer(request, body)
    return _answer(request, {"ratings": serializers.ratings(body["outcome_proficiency_ratings"])})


# -- grading standards --

_STANDARDS = f"{CONTEXT}/grading_standards"
_ONE_STANDARD = f"{_STANDARDS}/{{grading_standard_id}}"
_STANDARD_ROUTE: dict[str, Any] = {"response_model": rest.GradingStandard, "tags": ["Grading Standards"]}


@router.post(_STANDARDS, openapi_extra=_NEW_STANDARD_BODY, **_STANDARD_ROUTE)
async def post_grading_standard(request: ContextAllTime, params: Parameters, sandbox: SandboxOf) -> Response:
    """Create a grading standard of an account or course. Values are in percent, or in points; the answer has fractions."""
    return await _write_standard(request, None, params, sandbox)


@router.put(_ONE_STANDARD, openapi_extra=_STANDARD_BODY, **_STANDARD_ROUTE)
async def put_grading_standard(
    request: ContextAllTime, grading_standard_id: Id, params: Parameters, sandbox: SandboxOf
) -> Response:
    """Change a grading standard of an account or course; only the title of one that has been used for grading."""
    return await _write_standard(request, grading_standard_id, params, sandbox)


@router.delete(_ONE_STANDARD, **_STANDARD_ROUTE)
async def delete_grading_standard(request: ContextAllTime, grading_standard_id: Id, sandbox: SandboxOf) -> Response:
    """Delete a grading standard of an account or course. Its history stays."""
    return await _write_standard(request, grading_standard_id, {}, sandbox, delete=True)


async def _write_standard(
    request: ContextRequest, id_: int | None, params: Params, sandbox: Sandbox, *, delete: bool = False
) -> Response:
    with _unconfirmed_as_503():
        written = await sandbox.write_standard(request.tenant, request.context, id_, params, delete=delete)
    return _answer(request, serializers.standard(written) if isinstance(written, Mapping) else written)
