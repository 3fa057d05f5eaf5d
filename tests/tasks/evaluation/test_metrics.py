import numpy as np
import pytest

from octet import main_metric
from tasks.evaluation import metrics


def figures(end, *batches):
    total = metrics.of(end)
    for found, wanted in batches:
        total.add(np.asarray(found), np.asarray(wanted))
    return total.figures()


def test_accuracy_is_the_share_of_right_answers_over_all_batches():
    end = {"kind": "class", "classes": ["a", "b"]}
    assert figures(end, ([[0.9, 0.1], [0.2, 0.8]], [0, 0]), ([[0.4, 0.6]], [1]))["accuracy"] == pytest.approx(2 / 3)


def test_mean_iou_is_over_the_classes_that_occur():
    end = {"kind": "class_map", "classes": ["a", "b", "never"]}
    answers = np.eye(3)[np.array([[[0, 0], [1, 1]]])]  # one image of 2x2
    found = figures(end, (answers, [[[0, 1], [1, 1]]]))
    assert found["accuracy"] == 0.75 and found["mean_iou"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_errors_of_values_are_means_over_all_numbers():
    found = figures({"kind": "value"}, ([[1.0, 2.0]], [[1.0, 4.0]]), ([[3.0, 3.0]], [[2.0, 3.0]]))
    assert found == {"mse": pytest.approx(5 / 4), "mae": pytest.approx(3 / 4),
                     "snr_db": pytest.approx(10 * np.log10(30 / 5))}


def test_no_error_at_all_has_no_ratio():
    assert figures({"kind": "value"}, ([[1.0]], [[1.0]]))["snr_db"] is None


def test_a_rare_class_counts_as_much_as_a_common_one():
    end = {"kind": "class", "classes": ["good", "defect"], "name": "label"}
    total = metrics.of(end)
    total.add(np.tile([0.9, 0.1], (100, 1)), np.array([0] * 99 + [1]))
    found = total.figures()
    assert found["accuracy"] == 0.99 and found["balanced_accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx((2 * 99 / 199 + 0) / 2)
    assert total.details()["recall"] == {"good": 1.0, "defect": 0.0} and total.details()["precision"]["defect"] is None
    assert metrics.unanswered(end, total, "here")[0].startswith(
        "'label' never predicts the class 'defect' correctly (here)")
    total.add(np.array([[0.1, 0.9]]), np.array([0]))  # predicted once, but wrongly: its recall is still 0
    assert metrics.unanswered(end, total, "here") and total.never_correct() == ["defect"]
    total.add(np.array([[0.1, 0.9]]), np.array([1]))
    assert not metrics.unanswered(end, total, "here")


def test_one_score_of_two_classes_is_a_yes_above_its_threshold():
    end = {"kind": "class", "classes": ["no", "yes"], "threshold": 0.5}
    found = figures(end, ([[0.2], [0.7], [0.5]], [0, 1, 1]))
    assert found["accuracy"] == pytest.approx(2 / 3) and found["roc_auc"] == 1.0
    found = figures(dict(end, kind="class_map"), (np.array([[0.2, 0.7], [0.9, 0.1]])[None, ..., None],
                                                  [[[0, 1], [0, 0]]]))
    assert found["accuracy"] == 0.75 and found["mean_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_ignored_pixels_do_not_count():
    end = {"kind": "class_map", "classes": ["a", "b"], "ignore": 255}
    answers = np.eye(2)[np.array([[[0, 0], [1, 1]]])]
    assert figures(end, (answers, [[[0, 255], [1, 255]]]))["accuracy"] == 1.0
    assert figures(end, (answers, [[[255, 255], [255, 255]]]))["accuracy"] is None


def test_several_labels_are_counted_each_and_together():
    end = {"kind": "labels", "classes": ["a", "b"], "threshold": 0.5, "name": "tags"}
    total = metrics.of(end)
    total.add(np.array([[0.9, 0.1], [0.2, 0.4], [0.8, 0.3]]), np.array([[1, 0], [0, 1], [0, 1]], np.uint8))
    found = total.figures()
    assert found["accuracy"] == pytest.approx(3 / 6) and found["exact_match"] == pytest.approx(1 / 3)
    assert found["roc_auc"] == pytest.approx((1 + 1) / 2)
    assert total.details()["recall"] == {"a": 1.0, "b": 0.0} and total.confusion[0].tolist() == [[1, 1], [0, 1]]
    assert "never predicts the class 'b' correctly" in metrics.unanswered(end, total, "here")[0]


def test_scaled_columns_are_reported_in_their_own_units():
    total = metrics.of({"kind": "value", "columns": [[0.0, 100.0], [-1.0, 1.0]]})
    total.add(np.array([[0.5, 0.5], [0.5, 0.25]]), np.array([[0.4, 0.5], [0.4, 0.5]]))
    assert total.details()["mae_by_column"] == {"0": pytest.approx(10.0), "1": pytest.approx(0.25)}


@pytest.mark.parametrize("kind, headline", [
    ("class", "accuracy"), ("labels", "exact_match"), ("class_map", "mean_iou"), ("value", "mse")])
def test_each_kind_of_target_has_the_headline_metric_of_its_kind(kind, headline):
    shape = (1, 2, 2, 2) if kind == "class_map" else (1, 2)
    answers = np.zeros({"class": (1,), "class_map": (1, 2, 2)}.get(kind, shape), np.int32)
    found = figures({"kind": kind, "classes": ["a", "b"], "threshold": 0.5, "name": "it"},
                    (np.full(shape, 0.25, np.float32), answers))
    assert main_metric.of(found) == headline
