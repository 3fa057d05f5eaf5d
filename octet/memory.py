"""How much memory a process finds: the machine's, and what limits it."""

import resource
from pathlib import Path
from typing import List, NamedTuple, Optional

UNLIMITED = 1 << 60
"""Control groups write a number above this for "no limit"."""


class Room(NamedTuple):
    """The memory that a process finds, in bytes; None where there is no such limit, or it is not known.

    total, free: the machine's. group: the limit of the control group (a container's, a batch job's).
    address_space: the limit of `ulimit -v`."""

    total: Optional[int]
    free: Optional[int]
    group: Optional[int]
    address_space: Optional[int]


def room() -> Room:
    """The memory that there is now for a process started by this one."""
    found = lines("/proc/meminfo")
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return Room(kilobytes(found, "MemTotal:"), kilobytes(found, "MemAvailable:"), _group_limit(),
                None if limit == resource.RLIM_INFINITY else limit)


def _group_limit() -> Optional[int]:
    limits = []  # type: List[int]
    for line in lines("/proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = Path("/sys/fs/cgroup"), "memory.max"
        elif "memory" in controllers.split(","):
            root, name = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
        else:
            continue
        place = root / path.lstrip("/")
        for folder in [place] + [parent for parent in place.parents if root in parent.parents or parent == root]:
            limits += [int(text) for text in lines(str(folder / name)) if text.isdigit() and int(text) < UNLIMITED]
    return min(limits) if limits else None


def kilobytes(found: List[str], name: str) -> Optional[int]:
    """The bytes in the line `name  123 kB` of a file below /proc; None where there is no such line."""
    return next((1024 * int(line.split()[1]) for line in found if line.startswith(name)), None)


def lines(path: str) -> List[str]:
    """The lines of a file; none where it cannot be read."""
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []
