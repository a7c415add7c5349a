"""What a line of the log may hold."""

import io
import logging
import ssl

import pytest

from consumer import log


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_tells_the_way_and_no_variables(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password, a token or somebody's data may be among those."""
    written = io.StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)

    def connect(dsn: str) -> None:
        raise ValueError(len(dsn))

    log.configure("json" if form == "json" else "console", "info", written)
    try:
        connect("-".join(("secret", "password")))
    except ValueError:
        logging.getLogger("somebody").exception("went_wrong")
    assert "connect" in written.getvalue()
    assert "ValueError" in written.getvalue()
    assert "secret-password" not in written.getvalue()


@pytest.mark.parametrize("level", ["info", "debug"])
def test_what_kafkas_client_minds_in_every_outage_is_told_by_us_alone(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else of it is shown, once in a while; and all of it where somebody debugs."""
    written = io.StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    log.configure("json", level, written, clients=logging.WARNING)
    client = logging.getLogger("aiokafka.client")
    for _ in range(3):
        client.error("Unable connect to node with id %s: %s", 1, "refused")
        client.error("Heartbeat send request failed: %s. Will retry.", "away")
        client.error("Unable connect to node with id %s: %s", 1, ssl.SSLError("wrong certificate"))
        client.error("Something that nobody has thought of: %s", 7)
    lines = written.getvalue().splitlines()
    assert len(lines) == (2 if level == "info" else 8)
    assert any("wrong certificate" in line for line in lines)
    assert sum("nobody has thought of" in line for line in lines) == 1
