"""How often two sides of one output give the same answer."""

from typing import Optional

import numpy as np

from tasks.evaluation import metrics
from tasks.graph import io_spec


def is_defined(end: io_spec.OutputEnd) -> bool:
    """Whether the output has answers that can be equal: it has classes."""
    return end["kind"] not in ("value", "raw")


class Agreement:
    """Sums over batches. end: an output with classes."""

    def __init__(self, end: io_spec.OutputEnd) -> None:
        self._end = end
        self._answers = self._agreed = 0

    def add(self, one: np.ndarray, other: np.ndarray, answers: np.ndarray) -> None:
        """Adds a batch of n samples. one, other: what the two sides give, reals [n, ...]. answers: the dataset's
        [n, ...]; what it ignores is not counted."""
        same = metrics.decided(self._end, one) == metrics.decided(self._end, other)
        if self._end.get("ignore") is not None:
            same = same[answers != self._end["ignore"]]
        self._answers, self._agreed = self._answers + same.size, self._agreed + int(same.sum())

    def share(self) -> Optional[float]:
        """The share of samples or pixels with the same answer from both; None without any."""
        return self._agreed / self._answers if self._answers else None
