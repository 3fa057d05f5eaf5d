"""Ends a command that runs out of memory with an error, which can be printed without allocating memory."""

import errno
import os
import resource
import sys
from types import TracebackType
from typing import NoReturn, Optional, Type

from octet import memory_limits
from octet.errors import StageDied
from octet.sizes import size

LEAST_BYTES = 4 << 20

# Allocated in advance: the text, and small objects whose memory Python can reuse after they are deleted.
_RESERVE = [bytes(480) for _ in range(400)]
_MESSAGE = (b"ran out of memory\n    there was too little memory to find out how much there is\n"
            b"    end other programs, or raise its limits (`ulimit -a`), then start the same command again\n")


def watch(command: str) -> None:
    """Makes Python print an uncaught exception that means a lack of memory as an error.

    `except Exception` does not catch all such exceptions: pydantic raises a BaseException for a MemoryError in its Rust
    code."""
    previous_hook = sys.excepthook

    def hook(kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
        try:
            lacks_memory = is_lack_of_memory(error)
        except MemoryError:
            lacks_memory = True
        if lacks_memory:
            _end(command)
        previous_hook(kind, error, trace)
    sys.excepthook = hook


def expect_some() -> None:
    """Raises MemoryError if less than LEAST_BYTES can be allocated. Call this at the start: later, Python ends with a
    fatal error if it cannot allocate the memory for an exception."""
    memory_limits.expect(LEAST_BYTES)


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether `error` means that this process could not allocate memory."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    name = type(error).__name__
    if isinstance(error, ImportError) and "failed to map segment" in str(error):
        return True
    return (name == "PanicException" and "MemoryError" in str(error)
            or name == "RuntimeError" and str(error) == "can't start new thread")


def explained(where: str) -> StageDied:
    """The error for a lack of memory. where: the command, or the stage. Raises MemoryError if it cannot be created."""
    del _RESERVE[:]
    return StageDied("ran out of memory", where=where, why=_memory(), next_step="end other programs, or raise the "
                     "limit of this one (`ulimit -a`), then start the same command again")


def _end(where: str) -> NoReturn:
    """Prints that the command ran out of memory, and ends the process."""
    try:
        try:
            text = "{}\n".format(explained(where)).encode("utf-8")
        except MemoryError:
            text = _MESSAGE
        os.write(2, text)
    finally:
        os._exit(StageDied.exit_code)


def _memory() -> str:
    """The memory that this process used, and the memory of the machine, in words."""
    used = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return "; ".join(["it took {}".format(size(used))] + memory_limits.memory().words())
