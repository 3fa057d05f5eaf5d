"""Files that several artifacts share as hard links, such as the shards of PrepareData."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, List, Tuple

from octet.errors import StoreError
from pipeline.files.file_errors import explained
from pipeline.store import manifest

if TYPE_CHECKING:
    from pipeline.store.artifacts import Store

MOST_EARLIER = 32
"""The number of earlier artifacts of PrepareData in which a new one looks for decoded samples. For each of them, its
list of samples must be read."""

Inode = Tuple[int, int]
"""(device, inode number), which identifies a file independently of its names."""


def inode(status: os.stat_result) -> Inode:
    return status.st_dev, status.st_ino


class SharedFiles:
    """Counts the space that is freed by removing files which may have other hard links."""

    def __init__(self) -> None:
        self._left: Dict[Inode, int] = {}

    def freed(self, files: Iterable[os.stat_result]) -> int:
        """The bytes that removing these files frees, if those of earlier calls are removed, too. A file counts with its
        last link. files: the `lstat` of each file before any of them was removed."""
        size_bytes = 0
        for status in files:
            left = self._left[inode(status)] = self._left.get(inode(status), status.st_nlink) - 1
            size_bytes += status.st_size if left == 0 else 0
        return size_bytes


def of_artifact(store: "Store", stage: str, key: str) -> List[os.stat_result]:
    """The `lstat` of each file of an artifact, except its manifest. Raises StoreError."""
    path = store.artifact(stage, key)
    with explained("read an artifact", path), store.tree.at(store.tree.inside(path)) as folder:
        return [status for name, status in folder.walk() if stat.S_ISREG(status.st_mode) and name != manifest.NAME]


def newest(store: "Store", stages: Iterable[str]) -> List[Path]:
    """The folders of the MOST_EARLIER newest artifacts of these stages, newest first. Artifacts that cannot be read are
    left out: sharing their files would only save work."""
    found = []
    for stage, key in store.list(strict=False):
        if stage not in stages:
            continue
        path = store.artifact(stage, key)
        try:
            with explained("read an artifact", path), store.tree.at(store.tree.inside(path)) as folder:
                status = folder.status(manifest.NAME)
        except StoreError:
            continue
        if status is not None:
            found.append((status.st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)[:MOST_EARLIER]]
