"""Checkpoints of trainings that have not ended: `<root>/partial/<stage>/<key>/`, written by the stage's process.

They are no artifacts: nothing is made from them but the artifact of that key, and when it is published they go.
"""

import os
import stat
import sys
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple

from octet import digest
from octet.checkpoint_files import newest_first, parsed
from pipeline.files.durable_files import explained
from pipeline.files.removal import remove
from pipeline.files.safe_tree import Folder, Misplaced, is_safe_name, printable
from pipeline.store.store_tree import PARTIAL, StoreTree

DAY_S = 24 * 3600


class Interrupted(NamedTuple):
    """A training with checkpoints. epoch: how many epochs the newest holds. written: when, in seconds since 1970."""

    stage: str
    key: str
    epoch: int
    bytes: int
    written: float

    def is_older_than(self, days: float) -> bool:
        return time.time() - self.written > days * DAY_S


class StoredCheckpoints:
    """<root>/partial of one store. What changes it is called under the lock of the artifact. Every OSError comes out as
    a StoreError."""

    def __init__(self, tree: StoreTree) -> None:
        self.tree = tree

    def folder(self, stage: str, key: str) -> Path:
        """The folder for a stage's process: it is there, and holds nothing but whole checkpoints. What does not match
        its digest is in quarantine, and that is said."""
        place = _place(stage, key)
        with explained("make a folder for checkpoints", self.tree.path(place)):
            self.tree.expect_short(place)
            with self.tree.made(place) as folder:
                for name in folder.names():
                    if name.startswith("."):
                        remove(folder, name)  # of a process that was killed while it wrote
                for name in self.spoiled(stage, key):
                    print("{}: the checkpoint {} is not what was written; it is now {}".format(
                        stage, printable(name), self.put_aside(stage, key, name)), file=sys.stderr, flush=True)
        return self.tree.path(place)

    def epoch(self, stage: str, key: str) -> int:
        """How many epochs the newest checkpoint holds; 0 where there is none."""
        found = self._interrupted(stage, key)
        return found.epoch if found else 0

    def list(self) -> List[Interrupted]:
        """Every training that has checkpoints, by stage and key."""
        found = [self._interrupted(stage, key) for stage, key in self.places()]
        return [each for each in found if each is not None]

    def places(self) -> Iterator[Tuple[str, str]]:
        """(stage, key) of each folder, also of one without a checkpoint."""
        for stage in self._names(PARTIAL):
            for key in self._names("{}/{}".format(PARTIAL, stage)):
                yield stage, key

    def spoiled(self, stage: str, key: str) -> List[str]:
        """The names of what is no checkpoint, or does not match its digest; every byte is read."""
        place = _place(stage, key)
        with explained("read the checkpoints", self.tree.path(place)):
            try:
                with self.tree.at(place) as folder:
                    return [name for name in folder.names() if not name.startswith(".") and not _is_whole(folder, name)]
            except (FileNotFoundError, Misplaced):
                return []

    def put_aside(self, stage: str, key: str, name: str) -> Path:
        """What is there is in quarantine, at the path returned."""
        place = "{}/{}".format(_place(stage, key), name)
        with explained("put a checkpoint into quarantine", self.tree.path(place)):
            return self.tree.put_aside(place, "{}-{}-checkpoint".format(stage, key))

    def remove(self, stage: str, key: str) -> bool:
        """The checkpoints are gone. Whether there were any."""
        there = self.epoch(stage, key) > 0
        parent, _, name = _place(stage, key).rpartition("/")
        with explained("remove checkpoints", self.tree.path(parent) / name):
            try:
                with self.tree.at(parent) as folder:
                    remove(folder, name)
            except FileNotFoundError:
                pass
        return there

    def remove_empty(self, stage: str, key: str) -> None:
        """A folder without a file is gone; one that cannot be removed stays."""
        try:
            with self.tree.at("{}/{}".format(PARTIAL, stage)) as folder:
                folder.remove_folder(key)
        except OSError:
            pass

    def _interrupted(self, stage: str, key: str) -> Optional[Interrupted]:
        place = _place(stage, key)
        with explained("read the checkpoints", self.tree.path(place)):
            try:
                with self.tree.at(place) as folder:
                    newest = newest_first(folder.names())
                    states = [folder.status(file.name) for file in newest]
            except (FileNotFoundError, Misplaced):
                return None
        there = [(file, status) for file, status in zip(newest, states)
                 if status is not None and stat.S_ISREG(status.st_mode)]
        if not there:
            return None
        file, status = there[0]
        return Interrupted(stage, key, file.epoch, sum(each.st_size for _, each in there), status.st_mtime)

    def _names(self, place: str) -> List[str]:
        with explained("list the checkpoints", self.tree.path(place)):
            try:
                with self.tree.at(place) as folder:
                    return [name for name in folder.names() if not name.startswith(".") and is_safe_name(name)]
            except (FileNotFoundError, Misplaced):
                return []


def _is_whole(folder: Folder, name: str) -> bool:
    file = parsed(name)
    if file is None:
        return False
    try:
        with os.fdopen(folder.open_file(name), "rb") as content:
            return digest.of_open_file(content) == file.sha256
    except Misplaced:
        return False


def _place(stage: str, key: str) -> str:
    return "{}/{}/{}".format(PARTIAL, stage, key)
