"""The parts of a dataset in TFRecord files: which file is of which part, where each record lies, and what it holds.

An index has 64 bytes of each record, and its answer. The records themselves are read again where they lie when they are
decoded, and are compared with what was indexed.
"""

import hashlib
import os
import re
from array import array
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet import regular_file
from octet.data import listing, reading, record_file
from octet.data import split as splits
from octet.data.dataset import PARTS
from octet.errors import DataChanged, DatasetError
from octet.suggestions import some, suggest

SHARD = re.compile(r"(\.(tf)?records?|\.tfrec|-\d+-of-\d+)$")  # how the name of a file of records ends
WORDS = re.compile(r"[a-z]+")


class Found(NamedTuple):
    """files: {part: its files, in order}. held_out: the parts that are taken from the training records. left_out: how
    many files are not read."""

    files: Dict[str, List[str]]
    held_out: List[str]
    notes: List[str]
    left_out: int


class Wanted(NamedTuple):
    """What of each record is read to index it.

    input, answer: features. kind: of the target. is_hashed: whether the content of the input is. key: the feature that
    holds the group or the time."""

    input: str
    answer: str
    kind: str
    is_hashed: bool
    key: Optional[str]


class Index(NamedTuple):
    """The records of one part's files, in order.

    answers: an array of the answers. hashes: the sha256 of each input, where it was wanted. keys: likewise, the group
    or time. files: the files; sha256: of each. of_file, offsets, lengths, contents, numbers: [N] each, the place in
    `files`, where the record lies there, the sha256 of its bytes, and its number in the file."""

    answers: Any
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
        """How the record is named in errors."""
        return record_file.place(self.files[self.of_file[row]], self.numbers[row])

    def content(self, row: int) -> bytes:
        """The bytes of the record. Raises DataChanged where they are not those that were indexed."""
        file, length = self.files[self.of_file[row]], int(self.lengths[row])
        with regular_file.opened(file) as handle:
            handle.seek(int(self.offsets[row]))
            found = handle.read(length)
        if hashlib.sha256(found).digest() != self.contents[row].tobytes():
            raise DataChanged("the file changed while it was read", where=file, why="a record is not what it was",
                              next_step="run it again when the data is at rest")
        return found


def find(path: str, split: splits.Split) -> Found:
    """The files of each part. Raises DatasetError where a file's part is not known, or a part is missing."""
    if os.path.isfile(path):
        return _with_held_out({"train": [path]}, split, path, [], 0)
    if not os.path.isdir(path):
        kind = regular_file.kind(path)
        raise DatasetError("it is {}, not a file or folder".format(kind) if kind else "no such file or folder", path,
                           "The dataset is read from it.",
                           "Check data.args.path in the recipe.")
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise DatasetError("the folder cannot be read: {}".format(error.strerror), path,
                           "The dataset is read from it.", "Mend its permissions.") from None
    shards = [name for name in names if SHARD.search(name.lower()) and os.path.isfile(os.path.join(path, name))]
    if not shards:
        raise DatasetError("the folder has no TFRecord files", path,
                           "Their names end in .tfrecord, .tfrecords, .tfrec, .record or -00000-of-00004.",
                           "Name such a folder, or one file.")
    others = [name for name in names if name not in shards and name[0] != "."]
    notes = ["not read: {}".format(some(others))] if others else []
    parts = {name: _part(name) for name in shards}
    unknown = [name for name, part in parts.items() if part is None]
    if unknown and len(unknown) < len(shards):
        raise DatasetError("{} says no part in its name".format(unknown[0]), path,
                           "Other files do, such as {}.".format(next(name for name, part in parts.items() if part)),
                           "Rename it: train, validation and test are the parts.")
    files: Dict[str, List[str]] = {}
    for name, part in parts.items():
        files.setdefault(part or "train", []).append(os.path.join(path, name))
    return _with_held_out(files, split, path, notes, len(others))


def _part(name: str) -> Optional[str]:
    """The part that a file's name says; None where it says none."""
    found = {listing.MEANT.get(word, word) for word in WORDS.findall(name.lower())} & set(PARTS)
    return found.pop() if len(found) == 1 else None


def _with_held_out(files: Dict[str, List[str]], split: splits.Split, path: str, notes: List[str],
                   left_out: int) -> Found:
    missing = [part for part in PARTS if part not in files]
    for part in missing:
        if part == "train" or getattr(split, part) is None:
            raise DatasetError("there is no {} part".format(part), path,
                               "The files are of the parts {}.".format(", ".join(sorted(files))),
                               "Add such files{}.".format("" if part == "train" else ", or write split: {validation: "
                                                          "0.1, test: 0.1} in data.args, which takes both from the "
                                                          "training records"))
    return Found(files, missing, notes, left_out)


def index(files: Sequence[str], wanted: Wanted, is_checked: bool) -> Index:
    """The index of some files. is_checked: whether the records' checksums are compared. Raises DatasetError."""
    import numpy as np

    places = array("q")  # four of each record
    contents = bytearray()
    answers: List[Any] = []
    hashes, keys, sha256 = [], [], {}  # type: List[str], List[str], Dict[str, str]
    watch = reading.Watch("reading records, of {} files".format(len(files)), len(files))
    for number_of_file, file in enumerate(files):
        hasher = hashlib.sha256()
        for record in record_file.records(file, hasher, is_checked):
            where = record_file.place(file, record.number)
            found = record_file.features(record.content, where)
            places.extend((number_of_file, record.offset, len(record.content), record.number))
            contents += hashlib.sha256(record.content).digest()
            answers.append(_answer(feature(found, wanted.answer, where), wanted, where, answers))
            if wanted.is_hashed:
                hashes.append(_hash(feature(found, wanted.input, where)))
            if wanted.key:
                keys.append(_text(_one(feature(found, wanted.key, where), wanted.key, where)))
        sha256[file] = hasher.hexdigest()
        watch(number_of_file + 1)
    if not answers:
        raise DatasetError("there is no record", files[0], "A part has two samples or more.", "Write some into it.")
    columns = np.array(places, np.int64).reshape(-1, 4).T
    return Index(np.array(answers), hashes, keys, list(files), sha256, columns[0], columns[1], columns[2],
                 np.frombuffer(bytes(contents), np.uint8).reshape(-1, 32), columns[3])


