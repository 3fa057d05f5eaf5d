"""The names of a training's checkpoints, `epoch-00007-<sha256>.npz`: the digest of a file's bytes is in its name.

A stage's process writes and reads the files; the pipeline checks, lists and removes them.
"""

import re
from typing import Iterable, List, NamedTuple, Optional

_FORM = re.compile(r"epoch-(\d{5,9})-([0-9a-f]{64})\.npz\Z")


class CheckpointFile(NamedTuple):
    """One checkpoint's file. epoch: how many epochs were done. sha256: of its bytes, as 64 hex digits."""

    epoch: int
    sha256: str

    @property
    def name(self) -> str:
        return "epoch-{:05d}-{}.npz".format(self.epoch, self.sha256)


def parsed(name: str) -> Optional[CheckpointFile]:
    """What a file's name says; None for a file that is no checkpoint."""
    match = _FORM.match(name)
    return CheckpointFile(int(match.group(1)), match.group(2)) if match else None


def newest_first(names: Iterable[str]) -> List[CheckpointFile]:
    """The checkpoints among the files of these names."""
    return sorted(filter(None, map(parsed, names)), reverse=True)
