"""Which samples go into which step."""

from typing import Iterator

import numpy as np

from octet.data.dataset import Part


def batches(part: Part, size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """The rows of each batch of an epoch; their order depends on the seed and the epoch alone.

    What is left over at the end is left out; a part that is smaller than one batch is one.
    """
    order = np.random.RandomState([seed, epoch]).permutation(len(part))
    for batch in range(count(part, size)):
        yield order[batch * size:(batch + 1) * size]


def count(part: Part, size: int) -> int:
    """How many batches an epoch has."""
    return max(1, len(part) // size)
