"""The processors that this process may use."""

import math
import os
from pathlib import Path
from typing import Iterator, Optional

_GROUPS, _CGROUP = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def usable() -> int:
    """The number of processors that this process may use: those of its affinity, at most as many as the CPU quota of
    its control group is worth (`docker run --cpus`), at least 1."""
    allowed = len(os.sched_getaffinity(0))
    return min([allowed] + [max(1, math.ceil(quota)) for quota in _quotas()])


def _quotas() -> Iterator[float]:
    """The CPU quotas of this process's control groups and of those above them, in processors."""
    try:
        lines = _GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = _CGROUP / controllers if controllers else _CGROUP
        inner = top / place.lstrip("/")
        for folder in [inner, *inner.parents]:
            quota = _quota(folder)
            if quota is not None:
                yield quota
            if folder == top:
                break


def _quota(folder: Path) -> Optional[float]:
    """The quota of one control group, of version 2 or 1. None if it has none, or if it cannot be read."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text()
        return float(quota) / float(period) if quota not in ("max", "-1") else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
