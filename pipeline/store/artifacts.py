"""Artifact folders: found by stage and key, published whole or not at all, never changed after.

    <root>/artifacts/<stage>/<key>/           one artifact, its manifest.json written last
    <root>/artifacts/<stage>/.<key>.<id>.tmp/ a run's workspace; left only by a run that was killed
    <root>/marks/<kind>/<stage>-<key>.json    what was said about an artifact: pinned, forced ...
    <root>/locks/<stage>-<key>.lock           held while an artifact is made, or read by a stage
    <root>/quarantine/<stage>-<key>-<id>/     damaged or replaced artifacts, out of the way, not lost
    <root>/quarantine/<place>-<id>            things that do not belong in the store, as they are
    <root>/partial/<stage>/<key>/             see checkpoints.py
    <root>/sources/  <root>/runs/             see blobs.py, runs.py
    <root>/logs/                              what each stage's process last printed

Nothing in it is followed: see store_tree.py and safe_tree.py. No other file does path arithmetic inside the store.
"""

import contextlib
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from pipeline.files import durable_files
from pipeline.files.durable_files import explained
from pipeline.files.removal import remove
from pipeline.files.safe_tree import Misplaced, is_safe_name
from pipeline.spec import STAGES
from pipeline.store import by_products, locks, status, workspaces
from pipeline.store import manifest as manifests
from pipeline.store.blobs import Blobs
from pipeline.store.checkpoints import StoredCheckpoints
from pipeline.store.dropping import let_go
from pipeline.store.marks import LOST, Artifact, Marks
from pipeline.store.quarantine import Quarantine
from pipeline.store.status import DAMAGED, DROPPED, FORCED, INTACT, UNKNOWN, Look
from pipeline.store.store_tree import StoreTree


