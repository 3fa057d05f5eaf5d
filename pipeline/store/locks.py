"""File locks of the kernel (flock), which are released at once when their process dies.

A process that makes or removes an artifact holds its lock exclusively. Processes that read an artifact share its lock,
so that nobody removes the files meanwhile. A holder waits only for locks of artifacts further upstream, so there are no
deadlocks.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Callable, Optional

POLL_S = 0.05


class Lock:
    """The lock on one file. A context manager; it is held until `release`, or until the process ends."""

    def __init__(self, path: Path, open_file: Callable[[], int], shared: bool = False,
                 on_wait: Optional[Callable[[], None]] = None) -> None:
        """path: for messages. open_file: returns a new descriptor of the file. on_wait: called once if the lock is not
        free."""
        self.path = path
        self.open_file = open_file
        self.kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self.on_wait = on_wait
        self._handle: Optional[int] = None

    def acquire(self, timeout: Optional[float] = None) -> "Lock":
        """Takes the lock, after waiting for at most `timeout` seconds. Raises TimeoutError, and any error of
        `open_file`."""
        handle = self.open_file()
        try:
            self._take(handle, timeout)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return self

    def release(self) -> None:
        """Frees the lock, if it is held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _take(self, handle: int, timeout: Optional[float]) -> None:
        if self._try(handle):
            return
        if self.on_wait:
            self.on_wait()
        if timeout is None:
            fcntl.flock(handle, self.kind)
            return
        end = time.monotonic() + timeout
        while not self._try(handle):
            if time.monotonic() >= end:
                raise TimeoutError("{} is held by another process".format(self.path))
            time.sleep(POLL_S)

    def _try(self, handle: int) -> bool:
        """Takes the lock if it is free. Returns whether it did."""
        try:
            fcntl.flock(handle, self.kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> "Lock":
        return self if self._handle is not None else self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()


def is_held(handle: int) -> bool:
    """Whether a process holds the lock on an open file exclusively at this moment. Closes the descriptor."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
