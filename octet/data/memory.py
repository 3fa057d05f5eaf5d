"""How much memory there is for data, known before any of it is read."""

import os
import resource

from octet.errors import DatasetError

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def available() -> int:
    """Bytes that this process may still take: the least of what the machine has free, the limit of its container
    and the limit of the process (`ulimit -v`)."""
    known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    if soft != resource.RLIM_INFINITY:
        known.append(soft)
    for path in ("/proc/meminfo",) + _LIMITS:
        try:
            with open(path, encoding="ascii") as file:
                text = file.read()
        except OSError:
            continue
        if path == "/proc/meminfo":
            known.extend(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("MemAvailable:"))
        elif text.strip().isdigit():
            known.append(int(text))
    return min(known)


def expect(needed: int, what: str, where: str, next_step: str) -> None:
    """Raises DatasetError where `needed` bytes are more than there are."""
    there = available()
    if needed > there:
        raise DatasetError("{} need {} of memory; {} are free".format(what, size(needed), size(there)), where,
                           "The data is held in memory, decoded, while it is looked at.", next_step)


def size(count: int) -> str:
    """Bytes in a unit that people read: '2.9 MB'."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return "{:.0f} {}".format(amount, unit) if unit == "bytes" else "{:.1f} {}".format(amount, unit)
        amount /= 1000
    raise AssertionError
