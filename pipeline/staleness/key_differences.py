"""Why a stage is not fresh: what differs between an artifact and what would be made now.

Pure functions from records to sentences; `staleness.py` finds the records.
"""

import json
from typing import Any, Callable, Dict, Iterator, List, Optional

from octet.data import identity
from pipeline.staleness import source_diff

Blob = Callable[[str], Optional[bytes]]
"""Bytes by their sha256; None where they are not there."""

SHOWN = 3  # names in a sentence; the others are counted


class Contents:
    """What lies behind the digests of a preimage: source texts and lists of data files or arrays.

    sources: {file: its raw bytes}. listings: {part: {file or array: sha256}}.
    """

    def __init__(self, sources: Callable[[str], Optional[bytes]],
                 listings: Callable[[str], Optional[Dict[str, str]]]) -> None:
        self.source = sources
        self.listing = listings


def differences(old: dict, new: dict, before: Contents, after: Contents) -> List[str]:
    """What changed from one preimage of a key to another: recipe, data, files, source, versions,
    upstream, in that order; a sentence for each."""
    return (list(_values("", old["recipe"], new["recipe"]))
            + list(_data(old, new, before, after))
            + list(_digests(old.get("files", {}), new.get("files", {})))
            + list(_source(old["source"], new["source"], before, after))
            + list(_values("", old["versions"], new["versions"]))
            + list(_upstream(old["upstream"], new["upstream"]))
            + ([] if old.get("products") == new.get("products") else ["declares other products"]))


def from_manifest(manifest: dict, blob: Blob) -> Contents:
    """The contents that were kept with an artifact."""
    def source(name: str) -> Optional[bytes]:
        sha256 = manifest["sources"].get(name)
        return blob(sha256) if sha256 else None

    def listing(part: str) -> Optional[Dict[str, str]]:
        sha256 = manifest["listings"].get(part)
        content = blob(sha256) if sha256 else None
        try:
            listed = None if content is None else json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError):  # another thing than a list was kept under that name
            return None
        return listed if isinstance(listed, dict) else None
    return Contents(source, listing)


def _values(prefix: str, old: Any, new: Any) -> Iterator[str]:
    """'train.learning_rate 0.001 -> 0.002' for each value that differs, by name."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(set(old) | set(new)):
            path = "{}.{}".format(prefix, name) if prefix else name
            if name not in old:
                yield "{} {} added".format(path, _say(new[name]))
            elif name not in new:
                yield "{} {} removed".format(path, _say(old[name]))
            else:
                yield from _values(path, old[name], new[name])
    elif old != new or type(old) is not type(new):
        yield "{} {} -> {}".format(prefix, _say(old), _say(new))


def _say(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _data(old: dict, new: dict, before: Contents, after: Contents) -> Iterator[str]:
    datasets = [(preimage["recipe"].get("data") or {}).get("dataset", "") for preimage in (old, new)]
    # What two datasets are made of is not compared.
    say = _IN_WORDS.get(identity.unit(datasets[0])) if datasets[0] == datasets[1] else None
    for part in sorted(set(old["data"]) | set(new["data"])):
        if part not in old["data"] or part not in new["data"]:
            yield "data: {} is {} read".format(part, "now" if part in new["data"] else "no longer")
        elif old["data"][part] != new["data"][part]:
            was, is_now = (before.listing(part), after.listing(part)) if say else (None, None)
            said = say(was, is_now) if was is not None and is_now is not None else ""
            yield "data: {}".format("{}: {}".format(part, said) if said else "{} changed".format(part))


def _arrays(old: Dict[str, str], new: Dict[str, str]) -> str:
    """'x_train, y_train changed'."""
    changed = [name for name in sorted(new) if name in old and new[name] != old[name]]
    said = [(changed, "changed"), (sorted(set(new) - set(old)), "added"), (sorted(set(old) - set(new)), "removed")]
    return ", ".join("{} {}".format(", ".join(names), verb) for names, verb in said if names)


def _files(old: Dict[str, str], new: Dict[str, str]) -> str:
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
    counts = [(added, "added"), (removed, "removed"), (changed, "changed"), (renamed, "renamed")]
    said = []
    for names, verb in counts:
        if names:
            unit = ("file " if len(names) == 1 else "files ") if not said else ""
            shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
            said.append("{} {}{} ({})".format(len(names), unit, verb, shown))
    return ", ".join(said)


_IN_WORDS = {"file": _files, "array": _arrays}
"""{what a dataset is made of: what changed of it, as a sentence}."""


def _digests(old: Dict[str, str], new: Dict[str, str]) -> Iterator[str]:
    for name in sorted(set(old) | set(new)):
        if old.get(name) != new.get(name):
            verb = "added" if name not in old else "removed" if name not in new else "changed"
            yield "{}: the file's content {}".format(name, verb)


def _source(old: Dict[str, str], new: Dict[str, str], before: Contents,
            after: Contents) -> Iterator[str]:
    for name in sorted(set(old) | set(new)):
        if name not in old:
            yield "{}: now {}".format(name, _used(name))
        elif name not in new:
            yield "{}: no longer {}".format(name, _used(name))
        elif old[name] != new[name]:
            pieces = source_diff.changes(before.source(name), after.source(name))
            yield "{}: {}".format(name, ", ".join(pieces) or "changed")


def _used(name: str) -> str:
    """How a stage comes to a file of its source: a template, say, is not imported."""
    return "imported" if name.partition("#")[0].endswith((".py", ".so")) else "read"


def _upstream(old: Dict[str, dict], new: Dict[str, dict]) -> Iterator[str]:
    for stage in sorted(set(old) | set(new)):
        if stage not in old or stage not in new:
            yield "{} is {} needed".format(stage, "now" if stage in new else "no longer")
        elif old[stage] != new[stage]:
            names = [name for name in sorted(set(old[stage]) | set(new[stage]))
                     if old[stage].get(name) != new[stage].get(name)]
            yield "{} made other bytes: {}".format(stage, ", ".join(names))
