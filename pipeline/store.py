"""Artifact folders: found by stage and key, published whole or not at all, never changed after.

    <root>/artifacts/<stage>/<key>/           one artifact, its manifest.json written last
    <root>/artifacts/<stage>/.<key>.<id>.tmp/ a run's workspace; left only by a run that was killed
    <root>/marks/<kind>/<stage>-<key>.json    what was said about an artifact: pinned, forced ...
    <root>/locks/<stage>-<key>.lock           held while an artifact is made, or read by a stage
    <root>/quarantine/<stage>-<key>-<id>/     damaged or replaced artifacts, out of the way, not lost
    <root>/sources/  <root>/runs/             see blobs.py, runs.py
    <root>/logs/                              what each stage's process last printed

No other file does path arithmetic inside the store.
"""

import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional

from pipeline import disk, locks, looks, words
from pipeline import manifest as manifests
from pipeline.blobs import Blobs
from pipeline.disk import explained
from pipeline.looks import DAMAGED, DROPPED, FORCED, INTACT, UNKNOWN, Look
from pipeline.marks import Artifact, Marks
from pipeline.spec import STAGES


class Store:
    """The artifacts below one root folder. Every OSError comes out as a StoreError."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self.blobs = Blobs(self.root / "sources")
        self.marks = Marks(self.root / "marks")

    # Reading

    def artifact(self, stage: str, key: str) -> Path:
        """The folder of an artifact, whether it is there or not."""
        return self.root / "artifacts" / stage / key

    def log(self, stage: str, key: str) -> Path:
        """Where what the stage's process prints goes."""
        return self.root / "logs" / "{}-{}.log".format(stage, key[:12])

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
            folder = self.artifact(stage, key)
            with explained("read an artifact", folder):
                look = looks.by_files(folder, stage, key)
            found[stage, key] = look
            if look.state == INTACT:
                for output in look.manifest["outputs"]:
                    if output["product"]:
                        sound[str(folder / output["path"])] = (stage, key, output)
        with explained("read an artifact", self.root):
            seen = looks.digests(sorted(sound), hashed)
        for path, (stage, key, output) in sound.items():
            if seen[path] != output["sha256"]:
                look = found[stage, key]
                found[stage, key] = Look(DAMAGED, look.manifest, look.damage + (
                    "output {} damaged: sha256 differs".format(output["path"]),))
        for artifact in forced & set(found):
            if found[artifact].state in (INTACT, DROPPED):
                found[artifact] = found[artifact]._replace(state=FORCED)
        return found

    def list(self) -> List[Artifact]:
        """Every artifact that is published, by stage and key."""
        with explained("list the artifacts", self.root):
            return sorted((stage, key) for stage in disk.names(self.root / "artifacts")
                          for key in disk.names(self.root / "artifacts" / stage))

    def manifests(self) -> Iterator[dict]:
        """The manifests of all published artifacts, and after them of those in quarantine."""
        for stage, key in self.list():
            with explained("read an artifact", self.artifact(stage, key)):
                record = manifests.read(self.artifact(stage, key))
            if record is not None:
                yield record
        for name in self.quarantined():
            record = manifests.read(self.root / "quarantine" / name)
            if record is not None:
                yield record

    def quarantined(self) -> List[str]:
        """The names of the folders in quarantine."""
        return sorted(disk.names(self.root / "quarantine"))

    # Writing: all of it under the artifact's lock

    def lock(self, stage: str, key: str, shared: bool = False,
             on_wait: Optional[Callable[[], None]] = None) -> locks.Lock:
        """The lock on an artifact, not yet taken: shared to read it, else to make or remove it."""
        path = self.root / "locks" / "{}-{}.lock".format(stage, key)
        with explained("lock an artifact", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(str(path), "a"):  # here rather than in acquire(), where nobody explains it
                pass
        return locks.Lock(path, shared, on_wait)

    def is_being_made(self, stage: str, key: str) -> bool:
        """Whether a run holds the artifact's lock to make it, or to remove it, at this moment."""
        path = self.root / "locks" / "{}-{}.lock".format(stage, key)
        with explained("look at a lock", path):
            return locks.is_held(path)

    def workspace(self, stage: str, key: str) -> Path:
        """A new empty folder beside the artifact's. Call it under the lock: whatever an earlier,
        killed run of the same key left behind is removed."""
        target = self.artifact(stage, key)
        with explained("make a workspace", target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            for leftover in target.parent.glob(".{}.*.tmp".format(key)):
                _remove(leftover)
            fresh = target.parent / ".{}.{}.tmp".format(key, uuid.uuid4().hex[:8])
            fresh.mkdir()  # not mkdtemp: its 0700 would shut out whoever shares the store
        return fresh

    def copy(self, stage: str, key: str, to_key: str) -> Path:
        """A workspace for `to_key` that holds what the artifact holds, its manifest left out. Files
        share their bytes on the disk where it can do that."""
        workspace, source = self.workspace(stage, to_key), self.artifact(stage, key)
        with explained("copy an artifact", source):
            for path in sorted(source.rglob("*")):
                target = workspace / path.relative_to(source)
                if path.is_dir() and not path.is_symlink():
                    target.mkdir()
                elif path != source / manifests.NAME:
                    try:
                        os.link(str(path), str(target))
                    except OSError:
                        shutil.copy2(str(path), str(target))
        return workspace

    def discard(self, workspace: Path) -> None:
        """The workspace is gone, as far as it can be: the next run sweeps what is left."""
        shutil.rmtree(str(workspace), ignore_errors=True)

    def publish(self, workspace: Path, stage: str, key: str, manifest: dict) -> Path:
        """The workspace is the artifact, on the disk and whole; its folder is returned.

        `manifest` without `outputs` gets them, by the stage's products. Whatever else is in the
        way goes to quarantine; beside an intact one the workspace is dropped, since an artifact is
        never changed."""
        workspace, target = Path(workspace), self.artifact(stage, key)
        with explained("publish an artifact", target):
            record = dict(manifest, stage=stage, key=key)
            if "outputs" not in record:
                record["outputs"] = manifests.outputs(workspace, STAGES[stage].products)
            state = self.state(stage, key)
            if state == INTACT:
                shutil.rmtree(str(workspace))
                return target
            disk.settle(workspace)
            manifests.write(workspace, record)
            disk.take_write_permission(workspace / manifests.NAME)
            if state != UNKNOWN:
                self.quarantine(stage, key)
            os.rename(str(workspace), str(target))
            disk.fsync_folder(target.parent)
        self.marks.remove(FORCED, stage, key)
        return target

    def quarantine(self, stage: str, key: str) -> Path:
        """The artifact is out of the way, and unknown from now on. Its new folder is returned."""
        aside = self.root / "quarantine" / "{}-{}-{}".format(stage, key, uuid.uuid4().hex[:8])
        with explained("put an artifact into quarantine", aside):
            aside.parent.mkdir(parents=True, exist_ok=True)
            os.rename(str(self.artifact(stage, key)), str(aside))
            disk.fsync_folder(aside.parent)
        return aside

    def drop(self, stage: str, key: str, why: str) -> None:
        """The artifact's bytes are gone and its manifest stays: it was there, and is fresh for
        whatever lies below it."""
        with explained("drop an artifact", self.artifact(stage, key)):
            _empty(self.artifact(stage, key), why)

    def drop_quarantined(self, name: str) -> None:
        """The bytes of a folder in quarantine are gone; its manifest, if it has one, stays."""
        folder = self.root / "quarantine" / name
        with explained("drop an artifact in quarantine", folder):
            _empty(folder, "quarantined")

    def quarantined_bytes(self, name: str) -> int:
        """How much a folder in quarantine takes."""
        return sum(path.stat().st_size for path in (self.root / "quarantine" / name).rglob("*")
                   if path.is_file() and path.name not in (manifests.NAME, looks.DROPPED_NAME))

    def leftovers(self) -> List[Path]:
        """The workspaces of runs: of those that were killed, and of those at work."""
        return sorted((self.root / "artifacts").glob("*/.*.tmp"))

    def sweep(self) -> List[Path]:
        """The workspaces that killed runs have left, and that are gone now."""
        gone = []
        for path in self.leftovers():
            stage, key = path.parent.name, path.name.split(".")[1]
            try:
                with self.lock(stage, key).acquire(timeout=0):
                    _remove(path)
                    gone.append(path)
            except TimeoutError:
                pass  # at work
        return gone


def _empty(folder: Path, why: str) -> None:
    """The folder holds its manifest and a note of when and why the rest went, the note first."""
    disk.write(folder / looks.DROPPED_NAME, manifests.sealed(
        {"format": 1, "dropped": words.utc(time.time()), "why": why}))
    keep = (folder / manifests.NAME, folder / looks.DROPPED_NAME)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif path not in keep:
            path.unlink()
    disk.fsync_folder(folder)


def _remove(folder: Path) -> None:
    """The folder is gone. Tried again, since a process that is dying may still write into it."""
    for attempt in range(5):
        try:
            return shutil.rmtree(str(folder))
        except FileNotFoundError:
            if not folder.exists():
                return None
        except OSError:
            if attempt == 4:
                raise
        time.sleep(0.2)
    return None
