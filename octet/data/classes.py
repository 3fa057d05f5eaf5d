"""Counts the samples of each class of a target."""

import numpy as np

from octet.data.dataset import Target

ROWS = 4096  # counted at a time


def counts(target: Target, answers: np.ndarray) -> np.ndarray:
    """The number of samples, or of pixels, of each class [C]. Ignored pixels do not count."""
    if target.kind == "labels":
        return answers.sum(0, dtype=np.int64)
    count = np.zeros(len(target.classes), np.int64)
    for start in range(0, len(answers), ROWS):
        known = answers[start:start + ROWS].reshape(-1)
        if target.ignore is not None:
            known = known[known != target.ignore]
        count += np.bincount(known, minlength=len(target.classes))
    return count
