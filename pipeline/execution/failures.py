"""What failed, in the order in which it did, across the processes that Luigi forks."""

import os
import signal
import sys
import tempfile
from typing import List

from octet import errors
from pipeline.terminal import interrupts
from pipeline.terminal.interrupts import Terminated

# An exception may not survive the way back from a forked worker; a line in a file that was open
# before the fork does.
_written = None
# Those of this process alone.
_here = []  # type: List[str]


def start() -> None:
    """From now on `record` keeps what it is given; called before Luigi forks."""
    global _written
    _written = tempfile.TemporaryFile("ab+", buffering=0)


def record(error: errors.OctetError) -> None:
    """Prints the four parts on stderr and keeps them; once for each failure. What fails after an interrupt is left out:
    it is the interrupt's consequence."""
    if interrupts.received() or getattr(error, "recorded", False):
        return
    error.recorded = True
    line = error.to_json()
    if line in _lines():  # the same cause, seen from another stage
        return
    try:
        os.write(_written.fileno(), line.encode("utf-8") + b"\n")
    except (OSError, AttributeError):  # its disk is full, or `start` was not called
        _here.append(line)
    print(error, file=sys.stderr, flush=True)


def seen() -> List[errors.OctetError]:
    """What has failed since `start`, first one first."""
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
    """What happened, in one line."""
    error = interrupts.received() or error
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by {}".format("SIGTERM" if isinstance(error, Terminated) else "Ctrl-C")
    if isinstance(error, errors.OctetError):
        return str(error).splitlines()[0]
    return " ".join("{}: {}".format(type(error).__name__, error).split())


def _lines() -> List[str]:
    if _written is None:
        return list(_here)
    size = os.fstat(_written.fileno()).st_size
    return os.pread(_written.fileno(), size, 0).decode("utf-8").splitlines() + _here
