"""A schema that is one step newer than this code's: what migrates a large table beside those who write to it."""

import shutil
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import migrations
from tests.acceptance.running import Process, started
from tests.forking import ROOT

NEWER = f"{int(migrations.HEAD) + 1:04}"
"""The number that the step in `versions` gets: the next one, however many the product has."""


def copied(folder: Path) -> Path:
    """A copy of the schema with the step, in `folder/migrations`."""
    copy = shutil.copytree(migrations.FOLDER, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    for file in (Path(__file__).parent / "versions").glob("NNNN_*"):
        text = file.read_text(encoding="utf-8").replace("NNNN", NEWER).replace("HEAD", migrations.HEAD)
        (copy / "versions" / file.name.replace("NNNN", NEWER)).write_text(text, encoding="utf-8")
    return Path(copy)


def migrating(folder: Path, dsn: str) -> AbstractAsyncContextManager[Process]:
    """`outcomes migrate` with the copy in this folder."""
    variables = {"DATABASE_URL": dsn, "PYTHONPATH": f"{folder}:{ROOT}"}
    return started(("migrate",), variables, cwd=folder, cold=True)
