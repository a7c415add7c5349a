"""The house keeps its own rules."""

import ast
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from consumer import healthcheck
from consumer.commands.main import app
from consumer.engines import kafka, postgres
from consumer.serve.app import READY_SECONDS, STOP_SECONDS
from consumer.settings import Settings
from consumer.worker import housekeeping, outages, watch
from migrations import FOLDER
from schemas.events import BODIES
from tests.documents import RUN
from tests.mutation.mutants import MUTANTS
from tests.samples import PAYLOADS

ROOT = Path(__file__).parents[1]
WHY = ROOT / "docs" / "explanation"


def test_the_readme_is_short() -> None:
    """Whoever looks for more finds it in docs/."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_documents_name_every_library() -> None:
    """With why it is here."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'^    "([a-z0-9-]+)', project.split("[dependency-groups]")[0], re.MULTILINE)
    assert len(named) > 10
    libraries = (WHY / "decisions.md").read_text(encoding="utf-8").split("## Libraries")[1]
    assert [name for name in named if not re.search(rf"^\| [^|]*\b{name}\b", libraries, re.MULTILINE)] == []


def test_every_event_has_a_payload_as_canvas_sends_it() -> None:
    """And every payload an event."""
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(BODIES)


def test_every_step_is_a_plain_sql_file_that_opens_with_why() -> None:
    """With the Python file that runs it beside it."""
    files = sorted((FOLDER / "versions").glob("*.sql"))
    assert files
    for file in files:
        assert file.with_name(f"{file.name.partition('.')[0]}.py").exists()
        assert file.read_text(encoding="utf-8").startswith("-- ")


