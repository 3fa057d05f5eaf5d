"""Lists a folder of .npy files, each named after its array (x_train.npy). octet/data/archive.py reads the arrays."""

import os
from typing import Dict, List, Sequence

from octet import digest as digests
from octet.errors import DatasetError

ENDING = ".npy"


def names(path: str) -> List[str]:
    """The names of all arrays in the folder, sorted. Raises DatasetError for a folder that cannot be read."""
    try:
        return sorted(name[:-len(ENDING)] for name in os.listdir(path) if name.endswith(ENDING) and name[0] != ".")
    except OSError as error:
        raise DatasetError("the folder cannot be read: {}".format(error.strerror), path,
                           "The dataset is read from it.", "Correct its permissions.") from None


def file_of(path: str, name: str) -> str:
    """The path of an array's file."""
    return os.path.join(path, name + ENDING)


def hashes(path: str, wanted: Sequence[str]) -> Dict[str, str]:
    """{array: sha256 of its file} of the wanted arrays that exist."""
    existing = [name for name in names(path) if name in wanted]
    return dict(zip(existing, digests.cached_all([file_of(path, name) for name in existing], "file", digests.of_file)))
