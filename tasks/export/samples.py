"""Samples of the test part in the exported folder: an integration is tested with them."""

from pathlib import Path
from typing import List, Sequence

import numpy as np

COUNT = 8


def rows(total: int, most: int) -> np.ndarray:
    """Up to `most` row numbers spread evenly over `total` rows, since data is often sorted by class."""
    return np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(int))


def write(folder: Path, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> List[str]:
    """Writes input_0.npy, ... and output_0.npy, ..., codes [samples, ...] each, into the new `folder`. Returns their
    names."""
    folder.mkdir()
    names = []
    for side, arrays in (("input", inputs), ("output", outputs)):
        for index, array in enumerate(arrays):
            names.append("{}_{}.npy".format(side, index))
            np.save(str(folder / names[-1]), np.ascontiguousarray(array))
    return names
