"""The quarantine: damaged and replaced artifacts, and entries that do not belong in the store."""

import stat
from typing import Iterator, List, Optional

from pipeline.files.file_errors import explained
from pipeline.files.removal import remove
from pipeline.files.safe_tree import Folder, Misplaced, is_safe_name
from pipeline.store import manifest as manifests
from pipeline.store.dropping import delete_files
from pipeline.store.status import DROPPED_NAME
from pipeline.store.store_tree import QUARANTINE, StoreTree


class Quarantine:
    """The folder <root>/quarantine of one store. Its methods raise StoreError for every OSError."""

    def __init__(self, tree: StoreTree) -> None:
        self.tree = tree

    def names(self) -> List[str]:
        """The names of all entries."""
        with explained("list what is in quarantine", self.tree.path(QUARANTINE)):
            try:
                with self.tree.at(QUARANTINE) as folder:
                    return [name for name in folder.names() if not name.startswith(".") and is_safe_name(name)]
            except (FileNotFoundError, Misplaced):
                return []

    def size(self, name: str) -> Optional[int]:
        """The bytes that `drop` would free; None if there is nothing to drop."""
        with explained("read what is in quarantine", self.tree.path(QUARANTINE) / name):
            with self.tree.at(QUARANTINE) as quarantine:
                status = quarantine.status(name)
                if status is None:
                    return None
                if not stat.S_ISDIR(status.st_mode):
                    return status.st_size
                with quarantine.folder(name) as folder:
                    if set(folder.names()) <= {manifests.NAME, DROPPED_NAME} and folder.status(manifests.NAME):
                        return None
                    return sum(_sizes(folder))

    def drop(self, name: str) -> None:
        """Deletes the entry. The manifest of an artifact is kept, so that downstream artifacts can still be traced."""
        with explained("drop what is in quarantine", self.tree.path(QUARANTINE) / name):
            with self.tree.at(QUARANTINE) as quarantine:
                if self._is_artifact(quarantine, name):
                    with quarantine.folder(name) as folder:
                        delete_files(folder, "quarantined")
                else:
                    remove(quarantine, name)

    @staticmethod
    def _is_artifact(quarantine: Folder, name: str) -> bool:
        try:
            with quarantine.folder(name) as folder:
                return manifests.read(folder) is not None
        except Misplaced:
            return False


def _sizes(folder: Folder) -> Iterator[int]:
    try:
        for path, status in folder.walk():
            shared = status.st_nlink > 1  # an artifact has the same file, so it is not freed
            if stat.S_ISREG(status.st_mode) and path not in (manifests.NAME, DROPPED_NAME) and not shared:
                yield status.st_size
    except Misplaced:
        pass  # nested more deeply than any artifact: the sum so far is a lower bound
