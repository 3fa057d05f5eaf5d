"""Checkpoints of unfinished trainings, in `<root>/partial/<stage>/<key>/`. The stage's process writes them.

They are not artifacts: they belong to the artifact with this key, and are removed when it is published.
"""

import os
import stat
import sys
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple

from octet import digest
from octet.checkpoint_files import newest_first, parsed
from pipeline.files.file_errors import explained
from pipeline.files.removal import remove
from pipeline.files.safe_tree import Folder, Misplaced, is_safe_name, printable
from pipeline.store.store_tree import PARTIAL, StoreTree

DAY_S = 24 * 3600


class UnfinishedTraining(NamedTuple):
    """A training that is running or was interrupted, and has checkpoints.

    epochs_done: the number of finished epochs in the newest checkpoint. size_bytes: of all checkpoints. written: the
    time of the newest one, in seconds since 1970."""

    stage: str
    key: str
    epochs_done: int
    size_bytes: int
    written: float

    def is_older_than(self, days: float) -> bool:
        return time.time() - self.written > days * DAY_S


class StoredCheckpoints:
    """The folder <root>/partial of one store. Methods that change something need the artifact's lock. OSErrors become
    StoreErrors, except in `remove_empty`, which ignores them."""

    def __init__(self, tree: StoreTree) -> None:
        self.tree = tree

    def prepare_folder(self, stage: str, key: str) -> Path:
        """Makes the folder for a stage's process, removes unfinished files, moves damaged checkpoints to quarantine
        (and prints which), and returns its path."""
        place = _place(stage, key)
        with explained("make a folder for checkpoints", self.tree.path(place)):
            self.tree.expect_short(place)
            with self.tree.ensure(place) as folder:
                for name in folder.names():
                    if name.startswith("."):
                        remove(folder, name)  # unfinished: its process was killed
                for name in self.damaged(stage, key):
                    print("{}: the checkpoint {} is not what was written; it is now {}".format(
                        stage, printable(name), self.put_aside(stage, key, name)), file=sys.stderr, flush=True)
        return self.tree.path(place)

    def epochs_done(self, stage: str, key: str) -> int:
        """The number of finished epochs in the newest checkpoint; 0 without a checkpoint."""
        training = self._unfinished(stage, key)
        return training.epochs_done if training else 0

    def unfinished(self) -> List[UnfinishedTraining]:
        """Every training that has checkpoints, by stage and key."""
        trainings = [self._unfinished(stage, key) for stage, key in self.places()]
        return [training for training in trainings if training is not None]

    def places(self) -> Iterator[Tuple[str, str]]:
        """(stage, key) of each folder, including folders without a checkpoint."""
        for stage in self._names(PARTIAL):
            for key in self._names("{}/{}".format(PARTIAL, stage)):
                yield stage, key

    def damaged(self, stage: str, key: str) -> List[str]:
        """The names of files that are not checkpoints, or whose content does not match the digest in the name. Reads
        every byte."""
        place = _place(stage, key)
        with explained("read the checkpoints", self.tree.path(place)):
            try:
                with self.tree.at(place) as folder:
                    return [name for name in folder.names() if not name.startswith(".") and not _is_whole(folder, name)]
            except (FileNotFoundError, Misplaced):
                return []

    def put_aside(self, stage: str, key: str, name: str) -> Path:
        """Moves a file to quarantine. Returns its path there."""
        place = "{}/{}".format(_place(stage, key), name)
        with explained("put a checkpoint into quarantine", self.tree.path(place)):
            return self.tree.put_aside(place, "{}-{}-checkpoint".format(stage, key))

    def remove(self, stage: str, key: str) -> bool:
        """Removes the checkpoints. Returns whether there were any."""
        there = self.epochs_done(stage, key) > 0
        parent, _, name = _place(stage, key).rpartition("/")
        with explained("remove checkpoints", self.tree.path(parent) / name):
            try:
                with self.tree.at(parent) as folder:
                    remove(folder, name)
            except FileNotFoundError:
                pass
        return there

    def remove_empty(self, stage: str, key: str) -> None:
        """Removes the folder if it is empty and can be removed."""
        try:
            with self.tree.at("{}/{}".format(PARTIAL, stage)) as folder:
                folder.remove_folder(key)
        except OSError:
            pass

    def _unfinished(self, stage: str, key: str) -> Optional[UnfinishedTraining]:
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
        file, newest_status = there[0]
        size_bytes = sum(status.st_size for _, status in there)
        return UnfinishedTraining(stage, key, file.epoch, size_bytes, newest_status.st_mtime)

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
