import numpy as np
import pytest
import tensorflow as tf

from tasks.training import losses

RANDOM = np.random.RandomState(0)
SCORES = RANDOM.randn(4, 3).astype(np.float32)
LABELS = np.array([0, 2, 1, 1])


def value(end, scores, answers, activation=tf.identity):
    with tf.Graph().as_default(), tf.Session() as session:
        tensor = tf.placeholder(tf.float32, (None,) + scores.shape[1:])
        expected = losses.answers(end)
        return session.run(losses.of(end, activation(tensor), expected), {tensor: scores, expected: answers})


def ended(kind, classes=(), shape=()):
    return {"kind": kind, "classes": list(classes), "shape": list(shape), "loss_weight": 1.0}


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
    ends = [dict(ended("value", shape=(3,)), loss_weight=weight) for weight in (2.0, 0.5)]
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = [tf.fill([4, 3], number) for number in (1.0, 3.0)]
        expected = [losses.answers(end) for end in ends]
        found = session.run(losses.total({"outputs": ends}, outputs, expected),
                            {tensor: np.zeros((4, 3)) for tensor in expected})
    assert found == pytest.approx(2.0 * 1 + 0.5 * 9)
