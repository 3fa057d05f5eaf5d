import numpy as np
import pytest

from tasks.evaluation import ranking


def auc_by_pairs(scores, positive):
    """By definition: over all pairs of a positive and a negative sample."""
    pairs = [(one > other) + 0.5 * (one == other) for one in scores[positive] for other in scores[~positive]]
    return np.mean(pairs)


def precision_by_thresholds(scores, positive):
    """The sum over all occurring scores, from the highest: the gained recall times the precision there."""
    found, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        said = scores >= threshold
        recall = (said & positive).sum() / positive.sum()
        found, before = found + (recall - before) * (said & positive).sum() / said.sum(), recall
    return found


@pytest.mark.parametrize("levels", [3, 1000])
def test_areas_are_those_of_their_definitions_with_ties_too(levels):
    rng = np.random.RandomState(levels)
    scores, positive = rng.randint(0, levels, 60) / levels, rng.rand(60) < 0.3
    assert ranking.roc_auc(scores, positive) == pytest.approx(auc_by_pairs(scores, positive))
    assert ranking.average_precision(scores, positive) == pytest.approx(precision_by_thresholds(scores, positive))


def test_what_needs_both_sorts_of_samples_is_none_without_one():
    scores = np.array([0.1, 0.9])
    assert ranking.roc_auc(scores, np.array([True, True])) is None
    assert ranking.roc_auc(scores, np.array([False, False])) is None
    assert ranking.average_precision(scores, np.array([False, False])) is None
    assert ranking.average_precision(scores, np.array([True, True])) == 1
