"""Metrics of a ranking by score, which need no threshold: ROC AUC and average precision."""

from typing import Optional

import numpy as np


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> Optional[float]:
    """The area under the ROC curve: the probability that a positive sample has a higher score than a negative one; a
    tie counts one half (Mann and Whitney 1947). scores: [N]. positive: [N] bool. None where all or no samples are
    positive.
    """
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return None
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(sizes) - (sizes - 1) / 2.0  # equal scores share the mean of their ranks
    return float((ranks[place[positive]].sum() - count * (count + 1) / 2.0) / (count * others))


def average_precision(scores: np.ndarray, positive: np.ndarray) -> Optional[float]:
    """The average precision as in scikit-learn: the sum, over the distinct scores, of the precision times the increase
    of recall. None where no sample is positive."""
    if not positive.any():
        return None
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # the last sample of each score
    true_positives = np.cumsum(positive[order])[last].astype(float)
    precision, recall = true_positives / (last + 1), true_positives / true_positives[-1]
    return float(np.sum(np.diff(np.append(0.0, recall)) * precision))
