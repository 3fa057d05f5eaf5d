"""By-products (logs, events): what of them is damaged, and which are known to be lost.

No stage reads them, so one that is damaged makes nothing stale and its artifact stays where it is. It is said once:
then it goes to quarantine, and a mark says that the artifact has lost it.
"""

import os
import stat
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from octet import digest
from pipeline.files.durable_files import explained
from pipeline.files.safe_tree import Folder, Misplaced, kind, printable
from pipeline.store import status as looks
from pipeline.store.marks import LOST, Marks
from pipeline.store.store_tree import StoreTree


def damage(tree: StoreTree, inside: str, manifest: dict) -> Dict[str, str]:
    """{path: what is wrong} of the by-products of the artifact at `inside`, every byte read. Raises StoreError."""
    found = {}
    with explained("read an artifact", tree.path(inside)), tree.at(inside) as folder:
        for output in manifest["outputs"]:
            if not output["product"]:
                wrong = looks.size_damage(folder, output) or _digest_damage(folder, output)
                if wrong is not None:
                    found[output["path"]] = wrong.replace("output ", "by-product ", 1)
    return found


def _digest_damage(folder: Folder, output: dict) -> Optional[str]:
    with os.fdopen(folder.open_file(output["path"]), "rb") as file:
        sound = digest.of_open_file(file) == output["sha256"]
    return None if sound else "output {} damaged: sha256 differs".format(output["path"])


def lose(tree: StoreTree, marks: Marks, stage: str, key: str, inside: str, paths: Sequence[str]) -> List[Path]:
    """What is left of those by-products is in quarantine, at the paths returned, and a mark says that they are lost.
    Raises StoreError."""
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
    """The by-products of an artifact that were found to be lost before."""
    return (marks.get(LOST, stage, key) or {}).get("paths", [])


def clear_misplaced(folder: Folder, products: Sequence[str]) -> None:
    """What a stage left in its workspace that is neither a file nor a folder, and no product, is removed, and said:
    hours of training are not lost for it, and nothing in the store can lead out of it."""
    for path, status in list(folder.walk()):
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) or any(
                fnmatchcase(path, pattern) for pattern in products):
            continue
        parent, _, name = path.rpartition("/")
        with folder.folder(parent) as above:
            above.unlink(name)
        print("{}: left out of the artifact, since it is {}".format(
            printable(str(folder.path / path)), kind(status.st_mode)), file=sys.stderr, flush=True)
