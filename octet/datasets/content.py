"""What a part's content is, for its digest."""

import json

from octet import digest
from octet.datasets.dataset import PARTS, Dataset
from octet.errors import DatasetError


def of_part(dataset: Dataset, part: str) -> str:
    """The sha256 of one part: its arrays by name, and the range that its codes stand for.
    Class names are not in it: they belong to the whole dataset. Raises DatasetError."""
    known_part(part)
    arrays = dataset.parts[part]
    return digest.of_bytes(json.dumps({
        "inputs": {name: [float(spec.low), float(spec.high), digest.of_array(arrays.inputs[name])]
                   for name, spec in dataset.inputs.items()},
        "targets": {name: [target.kind, digest.of_array(arrays.targets[name])]
                    for name, target in dataset.targets.items()},
    }, sort_keys=True).encode())


def known_part(part: str) -> None:
    """Raises DatasetError unless `part` is one of `PARTS`."""
    if part not in PARTS:
        raise DatasetError("no part named {!r}".format(part), "digest", "A dataset has three parts.",
                           "Use one of: {}.".format(", ".join(PARTS)))
