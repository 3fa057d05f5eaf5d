"""The failures of a run, in their order, across the processes that Luigi forks."""

import os
import signal
import sys
import tempfile
from typing import BinaryIO, List, Optional, cast

from octet import errors
from pipeline.terminal import interrupts
from pipeline.terminal.interrupts import Terminated

# A forked worker may lose an exception on its way back. It cannot lose a line in a file opened before the fork.
_file: Optional[BinaryIO] = None
# The failures that could not be written into it, of this process only.
_unwritten: List[str] = []


def start() -> None:
    """Opens a new file of failures. Called before Luigi forks."""
    global _file
    _unwritten.clear()
    _file = cast(BinaryIO, tempfile.TemporaryFile("ab+", buffering=0))


def record(error: errors.OctetError) -> None:
    """Prints the error on stderr and keeps it, once for each failure. Errors after an interrupt are left out: they are
    its consequences."""
    if interrupts.received() or getattr(error, "recorded", False):
        return
    setattr(error, "recorded", True)  # noqa: B010  (octet's errors do not know of it)
    line = error.to_json()
    if line in _lines():  # the same cause, seen from another stage
        return
    try:
        if _file is None:
            raise OSError("`start` was not called")
        os.write(_file.fileno(), line.encode("utf-8") + b"\n")
    except OSError:  # its disk is full, say
        _unwritten.append(line)
    print(error, file=sys.stderr, flush=True)


def seen() -> List[errors.OctetError]:
    """The failures since `start`, in their order."""
    return [errors.from_json(line) for line in _lines()]


def exit_code(error: BaseException) -> int:
    """The exit code of a command that `error` ends."""
    error = interrupts.received() or error
    if isinstance(error, errors.OctetError):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)
    return 1


def first_line(error: BaseException) -> str:
    """The error in one line."""
    error = interrupts.received() or error
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by {}".format("SIGTERM" if isinstance(error, Terminated) else "Ctrl-C")
    if isinstance(error, errors.OctetError):
        return str(error).splitlines()[0]
    return " ".join("{}: {}".format(type(error).__name__, error).split())


def _lines() -> List[str]:
    if _file is None:
        return list(_unwritten)
    size = os.fstat(_file.fileno()).st_size
    return os.pread(_file.fileno(), size, 0).decode("utf-8").splitlines() + _unwritten
