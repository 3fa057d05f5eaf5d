"""What failed, in the order in which it did, across the processes that Luigi forks."""

import os
import sys
import tempfile
from typing import List

from octet import errors

# An exception may not survive the way back from a forked worker; a line in a file that was open
# before the fork does.
_written = None


def start() -> None:
    """From now on `record` keeps what it is given; called before Luigi forks."""
    global _written
    _written = tempfile.TemporaryFile("ab+", buffering=0)


def record(error: errors.OctetError) -> None:
    """Prints the four parts on stderr and keeps them; once for each failure."""
    if getattr(error, "recorded", False):
        return
    error.recorded = True
    line = error.to_json()
    if _written is None:
        return
    if line in _lines():  # the same cause, seen from another stage
        return
    os.write(_written.fileno(), line.encode("utf-8") + b"\n")
    print(error, file=sys.stderr, flush=True)


def seen() -> List[errors.OctetError]:
    """What has failed since `start`, first one first."""
    return [errors.from_json(line) for line in _lines()]


def _lines() -> List[str]:
    if _written is None:
        return []
    size = os.fstat(_written.fileno()).st_size
    return os.pread(_written.fileno(), size, 0).decode("utf-8").splitlines()
