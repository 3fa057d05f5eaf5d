"""The key of an artifact: the sha256 of its preimage, which identifies by content everything that goes into it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple

from pipeline.stage_specs import StageSpec

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests, Preimage
    from pipeline.inputs.snapshot import Snapshot

RECORD = "octet.stage"
VERSION = 2


class Identity(NamedTuple):
    """The identity of a stage's artifact. key: the sha256 (64 hex digits) of the canonical JSON of `preimage`."""

    key: str
    preimage: Preimage


def canonical(value: Any) -> str:
    """The canonical JSON text of `value`: sorted keys, no blanks, ASCII.

    Raises ValueError for NaN and infinities, TypeError for values that JSON cannot hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (64 hex digits) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def of(spec: StageSpec, snapshot: Snapshot, upstream_products: Mapping[str, Digests]) -> Identity:
    """The key of one stage, and its preimage.

    upstream_products: {stage: {path: sha256}}, at least of every stage in `spec.needs`. Only products that the stage
    reads enter the key. Raises KeyError if a stage is missing."""
    content: Preimage = {
        "record": RECORD,
        "version": VERSION,
        "stage": spec.name,
        "recipe": {name: without_paths(name, snapshot.sections[name]) for name in spec.reads},
        "source": dict(snapshot.source[spec.name]),
        "data": {part: snapshot.data[part] for part in spec.parts},
        "files": {name: sha256 for name, sha256 in snapshot.files.items()
                  if name.split(".")[0] in spec.reads},
        "versions": dict(snapshot.versions[spec.name]),
        "upstream": {name: spec.taken(name, upstream_products[name], snapshot.sections) for name in spec.needs},
        # The globs select the outputs that downstream stages see, so other globs give another artifact.
        "products": sorted(spec.products),
    }
    preimage: Preimage = json.loads(canonical(content))  # tuples become lists, as in a manifest that is read back
    return Identity(digest(preimage), preimage)


FILES = (("model", "weights"), ("model", "files"))
"""(section, key) of the recipe's keys whose value is a path, or a list of paths, of files that a stage reads."""


def without_paths(name: str, section: Any) -> Any:
    """A section as it enters a key: without its paths, since the content of the files is in the key; `data` also
    without its limits, since each run checks them. Numbers, such as `seed`, are returned unchanged."""
    if name == "data":
        kept = {key: value for key, value in section.items() if key != "limits"}
        if "path" in (section.get("args") or {}):
            kept["args"] = {arg: value for arg, value in section["args"].items() if arg != "path"}
        return kept
    files = [key for owner, key in FILES if owner == name and section.get(key) is not None]
    return {key: value for key, value in section.items() if key not in files} if files else section
