import numpy as np
import pytest

from tasks.training import metrics


def figures(end, *batches):
    total = metrics.of(end)
    for found, wanted in batches:
        total.add(np.asarray(found), np.asarray(wanted))
    return total.figures()


def test_accuracy_is_the_share_of_right_answers_over_all_batches():
    end = {"kind": "class", "classes": ["a", "b"]}
    assert figures(end, ([[0.9, 0.1], [0.2, 0.8]], [0, 0]), ([[0.4, 0.6]], [1])) == {
        "accuracy": pytest.approx(2 / 3)}


def test_mean_iou_is_over_the_classes_that_occur():
    end = {"kind": "class_map", "classes": ["a", "b", "never"]}
    answers = np.eye(3)[np.array([[[0, 0], [1, 1]]])]  # one image of 2x2
    found = figures(end, (answers, [[[0, 1], [1, 1]]]))
    assert found == {"accuracy": 0.75, "mean_iou": pytest.approx((1 / 2 + 2 / 3) / 2)}


def test_errors_of_values_are_means_over_all_numbers():
    found = figures({"kind": "value"}, ([[1.0, 2.0]], [[1.0, 4.0]]), ([[3.0, 3.0]], [[2.0, 3.0]]))
    assert found == {"mse": pytest.approx(5 / 4), "mae": pytest.approx(3 / 4),
                     "snr_db": pytest.approx(10 * np.log10(30 / 5))}


def test_no_error_at_all_has_no_ratio():
    assert figures({"kind": "value"}, ([[1.0]], [[1.0]]))["snr_db"] is None
