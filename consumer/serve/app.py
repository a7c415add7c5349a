"""The server: its parts, its health, its OpenAPI document, and how it runs."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from consumer import log
from consumer.errors import Fatal, OutcomesError, Transient, reason
from consumer.serve.access import sign_in
from consumer.serve.access.lookup import Lookup
from consumer.serve.access.sign_in import Access
from consumer.serve.api import gradebook, groups, history, not_served, people, places, reports, routes
from consumer.serve.api.dependencies import refuse_unknown
from consumer.serve.connections import Connections
from consumer.serve.door import Door, PlainPaths, RequestLog
from consumer.serve.pages.all_pages import ROUTERS
from consumer.serve.read_pool import ReadPool
from consumer.serve.refusals import RETRY, database_error, http_error, invalid_parameters
from consumer.serve.sql import sql
from consumer.settings import Settings
from schemas.rest import ErrorBody

STOP_SECONDS = 10
"""How long answers may still take once the server has to stop."""

_BACKLOG = 2048
READY_SECONDS = 1.0
"""How long the database may take to answer `/readyz`: less than the container's own check waits."""
_TICKS_PER_SECOND = 10
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "A parameter is wrong."},
    401: {"model": ErrorBody, "description": "The token is missing, or opens nothing."},
    404: {"model": ErrorBody, "description": "It does not exist, or it is another tenant's."},
    429: {"model": ErrorBody, "description": "Too many wrong tokens came from this address; `Retry-After` says for how long."},
    503: {"model": ErrorBody, "description": "The database is away or busy; ask again after `Retry-After` seconds."},
}

DESCRIPTION = """
Learning outcomes from the projection of Canvas' Live Events: a Canvas client works against this address.
Ids are JSON numbers; with `Accept: application/json+canvas-string-ids` all `id`, `*_id`, `ids` and `*_ids` are strings.
Every path may end in `.json`. `at` asks for any moment. Paths under `/api/history/v1` are ours, not Canvas'.
"""


def make_app(dsn: str, settings: Settings | None = None) -> FastAPI:
    """The server of a database. Connects when it starts."""
    pool = ReadPool(dsn)
    access = Access.of(dsn, settings or Settings(), Lookup(pool))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await pool.open()
        await access.pool.open()
        access.log.start()
        try:
            yield
        finally:
            await access.log.stop()
            await access.pool.close()
            await pool.close()

    app = FastAPIOffline(
        title="Outcomes",
        version="1",
        description=DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: ("history_" if "history" in route.path else "") + route.name,
    )
    app.state.pool, app.state.access = pool, access
    _add_health(app, pool)
    app.include_router(sign_in.router)
    app.include_router(not_served.router)
    for room in (routes, groups, gradebook, reports, places, people, history):
        app.include_router(room.router, responses=_ERRORS, dependencies=[Depends(refuse_unknown)])
    for page in ROUTERS:
        app.include_router(page)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign] # FastAPI's own way to change it
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid_parameters)
    app.add_exception_handler(OutcomesError, database_error)
    app.add_middleware(Door, access=access)
    app.add_middleware(PlainPaths)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))
    app.add_middleware(RequestLog)
    return app


def _add_health(app: FastAPI, pool: ReadPool) -> None:
    running: asyncio.Task[Any] | None = None

    async def check() -> None:
        """Requests at the same time share one check: they need no token, so they must not take many connections."""
        nonlocal running
        if running is None or running.done():
            running = asyncio.create_task(pool.fetch(sql("rights_of_secret"), bytes(32)), name="readiness")
        await asyncio.shield(running)

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
            async with asyncio.timeout(READY_SECONDS):
                await check()
        except (Transient, Fatal, TimeoutError):
            return PlainTextResponse("the database is away, or all connections to it are busy\n", 503, headers=RETRY)
        return PlainTextResponse("ok\n")


# -- the OpenAPI document --


def _document(app: FastAPI) -> dict[str, Any]:
    """FastAPI's own, without its 422, which we answer as 400, and with the token that is needed."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for path in document["paths"].values():
            for operation in path.values():
                if "HTTPValidationError" in json.dumps(operation["responses"].get("422")):
                    del operation["responses"]["422"]
        schemas = document.get("components", {}).get("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        document.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        app.openapi_schema = json.loads(json.dumps(document))
    return app.openapi_schema


# -- running --


class _Server(uvicorn.Server):
    """Leaves signals to its caller."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % _TICKS_PER_SECOND == 0:
            self._connections.close_slow()
        return await super().on_tick(counter)


def _listen(host: str, port: int) -> socket.socket:
    """Raises `Fatal` where the address cannot be opened."""
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
        names = "--host and --port, or OUTCOMES_SERVE_HOST and OUTCOMES_SERVE_PORT"
        raise Fatal(f"{host}:{port} cannot be opened ({reason(error)}); set {names}") from error
    return opened


@asynccontextmanager
async def serving(app: FastAPI, host: str, port: int) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """Serves while the block runs; gives the address, and the task that ends with the server. Port 0 picks a free one."""
    listener = _listen(host, port)
    name, bound_port = listener.getsockname()[:2]
    connections = Connections()
    config = uvicorn.Config(
        app,
        http=connections.new,  # type: ignore[arg-type] # uvicorn only calls it
        ws="none",
        log_config=None,
        log_level="error",  # its warnings about requests that are not HTTP would fill the log
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the app itself believes them, and keeps the address that they replace
        lifespan="on",
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = _Server(config, connections)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="serve")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has a flag, but no event
            await asyncio.sleep(0.01)
        if task.done():
            task.result()
            raise Fatal("the server did not start; its log says why")
        yield f"http://[{name}]:{bound_port}" if ":" in name else f"http://{name}:{bound_port}", task
    finally:
        server.should_exit = True
        await asyncio.wait([task])
        connections.close()
        listener.close()


async def serve(app: FastAPI, settings: Settings, signals: Callable[[Callable[[], None]], Any]) -> None:
    """Serves until a signal; `signals` makes a context manager that calls its argument when one comes.

    Raises `Fatal` where role or schema are wrong. While the database is away, answers are 503.
    """
    try:
        await app.state.pool.check()
        await app.state.access.pool.check()
    except Transient as error:
        log.get("serve").warning("database_away", error=str(error))
    stop = asyncio.Event()
    with signals(stop.set):
        async with serving(app, settings.serve_host, settings.serve_port) as (address, task):
            log.get("serve").info("serving", address=address, docs=f"{address}/docs", sandbox=hasattr(app.state, "sandbox"))
            waiting = asyncio.create_task(stop.wait(), name="signal")
            await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if task.done():
                task.result()
                raise Fatal("the server ended by itself; its log says why")
    log.get("serve").info("stopped")
