"""What goes into an artifact, by content, and the key that it gives.

The preimage is what a person reads to learn why a stage is stale; the key is its sha256.
"""

import hashlib
import json
from typing import Any, Dict, Tuple

from pipeline.spec import StageSpec

RECORD = "octet.stage"
VERSION = 2


def canonical(value: Any) -> str:
    """`value` as the one JSON text that it has: sorted keys, no blanks, ASCII.

    Raises ValueError for NaN and infinities, TypeError for what JSON has no form for."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (64 hex digits) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def of(spec: StageSpec, snapshot: Any,
       upstream_products: Dict[str, Dict[str, str]]) -> Tuple[str, dict]:
    """(key, preimage) of one stage: 64 hex digits, and the content that they stand for.

    upstream_products: {stage: {path: sha256}} of every stage in `spec.needs`; others are ignored,
    so that by mistake nothing enters the key that the stage does not read. Raises KeyError when
    one is missing."""
    preimage = {
        "record": RECORD,
        "version": VERSION,
        "stage": spec.name,
        "recipe": {name: without_paths(name, snapshot.sections[name]) for name in spec.reads},
        "source": dict(snapshot.source[spec.name]),
        "data": {part: snapshot.data[part] for part in spec.parts},
        "files": {name: sha256 for name, sha256 in snapshot.files.items()
                  if name.split(".")[0] in spec.reads},
        "versions": dict(snapshot.versions[spec.name]),
        "upstream": {name: spec.taken(name, upstream_products[name]) for name in spec.needs},
        # which outputs the stages below see: another answer is another artifact
        "products": sorted(spec.products),
    }
    preimage = json.loads(canonical(preimage))  # tuples become lists: what is read back is equal
    return digest(preimage), preimage


FILES = (("model", "weights"), ("model", "files"))
"""(section, key) whose value in a recipe is the path of a file that a stage reads, or a list of them."""


def without_paths(name: str, section: Any) -> Any:
    """A section without the paths in it: what they lead to is in the key by content, so that data
    that was moved retrains nothing."""
    if name == "data" and "path" in (section.get("args") or {}):
        args = {arg: value for arg, value in section["args"].items() if arg != "path"}
        return {**section, "args": args}
    files = [key for owner, key in FILES if owner == name and section.get(key) is not None]
    return {key: value for key, value in section.items() if key not in files} if files else section
