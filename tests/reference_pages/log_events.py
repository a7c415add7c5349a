"""The events of the log, found in the code where they are logged; their meanings are in `log_events.toml`."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.reference_pages.markdown import code, escaped, table

ROOT = Path(__file__).parents[2]
MEANINGS = ROOT / "docs" / "reference" / "log_events.toml"
ROOMS = ("consumer", "migrations")
LEVELS = ("debug", "info", "warning", "error", "critical")


class Logged(NamedTuple):
    """One call that writes a line."""

    event: str
    level: str
    keys: tuple[str, ...]


def logged() -> Iterator[Logged]:
    """Every line that the code can write under a name. Warnings that are whole sentences have none."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and node.args and (level := _level(node.func)):
                    keys = tuple(keyword.arg for keyword in node.keywords if keyword.arg)
                    for event in _texts(node.args[0], tree):
                        yield Logged(event, level, keys)


def _level(called: ast.expr) -> str | None:
    """The level of `….info(…)`; `getattr(log.get(…), level)(…)` is one that is only known when it runs."""
    if isinstance(called, ast.Attribute) and called.attr in LEVELS:
        return called.attr
    return "debug or info" if isinstance(called, ast.Call) and ast.unparse(called).startswith("getattr(log.get(") else None


def _texts(value: ast.expr, tree: ast.Module) -> list[str]:
    """The texts that an argument can be: itself, either half of a condition, or what its name is set to in the module."""
    if isinstance(value, ast.IfExp):
        return [*_texts(value.body, tree), *_texts(value.orelse, tree)]
    if isinstance(value, ast.Name):
        set_to = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
        names = [node for node in set_to if value.id in {target.id for target in node.targets if isinstance(target, ast.Name)}]
        return [text for node in names if not isinstance(node.value, ast.Name) for text in _texts(node.value, tree)]
    return [value.value] if isinstance(value, ast.Constant) and isinstance(value.value, str) else []


def meanings() -> dict[str, str]:
    """Name -> what it says."""
    return tomllib.loads(MEANINGS.read_text(encoding="utf-8"))


def text() -> str:
    """A row for each event. Raises KeyError for one that `log_events.toml` does not describe."""
    found: dict[str, list[Logged]] = {}
    for one in logged():
        found.setdefault(one.event, []).append(one)
    described = meanings()
    rows = []
    for event, calls in sorted(found.items(), key=lambda item: item[0].lower()):
        keys = dict.fromkeys(key for call in calls for key in call.keys)
        levels = dict.fromkeys(call.level for call in calls)
        rows.append([code(event), ", ".join(levels), ", ".join(map(code, keys)), escaped(described[event])])
    return table(["event", "level", "keys", "meaning"], rows)
