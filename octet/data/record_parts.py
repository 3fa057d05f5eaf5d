"""Finds the TFRecord files of a dataset, and to which part each belongs."""

import os
import re
from typing import Dict, List, NamedTuple, Optional

from octet import regular_file
from octet.data import listing
from octet.data import split as splits
from octet.data.dataset import PARTS
from octet.errors import DatasetError
from octet.suggestions import some

SHARD = re.compile(r"(\.(tf)?records?|\.tfrec|-\d+-of-\d+)$")
"""The ending of a TFRecord file's name, in lower case."""
WORDS = re.compile(r"[a-z]+")


class RecordFiles(NamedTuple):
    """files: {part: its files, in order}. held_out: the parts that are taken from the training records. left_out: the
    number of files that are not read."""

    files: Dict[str, List[str]]
    held_out: List[str]
    notes: List[str]
    left_out: int


def find(path: str, split: splits.Split) -> RecordFiles:
    """The files of each part, in a folder or of one file. Raises DatasetError if the part of a file is unknown, or a
    part has no files and is not held out."""
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
                           "The dataset is read from it.", "Correct its permissions.") from None
    shards = [name for name in names if SHARD.search(name.lower()) and os.path.isfile(os.path.join(path, name))]
    if not shards:
        raise DatasetError("the folder has no TFRecord files", path,
                           "Their names end in .tfrecord, .tfrecords, .tfrec, .record or -00000-of-00004.",
                           "Write the path of a folder with such files, or of one file.")
    others = [name for name in names if name not in shards and name[0] != "."]
    notes = ["not read: {}".format(some(others))] if others else []
    parts = {name: _part(name) for name in shards}
    unknown = [name for name, part in parts.items() if part is None]
    if unknown and len(unknown) < len(shards):
        raise DatasetError("the name {} contains no part".format(unknown[0]), path,
                           "Other names do, such as {}.".format(next(name for name, part in parts.items() if part)),
                           "Rename the file, with train, validation or test in its name.")
    files: Dict[str, List[str]] = {}
    for name, part in parts.items():
        files.setdefault(part or "train", []).append(os.path.join(path, name))
    return _with_held_out(files, split, path, notes, len(others))


def _part(name: str) -> Optional[str]:
    """The part that a file's name contains, or None."""
    parts = set(map(listing.meant, WORDS.findall(name.lower()))) & set(PARTS)
    return parts.pop() if len(parts) == 1 else None


def _with_held_out(files: Dict[str, List[str]], split: splits.Split, path: str, notes: List[str],
                   left_out: int) -> RecordFiles:
    missing = [part for part in PARTS if part not in files]
    for part in missing:
        if part == "train" or getattr(split, part) is None:
            raise DatasetError("there is no {} part".format(part), path,
                               "The files belong to the parts {}.".format(", ".join(sorted(files))),
                               "Add such files{}.".format("" if part == "train" else ", or write split: {validation: "
                                                          "0.1, test: 0.1} in data.args, which takes both parts from "
                                                          "the training records"))
    return RecordFiles(files, missing, notes, left_out)
