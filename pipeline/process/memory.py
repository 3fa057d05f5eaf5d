"""How much memory a process took, and what an error says about it and about what there was."""

from typing import Optional

from octet.memory import Room, kilobytes, lines

SIGNS = ("std::bad_alloc", "MemoryError", "Cannot allocate memory", "OOM when allocating", "can't start new thread",
         "pthread_create failed", "failed to map segment", "Resource temporarily unavailable")
"""What a process that had too little memory leaves in its log."""


def peak_address_space(pid: int) -> Optional[int]:
    """The most address space that a living process has had, in bytes; None where it is not known."""
    return kilobytes(lines("/proc/{}/status".format(pid)), "VmPeak:")


def words(found: Room, taken: int, address_space: Optional[int]) -> str:
    """What there was, and what the process took at most (resident; its address space where that is limited)."""
    said = "it took up to {} of memory; the machine has {}".format(
        size(taken), size(found.total) if found.total else "an unknown amount")
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
