"""How much memory a process can use: the machine's memory, and the limits of the process."""

import mmap
import resource
from typing import List, NamedTuple, Optional

from octet import control_group
from octet.control_group import lines
from octet.sizes import size

UNLIMITED = 1 << 60
"""A control group's limit in bytes at or above this number means "no limit"."""


class Memory(NamedTuple):
    """Amounts of memory in bytes; None for a limit that does not exist or is unknown.

    total, free: of the machine. group: the limit of the control group (of a container or a batch job).
    address_space, data: the limits of `ulimit -v` and `ulimit -d`."""

    total: Optional[int]
    free: Optional[int]
    group: Optional[int]
    address_space: Optional[int]
    data: Optional[int]

    def words(self, is_free: str = "is free") -> List[str]:
        """Phrases for an error: the machine's memory, and each existing limit. is_free: the verb for free memory."""
        phrases = ["the machine has {}".format("an unknown amount" if self.total is None else size(self.total))]
        if self.free is not None:
            phrases[0] += ", of which {} {}".format(size(self.free), is_free)
        if self.group is not None:
            phrases.append("its control group (container or batch job) allows {}".format(size(self.group)))
        if self.address_space is not None:
            phrases.append("`ulimit -v` allows {} of address space".format(size(self.address_space)))
        if self.data is not None:
            phrases.append("`ulimit -d` allows {} of data".format(size(self.data)))
        return phrases


def memory() -> Memory:
    """The memory that a new child process could use now."""
    meminfo = lines("/proc/meminfo")
    limits = [resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return Memory(kilobytes(meminfo, "MemTotal:"), kilobytes(meminfo, "MemAvailable:"), _group_limit(),
                *(None if limit == resource.RLIM_INFINITY else limit for limit in limits))


def expect(size_bytes: int) -> None:
    """Raises MemoryError if this process cannot allocate so much memory now. The memory is released at once."""
    try:
        mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        raise MemoryError("{} bytes cannot be allocated".format(size_bytes)) from error


def _group_limit() -> Optional[int]:
    files = [str(folder / name) for folder in control_group.folders("memory")
             for name in ("memory.max", "memory.limit_in_bytes")]
    limits = [int(text) for file in files for text in lines(file) if text.isdigit() and int(text) < UNLIMITED]
    return min(limits) if limits else None


def kilobytes(text: List[str], name: str) -> Optional[int]:
    """The number of bytes in the line `name  123 kB` of a file in /proc; None without such a line."""
    return next((1024 * int(line.split()[1]) for line in text if line.startswith(name)), None)
