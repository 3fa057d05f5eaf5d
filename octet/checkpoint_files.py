"""The file names of a training's checkpoints. Each name contains the sha256 of the file's bytes.

    epoch-00007-<sha256>.npz                  after 7 whole epochs
    epoch-00007-batch-000120-<sha256>.npz     after 7 whole epochs and 120 batches of the next one

A stage's process writes and reads the files; the pipeline checks, lists and removes them.
"""

import re
from typing import Iterable, List, NamedTuple, Optional

_FORM = re.compile(r"epoch-(\d{5,9})(?:-batch-(\d{6,12}))?-([0-9a-f]{64})\.npz\Z")


class CheckpointFile(NamedTuple):
    """The file of a checkpoint. epoch: the number of finished epochs. batch: the number of finished batches of the next
    epoch. sha256: of the file's bytes, as 64 hex digits."""

    epoch: int
    batch: int
    sha256: str

    @property
    def name(self) -> str:
        batch = "-batch-{:06d}".format(self.batch) if self.batch else ""
        return "epoch-{:05d}{}-{}.npz".format(self.epoch, batch, self.sha256)


def parsed(name: str) -> Optional[CheckpointFile]:
    """The fields of a checkpoint's file name; None for any other name."""
    match = _FORM.match(name)
    return CheckpointFile(int(match.group(1)), int(match.group(2) or 0), match.group(3)) if match else None


def newest_first(names: Iterable[str]) -> List[CheckpointFile]:
    """The checkpoints among these file names, the newest first."""
    return sorted(filter(None, map(parsed, names)), reverse=True)
