"""The rows that files are decoded to: one array that is filled in the files' order, or shards, of which earlier
artifacts have some already.

Which rows those are is decided by the files' digests as the snapshot has them (`octet.digest.cached_all`). A file of
such a row is not read again: its row was decoded from bytes of this digest, and that digest is in the key. A file that
is decoded is hashed as it is read; where that is another digest, the part is not what its key says.
"""

import os
from typing import Any, Callable, Dict, Iterator, Sequence, Set, Tuple, Union

import numpy as np

from octet import digest as digests
from octet.data import reading
from octet.data.shard_batch import Batch
from octet.data.shard_writer import RowForm
from octet.errors import DatasetError

SHA256 = "S64"  # the dtype of an array of sha256, each as 64 hex digits
AT_ONCE = 1024
Found = Union[Set[str], DatasetError]
"""What was noticed of a file, or why it cannot be read."""
OnAllCores = Callable[[Callable[[int], Any], int, str], Iterator[Any]]


class DecodedRows:
    """The rows of N files in one plain array. sha256: [N] S64, of each file as it was read; empty where none could be
    read, or where two readings differ."""

    def __init__(self, count: int, array: np.ndarray, what: str) -> None:
        self.sha256 = reading.per_sample(count, SHA256)
        self._array, self._what = array, what

    def was_read(self, place: int, sha256: str) -> None:
        """Called with the sha256 of the bytes that the file's row is decoded from, before it is decoded."""
        self.sha256[place] = sha256

    def put(self, place: int, row: np.ndarray, words: Set[str], content: bytes) -> None:
        """The row of a file. words: what was noticed of it. content: the bytes of the file."""
        self._array[place] = row

    def filled(self, put: Callable[[int], Found], on_all_cores: OnAllCores) -> Iterator[Tuple[int, Found]]:
        """(place, what was noticed or why it cannot be read) of each file, in order. put: decodes a file, and calls
        `was_read` and `put`."""
        yield from enumerate(on_all_cores(put, len(self.sha256), self._what))

    def of(self, places: Sequence[int]) -> Any:
        """The array of these files' rows, in order. To be called once, in the end."""
        if len(places) == len(self.sha256):
            return self._array
        for row, place in enumerate(places):
            self._array[row] = self._array[place]
        return self._array[:len(places)]


class DecodedIntoShards(DecodedRows):
    """The rows of N files in shards. files: [N] S64, the sha256 of each file, as the snapshot has it."""

    def __init__(self, files: np.ndarray, batch: Batch, what: str) -> None:
        super().__init__(len(files), np.empty(0), what)
        self._files, self._batch = files, batch

    def was_read(self, place: int, sha256: str) -> None:
        self.sha256[place] = self._files[place] if sha256.encode() == self._files[place] else b""

    def put(self, place: int, row: np.ndarray, words: Set[str], content: bytes) -> None:
        if self.sha256[place]:  # else the file is another one by now, and nothing is published
            self._batch.put(self._batch.source_of[place], row, words, content)

    def filled(self, put: Callable[[int], Found], on_all_cores: OnAllCores) -> Iterator[Tuple[int, Found]]:
        batch = self._batch
        todo = np.sort(batch.first_place[batch.missing])  # the first file of each content that is to be decoded
        decoding = on_all_cores(lambda index: put(int(todo[index])), len(todo), self._what)
        unreadable: Set[int] = set()
        for place, source in enumerate(batch.source_of):
            if batch.missing[source] and batch.first_place[source] == place:
                found: Found = next(decoding)
                if isinstance(found, DatasetError):
                    unreadable.add(source)
            elif source in unreadable:
                found = put(place)  # the same error, with the name of this file
            else:
                found = set(batch.words.get(source, ()))
                self.sha256[place] = self._files[place]
            yield place, found

    def of(self, places: Sequence[int]) -> Any:
        return self._batch.finished(np.asarray(places, np.int64))


def begin(path: str, files: Sequence[str], shape: Tuple[int, ...], dtype: Any, decoding: Dict[str, Any], what: str,
          samples: str, beside: Sequence[bytes] = ()) -> DecodedRows:
    """The rows of these files below `path`, to be filled. decoding: what JSON can hold, by which a file's content is
    decoded to its row (octet/data/encoded_rows.py). what: the files in words, for whoever waits; samples: with how many
    there are, and how large. beside: the sha256 of another file that each row follows from as well."""
    writer = reading.shard_writer()
    if writer is None or not files:
        return DecodedRows(len(files), reading.empty((len(files), *shape), dtype, samples, path), what)
    of_files, sizes = reading.per_sample(len(files), SHA256), np.empty(len(files), np.int64)
    try:
        for start in range(0, len(files), AT_ONCE):  # as text, digests and paths take four times the memory
            paths = [os.path.join(path, file) for file in files[start:start + AT_ONCE]]
            of_files[start:start + AT_ONCE] = digests.cached_all(paths, "file", digests.of_file)
            sizes[start:start + AT_ONCE] = [os.stat(each).st_size for each in paths]
    except OSError as error:
        raise DatasetError("cannot be read: {}".format(error.strerror or error), str(error.filename or path),
                           "It was there when the data was listed.", "Run it again when the data is at rest.") from None
    sources = of_files
    if len(beside):
        sources = reading.per_sample(len(files), SHA256)
        for place, (one, other) in enumerate(zip(of_files, beside)):
            sources[place] = digests.of_bytes(one + other)
    batch = Batch(writer, sources, sizes, RowForm(shape, np.dtype(dtype), decoding), samples, path)
    return DecodedIntoShards(of_files, batch, what)
