"""Engines where a Docker daemon answers that can give no container."""

import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from consumer.commands import demo
from consumer.engines import docker, kafka, postgres
from consumer.store.postgres import connect
from tests.acceptance.running import started
from tests.scratch import folder

REFUSALS = {
    "denied": (404, b'{"message": "pull access denied for it, repository does not exist or may require docker login"}'),
    "no registry": (500, b'{"message": "Get \\"https://registry.example.com/v2/\\": dial tcp: lookup: no such host"}'),
    "disk full": (200, b'{"status": "Pulling"}\r\n{"error": "write /var/lib/docker: no space left on device"}\r\n'),
    "too many": (429, b'{"message": "toomanyrequests: You have reached your pull rate limit."}'),
    "no JSON": (502, b"<html>bad gateway</html>"),
    "hangs up": (0, b""),
}
"""How a daemon refuses an image: status and body."""


@contextmanager
def daemon(path: Path, status: int, body: bytes) -> Iterator[str]:
    """What answers at a socket as Docker does, has no image, and gives none; its address."""

    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "client"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
            pass

        def _say(self, code: int, text: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            if self.path.endswith("/_ping"):
                self._say(200, b"OK")
            elif self.path.endswith(("/version", "/info")):
                self._say(200, json.dumps({"ApiVersion": "1.44", "Version": "25.0", "OperatingSystem": "Linux"}).encode())
            else:
                self._say(404, b'{"message": "No such image"}')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "/images/create" not in self.path:
                self._say(404, b'{"message": "No such image"}')
            elif status:
                self._say(status, body)

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=REFUSALS)
def refusing(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Such a daemon, as the environment names it."""
    with daemon(tmp_path / "docker.sock", *REFUSALS[request.param]) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        yield address


@pytest.fixture
def denying(tmp_path: Path) -> Iterator[str]:
    """One that refuses in the commonest way."""
    with daemon(tmp_path / "docker.sock", *REFUSALS["denied"]) as address:
        yield address


@pytest.mark.parametrize("container", [kafka.container, postgres.container])
def test_a_daemon_that_gives_no_image_is_one_line_and_no_end(
    refusing: str, container: Callable[[], AbstractContextManager[object]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The local engines follow."""
    assert docker.answers()
    with ExitStack() as stack:
        assert docker.entered(stack, container) is None
    said = capsys.readouterr().err.splitlines()
    ours = [line for line in said if line.startswith("outcomes: Docker cannot start a container, so we go on without: ")]
    assert len(ours) == 1, said
    assert not [line for line in said if "Traceback" in line]


async def test_postgres_is_the_embedded_one_where_docker_gives_none(denying: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests and benchmarks."""
    monkeypatch.setenv("DOCKER_HOST", denying)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with folder() as path, postgres.postgres(path / "postgres") as server:
        assert server.what == "PostgreSQL 18 embedded"
        connection = await connect(server.dsn)
        await connection.close()


def test_kafka_is_a_local_process_where_docker_gives_none(
    denying: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For tests, benchmarks and a laptop."""
    if not kafka.can_run_locally():
        pytest.skip("a local broker needs Java and Maven")
    monkeypatch.setenv("DOCKER_HOST", denying)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with kafka.kafka(tmp_path / "kafka") as broker:
        assert "as a local process" in broker.what


async def test_a_broker_for_a_laptop_that_cannot_be_had_is_two_sentences(denying: str, tmp_path: Path) -> None:
    """`python -m consumer.engines.kafka`: why Docker gives none, and what can be installed."""
    variables = {"DOCKER_HOST": denying, "PATH": str(tmp_path)}
    async with started([str(tmp_path / "kafka")], variables, module=("consumer.engines.kafka",), cold=True) as command:
        code, out, err = await command.end(None)
    assert (code, out) == (2, "")
    assert re.fullmatch(
        "outcomes: Docker cannot start a container, so we go on without: pull access denied .*\n"
        "outcomes: no Kafka can be started: install .*\n",
        err,
    ), err


def test_the_demo_takes_the_mock_where_no_real_broker_can_be_had(
    denying: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to install anything for it."""
    monkeypatch.setenv("DOCKER_HOST", denying)
    monkeypatch.setenv("PATH", str(tmp_path))
    with demo._broker() as broker:
        assert "mock" in broker.what
