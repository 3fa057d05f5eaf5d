"""Files that are whole or not there, on the disk and not only in memory; and words for what fails."""

import errno
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

from octet.errors import StoreError

_WAY_OUT = {
    errno.ENOSPC: "free some space on that disk, or set another store in luigi.cfg.",
    errno.EDQUOT: "free some of your quota, or set another store in luigi.cfg.",
    errno.EROFS: "the file system is read-only: set another store in luigi.cfg.",
    errno.EACCES: "give this user write access, or set another store in luigi.cfg.",
    errno.EPERM: "give this user write access, or set another store in luigi.cfg.",
    errno.EIO: "the disk failed: look at the kernel's log before anything else.",
}


def write(path: Path, content: bytes, exclusive: bool = False) -> None:
    """`path` holds `content`: written aside, fsynced, given its name, its folder fsynced.

    exclusive: raises FileExistsError rather than replace a file. Raises OSError."""
    aside = path.with_name(".{}.{}.part".format(path.name, uuid.uuid4().hex[:8]))
    try:
        with open(str(aside), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        if exclusive:
            os.link(str(aside), str(path))
        else:
            os.rename(str(aside), str(path))
    finally:
        try:
            os.unlink(str(aside))
        except FileNotFoundError:
            pass  # renamed
    fsync_folder(path.parent)


def names(folder: Path) -> List[str]:
    """What is in a folder, hidden files left out; nothing where there is none."""
    try:
        return [name for name in os.listdir(str(folder)) if not name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def fsync_folder(folder: Path) -> None:
    """The names in `folder` are on the disk, not only in memory."""
    handle = os.open(str(folder), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def settle(folder: Path) -> None:
    """Every file below `folder` is on the disk and not writable; every folder's names too."""
    for parent, _, names in os.walk(str(folder), topdown=False):
        for name in names:
            path = Path(parent) / name
            handle = os.open(str(path), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            take_write_permission(path)
        fsync_folder(Path(parent))


def take_write_permission(path: Path) -> None:
    if not path.is_symlink():
        path.chmod(path.stat().st_mode & 0o7555)


@contextmanager
def explained(doing: str, where: Path) -> Iterator[None]:
    """Every OSError inside the block comes out as a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            "cannot {}: {}".format(doing, error.strerror or error),
            where=str(error.filename or where),
            why="an artifact that is not whole is not used; nothing half-written is published.",
            next_step=_WAY_OUT.get(error.errno, "check the store's folder in luigi.cfg."),
        ) from error
