"""A container's health check."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from consumer import healthcheck
from consumer.healthcheck import address, ask

_INIT = "/sbin/docker-init\0--\0"


@pytest.mark.parametrize(
    ("line", "environment", "expected"),
    [
        ("/opt/outcomes/bin/python\0/opt/outcomes/bin/outcomes\0worker\0", {}, ("127.0.0.1", 8080)),
        (f"{_INIT}outcomes\0intake\0https\0", {}, ("127.0.0.1", 8080)),
        (f"{_INIT}outcomes\0serve\0", {}, ("127.0.0.1", 8000)),
        (f"{_INIT}outcomes\0serve\0--sandbox\0", {"OUTCOMES_SERVE_HOST": "10.1.2.3"}, ("10.1.2.3", 8000)),
        (f"{_INIT}outcomes\0worker\0", {"OUTCOMES_HTTP_PORT": "9000"}, ("127.0.0.1", 9000)),
        (f"{_INIT}outcomes\0worker\0--http-port\0009001\0", {"OUTCOMES_HTTP_PORT": "9000"}, ("127.0.0.1", 9001)),
        (f"{_INIT}outcomes\0serve\0--port=9002\0", {}, ("127.0.0.1", 9002)),
        (f"{_INIT}outcomes\0serve\0", {"OUTCOMES_SERVE_PORT": "tcp://10.0.0.1:8000"}, ("127.0.0.1", 8000)),
        ("python\0-m\0consumer\0worker\0", {}, ("127.0.0.1", 8080)),
        (f"{_INIT}outcomes\0worker\0", {"OUTCOMES_HTTP_PORT": "0"}, None),
        (f"{_INIT}outcomes\0replay\0serve\0", {}, None),
        (f"{_INIT}outcomes\0migrate\0", {}, None),
    ],
)
def test_the_command_that_runs_is_asked_where_it_answers(
    line: str, environment: dict[str, str], expected: tuple[str, int] | None
) -> None:
    """`serve` is not asked at the worker's port; a command without probes is asked nothing."""
    assert address(line.split("\0"), environment) == expected


@contextmanager
def _answering(status: int, text: str) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name in the library
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server.server_address[1]
        thread.join()


@pytest.mark.parametrize(("status", "text"), [(200, "ok"), (503, "waiting for kafka")])
def test_the_probe_s_own_words_are_told(status: int, text: str) -> None:
    """`docker inspect` shows them."""
    with _answering(status, f"{text}\n") as port:
        assert ask("127.0.0.1", port, "readyz") == (status == 200, text)


def test_a_probe_that_hangs_or_is_not_there_is_a_sentence_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker would end the check without a word."""
    monkeypatch.setattr(healthcheck, "SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert ask("127.0.0.1", port, "readyz") == (False, f"port {port} does not answer: timed out")
    right, said = ask("127.0.0.1", port, "readyz")
    assert not right
    assert "Connection refused" in said
