"""The server: what it is made of, its health, its document, and how it runs."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from consumer import log
from consumer.errors import Fatal, OutcomesError, Transient
from consumer.serve.access.tokens import Doorkeeper
from consumer.serve.api import history, routes
from consumer.serve.connections import Connections
from consumer.serve.door import AccessLog, Door, PlainPaths
from consumer.serve.reading import Reading
from consumer.serve.refusals import RETRY, not_understood, refused, trouble
from consumer.settings import Settings
from schemas.rest import ErrorBody

STOP_SECONDS = 10
"""How long answers that are under way may take once the server is to stop."""

_BACKLOG = 2048
READY_SECONDS = 1.0
"""How long the database may take to answer `/readyz`: shorter than the wait of the container's own check."""
_TICKS = 10
"""Of the server, in a second."""
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
        from consumer.serve.sandbox.routes import add_routes  # noqa: PLC0415 - brings the client of Kafka with it

        add_routes(app, dsn, settings, reading)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign] # FastAPI's own way to change it
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, not_understood)
    app.add_exception_handler(OutcomesError, trouble)
    app.add_middleware(Door, doorkeeper=Doorkeeper(reading))
    app.add_middleware(PlainPaths)
    app.add_middleware(AccessLog)
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
            async with asyncio.timeout(READY_SECONDS):
                await ask()
        except (Transient, Fatal, TimeoutError):
            return PlainTextResponse("the database is away, or all connections to it are busy\n", 503, headers=RETRY)
        return PlainTextResponse("ok\n")


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
