import numpy as np
import pytest

from tasks.evaluation.confidence_intervals import Z_95, wilson
from tasks.evaluation.mistakes import Mistakes

RANDOM = np.random.RandomState(0)


def end(kind, classes=3, threshold=None, ignore=None):
    return {"kind": kind, "classes": ["c{}".format(index) for index in range(classes)], "threshold": threshold,
            "ignore": ignore}


def found(spec, scores, truth, most=5, batch=7):
    mistakes = Mistakes(spec, most)
    for start in range(0, len(truth), batch):
        mistakes.add(scores[start:start + batch], truth[start:start + batch])
    return mistakes.to_json()


def test_the_most_certain_mistakes_of_all_batches_come_first():
    scores, truth = RANDOM.rand(50, 3).astype(np.float32), RANDOM.randint(0, 3, 50)
    said = found(end("class"), scores, truth)
    wrong = [row for row in range(50) if scores[row].argmax() != truth[row]]
    wrong.sort(key=lambda row: -(scores[row].max() - scores[row, truth[row]]))
    assert said["samples"] == 50 and said["wrong"] == len(wrong)
    assert [one["row"] for one in said["rows"]] == wrong[:5]
    assert all(one["answer"] == scores[one["row"]].argmax() and one["label"] == truth[one["row"]]
               for one in said["rows"])


def test_one_score_for_two_classes_is_measured_from_its_threshold():
    said = found(end("class", 2, threshold=0.5), np.array([[0.9], [0.1], [0.6], [0.5]]), np.array([0, 1, 0, 1]))
    assert [(one["row"], one["answer"]) for one in said["rows"]] == [(0, 1), (1, 0), (2, 1), (3, 0)]
    assert said["rows"][-1]["margin"] > 0, "a score at the threshold is a mistake, too"


def test_labels_name_what_is_too_much_and_what_is_missing():
    said = found(end("labels", threshold=0.5), np.array([[0.9, 0.1, 0.2], [0.2, 0.9, 0.1]]),
                 np.array([[0, 0, 1], [0, 1, 0]]))
    assert said["wrong"] == 1
    assert said["rows"][0]["too_many"] == [0] and said["rows"][0]["too_few"] == [2]


def test_ignored_pixels_are_no_mistakes():
    scores, truth = np.zeros((2, 2, 2, 3)), np.array([[[0, 255], [255, 255]], [[1, 0], [255, 0]]])
    said = found(end("class_map", ignore=255), scores, truth)
    assert said["wrong"] == 1 and said["rows"][0]["row"] == 1
    assert said["rows"][0]["margin"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("share, count", [(0.0, 10), (1.0, 3), (0.5, 1), (0.985, 400), (1 / 3, 30000)])
def test_the_ends_of_an_interval_are_where_the_share_is_just_believable(share, count):
    """Wilson's definition: at an end p of the interval, the observed share is z standard deviations away from p."""
    for end in wilson(share, count):
        if 0 < end < 1:
            assert abs(share - end) == pytest.approx(Z_95 * np.sqrt(end * (1 - end) / count))
    low, high = wilson(share, count)
    assert 0 <= low <= share <= high <= 1 and low < high


def test_no_sample_has_no_interval():
    assert wilson(None, 5) is None and wilson(0.5, 0) is None
