"""The processors that a stage's process uses: those of this process, divided by the number of stages that run on this
host.

A stage holds the lock of a file while it runs, in a folder of this user that all stores have in common. The number of
held locks is the number of running stages. The kernel frees a lock when its process ends.

No product depends on the processors: the recipe says how many threads TensorFlow has (decision 18).
"""

import fcntl
import math
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import FrozenSet, Optional

from octet.processors import usable
from pipeline.files.safe_tree import FILE_FLAGS

MOST_STAGES = 64
"""Stages beyond this number are not counted."""
LOOK_EVERY_S = 2.0


class Share:
    """A running stage's share of the processors. A context manager: the stage is counted until its end.

    setting: the number of processors, at most those that this process may use. None: those that this process may use,
    divided by the number of running stages, and at least one. folder: of the locks; by default, one in the folder for
    temporary files. If it cannot be used, the stage counts as the only one."""

    def __init__(self, setting: Optional[int] = None, folder: Optional[Path] = None) -> None:
        self.setting = setting
        self.folder = folder or Path(tempfile.gettempdir(), "octet-stages-{}".format(os.getuid()))
        self._processors = sorted(os.sched_getaffinity(0))
        self._applied = frozenset(self._processors)  # a new process has the processors of its parent
        self._looked_at = -math.inf
        self._number, self._handle = 0, None  # type: int, Optional[int]

    def processors(self) -> FrozenSet[int]:
        """The numbers of the stage's processors at this moment."""
        count = self.setting or usable() // (1 + self._other_stages())
        count = min(max(1, count), len(self._processors))
        # Running stages have different numbers, and so different processors, if there are enough.
        first, number = self._number * count, len(self._processors)
        return frozenset(self._processors[(first + place) % number] for place in range(count))

    def apply(self, pid: int) -> None:
        """Lets all threads of the process run on the stage's processors. Threads and processes that it starts later
        inherit them. Looks at the number of stages again only after LOOK_EVERY_S."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at, processors = time.monotonic(), self.processors()
        if processors != self._applied:
            self._applied = processors
            with suppress(OSError):  # it has ended, or this is not permitted here
                for thread in os.listdir("/proc/{}/task".format(pid)):
                    os.sched_setaffinity(int(thread), processors)

    def __enter__(self) -> "Share":
        with suppress(OSError):  # no space, or no permission
            os.makedirs(str(self.folder), mode=0o700, exist_ok=True)
            for number in range(MOST_STAGES if self._is_ours() else 0):
                self._handle = self._take(number)
                if self._handle is not None:
                    self._number = number
                    break
        return self

    def __exit__(self, *error: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _is_ours(self) -> bool:
        """Whether the folder is one of this user, and no link: others can write to the folder for temporary files."""
        found = os.lstat(str(self.folder))
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()

    def _take(self, number: int) -> Optional[int]:
        """Takes a lock. Returns the descriptor that holds it; None if another process holds the lock."""
        handle = os.open(str(self.folder / str(number)), os.O_RDWR | os.O_CREAT | FILE_FLAGS, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle

    def _other_stages(self) -> int:
        """The number of locks that other stages hold."""
        others = 0
        with suppress(OSError):
            for name in os.listdir(str(self.folder)) if self._handle is not None else ():
                if name != str(self._number):
                    handle = os.open(str(self.folder / name), os.O_RDONLY | FILE_FLAGS)
                    try:
                        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    except BlockingIOError:
                        others += 1
                    finally:
                        os.close(handle)
        return others
