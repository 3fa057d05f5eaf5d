"""The batches of an epoch."""

from typing import Iterator, Optional, Sequence

import numpy as np

from octet.data.dataset import Part
from tasks.graph.io_spec import OutputEnd


def batches(part: Part, size: int, seed: int, epoch: int, classes: Optional[np.ndarray] = None) -> Iterator[np.ndarray]:
    """The rows of each batch of an epoch. Their order depends only on the seed and the epoch.

    All batches have `size` samples; the samples that remain are not used. A smaller part is one batch. classes: the
    class of each sample, where as many of each class are to be drawn.
    """
    random = np.random.RandomState([seed, epoch])
    order = random.permutation(len(part)) if classes is None else balanced(np.asarray(classes), random)
    for batch in range(count(part, size)):
        yield order[batch * size:(batch + 1) * size]


def count(part: Part, size: int) -> int:
    """The number of batches in an epoch."""
    return max(1, len(part) // size)


def balanced(classes: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """As many rows as there are samples, as many of each class as of any other (within one), in random order. Of one
    class, no sample comes two times more often than another."""
    present = random.permutation(np.unique(classes))
    shares = np.diff(np.arange(len(present) + 1) * len(classes) // len(present))
    return random.permutation(np.concatenate([
        np.resize(random.permutation(np.flatnonzero(classes == one)), share) for one, share in zip(present, shares)]))


def drawn_by(part: Part, ends: Sequence[OutputEnd]) -> Optional[np.ndarray]:
    """The class of each sample, where the recipe says `loss: {oversample: balanced}`; else None."""
    return next((part.targets[end["name"]] for end in ends if end["loss"].get("oversample")), None)
