"""Runs `outcomes intake https` until a signal."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from importlib.metadata import version
from typing import Any

import uvicorn

from consumer import log
from consumer.errors import Fatal, reason
from consumer.intake import connections, keys
from consumer.intake.gates import Gate, Signed, gate_of
from consumer.intake.https import ANSWER_SECONDS, Https
from consumer.intake.keeping import Keeper
from consumer.intake.keys import KeySet
from consumer.intake.lifetime import ended, until_stopped
from consumer.intake.metrics import IntakeMetrics
from consumer.intake.outlet import outlet_of
from consumer.intake.probes import Probes
from consumer.intake.spool import Spool
from consumer.settings import Settings
from consumer.worker.outages import Health

STOP_SECONDS = ANSWER_SECONDS + 1
"""How long a stopping intake answers what is in flight."""
_BACKLOG = 2048
_IDLE_SECONDS = 75
"""How long an idle connection stays open: longer than proxies keep theirs."""

_NAMES = "--host and --port, or OUTCOMES_INTAKE_HOST and OUTCOMES_INTAKE_PORT"


class _Server(uvicorn.Server):
    """Leaves signals to its caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int, names: str) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Fatal(f"{host}:{port} cannot be opened ({reason(error)}); set {names}") from error


@asynccontextmanager
async def listening(
    app: Https | Probes, host: str, port: int, *, names: str = _NAMES
) -> AsyncIterator[tuple[str, "asyncio.Task[None]"]]:
    """Answers while the block runs, and what is in flight afterwards. Gives the address and the server's task.

    `names`: the settings to change where the address cannot be opened.
    """
    listener = _listen(host, port, names)
    config = uvicorn.Config(
        app,
        http=connections.Connection,
        ws="none",
        log_config=None,
        log_level="critical",  # its warnings about what is not HTTP would fill the log
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=int(STOP_SECONDS),
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="server")
    try:
        name, bound = listener.getsockname()[:2]
        yield f"http://[{name}]:{bound}" if ":" in name else f"http://{name}:{bound}", task
    finally:
        server.should_exit = True
        await asyncio.wait([task])
        listener.close()


async def run(settings: Settings, dsn: str | None, stop: asyncio.Event) -> None:
    """Takes events until `stop`. `dsn`: the database to write to; None for the topic. Raises `Fatal` and `UsageError`."""
    folder = settings.data_folder / "intake"
    metrics, health = IntakeMetrics(), Health(time.monotonic())
    spool = Spool(folder, settings.intake_spool_bytes) if settings.intake_spool_bytes else None
    keeper = Keeper(outlet_of(settings, dsn, "https"), spool, metrics)
    key_set = KeySet(partial(keys.fetch, settings.intake_jwks_url), folder / "jwks.json")
    gate = gate_of(settings, key_set)
    try:
        await keeper.check()
        if isinstance(gate, Signed):
            await key_set.refresh()
        app = Https(gate, keeper, metrics, drop_personal=settings.intake_drop_personal)
        async with (
            _probes(settings, health, metrics) as (probes, _),
            listening(app, settings.intake_host, settings.intake_port) as (address, server),
        ):
            log.get("intake").info(
                "listening",
                version=version("outcomes-consumer"),
                address=address,
                signed=isinstance(gate, Signed),
                direct=dsn is not None,
                spool=spool and spool.events,
                probes=probes,
            )
            tasks = [asyncio.create_task(keeper.drain(), name="drain")]
            if isinstance(gate, Signed):
                tasks.append(asyncio.create_task(_fetch_keys(key_set), name="keys"))
            try:
                await until_stopped(stop, [*tasks, server], health, lambda: _waiting_for(keeper, gate, key_set))
                if not stop.is_set():
                    raise Fatal("the server ended by itself; its log says why")
            finally:
                await ended(tasks)
    finally:
        await keeper.close()
    log.get("intake").info("intake_stopped", spool=spool and spool.events)


def _probes(settings: Settings, health: Health, metrics: IntakeMetrics) -> Any:
    if not settings.http_port:
        return nullcontext((None, None))
    names = "OUTCOMES_HTTP_HOST, and --http-port or OUTCOMES_HTTP_PORT, 0 for none"
    return listening(Probes(health, metrics), settings.http_host, settings.http_port, names=names)


async def _fetch_keys(key_set: KeySet) -> None:
    """Until there are some; then each unknown one makes the gate look again."""
    while True:
        if not key_set.known:
            await key_set.look_again()
        await asyncio.sleep(1)


def _waiting_for(keeper: Keeper, gate: Gate, key_set: KeySet) -> str | None:
    """All that is missing: who mends one of them would believe that all is well."""
    keys_away = "Canvas' keys" if isinstance(gate, Signed) and not key_set.known else None
    return " and ".join(filter(None, (keys_away, keeper.waiting_for))) or None
