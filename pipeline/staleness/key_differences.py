"""Describes the differences between the preimages of two keys as sentences: the reasons why a stage is not fresh.

All functions are pure. `freshness.py` finds the preimages.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional

from octet.data import dataset_digest
from pipeline.staleness import source_diff

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests, Preimage
    from pipeline.store.record_types import Manifest

Blob = Callable[[str], Optional[bytes]]
"""Returns the bytes that have a sha256; None if they are not stored."""

SHOWN = 3  # names in a sentence; the other ones are only counted


class Contents:
    """The contents behind the digests of a preimage.

    source(file): its bytes. listing(part): {file or array of the data: sha256}. Both return None for unknown content.
    """

    def __init__(self, source: Callable[[str], Optional[bytes]],
                 listing: Callable[[str], Optional[Digests]]) -> None:
        self.source = source
        self.listing = listing


def differences(old: Preimage, new: Preimage, before: Contents, after: Contents) -> List[str]:
    """A sentence for each difference between two preimages: recipe, data, files, source, versions, upstream, in that
    order. before, after: the contents of `old` and of `new`."""
    return (list(_values("", old["recipe"], new["recipe"]))
            + list(_data(old, new, before, after))
            + list(_digests(old.get("files", {}), new.get("files", {})))
            + list(_source(old["source"], new["source"], before, after))
            + list(_values("", old["versions"], new["versions"]))
            + list(_upstream(old["upstream"], new["upstream"]))
            + ([] if old.get("products") == new.get("products") else ["declares other products"]))


def from_manifest(manifest: Manifest, blob: Blob) -> Contents:
    """The contents that were stored with an artifact."""
    def source(name: str) -> Optional[bytes]:
        sha256 = manifest["sources"].get(name)
        return blob(sha256) if sha256 else None

    def listing(part: str) -> Optional[Digests]:
        sha256 = manifest["listings"].get(part)
        content = blob(sha256) if sha256 else None
        try:
            digests = None if content is None else json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError):  # the blob is not a listing
            return None
        return digests if isinstance(digests, dict) else None
    return Contents(source, listing)


def _values(prefix: str, old: Any, new: Any) -> Iterator[str]:
    """'train.learning_rate 0.001 -> 0.002' for each value that differs, sorted by name."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(set(old) | set(new)):
            path = "{}.{}".format(prefix, name) if prefix else name
            if name not in old:
                yield "{} {} added".format(path, _as_text(new[name]))
            elif name not in new:
                yield "{} {} removed".format(path, _as_text(old[name]))
            else:
                yield from _values(path, old[name], new[name])
    elif old != new or type(old) is not type(new):
        yield "{} {} -> {}".format(prefix, _as_text(old), _as_text(new))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _data(old: Preimage, new: Preimage, before: Contents, after: Contents) -> Iterator[str]:
    datasets = [(preimage["recipe"].get("data") or {}).get("dataset", "") for preimage in (old, new)]
    # Files or arrays of different datasets are not compared.
    describe = _DESCRIBE.get(dataset_digest.unit(datasets[0]) or "") if datasets[0] == datasets[1] else None
    for part in sorted(set(old["data"]) | set(new["data"])):
        if part not in old["data"] or part not in new["data"]:
            yield "data: {} is {} read".format(part, "now" if part in new["data"] else "no longer")
        elif old["data"][part] != new["data"][part]:
            text = ""
            if describe is not None:
                old_listing, new_listing = before.listing(part), after.listing(part)
                if old_listing is not None and new_listing is not None:
                    text = describe(old_listing, new_listing)
            yield "data: {}".format("{}: {}".format(part, text) if text else "{} changed".format(part))


def _arrays(old: Digests, new: Digests) -> str:
    """'x_train, y_train changed'."""
    changed = [name for name in sorted(new) if name in old and new[name] != old[name]]
    groups = [(changed, "changed"), (sorted(set(new) - set(old)), "added"), (sorted(set(old) - set(new)), "removed")]
    return ", ".join("{} {}".format(", ".join(names), verb) for names, verb in groups if names)


def _files(old: Digests, new: Digests) -> str:
    """'3 files added, 1 changed (cats/7.png)'."""
    added = [name for name in sorted(new) if name not in old]
    removed = [name for name in sorted(old) if name not in new]
    changed = [name for name in sorted(new) if name in old and new[name] != old[name]]
    renamed = []
    by_content = {old[name]: name for name in removed}
    for name in list(added):
        was = by_content.pop(new[name], None)
        if was is not None:
            renamed.append("{} -> {}".format(was, name))
            added.remove(name)
            removed.remove(was)
    groups = [(added, "added"), (removed, "removed"), (changed, "changed"), (renamed, "renamed")]
    phrases: List[str] = []
    for names, verb in groups:
        if names:
            unit = ("file " if len(names) == 1 else "files ") if not phrases else ""
            shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
            phrases.append("{} {}{} ({})".format(len(names), unit, verb, shown))
    return ", ".join(phrases)


_DESCRIBE: Dict[str, Callable[[Digests, Digests], str]] = {"file": _files, "array": _arrays}
"""{unit of a dataset, 'file' or 'array': function that describes the differences between two listings}."""


def _digests(old: Digests, new: Digests) -> Iterator[str]:
    for name in sorted(set(old) | set(new)):
        if old.get(name) != new.get(name):
            verb = "added" if name not in old else "removed" if name not in new else "changed"
            yield "{}: the file's content {}".format(name, verb)


def _source(old: Digests, new: Digests, before: Contents, after: Contents) -> Iterator[str]:
    for name in sorted(set(old) | set(new)):
        if name not in old:
            yield "{}: now {}".format(name, _used(name))
        elif name not in new:
            yield "{}: no longer {}".format(name, _used(name))
        elif old[name] != new[name]:
            pieces = source_diff.changes(before.source(name), after.source(name))
            yield "{}: {}".format(name, ", ".join(pieces) or "changed")


def _used(name: str) -> str:
    """The verb for a file of the source: 'imported', or 'read' for files such as templates."""
    return "imported" if name.partition("#")[0].endswith((".py", ".so")) else "read"


def _upstream(old: Mapping[str, Digests], new: Mapping[str, Digests]) -> Iterator[str]:
    for stage in sorted(set(old) | set(new)):
        if stage not in old or stage not in new:
            yield "{} is {} needed".format(stage, "now" if stage in new else "no longer")
        elif old[stage] != new[stage]:
            names = [name for name in sorted(set(old[stage]) | set(new[stage]))
                     if old[stage].get(name) != new[stage].get(name)]
            yield "{} made other bytes: {}".format(stage, ", ".join(names))
