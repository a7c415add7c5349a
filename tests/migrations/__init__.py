"""A schema that is one step newer than this code's: what migrates a large table beside those who write to it."""

import shutil
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import migrations
from tests.acceptance.running import Process, started
from tests.forking import ROOT

NEWER = "0002"
"""The step in `versions`, which product's own steps must not come to: a higher number then."""


def copied(folder: Path) -> Path:
    """A copy of the schema with the step, in `folder/migrations`."""
    copy = shutil.copytree(migrations.FOLDER, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parent / "versions", copy / "versions", dirs_exist_ok=True)
    return Path(copy)


def migrating(folder: Path, dsn: str) -> AbstractAsyncContextManager[Process]:
    """`outcomes migrate` with the copy in this folder."""
    variables = {"DATABASE_URL": dsn, "PYTHONPATH": f"{folder}:{ROOT}"}
    return started(("migrate",), variables, cwd=folder, cold=True)