def feature(found: Dict[str, Any], name: str, where: str) -> List[Any]:
    """The values of a feature. Raises DatasetError where the record does not have it."""
    if name not in found:
        raise DatasetError("there is no feature {!r}".format(name), where, "The record has {}.".format(
            ", ".join("{} ({})".format(one, kind_of(values)) for one, values in sorted(found.items())) or "none"),
            suggest(name, sorted(found)))
    if not found[name]:
        raise DatasetError("the feature {!r} is empty".format(name), where, "Every sample needs a value.",
                           "Write its value, or leave the record out.")
    values: List[Any] = found[name]
    return values


def kind_of(values: Optional[List[Any]]) -> str:
    """bytes, float or int64, and how many; 'empty' for none."""
    if not values:
        return "empty"
    kind = {bytes: "bytes", float: "float"}.get(type(values[0]), "int64")
    return kind if len(values) == 1 else "{} {}".format(len(values), kind)


def _one(values: List[Any], name: str, where: str) -> Any:
    if len(values) != 1:
        raise DatasetError("the feature {!r} holds {}".format(name, kind_of(values)), where, "One value is read.",
                           "A 0 or 1 for each class is `labels`; several numbers are `value`.")
    return values[0]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _answer(values: List[Any], wanted: Wanted, where: str, before: List[Any]) -> Any:
    """The answer of a record: a text or an integer of a class, else a tuple of numbers."""
    if wanted.kind == "class":
        answer = _one(values, wanted.answer, where)
        if isinstance(answer, float):
            raise DatasetError("the feature {!r} is float".format(wanted.answer), where,
                               "A label is an integer, the index of a class, or a text.",
                               "Write an Int64List; numbers that are predicted are `value`.")
        answer = _text(answer) if isinstance(answer, bytes) else answer
        if before and type(before[0]) is not type(answer):
            raise DatasetError("the feature {!r} is {}".format(wanted.answer, kind_of(values)), where,
                               "It is another type than in the first record.", "Write all labels alike.")
        return answer
    if isinstance(values[0], bytes):
        raise DatasetError("the feature {!r} is bytes".format(wanted.answer), where,
                           "`{}` are numbers.".format(wanted.kind),
                           "Write an Int64List or a FloatList; the text of one class is `label`.")
    if before and len(before[0]) != len(values):
        raise DatasetError("the feature {!r} has {} numbers".format(wanted.answer, len(values)), where,
                           "The first record has {}.".format(len(before[0])), "Write as many into each record.")
    return tuple(values)


def _hash(values: List[Any]) -> str:
    hasher = hashlib.sha256()
    for value in values:
        hasher.update(value if isinstance(value, bytes) else repr(value).encode())
    return hasher.hexdigest()


def pictures(found: Index, rows: Sequence[int], name: str, form: Any, skip: bool, part: str) -> Any:
    """The decoded pictures of these records, as octet.data.pictures.decode_all gives them."""
    from octet.data import pictures as decoder

    def encoded(place: int) -> bytes:
        row, where = rows[place], found.place(rows[place])
        value = _one(feature(record_file.features(found.content(row), where), name, where), name, where)
        if not isinstance(value, bytes):
            raise DatasetError("the feature {!r} is {}".format(name, kind_of([value])), where,
                               "`image` holds encoded pictures, such as the bytes of a JPEG file.",
                               "Numbers are read by `numbers`.")
        return value
    return decoder.decode_all("", [found.place(row) for row in rows], form, skip, "the {} pictures".format(part),
                              encoded)


def numbers(found: Index, rows: Sequence[int], name: str, shape: Optional[Sequence[int]], part: str,
            path: str) -> Any:
    """[N, *shape] of float32, int64 or uint8: the numbers of these records; in one axis without a shape."""
    import numpy as np

    watch = reading.Watch("reading the {} records".format(part), len(rows))
    made, kind = None, ""
    for place, row in enumerate(rows):
        where = found.place(row)
        values = feature(record_file.features(found.content(row), where), name, where)
        sample = np.frombuffer(_one(values, name, where), np.uint8) if isinstance(values[0], bytes) else np.array(
            values, np.float32 if isinstance(values[0], float) else np.int64)
        if made is None:
            shape, kind = tuple(shape or (len(sample),)), sample.dtype.name
            made = reading.empty((len(rows),) + shape, sample.dtype, "{} records".format(len(rows)), path)
        if sample.dtype.name != kind:
            raise DatasetError("the feature {!r} is {}, not {} as before".format(name, sample.dtype, kind), where,
                               "All samples are of one type.", "Write it alike in each record.")
        if len(sample) != int(np.prod(made.shape[1:])):
            raise DatasetError("the feature {!r} has {} numbers, not {}".format(
                name, len(sample), " x ".join(map(str, made.shape[1:]))), where,
                "Every sample feeds the same network.", "Correct `shape` in data.args, or write as many into each "
                "record. Encoded pictures are read by `image`.")
        made[place] = sample.reshape(made.shape[1:])
        watch(place + 1)
    return np.zeros((0, *(shape or (1,))), np.uint8) if made is None else made
