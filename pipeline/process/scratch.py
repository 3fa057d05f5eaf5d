"""Private folders in the system's temporary folder. The next process removes those that a killed process has left."""

import errno
import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Tuple

from octet.errors import StoreError
from pipeline.files import durable_files

# A folder of this name is locked while its process lives. Earlier versions of Octet named their folders
# `octet-check-...` and did not lock them: whether those are in use is unknown, so they stay.
LOCKED = "octet-locked-"


@contextmanager
def folder(purpose: str, doing: str) -> Iterator[Path]:
    """A new empty folder `octet-locked-<purpose>-...`, removed at the end of the block.

    It is locked while its process lives. Folders of this name that are not locked were left by processes that were
    killed: they are removed first. doing: what the folder is for, as a verb phrase for errors.
    Raises StoreError where no temporary folder can be written, or its disk is full."""
    parent, prefix = _writable_parent(doing), "{}{}-".format(LOCKED, purpose)
    with durable_files.explained(doing, parent):
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
        lock = _locked(path, wait=True)
        if lock is not None:
            return Path(path), lock


def _locked(path: str, wait: bool) -> Optional[int]:
    """A descriptor that holds the lock on a folder of this user; None where the lock cannot be had."""
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
        return  # a temporary folder may be writable and not readable
    for path in [os.path.join(str(parent), name) for name in names]:
        lock = _locked(path, wait=False)
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)
