"""How many cores a process of ours may use."""

import math
import os
from pathlib import Path


def usable_cores(own: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Of the machine, of those that this process may run on, and of its container's quota: the least. At least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, _quota(own, groups))))


def _quota(own: Path, groups: Path) -> float:
    """Cores by the control group: `cpu.max` of version 2, else the two files of version 1."""
    try:
        path = next(line.removeprefix("0::/") for line in own.read_text("utf-8").splitlines() if line.startswith("0::/"))
        quota, period = (groups / path / "cpu.max").read_text("utf-8").split()
    except (OSError, StopIteration):
        try:
            quota, period = ((groups / f"cpu/cpu.cfs_{name}_us").read_text("utf-8").strip() for name in ("quota", "period"))
        except OSError:
            return math.inf
    return math.inf if quota in ("max", "-1") else int(quota) / int(period)
