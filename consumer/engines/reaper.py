"""Cleans up after this process, even if it was killed.

A small process beside it, the reaper, reads a pipe that only this process holds open. When the pipe closes, the reaper ends
everything that is still on its list: processes, servers, containers, folders. It does not depend on Linux.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

MARK = "REAPER_MARK"
"""The environment variable that marks processes for a reaper. Their children inherit it."""

SECONDS = 30.0
"""Most seconds to end one thing."""

_LOOKS_SECONDS = 1.0
"""How often to check the `make` that runs this process."""


class _Reaper:
    """The reaper of this process."""

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        reading, self._pipe = os.pipe()
        environment = {name: value for name, value in os.environ.items() if name != MARK}  # a reaper must not end another one
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "consumer.engines.reaper"],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=environment,
            start_new_session=True,  # so that it survives a signal to our whole process group
        )
        process.returncode = 0  # it outlives this object; nobody waits for it
        os.close(reading)

    def tell(self, *words: str) -> None:
        with suppress(OSError):  # somebody has killed the reaper; a normal end still cleans up
            os.write(self._pipe, json.dumps(words).encode() + b"\n")


@cache
def _reaper_of(pid: int) -> _Reaper:  # noqa: ARG001 - a forked child must not share its parent's reaper
    return _Reaper()


def _reaper() -> _Reaper:
    return _reaper_of(os.getpid())


def mark() -> dict[str, str]:
    """A variable for the environment of a child that must not outlive this process."""
    expect("marked", _reaper().mark)
    return {MARK: _reaper().mark}


def mark_all_children() -> None:
    """No child of this process outlives it from now on, nor their children. Under `make`, this process ends with its `make`."""
    import psutil  # noqa: PLC0415 - comes with the extra `embedded`

    os.environ.update(mark())
    with suppress(psutil.Error):
        for process in psutil.Process().parents():
            if process.name() in {"make", "gmake"}:
                _reaper().tell("watch", str(process.pid), str(os.getpid()))
                return


def expect(kind: str, name: str) -> None:
    """Adds to the list: an `embedded` Postgres, a `container`, a `mount` or a `folder`. Call before creating it."""
    _reaper().tell("expect", kind, name)


def forget(kind: str, name: str) -> None:
    """Removes from the list, after we have ended it ourselves."""
    _reaper().tell("forget", kind, name)


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A folder that does not outlive this process. Other users can read it: if we are root, Postgres runs as another user."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as name:
        expect("folder", name)
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
    forget("folder", name)


def _end_marked(mark: str) -> None:
    """Postgres gets SIGQUIT first: after SIGKILL it leaves shared memory behind."""
    import psutil  # noqa: PLC0415 - most reapers have nothing to do

    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < SECONDS:
        found = 0
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(MARK) != mark:
                    continue
                found += 1
                quits = process.name().startswith("postgres") and waited < SECONDS / 2
                process.send_signal(signal.SIGQUIT if quits else signal.SIGKILL)
                process.send_signal(signal.SIGCONT)  # a stopped process cannot quit
        if not found:
            return
        time.sleep(0.1)


def _leave_embedded(name: str) -> None:
    from consumer.engines import postgres  # noqa: PLC0415 - as above

    postgres.leave(Path(name), SECONDS)


def _remove_container(name: str) -> None:
    from consumer.engines import docker  # noqa: PLC0415 - as above

    docker.remove(name, SECONDS)


def _unmount(name: str) -> None:
    subprocess.run(["umount", "--lazy", name], check=False)


def _remove_folder(name: str) -> None:
    begun = time.monotonic()
    while os.path.lexists(name) and time.monotonic() - begun < SECONDS:  # an ending process may still write there
        shutil.rmtree(name, ignore_errors=True)
        time.sleep(0.1)


_ENDS: dict[str, Callable[[str], None]] = {
    "marked": _end_marked,
    "container": _remove_container,
    "embedded": _leave_embedded,
    "mount": _unmount,
    "folder": _remove_folder,
}
"""How to end each kind of thing, in this order."""


class _List:
    """The list of a reaper."""

    def __init__(self) -> None:
        self._things: dict[tuple[str, str], None] = {}
        self._unread = b""
        self._is_running: Callable[[], bool] | None = None
        self._parent = 0

    def read(self) -> None:
        """Reads until the other end of the pipe is closed."""
        while True:
            if self._is_running is not None and not select.select([0], [], [], _LOOKS_SECONDS)[0]:
                if not self._is_running():
                    os.kill(self._parent, signal.SIGKILL)
                    self._is_running = None
                continue
            data = os.read(0, 65536)
            if not data:
                return
            *lines, self._unread = (self._unread + data).split(b"\n")
            for line in lines:
                self._take(*json.loads(line))

    def _take(self, what: str, kind: str, name: str) -> None:
        if what == "expect":
            self._things[kind, name] = None
        elif what == "forget":
            self._things.pop((kind, name), None)
        else:
            import psutil  # noqa: PLC0415 - as above

            self._parent = int(name)
            with suppress(psutil.Error):
                watched = psutil.Process(int(kind))
                self._is_running = lambda: watched.is_running() and watched.status() != psutil.STATUS_ZOMBIE

    def end(self) -> None:
        """Ends everything on the list; goes on after a failure."""
        for kind, ends in _ENDS.items():
            for thing, name in self._things:
                if thing == kind:
                    with suppress(Exception):
                        ends(name)


def main() -> None:
    """`python -m consumer.engines.reaper`, with the pipe as its stdin."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the reaper ends when the pipe closes
    things = _List()
    things.read()
    things.end()


if __name__ == "__main__":
    main()
