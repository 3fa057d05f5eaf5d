"""The manifest: the provenance record of an artifact, with its inputs, its outputs, its maker and the time.

`docs/manifest.schema.json` describes its fields. It is written last: an artifact is complete if it has a valid
manifest. `seal` is the sha256 of the rest, so that damage is detected.
"""

from __future__ import annotations

import fnmatch
import json
import math
import os
import stat
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, cast

from octet import digest
from octet.errors import StoreError
from pipeline.files.safe_tree import Folder, Misplaced, is_safe, kind, printable
from pipeline.inputs import key
from pipeline.store import record_format

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests
    from pipeline.store.record_types import Manifest, Output

NAME = "manifest.json"
FORMAT = 2

_SINCE_2: Dict[str, Any] = {"run": None, "why": [], "upstream": {}, "sources": {}, "listings": {}, "places": {}}
"""Defaults of the fields that format 1 did not have."""
_PARTS: Dict[str, Any] = {"recipe": {}, "source": {}, "data": {}, "files": {}, "versions": {}, "upstream": {}}
"""The defaults of the fields of `inputs` that may be missing."""
MOST_BYTES = 256 << 20
"""The size of the largest valid record."""


def write(folder: Folder, manifest: Mapping[str, Any]) -> None:
    """Writes the manifest into the folder: sealed, atomically, fsynced."""
    folder.write(NAME, sealed({"format": FORMAT, **manifest}))


def read(folder: Folder) -> Optional[Manifest]:
    """The manifest in `folder`, converted to the newest format; None if there is none, or it is damaged.

    The fields `stage`, `key` and `outputs` may be missing: a caller that reads them must check for them. Raises
    StoreError for the manifest of a newer Octet, which may be sound."""
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
            where=str(folder.path / NAME), why="a newer Octet has written to this store.",
            next_step="use that version, or another store.")
    record = {**_SINCE_2, **record}
    if record_format.fault(record, record_format.MANIFEST):
        return None
    return cast("Manifest", {
        **record, "metrics": record.get("metrics", {}), "inputs": {**_PARTS, **record.get("inputs", {})}})


def sealed(record: Mapping[str, Any]) -> bytes:
    """`record` as JSON text with its seal.

    NaN and infinities, which JSON cannot represent, become strings, so that a training with a diverged loss can be
    recorded."""
    content = _json_value(record)
    content.pop("seal", None)
    content["seal"] = key.digest(content)
    return (json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n").encode("ascii")


def unsealed(content: bytes) -> Optional[Dict[str, Any]]:
    """The record in a sealed text; None if the text is not a JSON object, or its seal does not match."""
    try:
        record = json.loads(content.decode("ascii"))
        if not isinstance(record, dict):
            return None
        seal_fits = record.get("seal") == key.digest(
            {name: value for name, value in record.items() if name != "seal"})
    except (ValueError, RecursionError):  # not JSON, nested too deeply, not ASCII, or NaN, which `sealed` never writes
        return None
    return record if seal_fits else None


def products(manifest: Manifest) -> Digests:
    """{path: sha256} of the outputs that downstream stages see."""
    return {output["path"]: output["sha256"] for output in manifest["outputs"]
            if output["product"]}


def outputs(folder: Folder, patterns: Sequence[str]) -> List[Output]:
    """One record for each file below `folder`, sorted by path, without the manifest.

    patterns: globs of the products, relative to `folder`. Raises StoreError for a glob that no file matches, since an
    artifact must have all its products, and for an entry that is neither a file nor a folder."""
    paths = []
    for path, status in folder.walk():
        if not is_safe(path) or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise StoreError("the stage made {}: {}".format(kind(status.st_mode), printable(path)),
                             where=printable(str(folder.path)),
                             why="an artifact consists of files and folders; anything else could lead out of the store",
                             next_step="write a file instead, in the stage's module in tasks/ or in code that it calls")
        if stat.S_ISREG(status.st_mode) and path != NAME:
            paths.append(path)
    for pattern in patterns:
        if not fnmatch.filter(paths, pattern):
            raise StoreError(
                "the stage ended without its product '{}'".format(pattern), where=str(folder.path),
                why="downstream stages read that file. There are: {}".format(
                    ", ".join(paths) or "none"),
                next_step="write it in the stage's file in tasks/, or correct pipeline/stage_specs.py.")
    return [_output(folder, path, patterns) for path in sorted(paths)]


def _output(folder: Folder, path: str, patterns: Sequence[str]) -> Output:
    with os.fdopen(folder.open_file(path), "rb") as file:
        return {"path": path, "bytes": os.fstat(file.fileno()).st_size, "sha256": digest.of_open_file(file),
                "product": any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)}


def _json_value(value: Any) -> Any:
    """A copy of `value` that JSON can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {name: _json_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(item) for item in value]
    return value
