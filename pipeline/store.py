"""Artifact folders: found by stage and key, published whole or not at all, never changed after.

    <root>/artifacts/<stage>/<key>/           one artifact, its manifest.json written last
    <root>/artifacts/<stage>/.<key>.<id>.tmp/ a run's workspace; left only by a run that was killed
    <root>/locks/<stage>-<key>.lock           held while an artifact is made
    <root>/quarantine/<stage>-<key>-<id>/     damaged artifacts, out of the way but not lost

No other file does path arithmetic inside the store.
"""

import errno
import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

import filelock

from octet import digest
from octet.errors import StoreError
from pipeline import manifest as manifests
from pipeline.spec import STAGES

INTACT, DAMAGED, UNKNOWN = "intact", "damaged", "unknown"

_WAY_OUT = {
    errno.ENOSPC: "free some space on that disk, or set another store in luigi.cfg.",
    errno.EDQUOT: "free some of your quota, or set another store in luigi.cfg.",
    errno.EROFS: "the file system is read-only: set another store in luigi.cfg.",
    errno.EACCES: "give this user write access, or set another store in luigi.cfg.",
    errno.EPERM: "give this user write access, or set another store in luigi.cfg.",
    errno.EIO: "the disk failed: look at the kernel's log before anything else.",
}


class Store:
    """The artifacts below one root folder. Every OSError comes out as a StoreError."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()

    def artifact(self, stage: str, key: str) -> Path:
        """The folder of an artifact, whether it is there or not."""
        return self.root / "artifacts" / stage / key

    def state(self, stage: str, key: str) -> str:
        """'intact': manifest and every output are there with the bytes that were published;
        'damaged': the folder is there and something in it is not; 'unknown': no such folder."""
        folder = self.artifact(stage, key)
        with _explained("read an artifact", folder):
            if not os.path.lexists(str(folder)):
                return UNKNOWN
            record = manifests.read(folder)
            if record is None or (record["stage"], record["key"]) != (stage, key):
                return DAMAGED
            return INTACT if _as_published(folder, record["outputs"]) else DAMAGED

    def lock(self, stage: str, key: str) -> filelock.FileLock:
        """The lock on an artifact, not yet taken. The kernel frees it when its holder dies;
        it is also freed when the returned object is garbage, so keep it (`with` does)."""
        path = self.root / "locks" / "{}-{}.lock".format(stage, key)
        with _explained("lock an artifact", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(str(path), "a"):  # here rather than in acquire(), where nobody explains it
                pass
        return filelock.FileLock(str(path))

    def workspace(self, stage: str, key: str) -> Path:
        """A new empty folder beside the artifact's. Call it under the lock: whatever an earlier,
        killed run of the same key left behind is removed."""
        target = self.artifact(stage, key)
        with _explained("make a workspace", target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            for leftover in target.parent.glob(".{}.*.tmp".format(key)):
                shutil.rmtree(str(leftover))
            fresh = target.parent / ".{}.{}.tmp".format(key, uuid.uuid4().hex[:8])
            fresh.mkdir()  # not mkdtemp: its 0700 would shut out whoever shares the store
        return fresh

    def discard(self, workspace: Path) -> None:
        """Nothing is left of the workspace of a stage that failed. Call it under the lock."""
        with _explained("remove a workspace", workspace):
            shutil.rmtree(str(workspace))

    def publish(self, workspace: Path, stage: str, key: str, manifest: dict) -> Path:
        """The workspace is the artifact, on the disk and whole; its folder is returned.

        Call it under the lock. `manifest` without `outputs` gets them, by the stage's products. A
        damaged artifact in the way goes to quarantine; beside an intact one the workspace is
        dropped, since an artifact is never changed."""
        workspace, target = Path(workspace), self.artifact(stage, key)
        with _explained("publish an artifact", target):
            record = dict(manifest, stage=stage, key=key)
            if "outputs" not in record:
                record["outputs"] = manifests.outputs(workspace, STAGES[stage].products)
            state = self.state(stage, key)
            if state == INTACT:
                shutil.rmtree(str(workspace))
                return target
            _settle(workspace)
            manifests.write(workspace, record)
            _take_write_permission(workspace / manifests.NAME)
            if state == DAMAGED:
                self._quarantine(stage, key)
            os.rename(str(workspace), str(target))
            manifests.fsync_folder(target.parent)
        return target

    def list(self) -> List[dict]:
        """The manifests of all published artifacts, by stage and key; damaged ones without a
        manifest are left out."""
        with _explained("list the artifacts", self.root):
            folders = sorted(path for path in (self.root / "artifacts").glob("*/*")
                             if not path.name.startswith("."))
            records = [manifests.read(folder) for folder in folders]
        return [record for record in records if record is not None]

    def _quarantine(self, stage: str, key: str) -> None:
        aside = self.root / "quarantine" / "{}-{}-{}".format(stage, key, uuid.uuid4().hex[:8])
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.rename(str(self.artifact(stage, key)), str(aside))
        manifests.fsync_folder(aside.parent)


def _as_published(folder: Path, outputs: List[dict]) -> bool:
    paths = [str(folder / output["path"]) for output in outputs]
    try:
        if any(os.stat(path).st_size != output["bytes"] for path, output in zip(paths, outputs)):
            return False
        found = digest.cached_all(paths, "sha256", digest.of_file)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False
    return found == [output["sha256"] for output in outputs]


def _settle(folder: Path) -> None:
    """Every file below `folder` is on the disk and not writable; every folder's names too."""
    for parent, _, names in os.walk(str(folder), topdown=False):
        for name in names:
            path = Path(parent) / name
            handle = os.open(str(path), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            _take_write_permission(path)
        manifests.fsync_folder(Path(parent))


def _take_write_permission(path: Path) -> None:
    if not path.is_symlink():
        path.chmod(path.stat().st_mode & 0o7555)


@contextmanager
def _explained(doing: str, where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            "cannot {}: {}".format(doing, error.strerror or error),
            where=str(error.filename or where),
            why="an artifact that is not whole is not used; nothing half-written is published.",
            next_step=_WAY_OUT.get(error.errno, "check the store's folder in luigi.cfg."),
        ) from error
