"""The server: its routes, its door, and what it says when something is wrong."""

import asyncio
import base64
import binascii
import contextlib
import json
import re
import socket
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from canvas.serve import history, routes
from canvas.serve.asking import NOT_THERE
from canvas.serve.connections import RETRY_AFTER_SECONDS, Connections
from canvas.serve.reading import Reading
from canvas.serve.tokens import Doorkeeper
from consumer import log
from consumer.errors import Fatal, OutcomesError, Transient
from consumer.printable import printable
from consumer.settings import Settings
from schemas.rest import ErrorBody

STOP_SECONDS = 10
"""How long answers that are under way may take once the server is to stop."""

HEALTH = frozenset({"/livez", "/readyz"})
"""Answered without a token; nothing else is."""
_FOR_BROWSERS = ("/docs", "/openapi.json", "/static-offline-docs")
"""A browser cannot send a bearer token by itself: here the token may be the password of HTTP Basic."""
_NO_TOKEN, _BAD_TOKEN = "user authorization required", "Invalid access token."
_TWO_TOKENS = "there are two Authorization headers"
_TOO_MANY_TOKENS = "too many wrong access tokens came from this address; ask again later, or with one that opens something"
_HIDDEN = re.compile(rb"%(?:2[5ef]|5c|7f|[01][0-9a-f])", re.IGNORECASE)
"""Encoded: a percent sign, dot, slash, backslash or control character. Whoever is between may have read them in another way."""
_NOWHERE = "/"
"""A path of no route."""
_MOST_OF_A_PATH, _MOST_OF_A_METHOD = 500, 20
"""Characters of them in the log."""
_STRICT = (b"cache-control", b"private, no-store"), (b"x-content-type-options", b"nosniff")
"""What is told about people stays with who asked, refusals too."""
_OWN_SCRIPTS = (
    b"content-security-policy",
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"frame-ancestors 'none'",
)
"""Of the documentation: nothing from other servers, and in nobody's frame."""
_BACKLOG = 2048
_READY_SECONDS = 2.0
"""How long the database may take to answer `/readyz`: shorter than the wait of the container's own check."""
_SLASHES_OF_A_HOST = 2
_TICKS = 10
"""Of the server, in a second."""
_STEPS = 5
"""Of the way to a mistake of ours that its line in the log tells, the last ones."""

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "A parameter is wrong."},
    401: {"model": ErrorBody, "description": "There is no token, or it opens nothing."},
    404: {"model": ErrorBody, "description": "There is no such thing, or it is another tenant's."},
    429: {"model": ErrorBody, "description": "Too many wrong tokens came from this address; `Retry-After` says for how long."},
    503: {"model": ErrorBody, "description": "The database is away or busy; ask again after `Retry-After` seconds."},
}

DESCRIPTION = """
Learning outcomes as Canvas tells them, from the projection of its Live Events: a Canvas client works against this address.
Ids are JSON numbers; with `Accept: application/json+canvas-string-ids` all `id`, `*_id`, `ids` and `*_ids` are strings.
Every path may end in `.json`. `at` asks for any moment; what lies under `/api/history/v1` is ours and not Canvas'.
"""


def make_app(dsn: str, settings: Settings, *, sandbox: bool = False) -> FastAPI:
    """The server over a database; with `sandbox` it takes Canvas' writes too. Connects when it is started."""
    reading = Reading(dsn)

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        await reading.open()
        try:
            yield
        finally:
            await reading.close()

    app = FastAPIOffline(
        title="Outcomes",
        version="1",
        description=DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=living,
        generate_unique_id_function=lambda route: ("history_" if "history" in route.path else "") + route.name,
    )
    app.state.reading = reading
    _health(app, reading)
    app.include_router(routes.router, responses=_ERRORS)
    app.include_router(history.router, responses=_ERRORS)
    if sandbox:
        from canvas.serve.sandbox import add_routes  # noqa: PLC0415 - brings the client of Kafka with it

        add_routes(app, dsn, settings, reading)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign] # FastAPI's own way to change it
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(OutcomesError, _trouble)
    app.add_middleware(_Door, doorkeeper=Doorkeeper(reading))
    app.add_middleware(_PlainPaths)
    app.add_middleware(_AccessLog)
    return app


