"""What a killed process leaves behind: nothing."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from consumer.engines import kafka
from consumer.engines.postgres import _link_name, embedded
from consumer.store.postgres import connect
from tests.acceptance.running import environment, started, until
from tests.forking import ROOT
from tests.scratch import folder

SECONDS = 60
"""In which everything has gone. Where the machine is not busy it takes one."""

HANGING = '''
import asyncio, json, os, subprocess
from pathlib import Path
import pytest
from tests.faults.cluster import LocalPostgres
from tests.forking import fork
from tests.scratch import folder

@pytest.mark.parametrize("name", ["first", "second"])
def test_hanging(postgres_dsn, kafka_bootstrap, name):
    """Starts a server, a command by way of the fork server, and a plain process; then it hangs."""
    async def hang(path):
        server = LocalPostgres(path / "own").start()
        command = await fork("consumer", ["worker"], os.environ | {
            "DATABASE_URL": postgres_dsn, "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap, "OUTCOMES_HTTP_PORT": "0"})
        plain = subprocess.Popen(["sleep", "3600"])
        short = postgres_dsn.partition("host=")[2]
        engines = os.path.dirname(os.path.realpath(short))
        part = Path(os.environ["TOLD"], f"{name}.part")
        part.write_text(json.dumps([[os.getpid(), command.pid, plain.pid], str(path), [engines, short]]))
        part.rename(part.with_suffix(""))
        await asyncio.sleep(3600)

    with folder() as path:
        asyncio.run(hang(path))
'''


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the user who runs Postgres can reach."""
    with folder() as path:
        yield path


def _left(pids: list[int], *paths: str) -> list[str]:
    """Processes with one of these ids, or with one of the paths in their command line; and the paths that exist."""
    found = [path for path in paths if os.path.lexists(path)]
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if process.pid in pids or any(path in line for path in paths):
                found.append(f"{process.pid} {line[:200]}")
    return found


async def _is_gone(pids: list[int], *paths: str) -> None:
    async def nothing_left() -> bool:
        return not _left(pids, *paths)

    with suppress(AssertionError):
        await until(nothing_left, SECONDS)
    assert _left(pids, *paths) == []


@pytest.mark.timeout(480)
async def test_a_killed_test_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither servers nor commands nor folders: be it a process of xdist that is killed, or `make`, which ends the run too."""
    (tmp_path / "test_hanging.py").write_text(HANGING, encoding="utf-8")
    command = f"{sys.executable} -m pytest -n 1 -p tests.conftest -p no:cacheprovider -c {ROOT}/pyproject.toml {tmp_path}"
    (tmp_path / "Makefile").write_text(f"test:\n\t{command}\n", encoding="utf-8")
    variables = {
        name: value for name, value in environment(TOLD=str(tmp_path)).items() if not name.startswith(("TESTS_", "PYTEST_"))
    }
    with (tmp_path / "said").open("wb") as said:
        run = await asyncio.create_subprocess_exec("make", "-C", str(tmp_path), env=variables, stdout=said, stderr=said)

    async def told(name: str) -> tuple[list[int], str, list[str]]:
        async def answered() -> bool:
            assert run.returncode is None, (tmp_path / "said").read_text(encoding="utf-8")
            return (tmp_path / name).exists()

        await until(answered, 180)
        pids, own, engines = json.loads((tmp_path / name).read_text(encoding="utf-8"))
        return pids, own, engines

    try:
        pids, own, engines = await told("first")
        os.kill(pids[0], signal.SIGKILL)
        await _is_gone(pids, own)
        pids, own, again = await told("second")
        assert again == engines
        assert len(_left([], *engines)) >= 4, "the folder, its short name, Postgres and Kafka"
        run.kill()
        await _is_gone(pids, own, *engines)
    finally:
        with suppress(ProcessLookupError):
            run.kill()
        await run.wait()


async def _answers(dsn: str) -> bool:
    connection = await connect(dsn)
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()


async def test_a_killed_command_leaves_an_embedded_postgres_to_its_other_users_and_else_none(place: Path) -> None:
    """It goes on while somebody uses it, and not longer."""
    data = place / "postgres"
    asleep = ["psql", "-Atc", "SELECT 1; SELECT pg_sleep(3600)"]
    variables = {"OUTCOMES_DATA_FOLDER": str(place)}
    async with started(asleep, variables, cold=True) as first:
        await first.err_line()
        with embedded(data) as server:
            reapers = [one for one in psutil.Process(first.pid).children() if "consumer.engines.reaper" in one.cmdline()]
            first.send(signal.SIGKILL)

            async def done() -> bool:
                return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in reapers)

            await until(done, SECONDS)
            assert json.loads((data / ".handle_pids.json").read_text(encoding="utf-8")) == [os.getpid()]
            try:
                assert await _answers(server.dsn)
            except Exception as error:
                pytest.fail(f"it was stopped under its other user: {error}")
            short = server.dsn.partition("host=")[2]
    await _is_gone([], short)
    async with started(asleep, variables, cold=True) as command:
        await command.err_line()
        assert _left([], short)
        command.send(signal.SIGKILL)
        await _is_gone([], short)
    with embedded(data) as server:
        assert await _answers(server.dsn)


async def test_a_postgres_that_died_with_its_machine_starts_again(place: Path) -> None:
    """Its number may be another process's by now."""
    data = place / "postgres"
    with embedded(data):
        told = (data / "postmaster.pid").read_text(encoding="utf-8")
    (data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *told.splitlines()[1:]]), encoding="utf-8")
    with embedded(data) as server:
        assert await _answers(server.dsn)


