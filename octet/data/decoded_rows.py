"""The decoded rows of a part's files: in one plain array, or in shards, some of which earlier artifacts may have.

A row of an earlier artifact is reused if its file's digest in the snapshot (`octet.digest.cached_all`) is that of the
file from which the row was decoded. Such a file is not read again, because its digest is in the key. A file that is
decoded is hashed as it is read. If this digest differs from that of the snapshot, the part does not fit its key.
"""

import os
from typing import Any, Callable, Dict, Iterator, Sequence, Set, Tuple, Union

import numpy as np

from octet import digest as digests
from octet.data import reading
from octet.data.shard_batch import Batch
from octet.data.shard_writer import RowForm
from octet.errors import DatasetError

SHA256 = "S64"  # the dtype of an array of sha256 as 64 hex digits
AT_ONCE = 1024
Outcome = Union[Set[str], DatasetError]
"""What was noticed about a file (words of pictures.NOTICED), or the reason why it cannot be read."""
OnAllCores = Callable[[Callable[[int], Any], int, str], Iterator[Any]]


class DecodedRows:
    """The rows of N files in one plain array. sha256: [N] S64, of each file as it was read; empty for a file that could
    not be read, or that changed between two readings."""

    def __init__(self, count: int, array: np.ndarray, what: str) -> None:
        self.sha256 = reading.per_sample(count, SHA256)
        self._array, self._what = array, what

    def was_read(self, place: int, sha256: str) -> None:
        """Must be called before a row is decoded, with the sha256 of the bytes from which it is decoded."""
        self.sha256[place] = sha256

    def put(self, place: int, row: np.ndarray, words: Set[str], content: bytes) -> None:
        """Stores the row of a file. words: what was noticed about it. content: the bytes of the file."""
        self._array[place] = row

    def filled(self, put: Callable[[int], Outcome], on_all_cores: OnAllCores) -> Iterator[Tuple[int, Outcome]]:
        """Decodes all files. Yields (place, what was noticed or why it cannot be read) of each file, in order. put:
        decodes a file, and calls `was_read` and `put`."""
        yield from enumerate(on_all_cores(put, len(self.sha256), self._what))

    def of(self, places: Sequence[int]) -> Any:
        """The array of the rows of these files, in order. Must be called once, at the end."""
        if len(places) == len(self.sha256):
            return self._array
        for row, place in enumerate(places):
            self._array[row] = self._array[place]
        return self._array[:len(places)]


class DecodedIntoShards(DecodedRows):
    """The rows of N files in shards. files: [N] S64, the sha256 of each file in the snapshot."""

    def __init__(self, files: np.ndarray, batch: Batch, what: str) -> None:
        super().__init__(len(files), np.empty(0), what)
        self._files, self._batch = files, batch

    def was_read(self, place: int, sha256: str) -> None:
        self.sha256[place] = self._files[place] if sha256.encode() == self._files[place] else b""

    def put(self, place: int, row: np.ndarray, words: Set[str], content: bytes) -> None:
        if self.sha256[place]:  # otherwise the file has changed, and the part is not published
            self._batch.put(self._batch.source_of[place], row, words, content)

    def filled(self, put: Callable[[int], Outcome], on_all_cores: OnAllCores) -> Iterator[Tuple[int, Outcome]]:
        batch = self._batch
        todo = np.sort(batch.first_place[batch.missing])  # the first file of each content that must be decoded
        decoding = on_all_cores(lambda index: put(int(todo[index])), len(todo), self._what)
        unreadable: Set[int] = set()
        for place, source in enumerate(batch.source_of):
            if batch.missing[source] and batch.first_place[source] == place:
                outcome: Outcome = next(decoding)
                if isinstance(outcome, DatasetError):
                    unreadable.add(source)
            elif source in unreadable:
                outcome = put(place)  # the same error, with the name of this file
            else:
                outcome = set(batch.words.get(source, ()))
                self.sha256[place] = self._files[place]
            yield place, outcome

    def of(self, places: Sequence[int]) -> Any:
        return self._batch.finished(np.asarray(places, np.int64))


def begin(path: str, files: Sequence[str], shape: Tuple[int, ...], dtype: Any, decoding: Dict[str, Any], what: str,
          samples: str, beside: Sequence[bytes] = ()) -> DecodedRows:
    """The rows of these files below `path`, to be filled. decoding: how a file is decoded to its row, as JSON
    (octet/data/encoded_rows.py). what: the files in words, for the progress. samples: their number and size in words,
    for errors. beside: the sha256 of a second file on which each row depends, if any."""
    writer = reading.shard_writer()
    if writer is None or not files:
        return DecodedRows(len(files), reading.empty((len(files), *shape), dtype, samples, path), what)
    of_files, sizes = reading.per_sample(len(files), SHA256), np.empty(len(files), np.int64)
    try:
        # In pieces, because digests and paths as Python texts take four times the memory.
        for start in range(0, len(files), AT_ONCE):
            paths = [os.path.join(path, file) for file in files[start:start + AT_ONCE]]
            of_files[start:start + AT_ONCE] = digests.cached_all(paths, "file", digests.of_file)
            sizes[start:start + AT_ONCE] = [os.stat(each).st_size for each in paths]
    except OSError as error:
        raise DatasetError("cannot be read: {}".format(error.strerror or error), str(error.filename or path),
                           "It existed when the data was listed.",
                           "Run the command again when nothing writes to the data.") from None
    sources = of_files
    if len(beside):
        sources = reading.per_sample(len(files), SHA256)
        for place, (of_file, of_second) in enumerate(zip(of_files, beside)):
            sources[place] = digests.of_bytes(of_file + of_second)
    batch = Batch(writer, sources, sizes, RowForm(shape, np.dtype(dtype), decoding), samples, path)
    return DecodedIntoShards(of_files, batch, what)
