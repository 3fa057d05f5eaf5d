"""Opens regular files only.

A fifo, a device or a socket in the place of a file that a person names would block the open for ever, have no end
(/dev/zero), or act on hardware. Whatever opens a path that comes from a recipe, a dataset or a command line does it
here.
"""

import errno
import os
import stat
from typing import BinaryIO, Optional

TEXT_BYTES = 4 << 20
"""The largest source file that is read."""

_KINDS = ((stat.S_ISFIFO, "a fifo"), (stat.S_ISCHR, "a character device"), (stat.S_ISBLK, "a block device"),
          (stat.S_ISSOCK, "a socket"))


def opened(path: str) -> BinaryIO:
    """The file, open for reading bytes; links are followed. Raises OSError for what is not there, cannot be read or is
    not a regular file; `strerror` says which."""
    path = str(path)
    try:
        _expect_regular(os.stat(path), path)  # first: to open a device may already act on it
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError:
        raise OSError(errno.EINVAL, "no file can have a name with a NUL or half of a surrogate pair", path) from None
    try:
        _expect_regular(os.fstat(handle), path)  # again: another file may have come in its place
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
    """Whether there is a regular file, or a link to one, whatever the path."""
    try:
        return stat.S_ISREG(os.stat(str(path)).st_mode)
    except (OSError, ValueError):
        return False


def kind(path: str) -> str:
    """What is at the path instead of a regular file, in words: 'a fifo', 'a folder'. Empty for a regular file, and for
    a path where nothing is."""
    try:
        mode = os.stat(str(path)).st_mode
    except (OSError, ValueError):
        return ""
    return "a folder" if stat.S_ISDIR(mode) else _special(mode)


def _expect_regular(found: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is {}, not a regular file".format(_special(found.st_mode)), path)


def _special(mode: int) -> str:
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "" if stat.S_ISREG(mode) else "no regular file")
