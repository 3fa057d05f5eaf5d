"""Files that several artifacts share: hard links to one file of the disk, such as the shards of PrepareData."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, List, Tuple

from octet.errors import StoreError
from pipeline.files.durable_files import explained
from pipeline.store import manifest

if TYPE_CHECKING:
    from pipeline.store.artifacts import Store

Inode = Tuple[int, int]
"""(device, number) of a file of the disk, whatever its names."""


def inode(status: os.stat_result) -> Inode:
    return status.st_dev, status.st_ino


class SharedFiles:
    """Which files of the disk are gone when the names that artifacts have for them are."""

    def __init__(self) -> None:
        self._left: Dict[Inode, int] = {}

    def freed(self, files: Iterable[os.stat_result]) -> int:
        """The bytes that become free when these names are removed, after those of earlier calls. files: their `lstat`
        before any of these names was removed."""
        size_bytes = 0
        for status in files:
            left = self._left[inode(status)] = self._left.get(inode(status), status.st_nlink) - 1
            size_bytes += status.st_size if left == 0 else 0
        return size_bytes


def of_artifact(store: "Store", stage: str, key: str) -> List[os.stat_result]:
    """The `lstat` of each file of an artifact but its manifest. Raises StoreError."""
    path = store.artifact(stage, key)
    with explained("read an artifact", path), store.tree.at(store.tree.inside(path)) as folder:
        return [status for name, status in folder.walk() if stat.S_ISREG(status.st_mode) and name != manifest.NAME]


def newest(store: "Store", stages: Iterable[str], most: int) -> List[Path]:
    """The folders of these stages' artifacts, the newest first, at most so many. Those that cannot be looked at are
    left out: nobody needs what they share."""
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
    return [path for _, path in sorted(found, reverse=True)[:most]]
