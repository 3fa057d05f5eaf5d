"""From an artifact back to all that made it, and from a thing to all that it made."""

from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from octet import digest, model_identifier
from octet.errors import StoreError
from pipeline.spec import STAGES
from pipeline.store import manifest
from pipeline.store.artifacts import Store

PLACE, CONTENT, IDENTIFIER = "its place in the store", "its content", "the identifier that it carries"


class Found(NamedTuple):
    """A file's artifact. how: by its place, its content or its identifier; others: more artifacts
    that hold the same bytes."""

    manifest: dict
    how: str
    others: List[dict]


class Lineage:
    """The manifests of one store, and how they hang together."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._all: Optional[List[dict]] = None

    def find(self, file: Path) -> Found:
        """The artifact that `file` is, or is in, or is a copy of a file of.

        Raises StoreError when no manifest knows it, or it cannot be read."""
        found = self.known(file)
        if found is None:
            raise StoreError("no artifact holds this file", where=str(file),
                             why="looked for its place, its sha256 and the identifier of a .tflite in {} "
                                 "manifests of {}".format(len(self.everything()), self.store.root),
                             next_step="`octet ls --artifacts` lists what there is")
        return found

    def known(self, file: Path) -> Optional[Found]:
        """What `find` gives; None where no manifest knows the file. Raises StoreError where it cannot be read."""
        sha256, carried = _looked_at(file)
        inside = self._by_place(file)
        if inside is not None and (sha256 is None or file.name == manifest.NAME or sha256 in _digests(inside)):
            return Found(inside, PLACE, [])
        for how, wanted in ((CONTENT, sha256), (IDENTIFIER, carried)):
            holders = [record for record in sorted(self.everything(), key=_maker_first)
                       if wanted and wanted in (_digests(record) if how == CONTENT else _identifiers(record))]
            if holders:
                return Found(holders[0], how, holders[1:])
        return None

    def above(self, record: dict) -> Dict[str, Optional[dict]]:
        """{upstream stage: the manifest of the artifact that was read}; None for one whose manifest
        is gone."""
        return {stage: self._maker(stage, record["upstream"].get(stage), products)
                for stage, products in record["inputs"]["upstream"].items()}

    def chain(self, record: dict) -> List[dict]:
        """`record` and all that it was made from, upstream first, each once."""
        order, seen = [], set()

        def walk(node: dict) -> None:
            if id_of(node) in seen:
                return
            seen.add(id_of(node))
            for above in self.above(node).values():
                if above is not None:
                    walk(above)
            order.append(node)
        walk(record)
        return order

    def users(self, what: str) -> Iterator[Tuple[dict, str]]:
        """(manifest, how) of every artifact that `what` went into at first hand: the name or path of
        a dataset, a model or a source file; a commit; the sha256 of a part, a file or a product."""
        with _read(what):
            wanted = _Wanted(what)
        for record in self.everything():
            how = wanted.used_by(record)
            if how:
                yield record, how

    def below(self, records: List[dict]) -> List[dict]:
        """The artifacts that were made from those given, at second hand and further, by stage."""
        reached = {id_of(record): record for record in records}
        for record in sorted(self.everything(), key=_maker_first):  # upstream comes first
            if id_of(record) not in reached and any(
                    above is not None and id_of(above) in reached
                    for above in self.above(record).values()):
                reached[id_of(record)] = record
        first = {id_of(record) for record in records}
        return [record for name, record in reached.items() if name not in first]

    def everything(self) -> List[dict]:
        """Every manifest in the store, read once."""
        if self._all is None:
            self._all = list(self.store.manifests())
        return self._all

    def _by_place(self, file: Path) -> Optional[dict]:
        holder = self.store.holder(file)
        return None if holder is None else self.store.look(*holder).manifest

    def _maker(self, stage: str, key: Optional[str], products: Dict[str, str]) -> Optional[dict]:
        """The manifest of the artifact that has those products, among others: that of the key that was read, if it
        still has them, else any that made the same bytes."""
        if key:
            record = self.store.look(stage, key).manifest
            if record is not None and products.items() <= manifest.products(record).items():
                return record
        return next((record for record in self.everything() if record["stage"] == stage
                     and products.items() <= manifest.products(record).items()), None)


def id_of(record: dict) -> Tuple[str, str, str]:
    """What tells an artifact from any other, those that it replaced under its key included."""
    return record["stage"], record["key"], record["seal"]


def _digests(record: dict) -> List[str]:
    return [output["sha256"] for output in record["outputs"]]


def _identifiers(record: dict) -> List[str]:
    """Of the .tflite files of an artifact."""
    several = record["metrics"].get("identifiers")  # of Export
    return [record["metrics"].get("identifier")] + (list(several.values()) if isinstance(several, dict) else [])


def _maker_first(record: dict) -> tuple:
    """Who made a file comes before who copied it; the newest before the others."""
    names = list(STAGES)
    place = names.index(record["stage"]) if record["stage"] in names else len(names)
    return place, "accepted" in record, _backwards(record.get("finished") or ""), record["key"]


def _backwards(text: str) -> tuple:
    return tuple(-ord(letter) for letter in text)


def _looked_at(file: Path) -> Tuple[Optional[str], Optional[str]]:
    """(sha256, the identifier that it carries) of a file; (None, None) of a folder or a device."""
    with _read(str(file)):
        if not file.exists():
            raise StoreError("there is no such file", where=str(file),
                             why="its place or its bytes tell what it came from",
                             next_step="check the path; `octet ls --artifacts` lists what is in the store")
        return (digest.of_file(str(file)), model_identifier.of_file(str(file))) if file.is_file() else (None, None)


@contextmanager
def _read(what: str) -> Iterator[None]:
    """An OSError inside is a StoreError that says it."""
    try:
        yield
    except OSError as error:
        raise StoreError("cannot be read: {}".format(error.strerror), where=what,
                         why="its bytes tell what it came from, and what went into what",
                         next_step="give this user the right to read it, or name another") from error


class _Wanted:
    """Something that may have gone into an artifact."""

    def __init__(self, what: str) -> None:
        self.what = what
        path = Path(what)
        self.path = str(path.resolve()) if path.exists() else None
        self.sha256 = digest.of_file(what) if path.is_file() else None

    def used_by(self, record: dict) -> Optional[str]:
        """How it went into the artifact; None when it did not."""
        inputs = record["inputs"]
        return (self._as_dataset(record) or self._as_model(inputs) or self._as_source(record)
                or self._as_commit(record) or self._as_digest(inputs))

    def _as_dataset(self, record: dict) -> Optional[str]:
        data = record["inputs"]["recipe"].get("data")
        if not data:
            return None
        if data.get("dataset") == self.what:
            return "dataset {}".format(self.what)
        place = record["places"].get("data")
        if place and self.path and str(Path(place).resolve()) == self.path:
            return "dataset {} of {}".format(data.get("dataset"), place)
        return None

    def _as_model(self, inputs: dict) -> Optional[str]:
        model = inputs["recipe"].get("model")
        if model and model.get("build") == self.what:
            return "model {}".format(self.what)
        return None

    def _as_source(self, record: dict) -> Optional[str]:
        if self.what in record["inputs"]["source"]:
            return "source {}".format(self.what)
        for name, sha256 in record["sources"].items():
            if self.sha256 and sha256 == self.sha256:
                return "source {}".format(name)
        return None

    def _as_commit(self, record: dict) -> Optional[str]:
        commit = (record.get("git") or {}).get("commit") or ""
        return "commit {}".format(commit) if self._starts(commit) else None

    def _as_digest(self, inputs: dict) -> Optional[str]:
        for kind, found in (("part", inputs["data"]), ("file", inputs.get("files", {})),
                            ("source", inputs["source"])):
            for name, sha256 in found.items():
                if self._starts(sha256) or sha256 == self.sha256:
                    return "{} {}".format(kind, name)
        for stage, products in inputs["upstream"].items():
            for name, sha256 in products.items():
                if self._starts(sha256) or sha256 == self.sha256:
                    return "{} of {}".format(name, stage)
        return None

    def _starts(self, digits: str) -> bool:
        return len(self.what) >= 7 and digits.startswith(self.what.lower())
