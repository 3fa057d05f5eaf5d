"""The settings with which PrepareData stores arrays in shards (octet/data/shard_batch.py): the folder of its artifact,
how rows are kept, and the earlier artifacts that may have the same rows."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

import numpy as np

from octet import digest, processors
from octet.data import shard_index, shards
from octet.sizes import size


class RowForm(NamedTuple):
    """The form of an array's rows. decoding: how a file is decoded to its row, as JSON (octet/data/encoded_rows.py)."""

    shape: Tuple[int, ...]
    dtype: np.dtype
    decoding: Dict[str, Any]

    @property
    def row_bytes(self) -> int:
        """The bytes of a decoded row."""
        return int(np.prod(self.shape, dtype=np.int64)) * int(self.dtype.itemsize)


class ShardWriter:
    """The settings for storing the arrays of one artifact in shards, and what was done.

    figures: the numbers of decoded files (decoded), of rows from earlier artifacts (reused), of written shards
    (shards_written) and their bytes (bytes_written), and of shards that were used unchanged (shards_reused).
    kept_bytes, other_bytes: the size of the rows as they are kept, and if they were kept the other way."""

    def __init__(self, folder: Path, decoder: str, earlier: Sequence[str], encoded: bool = False) -> None:
        """folder: of the artifact that is being made. decoder: the sha256 of the source and the versions that decode
        files. earlier: the folders of artifacts that may have the same rows, the most probable first. encoded: whether
        rows are kept as the bytes of their files."""
        self.folder, self.decoder, self.earlier, self.encoded = Path(folder), decoder, list(earlier), encoded
        self.figures = {"decoded": 0, "reused": 0, "shards_written": 0, "bytes_written": 0, "shards_reused": 0}
        self.kept_bytes = self.other_bytes = 0
        self._lent = 0

    def decoder_of(self, form: RowForm) -> str:
        """The sha256 of everything that determines a row of the form and how it is kept, besides its source."""
        return digest.of_bytes(json.dumps(
            [self.decoder, "encoded" if self.encoded else "decoded", form.dtype.name, list(form.shape), form.decoding],
            sort_keys=True).encode())

    def notes(self, part: str) -> List[str]:
        """A sentence if encoded rows take more disk than decoded rows would."""
        if not self.encoded or self.kept_bytes <= self.other_bytes:
            return []
        return ["{}: the files take {} and would take {} decoded: with keep: decoded in data, they take less disk and "
                "are decoded once".format(part, size(self.kept_bytes), size(self.other_bytes))]

    def place_for(self, shard: str) -> Path:
        """The path of a shard in the artifact that is being made. Creates its folder."""
        folder = self.folder / shards.FOLDER
        folder.mkdir(exist_ok=True)
        return folder / (shard + ".npy")

    def lend(self, wanted: Iterable[Tuple[str, str]]) -> Dict[Tuple[str, str], str]:
        """{(folder, shard): its path in this folder}, for those of the wanted shards of earlier artifacts that are not
        damaged. All their bytes are read, on all cores."""
        todo = []
        for earlier in wanted:
            self._lent += 1
            todo.append((earlier, str(self.folder / ".earlier-{}.npy".format(self._lent))))
        with ThreadPoolExecutor(processors.usable()) as pool:
            intact = pool.map(lambda each: shard_index.lend(each[0][0], each[0][1], each[1]), todo)
            return {earlier: path for (earlier, path), is_intact in zip(todo, intact) if is_intact}
