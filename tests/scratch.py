"""Where the tests' engines keep their data: nothing of it has to outlive a run."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.engines import reaper

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder within it gets a name of its own
_ROOM = 4 * 1024**3
"""Bytes that must be free there; a whole run takes less than one gibibyte."""


@contextmanager
def folder(prefix: str = "outcomes-tests-") -> Iterator[Path]:
    """A folder that the user who runs Postgres can reach; in memory where there is room.

    Most tests have a copy of a migrated database of their own, which is 600 files: a quarter of a second on a disk, a tenth of
    that in memory.
    """
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM
    with reaper.temporary_folder(prefix, _MEMORY if roomy else None) as path:
        yield path
