"""How much memory a process took, and what an error says about that and about the memory of the machine."""

from typing import Optional

from octet.memory_limits import Room, kilobytes, lines
from octet.sizes import size

SIGNS = ("std::bad_alloc", "MemoryError", "Cannot allocate memory", "OOM when allocating", "can't start new thread",
         "pthread_create failed", "failed to map segment", "Resource temporarily unavailable")
"""Texts in the log of a process that ran out of memory."""


def peak_address_space(pid: int) -> Optional[int]:
    """The most address space that a living process has had, in bytes; None where it is not known."""
    return kilobytes(lines("/proc/{}/status".format(pid)), "VmPeak:")


def describe(room: Room, peak_resident: Optional[int], peak_address_space: Optional[int]) -> str:
    """How much memory the process took at most, and how much there was.

    room: as it was before the process started. peak_resident, peak_address_space: in bytes; None where the peak is not
    known, and the second also where the address space is not limited."""
    taken = "an unknown amount" if peak_resident is None else size(peak_resident)
    said = ["it took up to {} of memory".format(taken)] + room.words("was free when it began")
    if room.address_space is not None and peak_address_space:
        said.append("it took up to {} of address space".format(size(peak_address_space)))
    return "; ".join(said)
