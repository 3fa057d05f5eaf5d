"""The batches of an epoch."""

from typing import Iterator, Optional, Sequence

import numpy as np

from octet.data.dataset import Part
from tasks.graph.io_spec import OutputEnd


def batches(part: Part, size: int, seed: int, epoch: int, classes: Optional[np.ndarray] = None) -> Iterator[np.ndarray]:
    """Yields the rows of each batch of an epoch. Their order depends only on the seed and the epoch.

    All batches have `size` samples; the remaining samples are not used. A part of fewer samples is one batch. classes:
    the class of each sample, to draw all classes equally often; else None.
    """
    random = np.random.RandomState([seed, epoch])
    order = random.permutation(len(part)) if classes is None else balanced(np.asarray(classes), random)
    for batch in range(count(part, size)):
        yield order[batch * size:(batch + 1) * size]


def count(part: Part, size: int) -> int:
    """The number of batches in an epoch."""
    return max(1, len(part) // size)


def balanced(classes: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """As many rows as there are samples, in random order, with all classes equally often (within 1). The samples of one
    class are drawn equally often (within 1)."""
    present = random.permutation(np.unique(classes))
    shares = np.diff(np.arange(len(present) + 1) * len(classes) // len(present))
    return random.permutation(np.concatenate([
        np.resize(random.permutation(np.flatnonzero(classes == one)), share) for one, share in zip(present, shares)]))


def oversampled_classes(part: Part, ends: Sequence[OutputEnd]) -> Optional[np.ndarray]:
    """The class of each sample, where the recipe says `loss: {oversample: balanced}`; else None."""
    return next((part.targets[end["name"]] for end in ends if end["loss"].get("oversample")), None)
