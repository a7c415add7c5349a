"""What processes cost: CPU seconds and memory, from /proc."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(name: str) -> float:
    """User and system time of all running processes of this name, their ended children included."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8")
        except OSError:
            continue  # it has just ended
        command, _, rest = text.partition("(")[2].rpartition(")")
        if command == name:
            fields = rest.split()
            total += sum(int(value) for value in fields[11:15]) / _TICK
    return total


def peak_memory(pid: int) -> int:
    """Most resident bytes that a running process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


@contextmanager
def cost(name: str) -> Iterator[list[float]]:
    """CPU seconds of the processes of this name during the block."""
    spent: list[float] = []
    before = cpu_seconds(name)
    yield spent
    spent.append(cpu_seconds(name) - before)
