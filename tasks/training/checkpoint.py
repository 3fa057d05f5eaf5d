"""Checkpoints: files from which an interrupted training resumes, after an epoch or within it.

The job's checkpoint folder holds nothing else. A checkpoint is written under another name, fsynced, and renamed, so
that a killed process leaves a whole checkpoint or none. The digest in its name is checked before it is used.
"""

import hashlib
import io
import json
import logging
import os
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from octet import digest
from octet.checkpoint_files import CheckpointFile, newest_first

KEPT = 2
NUMBERS = "fiub"
"""numpy dtype kinds that a checkpoint can hold."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Checkpoint(NamedTuple):
    """The state of a training after `epoch` whole epochs and `batch` batches of the next one.

    variables: {name: value}. best: the weights of the best epoch, in order; None where none is kept yet. facts: JSON
    values: the history, the best epoch, and the sum of the losses of the epoch's batches.
    """

    epoch: int
    batch: int
    variables: Dict[str, np.ndarray]
    best: Optional[Sequence[np.ndarray]]
    facts: Dict[str, Any]


class Checkpoints:
    """The checkpoints of one training, in a folder. Without a folder, none are written or read."""

    def __init__(self, folder: Optional[Path]) -> None:
        """Raises OSError where `folder` is not a folder, or is a symbolic link."""
        self._folder = None if folder is None else os.open(str(folder), _FOLDER)
        self._warned = False

    @property
    def wanted(self) -> bool:
        """Whether checkpoints are written."""
        return self._folder is not None

    def newest(self, names: Sequence[str]) -> Optional[Checkpoint]:
        """The newest undamaged checkpoint of exactly the variables `names`; None where there is none. Logs a warning
        for each newer one that is skipped."""
        if self._folder is None:
            return None
        for file in newest_first(os.listdir(self._folder)):
            checkpoint = self._read(file)
            if checkpoint is not None and set(checkpoint.variables) == set(names):
                return checkpoint
            logging.warning("the checkpoint after epoch %d is not used: it is damaged, or has other variables",
                            file.epoch)
        return None

    def keep(self, checkpoint: Checkpoint) -> None:
        """Writes the checkpoint, and removes all but the newest `KEPT`. A checkpoint that cannot be written is logged
        once; the training continues without it."""
        if self._folder is None:
            return
        try:
            self._write(self._folder, checkpoint)
            for old in newest_first(os.listdir(self._folder))[KEPT:]:
                os.unlink(old.name, dir_fd=self._folder)
        except OSError as error:
            if not self._warned:
                logging.warning("no checkpoint after epoch %d: it cannot be written: %s",
                                checkpoint.epoch, error.strerror)
            self._warned = True

    @staticmethod
    def _write(folder: int, checkpoint: Checkpoint) -> None:
        temporary = ".epoch-{:05d}-{:06d}.part".format(checkpoint.epoch, checkpoint.batch)
        try:
            with os.fdopen(os.open(temporary, _NEW_FILE, 0o666, dir_fd=folder), "wb") as out:
                hashed = _Hashed(out)
                np.savez(hashed, **_arrays(checkpoint))
                out.flush()
                os.fsync(out.fileno())
            name = CheckpointFile(checkpoint.epoch, checkpoint.batch, hashed.sha256()).name
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            try:
                os.unlink(temporary, dir_fd=folder)
            except OSError:
                pass  # the next run removes it
            raise
        os.fsync(folder)

    def _read(self, file: CheckpointFile) -> Optional[Checkpoint]:
        try:
            with os.fdopen(os.open(file.name, _FILE, dir_fd=self._folder), "rb") as source:
                if digest.of_open_file(source) != file.sha256:
                    return None
                source.seek(0)
                return _read_arrays(source, file)
        except OSError:
            return None


class _Hashed:
    """Hashes what is written to a file, so that the checkpoint is not read back or held in memory a second time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hasher = file, hashlib.sha256()

    def write(self, content: bytes) -> int:
        self._hasher.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        self._file.flush()

    def read(self) -> bytes:
        """Never called; numpy accepts an object as a file only if it has `read`."""
        raise io.UnsupportedOperation("read")

    def sha256(self) -> str:
        return self._hasher.hexdigest()


def _arrays(checkpoint: Checkpoint) -> Dict[str, np.ndarray]:
    names = sorted(checkpoint.variables)
    facts = {"names": names, "best": None if checkpoint.best is None else len(checkpoint.best),
             "facts": checkpoint.facts}
    arrays = {"variable_{}".format(number): checkpoint.variables[name] for number, name in enumerate(names)}
    arrays.update(("best_{}".format(number), value) for number, value in enumerate(checkpoint.best or ()))
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode("utf-8"), np.uint8)
    return arrays


def _read_arrays(source: BinaryIO, file: CheckpointFile) -> Checkpoint:
    with np.load(source, allow_pickle=False) as arrays:
        facts = json.loads(arrays["facts"].tobytes().decode("utf-8"))
        variables = {name: arrays["variable_{}".format(number)] for number, name in enumerate(facts["names"])}
        best: Optional[List[np.ndarray]] = None
        if facts["best"] is not None:
            best = [arrays["best_{}".format(number)] for number in range(facts["best"])]
    return Checkpoint(file.epoch, file.batch, variables, best, facts["facts"])
