"""Opens regular files only.

A path from a recipe, a dataset or a command line may lead to a fifo, a device or a socket. Opening one may block
forever, deliver endless data (/dev/zero) or act on hardware. So all code that opens such a path uses this module.
"""

import errno
import os
import stat
from typing import BinaryIO, Optional

TEXT_BYTES = 4 << 20
"""The size in bytes of the largest source file that is read."""

_KINDS = ((stat.S_ISFIFO, "a fifo"), (stat.S_ISCHR, "a character device"), (stat.S_ISBLK, "a block device"),
          (stat.S_ISSOCK, "a socket"))


def opened(path: str) -> BinaryIO:
    """The file, opened to read bytes; symbolic links are followed. Raises OSError for a path that does not exist,
    cannot be read, or is not a regular file; its `strerror` gives the reason."""
    path = str(path)
    try:
        _expect_regular(os.stat(path), path)  # before it is opened: to open a device may act on it
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError:
        raise OSError(errno.EINVAL, "a file name cannot contain a NUL or a lone surrogate", path) from None
    try:
        _expect_regular(os.fstat(handle), path)  # again: another file may have replaced it
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read(path: str, most_bytes: Optional[int] = None) -> bytes:
    """The file's bytes. Raises OSError as `opened` does, and for a file of more than `most_bytes`."""
    with opened(path) as file:
        content = file.read() if most_bytes is None else file.read(most_bytes + 1)
    if most_bytes is not None and len(content) > most_bytes:
        raise OSError(errno.EFBIG, "it has more than {} bytes".format(most_bytes), str(path))
    return content


def text(path: str) -> bytes:
    """The bytes of a source file, of at most TEXT_BYTES. Raises OSError as `read` does."""
    return read(path, TEXT_BYTES)


def is_there(path: str) -> bool:
    """Whether the path leads to a regular file. False for any path that cannot exist."""
    try:
        return stat.S_ISREG(os.stat(str(path)).st_mode)
    except (OSError, ValueError):
        return False


def kind(path: str) -> str:
    """The kind of a path that is not a regular file, in words: 'a fifo', 'a folder'. Empty for a regular file, and for
    a path that does not exist."""
    try:
        mode = os.stat(str(path)).st_mode
    except (OSError, ValueError):
        return ""
    return "a folder" if stat.S_ISDIR(mode) else _special(mode)


def _expect_regular(status: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is {}, not a regular file".format(_special(status.st_mode)), path)


def _special(mode: int) -> str:
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "" if stat.S_ISREG(mode) else "no regular file")