@pytest.mark.parametrize(
    ("step", "waits"), [("initdb", False), ("pg_ctl", False), ("postmaster.pid", False), ("postmaster.pid", True)]
)
async def test_a_command_that_is_killed_while_its_postgres_starts_leaves_none(place: Path, step: str, waits: bool) -> None:
    """And the next command finds it as it should be, also one that does not wait for the end of the first."""
    async with started(["status"], {"OUTCOMES_DATA_FOLDER": str(place)}, cold=True) as command:
        while not ((place / "postgres" / step).exists() or _runs(command.pid, step)):  # noqa: ASYNC110 - it is over soon
            await asyncio.sleep(0.01)
        command.send(signal.SIGKILL)
    if waits:
        await _is_gone([], _short(place))
    with embedded(place / "postgres") as server:
        assert await _answers(server.dsn)
    await _is_gone([], _short(place))


def _runs(pid: int, program: str) -> bool:
    """Whether a process, or one that it has started, runs a program."""
    with suppress(psutil.Error):
        return any(program == child.name() for child in psutil.Process(pid).children(recursive=True))
    return False


def _short(data: Path) -> str:
    return str(_link_name((data / "postgres").resolve()))


@pytest.mark.timeout(240)
async def test_a_killed_demo_leaves_nothing_but_its_database(place: Path) -> None:
    """Its broker, its worker and its folder for the broker end with it."""
    async with started(["demo", "--events", "2000"], {"OUTCOMES_DATA_FOLDER": str(place)}, cold=True) as demo:
        log = place / "demo" / "worker.log"

        async def works() -> bool:
            return log.exists() and log.stat().st_size > 0

        await until(works, 110)
        children = psutil.Process(demo.pid).children(recursive=True)
        lines = _left([child.pid for child in children])
        assert any("worker" in line for line in lines), lines
        broker = re.findall(r"[^\s:=]*/outcomes-demo-[^/\s:]+", " ".join(lines))
        assert broker or not kafka.can_run_locally(), lines
        demo.send(signal.SIGKILL)
        await _is_gone([child.pid for child in children], *broker[:1], str(_link_name((place / "demo" / "postgres").resolve())))
    assert (place / "demo" / "postgres" / "PG_VERSION").exists()
