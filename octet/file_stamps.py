"""Detects writes to files from their metadata (inode, size, times), without reading their content."""

import os
from typing import Dict, Iterator, List, Tuple

from octet import digest

Stamps = Dict[str, Tuple[str, str]]
"""{key of the recipe that names a file: (its path, its stamp)}."""


def of(path: str) -> str:
    """The sha256 of inode, size, mtime and ctime of a file, of all entries below a folder, or of all files of the
    checkpoint with this prefix. Every write changes it, except writes through a memory map."""
    lines = sorted("{}\0{}".format(name, stamp) for name, stamp in _entries(path))
    return digest.of_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


def changed(stamps: Stamps, prefix: str) -> List[str]:
    """The paths whose stamp has changed, among the keys that begin with `prefix`."""
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
                below = os.path.join(folder, name)
                yield below, _stamp(os.stat(below) if os.path.exists(below) else os.lstat(below))


def _stamp(status: os.stat_result) -> str:
    return "{} {} {} {}".format(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
