"""One or two steps of each optimizer, compared with the formulas of the papers."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from octet.errors import ModelError, RecipeError
from tasks.training import layer_learning_rates, optimizer
from tasks.training.weight_average import Average

SETTINGS = dict(optimizer="sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.0, clip_norm=None,
                schedule="constant", weight_average=None, batch_size=8)
KERNEL, BIAS = np.float32([[1.0, -2.0], [3.0, 0.5]]), np.float32([1.0, -1.0])
SLOPE = np.float32([[3.0, 0.0], [0.0, -4.0]])  # of the loss for the kernel; 0 for all else


def stepped(steps=1, factors=None, **settings):
    """{name: value} of a dense kernel, its bias and a depthwise kernel after this number of steps, and their
    averages."""
    complete = SimpleNamespace(**{**SETTINGS, **settings})
    with tf.Graph().as_default(), tf.Session() as session:
        made = {"dense/kernel": tf.Variable(KERNEL, name="dense/kernel"),
                "dense/bias": tf.Variable(BIAS, name="dense/bias"),
                "depthwise/depthwise_kernel": tf.Variable(KERNEL, name="depthwise/depthwise_kernel")}
        loss = tf.reduce_sum(made["dense/kernel"] * SLOPE) + 0 * sum(tf.reduce_sum(each) for each in made.values())
        average = Average(complete.weight_average, optimizer.minimize(
            loss, tf.constant(0.1), complete, factors={made[name]: each for name, each in (factors or {}).items()}))
        session.run(tf.global_variables_initializer())
        average.start(session)
        history = []
        for _ in range(steps):
            session.run(average.update)
            history.append(session.run(made["dense/kernel"]))
        with average.in_place(session):
            averaged = session.run(made["dense/kernel"])
        after = session.run(made)
        assert (after["dense/kernel"] == history[-1]).all()  # as they were before the block
        return after, history, averaged


def test_momentum_and_nesterov_are_those_of_sutskever_2013():
    # v <- m v + g; w <- w - r v, and Nesterov's w <- w - r (g + m v)
    plain, nesterov = (stepped(2, optimizer=name)[0]["dense/kernel"] for name in ("momentum", "nesterov"))
    np.testing.assert_allclose(plain, KERNEL - 0.1 * (1 + 1.9) * SLOPE, rtol=1e-6)
    np.testing.assert_allclose(nesterov, KERNEL - 0.1 * (1.9 + (1 + 0.9 * 1.9)) * SLOPE, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(optimizer.OPTIMIZERS))
def test_weight_decay_takes_its_share_of_kernels_beside_the_gradient_step(name):
    without, _, _ = stepped(optimizer=name)
    with_decay, _, _ = stepped(optimizer=name, weight_decay=0.5)
    np.testing.assert_allclose(without["dense/kernel"] - with_decay["dense/kernel"], 0.1 * 0.5 * KERNEL, rtol=1e-5)
    for other in ("dense/bias", "depthwise/depthwise_kernel"):
        np.testing.assert_array_equal(with_decay[other], without[other])


@pytest.mark.parametrize("name", sorted(optimizer.OPTIMIZERS))
def test_a_rate_of_its_own_makes_steps_and_decay_smaller(name):
    settings = dict(optimizer=name, weight_decay=0.5)
    whole, own, still = (stepped(3, {"dense/kernel": factor}, **settings)[1] for factor in (1.0, 1e-3, 0.0))
    np.testing.assert_allclose((KERNEL - own[0]) * 1e3, KERNEL - whole[0], rtol=2e-3, atol=2e-4)
    np.testing.assert_array_equal(still[-1], KERNEL)
    np.testing.assert_array_equal(whole[-1], stepped(3, **settings)[1][-1])


def test_the_longest_pattern_says_the_rate_of_a_layer():
    layers = {"a": "body/conv1", "b": "body/conv2", "c": "head", "d": "top"}
    factors = layer_learning_rates.factors
    assert factors({"head": 2.0, "head*": 0.0, "hea*": 1.0}, {"c": "head"}, "train") == {"c": 2.0}
    assert factors({"body": 0.1, "body/conv2": 0.5, "h*": 2.0}, layers, "train") == {"a": 0.1, "b": 0.5, "c": 2.0}
    for wrong, words in (({"bdy": 0.1}, "no layer with weights matches 'bdy'"),
                         ({"*ead": 0.1, "hea*": 0.2}, "'*ead' and 'hea*' match the layer head, with different rates")):
        with pytest.raises(RecipeError) as refused:
            factors(wrong, layers, "train")
        assert words in refused.value.what and refused.value.where == "train.rates"


def test_gradients_are_clipped_together_by_their_norm():
    moved = KERNEL - stepped(clip_norm=1.0)[0]["dense/kernel"]
    np.testing.assert_allclose(moved, 0.1 * SLOPE / 5, rtol=1e-5)  # |(3, 4)| is 5
    np.testing.assert_allclose(KERNEL - stepped(clip_norm=6.0)[0]["dense/kernel"], 0.1 * SLOPE, rtol=1e-5)


def test_the_average_moves_behind_the_weights():
    _, history, averaged = stepped(30, weight_average=0.5)
    expected = KERNEL
    for number, weights in enumerate(history, 1):
        kept = min(0.5, (1 + number) / (10 + number))
        expected = kept * expected + (1 - kept) * weights
    np.testing.assert_allclose(averaged, expected, rtol=1e-4)
    assert not np.allclose(averaged, history[-1], rtol=1e-3)
    np.testing.assert_array_equal(stepped(3)[2], stepped(3)[1][-1])  # without a decay, the weights themselves


def test_defaults_of_the_optimizer_follow_from_the_network():
    def filled(classifies, batch_norm, regularised, **said):
        settings = SimpleNamespace(**{**dict(optimizer=None, learning_rate=None, weight_decay=None, batch_size=64),
                                      **said})
        found = optimizer.with_defaults(settings, classifies, batch_norm, regularised)
        return found.optimizer, found.learning_rate, found.weight_decay

    assert filled(True, True, True) == ("nesterov", 0.05, 0.0)
    assert filled(True, True, False, batch_size=128) == ("nesterov", 0.1, 0.002)
    assert filled(False, True, False) == filled(True, False, False) == ("adamw", 0.001, 0.01)
    assert filled(True, True, False, optimizer="adam") == ("adam", 0.001, 0.0)
    assert filled(True, True, True, learning_rate=0.3, weight_decay=0.1) == ("nesterov", 0.3, 0.1)


def test_a_network_without_a_gradient_is_refused():
    with tf.Graph().as_default():
        tf.Variable(1.0)
        with pytest.raises(ModelError, match="no weight of the network can be trained"):
            optimizer.minimize(tf.constant(1.0), tf.constant(0.1), SimpleNamespace(**SETTINGS))