def _health(app: FastAPI, reading: Reading) -> None:
    asking: asyncio.Task[Any] | None = None

    async def ask() -> None:
        """Once for all who ask meanwhile: they are anybody, and the connections are not theirs."""
        nonlocal asking
        if asking is None or asking.done():
            asking = asyncio.create_task(reading.row("token_tenant", bytes(32)), name="readiness")
        await asyncio.shield(asking)

    @app.get("/livez", response_class=PlainTextResponse, tags=["Health"], openapi_extra={"security": []})
    async def livez() -> str:
        """Tell whether the process answers."""
        return "ok\n"

    @app.get(
        "/readyz",
        response_class=PlainTextResponse,
        tags=["Health"],
        openapi_extra={"security": []},
        responses={
            503: {"description": "The database is away or busy.", "content": {"text/plain": {"schema": {"type": "string"}}}}
        },
    )
    async def readyz() -> Response:
        """Tell whether the database answers too."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await ask()
        except (Transient, Fatal, TimeoutError):
            return PlainTextResponse("the database is away, or all connections to it are busy\n", 503, headers=_retry())
        return PlainTextResponse("ok\n")


# -- what is wrong, as Canvas says it --


def _says(status: int, sentence: str, *, word: str | None = None, headers: dict[str, str] | None = None) -> Response:
    body: dict[str, Any] = {"status": word} if word else {}
    body["errors"] = [{"message": sentence}]
    return Response(orjson.dumps(body), status, headers, "application/json")


def _retry() -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = NOT_THERE if error.status_code == 404 else str(error.detail)
    return _says(error.status_code, sentence, headers=dict(error.headers or {}))


async def _not_understood(_: Request, error: Exception) -> Response:
    """An id in the path that is none names nothing: 404. Any other parameter: 400."""
    assert isinstance(error, RequestValidationError)
    wrong = error.errors()
    if any(one["loc"][0] == "path" for one in wrong):
        return _says(404, NOT_THERE)
    return _says(400, "; ".join(_sentence(one) for one in wrong))


def _sentence(one: MutableMapping[str, Any]) -> str:
    where = ".".join(str(part) for part in one["loc"][1:]) or "the request"
    return f"{where}: {str(one['msg']).removeprefix('Value error, ')}"


async def _trouble(_: Request, error: Exception) -> Response:
    """The database is away, or is not one that this code can read: either may be over soon."""
    if not isinstance(error, (Transient, Fatal)):
        return await _broken(_, error)
    return _says(503, "the projection cannot be read now; ask again soon", headers=_retry())


async def _broken(_: Request, error: Exception) -> Response:
    """A mistake of ours. What it was and where is in the log, never in the answer; its message may quote what was asked."""
    steps = reversed(traceback.extract_tb(error.__traceback__)[-_STEPS:])
    where = [f"{Path(step.filename).name}:{step.lineno} {step.name}" for step in steps]
    log.get("serve").error("request_failed", error=type(error).__name__, where=where)
    return _says(500, "An error occurred.")


# -- around all routes --


class _AccessLog:
    """A line for each request: method, path, status, milliseconds. No query, no headers: tokens and people are in those.

    Outermost, so that every answer has the headers that keep it with who asked.

    No mistake of ours gets past it: the server would log it with all variables on the way, tokens and bodies among them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0  # nothing was answered
        path = printable(scope["path"][:_MOST_OF_A_PATH])

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_STRICT, *([_OWN_SCRIPTS] if path == "/docs" else ())]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            answer = await _broken(Request(scope), error)
            if not status:
                await answer(scope, receive, noting)
        finally:
            milliseconds = round((time.monotonic() - begun) * 1000, 1)
            level = "debug" if path in HEALTH else "info"
            getattr(log.get("serve"), level)(
                "request", method=scope["method"][:_MOST_OF_A_METHOD], path=path, status=status, milliseconds=milliseconds
            )


