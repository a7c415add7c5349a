"""A pytest plugin for the run in a copy: makes sure that the copy is under test, and tells what became of each test."""

import importlib
import json
from collections.abc import Generator
from pathlib import Path

import pytest

PACKAGES = ("consumer", "migrations", "schemas", "tests")

_found: list[dict[str, object]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to tell it."""
    parser.addoption("--told", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    """An editable install of the original must not win over the copy."""
    for name in PACKAGES:
        file = importlib.import_module(name).__file__
        if file is None or config.rootpath not in Path(file).resolve().parents:
            raise pytest.UsageError(f"{name} is imported from {file}, not from the copy {config.rootpath}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps what a step that did not pass says; of those that passed, the test itself."""
    report = yield
    if report.when == "call" or not report.passed:
        error = call.excinfo.value if call.excinfo else None
        _found.append(
            {
                "test": item.nodeid,
                "outcome": report.outcome,
                "asserted": isinstance(error, (AssertionError, pytest.fail.Exception)) and "Timeout (>" not in str(error),
                "error": f"{type(error).__name__}: {error}".splitlines()[0] if error else "",
            }
        )
        # At once: what a failing test leaves open may end pytest itself before it comes to its end.
        item.config.getoption("--told").write_text(json.dumps(_found), encoding="utf-8")
    return report
