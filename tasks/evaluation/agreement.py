"""The share of samples for which two networks predict the same class."""

from typing import Optional

import numpy as np

from tasks.evaluation import metrics
from tasks.graph import io_spec


def is_defined(end: io_spec.OutputEnd) -> bool:
    """Whether agreement is defined for the output: whether it has classes."""
    return end["kind"] not in ("value", "raw")


class Agreement:
    """Accumulates agreement over batches. end: an output with classes."""

    def __init__(self, end: io_spec.OutputEnd) -> None:
        self._end = end
        self._count = self._agreed = 0

    def add(self, one: np.ndarray, other: np.ndarray, targets: np.ndarray) -> None:
        """Adds a batch of n samples. one, other: the outputs of the two networks, real values [n, ...]. targets:
        [n, ...]; ignored pixels are not counted."""
        same = metrics.decided(self._end, one) == metrics.decided(self._end, other)
        if self._end.get("ignore") is not None:
            same = same[targets != self._end["ignore"]]
        self._count, self._agreed = self._count + same.size, self._agreed + int(same.sum())

    def share(self) -> Optional[float]:
        """The share of samples or pixels with the same prediction; None where there are none."""
        return self._agreed / self._count if self._count else None
