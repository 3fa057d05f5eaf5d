"""Whether files were written to, told from what the file system says of them rather than from their content."""

import os
from typing import Dict, Iterator, List, Tuple

from octet import digest

Stamps = Dict[str, Tuple[str, str]]
"""{what the files are to a job: (their path, their stamp)}."""


def of(path: str) -> str:
    """The sha256 of inode, size, mtime and ctime of the file, of each file and folder below the folder, or of each file
    of the checkpoint. It is another one after any write, even of the same bytes (but not one through a memory map)."""
    lines = sorted("{}\0{}".format(name, stamp) for name, stamp in _entries(path))
    return digest.of_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


def changed(stamps: Stamps, prefix: str) -> List[str]:
    """The paths of those whose name begins so, that were written to since their stamp was taken."""
    return [path for name, (path, stamp) in sorted(stamps.items()) if name.startswith(prefix) and of(path) != stamp]


def _entries(path: str) -> Iterator[Tuple[str, str]]:
    if not os.path.lexists(path):
        folder, prefix = os.path.split(path)
        for entry in os.scandir(folder) if os.path.isdir(folder) else ():
            if entry.name.startswith(prefix + "."):
                yield entry.name, _stamp(entry.stat())
        return
    yield "", _stamp(os.stat(path))
    if os.path.isdir(path):
        for folder, folders, files in os.walk(path, followlinks=True):
            for name in folders + files:
                entry = os.path.join(folder, name)
                yield entry, _stamp(os.stat(entry) if os.path.exists(entry) else os.lstat(entry))


def _stamp(found: os.stat_result) -> str:
    return "{} {} {} {}".format(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
