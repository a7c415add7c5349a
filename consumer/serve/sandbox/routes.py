"""The write endpoints of the documents, at Canvas' paths; only with `--sandbox`.

The documents of each: "Outcomes", "Proficiency Ratings", "Grading Standards". Answers are those of the reading endpoints, of
what was written. Canvas' errors: an outcome or a grading standard that it would not save is a 400, a scale a 422.
"""

import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from consumer import log
from consumer.errors import Fatal, Transient
from consumer.serve.api import serializers
from consumer.serve.api.dependencies import Anytime, Asked, Id, InContext, OfAccount, OfCourse, not_there, wrong
from consumer.serve.api.rails_params import FORM, JSON, MAX_BYTES, MULTIPART, BadParameters, Params, parse
from consumer.serve.reading import Reading
from consumer.serve.sandbox.rules import Refused
from consumer.serve.sandbox.rules import Request as Facts
from consumer.serve.sandbox.service import Context, Sandbox
from consumer.settings import Settings
from consumer.sources.producing import Producer
from schemas import rest

Schema: TypeAlias = dict[str, Any]

_RETRY = {"Retry-After": "5"}
"""Seconds after which a write may be tried again."""


class Frozen(BaseModel):
    """What Canvas says where an outcome's own points, ratings or method are not to be edited."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    error: str
    """Which of its values."""


_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_FLAG: Schema = {"type": "boolean"}


def _documented(members: Schema, item: tuple[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """A request's body in its three encodings; `item`: a list's name and the members of its objects."""
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
        "calculation_int": {"type": "integer", "description": "1 to 99 for averages that weigh, 1 to 10 for n_mastery."},
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
    400: {"model": rest.ErrorBody, "description": "Nothing that Canvas would save, or no parameters."},
    401: {"model": rest.ErrorBody, "description": "There is no token, or it opens nothing."},
    404: {"model": rest.ErrorBody, "description": "There is no such thing, or it is another tenant's."},
    429: {"model": rest.ErrorBody, "description": "Too many wrong tokens came from this address."},
    413: {"model": rest.ErrorBody, "description": f"A body of more than {MAX_BYTES} bytes."},
    503: {"model": rest.ErrorBody, "description": "The broker or the database is away; the write was not confirmed."},
}


@asynccontextmanager
async def _living(app: FastAPI) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await app.state.producer.close()


router = APIRouter(prefix="/api/v1", responses=_ERRORS, lifespan=_living)


def add_routes(app: FastAPI, dsn: str, settings: Settings, reading: Reading) -> None:
    """Lets the app write. The broker is looked for with the first write."""
    producer, topic = Producer(settings), settings.topic[0]
    app.state.producer = producer
    app.state.sandbox = Sandbox(dsn, reading, lambda record: producer.send(topic, record))
    app.include_router(router)
    app.add_exception_handler(405, _not_allowed)


async def _not_allowed(request: Request, _: Exception) -> Response:
    """405, with all that the path can do: reading and writing are two routes, and Starlette tells of the first alone."""
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
    """Of a body that the connection has bounded."""
    try:
        return parse(request.headers.get("content-type"), await request.body(), request.url.query)
    except ClientDisconnect:
        raise wrong("the body is cut off") from None
    except BadParameters as error:
        raise wrong(str(error)) from None


Writing = Annotated[Sandbox, Depends(_sandbox)]
Parameters = Annotated[Params, Depends(_params)]


def _facts(request: Request) -> Facts:
    """What the event's metadata tells of the request."""
    return Facts(
        request.method,
        str(request.url.replace(query="")),
        request.url.hostname,
        request.client.host if request.client else None,
        request.headers.get("user-agent"),
        str(uuid.uuid4()),
    )


def _context(asked: InContext) -> Context:
    kind: Literal["Account", "Course"] = "Account" if asked.context_type == "Account" else "Course"
    return kind, asked.context_id


@contextmanager
def _confirmed() -> Iterator[None]:
    """503 where broker or database are away, or refuse us."""
    try:
        yield
    except (Transient, Fatal) as error:
        log.get("serve").warning("write_not_confirmed", error=str(error))
        raise HTTPException(503, f"the write was not confirmed: {error}", _RETRY) from error


def _answer(asked: Asked, written: Mapping[str, Any] | Refused | None) -> Response:
    if written is None:
        raise not_there()
    if isinstance(written, Refused):
        return JSONResponse(written.body, written.status)
    return asked.answer(written)


# -- outcomes --


@router.put(
    "/outcomes/{outcome_id}",
    response_model=rest.Outcome,
    tags=["Outcomes"],
    openapi_extra=_OUTCOME_BODY,
    responses={403: {"model": Frozen, "description": "Account-level scales are on."}},
)
async def put_outcome(asked: Anytime, outcome_id: Id, params: Parameters, sandbox: Writing) -> Response:
    """Modify an outcome: what is not given stays, new ratings replace all.

    Answered when the broker has the event `learning_outcome_updated`; an outcome that stays as it is needs none.
    """
    with _confirmed():
        written = await sandbox.put_outcome(asked.tenant, outcome_id, params, _facts(asked.request))
    return _answer(asked, serializers.outcome(written) if isinstance(written, Mapping) else written)