class _PlainPaths:
    """Takes `.json` off the end of a path: the documents write `/api/v1/outcomes/1.json`, and it means the same.

    HEAD is answered as GET; the server leaves the body out. Who asks by a proxy may name the whole address (RFC 9112, 3.2.2).
    An encoded slash is none: what hides one leads nowhere.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(("http://", "https://")):
            scope["path"] = f"/{scope['path'].split('/', 3)[3]}" if scope["path"].count("/") > _SLASHES_OF_A_HOST else "/"
        if scope["type"] == "http" and scope["path"].startswith("/api/") and scope["path"].endswith(".json"):
            scope["path"] = scope["path"].removesuffix(".json")
        if scope["type"] == "http" and _HIDDEN.search(scope.get("raw_path", b"")):
            scope["path"] = _NOWHERE
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class _Door:
    """Lets nobody in without a token, whatever the path; whose it is stands in `request.state.tenant`."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        for_browsers = scope["path"].startswith(_FOR_BROWSERS)
        realm = 'Basic realm="outcomes"' if for_browsers else 'Bearer realm="canvas-lms"'
        headers = {"WWW-Authenticate": realm}
        told = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(told) > 1:
            return _says(400, _TWO_TOKENS)
        token = _token(told[0].decode("latin-1"), basic=for_browsers) if told else None
        if token is None:
            return _says(401, _NO_TOKEN, word="unauthenticated", headers=headers)
        try:
            tenant = await self._doorkeeper.tenant(token)
        except (Transient, Fatal) as error:
            return await _trouble(Request(scope), error)
        if tenant is None:
            wait = self._doorkeeper.wrong_from(scope["client"][0] if scope["client"] else "")
            if wait:
                return _says(429, _TOO_MANY_TOKENS, headers={"Retry-After": str(wait)})
            return _says(401, _BAD_TOKEN, headers=headers)
        scope.setdefault("state", {})["tenant"] = tenant
        return None


def _token(authorization: str, *, basic: bool) -> str | None:
    """The token of an Authorization header; None where there is none that can be read. One in the address is none at all."""
    scheme, _, told = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return told.strip() or None
    if basic and scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            return base64.b64decode(told.strip(), validate=True).decode().partition(":")[2] or None
    return None


# -- the OpenAPI document --


def _document(app: FastAPI) -> dict[str, Any]:
    """FastAPI's own, without the answers that it would give and we do not, and with the token that is needed."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for path in found["paths"].values():
            for operation in path.values():
                if "HTTPValidationError" in json.dumps(operation["responses"].get("422")):
                    del operation["responses"]["422"]
        schemas = found.get("components", {}).get("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        found.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        app.openapi_schema = json.loads(json.dumps(found))
    return app.openapi_schema


# -- running --


class _Server(uvicorn.Server):
    """Signals are dealt with by who runs it."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % _TICKS == 0:
            self._connections.look()
        return await super().on_tick(counter)


def _listening(host: str, port: int) -> socket.socket:
    """Raises `Fatal` where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
            opened.listen(_BACKLOG)
        except BaseException:
            opened.close()
            raise
    except OSError as error:
        reason = error.strerror or error
        raise Fatal(f"{host}:{port} cannot be opened ({reason}); set OUTCOMES_SERVE_HOST and OUTCOMES_SERVE_PORT") from error
    return opened


@asynccontextmanager
async def serving(app: FastAPI, host: str, port: int) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """Answers while the block runs; gives the address, and the task that ends when the server does. Port 0 picks a free one."""
    opened = _listening(host, port)
    name, bound = opened.getsockname()[:2]
    connections = Connections()
    config = uvicorn.Config(
        app,
        http=connections.new,  # type: ignore[arg-type] # uvicorn only calls it
        ws="none",
        log_config=None,
        log_level="error",  # a warning for each stranger who sends what is no HTTP would fill the log
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = _Server(config, connections)
    task = asyncio.create_task(server.serve(sockets=[opened]), name="serve")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has a flag, and no event
            await asyncio.sleep(0.01)
        if task.done():
            task.result()
            raise Fatal("the server did not start; its log says why")
        yield f"http://[{name}]:{bound}" if ":" in name else f"http://{name}:{bound}", task
    finally:
        server.should_exit = True
        await asyncio.wait([task])
        connections.close()
        opened.close()


async def serve(dsn: str, settings: Settings, signals: Callable[[Callable[[], None]], Any], *, sandbox: bool = False) -> None:
    """Serves until a signal; `signals` is a context manager that calls what it is given when one comes.

    Raises `Fatal` where role or schema are wrong. A database that is away is waited for: until then answers are 503.
    """
    app = make_app(dsn, settings, sandbox=sandbox)
    try:
        await app.state.reading.check()
    except Transient as error:
        log.get("serve").warning("database_away", error=str(error))
    stop = asyncio.Event()
    with signals(stop.set):
        async with serving(app, settings.serve_host, settings.serve_port) as (address, task):
            log.get("serve").info("serving", address=address, docs=f"{address}/docs", sandbox=sandbox)
            waiting = asyncio.create_task(stop.wait(), name="signal")
            await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if task.done():
                task.result()
                raise Fatal("the server ended by itself; its log says why")
    log.get("serve").info("stopped")
