"""An array of decoded files whose rows lie in shards: files that several artifacts share.

    input_0.json            {dtype, shape, sha256}: what the array is, whatever its shards. sha256 is that of the sha256
                            of each row, in order
    shards/<sha256>.npy     some rows of the array, [n, *shape], named by the sha256 of the file
    shards/input_0.json     {shards: their names, in order}
    shards/input_0.npy      [N, 2] int32: in which shard the sample lies, counted from 0, and in which row of it
    shards/input_0.samples  what each row was decoded from (octet/data/shard_index.py)

With `data: {keep: encoded}`, the rows are kept as the bytes of the files that they are decoded from, and are decoded
when they are read (octet/data/encoded_rows.py). Then

    shards/<sha256>.npy     the bytes of some files, [M] uint8 (octet/data/packed_bytes.py)
    shards/input_0.json     has `decoding`, too: how a row is decoded
    shards/input_0.npy      [N, 10] int32: shard and row, and the 32 bytes of the sha256 of the decoded row

A row lies in the shard that follows from the sha256 of the file it was decoded from, its `source`. Shards are the
leaves of a tree over the bits of that sha256: a leaf of more than MOST_BYTES is split by the next bit. So the shards of
a set of files do not depend on the files' names and order, nor on the shards that were there before; one more file
changes one shard, or splits it in two. Files of the same bytes share a row.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

FOLDER = "shards"
MOST_BYTES = 16 << 20
"""Of the rows of one shard. A full store writes so much for one more file; a batch reads from as many shards as its
rows lie in."""
SOURCE_BITS = 256
ROWS = 4096  # hashed at a time


class Sharded:
    """An array [N, *shape], read-only: rows of mapped shards. Indexed as numpy's arrays are, it gives arrays that are
    copies. `np.asarray` of it reads all of it into memory."""

    publish: "Optional[Callable[[Path, str, Sharded], None]]" = None
    """Of an array whose shards lie in the artifact that is being made: publish(folder, name, array) writes the rest."""

    def __init__(self, shards: Sequence[Any], rows: np.ndarray, shape: Sequence[int], dtype: Any) -> None:
        """shards: [n, *shape] each. rows: as in shards/input_0.npy. shape: of one row."""
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
            return self._row(found)[inner]
        taken = self._taken(found.reshape(-1, self.rows.shape[1])).reshape(found.shape[:-1] + self.shape[1:])
        return taken[(slice(None),) * (found.ndim - 1) + inner] if inner else taken

    def _row(self, place: np.ndarray) -> np.ndarray:
        """One row [*shape]. place: an entry of `rows`."""
        row: np.ndarray = self.shards[place[0]][place[1]]
        return row

    def _taken(self, rows: np.ndarray) -> np.ndarray:
        """A copy of these rows: [len(rows), *shape]. rows: entries of `rows`."""
        if len(self.shards) == 1:
            return self.shards[0][rows[:, 1]]
        made = np.empty((len(rows),) + self.shape[1:], self.dtype)
        order = np.argsort(rows[:, 0], kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(rows[order, 0])) + 1):
            if len(places):
                made[places] = self.shards[rows[places[0], 0]][rows[places, 1]]
        return made


def layout(sources: np.ndarray, sizes: np.ndarray) -> List[Tuple[int, int]]:
    """Which sources are in each shard: (the first, the one after the last). sources: [U] S64, hex digits, sorted and
    different. sizes: [U], the bytes of the row of each."""
    return list(_leaves(sources, np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]), 0, len(sources), 0, 0))


def _leaves(sources: np.ndarray, starts: np.ndarray, first: int, last: int, prefix: int,
            bits: int) -> Iterator[Tuple[int, int]]:
    """The leaves below a node of the tree, which has the sources from `first` to `last`, that excluded. starts: the sum
    of the sizes of the sources before each. prefix: the first `bits` bits that all of them have."""
    if starts[last] - starts[first] <= MOST_BYTES or last - first < 2:
        if first < last:
            yield first, last
        return
    upper = (prefix << 1 | 1) << (SOURCE_BITS - bits - 1)
    middle = first + int(np.searchsorted(sources[first:last], "{:064x}".format(upper).encode()))
    yield from _leaves(sources, starts, first, middle, prefix << 1, bits + 1)
    yield from _leaves(sources, starts, middle, last, prefix << 1 | 1, bits + 1)


def described(name: str) -> str:
    """The file that says what the array `name` ('input_0') is, where it lies in shards."""
    return name + ".json"


def publish(folder: Path, name: str, array: Sharded, shards: Sequence[str], row_sha256: Sharded,
            decoding: Optional[Dict[str, Any]] = None) -> None:
    """Writes the description and the order of an array whose shards lie in the folder already.

    shards: their names. row_sha256: [N, 32] uint8, of each row of the array. decoding: how a row is decoded that is
    kept encoded; None for decoded rows."""
    whole = sha256_of(row_sha256)
    kept: Dict[str, Any] = {"shards": list(shards)}
    if decoding is not None:
        kept["decoding"] = decoding
    for path, value in ((folder / described(name), {"dtype": array.dtype.name, "shape": array.shape, "sha256": whole}),
                        (folder / FOLDER / described(name), kept)):
        path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    np.save(str(folder / FOLDER / (name + ".npy")), array.rows)


def sha256_of(rows: Any) -> str:
    """The sha256 of the bytes of an array, or of what is indexed as one, as 64 hex digits."""
    hasher = hashlib.sha256()
    for start in range(0, len(rows), ROWS):
        hasher.update(np.ascontiguousarray(rows[start:start + ROWS]))
    return hasher.hexdigest()


def read(folder: Path, name: str) -> Sharded:
    """The array `name` that was published in the folder. Its shards are mapped into memory. Raises StoreError for
    encoded rows that are damaged."""
    said = json.loads((folder / described(name)).read_text(encoding="utf-8"))
    kept = json.loads((folder / FOLDER / described(name)).read_text(encoding="utf-8"))
    order = folder / FOLDER / (name + ".npy")
    paths = [folder / FOLDER / (shard + ".npy") for shard in kept["shards"]]
    if "decoding" not in kept:
        return Sharded([mapped(path) for path in paths], mapped(order), said["shape"][1:], said["dtype"])
    from octet.data import encoded_rows  # it imports Pillow
    return encoded_rows.read(paths, order, said, kept["decoding"])


def mapped(path: Path) -> np.ndarray:
    """The array in an .npy file, mapped into memory, read-only."""
    return np.asarray(np.load(str(path), mmap_mode="r"))
