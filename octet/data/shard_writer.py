"""What PrepareData lays arrays out in shards with (octet/data/shard_batch.py): the folder of its artifact, how rows are
kept, and the earlier artifacts that may have them."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

import numpy as np

from octet import digest
from octet.data import shard_index, shards
from octet.sizes import size


class RowForm(NamedTuple):
    """What each row of an array is. decoding: by what a file's content is decoded to it, as JSON can hold it
    (octet/data/encoded_rows.py)."""

    shape: Tuple[int, ...]
    dtype: np.dtype
    decoding: Dict[str, Any]

    @property
    def row_bytes(self) -> int:
        """The bytes of a decoded row."""
        return int(np.prod(self.shape, dtype=np.int64)) * int(self.dtype.itemsize)


class ShardWriter:
    """Where arrays are laid out in shards.

    figures: how many files were decoded and how many rows were taken from earlier artifacts; how many shards were
    written, of how many bytes, and how many were taken as they are.
    kept_bytes, other_bytes: how much the rows take as they are kept, and if they were kept the other way."""

    def __init__(self, folder: Path, decoder: str, earlier: Sequence[str], encoded: bool = False) -> None:
        """folder: of the artifact that is being made. decoder: the sha256 of everything but the settings of an array
        and the files that its rows follow from: source and versions. earlier: the folders of artifacts that may have
        rows of the same, the likeliest first. encoded: whether rows are kept as the bytes of their files."""
        self.folder, self.decoder, self.earlier, self.encoded = Path(folder), decoder, list(earlier), encoded
        self.figures = {"decoded": 0, "reused": 0, "shards_written": 0, "bytes_written": 0, "shards_reused": 0}
        self.kept_bytes = self.other_bytes = 0
        self._lent = 0

    def decoder_of(self, form: RowForm) -> str:
        """The sha256 of everything but its source that a row of the form follows from, and of how it is kept."""
        return digest.of_bytes(json.dumps(
            [self.decoder, "encoded" if self.encoded else "decoded", form.dtype.name, list(form.shape), form.decoding],
            sort_keys=True).encode())

    def notes(self, part: str) -> List[str]:
        """A sentence where encoded rows take more disk than decoded ones would."""
        if not self.encoded or self.kept_bytes <= self.other_bytes:
            return []
        return ["{}: the files are {} and would be {} decoded: keep: decoded in data takes less disk, and decodes them "
                "once".format(part, size(self.kept_bytes), size(self.other_bytes))]

    def place_for(self, shard: str) -> Path:
        """The path of a shard in the artifact that is being made, in a folder that is there."""
        folder = self.folder / shards.FOLDER
        folder.mkdir(exist_ok=True)
        return folder / (shard + ".npy")

    def lend(self, wanted: Iterable[Tuple[str, str]]) -> Dict[Tuple[str, str], str]:
        """{(folder, shard): a path to it in this folder} of those shards of earlier artifacts that are sound. All their
        bytes are read, on all cores."""
        todo = []
        for one in wanted:
            self._lent += 1
            todo.append((one, str(self.folder / ".earlier-{}.npy".format(self._lent))))
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            sound = pool.map(lambda each: shard_index.lend(each[0][0], each[0][1], each[1]), todo)
            return {one: path for (one, path), found in zip(todo, sound) if found}
