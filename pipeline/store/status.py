"""Determines the status of an artifact from the names, sizes and bytes of its files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Tuple

from octet import digest
from octet.errors import StoreError
from pipeline.files.safe_tree import Folder, Misplaced, kind
from pipeline.store import manifest as manifests
from pipeline.store.shared_files import Inode, inode
from pipeline.store.store_tree import StoreTree

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest, Output

INTACT, DAMAGED, DROPPED, FORCED, UNKNOWN = "intact", "damaged", "dropped", "forced", "unknown"
DROPPED_NAME = "dropped.json"


class ArtifactStatus(NamedTuple):
    """The status of one artifact.

    state:    'intact': the manifest and all products exist, with the bytes that were published;
              'damaged': the folder exists, but something in it is missing or has changed;
              'dropped': only the manifest was kept, to free space;
              'forced': intact or dropped, and to be made again; 'unknown': there is no folder.
    manifest: None if it cannot be read. Never None for 'intact', 'dropped' and 'forced'.
    damage:   a line for each file that is missing or has changed.
    """

    state: str
    manifest: Optional[Manifest] = None
    damage: Tuple[str, ...] = ()

    @property
    def recorded(self) -> Manifest:
        """The manifest of an artifact whose state implies that it has one."""
        assert self.manifest is not None, self.state
        return self.manifest


def by_files(tree: StoreTree, inside: str, stage: str, key: str) -> ArtifactStatus:
    """The status of the artifact at `inside`, judged by names and sizes only. Raises OSError for missing
    permissions."""
    try:
        folder = tree.at(inside)
    except FileNotFoundError:
        return ArtifactStatus(UNKNOWN)
    except Misplaced as error:
        return ArtifactStatus(DAMAGED, None, ("{} is {}, no folder".format(
            tree.inside(Path(error.filename)) if error.filename != str(tree.path(inside)) else "it", error.found),))
    with folder:
        return _in(folder, stage, key)


def _in(folder: Folder, stage: str, key: str) -> ArtifactStatus:
    record = manifests.read(folder)
    if record is None or "outputs" not in record:
        status = folder.status(manifests.NAME)
        damage = "missing" if status is None else "damaged"
        if status is not None and not stat.S_ISREG(status.st_mode):
            damage += ": it is {}".format(kind(status.st_mode))
        return ArtifactStatus(DAMAGED, None, ("manifest.json {}".format(damage),))
    if (record.get("stage"), record.get("key")) != (stage, key):
        return ArtifactStatus(DAMAGED, None, ("manifest.json is that of {} {}".format(
            record.get("stage"), str(record.get("key"))[:12]),))
    dropped = folder.status(DROPPED_NAME)
    if dropped is not None and stat.S_ISREG(dropped.st_mode):
        return ArtifactStatus(DROPPED, record)
    if dropped is not None:
        return ArtifactStatus(DAMAGED, record, ("{} damaged: it is {}".format(DROPPED_NAME, kind(dropped.st_mode)),))
    lines = [line for line in (size_damage(folder, output) for output in record["outputs"]
                               if output["product"]) if line]
    return ArtifactStatus(DAMAGED if lines else INTACT, record, tuple(lines))


def digests(tree: StoreTree, places: List[str], hashed: bool, read: Optional[Dict[Inode, str]] = None
            ) -> Dict[str, Optional[str]]:
    """{place: sha256} of files of the store; None for a file that was removed or replaced meanwhile.

    hashed: read every byte, instead of using cached digests of unchanged files. read: {inode: sha256} of files that
    were read before; each that is read now is added."""
    def compute(path: str) -> str:
        return _sha256(tree, tree.inside(Path(path)))
    if not hashed:
        try:
            paths = [str(tree.path(place)) for place in places]
            return dict(zip(places, digest.cached_all(paths, "sha256", compute)))
        except (FileNotFoundError, Misplaced, StoreError):
            pass  # one of the files is the cause: hash them one by one
    known = {} if read is None else read
    return {place: _sha256_if_there(tree, place, known) for place in places}


def _sha256(tree: StoreTree, place: str, known: Optional[Dict[Inode, str]] = None) -> str:
    parent, _, name = place.rpartition("/")
    known = {} if known is None else known
    with tree.at(parent) as folder, os.fdopen(folder.open_file(name), "rb") as file:
        of_disk = inode(os.fstat(file.fileno()))
        if of_disk not in known:
            known[of_disk] = digest.of_open_file(file)
        return known[of_disk]


def _sha256_if_there(tree: StoreTree, place: str, known: Dict[Inode, str]) -> Optional[str]:
    try:
        return _sha256(tree, place, known)
    except (FileNotFoundError, Misplaced):
        return None


def size_damage(folder: Folder, output: Output) -> Optional[str]:
    """The damage of an output, judged by its name and size only; None if there is none."""
    try:
        status = folder.status(output["path"])
    except Misplaced as error:  # a folder on the way to it
        return "output {} damaged: {} is {}".format(
            output["path"], Path(error.filename).relative_to(folder.path), error.found)
    if status is None:
        return "output {} missing".format(output["path"])
    if not stat.S_ISREG(status.st_mode):
        return "output {} damaged: it is {}".format(output["path"], kind(status.st_mode))
    if status.st_size != output["bytes"]:
        return "output {} damaged: {} bytes instead of {}".format(output["path"], status.st_size, output["bytes"])
    return None
