"""How each peer is started. None of them knows more of the others than that they take a topic and fill a table."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from consumer.engines.kafka import free_port
from tests.bench import running
from tests.bench.peers.stream import CONNECT_SCHEMA, Form
from tests.samples import TENANT

HERE = Path(__file__).parent
PYTHON = Path(__file__).parents[3] / "build" / "peers" / "bin" / "python"
"""Where `make bench-peers` installs requirements/peers.txt."""
DEBEZIUM = "3.5.0.Final"
CONNECT = "4.3.0"


class Missing(Exception):
    """A peer cannot be started here; says why."""


@dataclass(frozen=True, kw_only=True)
class Sink(ABC):
    """A peer, or ours."""

    what: str
    form: Form = "flat"
    table: str = "public.result"
    where: str = "true"
    """Narrows the table to one tenant, so that a look at some ids is a look into an index."""
    key: str = "id"
    """The column with the id."""
    more: str = ""
    """Columns that the sink wants besides."""
    usual: bool = True
    """Whether it runs without being named: of settings that come to the same only the fastest do."""
    promises_newest: bool = False
    """Whether it promises the newest state of each id; else the one that arrived last."""

    def prepare(self) -> None:  # noqa: B027 - most have all they need
        """Fetches what is missing. Raises `Missing`."""

    @abstractmethod
    def command(self, folder: Path, dsn: str, bootstrap: str, topic: str) -> tuple[Sequence[str], Mapping[str, str]]:
        """The process to start, and its environment beyond ours; it may keep files in `folder`."""


@dataclass(frozen=True, kw_only=True)
class Ours(Sink):
    """One worker as people run it: versions, quarantine, books and positions included."""

    form: Form = "event"
    table: str = "outcomes.learning_outcome_result"
    where: str = f"root_account_uuid = '{TENANT}'"
    promises_newest: bool = True

    def command(self, folder: Path, dsn: str, bootstrap: str, topic: str) -> tuple[Sequence[str], Mapping[str, str]]:  # noqa: ARG002
        """The worker, without probes; keeps no files."""
        variables = running.reading(dsn, bootstrap, topic) | {"OUTCOMES_LOG_LEVEL": "warning"}
        return [sys.executable, "-m", "consumer", "worker", "--http-port", "0"], variables


def _properties(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _jars() -> Path:
    """The folder with Kafka Connect and the connector; fetched by Maven once and kept in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "outcomes"
    folder = cache / f"peers-{CONNECT}-{DEBEZIUM}"
    if not shutil.which("java"):
        raise Missing("needs Java 17")
    if folder.exists():
        return folder
    if not shutil.which("mvn"):
        raise Missing("needs Maven, once")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        target = Path(scratch) / "jars"
        command = [
            "mvn",
            "-q",
            "-B",
            "-f",
            str(HERE / "pom.xml"),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={target}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"Maven could not fetch it: {(done.stdout + done.stderr).strip()[-300:]}")
        target.rename(folder)
    return folder


@dataclass(frozen=True, kw_only=True)
class Debezium(Sink):
    """Debezium's JDBC sink connector in Kafka Connect, standalone, with the heap and collector of Kafka's own script."""

    settings: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    """Parameters behind the JDBC address."""

    def prepare(self) -> None:
        """Fetches the jars."""
        _jars()

    def command(self, folder: Path, dsn: str, bootstrap: str, topic: str) -> tuple[Sequence[str], Mapping[str, str]]:
        """Two property files and a virtual machine."""
        address = urlsplit(dsn)
        worker = {
            "bootstrap.servers": bootstrap,
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "true",
            "offset.storage.file.filename": str(folder / "offsets"),
            "listeners": f"http://127.0.0.1:{free_port()}",
            "plugin.discovery": "service_load",
        }
        if self.form == "flat":
            worker["value.converter.schema.content"] = json.dumps(CONNECT_SCHEMA, separators=(",", ":"))
        connector = {
            "name": topic,
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "topics": topic,
            "connection.url": f"jdbc:postgresql://{address.hostname}:{address.port or 5432}{address.path}{self.url}",
            "connection.username": address.username or "postgres",
            "connection.password": address.password or "",
            "insert.mode": "upsert",
            "primary.key.mode": "record_value",
            "primary.key.fields": "id",
            "schema.evolution": "none",
            "collection.name.format": self.table.partition(".")[2],
            "consumer.override.isolation.level": "read_committed",
            **self.settings,
        }
        (folder / "worker.properties").write_text(_properties(worker), encoding="utf-8")
        (folder / "connector.properties").write_text(_properties(connector), encoding="utf-8")
        return [
            "java",
            "-Xms256M",
            "-Xmx2G",
            "-server",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            f"{_jars()}/*",
            "org.apache.kafka.connect.cli.ConnectStandalone",
            str(folder / "worker.properties"),
            str(folder / "connector.properties"),
        ], {}


