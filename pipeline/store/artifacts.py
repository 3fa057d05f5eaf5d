"""The store: artifact folders, found by stage and key. They are published atomically, and never changed afterwards.

    <root>/artifacts/<stage>/<key>/           one artifact; its manifest.json is written last
    <root>/artifacts/<stage>/.<key>.<id>.tmp/ a workspace of a run that is running, or was killed
    <root>/marks/<kind>/<stage>-<key>.json    a note about an artifact: pinned, forced ...
    <root>/locks/<stage>-<key>.lock           held while an artifact is made, removed, or read by a stage
    <root>/quarantine/<stage>-<key>-<id>/     a damaged or replaced artifact
    <root>/quarantine/<place>-<id>            another entry that does not belong in the store
    <root>/partial/<stage>/<key>/             see checkpoints.py
    <root>/sources/  <root>/runs/             see blobs.py, runs.py
    <root>/logs/                              the output of the last process of each stage and key

Symbolic links in the store are not followed: see store_tree.py and safe_tree.py. Other rooms compute no paths inside
the store.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, cast

from pipeline.files import durable_files
from pipeline.files.file_errors import explained
from pipeline.files.removal import remove
from pipeline.files.safe_tree import Misplaced, is_safe_name
from pipeline.stage_specs import STAGES
from pipeline.store import by_products, locks, workspaces
from pipeline.store import manifest as manifests
from pipeline.store.blobs import Blobs
from pipeline.store.checkpoints import StoredCheckpoints
from pipeline.store.dropping import delete_files
from pipeline.store.marks import LOST, Artifact, Marks
from pipeline.store.quarantine import Quarantine
from pipeline.store.shared_files import Inode
from pipeline.store.status import DAMAGED, DROPPED, FORCED, INTACT, UNKNOWN, ArtifactStatus, by_files, digests
from pipeline.store.store_tree import StoreTree

if TYPE_CHECKING:
    from pipeline.store.record_types import Facts, Manifest, Output


class Store:
    """The artifacts below one root folder. Its methods raise StoreError for every OSError."""

    def __init__(self, root: Path) -> None:
        self.tree = StoreTree(Path(root).absolute())
        self.root = self.tree.root
        self.blobs = Blobs(self.tree)
        self.marks = Marks(self.tree)
        self.checkpoints = StoredCheckpoints(self.tree)
        self.quarantine_folder = Quarantine(self.tree)

    # Reading

    def artifact(self, stage: str, key: str) -> Path:
        """The path of an artifact's folder, which need not exist."""
        return self.tree.path(_place(stage, key))

    def log(self, stage: str, key: str) -> Path:
        """The path of the log file with the output of the stage's process."""
        return self.tree.path(_log_place(stage, key))

    def state(self, stage: str, key: str) -> str:
        """'intact', 'damaged', 'dropped', 'forced' or 'unknown': see ArtifactStatus."""
        return self.status(stage, key).state

    def status(self, stage: str, key: str, hashed: bool = False, read: Optional[Dict[Inode, str]] = None
               ) -> ArtifactStatus:
        """The status of an artifact.

        hashed: reads every byte of its products, instead of using the cache of digests. read: {inode: sha256} of files
        that were read before. They are not read again; the files that are read now are added."""
        return self.statuses([(stage, key)], hashed, read)[stage, key]

    def statuses(self, artifacts: Iterable[Artifact], hashed: bool = False, read: Optional[Dict[Inode, str]] = None
                 ) -> Dict[Artifact, ArtifactStatus]:
        """`status` for many artifacts, with the cache of digests opened once."""
        found: Dict[Artifact, ArtifactStatus] = {}
        sound: Dict[str, Tuple[str, str, Output]] = {}
        forced = {artifact for artifact, _ in self.marks.of(FORCED)}
        for stage, key in artifacts:
            place = _place(stage, key)
            with explained("read an artifact", self.tree.path(place)):
                status = by_files(self.tree, place, stage, key)
            found[stage, key] = status
            if status.state == INTACT:
                for output in status.recorded["outputs"]:
                    if output["product"]:
                        sound["{}/{}".format(place, output["path"])] = (stage, key, output)
        with explained("read an artifact", self.root):
            sha256 = digests(self.tree, sorted(sound), hashed, read)
        for path, (stage, key, output) in sound.items():
            if sha256[path] != output["sha256"]:
                status = found[stage, key]
                found[stage, key] = ArtifactStatus(DAMAGED, status.manifest, status.damage + (
                    "output {} damaged: sha256 differs".format(output["path"]),))
        for artifact in forced & set(found):
            if found[artifact].state in (INTACT, DROPPED):
                found[artifact] = found[artifact]._replace(state=FORCED)
        return found

    def read(self, stage: str, key: str, path: str) -> bytes:
        """The bytes of one file of an artifact. Raises StoreError if it does not exist, or is too large for a
        record."""
        with explained("read an artifact", self.artifact(stage, key) / path):
            with self.tree.at(_place(stage, key)) as folder:
                return folder.read(path, manifests.MOST_BYTES)

    def list(self, strict: bool = True) -> List[Artifact]:
        """(stage, key) of every published artifact, sorted.

        strict: raises StoreError if a stage's folder cannot be read; otherwise such a folder counts as empty."""
        return sorted((stage, key) for stage in self._names("artifacts", strict)
                      for key in self._names("artifacts/" + stage, strict and stage in STAGES))

    def _names(self, place: str, strict: bool) -> List[str]:
        with explained("list the artifacts", self.tree.path(place)):
            try:
                with self.tree.at(place) as folder:
                    return [name for name in folder.names() if not name.startswith(".") and is_safe_name(name)]
            except FileNotFoundError:
                return []
            except OSError:
                if strict:
                    raise
                return []

    def manifests(self) -> Iterator[Manifest]:
        """The manifests of all published artifacts, followed by those of artifacts in quarantine."""
        for stage, key in self.list():
            with explained("read an artifact", self.artifact(stage, key)):
                record = self._manifest(_place(stage, key))
            if record is not None:
                yield record
        for name in self.quarantined():
            with explained("read an artifact in quarantine", self.root):
                record = self._manifest("quarantine/" + name)
            if record is not None:
                yield record

    def _manifest(self, place: str) -> Optional[Manifest]:
        try:
            with self.tree.at(place) as folder:
                record = manifests.read(folder)
        except (FileNotFoundError, Misplaced):
            return None
        return record if record is not None and {"stage", "key", "outputs"} <= set(record) else None

    def holder(self, file: Path) -> Optional[Artifact]:
        """The artifact whose folder contains the path; None for other paths."""
        try:
            parts = Path(file).resolve().relative_to(self.root / "artifacts").parts
        except ValueError:
            return None
        return (parts[0], parts[1]) if len(parts) > 1 else None

    def quarantined(self) -> List[str]:
        """The names of the entries in quarantine."""
        return self.quarantine_folder.names()

    # Writing. The caller holds the artifact's lock.

    def lock(self, stage: str, key: str, shared: bool = False,
             on_wait: Optional[Callable[[], None]] = None) -> locks.Lock:
        """The lock on an artifact, not acquired yet. shared: for reading the artifact, instead of making or removing
        it."""
        name = "{}-{}.lock".format(stage, key)
        path = self.tree.path("locks") / name

        def open_file() -> int:
            with explained("lock an artifact", path):
                return self.tree.open_lock(name)
        return locks.Lock(path, open_file, shared, on_wait)

    def is_being_made(self, stage: str, key: str) -> bool:
        """Whether a process holds the artifact's lock exclusively at this moment, to make or to remove the artifact."""
        name = "{}-{}.lock".format(stage, key)
        with explained("look at a lock", self.tree.path("locks") / name):
            try:
                with self.tree.at("locks") as folder:
                    handle = folder.open_file(name)
            except (FileNotFoundError, Misplaced):
                return False
        return locks.is_held(handle)

    def workspace(self, stage: str, key: str) -> Path:
        """A new empty folder in which to make the artifact.

        The caller must hold the lock, because workspaces of killed runs with the same key are removed. An entry in
        place of the log that is not a file is moved to quarantine."""
        with explained("make a workspace", self.artifact(stage, key).parent):
            self.tree.clear_for_file(_log_place(stage, key))
            return workspaces.make(self.tree, _place(stage, key), key)

    def copy(self, stage: str, key: str, to_key: str) -> Path:
        """A workspace for `to_key` with the files of the artifact except its manifest, as hard links if the file system
        supports them. Raises StoreError for an entry that is neither a file nor a folder."""
        workspace = self.workspace(stage, to_key)
        with explained("copy an artifact", self.artifact(stage, key)):
            workspaces.fill(self.tree, self.tree.inside(workspace), _place(stage, key))
        return workspace

    def discard(self, workspace: Path) -> None:
        """Removes the workspace, as far as possible. A later run removes the rest."""
        with contextlib.suppress(OSError):
            workspaces.remove_at(self.tree, self.tree.inside(workspace))

    def publish(self, workspace: Path, stage: str, key: str, facts: Facts) -> Path:
        """Publishes the workspace as the artifact, atomically and durably. Returns the artifact's folder.

        facts: the content of the manifest. If it has no `outputs`, they are computed from the workspace's files. An
        existing artifact that is not intact is moved to quarantine. An intact one is never changed; then the workspace
        is removed."""
        place, target = self.tree.inside(workspace), self.artifact(stage, key)
        with explained("publish an artifact", target):
            record = cast("Manifest", dict(facts, stage=stage, key=key))
            with self.tree.at(place) as folder:
                by_products.clear_misplaced(folder, STAGES[stage].products)
                if "outputs" not in record:
                    record["outputs"] = manifests.outputs(folder, STAGES[stage].products)
                state = self.state(stage, key)
                if state != INTACT:
                    durable_files.settle(folder)
                    manifests.write(folder, record)
                    durable_files.take_write_permission(folder, manifests.NAME)
            with self.tree.at(_parent(place)) as artifacts:
                if state == INTACT:
                    remove(artifacts, workspace.name)
                    return target
                if state != UNKNOWN:
                    self.quarantine(stage, key)
                artifacts.rename(workspace.name, artifacts, key)
                artifacts.sync()
        for mark in (FORCED, LOST):
            self.marks.remove(mark, stage, key)
        self.checkpoints.remove(stage, key)
        return target

    def quarantine(self, stage: str, key: str) -> Path:
        """Moves the artifact to quarantine, so that its state becomes 'unknown'. Returns its new folder."""
        with explained("put an artifact into quarantine", self.artifact(stage, key)):
            return self.tree.put_aside(_place(stage, key), "{}-{}".format(stage, key))

    def drop(self, stage: str, key: str, why: str) -> None:
        """Deletes the artifact's files, and keeps its manifest, so that downstream artifacts stay fresh. Needs no disk
        space."""
        with explained("drop an artifact", self.artifact(stage, key)):
            with self.tree.at(_place(stage, key)) as folder:
                delete_files(folder, why)


def _place(stage: str, key: str) -> str:
    return "artifacts/{}/{}".format(stage, key)


def _log_place(stage: str, key: str) -> str:
    return "logs/{}-{}.log".format(stage, key[:12])


def _parent(place: str) -> str:
    return place.rpartition("/")[0]
