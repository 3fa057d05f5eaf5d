"""Collects the failures of a run in order, across the processes that Luigi forks."""

import json
import os
import signal
import sys
import tempfile
from typing import BinaryIO, Dict, List, Optional, cast

from octet import errors
from pipeline.terminal import interrupts
from pipeline.terminal.interrupts import Terminated


class _Lines:
    """Lines that this process and its forks have added, in order."""

    def __init__(self) -> None:
        # A forked worker may lose an exception on its way back. It cannot lose a line in a file opened before the fork.
        self._file: Optional[BinaryIO] = None
        # The lines that could not be written into it, of this process only.
        self._unwritten: List[str] = []

    def open(self) -> None:
        self._unwritten.clear()
        self._file = cast(BinaryIO, tempfile.TemporaryFile("ab+", buffering=0))

    def add(self, line: str) -> None:
        try:
            if self._file is None:
                raise OSError("`open` was not called")
            os.write(self._file.fileno(), line.encode("utf-8") + b"\n")
        except OSError:  # for example, its disk is full
            self._unwritten.append(line)

    def all(self) -> List[str]:
        if self._file is None:
            return list(self._unwritten)
        size = os.fstat(self._file.fileno()).st_size
        return os.pread(self._file.fileno(), size, 0).decode("utf-8").splitlines() + self._unwritten


_failures, _of_wanted_stages = _Lines(), _Lines()


def start() -> None:
    """Opens new files for failures. Must be called before Luigi forks."""
    _failures.open()
    _of_wanted_stages.open()


def record(error: errors.OctetError) -> None:
    """Prints the error on stderr and keeps it, once for each failure. Ignores errors after an interrupt, since they are
    its consequences."""
    if _is_new(error):
        line = error.to_json()
        if line in _failures.all():  # the same cause, seen from another stage
            return
        _failures.add(line)
        print(error, file=sys.stderr, flush=True)


def record_of_wanted_stage(stage: str, error: errors.OctetError) -> None:
    """Prints and keeps the failure of a wanted stage. It does not end the run."""
    if _is_new(error):
        _of_wanted_stages.add(json.dumps([stage, error.to_json()]))
        print(error, file=sys.stderr, flush=True)


def _is_new(error: errors.OctetError) -> bool:
    if interrupts.received() or getattr(error, "recorded", False):
        return False
    setattr(error, "recorded", True)  # noqa: B010  (octet's errors do not know of it)
    return True


def seen() -> List[errors.OctetError]:
    """The failures since `start`, in their order."""
    return [errors.from_json(line) for line in _failures.all()]


def seen_of_wanted_stages() -> Dict[str, errors.OctetError]:
    """{wanted stage: its last failure} since `start`."""
    return {stage: errors.from_json(line) for stage, line in map(json.loads, _of_wanted_stages.all())}


def exit_code(error: BaseException) -> int:
    """The exit code of a command that ends with `error`."""
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