@dataclass(frozen=True, kw_only=True)
class Script(Sink):
    """A Python sink, in the environment that holds requirements/peers.txt."""

    script: str
    package: str
    settings: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Looks whether it is installed."""
        if not PYTHON.exists():
            raise Missing("not installed; `make bench-peers` does that")
        done = subprocess.run([str(PYTHON), "-c", f"import {self.package}"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"cannot be imported: {done.stderr.strip().splitlines()[-1]}")

    def command(self, folder: Path, dsn: str, bootstrap: str, topic: str) -> tuple[Sequence[str], Mapping[str, str]]:
        """The script, told everything as one JSON text."""
        address = urlsplit(dsn)
        told = {
            "bootstrap": bootstrap,
            "topic": topic,
            "table": self.table.partition(".")[2],
            "folder": str(folder),
            "postgres": {
                "host": address.hostname,
                "port": address.port or 5432,
                "dbname": address.path[1:],
                "user": address.username or "postgres",
                "password": address.password or "",
            },
            **self.settings,
        }
        return [str(PYTHON), str(HERE / self.script), json.dumps(told)], self.variables


_TUNED = {  # larger batches are slower: 5,000 and 10,000 were measured, and so was 1,000
    "batch.size": "2000",
    "consumer.override.max.poll.records": "2000",
    "consumer.override.max.partition.fetch.bytes": "4194304",
    "consumer.override.fetch.max.bytes": "52428800",
    "use.reduction.buffer": "true",
}
_UNNEST = {**_TUNED, "dialect.postgres.unnest.insert.enabled": "true"}


def _pathway(what: str, keep: str, *, threads: int = 1, usual: bool = True) -> Script:
    return Script(
        what=f"Pathway, {what}",
        script="pathway_sink.py",
        package="pathway",
        settings={"milliseconds": "500", "keep": keep},
        key="result_id",
        variables={"PATHWAY_THREADS": str(threads)},
        more=", record_offset bigint" if keep == "last" else "",
        promises_newest=keep == "newest",
        usual=usual,
    )


SINKS: dict[str, Sink] = {
    "ours": Ours(what="outcomes worker, one: versions, quarantine, books"),
    "debezium-defaults": Debezium(what="Debezium JDBC sink, defaults, schema in each record", form="flat with schema"),
    "debezium-flat": Debezium(what="Debezium JDBC sink, defaults, schema in its settings", usual=False),
    "debezium-batch": Debezium(
        what="Debezium JDBC sink, reduction buffer, rewritten batches",
        url="?reWriteBatchedInserts=true",
        settings=_TUNED,
        usual=False,
    ),
    "debezium-unnest": Debezium(
        what="Debezium JDBC sink, reduction buffer, unnest, one task",
        url="?reWriteBatchedInserts=true",
        settings={**_UNNEST, "tasks.max": "1"},
    ),
    "debezium-unnest-2": Debezium(
        what="Debezium JDBC sink, reduction buffer, unnest, two tasks",
        url="?reWriteBatchedInserts=true",
        settings={**_UNNEST, "tasks.max": "2"},
    ),
    "pathway-documented": _pathway("as its documentation shows it", "as documented"),
    "pathway-last": _pathway("sorted by offset, one thread", "last", usual=False),
    "pathway-last-2": _pathway("sorted by offset, two threads", "last", threads=2),
    "pathway-newest": _pathway("deduplicated by event_time in memory, one thread", "newest", usual=False),
    "pathway-newest-2": _pathway("deduplicated by event_time in memory, two threads", "newest", threads=2),
    "quix": Script(
        what="Quix Streams, PostgreSQL sink, upsert",
        script="quix_sink.py",
        package="quixstreams",
        settings={"commit_every": "20000", "commit_seconds": "0.5"},
    ),
}
