"""The house keeps its own rules."""

import re
import subprocess
from pathlib import Path

from typer.core import TyperGroup
from typer.main import get_command

from consumer.cli import app
from consumer.engines import kafka, postgres
from consumer.ingest.tables import TABLES
from migrations import FOLDER
from schemas.base import Reason
from schemas.events import BODIES
from tests.readme import README, written
from tests.samples import PAYLOADS

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")


def test_the_readme_names_every_setting_in_its_own_words() -> None:
    """`python -m tests.readme` writes the table."""
    assert written() == TEXT


def test_the_readme_names_every_event_table_and_reason() -> None:
    """A reader finds them by name."""
    for name in (*BODIES, *TABLES, *Reason):
        assert f"`{name}`" in TEXT, name


def test_the_readme_names_every_command() -> None:
    """And no command is a secret."""
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    for name, command in commands.commands.items():
        assert f"`outcomes {name}" in TEXT, name
        if isinstance(command, TyperGroup):
            for inner in command.commands:
                assert re.search(rf"`outcomes {name} [^`]*\b{inner}\b", TEXT), inner


def test_the_readme_names_every_library() -> None:
    """With why it is here."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'^    "([a-z0-9-]+)', project.split("[dependency-groups]")[0], re.MULTILINE)
    assert len(named) > 10
    reasons = TEXT.split("**Libraries**")[1].lower()
    assert [name for name in named if name not in reasons] == []


def test_every_event_has_a_payload_as_canvas_sends_it() -> None:
    """And every payload an event."""
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(BODIES)


def test_every_migration_is_a_plain_sql_file_that_opens_with_why() -> None:
    """With a runner of the same name beside it; what runs before a migration is named in its runner."""
    files = sorted((FOLDER / "versions").glob("*.sql"))
    assert files
    for file in files:
        name = file.name.partition(".")[0]
        runner = file.with_name(f"{name}.py").read_text(encoding="utf-8")
        assert file.read_text(encoding="utf-8").startswith("-- ")
        assert f'run_sql("{name}.sql")' in runner
        assert file.name in runner


def test_every_statement_opens_with_why() -> None:
    """SQL lives in files that say what they are for, and none is left over."""
    python = "".join(
        path.read_text(encoding="utf-8") for room in ("consumer", "canvas") for path in ROOT.glob(f"{room}/**/*.py")
    )
    for file in (*ROOT.glob("consumer/**/sql/*.sql"), *ROOT.glob("canvas/**/sql/*.sql")):
        assert file.read_text(encoding="utf-8").startswith("-- "), file.name
        family, _, member = file.stem.partition("_")
        used = f'"{file.stem}"' in python or (f'"{family}_{{' in python and f'"{member}"' in python)
        assert used, f"{file.name} is used by nobody"


def test_compose_and_tests_use_the_same_images() -> None:
    """One version each."""
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert f"image: {kafka.IMAGE}\n" in compose
    assert f"image: {postgres.IMAGE}\n" in compose


def test_no_file_holds_a_registry_or_a_path_of_one_machine() -> None:
    """What is tracked works anywhere."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    forbidden = re.compile(r"https?://[a-z0-9.-]*(pythonhosted|pypi|maven\.org|npmjs|crates\.io)|--(extra-)?index-url")
    for name in tracked:
        path = Path(ROOT / name)
        if path.is_file() and name != "tests/test_house.py":
            assert not forbidden.search(path.read_text(encoding="utf-8", errors="replace")), name


def test_locked_requirements_have_hashes() -> None:
    """Every package is pinned by content."""
    for name in ("runtime.txt", "dev.txt", "build.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        packages = re.findall(r"^[a-z0-9].*==.*$", text, re.MULTILINE)
        assert packages
        assert text.count("--hash=sha256:") >= len(packages)
