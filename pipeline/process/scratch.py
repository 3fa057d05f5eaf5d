"""Private folders in the system's temporary folder. Those left by killed processes are removed by later ones."""

import errno
import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Tuple

from octet.errors import StoreError
from pipeline.files import file_errors

# Prefix of the folders, which are locked while their process lives. Earlier versions of Octet named them
# `octet-check-...` and did not lock them. Those may be in use, so they are not removed.
LOCKED = "octet-locked-"


@contextmanager
def folder(purpose: str, doing: str) -> Iterator[Path]:
    """A new empty folder `octet-locked-<purpose>-...`, removed at the end of the block.

    First removes folders with this prefix that are not locked: killed processes left them.
    doing: what the folder is for, as a verb phrase for errors.
    Raises StoreError if no temporary folder can be written, or its disk is full."""
    parent, prefix = _writable_parent(doing), "{}{}-".format(LOCKED, purpose)
    with file_errors.explained(doing, parent):
        _remove_abandoned(parent)
        path, lock = _make(parent, prefix)
    try:
        yield path
    finally:
        shutil.rmtree(str(path), ignore_errors=True)
        os.close(lock)


def _writable_parent(doing: str) -> Path:
    try:
        parent = tempfile.gettempdir()
        # Python's last choice is the working folder, where nobody expects temporary files.
        chosen = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")] + ["/tmp", "/var/tmp", "/usr/tmp"]
        if parent not in [os.path.abspath(place) for place in chosen if place]:
            raise FileNotFoundError(errno.ENOENT, "only the working folder can be written", parent)
    except OSError as error:
        raise StoreError("cannot {}: no temporary folder can be written".format(doing),
                         where="TMPDIR, /tmp, /var/tmp", why=str(error),
                         next_step="free some space there, or set TMPDIR to a folder that can be written") from error
    return Path(parent)


def _make(parent: Path, prefix: str) -> Tuple[Path, int]:
    """(a new folder, the descriptor that holds its lock)."""
    while True:
        path = tempfile.mkdtemp(prefix=prefix, dir=str(parent))
        lock = _lock(path, wait=True)
        if lock is not None:
            return Path(path), lock


def _lock(path: str, wait: bool) -> Optional[int]:
    """Locks a folder of this user. Returns the descriptor that holds the lock; None if the lock cannot be taken."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        # Another process may have removed the folder before it was locked.
        if os.fstat(handle).st_uid == os.geteuid() and os.path.samestat(os.fstat(handle), os.lstat(path)):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _remove_abandoned(parent: Path) -> None:
    try:
        names = [name for name in os.listdir(str(parent)) if name.startswith(LOCKED)]
    except OSError:
        return  # the temporary folder may be writable but not readable
    for path in [os.path.join(str(parent), name) for name in names]:
        lock = _lock(path, wait=False)
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)
