"""How much memory a process took, and what an error says about that and about the memory of the machine."""

from typing import Optional

from octet.memory import Room, kilobytes, lines
from pipeline.formatting import size

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
    text = "it took up to {} of memory; the machine has {}".format(
        *("an unknown amount" if amount is None else size(amount) for amount in (peak_resident, room.total)))
    if room.free is not None:
        text += ", of which {} was free when it began".format(size(room.free))
    if room.group is not None:
        text += "; its control group (container or batch job) allows {}".format(size(room.group))
    if room.address_space is not None:
        text += "; `ulimit -v` allows {} of address space{}".format(
            size(room.address_space), ", and it took up to " + size(peak_address_space) if peak_address_space else "")
    return text
