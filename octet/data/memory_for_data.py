"""Checks that data fits into memory before it is read."""

import os

from octet.errors import DatasetError
from octet.memory_limits import memory
from octet.sizes import size


def available() -> int:
    """The bytes that this process can still allocate: the smallest of the machine's free memory, the limit of its
    container and the limit of the process (`ulimit -v`)."""
    known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    return min(known + [found for found in memory() if found is not None])


def expect(needed: int, what: str, where: str, next_step: str) -> None:
    """Raises DatasetError if `needed` bytes are more than are free."""
    free = available()
    if needed > free:
        raise DatasetError("{} need {} of memory; {} are free".format(what, size(needed), size(free)), where,
                           "Here, the decoded data is held in memory.", next_step)
