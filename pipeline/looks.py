"""What an artifact is found to be when it is looked at, by its names, sizes and bytes."""

import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from octet import digest
from pipeline import manifest as manifests

INTACT, DAMAGED, DROPPED, FORCED, UNKNOWN = "intact", "damaged", "dropped", "forced", "unknown"
DROPPED_NAME = "dropped.json"


class Look(NamedTuple):
    """What one artifact is found to be.

    state:    'intact': the manifest and every product are there with the bytes that were published;
              'damaged': the folder is there and something in it is not; 'dropped': the manifest was
              kept and the bytes were let go; 'forced': to be made again; 'unknown': no such folder.
    manifest: where it can be read. damage: what is wrong, a line for each.
    """

    state: str
    manifest: Optional[dict] = None
    damage: Tuple[str, ...] = ()


def by_files(folder: Path, stage: str, key: str) -> Look:
    """The look at an artifact as far as names and sizes tell it."""
    if not os.path.lexists(str(folder)):
        return Look(UNKNOWN)
    record = manifests.read(folder)
    if record is None:
        there = os.path.lexists(str(folder / manifests.NAME))
        return Look(DAMAGED, None, ("manifest.json {}".format("damaged" if there else "missing"),))
    if (record["stage"], record["key"]) != (stage, key):
        return Look(DAMAGED, None, ("manifest.json is that of {} {}".format(
            record["stage"], record["key"][:12]),))
    if (folder / DROPPED_NAME).exists():
        return Look(DROPPED, record)
    damage = [line for line in (_size_damage(folder, output) for output in record["outputs"]
                                if output["product"]) if line]
    return Look(DAMAGED if damage else INTACT, record, tuple(damage))


def digests(paths: List[str], hashed: bool) -> Dict[str, Optional[str]]:
    """{path: sha256}, from the cache unless `hashed`; None for a file that went away meanwhile."""
    if hashed:
        return {path: _digest(path) for path in paths}
    try:
        return dict(zip(paths, digest.cached_all(paths, "sha256", digest.of_file)))
    except FileNotFoundError:
        return {path: _digest(path) for path in paths}


def _digest(path: str) -> Optional[str]:
    try:
        return digest.of_file(path)
    except FileNotFoundError:
        return None


def _size_damage(folder: Path, output: dict) -> Optional[str]:
    path = folder / output["path"]
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "output {} missing".format(output["path"])
    if path.is_dir():
        return "output {} damaged: it is a folder".format(output["path"])
    if stat.st_size != output["bytes"]:
        return "output {} damaged: {} bytes instead of {}".format(output["path"], stat.st_size,
                                                          output["bytes"])
    return None
