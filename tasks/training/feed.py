"""The batches of an epoch."""

from typing import Iterator

import numpy as np

from octet.data.dataset import Part


def batches(part: Part, size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """The rows of each batch of an epoch. Their order depends only on the seed and the epoch.

    All batches have `size` samples; the samples that remain are not used. A smaller part is one batch.
    """
    order = np.random.RandomState([seed, epoch]).permutation(len(part))
    for batch in range(count(part, size)):
        yield order[batch * size:(batch + 1) * size]


def count(part: Part, size: int) -> int:
    """The number of batches in an epoch."""
    return max(1, len(part) // size)
