"""The provenance record of one artifact: what went in, what came out, who made it, when.

    {"format": 1, "stage", "key", "inputs": the key's preimage, "recipe": {"name", "path"},
     "outputs": [{"path", "bytes", "sha256", "product"}], "metrics", "git": {"commit", "dirty"},
     "started", "finished", "seconds", "host", "versions", "seal"}

It is written last, and is the only sign that an artifact is complete. `seal` is the sha256 of the
rest, so that a manifest with a flipped bit is no manifest.
"""

import fnmatch
import json
import math
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from octet import digest
from octet.errors import StoreError
from pipeline import key

NAME = "manifest.json"
FORMAT = 1


def write(folder: Path, manifest: dict) -> None:
    """`folder` holds `manifest`, whole and on the disk: written aside, fsynced, renamed."""
    record = _sayable({"format": FORMAT, **manifest})
    record.pop("seal", None)
    record["seal"] = key.digest(record)
    target = Path(folder) / NAME
    aside = target.with_name("." + NAME + ".part")
    with open(str(aside), "w", encoding="ascii") as out:
        json.dump(record, out, indent=2, sort_keys=True, allow_nan=False)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    os.rename(str(aside), str(target))
    fsync_folder(Path(folder))


def read(folder: Path) -> Optional[dict]:
    """The manifest in `folder`; None when there is none, or it is not whole.

    Raises StoreError for the manifest of a newer Octet: that one is not ours to call damaged."""
    path = Path(folder) / NAME
    try:
        record = json.loads(path.read_text(encoding="ascii"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return None
    if not isinstance(record, dict):
        return None
    seal = record.get("seal")
    try:
        whole = seal == key.digest({name: value for name, value in record.items()
                                    if name != "seal"})
    except ValueError:  # NaN, which `write` never lets in
        return None
    if not whole:
        return None
    if record.get("format") != FORMAT:
        raise StoreError(
            "this manifest has format {}, and this Octet reads format {}".format(
                record.get("format"), FORMAT),
            where=str(path), why="another version of Octet wrote to this store.",
            next_step="use that version, or another store.")
    return record


def products(manifest: dict) -> Dict[str, str]:
    """{path: sha256} of the outputs that the stages below see."""
    return {output["path"]: output["sha256"] for output in manifest["outputs"]
            if output["product"]}


def outputs(folder: Path, patterns: Sequence[str]) -> List[dict]:
    """One record for each file below `folder`, sorted by path, the manifest left out.

    patterns: globs of the products, relative to `folder`. Raises StoreError for one that no
    file matches: an artifact without a product that it promised is not complete."""
    folder = Path(folder)
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")
                   if not path.is_dir() or path.is_symlink())
    paths = [path for path in paths if path not in (NAME, "." + NAME + ".part")]
    for pattern in patterns:
        if not fnmatch.filter(paths, pattern):
            raise StoreError(
                "the stage ended without its product '{}'".format(pattern), where=str(folder),
                why="the stages below read that file. There are: {}".format(
                    ", ".join(paths) or "none"),
                next_step="write it in the stage's file in tasks/, or correct pipeline/spec.py.")
    return [{"path": path, "bytes": (folder / path).stat().st_size,
             "sha256": digest.of_file(str(folder / path)),
             "product": any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)}
            for path in paths]


def _sayable(value: Any) -> Any:
    """`value` with NaN and infinities as text: JSON has none, and a diverged loss is no reason to
    lose the record of hours of training."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {name: _sayable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sayable(item) for item in value]
    return value


def fsync_folder(folder: Path) -> None:
    """The names in `folder` are on the disk, not only in memory."""
    handle = os.open(str(folder), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
