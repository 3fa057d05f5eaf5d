"""How well scores put the samples of a class before the others, whatever the threshold."""

from typing import Optional

import numpy as np


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> Optional[float]:
    """The area under the ROC curve: how often a positive sample has the higher score of two, a tie counting a half
    (Mann and Whitney 1947). scores [N]; positive [N] bool. None where all are positive, or none is."""
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return None
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(sizes) - (sizes - 1) / 2.0  # of those of one score, the mean
    return float((ranks[place[positive]].sum() - count * (count + 1) / 2.0) / (count * others))


def average_precision(scores: np.ndarray, positive: np.ndarray) -> Optional[float]:
    """The mean of the precision over the recall, a step at each score that occurs (as scikit-learn's). None where no
    sample is positive."""
    if not positive.any():
        return None
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of each score
    found = np.cumsum(positive[order])[last].astype(float)
    precision, recall = found / (last + 1), found / found[-1]
    return float(np.sum(np.diff(np.append(0.0, recall)) * precision))
