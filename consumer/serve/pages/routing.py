"""What all routes of pages share: clean addresses, answers in HTML, errors in words, the files that pages load."""

import asyncio
import csv
import io
import re
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from consumer.errors import OutcomesError
from consumer.query.gradebook_csv import field
from consumer.query.people import Person, User, in_order
from consumer.query.sql import sql as query_sql
from consumer.serve.api.dependencies import TenantRequest, refuse_unknown
from consumer.serve.pages import rendering
from consumer.serve.read_pool import names_of
from consumer.serve.refusals import database_error, http_error, invalid_parameters
from consumer.store.postgres import Connection

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from other servers, no script and no style in the page itself, and in no frame."""
_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
"""As a browser's field for a moment writes it; pages show and take UTC."""
_TYPES = {
    "icon.svg": "image/svg+xml",
    rendering.SHEET: "text/css; charset=utf-8",
    rendering.SCRIPT: "text/javascript; charset=utf-8",
}
_TITLES = {
    400: "This address asks for something that cannot be answered",
    403: "Not yours to see",
    404: "Not found",
    503: "Not now",
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route that answers people: what is wrong is a page too."""

    def get_route_handler(self) -> Handler:
        """FastAPI's own, between a clean address and a page for errors."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            if (clean := _clean_query(request.url.query)) != request.url.query:
                return RedirectResponse(request.url.path + (f"?{clean}" if clean else ""), HTTPStatus.SEE_OTHER.value)
            try:
                return await handle(request)
            except HTTPException as error:
                return error_page(await http_error(request, error))
            except RequestValidationError as error:
                return error_page(await invalid_parameters(request, error))
            except OutcomesError as error:
                return error_page(await database_error(request, error))

        return answer


router_options: dict[str, Any] = {
    "route_class": PageRoute,
    "include_in_schema": False,
    "dependencies": [Depends(refuse_unknown)],
}
"""Of the routers of pages."""
router = APIRouter(include_in_schema=False)
"""Of the files."""


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """A file that pages load."""
    if name not in _TYPES:
        raise HTTPException(404)
    return Response(rendering.static(name), media_type=_TYPES[name])


def _clean_query(text: str) -> str:
    """Without the empty fields of a form, and with moments in UTC: an address that can be shared."""
    told = parse_qsl(text, keep_blank_values=True)
    clean = [(name, f"{value}Z" if _WITHOUT_ZONE.fullmatch(value) else value) for name, value in told if value]
    return text if clean == told else urlencode(clean)


def page(template: str, request: TenantRequest, **values: Any) -> Response:
    """A page about what a request asks for."""
    html = rendering.render(template, request=request, path=request.http.url.path, **values)
    return HTMLResponse(html, headers=_HEADERS)


def error_page(answer: Response) -> Response:
    """An answer in Canvas' shape, in words."""
    [error] = orjson.loads(answer.body)["errors"]
    title = _TITLES.get(answer.status_code, "Something went wrong")
    html = rendering.render("error.html", title=title, message=error["message"], status=answer.status_code)
    told = {name: value for name, value in answer.headers.items() if name == "retry-after"}
    return HTMLResponse(html, answer.status_code, headers=_HEADERS | told)


def csv_answer(columns: Sequence[str], rows: Iterable[Collection[Any]]) -> Response:
    """A table as CSV that no spreadsheet runs."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([field(value) for value in row] for row in rows)
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8")


async def people(connection: Connection, tenant: str, users: Collection[User]) -> list[Person]:
    """As `people_of`, by names that the server may read. Sorts in a thread, as `names_of` of the API does."""
    ids = [user_id for user_id, _ in users if user_id is not None]
    rows = [dict(row) for row in await names_of(connection, query_sql("person_names"), tenant, ids)]
    return await asyncio.to_thread(in_order, tenant, users, rows)
