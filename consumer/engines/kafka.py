"""A Kafka broker for the demo, the tests and a laptop."""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from consumer.engines import reaper
from consumer.errors import OutcomesError, UsageError

IMAGE = "apache/kafka:4.3.0"
"""As in docker-compose.yml."""

VERSION = "4.3.0"
START_SECONDS = 60.0
CHECK_SECONDS = 0.5
"""How often to check that the broker still runs."""
_SMALL = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "num.partitions": "4",
}
"""Settings of one broker that is its own controller."""
_POM = Path(__file__).with_name("pom.xml")


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker that answers."""

    bootstrap: str
    what: str
    """A description for people."""
    runs: Callable[[], bool] = lambda: True
    """Whether it still runs, as far as this process knows."""


def can_run_locally() -> bool:
    """Whether there is Java, and Kafka's jars or Maven to fetch them."""
    return shutil.which("java") is not None and (_jars_folder().exists() or shutil.which("mvn") is not None)


def _jars_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "outcomes" / f"kafka-{VERSION}"


def jars() -> Path:
    """The folder with Kafka's jars. Maven fetches them once into the user's cache. Raises `UsageError`."""
    folder = _jars_folder()
    if not can_run_locally():
        raise UsageError(
            f"no Kafka can be started: install Docker that can run {IMAGE}, or Java 17 and Maven, "
            "or set KAFKA_BOOTSTRAP_SERVERS"
        )
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        target = Path(scratch) / "jars"
        command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={target}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UsageError(f"Maven could not fetch Kafka {VERSION}: {(done.stdout + done.stderr).strip()[-500:]}")
        try:
            target.rename(folder)
        except OSError:
            if not folder.exists():  # else another process was faster
                raise
    return folder


def free_port() -> int:
    """A TCP port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LocalKafka:
    """Apache Kafka as a process: one broker that is its own controller (KRaft). `folder` keeps its data between starts."""

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, *, format_arguments: tuple[str, ...] = ()
    ) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._format_arguments = format_arguments
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        controller = free_port()
        self._settings = {
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": str(folder / "data"),
            "offsets.topic.num.partitions": "4",
            **_SMALL,
        }
        for name, value in (settings or {}).items():  # a name with `+` extends our value
            key = name.removeprefix("+")
            self._settings[key] = f"{self._settings[key]},{value}" if name.startswith("+") else value

    def start(self) -> "LocalKafka":
        """Starts the broker and waits until it answers."""
        classpath = f"{jars()}/*"
        self._folder.mkdir(parents=True, exist_ok=True)
        properties = self._folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._settings.items()), encoding="utf-8")
        if not (self._folder / "data").exists():
            identity = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            tool = ["java", "-cp", classpath, "kafka.tools.StorageTool", "format", f"--cluster-id={identity}"]
            tool += ["-c", str(properties), "--standalone", *self._format_arguments]
            done = subprocess.run(tool, capture_output=True, text=True, check=False)
            if done.returncode:
                raise UsageError(f"Kafka's storage could not be created: {(done.stdout + done.stderr).strip()[-500:]}")
        with (self._folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["java", "-Xmx512m", "-cp", classpath, "kafka.Kafka", str(properties)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | reaper.mark(),
                start_new_session=True,
            )
        self._wait()
        return self

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if not self.runs():
                break
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        log = (self._folder / "kafka.log").read_text(encoding="utf-8", errors="replace")[-1000:]
        self.kill()
        raise UsageError(f"Kafka did not start: {log}")

    def runs(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stops it with SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stops it with SIGKILL."""
        self._end(signal.SIGKILL)

    def send(self, number: int) -> None:
        """Sends a signal, such as SIGSTOP."""
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


@contextmanager
def local(folder: Path) -> Iterator[Kafka]:
    """Apache Kafka as a process, with its data in `folder`."""
    broker = LocalKafka(folder).start()
    try:
        yield Kafka(broker.bootstrap, f"Apache Kafka {VERSION} as a local process", broker.runs)
    finally:
        broker.stop()


@contextmanager
def container() -> Iterator[Kafka]:
    """A Kafka container, removed afterwards. testcontainers' own Kafka class supports only other images."""
    from docker.errors import NotFound  # noqa: PLC0415 - comes with the extra `embedded`
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - comes with the extra `embedded`
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415 - as the line above

    from consumer.engines import docker  # noqa: PLC0415 - comes with the extra `embedded`

    # Its address for clients is known only once it runs, so it waits for a file with it.
    wait = "while [ ! -s /tmp/address ]; do sleep 0.1; done; export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://$(cat /tmp/address)"
    broker = DockerContainer(IMAGE).with_exposed_ports(9092).with_command(["sh", "-c", f"{wait}; exec /etc/kafka/docker/run"])
    environment = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in _SMALL.items()} | {
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    for name, value in environment.items():
        broker.with_env(name, value)
    with docker.running(broker):
        address = f"{broker.get_container_host_ip()}:{broker.get_exposed_port(9092)}"
        broker.exec(["sh", "-c", f"echo {address} > /tmp/address"])
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(int(START_SECONDS)).wait_until_ready(broker)

        def runs() -> bool:
            found = broker.get_wrapped_container()
            try:
                found.reload()
            except NotFound:  # removed
                return False
            return bool(found.status == "running")

        yield Kafka(address, f"{IMAGE} in Docker", runs)


@contextmanager
def mock() -> Iterator[Kafka]:
    """The mock broker of librdkafka, in this process: enough for a demo, not for tests."""
    from confluent_kafka import Producer  # noqa: PLC0415 - comes with the extra `embedded`

    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused"})
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield Kafka(
        ",".join(f"{broker.host}:{broker.port}" for broker in brokers),
        "librdkafka's mock broker (no real one can run here)",
    )
    del producer


@contextmanager
def kafka(folder: Path) -> Iterator[Kafka]:
    """An address from KAFKA_BOOTSTRAP_SERVERS; else a container; else a local process."""
    if address := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield Kafka(address, "KAFKA_BOOTSTRAP_SERVERS")
        return
    from consumer.engines import docker  # noqa: PLC0415 - comes with the extra `embedded`

    with ExitStack() as stack:
        yield docker.entered(stack, container) or stack.enter_context(local(folder))


def main() -> None:
    """`python -m consumer.engines.kafka [FOLDER]`: a broker for a laptop, until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m consumer.engines.kafka",
        description="Runs a Kafka broker for a laptop until Ctrl-C: a container where Docker answers, else Java's by Maven.",
    )
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", type=Path, default=Path(".outcomes/kafka"), help="where Java's keeps its data"
    )
    folder = parser.parse_args().folder
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the broker stops too
    try:
        _serve(folder)
    except OutcomesError as error:
        sys.stderr.write(f"outcomes: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        return


def _serve(folder: Path) -> None:
    try:
        with kafka(folder) as running:
            sys.stdout.write(f"{running.what}; Ctrl-C ends it\nexport KAFKA_BOOTSTRAP_SERVERS={running.bootstrap}\n")
            sys.stdout.flush()
            while running.runs():
                time.sleep(CHECK_SECONDS)
    except ImportError as error:
        raise UsageError("a local broker needs the extra `embedded` (pip install 'outcomes-consumer[embedded]')") from error
    log = folder / "kafka.log"
    raise UsageError(f"{running.what} has ended unexpectedly" + (f"; {log} may say why" if log.exists() else ""))


if __name__ == "__main__":
    main()
