"""The samples of an epoch, and their order."""

import numpy as np
import pytest

from octet.data.dataset import Part
from tasks.training import feed

CLASSES = np.repeat([0, 1, 2], [970, 24, 6])
PART = Part({"image": np.arange(1000)}, {"label": CLASSES})


def epoch(number, classes=None, seed=1):
    return np.concatenate(list(feed.batches(PART, 50, seed, number, classes)))


@pytest.mark.parametrize("classes", [None, CLASSES], ids=["as they are", "balanced"])
def test_an_epoch_follows_from_its_number_and_the_seed(classes):
    assert epoch(3, classes).tolist() == epoch(3, classes).tolist()
    assert epoch(3, classes).tolist() != epoch(4, classes).tolist() != epoch(4, classes, seed=2).tolist()


def test_an_epoch_has_every_sample_once():
    assert sorted(epoch(0)) == list(range(1000))


def test_a_balanced_epoch_has_as_many_of_each_class_and_each_sample_of_a_class_as_often():
    rows = epoch(0, CLASSES)
    assert len(rows) == 1000
    assert sorted(np.bincount(CLASSES[rows])) == [333, 333, 334]
    often = np.bincount(rows, minlength=1000)
    for one in range(3):
        of_class = often[CLASSES == one]
        assert of_class.max() - of_class.min() <= 1
    # Within some epochs, every sample of the common class has come.
    assert len(np.unique(np.concatenate([epoch(number, CLASSES) for number in range(20)]))) == 1000
    assert abs(np.diff(CLASSES[rows]) != 0).mean() > 0.5  # classes do not come in blocks


def test_only_a_loss_that_says_so_draws_by_its_classes():
    ends = [{"name": "pose", "loss": {"oversample": None}}, {"name": "label", "loss": {"oversample": "balanced"}}]
    assert feed.oversampled_classes(PART, ends[:1]) is None and feed.oversampled_classes(PART, ends) is CLASSES
