"""Deletes the files of an artifact and keeps its manifest. Works on a full disk."""

import errno
import os
import stat
import time

from pipeline import formatting
from pipeline.files.removal import remove
from pipeline.files.safe_tree import FILE_FLAGS, Folder
from pipeline.store import manifest as manifests
from pipeline.store.status import DROPPED_NAME

_FULL = (errno.ENOSPC, errno.EDQUOT)


def delete_files(folder: Folder, why: str) -> None:
    """Deletes everything in the artifact's folder except the manifest, and writes a note with the time and the reason.

    The note is created first, as an empty file: from then on, the artifact counts as dropped and not as damaged, even
    if this process is killed. Its text is written at the end, if there is space."""
    _begin_note(folder)
    for name in folder.names():
        if name not in (manifests.NAME, DROPPED_NAME):
            remove(folder, name)
    _empty(folder)
    try:
        folder.write(DROPPED_NAME, manifests.sealed({"format": 1, "dropped": formatting.utc(time.time()), "why": why}))
    except OSError as error:
        if error.errno not in _FULL:
            raise
    folder.sync()


def _begin_note(folder: Folder) -> None:
    status = folder.status(DROPPED_NAME)
    if status is not None and stat.S_ISREG(status.st_mode):
        return
    if status is not None:
        remove(folder, DROPPED_NAME)
    try:
        os.close(folder.create(DROPPED_NAME))
    except OSError as error:
        spare = _a_file(folder)
        if error.errno not in _FULL or not spare:
            raise
        folder.rename(spare, folder, DROPPED_NAME)  # no space for a new file: reuse one that is to be deleted
    folder.sync()


def _a_file(folder: Folder) -> str:
    """The name of a file to be deleted, one that no other artifact shares if possible; '' if there is none."""
    found = []
    for name in folder.names():
        status = folder.status(name)
        if name != manifests.NAME and status is not None and stat.S_ISREG(status.st_mode):
            found.append((status.st_nlink > 1, name))
    return min(found)[1] if found else ""


def _empty(folder: Folder) -> None:
    """Truncates the note if it is a renamed file. A file that other artifacts share keeps its bytes."""
    handle = folder.open_file(DROPPED_NAME)
    try:
        status = os.fstat(handle)
        if status.st_size == 0 or status.st_nlink > 1:
            return
        os.fchmod(handle, status.st_mode | stat.S_IWUSR)
    finally:
        os.close(handle)
    handle = os.open(DROPPED_NAME, os.O_WRONLY | FILE_FLAGS, dir_fd=folder.handle)
    try:
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)
