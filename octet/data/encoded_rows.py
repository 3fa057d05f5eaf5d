"""Arrays whose rows are kept as the bytes of the files that they are decoded from (`data: {keep: encoded}`).

A row is decoded whenever it is read, and is compared with the sha256 that it had when PrepareData decoded it.
input_0.json follows from those sha256, and is in the key of each stage that reads the array. So a row is what the key
says, or reading it fails; the source and the libraries that decode it are in no key of those stages.
"""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np
from PIL import Image

from octet import digest
from octet.data import masks, pictures, shards
from octet.data.packed_bytes import PackedBytes
from octet.errors import StoreError


class EncodedRows(shards.Sharded):
    """An array [N, *shape] as `Sharded`. Several rows are decoded on all cores."""

    def __init__(self, packed: Sequence[PackedBytes], rows: np.ndarray, shape: Sequence[int], dtype: Any,
                 decoding: Dict[str, Any], paths: Sequence[Path]) -> None:
        """packed: the shards. rows: [N, 10], as in shards/input_0.npy. shape: of one row. decoding: as in
        shards/input_0.json. paths: of the shards, for errors."""
        super().__init__(packed, rows, shape, dtype)
        self._decode, self._paths = _decoder(decoding), list(paths)

    def _row(self, place: np.ndarray) -> np.ndarray:
        """One row. Raises StoreError where it is not what PrepareData decoded."""
        try:
            row = np.ascontiguousarray(self._decode(self.shards[place[0]][place[1]]), self.dtype)
        except MemoryError:
            raise
        except pictures.BROKEN as error:
            raise self._not_as_prepared(place, "it cannot be decoded: {}".format(error)) from None
        if hashlib.sha256(row).digest() != place[2:].tobytes():
            raise self._not_as_prepared(place, "it is decoded to other values than when it was prepared")
        return row

    def _taken(self, rows: np.ndarray) -> np.ndarray:
        """A copy of these rows: [len(rows), *shape]."""
        made = np.empty((len(rows),) + self.shape[1:], self.dtype)

        def put(index: int) -> None:
            made[index] = self._row(rows[index])
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for _ in pool.map(put, range(len(rows))):  # raises what `put` raised
                pass
        return made

    def _not_as_prepared(self, place: np.ndarray, how: str) -> StoreError:
        path = self._paths[place[0]]
        if digest.of_file(str(path)) != path.stem:
            return damaged(path)
        return StoreError("row {} of a shard is not what PrepareData made of it".format(place[1]), str(path),
                          "{}. Its bytes are those that were kept: the source or the libraries that decode it are "
                          "others than PrepareData had.".format(how),
                          "Decode the data again: octet force RECIPE PrepareData.train, and likewise "
                          "PrepareData.validation and PrepareData.test.")


def _decoder(decoding: Dict[str, Any]) -> Callable[[bytes], np.ndarray]:
    """What decodes the bytes of a file to its row."""
    if decoding["as"] == "mask":
        return lambda content: masks.decode(content, decoding)
    form = pictures.form_of(decoding)
    return lambda content: pictures.decode(content, form)[0]


def damaged(path: Path) -> StoreError:
    """The error for a file of shards that is not what was published."""
    return StoreError("a file of the prepared data is damaged", str(path),
                      "Its bytes are not those that were published.",
                      "`octet verify` puts what is damaged aside; the next run makes it again.")


def read(paths: Sequence[Path], order: Path, said: Dict[str, Any], decoding: Dict[str, Any]) -> EncodedRows:
    """The array of these shards. order: shards/input_0.npy. said: input_0.json. Raises StoreError where the sha256 of
    the rows are not those that `said` follows from."""
    rows = shards.mapped(order)
    Image.init()  # not thread-safe by itself
    if shards.sha256_of(rows[:, 2:]) != said["sha256"]:
        raise damaged(order)
    packed: List[PackedBytes] = []
    for path in paths:
        try:
            packed.append(PackedBytes(shards.mapped(path)))
        except ValueError:
            raise damaged(path) from None
    return EncodedRows(packed, rows, said["shape"][1:], said["dtype"], decoding, paths)
