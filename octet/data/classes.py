"""How often each class of a target occurs."""

import numpy as np

from octet.data.dataset import Target


def counts(target: Target, answers: np.ndarray) -> np.ndarray:
    """How many samples, or pixels, are of each class [C]; ignored pixels are of none."""
    if target.kind == "labels":
        return answers.sum(0, dtype=np.int64)
    known = answers.reshape(-1)
    if target.ignore is not None:
        known = known[known != target.ignore]
    return np.bincount(known, minlength=len(target.classes))
