"""The house keeps its own rules."""

import re
import subprocess
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from consumer.cli import app
from consumer.engines import kafka, postgres
from consumer.ingest.tables import TABLES
from migrations import FOLDER
from schemas.base import Reason
from schemas.events import BODIES
from tests.mutation.mutants import MUTANTS
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
    """SQL lives in files that say what they are for."""
    files = list(ROOT.glob("c*/**/sql/*.sql"))
    assert {file.parent for file in files} == {
        ROOT / room / "sql" for room in ("consumer/store", "consumer/read", "canvas", "canvas/serve")
    }
    for file in files:
        assert file.read_text(encoding="utf-8").startswith("-- "), file.name


def test_no_statement_is_left_over() -> None:
    """Each is named in its own room; what commands and server share is consumer/read's."""
    askers = {"consumer/store": "consumer/store", "consumer/read": "c*", "canvas": "canvas", "canvas/serve": "canvas/serve"}
    for room, asking in askers.items():
        modules = ROOT.glob(f"{asking}/*.py" if room == "canvas" else f"{asking}/**/*.py")
        python = "".join(path.read_text(encoding="utf-8") for path in modules)
        for file in (ROOT / room / "sql").glob("*.sql"):
            family, _, member = file.stem.partition("_")
            used = f'"{file.stem}"' in python or (f'"{family}_{{' in python and f'"{member}"' in python)
            assert used, f"{file} is used by nobody"


def test_compose_and_tests_use_the_same_images() -> None:
    """One version each."""
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert f"image: {kafka.IMAGE}\n" in compose
    assert f"image: {postgres.IMAGE}\n" in compose


def test_what_compose_starts_is_this_machines_alone() -> None:
    """The passwords are in the file."""
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    published = re.findall(r"^    ports: (.+)$", compose, re.MULTILINE)
    assert len(published) == 3
    assert [ports for ports in published if not re.fullmatch(r'\["127\.0\.0\.1:\d+:\d+"\]', ports)] == []


def test_compose_keeps_topics_as_long_as_the_positions_in_them() -> None:
    """A worker stops at a topic that was made anew: Kafka writes into a volume too, and both are removed by `make down`."""
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    kept = re.findall(r'^    volumes: \["(\w+):(\S+)"\]', compose, re.MULTILINE)
    assert dict(kept).keys() == {"kafka", "postgres"}
    assert f"KAFKA_LOG_DIRS: {dict(kept)['kafka']} " in compose
    assert compose.endswith("\nvolumes:\n  kafka:\n  postgres:\n")
    assert "docker compose down --volumes" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_image_gets_all_that_it_copies() -> None:
    """`.dockerignore` keeps everything out but what it names."""
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert let_in[0] == "*"
    assert len(copied) > 5
    for source in " ".join(copied).split():
        assert f"!{source.partition('/')[0]}" in let_in, source


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
    files = list((ROOT / "requirements").glob("*.txt"))
    assert files
    for file in files:
        packages = re.split(r"^(?=[a-z0-9])", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.IGNORECASE)[1:]
        assert packages, file.name
        for package in packages:
            assert re.match(r"\S+==\S+", package), f"{file.name}: {package}"
            assert "--hash=sha256:" in package, f"{file.name}: {package}"


def test_the_readme_counts_the_mutants() -> None:
    """A figure that nobody looks at is soon wrong."""
    assert f" {len(MUTANTS)} so far" in TEXT


def test_one_end_of_an_event_has_one_name() -> None:
    """In the README and in every help: what is quarantined is not `set aside` elsewhere, what is ignored does not `go by`."""
    helps: list[str] = []

    def read(command: Any) -> None:
        helps.append(f"{command.name}: {command.help} {command.epilog} {[getattr(p, 'help', None) for p in command.params]}")
        for inner in getattr(command, "commands", {}).values():
            read(inner)

    read(get_command(app))
    assert len(helps) > 25
    for text in (TEXT, *helps):
        assert not re.search(r"set aside|sets aside|diverted|went by|goes by|gone by", text), text[:80]
