"""What processes cost: CPU seconds and memory, from /proc."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TICK = os.sysconf("SC_CLK_TCK")


def _times(text: str) -> tuple[str, list[float]]:
    """The name in a /proc/PID/stat, and seconds: user, system, and the same of its ended children."""
    command, _, rest = text.partition("(")[2].rpartition(")")
    return command, [int(value) / _TICK for value in rest.split()[11:15]]


def _named(name: str) -> float:
    """CPU seconds of all running processes of this name, their ended children included."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            command, seconds = _times(stat.read_text(encoding="utf-8"))
        except OSError:
            continue  # it has just ended
        if command == name:
            total += sum(seconds)
    return total


def cpu_seconds(pid: int) -> float:
    """User and system time of one running process, its children not included."""
    return sum(_times(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8"))[1][:2])


class Spent(NamedTuple):
    """CPU seconds so far, or between two moments."""

    client: float
    server: float
    """All processes called `postgres`."""
    broker: float
    """All processes called `java`."""

    def since(self, before: "Spent") -> "Spent":
        """What was spent after `before`."""
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))


def spent(clients: Iterable[int]) -> Spent:
    """What these processes, Postgres and Kafka have spent so far."""
    return Spent(sum(cpu_seconds(pid) for pid in clients), _named("postgres"), _named("java"))


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0  # it has ended, and nobody has asked for its exit code yet


def memory(pid: int) -> int:
    """Resident bytes of a running process now."""
    return _status(pid, "VmRSS")


def peak_memory(pid: int) -> int:
    """Most resident bytes that a running process ever had."""
    return _status(pid, "VmHWM")
