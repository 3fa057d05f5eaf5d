"""The part of an error that says how much memory a process used and how much the machine has."""

from typing import Optional

from octet.control_group import lines
from octet.memory_limits import Memory, kilobytes
from octet.sizes import size

SIGNS = ("std::bad_alloc", "MemoryError", "Cannot allocate memory", "OOM when allocating", "can't start new thread",
         "pthread_create failed", "failed to map segment", "Resource temporarily unavailable")
"""Texts that the log of a process contains if the process ran out of memory."""


def peak_address_space(pid: int) -> Optional[int]:
    """The peak address space of a running process in bytes; None if it is unknown."""
    return kilobytes(lines("/proc/{}/status".format(pid)), "VmPeak:")


def describe(memory_before: Memory, peak_resident: Optional[int], peak_address_space: Optional[int]) -> str:
    """One line: the peak memory of the process, and the memory that was available to it.

    memory_before: as it was before the process started. peak_resident, peak_address_space: in bytes; None if unknown.
    The latter is also None if the address space is not limited."""
    peak = "an unknown amount" if peak_resident is None else size(peak_resident)
    phrases = ["it took up to {} of memory".format(peak)] + memory_before.words("was free when it began")
    if memory_before.address_space is not None and peak_address_space:
        phrases.append("it took up to {} of address space".format(size(peak_address_space)))
    return "; ".join(phrases)