class Store:
    """The artifacts below one root folder. Every OSError comes out as a StoreError."""

    def __init__(self, root: Path) -> None:
        self.tree = StoreTree(Path(root).absolute())
        self.root = self.tree.root
        self.blobs = Blobs(self.tree)
        self.marks = Marks(self.tree)
        self.checkpoints = StoredCheckpoints(self.tree)
        self.quarantine_folder = Quarantine(self.tree)

    # Reading

    def artifact(self, stage: str, key: str) -> Path:
        """The folder of an artifact, whether it is there or not."""
        return self.tree.path(_place(stage, key))

    def log(self, stage: str, key: str) -> Path:
        """Where what the stage's process prints goes."""
        return self.tree.path(_log_place(stage, key))

    def state(self, stage: str, key: str) -> str:
        """One of intact, damaged, dropped, forced, unknown: see Look."""
        return self.look(stage, key).state

    def look(self, stage: str, key: str, hashed: bool = False) -> Look:
        """What the artifact is found to be; `hashed`: every byte is read again."""
        return self.looks([(stage, key)], hashed)[stage, key]

    def looks(self, artifacts: Iterable[Artifact], hashed: bool = False) -> Dict[Artifact, Look]:
        """`look` for many, with the digest cache opened once."""
        found, sound = {}, {}
        forced = {artifact for artifact, _ in self.marks.of(FORCED)}
        for stage, key in artifacts:
            place = _place(stage, key)
            with explained("read an artifact", self.tree.path(place)):
                look = status.by_files(self.tree, place, stage, key)
            found[stage, key] = look
            if look.state == INTACT:
                for output in look.manifest["outputs"]:
                    if output["product"]:
                        sound["{}/{}".format(place, output["path"])] = (stage, key, output)
        with explained("read an artifact", self.root):
            seen = status.digests(self.tree, sorted(sound), hashed)
        for path, (stage, key, output) in sound.items():
            if seen[path] != output["sha256"]:
                look = found[stage, key]
                found[stage, key] = Look(DAMAGED, look.manifest, look.damage + (
                    "output {} damaged: sha256 differs".format(output["path"]),))
        for artifact in forced & set(found):
            if found[artifact].state in (INTACT, DROPPED):
                found[artifact] = found[artifact]._replace(state=FORCED)
        return found

    def read(self, stage: str, key: str, path: str) -> bytes:
        """The bytes of one file of an artifact. Raises StoreError where it is not there, or as large as no record."""
        with explained("read an artifact", self.artifact(stage, key) / path):
            with self.tree.at(_place(stage, key)) as folder:
                return folder.read(path, manifests.MOST_BYTES)

    def list(self, strict: bool = True) -> List[Artifact]:
        """Every artifact that is published, by stage and key.

        strict: raises StoreError for a stage's folder that is none or cannot be read, rather than list nothing of
        it."""
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

    def manifests(self) -> Iterator[dict]:
        """The manifests of all published artifacts, and after them of those in quarantine."""
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

    def _manifest(self, place: str) -> Optional[dict]:
        try:
            with self.tree.at(place) as folder:
                record = manifests.read(folder)
        except (FileNotFoundError, Misplaced):
            return None
        return record if record is not None and {"stage", "key", "outputs"} <= set(record) else None

    def holder(self, file: Path) -> Optional[Artifact]:
        """The artifact in whose folder a path lies; None for a path elsewhere."""
        try:
            parts = Path(file).resolve().relative_to(self.root / "artifacts").parts
        except ValueError:
            return None
        return (parts[0], parts[1]) if len(parts) > 1 else None

    def quarantined(self) -> List[str]:
        """The names of what is in quarantine."""
        return self.quarantine_folder.names()

    # Writing: all of it under the artifact's lock

    def lock(self, stage: str, key: str, shared: bool = False,
             on_wait: Optional[Callable[[], None]] = None) -> locks.Lock:
        """The lock on an artifact, not yet taken: shared to read it, else to make or remove it."""
        name = "{}-{}.lock".format(stage, key)
        path = self.tree.path("locks") / name

        def open_file() -> int:
            with explained("lock an artifact", path):
                return self.tree.open_lock(name)
        return locks.Lock(path, open_file, shared, on_wait)

    def is_being_made(self, stage: str, key: str) -> bool:
        """Whether a run holds the artifact's lock to make it, or to remove it, at this moment."""
        name = "{}-{}.lock".format(stage, key)
        with explained("look at a lock", self.tree.path("locks") / name):
            try:
                with self.tree.at("locks") as folder:
                    handle = folder.open_file(name)
            except (FileNotFoundError, Misplaced):
                return False
        return locks.is_held(handle)

    def workspace(self, stage: str, key: str) -> Path:
        """A new empty folder beside the artifact's. Call it under the lock: whatever an earlier,
        killed run of the same key left behind is removed; what is in the log's place and no file goes to
        quarantine."""
        with explained("make a workspace", self.artifact(stage, key).parent):
            self.tree.clear_for_file(_log_place(stage, key))
            return workspaces.make(self.tree, _place(stage, key), key)

    def copy(self, stage: str, key: str, to_key: str) -> Path:
        """A workspace for `to_key` that holds what the artifact holds, its manifest left out. Files
        share their bytes on the disk where it can do that. Raises StoreError for what is no file and no folder."""
        workspace = self.workspace(stage, to_key)
        with explained("copy an artifact", self.artifact(stage, key)):
            workspaces.fill(self.tree, self.tree.inside(workspace), _place(stage, key))
        return workspace

    def discard(self, workspace: Path) -> None:
        """The workspace is gone, as far as it can be: the next run sweeps what is left."""
        with contextlib.suppress(OSError):
            workspaces.remove_at(self.tree, self.tree.inside(workspace))

    def publish(self, workspace: Path, stage: str, key: str, manifest: dict) -> Path:
        """The workspace is the artifact, on the disk and whole; its folder is returned.

        `manifest` without `outputs` gets them, by the stage's products. Whatever else is in the
        way goes to quarantine; beside an intact one the workspace is dropped, since an artifact is
        never changed."""
        place, target = self.tree.inside(workspace), self.artifact(stage, key)
        with explained("publish an artifact", target):
            record = dict(manifest, stage=stage, key=key)
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
        for said in (FORCED, LOST):
            self.marks.remove(said, stage, key)
        self.checkpoints.remove(stage, key)
        return target

    def misplaced(self) -> List[Tuple[str, OSError]]:
        """(place, what is wrong) of what is no folder, or no file, where one belongs; and of what cannot be listed."""
        with explained("read the store", self.root):
            return list(self.tree.misplaced())

    def writable_by_others(self) -> List[Tuple[Path, str]]:
        """(folder, by whom) of those that users other than the store's owner can write."""
        with explained("read the store", self.root):
            return list(self.tree.writable_by_others())

    def put_aside(self, place: str) -> Path:
        """Whatever is at a place below the root is in quarantine, as the thing that it is. Its new path."""
        with explained("put it into quarantine", self.tree.path(place)):
            return self.tree.put_aside(place)

    def by_product_damage(self, stage: str, key: str, manifest: dict) -> Dict[str, str]:
        """{path: what is wrong} of an artifact's by-products that are not known to be lost, every byte read."""
        known = by_products.lost(self.marks, stage, key)
        found = by_products.damage(self.tree, _place(stage, key), manifest)
        return {path: wrong for path, wrong in found.items() if path not in known}

    def lose_by_products(self, stage: str, key: str, paths: Iterable[str]) -> List[Path]:
        """Those by-products are in quarantine, as far as they are there, and known to be lost."""
        return by_products.lose(self.tree, self.marks, stage, key, _place(stage, key), list(paths))

    def quarantine(self, stage: str, key: str) -> Path:
        """The artifact is out of the way, and unknown from now on. Its new folder is returned."""
        with explained("put an artifact into quarantine", self.artifact(stage, key)):
            return self.tree.put_aside(_place(stage, key), "{}-{}".format(stage, key))

    def drop(self, stage: str, key: str, why: str) -> None:
        """The artifact's bytes are gone and its manifest stays: it was there, and is fresh for
        whatever lies below it. Takes no space, so that it works on a full disk."""
        with explained("drop an artifact", self.artifact(stage, key)):
            with self.tree.at(_place(stage, key)) as folder:
                let_go(folder, why)

    def leftovers(self) -> List[Path]:
        """The workspaces of runs: of those that were killed, and of those at work."""
        with explained("list the workspaces", self.tree.path("artifacts")):
            return sorted(self.tree.path(place) for stage in self._names("artifacts", strict=False)
                          for place in workspaces.left(self.tree, "artifacts/" + stage))

    def sweep(self) -> List[Path]:
        """The workspaces that killed runs have left, and that are gone now."""
        gone = []
        for path in self.leftovers():
            key = path.name.split(".")[1] or "none"
            try:
                with self.lock(path.parent.name, key).acquire(timeout=0), explained("remove a workspace", path):
                    workspaces.remove_at(self.tree, self.tree.inside(path))
                    gone.append(path)
            except TimeoutError:
                pass  # at work
        return gone


def _place(stage: str, key: str) -> str:
    return "artifacts/{}/{}".format(stage, key)


def _log_place(stage: str, key: str) -> str:
    return "logs/{}-{}.log".format(stage, key[:12])


def _parent(place: str) -> str:
    return place.rpartition("/")[0]
