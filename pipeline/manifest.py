"""The provenance record of one artifact: what went in, what came out, who made it, when.

Its form is written down in `docs/manifest.schema.json`. It is written last, and is the only sign
that an artifact is complete. `seal` is the sha256 of the rest, so that a manifest with a flipped
bit is no manifest.
"""

import fnmatch
import json
import math
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from octet import digest
from octet.errors import StoreError
from pipeline import disk, key

NAME = "manifest.json"
FORMAT = 2

_SINCE_2 = {"run": None, "why": [], "upstream": {}, "sources": {}, "listings": {},
            "places": {}}
"""What format 1 did not say."""


def write(folder: Path, manifest: dict) -> None:
    """`folder` holds `manifest`, sealed, whole and on the disk."""
    disk.write(Path(folder) / NAME, sealed({"format": FORMAT, **manifest}))


def read(folder: Path) -> Optional[dict]:
    """The manifest in `folder`, in the form of the newest format whatever its own; None when there
    is none, or it is not whole.

    Raises StoreError for the manifest of a newer Octet: that one is not ours to call damaged."""
    path = Path(folder) / NAME
    try:
        record = unsealed(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    if record is None:
        return None
    if record.get("format") not in (1, FORMAT):
        raise StoreError(
            "this manifest has format {}, and this Octet reads formats up to {}".format(
                record.get("format"), FORMAT),
            where=str(path), why="another version of Octet wrote to this store.",
            next_step="use that version, or another store.")
    return {**_SINCE_2, **record}


def sealed(record: dict) -> bytes:
    """`record` as JSON text with its seal. NaN and infinities become text: JSON has none, and a
    diverged loss is no reason to lose the record of hours of training."""
    said = _sayable(record)
    said.pop("seal", None)
    said["seal"] = key.digest(said)
    return (json.dumps(said, indent=2, sort_keys=True, allow_nan=False) + "\n").encode("ascii")


def unsealed(content: bytes) -> Optional[dict]:
    """The record in a sealed text; None when it is not what was sealed."""
    try:
        record = json.loads(content.decode("ascii"))
        if not isinstance(record, dict):
            return None
        whole = record.get("seal") == key.digest(
            {name: value for name, value in record.items() if name != "seal"})
    except ValueError:  # no JSON, no ASCII, or NaN, which `sealed` never lets in
        return None
    return record if whole else None


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
    paths = [path for path in paths if path != NAME]
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
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {name: _sayable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sayable(item) for item in value]
    return value
