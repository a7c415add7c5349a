"""What a line of the log may hold."""

import io
import logging

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
