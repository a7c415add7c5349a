"""`outcomes postgres`: other programs read the embedded database over TCP, and nothing else."""

import asyncio
import json
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
import pytest

from consumer.engines import tcp
from consumer.engines.postgres import embedded, psql_path
from consumer.errors import UsageError
from consumer.store.postgres import connect
from consumer.store.viewer import LOGIN
from tests.acceptance.running import WAIT_SECONDS, environment, outcomes
from tests.forking import ROOT
from tests.samples import result
from tests.scratch import folder


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A data folder whose database holds a result and a record in quarantine."""
    with folder() as path:
        (path / "events").write_text(json.dumps(result(1)) + "\n{\n")
        asyncio.run(_replayed(path, "events"))
        yield path


async def _replayed(path: Path, name: str) -> None:
    code, _, err = await outcomes("replay", str(path / name), OUTCOMES_DATA_FOLDER=str(path))
    assert code == 0, err


class Opened:
    """The command while it runs."""

    def __init__(self, process: asyncio.subprocess.Process, told: dict[str, Any]) -> None:
        self.process = process
        self.told = told
        self.url: str = told["url"]

    async def end(self, number: int) -> tuple[int, str]:
        """Exit code and stderr after a signal (0: none)."""
        if number:
            self.process.send_signal(number)
        async with asyncio.timeout(WAIT_SECONDS):
            _, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Opened]:
    """Runs `outcomes postgres` on a free port until the block is left."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "consumer", "postgres", "--port", "0", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(OUTCOMES_DATA_FOLDER=str(path)),
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            lines = [line async for line in _until_closing(process.stdout)]
        assert lines[-1:] == [b"}\n"], (await process.communicate())[1]
        yield Opened(process, json.loads(b"".join(lines)))
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _until_closing(out: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while line := await out.readline():
        yield line
        if line == b"}\n":
            return


def _as(url: str, user: str, password: str) -> str:
    address = urlsplit(url)
    return urlunsplit(address._replace(netloc=f"{user}:{password}@{address.hostname}:{address.port}"))


async def test_other_programs_read_while_commands_write(place: Path) -> None:
    """With a client over TCP, without naming the schema; what a replay writes meanwhile is seen, and nobody is disturbed."""
    async with opened(place) as command:
        client = await asyncpg.connect(command.url)
        before = await client.fetchval("SELECT count(*) FROM learning_outcome_result")
        (place / "more").write_text(json.dumps(result(before + 1)))
        await _replayed(place, "more")
        assert await client.fetchval("SELECT count(*) FROM learning_outcome_result") == before + 1
        psql = [str(psql_path()), command.url, "-Atc", "SELECT 6 * 7"]
        done = await asyncio.to_thread(lambda: subprocess.run(psql, capture_output=True, text=True, check=False))
        assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
        listened = [c for c in psutil.Process(command.process.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert [(c.laddr.ip, c.laddr.port) for c in listened] == [("127.0.0.1", command.told["port"])]
        code, err = await command.end(signal.SIGINT)
        assert (code, err.splitlines()[-1]) == (0, f"closed; the database stays in {place / 'postgres'}")
        with pytest.raises((asyncpg.PostgresError, OSError, asyncpg.InterfaceError)):
            await client.fetchval("SELECT 1")
    assert not (place / "postgres" / "postmaster.pid").exists()


async def test_nothing_can_be_written_and_quarantine_cannot_be_read(place: Path) -> None:
    """Every transaction is read-only; and where a session switches that off, it has no right to anything."""
    async with opened(place) as command:
        client = await asyncpg.connect(command.url)
        assert await client.fetchval("SHOW transaction_read_only") == "on"
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await client.execute("CREATE TEMPORARY TABLE mine (id int)")
        await client.execute("SET default_transaction_read_only = off")
        for statement in (
            "DELETE FROM learning_outcome_result",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE TABLE public.mine (id int)",
            "CREATE SCHEMA mine",
            "SELECT lo_create(0)",
            "SELECT lo_from_bytea(0, 'x')",
            "SELECT * FROM quarantine",
            "SELECT * FROM api_token",
            "SELECT make_version_partitions(ARRAY[2020])",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY account TO PROGRAM 'true'",
            "SET ROLE outcomes_writer",
            "SET SESSION AUTHORIZATION postgres",
            "ALTER SYSTEM SET listen_addresses = '*'",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await client.execute(statement)
        row = await client.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
        assert row is not None
        flags = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
        assert [row[flag] for flag in flags] == [False] * len(flags)
        await client.close()


async def test_only_the_login_and_its_password_open_the_address(place: Path) -> None:
    """The owner, who needs no password on the socket, has no way in over TCP."""
    async with opened(place) as command:
        for user in ("postgres", "outcomes_writer"):
            with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match=f"accepts only the user {LOGIN}"):
                await asyncpg.connect(_as(command.url, user, "x"))
        for password in ("wrong", command.told["password"] + "x"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(_as(command.url, LOGIN, password))
        host, port = command.told["host"], command.told["port"]
        twice = b"user\0" + LOGIN.encode() + b"\0user\0postgres\0\0"
        for packet in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, struct.pack("!II", 8 + len(twice), 3 << 16) + twice):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(packet)
            async with asyncio.timeout(WAIT_SECONDS):
                answer = await reader.read()
            assert answer[:1] == b"E"
            assert b"R\0" not in answer
            writer.close()


async def test_one_program_cannot_take_all_connections(place: Path) -> None:
    """Nor is a password needed to try; commands and the worker keep theirs."""
    async with opened(place) as command:
        start = b"user\0" + LOGIN.encode() + b"\0database\0postgres\0\0"
        packet = struct.pack("!II", 8 + len(start), 3 << 16) + start
        open_ = []
        for _ in range(tcp.CONNECTIONS):
            reader, writer = await asyncio.open_connection(command.told["host"], command.told["port"])
            writer.write(packet)
            assert await reader.readexactly(1) == b"R"  # the question for the password
            open_.append(writer)
        with pytest.raises(asyncpg.TooManyConnectionsError, match="at most 20 connections"):
            await asyncpg.connect(command.url)
        assert (await outcomes("status", "--no-lag", OUTCOMES_DATA_FOLDER=str(place)))[0] == 1
        open_[0].close()
        for _ in range(100):
            try:
                await (await asyncpg.connect(command.url)).close()
                break
            except asyncpg.TooManyConnectionsError:
                await asyncio.sleep(0.05)
        else:
            pytest.fail("the place of a connection that has ended is not free again")
        for writer in open_:
            writer.close()


async def test_the_server_stays_with_its_other_users(place: Path) -> None:
    """SIGTERM closes the address; who uses the database by its socket goes on, be it from before or not."""
    with embedded(place / "postgres") as server:
        other = await connect(server.dsn)
        async with opened(place) as command:
            assert await other.fetchval("SELECT 1") == 1
            assert (await command.end(signal.SIGTERM))[0] == 0
        assert await other.fetchval("SELECT 1") == 1
        await other.close()


async def test_it_ends_when_the_server_does(place: Path) -> None:
    """With a sentence that names the log: it would hold open nothing."""
    async with opened(place) as command:
        pid = int((place / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        psutil.Process(pid).send_signal(signal.SIGQUIT)
        code, err = await command.end(0)
    assert code == 2
    assert err.splitlines()[-1] == (
        f"outcomes: the embedded Postgres in {place / 'postgres'} has ended; its log is {place / 'postgres' / 'log'}"
    )


async def test_the_address_stays_the_same_and_its_password_is_nobody_elses(place: Path) -> None:
    """For what has been saved in Grafana or a notebook; a password that others could read is replaced."""
    file = place / "viewer-password"
    passwords = []
    for mode in (0o600, 0o644, 0o600):
        async with opened(place) as command:
            passwords.append(command.told["password"])
            await (await asyncpg.connect(command.url)).close()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert (await command.end(signal.SIGTERM))[0] == 0
        file.chmod(mode)
    assert passwords[0] == passwords[1] != passwords[2]


async def test_a_taken_port_is_said_in_a_sentence(place: Path) -> None:
    """With what to do."""
    async with opened(place) as command:
        port = str(command.told["port"])
        code, out, err = await outcomes("postgres", "--port", port, OUTCOMES_DATA_FOLDER=str(place))
        assert (code, out) == (2, "")
        assert err.splitlines()[-1] == (
            f"outcomes: port {port} of 127.0.0.1 is taken; set another one with --port, 0 for a free one"
        )


async def test_a_database_of_ones_own_has_an_address_already() -> None:
    """Nothing is started."""
    code, out, err = await outcomes("postgres", DATABASE_URL="postgresql://owner@127.0.0.1:9/school")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "DATABASE_URL, which has an address already" in err


async def test_who_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that names no login is closed after a while, and one too many at once."""
    monkeypatch.setattr(tcp, "STARTUP_SECONDS", 0.2)
    monkeypatch.setattr(tcp, "_STARTING", 2)
    async with tcp.listening(tmp_path / "nothing", 0, LOGIN) as port:
        open_ = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        reading = [asyncio.create_task(reader.read()) for reader, _ in open_]
        ended, waiting = await asyncio.wait(reading, timeout=10)
        assert not waiting
        assert {task.result() for task in ended} == {b""}
        for _, writer in open_:
            writer.close()


def test_a_password_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    """A folder in its place, or none to keep it in."""
    (tmp_path / "password").mkdir()
    for path in (tmp_path / "password", tmp_path / "missing" / "password"):
        with pytest.raises(UsageError, match=str(path)):
            tcp.kept_password(path)
