"""Turns an OSError, such as that of a full disk, into a StoreError with a next step."""

import errno
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from octet.errors import StoreError
from pipeline.files.safe_tree import Misplaced, printable

_WAY_OUT = {
    errno.ENOSPC: "free some space on that disk, or set another store in luigi.cfg.",
    errno.EDQUOT: "free some of your quota, or set another store in luigi.cfg.",
    errno.EROFS: "the file system is read-only: set another store in luigi.cfg.",
    errno.EACCES: "give this user access to it, or set another store in luigi.cfg.",
    errno.EPERM: "give this user access to it, or set another store in luigi.cfg.",
    errno.ENAMETOOLONG: "set a store with a shorter path in luigi.cfg.",
    errno.EIO: "the disk failed: read the kernel's log first.",
}


@contextmanager
def explained(doing: str, where: Path) -> Iterator[None]:
    """Raises every OSError of the block as a StoreError.

    doing: what failed, as a verb phrase after 'cannot'. where: the path to name when the OSError names none."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            "cannot {}: {}".format(doing, error.strerror or error),
            where=printable(str(error.filename or where)),
            why="Octet follows no links in the store: they could lead anywhere." if isinstance(error, Misplaced) else
            "",
            next_step="`octet verify` moves it to quarantine, unchanged." if isinstance(error, Misplaced) else
            _WAY_OUT.get(error.errno or 0, "check the store's folder in luigi.cfg."),
        ) from error