# -- mastery scales --

_SCALE_ROUTE: dict[str, Any] = {
    "response_model": rest.Proficiency,
    "tags": ["Proficiency Ratings"],
    "openapi_extra": _SCALE_BODY,
    "responses": {422: {"model": rest.ErrorBody, "description": "A scale that Canvas would not save."}},
}


@router.post("/accounts/{account_id}/outcome_proficiency", **_SCALE_ROUTE)
async def post_account_proficiency(asked: OfAccount, params: Parameters, sandbox: Writing) -> Response:
    """Create or replace an account's own mastery scale; it applies below, where none nearer is defined.

    Answered when the broker has the event, `outcome_proficiency_created` or `_updated`.
    """
    return await _post_scale(asked, params, sandbox)


@router.post("/courses/{course_id}/outcome_proficiency", **_SCALE_ROUTE)
async def post_course_proficiency(asked: OfCourse, params: Parameters, sandbox: Writing) -> Response:
    """Create or replace a course's own mastery scale.

    Answered when the broker has the event, `outcome_proficiency_created` or `_updated`.
    """
    return await _post_scale(asked, params, sandbox)


async def _post_scale(asked: InContext, params: Params, sandbox: Sandbox) -> Response:
    with _confirmed():
        body = await sandbox.post_scale(asked.tenant, _context(asked), params, _facts(asked.request))
    if isinstance(body, Refused):
        return _answer(asked, body)
    return _answer(asked, {"ratings": serializers.ratings(body["outcome_proficiency_ratings"])})


# -- grading standards --

_STANDARD_ROUTE: dict[str, Any] = {"response_model": rest.GradingStandard, "tags": ["Grading Standards"]}


@router.post("/accounts/{account_id}/grading_standards", openapi_extra=_NEW_STANDARD_BODY, **_STANDARD_ROUTE)
async def post_account_grading_standard(asked: OfAccount, params: Parameters, sandbox: Writing) -> Response:
    """Create a grading standard of an account. Values are in percent, or in points; the answer has fractions."""
    return await _write_standard(asked, None, params, sandbox)


@router.post("/courses/{course_id}/grading_standards", openapi_extra=_NEW_STANDARD_BODY, **_STANDARD_ROUTE)
async def post_course_grading_standard(asked: OfCourse, params: Parameters, sandbox: Writing) -> Response:
    """Create a grading standard of a course. Values are in percent, or in points; the answer has fractions."""
    return await _write_standard(asked, None, params, sandbox)


@router.put("/accounts/{account_id}/grading_standards/{grading_standard_id}", openapi_extra=_STANDARD_BODY, **_STANDARD_ROUTE)
async def put_account_grading_standard(
    asked: OfAccount, grading_standard_id: Id, params: Parameters, sandbox: Writing
) -> Response:
    """Change a grading standard of an account; of one that has been used for grading the title alone."""
    return await _write_standard(asked, grading_standard_id, params, sandbox)


@router.put("/courses/{course_id}/grading_standards/{grading_standard_id}", openapi_extra=_STANDARD_BODY, **_STANDARD_ROUTE)
async def put_course_grading_standard(
    asked: OfCourse, grading_standard_id: Id, params: Parameters, sandbox: Writing
) -> Response:
    """Change a grading standard of a course; of one that has been used for grading the title alone."""
    return await _write_standard(asked, grading_standard_id, params, sandbox)


@router.delete("/accounts/{account_id}/grading_standards/{grading_standard_id}", **_STANDARD_ROUTE)
async def delete_account_grading_standard(asked: OfAccount, grading_standard_id: Id, sandbox: Writing) -> Response:
    """Delete a grading standard of an account. Its history stays."""
    return await _write_standard(asked, grading_standard_id, {}, sandbox, delete=True)


@router.delete("/courses/{course_id}/grading_standards/{grading_standard_id}", **_STANDARD_ROUTE)
async def delete_course_grading_standard(asked: OfCourse, grading_standard_id: Id, sandbox: Writing) -> Response:
    """Delete a grading standard of a course. Its history stays."""
    return await _write_standard(asked, grading_standard_id, {}, sandbox, delete=True)


async def _write_standard(
    asked: InContext, id_: int | None, params: Params, sandbox: Sandbox, *, delete: bool = False
) -> Response:
    with _confirmed():
        written = await sandbox.write_standard(asked.tenant, _context(asked), id_, params, delete=delete)
    return _answer(asked, serializers.standard(written) if isinstance(written, Mapping) else written)
