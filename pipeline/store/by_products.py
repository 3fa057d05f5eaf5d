"""Finds damaged by-products (logs, events), and marks them as lost.

No stage reads by-products, so a damaged one makes nothing stale, and its artifact stays in place. `octet verify`
reports it once and moves it to quarantine; a mark then records the loss.
"""

from __future__ import annotations

import os
import stat
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence

from octet import digest
from pipeline.files.file_errors import explained
from pipeline.files.safe_tree import Folder, Misplaced, kind, printable
from pipeline.store.marks import LOST, Marks
from pipeline.store.status import size_damage
from pipeline.store.store_tree import StoreTree

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest, Output


def damage(tree: StoreTree, inside: str, manifest: Manifest) -> Dict[str, str]:
    """{path: description} of the damaged by-products of the artifact at `inside`. Reads every byte. Raises
    StoreError."""
    damaged = {}
    with explained("read an artifact", tree.path(inside)), tree.at(inside) as folder:
        for output in manifest["outputs"]:
            if not output["product"]:
                wrong = size_damage(folder, output) or _digest_damage(folder, output)
                if wrong is not None:
                    damaged[output["path"]] = wrong.replace("output ", "by-product ", 1)
    return damaged


def _digest_damage(folder: Folder, output: Output) -> Optional[str]:
    with os.fdopen(folder.open_file(output["path"]), "rb") as file:
        sound = digest.of_open_file(file) == output["sha256"]
    return None if sound else "output {} damaged: sha256 differs".format(output["path"])


def lose(tree: StoreTree, marks: Marks, stage: str, key: str, inside: str, paths: Sequence[str]) -> List[Path]:
    """Moves what remains of these by-products to quarantine, and marks them as lost. Returns their new paths. Raises
    StoreError."""
    aside = []
    with explained("put a by-product into quarantine", tree.path(inside)), tree.at(inside) as folder:
        for path in paths:
            try:
                there = folder.status(path) is not None
            except Misplaced as error:  # on the way to it
                path, there = Path(error.filename).relative_to(folder.path).as_posix(), True
            if there:
                aside.append(tree.put_aside("{}/{}".format(inside, path), "{}-{}-by-product".format(stage, key)))
    marks.put(LOST, stage, key, {"paths": sorted(set(paths) | set(lost(marks, stage, key)))})
    return aside


def lost(marks: Marks, stage: str, key: str) -> List[str]:
    """The by-products of an artifact that are marked as lost."""
    mark = marks.get(LOST, stage, key)
    return [] if mark is None else mark.get("paths", [])


def clear_misplaced(folder: Folder, products: Sequence[str]) -> None:
    """Removes by-products that are neither files nor folders from a workspace, and prints a line for each.

    Otherwise hours of training would be lost because of them, or links could lead out of the store."""
    for path, status in list(folder.walk()):
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) or any(
                fnmatchcase(path, pattern) for pattern in products):
            continue
        parent, _, name = path.rpartition("/")
        with folder.folder(parent) as above:
            above.unlink(name)
        print("{}: left out of the artifact, since it is {}".format(
            printable(str(folder.path / path)), kind(status.st_mode)), file=sys.stderr, flush=True)
