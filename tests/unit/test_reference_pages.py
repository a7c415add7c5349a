"""The pages of docs/reference say what the code says."""

import re
from collections import Counter

from consumer.ingest.tables import TABLES
from consumer.settings import Settings
from schemas.base import Reason
from schemas.events import BODIES
from tests.reference_pages import FOLDER, commands, endpoints, log_events, metrics, of_code, pages, reasons, settings

ROW_OR_HEADING = re.compile(r"^(?:#+ |\| )`([^`]+)`", re.MULTILINE)


def shown() -> Counter[str]:
    """The names that begin a heading or a row of any page, up to their arguments."""
    texts = [path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")]
    return Counter(name for text in texts for name in ROW_OR_HEADING.findall(text))


def test_the_pages_are_those_of_today_s_code() -> None:
    """`make reference` writes them."""
    for path, text in pages(of_code()):
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is old: run `make reference`"


def test_every_setting_metric_and_command_has_exactly_one_place() -> None:
    """Whoever looks for one finds it, and finds nothing that contradicts it."""
    names = [*map(settings.variable, Settings.model_fields), *metrics.names(), *(name for name, _ in commands.commands())]
    assert len(names) > 80
    found = shown()
    assert {name: found[name] for name in names if found[name] != 1} == {}


def test_every_event_of_the_log_has_a_meaning() -> None:
    """No more and no fewer than the code logs."""
    assert {one.event for one in log_events.logged()} == log_events.meanings().keys()


def test_every_reason_and_every_setting_has_a_meaning() -> None:
    """A sentence each."""
    assert reasons.meanings().keys() == set(Reason)
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_the_routes_of_the_worker_are_on_the_page() -> None:
    """They have no OpenAPI document."""
    routes = re.findall(
        r'web\.get\("([^"]+)"',
        "".join(path.read_text("utf-8") for path in (log_events.ROOT / "consumer" / "worker").rglob("*.py")),
    )
    assert len(routes) == 3
    section = (FOLDER / "endpoints.md").read_text(encoding="utf-8").partition("## HTTP server")[0]
    assert re.findall(r"^\| `GET ([^`]+)`", section, re.MULTILINE) == routes


def test_the_sandbox_s_routes_are_on_the_page_beside_the_others() -> None:
    """Each once."""
    section = (FOLDER / "endpoints.md").read_text(encoding="utf-8").partition("## Health")[2]
    found = Counter(re.findall(r"^\| `((?:GET|PUT|POST|DELETE) [^`]+)`", section, re.MULTILINE))
    paths = endpoints.document(sandbox=True)["paths"]
    assert found == Counter(f"{method.upper()} {path}" for path, methods in paths.items() for method in methods)


def test_every_event_is_on_its_page() -> None:
    """By name, with the table that it is stored in."""
    text = (FOLDER / "events.md").read_text(encoding="utf-8")
    headings = re.findall(r"`([^`]+)`", "".join(re.findall(r"^## .*$", text, re.MULTILINE)))
    assert sorted(headings) == sorted(BODIES)
    assert set(re.findall(r"Stored in \[`(\w+)`\]", text)) == {
        name for name, table in TABLES.items() if table.model.events != ()
    }


def test_the_glossary_is_in_order_and_has_each_word_once() -> None:
    """A word means one thing."""
    words = re.findall(r"^\*\*(.+?)\*\*", (FOLDER / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(words) > 30
    assert words == sorted(set(words))
