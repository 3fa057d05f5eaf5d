"""How much memory a process may take, how much one took, and what an error says about both."""

import resource
from pathlib import Path
from typing import List, NamedTuple, Optional

UNLIMITED = 1 << 60
"""Control groups write a number above this for "no limit"."""
SIGNS = ("std::bad_alloc", "MemoryError", "Cannot allocate memory", "OOM when allocating", "can't start new thread",
         "pthread_create failed", "failed to map segment", "Resource temporarily unavailable")
"""What a process that had too little memory leaves in its log."""


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
    lines = _lines("/proc/meminfo")
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return Room(_kilobytes(lines, "MemTotal:"), _kilobytes(lines, "MemAvailable:"), _group_limit(),
                None if limit == resource.RLIM_INFINITY else limit)


def peak_address_space(pid: int) -> Optional[int]:
    """The most address space that a living process has had, in bytes; None where it is not known."""
    return _kilobytes(_lines("/proc/{}/status".format(pid)), "VmPeak:")


def words(found: Room, taken: int, address_space: Optional[int]) -> str:
    """What there was, and what the process took at most (resident; its address space where that is limited)."""
    said = "it took up to {} of memory; {} has {}".format(
        size(taken), "the machine", size(found.total) if found.total else "an unknown amount")
    if found.free is not None:
        said += ", of which {} was free when it began".format(size(found.free))
    if found.group is not None:
        said += "; its control group (container or batch job) allows {}".format(size(found.group))
    if found.address_space is not None:
        said += "; `ulimit -v` allows {} of address space{}".format(
            size(found.address_space), ", and it took up to " + size(address_space) if address_space else "")
    return said


def size(count: int) -> str:
    """A number of bytes as a person reads it."""
    return "{:.1f} GB".format(count / 1e9) if count >= 1e9 else "{:.0f} MB".format(count / 1e6)


def _group_limit() -> Optional[int]:
    limits = []  # type: List[int]
    for line in _lines("/proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = Path("/sys/fs/cgroup"), "memory.max"
        elif "memory" in controllers.split(","):
            root, name = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
        else:
            continue
        place = root / path.lstrip("/")
        for folder in [place] + [parent for parent in place.parents if root in parent.parents or parent == root]:
            limits += [int(text) for text in _lines(str(folder / name)) if text.isdigit() and int(text) < UNLIMITED]
    return min(limits) if limits else None


def _kilobytes(lines: List[str], name: str) -> Optional[int]:
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(name)), None)


def _lines(path: str) -> List[str]:
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []
