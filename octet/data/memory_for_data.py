"""How much memory there is for data, known before any of it is read."""

import os

from octet.errors import DatasetError
from octet.memory_limits import room
from octet.sizes import size


def available() -> int:
    """Bytes that this process may still take: the least of what the machine has free, the limit of its container
    and the limit of the process (`ulimit -v`)."""
    known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    return min(known + [found for found in room() if found is not None])


def expect(needed: int, what: str, where: str, next_step: str) -> None:
    """Raises DatasetError where `needed` bytes are more than there are."""
    there = available()
    if needed > there:
        raise DatasetError("{} need {} of memory; {} are free".format(what, size(needed), size(there)), where,
                           "The data is held in memory, decoded, while it is looked at.", next_step)
