import numpy as np
import pytest
import tensorflow as tf

from tasks.graph import placeholders
from tasks.training import losses

RANDOM = np.random.RandomState(0)
SCORES = RANDOM.randn(4, 3).astype(np.float32)
LABELS = np.array([0, 2, 1, 1])


def value(end, scores, wanted, activation=tf.identity, weights=None):
    with tf.Graph().as_default(), tf.Session() as session:
        tensor = tf.placeholder(tf.float32, (None,) + scores.shape[1:])
        expected = placeholders.placeholder(end)
        sample_weights = None if weights is None else tf.constant(weights, tf.float32)
        return session.run(losses.of(end, activation(tensor), expected, sample_weights),
                           {tensor: scores, expected: wanted})


def ended(kind, classes=(), shape=()):
    return {"kind": kind, "classes": list(classes), "shape": list(shape), "loss_weight": 1.0,
            "loss": {"kind": "mse" if kind == "value" else "cross_entropy", "gamma": 2.0, "delta": 1.0,
                     "label_smoothing": 0.0, "class_weights": None}}


def cross_entropy(scores, labels):
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return -np.mean(np.log(np.take_along_axis(shares, labels[..., None], -1)))


@pytest.mark.parametrize("activation", [tf.identity, tf.nn.softmax])
def test_classes_have_cross_entropy(activation):
    found = value(ended("class", "abc"), SCORES, LABELS, activation)
    assert found == pytest.approx(cross_entropy(SCORES, LABELS), rel=1e-5)


def test_sigmoids_have_one_cross_entropy_for_each_class():
    yes = 1 / (1 + np.exp(-SCORES))
    right = np.where(np.eye(3)[LABELS] == 1, yes, 1 - yes)
    found = value(ended("class", "abc"), SCORES, LABELS, tf.sigmoid)
    assert found == pytest.approx(-np.log(right).sum(-1).mean(), rel=1e-5)


def test_each_pixel_of_a_class_map_counts():
    scores = RANDOM.randn(2, 4, 5, 3).astype(np.float32)
    labels = RANDOM.randint(0, 3, (2, 4, 5))
    found = value(ended("class_map", "abc", (4, 5)), scores, labels, tf.keras.activations.softmax)
    assert found == pytest.approx(cross_entropy(scores, labels), rel=1e-5)


def test_values_have_their_mean_squared_error():
    wanted = RANDOM.randn(4, 3).astype(np.float32)
    found = value(ended("value", shape=(3,)), SCORES, wanted)
    assert found == pytest.approx(np.mean((SCORES - wanted) ** 2), rel=1e-5)


def test_outputs_are_weighed():
    ends = [dict(ended("value", shape=(3,)), name=str(weight), loss_weight=weight) for weight in (2.0, 0.5)]
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = [tf.fill([4, 3], number) for number in (1.0, 3.0)]
        expected = placeholders.Placeholders({"outputs": ends})
        found = session.run(losses.total({"outputs": ends}, outputs, expected),
                            {tensor: np.zeros((4, 3)) for tensor in expected.targets})
    assert found == pytest.approx(2.0 * 1 + 0.5 * 9)


def changed(end, **settings):
    return dict(end, loss=dict(end["loss"], **settings))


def sigmoid(scores):
    return 1 / (1 + np.exp(-scores))


def bits(probabilities, wanted):
    return -(wanted * np.log(probabilities) + (1 - wanted) * np.log(1 - probabilities))


@pytest.mark.parametrize("activation, threshold", [(tf.identity, 0.0), (tf.sigmoid, 0.5)])
def test_one_score_for_two_classes_has_the_cross_entropy_of_its_sigmoid(activation, threshold):
    end = dict(ended("class", "ab"), threshold=threshold)
    found = value(end, SCORES[:, :1], LABELS % 2, activation)
    assert found == pytest.approx(bits(sigmoid(SCORES[:, 0]), LABELS % 2).mean(), rel=1e-5)


def test_several_labels_have_the_mean_cross_entropy_of_their_sigmoids():
    wanted = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    end = dict(ended("labels", "abc"), threshold=0.5)
    each = bits(sigmoid(SCORES), wanted)
    assert value(end, SCORES, wanted, tf.sigmoid) == pytest.approx(each.mean(), rel=1e-5)
    weighted = each * np.where(wanted == 1, [2.0, 1.0, 1.0], 1.0)
    assert value(changed(end, class_weights=[2.0, 1.0, 1.0]), SCORES, wanted, tf.sigmoid) == pytest.approx(
        weighted.mean(), rel=1e-5)


def each_cross_entropy(scores, labels):
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return -np.log(np.take_along_axis(shares, labels[..., None], -1)[..., 0])


