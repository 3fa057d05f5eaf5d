"""The processors that this process may use."""

import math
import os
from pathlib import Path
from typing import List

from octet import control_group


def usable() -> int:
    """The number of processors that this process may use: those of its affinity, or what the CPU quota of its control
    group (`docker run --cpus`, a batch job) is worth, rounded up; at least 1."""
    quotas = [quota for folder in control_group.folders("cpu") for quota in quotas_of(folder)]
    return max(1, math.ceil(min([float(len(os.sched_getaffinity(0))), *quotas])))


def quotas_of(folder: Path) -> List[float]:
    """The CPU quota of one control group in processors, as a list; empty if it has none."""
    text = " ".join(line for name in ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us")
                    for line in control_group.lines(str(folder / name)))
    quota, _, period = text.partition(" ")
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return []  # "max", or -1
    return [int(quota) / int(period)]
