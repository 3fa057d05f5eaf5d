"""The provenance record of one artifact: what went in, what came out, who made it, when.

Its form is written down in `docs/manifest.schema.json`. It is written last, and is the only sign
that an artifact is complete. `seal` is the sha256 of the rest, so that a manifest with a flipped
bit is no manifest.
"""

import fnmatch
import json
import math
import os
import stat
from typing import Any, Dict, List, Optional, Sequence

from octet import digest
from octet.errors import StoreError
from pipeline.files.safe_tree import Folder, Misplaced, is_safe, kind, printable
from pipeline.inputs import key
from pipeline.store import record_form

NAME = "manifest.json"
FORMAT = 2

_SINCE_2 = {"run": None, "why": [], "upstream": {}, "sources": {}, "listings": {},
            "places": {}}
"""What format 1 did not say."""
_PARTS = {"recipe": {}, "source": {}, "data": {}, "files": {}, "versions": {}, "upstream": {}}
"""Of `inputs`: a stage that reads none of it may leave it out."""
MOST_BYTES = 256 << 20
"""A larger file is no record."""


def write(folder: Folder, manifest: dict) -> None:
    """`folder` holds `manifest`, sealed, whole and on the disk."""
    folder.write(NAME, sealed({"format": FORMAT, **manifest}))


def read(folder: Folder) -> Optional[dict]:
    """The manifest in `folder`, in the form of the newest format whatever its own; None when there
    is none, or it is not whole.

    Raises StoreError for the manifest of a newer Octet: that one is not ours to call damaged."""
    try:
        record = unsealed(folder.read(NAME, MOST_BYTES))
    except (FileNotFoundError, Misplaced):
        return None
    if record is None:
        return None
    if record.get("format") not in (1, FORMAT):
        raise StoreError(
            "this manifest has format {}, and this Octet reads formats up to {}".format(
                record.get("format"), FORMAT),
            where=str(folder.path / NAME), why="another version of Octet wrote to this store.",
            next_step="use that version, or another store.")
    record = {**_SINCE_2, **record}
    if record_form.fault(record, record_form.MANIFEST):
        return None
    return {**record, "metrics": record.get("metrics", {}), "inputs": {**_PARTS, **record.get("inputs", {})}}


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
    except (ValueError, RecursionError):  # no JSON, too deep, no ASCII, or NaN, which `sealed` never lets in
        return None
    return record if whole else None


def products(manifest: dict) -> Dict[str, str]:
    """{path: sha256} of the outputs that the stages below see."""
    return {output["path"]: output["sha256"] for output in manifest["outputs"]
            if output["product"]}


def outputs(folder: Folder, patterns: Sequence[str]) -> List[dict]:
    """One record for each file below `folder`, sorted by path, the manifest left out.

    patterns: globs of the products, relative to `folder`. Raises StoreError for one that no file matches: an artifact
    without a product that it promised is not complete; and for what is neither a file nor a folder."""
    paths = []
    for path, status in folder.walk():
        found = kind(status.st_mode)
        if not is_safe(path) or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise StoreError("the stage made {}: {}".format(found, printable(path)), where=printable(str(folder.path)),
                             why="an artifact holds files and folders; anything else could lead out of the store",
                             next_step="write a file there, in the stage's file in tasks/ or in the code that it calls")
        if stat.S_ISREG(status.st_mode) and path != NAME:
            paths.append(path)
    for pattern in patterns:
        if not fnmatch.filter(paths, pattern):
            raise StoreError(
                "the stage ended without its product '{}'".format(pattern), where=str(folder.path),
                why="the stages below read that file. There are: {}".format(
                    ", ".join(paths) or "none"),
                next_step="write it in the stage's file in tasks/, or correct pipeline/spec.py.")
    return [_output(folder, path, patterns) for path in sorted(paths)]


def _output(folder: Folder, path: str, patterns: Sequence[str]) -> dict:
    with os.fdopen(folder.open_file(path), "rb") as file:
        return {"path": path, "bytes": os.fstat(file.fileno()).st_size, "sha256": digest.of_open_file(file),
                "product": any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)}


def _sayable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {name: _sayable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sayable(item) for item in value]
    return value
