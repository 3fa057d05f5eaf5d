"""An index of the records of one part's TFRecord files, and the inputs that are read with it.

For each record, the index holds 64 bytes and the target. To decode a record, it is read again from its place in the
file, and compared with the sha256 in the index.
"""

import hashlib
from array import array
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet import regular_file
from octet.data import reading, record_features, record_file
from octet.errors import DataChanged, DatasetError


class IndexedFeatures(NamedTuple):
    """The features that are read to make an index.

    input, target: names of features. kind: of the target. is_hashed: whether the sha256 of each input is computed. key:
    the feature with the group or the time of `split`, or None."""

    input: str
    target: str
    kind: str
    is_hashed: bool
    key: Optional[str]


class Index(NamedTuple):
    """The records of one part's files, in order.

    targets: an array of the records' targets. hashes: the sha256 of each input, if `is_hashed`. keys: the group or time
    of each record, if there is a `key`. files: the paths. sha256: {path: sha256 of the file}. Arrays of [N]: of_file,
    the index in `files`; offsets and lengths, of the record in bytes; contents, the sha256 of the record; numbers, of
    the record in its file."""

    targets: Any
    hashes: List[str]
    keys: List[str]
    files: List[str]
    sha256: Dict[str, str]
    of_file: Any
    offsets: Any
    lengths: Any
    contents: Any
    numbers: Any

    def place(self, row: int) -> str:
        """The name of the record in errors."""
        return record_file.place(self.files[self.of_file[row]], self.numbers[row])

    def features(self, row: int) -> Dict[str, Any]:
        """The features of the record (record_features.parse). Raises DataChanged if its bytes have changed."""
        return record_features.parse(self._content(row), self.place(row))

    def _content(self, row: int) -> bytes:
        file, length = self.files[self.of_file[row]], int(self.lengths[row])
        with regular_file.opened(file) as handle:
            handle.seek(int(self.offsets[row]))
            content = handle.read(length)
        if hashlib.sha256(content).digest() != self.contents[row].tobytes():
            raise DataChanged("the file changed while it was read", where=file,
                              why="a record has other bytes than before",
                              next_step="run the command again when nothing writes to the data")
        return content


def make(files: Sequence[str], indexed: IndexedFeatures, is_checked: bool) -> Index:
    """The index of some files. is_checked: whether the records' checksums are compared. Raises DatasetError."""
    import numpy as np

    places = array("q")  # four numbers for each record
    contents = bytearray()
    targets: List[Any] = []
    hashes, keys, sha256 = [], [], {}  # type: List[str], List[str], Dict[str, str]
    watch = reading.Watch("reading records, of {} files".format(len(files)), len(files))
    for number_of_file, file in enumerate(files):
        hasher = hashlib.sha256()
        for record in record_file.records(file, hasher, is_checked):
            where = record_file.place(file, record.number)
            features = record_features.parse(record.content, where)
            places.extend((number_of_file, record.offset, len(record.content), record.number))
            contents += hashlib.sha256(record.content).digest()
            targets.append(record_features.target(features, indexed.target, indexed.kind, where,
                                                  targets[0] if targets else None))
            if indexed.is_hashed:
                hashes.append(record_features.sha256_of(record_features.values_of(features, indexed.input, where)))
            if indexed.key:
                keys.append(record_features.text(record_features.value_of(features, indexed.key, where)))
        sha256[file] = hasher.hexdigest()
        watch(number_of_file + 1)
    if not targets:
        raise DatasetError("there is no record", files[0], "A part needs at least two samples.",
                           "Write records into the file.")
    columns = np.array(places, np.int64).reshape(-1, 4).T
    return Index(np.array(targets), hashes, keys, list(files), sha256, columns[0], columns[1], columns[2],
                 np.frombuffer(bytes(contents), np.uint8).reshape(-1, 32), columns[3])


def pictures(index: Index, rows: Sequence[int], name: str, form: Any, skip: bool, part: str) -> Any:
    """The decoded pictures in a feature of these records, as returned by octet.data.pictures.decode_all."""
    from octet.data import pictures as decoder

    def encoded(place: int) -> bytes:
        row, where = rows[place], index.place(rows[place])
        value = record_features.value_of(index.features(row), name, where)
        if not isinstance(value, bytes):
            raise DatasetError("the feature {!r} is {}".format(name, record_features.kind_of([value])), where,
                               "`image` holds encoded pictures, such as the bytes of a JPEG file.",
                               "For a feature of numbers, use `numbers`.")
        return value
    return decoder.decode_all("", [index.place(row) for row in rows], form, skip, "the {} pictures".format(part),
                              encoded)


def numbers(index: Index, rows: Sequence[int], name: str, shape: Optional[Sequence[int]], part: str,
            path: str) -> Any:
    """The numbers in a feature of these records, [N, *shape] float32, int64 or uint8; [N, numbers of a record] without
    `shape`. Raises DatasetError."""
    import numpy as np

    watch = reading.Watch("reading the {} records".format(part), len(rows))
    samples, dtype = None, ""
    for place, row in enumerate(rows):
        where = index.place(row)
        values = record_features.values_of(index.features(row), name, where)
        if isinstance(values[0], bytes):
            sample = np.frombuffer(record_features.single(values, name, where), np.uint8)
        else:
            sample = np.array(values, np.float32 if isinstance(values[0], float) else np.int64)
        if samples is None:
            shape, dtype = tuple(shape or (len(sample),)), sample.dtype.name
            samples = reading.empty((len(rows),) + shape, sample.dtype, "{} records".format(len(rows)), path)
        if sample.dtype.name != dtype:
            raise DatasetError("the feature {!r} is {}, not {} as before".format(name, sample.dtype, dtype), where,
                               "All samples must have the same type.", "Write the same type into each record.")
        if len(sample) != int(np.prod(samples.shape[1:])):
            raise DatasetError("the feature {!r} has {} numbers, not {}".format(
                name, len(sample), " x ".join(map(str, samples.shape[1:]))), where,
                "All samples must have the same shape.", "Correct `shape` in data.args, or write this number of values "
                "into each record. For encoded pictures, use `image`.")
        samples[place] = sample.reshape(samples.shape[1:])
        watch(place + 1)
    return np.zeros((0, *(shape or (1,))), np.uint8) if samples is None else samples
