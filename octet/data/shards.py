"""An array of decoded files whose rows lie in shards: files that several artifacts share.

    input_0.json            {dtype, shape, sha256}: what the array is, whatever its shards. sha256 is that of the sha256
                            of each row, in order
    shards/<sha256>.npy     some rows of the array, [n, *shape], named by the sha256 of the file
    shards/input_0.json     {shards: their names, in order}
    shards/input_0.npy      [N, 2] int32: in which shard the sample lies, counted from 0, and in which row of it
    shards/input_0.samples  what each row was decoded from (octet/data/shard_index.py)

A row lies in the shard that follows from the sha256 of the file it was decoded from, its `source`. Shards are the
leaves of a tree over the bits of that sha256: a leaf of more than MOST_BYTES is split by the next bit. So the shards of
a set of files do not depend on the files' names and order, nor on the shards that were there before; one more file
changes one shard, or splits it in two. Files of the same bytes share a row.
"""

import json
from bisect import bisect_left
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple

import numpy as np

from octet import digest

FOLDER = "shards"
MOST_BYTES = 16 << 20
"""Of the rows of one shard. A full store writes so much for one more file; a batch reads from as many shards as its
rows lie in."""
SOURCE_BITS = 256


class Sharded:
    """An array [N, *shape], read-only: rows of mapped shards. Indexed as numpy's arrays are, it gives arrays that are
    copies. `np.asarray` of it reads all of it into memory."""

    def __init__(self, shards: Sequence[np.ndarray], rows: np.ndarray, shape: Sequence[int], dtype: Any) -> None:
        """shards: [n, *shape] each. rows: [N, 2], as in shards/input_0.npy. shape: of one row."""
        self.shards, self.rows = list(shards), rows
        self.dtype = np.dtype(dtype)
        self.shape: Tuple[int, ...] = (len(rows), *shape)

    @property
    def ndim(self) -> int:
        """The number of axes, the samples' included."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """The number of bytes of all values."""
        return self.size * int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[row] for row in range(len(self)))

    def __array__(self, dtype: Any = None) -> np.ndarray:
        return self._taken(np.asarray(self.rows)).astype(dtype or self.dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:
        samples, inner = (key[0], key[1:]) if isinstance(key, tuple) and key else (key, ())
        if samples is Ellipsis or samples is None:
            return np.asarray(self)[key]
        found = self.rows[samples]
        if found.ndim == 1:  # one sample
            shard, row = found
            return self.shards[shard][row][inner]
        taken = self._taken(found.reshape(-1, 2)).reshape(found.shape[:-1] + self.shape[1:])
        return taken[(slice(None),) * (found.ndim - 1) + inner] if inner else taken

    def _taken(self, rows: np.ndarray) -> np.ndarray:
        """A copy of these rows: [len(rows), *shape]."""
        if len(self.shards) == 1:
            return self.shards[0][rows[:, 1]]
        made = np.empty((len(rows),) + self.shape[1:], self.dtype)
        order = np.argsort(rows[:, 0], kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(rows[order, 0])) + 1):
            if len(places):
                made[places] = self.shards[rows[places[0], 0]][rows[places, 1]]
        return made


def layout(sources: Sequence[str], row_bytes: int) -> List[List[str]]:
    """The sources of each shard, sorted. sources: 64 hex digits each, sorted and different. row_bytes: of one row."""
    return list(_leaves(list(sources), row_bytes, 0, 0))


def _leaves(sources: List[str], row_bytes: int, prefix: int, bits: int) -> Iterator[List[str]]:
    """The leaves below a node of the tree. prefix: the first `bits` bits that all the sources have."""
    if len(sources) * row_bytes <= MOST_BYTES or len(sources) < 2:
        if sources:
            yield sources
        return
    upper = (prefix << 1 | 1) << (SOURCE_BITS - bits - 1)
    middle = bisect_left(sources, "{:064x}".format(upper))
    yield from _leaves(sources[:middle], row_bytes, prefix << 1, bits + 1)
    yield from _leaves(sources[middle:], row_bytes, prefix << 1 | 1, bits + 1)


def described(name: str) -> str:
    """The file that says what the array `name` ('input_0') is, where it lies in shards."""
    return name + ".json"


def publish(folder: Path, name: str, array: Sharded, shards: Sequence[str], row_sha256: np.ndarray) -> None:
    """Writes the description and the order of an array whose shards lie in the folder already.

    shards: their names. row_sha256: [N, 32] uint8, of each row of the array."""
    whole = digest.of_bytes(np.ascontiguousarray(row_sha256).tobytes())
    for path, value in ((folder / described(name), {"dtype": array.dtype.name, "shape": array.shape, "sha256": whole}),
                        (folder / FOLDER / described(name), {"shards": list(shards)})):
        path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    np.save(str(folder / FOLDER / (name + ".npy")), array.rows)


def read(folder: Path, name: str) -> Sharded:
    """The array `name` that was published in the folder. Its shards are mapped into memory."""
    said = json.loads((folder / described(name)).read_text(encoding="utf-8"))
    names = json.loads((folder / FOLDER / described(name)).read_text(encoding="utf-8"))["shards"]
    rows = np.asarray(np.load(str(folder / FOLDER / (name + ".npy")), mmap_mode="r"))
    return Sharded([mapped(folder / FOLDER / (shard + ".npy")) for shard in names], rows, said["shape"][1:],
                   said["dtype"])


def mapped(path: Path) -> np.ndarray:
    """The array in an .npy file, mapped into memory, read-only."""
    return np.asarray(np.load(str(path), mmap_mode="r"))