def test_a_class_counts_as_much_as_its_weight():
    weights = np.array([1.0, 50.0, 0.0])
    found = value(changed(ended("class", "abc"), class_weights=weights.tolist()), SCORES, LABELS)
    assert found == pytest.approx(np.mean(weights[LABELS] * each_cross_entropy(SCORES, LABELS)), rel=1e-5)


@pytest.mark.parametrize("kind", ["cross_entropy", "focal", "dice"])
def test_what_an_ignored_pixel_says_changes_nothing(kind):
    scores, labels = RANDOM.randn(2, 2, 2, 3).astype(np.float32), RANDOM.randint(0, 3, (2, 2, 2))
    labels[0, 0, 0] = 255
    end = dict(changed(ended("class_map", "abc", (2, 2)), kind=kind), ignore=255)
    found = value(end, scores, labels)
    other = scores.copy()
    other[0, 0, 0] = [9, -9, 0]
    assert value(end, other, labels) == pytest.approx(found, rel=1e-6)
    if kind == "cross_entropy":
        known = labels != 255
        assert found == pytest.approx(each_cross_entropy(scores[known], labels[known]).mean(), rel=1e-5)


def test_the_focal_loss_reduces_the_weight_of_easy_samples():
    each = each_cross_entropy(SCORES, LABELS)
    found = value(changed(ended("class", "abc"), kind="focal", gamma=3.0), SCORES, LABELS)
    assert found == pytest.approx(np.mean((1 - np.exp(-each)) ** 3 * each), rel=1e-5)


def test_smoothed_labels_leave_a_share_to_every_class():
    shares = np.exp(SCORES) / np.exp(SCORES).sum(-1, keepdims=True)
    wanted = np.eye(3)[LABELS] * 0.7 + 0.1
    found = value(changed(ended("class", "abc"), label_smoothing=0.3), SCORES, LABELS)
    assert found == pytest.approx(-np.mean((wanted * np.log(shares)).sum(-1)), rel=1e-5)


def test_dice_is_how_little_the_shares_overlap():
    labels = np.array([[[0, 1], [1, 1]]])
    sure = (np.eye(2)[labels] * 60 - 30).astype(np.float32)
    end = changed(ended("class_map", "ab", (2, 2)), kind="dice")
    assert value(end, sure, labels) == pytest.approx(0.0, abs=1e-6)
    found = value(end, -sure, labels)  # nothing overlaps: (0 + 1) / (sizes + 1), and they are 4 in both classes
    assert found == pytest.approx(1 - 1 / 5, rel=1e-5)


@pytest.mark.parametrize("kind, each", [
    ("mae", np.abs), ("huber", lambda error: np.where(abs(error) < 0.5, error ** 2 / 2, 0.5 * (abs(error) - 0.25)))])
def test_values_have_other_errors_too(kind, each):
    wanted = RANDOM.randn(4, 3).astype(np.float32)
    found = value(changed(ended("value", shape=(3,)), kind=kind, delta=0.5), SCORES, wanted)
    assert found == pytest.approx(np.mean(each(SCORES - wanted)), rel=1e-5)


@pytest.mark.parametrize("kind", ["cross_entropy", "focal"])
def test_a_sample_counts_as_much_as_its_weight(kind):
    weights = [2.0, 0.0, 1.0, 1.0]
    one_by_one = [value(changed(ended("class", "abc"), kind=kind), SCORES[row:row + 1], LABELS[row:row + 1])
                  for row in range(4)]
    found = value(changed(ended("class", "abc"), kind=kind), SCORES, LABELS, weights=weights)
    assert found == pytest.approx(np.mean(np.multiply(weights, one_by_one)), rel=1e-5)


def test_a_value_and_each_of_several_labels_count_as_much_as_the_samples_weight():
    weights, wanted = np.array([2.0, 0.0, 1.0, 3.0]), RANDOM.randn(4, 3).astype(np.float32)
    found = value(ended("value", shape=(3,)), SCORES, wanted, weights=weights)
    assert found == pytest.approx(np.mean(weights[:, None] * (SCORES - wanted) ** 2), rel=1e-5)
    tags = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    found = value(dict(ended("labels", "abc"), threshold=0.5), SCORES, tags, tf.sigmoid, weights=weights)
    assert found == pytest.approx((weights[:, None] * bits(sigmoid(SCORES), tags)).mean(), rel=1e-5)


def test_iou_is_what_is_shared_of_what_either_has():
    labels = np.array([[[0, 1], [1, 1]]])
    sure = (np.eye(2)[labels] * 60 - 30).astype(np.float32)
    end = changed(ended("class_map", "ab", (2, 2)), kind="iou")
    assert value(end, sure, labels) == pytest.approx(0.0, abs=1e-6)
    found = value(end, -sure, labels)  # of 4 pixels in either, none is shared: (0 + 1) / (4 + 1) for both classes
    assert found == pytest.approx(1 - 1 / 5, rel=1e-5)
