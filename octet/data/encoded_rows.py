"""Arrays whose rows are kept as the bytes of files, and are decoded when they are read (`data: {keep: encoded}`).

Each row that is read is compared with its sha256 from when PrepareData decoded it. The sha256 of all rows is in
input_0.json, which is in the key of each stage that reads the array. So a row has the values that the key stands for,
or reading it fails. Therefore, the source and the libraries that decode rows need not be in the keys of these stages.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np
from PIL import Image

from octet import digest, processors
from octet.data import masks, pictures, shards
from octet.data.packed_bytes import PackedBytes
from octet.errors import StoreError


class EncodedRows(shards.Sharded):
    """An array [N, *shape], as `Sharded`. Several rows are decoded in parallel on all cores."""

    def __init__(self, packed: Sequence[PackedBytes], rows: np.ndarray, shape: Sequence[int], dtype: Any,
                 decoding: Dict[str, Any], paths: Sequence[Path]) -> None:
        """packed: the shards. rows: [N, 10], as in shards/input_0.npy. shape: of one row. decoding: as in
        shards/input_0.json. paths: of the shards, for errors."""
        super().__init__(packed, rows, shape, dtype)
        self._decode, self._paths = _decoder(decoding), list(paths)

    def _row(self, place: np.ndarray) -> np.ndarray:
        """One row. Raises StoreError if it differs from the row that PrepareData decoded."""
        try:
            row = np.ascontiguousarray(self._decode(self.shards[place[0]][place[1]]), self.dtype)
        except MemoryError:
            raise
        except pictures.BROKEN as error:
            raise self._not_as_prepared(place, "it cannot be decoded: {}".format(error)) from None
        if hashlib.sha256(row).digest() != place[2:].tobytes():
            raise self._not_as_prepared(place, "it is decoded to other values than in PrepareData")
        return row

    def _copy(self, rows: np.ndarray) -> np.ndarray:
        """A copy of some rows, [len(rows), *shape]. rows: entries of `rows`."""
        made = np.empty((len(rows),) + self.shape[1:], self.dtype)

        def put(index: int) -> None:
            made[index] = self._row(rows[index])
        with ThreadPoolExecutor(processors.usable()) as pool:
            for _ in pool.map(put, range(len(rows))):  # raises the errors of `put`
                pass
        return made

    def _not_as_prepared(self, place: np.ndarray, how: str) -> StoreError:
        path = self._paths[place[0]]
        if digest.of_file(str(path)) != path.stem:
            return damaged(path)
        return StoreError("row {} of a shard differs from the row that PrepareData decoded".format(place[1]), str(path),
                          "{}. Its bytes have not changed: the source or the libraries that decode it have changed "
                          "since PrepareData.".format(how),
                          "Decode the data again: octet force RECIPE PrepareData.train, and likewise "
                          "PrepareData.validation and PrepareData.test.")


def _decoder(decoding: Dict[str, Any]) -> Callable[[bytes], np.ndarray]:
    """The function that decodes the bytes of a file to its row."""
    if decoding["as"] == "mask":
        return lambda content: masks.decode(content, decoding)
    form = pictures.form_of(decoding)
    return lambda content: pictures.decode(content, form)[0]


def damaged(path: Path) -> StoreError:
    """The error for a file of shards that differs from the published one."""
    return StoreError("a file of the prepared data is damaged", str(path),
                      "Its bytes differ from those that were published.",
                      "`octet verify` moves damaged artifacts to the quarantine; the next run makes them again.")


def read(paths: Sequence[Path], order: Path, described: Dict[str, Any], decoding: Dict[str, Any]) -> EncodedRows:
    """The array of these shards. order: shards/input_0.npy. described: the content of input_0.json. Raises StoreError
    if the sha256 of the rows do not fit it."""
    rows = shards.mapped(order)
    Image.init()  # not thread-safe by itself
    if shards.sha256_of(rows[:, 2:]) != described["sha256"]:
        raise damaged(order)
    packed: List[PackedBytes] = []
    for path in paths:
        try:
            packed.append(PackedBytes(shards.mapped(path)))
        except ValueError:
            raise damaged(path) from None
    return EncodedRows(packed, rows, described["shape"][1:], described["dtype"], decoding, paths)
