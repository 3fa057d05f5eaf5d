"""An array of decoded files whose rows are stored in shards: files that several artifacts can share.

    input_0.json            {dtype, shape, sha256}: the array, independent of its shards. sha256: of the sha256 of all
                            rows, in order
    shards/<sha256>.npy     some rows of the array, [n, *shape]; the name is the sha256 of the file
    shards/input_0.json     {shards: their names, in order}
    shards/input_0.npy      [N, 2] int32: for each sample, the index of its shard and its row in the shard
    shards/input_0.samples  from which file each row was decoded (octet/data/shard_index.py)

With `data: {keep: encoded}`, the shards contain the bytes of the files, which are decoded when rows are read
(octet/data/encoded_rows.py). Then

    shards/<sha256>.npy     the bytes of some files, [M] uint8 (octet/data/packed_bytes.py)
    shards/input_0.json     also has `decoding`: how a row is decoded
    shards/input_0.npy      [N, 10] int32: shard and row, and the 32 bytes of the sha256 of the decoded row

The `source` of a row is the sha256 of the file from which it was decoded. It determines the shard of the row. Shards
are the leaves of a tree over the bits of the source: a leaf of more than MOST_BYTES is split by the next bit. So the
shards of a set of files depend neither on the names and the order of the files nor on earlier shards. One more file
changes one shard, or splits it into two. Files with the same bytes share a row.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

FOLDER = "shards"
MOST_BYTES = 16 << 20
"""The largest size of the rows of one shard. One more file in a large dataset writes about this many bytes. With a
smaller size, the rows of a batch would be in more shards."""
SOURCE_BITS = 256
ROWS = 4096  # hashed at a time


class Sharded:
    """A read-only array [N, *shape], whose rows are in mapped shards. It is indexed like a numpy array, and returns
    copies. `np.asarray` of it reads all rows into memory."""

    publish: "Optional[Callable[[Path, str, Sharded], None]]" = None
    """For an array whose shards are in the artifact that is being made: publish(folder, name, array) writes the other
    files."""

    def __init__(self, shards: Sequence[Any], rows: np.ndarray, shape: Sequence[int], dtype: Any) -> None:
        """shards: the rows of each shard, [n, *shape]. rows: as in shards/input_0.npy. shape: of one row."""
        self.shards, self.rows = list(shards), rows
        self.dtype = np.dtype(dtype)
        self.shape: Tuple[int, ...] = (len(rows), *shape)

    @property
    def ndim(self) -> int:
        """The number of axes, with that of the samples."""
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
        return self._copy(np.asarray(self.rows)).astype(dtype or self.dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:
        samples, inner = (key[0], key[1:]) if isinstance(key, tuple) and key else (key, ())
        if samples is Ellipsis or samples is None:
            return np.asarray(self)[key]
        places = self.rows[samples]
        if places.ndim == 1:  # one sample
            return self._row(places)[inner]
        copied = self._copy(places.reshape(-1, self.rows.shape[1])).reshape(places.shape[:-1] + self.shape[1:])
        return copied[(slice(None),) * (places.ndim - 1) + inner] if inner else copied

    def _row(self, place: np.ndarray) -> np.ndarray:
        """One row [*shape]. place: an entry of `rows`."""
        row: np.ndarray = self.shards[place[0]][place[1]]
        return row

    def _copy(self, rows: np.ndarray) -> np.ndarray:
        """A copy of some rows, [len(rows), *shape]. rows: entries of `rows`."""
        if len(self.shards) == 1:
            return self.shards[0][rows[:, 1]]
        made = np.empty((len(rows),) + self.shape[1:], self.dtype)
        order = np.argsort(rows[:, 0], kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(rows[order, 0])) + 1):
            if len(places):
                made[places] = self.shards[rows[places[0], 0]][rows[places, 1]]
        return made


def layout(sources: np.ndarray, sizes: np.ndarray) -> List[Tuple[int, int]]:
    """The sources of each shard: (index of the first, index after the last). sources: [U] S64, hex digits, sorted and
    distinct. sizes: [U], the bytes of the row of each source."""
    return list(_leaves(sources, np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]), 0, len(sources), 0, 0))


def _leaves(sources: np.ndarray, starts: np.ndarray, first: int, last: int, prefix: int,
            bits: int) -> Iterator[Tuple[int, int]]:
    """The leaves below a node of the tree, to which the sources from `first` to before `last` belong. starts: the sum
    of the sizes of the sources before each. prefix: the first `bits` bits, which these sources have in common."""
    if starts[last] - starts[first] <= MOST_BYTES or last - first < 2:
        if first < last:
            yield first, last
        return
    upper = (prefix << 1 | 1) << (SOURCE_BITS - bits - 1)
    middle = first + int(np.searchsorted(sources[first:last], "{:064x}".format(upper).encode()))
    yield from _leaves(sources, starts, first, middle, prefix << 1, bits + 1)
    yield from _leaves(sources, starts, middle, last, prefix << 1 | 1, bits + 1)


def described(name: str) -> str:
    """The name of the file that describes the array `name` ('input_0'), if it is stored in shards."""
    return name + ".json"


def publish(folder: Path, name: str, array: Sharded, shards: Sequence[str], row_sha256: Sharded,
            decoding: Optional[Dict[str, Any]] = None) -> None:
    """Writes the description and the order of an array whose shards are in the folder already.

    shards: their names. row_sha256: [N, 32] uint8, of each row of the array. decoding: how encoded rows are decoded;
    None for decoded rows."""
    whole = sha256_of(row_sha256)
    kept: Dict[str, Any] = {"shards": list(shards)}
    if decoding is not None:
        kept["decoding"] = decoding
    for path, value in ((folder / described(name), {"dtype": array.dtype.name, "shape": array.shape, "sha256": whole}),
                        (folder / FOLDER / described(name), kept)):
        path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    np.save(str(folder / FOLDER / (name + ".npy")), array.rows)


def sha256_of(rows: Any) -> str:
    """The sha256, as 64 hex digits, of the bytes of an array or of an object that is indexed like one."""
    hasher = hashlib.sha256()
    for start in range(0, len(rows), ROWS):
        hasher.update(np.ascontiguousarray(rows[start:start + ROWS]))
    return hasher.hexdigest()


def read(folder: Path, name: str) -> Sharded:
    """The array `name` that was published in the folder. Its shards are mapped into memory. Raises StoreError for
    damaged encoded rows."""
    described_as = json.loads((folder / described(name)).read_text(encoding="utf-8"))
    kept = json.loads((folder / FOLDER / described(name)).read_text(encoding="utf-8"))
    order = folder / FOLDER / (name + ".npy")
    paths = [folder / FOLDER / (shard + ".npy") for shard in kept["shards"]]
    if "decoding" not in kept:
        return Sharded([mapped(path) for path in paths], mapped(order), described_as["shape"][1:],
                       described_as["dtype"])
    from octet.data import encoded_rows  # not at the top, because it imports Pillow
    return encoded_rows.read(paths, order, described_as, kept["decoding"])


def mapped(path: Path) -> np.ndarray:
    """The array in an .npy file, mapped into memory and read-only."""
    return np.asarray(np.load(str(path), mmap_mode="r"))
