"""Makes files survive a power failure (fsync), and makes them read-only."""

import os
import stat

from pipeline.files.safe_tree import Folder


def settle(folder: Folder) -> None:
    """Fsyncs every file and folder below `folder`, and makes the files read-only."""
    folders = [""]
    for path, status in folder.walk():
        if stat.S_ISDIR(status.st_mode):
            folders.append(path)
        else:
            take_write_permission(folder, path)
    for path in reversed(folders):
        with folder.folder(path) as below:
            below.sync()


def take_write_permission(folder: Folder, path: str) -> None:
    """Makes the regular file read-only for everybody, and fsyncs it."""
    handle = folder.open_file(path)
    try:
        os.fsync(handle)
        mode = os.fstat(handle).st_mode & 0o7777
        if mode & 0o222:  # an unneeded chmod would change the ctime, by which shared files are recognised
            os.fchmod(handle, mode & 0o7555)
    finally:
        os.close(handle)
