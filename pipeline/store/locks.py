"""Locks that the kernel keeps: those of a process that dies are free at once.

Whoever makes an artifact holds its lock exclusively; whoever reads one that it needs holds it
together with other readers, so that nobody takes the bytes away underneath. Locks are only ever
waited for upward in the pipeline, so no two holders can wait for each other.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Callable, Optional

POLL_S = 0.05


class Lock:
    """The lock on one file. A context manager; held until `release`, or the holder's death."""

    def __init__(self, path: Path, open_file: Callable[[], int], shared: bool = False,
                 on_wait: Optional[Callable[[], None]] = None) -> None:
        """path: for messages. open_file: gives a new descriptor of the file. on_wait: called once when the lock is not
        free at once."""
        self.path = path
        self.open_file = open_file
        self.kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self.on_wait = on_wait
        self._handle: Optional[int] = None

    def acquire(self, timeout: Optional[float] = None) -> "Lock":
        """Waits for the lock, `timeout` seconds at most. Raises TimeoutError, and what `open_file` raises."""
        handle = self.open_file()
        try:
            self._take(handle, timeout)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return self

    def release(self) -> None:
        """The lock is free. Does nothing when it was not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _take(self, handle: int, timeout: Optional[float]) -> None:
        if self._is_free(handle):
            return
        if self.on_wait:
            self.on_wait()
        if timeout is None:
            fcntl.flock(handle, self.kind)
            return
        end = time.monotonic() + timeout
        while not self._is_free(handle):
            if time.monotonic() >= end:
                raise TimeoutError("{} is held by another process".format(self.path))
            time.sleep(POLL_S)

    def _is_free(self, handle: int) -> bool:
        try:
            fcntl.flock(handle, self.kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> "Lock":
        return self if self._handle is not None else self.acquire()

    def __exit__(self, *error) -> None:
        self.release()


def is_held(handle: int) -> bool:
    """Whether somebody holds the lock on an open file exclusively at this moment. The descriptor is closed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
