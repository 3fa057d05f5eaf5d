"""How often each class of a target occurs."""

import numpy as np

from octet.data.dataset import Target

ROWS = 4096  # counted at a time


def counts(target: Target, answers: np.ndarray) -> np.ndarray:
    """How many samples, or pixels, are of each class [C]; ignored pixels are of none."""
    if target.kind == "labels":
        return answers.sum(0, dtype=np.int64)
    count = np.zeros(len(target.classes), np.int64)
    for start in range(0, len(answers), ROWS):
        known = answers[start:start + ROWS].reshape(-1)
        if target.ignore is not None:
            known = known[known != target.ignore]
        count += np.bincount(known, minlength=len(target.classes))
    return count
