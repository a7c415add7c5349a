"""The engines, started once for all test processes, and fresh databases and topics on them.

An address from the environment (DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS), else containers, else local processes; the first lines
of a run say which.
"""

import asyncio
import itertools
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer.engines import kafka as kafka_engine
from consumer.engines import postgres as postgres_engine
from consumer.engines import reaper
from consumer.errors import UsageError
from consumer.query.verify import verify
from consumer.store import schema
from consumer.store.postgres import connect
from consumer.store.writer import Writer
from tests import scratch
from tests.chromium import CHROMIUM
from tests.golden import RUBY

_DSN = "TESTS_POSTGRES"
_BOOTSTRAP = "TESTS_KAFKA"
_TEMPLATE = "TESTS_TEMPLATE"
_engines = ExitStack()
_what: list[str] = []
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Starts the engines in the first process; the others find their addresses in the environment.

    What any of them starts does not outlive it, even where it is killed.
    """
    if not config.option.collectonly:
        reaper.mark_all_children()
    if _DSN in os.environ or config.option.collectonly or _only_unit(config):
        return
    folder = _engines.enter_context(scratch.folder())
    if "JDK_JAVA_OPTIONS" not in os.environ and kafka_engine.can_run_locally():
        os.environ["JDK_JAVA_OPTIONS"] = _java_options(folder / "archive")
    postgres = _engines.enter_context(postgres_engine.postgres(folder / "postgres"))
    os.environ[_DSN] = postgres.dsn
    try:
        broker = _engines.enter_context(kafka_engine.kafka(folder / "kafka"))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    os.environ[_BOOTSTRAP] = broker.bootstrap
    os.environ[_TEMPLATE] = f"template_{uuid.uuid4().hex[:8]}"
    asyncio.run(_make_template(postgres.dsn, os.environ[_TEMPLATE]))
    _what.append(f"postgres: {postgres.what}\nkafka: {broker.what}")


def _java_options(folder: Path) -> str:
    """With them brokers start in a third of the time: no thorough compiler, and an archive of Kafka's classes."""
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    archive = kafka_engine.jars().with_name(f"{kafka_engine.jars().name}.jsa")
    made, part = folder.with_suffix(".jsa"), archive.with_suffix(f".{os.getpid()}")
    if not archive.exists():  # made once on each machine; another Java ignores it
        os.environ["JDK_JAVA_OPTIONS"] = f"{quick} -XX:ArchiveClassesAtExit={made}"
        kafka_engine.LocalKafka(folder).start().stop()
        shutil.copy(made, part)
        part.rename(archive)
    return f"{quick} -XX:SharedArchiveFile={archive}"


def _only_unit(config: pytest.Config) -> bool:
    """`pytest tests/unit` needs no engine."""
    named = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return bool(named) and all(Path(__file__).parent / "unit" in (path, *path.parents) for path in named)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each process begins with its share of the files whose tests take longest: at the end all share out what is short.

    `--dist worksteal` cuts the list into one piece for each process, of equal numbers of tests; who is done takes from the ends
    of the others' pieces.
    """
    slow = [Path(__file__).parent / name for name in ("chaos", "faults", "acceptance")]
    long = [item for folder in slow for item in items if folder in item.path.parents]
    short = [item for item in items if not set(slow) & set(item.path.parents)]
    files = {path: number for number, path in enumerate(dict.fromkeys(item.path for item in long))}
    pieces = getattr(config, "workerinput", {}).get("workercount", 1)
    total = len(items)
    items.clear()
    for piece in range(pieces):
        size = (total - len(items)) // (pieces - piece)
        mine = [item for item in long if files[item.path] % pieces == piece]
        filling = max(0, size - len(mine))
        items += mine + short[:filling]
        del short[:filling]
    items += short


def pytest_report_header() -> list[str]:
    """Which engines serve, and what was not tried because a tool is not installed."""
    chromium = CHROMIUM or "not installed, so no page is looked at in a browser (apt-get install chromium)"
    return [
        *_what,
        f"ruby: {RUBY or 'not installed, so its kept numbers are tried and no fresh ones'}",
        f"chromium: {chromium}",
        f"promtool: {shutil.which('promtool') or 'not installed, so no alert is tried (apt-get install prometheus)'}",
        f"helm: {'by its package' if find_spec('helm_python') else 'no package for this machine, so the chart is not tried'}",
    ]


def pytest_unconfigure() -> None:
    """Stops what this process has started."""
    if _what and (template := os.environ.pop(_TEMPLATE, None)):
        asyncio.run(execute(os.environ[_DSN], f'DROP DATABASE IF EXISTS "{template}" WITH (FORCE)'))
    _engines.close()


def named(dsn: str, database: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


async def execute(dsn: str, *statements: str) -> None:
    """As the owner of the server, in a session that nobody has set up."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _make_template(dsn: str, name: str) -> None:
    await execute(dsn, f'CREATE DATABASE "{name}"')
    await schema.migrate(named(dsn, name))


@pytest.fixture(scope="session")
def postgres_dsn() -> str:
    """The server's own database, as its owner."""
    return os.environ[_DSN]


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """The broker."""
    return os.environ[_BOOTSTRAP]


def _fresh(dsn: str, template: str | None) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    copied = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""  # half the work of copying by way of the WAL
    asyncio.run(execute(dsn, f'CREATE DATABASE "{name}"{copied}'))
    try:
        yield named(dsn, name)
    finally:
        asyncio.run(execute(dsn, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="module")
def shared_database(postgres_dsn: str) -> Iterator[str]:
    """A database that the tests of a module fill once and then only read."""
    yield from _fresh(postgres_dsn, os.environ[_TEMPLATE])


@pytest.fixture
def unchecked_database(postgres_dsn: str) -> Iterator[str]:
    """A fresh database at today's schema, whose books the test breaks on purpose."""
    yield from _fresh(postgres_dsn, os.environ[_TEMPLATE])


@pytest.fixture
def database(unchecked_database: str) -> Iterator[str]:
    """A fresh database at today's schema. When the test is done its books must add up and agree with its tables."""
    yield unchecked_database
    asyncio.run(_verify(unchecked_database))


async def _verify(dsn: str) -> None:
    connection = await connect(dsn)
    try:
        found = await verify(connection)
    finally:
        await connection.close()
    assert found.holds, [check for check in found.checks if check.failures]


@pytest.fixture
def another_database(postgres_dsn: str) -> Iterator[str]:
    """A second one, to compare with."""
    yield from _fresh(postgres_dsn, os.environ[_TEMPLATE])


@pytest.fixture
def empty_database(postgres_dsn: str) -> Iterator[str]:
    """A fresh database that nothing was migrated in."""
    yield from _fresh(postgres_dsn, None)


@pytest.fixture
def free_port() -> int:
    """A TCP port for the worker's probes."""
    return kafka_engine.free_port()


@pytest.fixture
async def topic(kafka_bootstrap: str) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """What makes topics; awaited with a number of partitions, it gives the name of a fresh one."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    made: list[str] = []

    async def make(partitions: int = 1, **configuration: str) -> str:
        name = f"test-{uuid.uuid4().hex[:12]}"
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configuration)])
        made.append(name)
        return name

    yield make
    if made:
        await admin.delete_topics(made)
    await admin.close()


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers that do not ask for partitions, as those whose question could not be answered a moment ago."""

    async def left_for_later(*arguments: object) -> None: ...

    monkeypatch.setattr(Writer, "_create_partitions", left_for_later)
