"""Workspaces: folders beside the artifacts in which artifacts are made: `artifacts/<stage>/.<key>.<id>.tmp`.

The functions raise OSError. Places are relative to the store's root.
"""

import stat
import uuid
from pathlib import Path
from typing import Iterator, List

from pipeline.files.removal import remove
from pipeline.files.safe_tree import is_safe_name
from pipeline.store import manifest
from pipeline.store.store_tree import StoreTree


def make(tree: StoreTree, artifact: str, key: str) -> Path:
    """Makes an empty workspace beside the artifact, and removes the other workspaces of that key. Returns its path."""
    parent, fresh = artifact.rpartition("/")[0], ".{}.{}.tmp".format(key, uuid.uuid4().hex[:8])
    tree.expect_short("{}/{}".format(parent, fresh))
    with tree.ensure(parent) as folder:
        for name in folder.names():
            if name.startswith(".{}.".format(key)) and name.endswith(".tmp"):
                remove(folder, name)
        folder.make(fresh)  # not mkdtemp: with its mode 0700, other users of the store could not read the folder
        return folder.path / fresh


def fill(tree: StoreTree, workspace: str, artifact: str) -> None:
    """Copies the files of the artifact, except its manifest, into the workspace."""
    with tree.at(artifact) as source, tree.at(workspace) as target:
        for path, status in source.walk():
            if stat.S_ISDIR(status.st_mode):
                target.ensure(path).close()
            elif path != manifest.NAME:
                source.copy(path, target)


def every(tree: StoreTree) -> Iterator[str]:
    """The places of all workspaces. A folder that cannot be listed counts as empty."""
    for stage in _names(tree, "artifacts"):
        place = "artifacts/" + stage
        for name in _names(tree, place) if is_safe_name(stage) and not stage.startswith(".") else ():
            if name.startswith(".") and name.endswith(".tmp"):
                yield "{}/{}".format(place, name)


def _names(tree: StoreTree, place: str) -> List[str]:
    try:
        with tree.at(place) as folder:
            return folder.names()
    except OSError:
        return []


def remove_at(tree: StoreTree, place: str) -> None:
    """Removes a workspace."""
    parent, _, name = place.rpartition("/")
    with tree.at(parent) as folder:
        remove(folder, name)
