"""Allocates the large arrays of a dataset in memory or on disk, and reports the progress of reading.

Outside of `into`, arrays are in memory and progress is not reported, so that a dataset can be loaded interactively.
"""

import functools
import operator
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

from octet.data import memory_for_data
from octet.errors import StoreError
from octet.sizes import size

if TYPE_CHECKING:
    from octet.data.shard_writer import ShardWriter

NEXT_STEP = "Write a smaller size in data.args, or use fewer samples."
Progress = Callable[[float, str], None]
REPORT_S = 0.5  # the least time between two reports
ROWS = 1024  # samples copied at a time


class _Reading(NamedTuple):
    folder: Optional[str]
    progress: Progress
    files: Dict[str, Tuple[Tuple[int, ...], Any]]
    shards: "Optional[ShardWriter]"


_now = _Reading(None, lambda fraction, message: None, {}, None)


@contextmanager
def into(folder: Optional[str], progress: Progress, shards: "Optional[ShardWriter]" = None) -> Iterator[None]:
    """Inside the block, `empty` allocates arrays in files of the folder (None: in memory), and `Watch` reports to
    `progress`. At the end of the block, the files that were not renamed are removed.

    shards: the writer of the shards of decoded files, which later artifacts can reuse; None for plain arrays."""
    global _now
    before, _now = _now, _Reading(folder, progress, {}, shards)
    try:
        yield
    finally:
        files, _now = _now.files, before
        for file in files:
            if os.path.lexists(file):
                os.remove(file)


def on_disk() -> bool:
    """Whether `empty` allocates arrays in files."""
    return _now.folder is not None


def shard_writer() -> "Optional[ShardWriter]":
    """The writer of the shards of decoded files; None if they become plain arrays."""
    return _now.shards


def empty(shape: Sequence[int], dtype: Any, what: str = "", where: str = "data") -> Any:
    """A new array, to be filled. Inside of `into` with a folder, it is an .npy file that is mapped into memory, so that
    the system can write its pages to disk. what: the samples in words; where: their source. Raises DatasetError if the
    memory is too small, or StoreError if the disk is."""
    import numpy as np

    shape, dtype = tuple(int(side) for side in shape), np.dtype(dtype)
    needed = functools.reduce(operator.mul, shape, dtype.itemsize)  # Python integers: a damaged shape may be huge
    what = what or "{} samples of shape {}, decoded,".format(shape[0], list(shape[1:]))
    if _now.folder is None or not needed:
        memory_for_data.expect(needed, what, where, NEXT_STEP)
        return np.empty(shape, dtype)
    _expect_disk(needed, what, where)
    file = os.path.join(_now.folder, ".reading-{}.npy".format(len(_now.files)))
    _now.files[file] = (shape, dtype)
    made = np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)
    with open(file, "r+b") as opened:  # otherwise, a full disk would kill the process when a page is written
        os.posix_fallocate(opened.fileno(), 0, made.offset + made.nbytes)
    return made


def per_sample(count: int, dtype: Any, shape: Sequence[int] = ()) -> Any:
    """A new array [count, *shape] of zeros, for facts about each sample while a part is read. `empty` allocates it,
    because it grows with the data."""
    import numpy as np

    made = empty((count, *shape), dtype, "the digests of {} samples".format(count))
    made[...] = np.zeros((), dtype)
    return made


def expect_disk(needed: int, otherwise: int, encoded: bool, what: str, where: str, note: str) -> None:
    """Reports the bytes of disk that are needed, before anything is decoded. Raises StoreError if fewer are free.

    needed: the bytes of the rows as they are kept. encoded: whether they are kept encoded (`data.keep`). otherwise:
    their bytes if they were kept the other way. note: a further remark for the report, or ''."""
    _now.progress(0.0, "{}{}: {} of disk{}".format(what, ", kept encoded" if encoded else "", size(needed),
                                                  "; " + note if note else ""))
    next_step = "Free some disk, or use fewer samples." if encoded else NEXT_STEP
    if otherwise < needed:
        next_step = "Write keep: {} in data, which needs {}.".format("decoded" if encoded else "encoded", size(
            otherwise)) if otherwise <= _free() else "{} keep: {} in data needs {}.".format(
                next_step, "decoded" if encoded else "encoded", size(otherwise))
    _expect_disk(needed, what, where, "The encoded data is" if encoded else "The decoded data is", next_step)


def _expect_disk(needed: int, what: str, where: str, kept: str = "The decoded data is",
                 next_step: str = NEXT_STEP) -> None:
    free = _free()
    if needed > free:
        raise StoreError("{} need {} of disk; {} are free".format(what, size(needed), size(free)), where,
                         "{} stored in {} for all later stages.".format(kept, _now.folder), next_step)


def _free() -> int:
    """The free bytes of the disk on which arrays are allocated."""
    status = os.statvfs(_now.folder or "")
    return status.f_bavail * status.f_frsize


def taken(array: Any, rows: Sequence[int]) -> Any:
    """A copy of these rows of an array, allocated by `empty`."""
    made = empty((len(rows),) + array.shape[1:], array.dtype)
    for start in range(0, len(rows), ROWS):
        made[start:start + ROWS] = array[rows[start:start + ROWS]]
    return made


def file_of(array: Any) -> Optional[str]:
    """The file of an array that `empty` allocated; None if it allocated none, or if the array is a part of it."""
    import numpy as np

    name = str(getattr(array, "filename", None))
    whole = isinstance(array, np.memmap) and _now.files.get(name) == (array.shape, array.dtype)
    return name if whole and array.flags.c_contiguous else None


class Watch:
    """Reports the number of finished items, of `count`, and the estimated time for the others."""

    def __init__(self, what: str, count: int) -> None:
        self.what, self.count = what, count
        self.started = self.reported = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if done < self.count and now - self.reported < REPORT_S or not self.count:
            return
        self.reported = now
        left_s = (now - self.started) / max(1, done) * (self.count - done)
        _now.progress(min(done / self.count, 0.99), "{}: {} of {}{}".format(
            self.what, done, self.count, ", {:.0f} s left".format(left_s) if done < self.count else ""))
