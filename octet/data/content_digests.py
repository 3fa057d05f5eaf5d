"""Computes digests of a dataset's content."""

import hashlib
import json
import os
from typing import Any, Callable, Dict, Iterator, List, Sequence

from octet import digest as digests
from octet.data import array_folder
from octet.data.dataset import PARTS, Dataset
from octet.errors import DatasetError

OF_PARTS = "parts-2 "
"""The prefix of the purpose of a cached `of_parts`. Its number must change with `of_part`, because the cache outlives
such a change."""
ROWS = 64  # samples that are read at a time


def of_array(array: Any) -> str:
    """The sha256 of an array's dtype, shape and values in C order. Strides do not matter.
    Raises TypeError for an array of Python objects."""
    import numpy as np  # not at the top: the digest of an unchanged file is cached, and needs no numpy
    if array.dtype.hasobject:
        raise TypeError("an array of objects has no digest")
    head = "array {!r} {!r}\n".format(np.lib.format.dtype_to_descr(array.dtype), array.shape)
    hasher = hashlib.sha256(head.encode())
    hasher.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return hasher.hexdigest()


def of_samples(arrays: Sequence[Any]) -> List[str]:
    """The sha256 of each sample: of its rows in all arrays, which have equal lengths."""
    return list(each_sample(arrays))


def each_sample(arrays: Sequence[Any]) -> Iterator[str]:
    """Yields the sha256 of each sample, as `of_samples`. ROWS of each array are in memory at a time."""
    import numpy as np

    for start in range(0, len(arrays[0]), ROWS):
        for rows in zip(*(np.asarray(array[start:start + ROWS]) for array in arrays)):
            hasher = hashlib.sha256()
            for row in rows:
                hasher.update(row.tobytes())
            yield hasher.hexdigest()


def of_part(dataset: Dataset, part: str) -> str:
    """The sha256 of one part: of its arrays with their names, the ranges of its codes, and the class names, which some
    datasets take from their labels. Raises DatasetError."""
    known_part(part)
    arrays = dataset.parts[part]
    return digests.of_bytes(json.dumps({
        "inputs": {name: [float(spec.low), float(spec.high), of_array(arrays.inputs[name])]
                   for name, spec in dataset.inputs.items()},
        "targets": {name: [target.kind, of_array(arrays.targets[name]), target.ignore, list(target.columns),
                           list(target.classes)] for name, target in dataset.targets.items()},
        "extras": {name: of_array(array) for name, array in arrays.extras.items()},
    }, sort_keys=True).encode())


def in_file(part: str, path: str, reading: str, load: Callable[[], Dataset]) -> str:
    """The sha256 of one part of the dataset that `load` reads from one file.

    The file is read once for all its parts, and again only if it has changed. reading: names the dataset and the
    arguments on which the parts depend. Raises OSError and DatasetError.
    """
    known_part(part)
    digest_of: Dict[str, str] = json.loads(digests.cached(
        path, OF_PARTS + reading, lambda _: json.dumps(of_parts(load()))))
    return digest_of[part]


def in_arrays(part: str, path: str, reading: str, load: Callable[[], Dataset]) -> str:
    """`in_file` for an .npz file or a folder of .npy files. All files of a folder are read if one has changed."""
    if not os.path.isdir(path):
        return in_file(part, path, reading, load)
    hashes = array_folder.hashes(path, array_folder.names(path))
    if not hashes:
        load()  # raises the error about a folder without arrays
    first = array_folder.file_of(path, min(hashes))
    return in_file(part, first, reading + json.dumps(hashes, sort_keys=True), load)


def arrays(path: str, required: Sequence[str], optional: Sequence[str] = ()) -> Dict[str, str]:
    """{array: sha256} of the named arrays of an .npz file, or of their files in a folder. Arrays of `optional` may be
    missing. A file is read again only if it has changed. Raises OSError and DatasetError."""
    if os.path.isdir(path):
        return array_folder.hashes(path, (*required, *optional))

    def read(_: str) -> str:
        from octet.data import archive
        return json.dumps({name: of_array(array) for name, array in archive.read(path, required, optional).items()})
    digest_of: Dict[str, str] = json.loads(digests.cached(path, "arrays " + json.dumps([required, optional]), read))
    return digest_of


def of_parts(dataset: Dataset) -> Dict[str, str]:
    """{part: sha256} of all parts."""
    return {part: of_part(dataset, part) for part in PARTS}


def known_part(part: str) -> None:
    """Raises DatasetError unless `part` is one of `PARTS`."""
    if part not in PARTS:
        raise DatasetError("no part named {!r}".format(part), "digest", "A dataset has three parts.",
                           "Use one of: {}.".format(", ".join(PARTS)))
