"""Lineage: from an artifact to everything that it was made from, and from an input to everything made from it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from octet import digest, model_identifier
from octet.errors import StoreError
from pipeline.stage_specs import STAGES
from pipeline.store import manifest as manifests
from pipeline.store.artifacts import Store

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests, Preimage
    from pipeline.store.record_types import Manifest

PLACE, CONTENT, IDENTIFIER = "its place in the store", "its content", "the identifier that it carries"


class Found(NamedTuple):
    """The artifact of a file.

    how: PLACE, CONTENT or IDENTIFIER: the way in which it was found. others: other artifacts with the same bytes."""

    manifest: Manifest
    how: str
    others: List[Manifest]


class Lineage:
    """The manifests of one store, and which artifacts were made from which."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._all: Optional[List[Manifest]] = None

    def find(self, file: Path) -> Found:
        """The artifact that contains `file`, found by its path, its bytes or the identifier of a .tflite file.

        Raises StoreError if no manifest names the file, or it cannot be read."""
        found = self.known(file)
        if found is None:
            raise StoreError("no artifact holds this file", where=str(file),
                             why="searched for its path, its sha256 and the identifier of a .tflite in {} "
                                 "manifests of {}".format(len(self.everything()), self.store.root),
                             next_step="`octet ls --artifacts` lists what there is")
        return found

    def known(self, file: Path) -> Optional[Found]:
        """Like `find`, but returns None if no manifest names the file. Raises StoreError if it cannot be read."""
        sha256, identifier = _digest_and_identifier(file)
        inside = self._by_place(file)
        if inside is not None and (sha256 is None or file.name == manifests.NAME or sha256 in _digests(inside)):
            return Found(inside, PLACE, [])
        for how, value, values_of in ((CONTENT, sha256, _digests), (IDENTIFIER, identifier, _identifiers)):
            holders = [manifest for manifest in sorted(self.everything(), key=_maker_first)
                       if value and value in values_of(manifest)]
            if holders:
                return Found(holders[0], how, holders[1:])
        return None

    def above(self, manifest: Manifest) -> Dict[str, Optional[Manifest]]:
        """{upstream stage: the manifest of the artifact that was read, or None if it no longer exists}."""
        return {stage: self._maker(stage, manifest["upstream"].get(stage), products)
                for stage, products in manifest["inputs"]["upstream"].items()}

    def chain(self, manifest: Manifest) -> List[Manifest]:
        """The artifact and everything that it was made from, upstream first, each once."""
        order: List[Manifest] = []
        seen: Set[Tuple[str, str, str]] = set()

        def walk(node: Manifest) -> None:
            if id_of(node) in seen:
                return
            seen.add(id_of(node))
            for above in self.above(node).values():
                if above is not None:
                    walk(above)
            order.append(node)
        walk(manifest)
        return order

    def users(self, name: str) -> Iterator[Tuple[Manifest, str]]:
        """(manifest, how) of every artifact that was made directly from an input.

        name: a name or path of a dataset, a model or a source file; a commit; or the sha256 of a part of the data, a
        file or a product."""
        with _read(name):
            used = _Input(name)
        for manifest in self.everything():
            how = used.used_by(manifest)
            if how:
                yield manifest, how

    def below(self, artifacts: List[Manifest]) -> List[Manifest]:
        """All artifacts that were made from the given ones, directly or not, without these, by stage."""
        reached = {id_of(manifest): manifest for manifest in artifacts}
        for manifest in sorted(self.everything(), key=_maker_first):  # upstream comes first
            if id_of(manifest) not in reached and any(
                    above is not None and id_of(above) in reached
                    for above in self.above(manifest).values()):
                reached[id_of(manifest)] = manifest
        first = {id_of(manifest) for manifest in artifacts}
        return [manifest for name, manifest in reached.items() if name not in first]

    def everything(self) -> List[Manifest]:
        """Every manifest in the store. They are read once."""
        if self._all is None:
            self._all = list(self.store.manifests())
        return self._all

    def _by_place(self, file: Path) -> Optional[Manifest]:
        holder = self.store.holder(file)
        return None if holder is None else self.store.status(*holder).manifest

    def _maker(self, stage: str, key: Optional[str], products: Digests) -> Optional[Manifest]:
        """The manifest of the artifact that has those products: the one with this key, if it still has them, or else
        any that made the same bytes. None for a stage of which no products were read."""
        if key:
            manifest = self.store.status(stage, key).manifest
            if manifest is not None and products.items() <= manifests.products(manifest).items():
                return manifest
        return next((manifest for manifest in self.everything() if products and manifest["stage"] == stage
                     and products.items() <= manifests.products(manifest).items()), None)


