"""Marks: notes that an artifact is pinned, forced or accepted, or has lost by-products."""

from __future__ import annotations

import getpass
import os
import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Tuple, cast

from octet.errors import StoreError
from pipeline import formatting
from pipeline.files.file_errors import explained
from pipeline.files.safe_tree import Misplaced, is_safe_name
from pipeline.store import manifest as manifests
from pipeline.store import record_format
from pipeline.store.status import FORCED
from pipeline.store.store_tree import StoreTree

if TYPE_CHECKING:
    from pipeline.store.record_types import Mark

PINNED, ACCEPTED, LOST = "pinned", "accepted", "lost"
KEEPING = (PINNED,)
"""The kinds of marks that protect an artifact from garbage collection. A damaged mark protects it too, since the name
of its file identifies the artifact."""

Artifact = Tuple[str, str]
"""(stage, key)."""

_MOST_BYTES = 16 << 20


class Marks:
    """The marks of one store, each in a file: <root>/marks/<kind>/<stage>-<key>.json. Its methods raise StoreError for
    every OSError."""

    def __init__(self, tree: StoreTree) -> None:
        self.tree = tree

    def put(self, kind: str, stage: str, key: str, facts: Mapping[str, Any]) -> None:
        """Writes a mark of that kind, with the facts, for the artifact. It replaces an earlier one."""
        folder, name = _folder(kind), _name(stage, key)
        with explained("mark an artifact", self.tree.path(folder) / name):
            self.tree.clear_for_file("{}/{}".format(folder, name))
            with self.tree.ensure(folder) as marks:
                marks.write(name, manifests.sealed({"format": 1, "stage": stage, "key": key,
                                                    "marked": formatting.utc(time.time()), **facts}))

    def remove(self, kind: str, stage: str, key: str) -> None:
        """Removes the artifact's mark of that kind, if there is one."""
        with explained("remove a mark", self.tree.path(_folder(kind)) / _name(stage, key)):
            try:
                with self.tree.at(_folder(kind)) as marks:
                    marks.unlink(_name(stage, key))
            except FileNotFoundError:
                pass

    def of(self, kind: str) -> List[Tuple[Artifact, Mark]]:
        """(artifact, its mark) of every artifact with a mark of that kind. A damaged mark of a kind in KEEPING counts,
        as an empty one."""
        marks = []
        for name in self._names(kind):
            artifact, mark = self._read(kind, name)
            if artifact is not None and (mark is not None or kind in KEEPING):
                marks.append((artifact, cast("Mark", {}) if mark is None else mark))
        return marks

    def get(self, kind: str, stage: str, key: str) -> Optional[Mark]:
        """The artifact's mark of that kind; None if it has none."""
        return self._read(kind, _name(stage, key))[1]

    def accepted(self) -> Dict[Artifact, Artifact]:
        """{artifact: the artifact as which it was accepted}."""
        return {(stage, key): (stage, facts["as"]) for (stage, key), facts in self.of(ACCEPTED) if "as" in facts}

    def damaged(self) -> Iterator[Tuple[str, str, Optional[StoreError]]]:
        """(kind, file name, error) of each mark that is damaged (error None) or cannot be read."""
        for kind in KEEPING + (ACCEPTED, FORCED, LOST):
            for name in self._names(kind):
                try:
                    if self._read(kind, name)[1] is None:
                        yield kind, name, None
                except StoreError as error:
                    yield kind, name, error

    def mend(self, kind: str, name: str) -> str:
        """Moves a damaged mark to quarantine. A mark of a kind in KEEPING is also written again. Returns a description
        of what was done."""
        with explained("put a mark into quarantine", self.tree.path(_folder(kind)) / name):
            aside = self.tree.put_aside("{}/{}".format(_folder(kind), name))
        artifact = _artifact(name)
        if artifact is None or kind not in KEEPING:
            return "in quarantine: {}".format(aside)
        self.put(kind, artifact[0], artifact[1], {"by": "octet verify", "reason": "its mark was damaged"})
        return "made again: who made it, and why, is in {}".format(aside)

    def _names(self, kind: str) -> List[str]:
        with explained("read the marks", self.tree.path(_folder(kind))):
            try:
                with self.tree.at(_folder(kind)) as marks:
                    return [name for name in marks.names() if not name.startswith(".")]
            except FileNotFoundError:
                return []
            except Misplaced:
                if kind in KEEPING:  # it is unknown which artifacts are protected, so none may be deleted
                    raise
                return []

    def _read(self, kind: str, name: str) -> Tuple[Optional[Artifact], Optional[Mark]]:
        """(the artifact according to the file's name, or None; the mark, or None if it is damaged or missing)."""
        artifact = _artifact(name)
        with explained("read a mark", self.tree.path(_folder(kind)) / name):
            try:
                with self.tree.at(_folder(kind)) as marks:
                    record = manifests.unsealed(marks.read(name, _MOST_BYTES))
            except (FileNotFoundError, Misplaced):
                return artifact, None
        if record is None or record_format.fault(record, record_format.MARK) or (
                record["stage"], record["key"]) != artifact:
            return artifact, None
        return artifact, cast("Mark", record)


def _folder(kind: str) -> str:
    return "marks/{}".format(kind)


def _name(stage: str, key: str) -> str:
    return "{}-{}.json".format(stage, key)


def _artifact(name: str) -> Optional[Artifact]:
    stage, _, key = name[:-len(".json")].partition("-") if name.endswith(".json") else ("", "", "")
    return (stage, key) if is_safe_name(stage) and is_safe_name(key) else None


def current_user() -> str:
    """The name of the user that runs this process; the user's number if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no entry
        return str(os.getuid())
