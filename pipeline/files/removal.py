"""Removes a file or a folder through descriptors, so that nothing outside the given folder is changed."""

import errno
import os
import stat
import time
import uuid

from pipeline.files.safe_tree import Folder

_PERMANENT = (errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors for which another attempt is useless."""


def remove(folder: Folder, name: str) -> None:
    """Removes the entry `name` of `folder`: a folder with its content, a symbolic link without its target.

    Tries for a second, since a dying process may still write to it. Does nothing if there is no such entry. Raises
    OSError; EBUSY for a mounted file system, which is never emptied."""
    for attempt in range(5):
        try:
            return _remove(folder, name)
        except FileNotFoundError:
            if folder.status(name) is None:
                return None
        except OSError as error:
            if attempt == 4 or error.errno in _PERMANENT:
                raise
        time.sleep(0.2)
    return None


def _remove(folder: Folder, name: str) -> None:
    if not _is_folder(folder, name):
        if folder.status(name) is not None:
            folder.unlink(name)
        return
    with folder.folder(name) as top:
        _expect_same_mount(folder, top)
        # Inner folders are moved up into the top folder, so that any depth can be removed with two descriptors.
        todo = top.names()
        while todo:
            inner = todo.pop()
            if not _is_folder(top, inner):
                top.unlink(inner)
                continue
            with top.folder(inner) as below:
                _expect_same_mount(top, below)
                for child in below.names():
                    if _is_folder(below, child):
                        todo.append(".{}.removed".format(uuid.uuid4().hex))
                        below.rename(child, top, todo[-1])  # EBUSY if a file system is mounted there
                    else:
                        below.unlink(child)
            top.remove_folder(inner)
    folder.remove_folder(name)


def _is_folder(folder: Folder, name: str) -> bool:
    status = folder.status(name)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _expect_same_mount(above: Folder, below: Folder) -> None:
    if _mount(above.handle) != _mount(below.handle):
        raise OSError(errno.EBUSY, "a file system is mounted there", str(below.path))


def _mount(handle: int) -> str:
    """An identifier of the mount. It also differs for a bind mount of the same file system."""
    try:
        with open("/proc/self/fdinfo/{}".format(handle), encoding="ascii") as lines:
            return next(line for line in lines if line.startswith("mnt_id:"))
    except (OSError, StopIteration):
        return str(os.fstat(handle).st_dev)