def test_a_function_or_view_has_a_file_of_its_name() -> None:
    """Which makes it and nothing else."""
    for folder, kind in (("functions", "FUNCTION"), ("views", "VIEW")):
        for file in (FOLDER / folder).glob("*.sql"):
            made = re.findall(r"^CREATE (?:OR REPLACE )?(\w+) \w+\.(\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert made == [(kind, file.stem)]


def test_every_statement_opens_with_why() -> None:
    """SQL lives in files that say what they are for."""
    files = list(ROOT.glob("consumer/*/sql/*.sql"))
    assert {file.parents[1].name for file in files} == {"store", "query", "canvas", "rights", "serve", "sandbox"}
    for file in files:
        assert file.read_text(encoding="utf-8").startswith("-- "), file.name


def test_no_statement_is_left_over() -> None:
    """Each is named in its own room; what commands and server share is in `query`."""
    for room in ("store", "query", "canvas", "rights", "serve", "sandbox"):
        modules = ROOT.glob("consumer/**/*.py" if room == "query" else f"consumer/{room}/**/*.py")
        python = "".join(path.read_text(encoding="utf-8") for path in modules)
        for file in (ROOT / "consumer" / room / "sql").glob("*.sql"):
            family, _, member = file.stem.partition("_")
            used = f'"{file.stem}"' in python or (f'"{family}_{{' in python and f'"{member}"' in python)
            assert used, f"{file} is used by nobody"


def _services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    return services


ENGINES = {"kafka", "postgres"}
OURS = {"migrate", "intake", "worker", "serve"}


def test_compose_and_tests_use_the_same_images() -> None:
    """One version each."""
    assert _services()["kafka"]["image"] == kafka.IMAGE
    assert _services()["postgres"]["image"] == postgres.IMAGE


def test_what_compose_starts_is_this_machines_alone() -> None:
    """The passwords are in the file."""
    published = [port for service in _services().values() for port in service.get("ports", ())]
    assert len(published) == 4
    assert [port for port in published if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []


def test_compose_keeps_topics_as_long_as_the_positions_in_them() -> None:
    """A worker stops at a topic that was made anew: Kafka writes into a volume too, and both are removed by `make down`."""
    kept = {name: service["volumes"] for name, service in _services().items() if "volumes" in service}
    assert kept == {
        "intake": ["intake:/var/lib/outcomes"],
        "kafka": ["kafka:/var/lib/kafka/data"],
        "postgres": ["postgres:/var/lib/postgresql"],
    }
    assert _services()["kafka"]["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"
    assert (ROOT / "docker-compose.yml").read_text(encoding="utf-8").endswith("\nvolumes:\n  intake:\n  kafka:\n  postgres:\n")
    assert "docker compose down --volumes" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_no_container_of_compose_takes_more_than_it_needs() -> None:
    """Memory, processes, processors and logs have bounds; privileges are given up, and ours write nowhere but in /tmp."""
    assert _services().keys() == ENGINES | OURS
    for name, service in _services().items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert service["pids_limit"] <= 1000, name
        assert service["cpus"] <= 1, "Docker refuses more than the machine has"
        assert service["logging"]["driver"] == "json-file", name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
    for name in OURS:
        assert _services()[name]["read_only"] is True, name
        assert _services()[name]["tmpfs"] == ["/tmp"], name  # noqa: S108 - the container's own
        assert "cap_add" not in _services()[name], name


def test_what_compose_runs_for_long_starts_again_and_has_time_to_stop() -> None:
    """Kafka and Postgres too. A signal reaches ours through an init."""
    for name in ENGINES | {"intake", "worker", "serve"}:
        assert _services()[name]["restart"] == "unless-stopped", name
        least = STOP_SECONDS if name == "serve" else Settings.model_fields["drain_seconds"].default
        assert int(_services()[name]["stop_grace_period"].removesuffix("s")) > least, name
    assert all(_services()[name]["init"] is True for name in OURS)


def test_compose_takes_our_image_from_no_registry() -> None:
    """Nobody keeps its name there for us. `migrate` builds it."""
    assert {name for name in OURS if _services()[name]["pull_policy"] == "never"} == OURS
    assert _services()["migrate"]["build"] == "."
    assert {_services()[name]["pull_policy"] for name in ENGINES} == {"missing"}


def test_an_outage_is_told_by_compose_within_fifteen_seconds() -> None:
    """By the sum of all patience on the way, also by a probe that hangs; what starts for the first time has longer."""
    kafka = outages.SILENCE_SECONDS + 2 * watch.TELLING_SECONDS  # a sign of life, too, is noticed only with the next look
    postgres = housekeeping.COMPARING_SECONDS + housekeeping.HOUSEKEEPING_SECONDS
    postgres += 2 * watch.HELD_SECONDS + watch.TELLING_SECONDS
    for name, service in _services().items():
        if name == "migrate":
            continue
        check = service["healthcheck"]
        interval, timeout, start = (int(check[key].removesuffix("s")) for key in ("interval", "timeout", "start_period"))
        if name in OURS:
            assert max(kafka, postgres) + (interval + timeout) * check["retries"] <= 15, name
            assert timeout > 2 * healthcheck.SECONDS, "a check that Docker ends says nothing"
            assert healthcheck.SECONDS > READY_SECONDS, "nor one that ends before /readyz says why"
        else:
            assert (interval + timeout) * check["retries"] < 15, name
        assert start >= 60, name
    for name in ("intake", "worker", "serve"):
        assert _services()[name]["healthcheck"]["test"] == ["CMD", "python", "-m", "consumer.healthcheck", "readyz"]


def test_the_image_runs_as_a_user_whom_kubernetes_knows_not_to_be_root_and_has_no_pip() -> None:
    """`runAsNonRoot` looks at the number alone."""
    last = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[-1]
    assert re.findall(r"^USER (.+)$", last, re.MULTILINE) == ["10001:10001"]
    assert "pip uninstall" in last
    assert "ensurepip" in last
    assert "venv --without-pip /opt/outcomes" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_s_health_check_asks_whichever_command_runs() -> None:
    """Not the worker where it is `serve` that runs."""
    (check,) = re.findall(r"^HEALTHCHECK .*CMD (\[.+\])$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert json.loads(check) == ["python", "-m", "consumer.healthcheck", "livez"]


def test_the_image_gets_all_that_it_copies() -> None:
    """`.dockerignore` keeps everything out but what it names."""
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert let_in[0] == "*"
    assert len(copied) == 5
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


PRODUCT = [path for room in ("consumer", "migrations", "schemas") for path in sorted((ROOT / room).rglob("*.py"))]
STATEMENTS = [path for room in ("consumer", "migrations") for path in sorted((ROOT / room).rglob("*.sql"))]
LONG = {"consumer/settings.py"}
"""Files of more than 400 lines, each with its reason at its top."""
MIRRORS = {
    "consumer/settings.py",
    "schemas/learning_outcome.py",
    "schemas/learning_outcome_result.py",
    "schemas/people.py",
    "schemas/rest.py",
    "schemas/rest_people.py",
}
"""Files whose classes have as many fields as what they describe: the settings, and bodies as Canvas writes them."""


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_long() -> None:
    """Whoever opens one can read it to its end."""
    long = {str(path.relative_to(ROOT)) for path in (*PRODUCT, *STATEMENTS) if _lines(path) > 400}
    assert long == LONG
    assert max(map(_lines, (*PRODUCT, *STATEMENTS))) <= 500


def test_no_class_holds_more_than_a_dozen_fields() -> None:
    """Else nobody knows which of them belong together."""
    assert {str(path.relative_to(ROOT)) for path in PRODUCT if any(len(fields) > 12 for fields in _fields(path))} == MIRRORS


def _fields(path: Path) -> Iterator[set[str]]:
    """Of each class: what it declares, and what its methods set on `self`."""
    for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(found, ast.ClassDef):
            declared = {ast.unparse(one.target) for one in found.body if isinstance(one, ast.AnnAssign)}
            written = {
                one.attr
                for one in ast.walk(found)
                if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store) and ast.unparse(one.value) == "self"
            }
            yield declared | written


def test_no_room_holds_a_fifth_of_the_code() -> None:
    """A room that grows beyond that is two."""
    rooms = Counter[str]()
    for path in (*PRODUCT, *STATEMENTS):
        if path.is_relative_to(ROOT / "consumer"):
            rooms[path.relative_to(ROOT / "consumer").parts[0]] += _lines(path)
    assert max(rooms.values()) < rooms.total() / 5


def test_the_documents_count_the_mutants() -> None:
    """A figure that nobody looks at is soon wrong."""
    assert re.search(rf"\b{len(MUTANTS)}\s+so far", (WHY / "proof.md").read_text(encoding="utf-8"))


def test_one_end_of_an_event_has_one_name() -> None:
    """In every document and every help: what is quarantined is not `set aside` elsewhere, what is ignored does not `go by`."""
    helps: list[str] = []

    def read(command: Any) -> None:
        helps.append(f"{command.name}: {command.help} {command.epilog} {[getattr(p, 'help', None) for p in command.params]}")
        for inner in getattr(command, "commands", {}).values():
            read(inner)

    read(get_command(app))
    assert len(helps) > 25
    for text in (*(page.read_text(encoding="utf-8") for page in RUN), *helps):
        assert not re.search(r"set aside|sets aside|diverted|went by|goes by|gone by", text), text[:80]