def id_of(manifest: Manifest) -> Tuple[str, str, str]:
    """A unique identifier of the artifact. It also differs from that of a replaced artifact with the same key."""
    return manifest["stage"], manifest["key"], manifest["seal"]


def _digests(manifest: Manifest) -> List[Optional[str]]:
    return [output["sha256"] for output in manifest["outputs"]]


def _identifiers(manifest: Manifest) -> List[Optional[str]]:
    """The identifiers of the artifact's .tflite files."""
    metrics = manifest["metrics"]
    of_exports = metrics.get("identifiers")
    return [metrics.get("identifier")] + (list(of_exports.values()) if isinstance(of_exports, dict) else [])


def _maker_first(manifest: Manifest) -> Tuple[int, bool, Tuple[int, ...], str]:
    """A sort key: the stage that made a file comes before those that copied it, and the newest artifact first."""
    names = list(STAGES)
    place = names.index(manifest["stage"]) if manifest["stage"] in names else len(names)
    return place, "accepted" in manifest, _backwards(manifest.get("finished") or ""), manifest["key"]


def _backwards(text: str) -> Tuple[int, ...]:
    """A sort key for the reverse order of texts."""
    return tuple(-ord(letter) for letter in text)


def _digest_and_identifier(file: Path) -> Tuple[Optional[str], Optional[str]]:
    """(sha256, identifier of a .tflite) of a file; (None, None) of a folder or a device."""
    with _read(str(file)):
        if not file.exists():
            raise StoreError("there is no such file", where=str(file),
                             why="a file is traced by its path or its bytes",
                             next_step="check the path; `octet ls --artifacts` lists what is in the store")
        return (digest.of_file(str(file)), model_identifier.of_file(str(file))) if file.is_file() else (None, None)


@contextmanager
def _read(path: str) -> Iterator[None]:
    """Raises an OSError of the block as a StoreError about the path."""
    try:
        yield
    except OSError as error:
        raise StoreError("cannot be read: {}".format(error.strerror), where=path,
                         why="a file is traced by its bytes",
                         next_step="give this user read access to it, or name another file") from error


class _Input:
    """An input, by name, path or digest, that an artifact may have been made from."""

    def __init__(self, name: str) -> None:
        self.name = name
        path = Path(name)
        self.path = str(path.resolve()) if path.exists() else None
        self.sha256 = digest.of_file(name) if path.is_file() else None

    def used_by(self, manifest: Manifest) -> Optional[str]:
        """How the artifact used the input, in words; None if it did not use it."""
        inputs = manifest["inputs"]
        return (self._as_dataset(manifest) or self._as_model(inputs) or self._as_source(manifest)
                or self._as_commit(manifest) or self._as_digest(inputs))

    def _as_dataset(self, manifest: Manifest) -> Optional[str]:
        data = manifest["inputs"]["recipe"].get("data")
        if not data:
            return None
        if data.get("dataset") == self.name:
            return "dataset {}".format(self.name)
        place = manifest["places"].get("data")
        if place and self.path and str(Path(place).resolve()) == self.path:
            return "dataset {} of {}".format(data.get("dataset"), place)
        return None

    def _as_model(self, inputs: Preimage) -> Optional[str]:
        model = inputs["recipe"].get("model")
        if model and model.get("build") == self.name:
            return "model {}".format(self.name)
        return None

    def _as_source(self, manifest: Manifest) -> Optional[str]:
        if self.name in manifest["inputs"]["source"]:
            return "source {}".format(self.name)
        for name, sha256 in manifest["sources"].items():
            if self.sha256 and sha256 == self.sha256:
                return "source {}".format(name)
        return None

    def _as_commit(self, manifest: Manifest) -> Optional[str]:
        git = manifest.get("git")
        commit = (git.get("commit") if git else None) or ""
        return "commit {}".format(commit) if self._starts(commit) else None

    def _as_digest(self, inputs: Preimage) -> Optional[str]:
        for kind, digests in (("part", inputs["data"]), ("file", inputs["files"]), ("source", inputs["source"])):
            for name, sha256 in digests.items():
                if self._starts(sha256) or sha256 == self.sha256:
                    return "{} {}".format(kind, name)
        for stage, products in inputs["upstream"].items():
            for name, sha256 in products.items():
                if self._starts(sha256) or sha256 == self.sha256:
                    return "{} of {}".format(name, stage)
        return None

    def _starts(self, digits: str) -> bool:
        return len(self.name) >= 7 and digits.startswith(self.name.lower())
