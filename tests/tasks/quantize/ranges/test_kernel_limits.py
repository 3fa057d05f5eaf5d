"""Networks at the limits of the kernels' integers. A tensor has 3 numbers if a shift of 32 bits is wrong in scalar code
but correct in the kernels' vector instructions."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tasks.quantize import quantized_graph
from tests.tasks import conversion
from tests.tasks.catalogue import conv, head, lam, norm
from tests.tasks.networks import LAYERS as L
from tests.tasks.networks import frozen

K = tf.keras.backend
CODES = np.random.RandomState(0).randint(0, 256, (8, 8, 8, 3)).astype(np.uint8)


def large(x, scale=1e3):
    return lam(lambda t: scale * t, conv(x))


def three(x, scale):
    return lam(lambda t: scale * t, L.Dense(3)(L.Flatten()(x)))


def clipped(x, bound):
    return lam(lambda t: L.ReLU(max_value=bound)(t) - bound / 2, x)


def small(x):
    values = lam(lambda t: 1e-3 * t, L.Flatten()(conv(x, 16, activation="relu")))
    return lam(lambda t: 0.02 * t, L.Dense(3, kernel_initializer="random_normal")(values))


def leaky_difference(x):
    return L.LeakyReLU(0.1)(L.Subtract()([three(x, 1e-4), three(x, 1e-4)]))


def product(x):
    return L.Multiply()([large(x), large(x)])


def positive(x, scale):
    return lam(lambda t: scale * t, conv(x, 8, activation="relu"))


def lopsided(x):
    return lam(lambda t: t * np.float32([-5e6, 1e5, 1e5]), conv(x, 3, activation="relu"))


def clip(low, high):
    return L.Lambda(lambda t: K.clip(t, low, high))


def sigmoid(x):
    return head(L.Activation("sigmoid")(x))


def weighed(x, units=64, activation="sigmoid"):
    value = conv(x, units, activation="relu")
    return L.Multiply()([value, L.Dense(units, activation=activation)(L.GlobalAveragePooling2D()(value))])


def _beside(values, clipped):
    return L.Add()([lam(lambda t: 1e-6 * t, values), lam(clipped, values)])


NETWORKS = {
    "sigmoid_of_a_product": lambda x: sigmoid(product(x)),
    "sigmoid_of_a_gated_product": lambda x: sigmoid(L.Multiply()([conv(x, 4, activation="sigmoid"), product(x)])),
    "sigmoid_of_a_moved_product": lambda x: sigmoid(L.Reshape((16, 16))(L.MaxPooling2D(1)(product(x)))),
    "sigmoid_of_a_leaky_product": lambda x: sigmoid(L.LeakyReLU(0.1)(product(x))),
    "sigmoid_of_a_leaky_sum": lambda x: sigmoid(L.LeakyReLU(0.1)(L.Add()([large(x, 1e6), large(x, 1e6)]))),
    "tanh_of_a_sum_of_products": lambda x: head(L.Activation("tanh")(L.Add()([product(x), conv(x)]))),
    "sigmoid_of_a_narrow_clip": lambda x: sigmoid(lam(lambda t: K.clip(t, 0, 0.02), conv(x))),
    "sigmoid_of_a_narrow_negative_maximum": lambda x: sigmoid(lam(
        lambda t: tf.maximum(-tf.nn.relu(t), -0.05), conv(x))),
    "difference_of_narrow_clips": lambda x: sigmoid(L.Subtract()([
        lam(lambda t: K.clip(t, 0, 1e-5), three(x, 1.0)), lam(lambda t: K.clip(t, 0, 1e-5), three(x, 1.0))])),
    # A clamp of which nothing is left but its narrow side.
    "sigmoid_of_the_narrow_side_of_a_clip": lambda x: sigmoid(clip(-0.02, 2.0)(lam(lambda t: t - 3.0, conv(x)))),
    "softmax_of_the_narrow_side_of_a_clip": lambda x: lam(tf.nn.softmax, clip(-0.03, 6.0)(
        lam(lambda t: t - 3.0, conv(x, 8)))),
    "narrow_side_of_a_clip_of_a_product": lambda x: lam(lambda t: 100 * t, clip(-0.01, 10)(
        L.Multiply()([positive(x, -1e3), positive(x, 1e3)]))),
    # A clamp whose sides are unlike: neither may cost the other its values.
    "clip_whose_far_side_is_full": lambda x: clip(-1, 1e5)(lopsided(x)),
    "clip_of_a_sum_whose_far_side_is_full": lambda x: clip(-1, 1e5)(L.Add()([lopsided(x), lopsided(x)])),
    "clip_whose_far_side_is_empty": lambda x: clip(-0.6, 2e7)(L.Add()([positive(x, -1e7), positive(x, -1e7)])),
    "clip_of_a_layer_of_a_product": lambda x: clip(0, 1.0)(lam(lambda t: 300 * t, product(x))),
    "clip_of_an_average_of_a_product": lambda x: clip(0, 1.0)(L.AveragePooling2D()(product(x))),
    "clip_of_what_is_moved_and_others_read": lambda x: _beside(L.MaxPooling2D()(large(x, 1e5)),
                                                               lambda t: K.clip(t, 0, 0.6)),
    "clip_of_an_average_of_what_others_read": lambda x: _beside(
        L.Multiply()([positive(x, 1e3), positive(x, 1e3)]),
        lambda t: K.clip(tf.nn.avg_pool2d(t, 3, 1, "SAME"), 0, 0.6)),
    "clip_of_millions_that_others_read": lambda x: _beside(large(x, 1e7), lambda t: K.clip(t, -1, 1)),
    "relu_of_1_of_millions_that_others_read": lambda x: _beside(large(x, 1e7), L.ReLU(1.0)),
    "relu_of_1_of_millions_that_others_read_moved": lambda x: _beside(
        large(x, 1e7), lambda t: K.clip(tf.nn.relu(tf.nn.max_pool(t, 3, 1, "SAME")), 0, 1)),
    "clip_of_millions_on_the_narrow_side": lambda x: clip(-0.6, 100)(
        L.Add()([positive(x, -1e7), positive(x, -1e7)])),
    "clip_of_an_average_of_millions": lambda x: clip(0, 0.6)(L.AveragePooling2D()(large(x, 1e7))),
    "clip_of_millions_moved": lambda x: clip(0, 0.6)(L.MaxPooling2D()(large(x, 1e7))),
    "clip_of_the_mean_of_what_others_read": lambda x: _beside(L.Multiply()([positive(x, 1e3), positive(x, 1e3)]),
                                                              lambda t: K.clip(K.mean(t, [1, 2], True), 0, 0.01)),
    "clip_of_what_others_read": lambda x: _beside(L.Multiply()([positive(x, 1200), positive(x, 1200)]),
                                                  lambda t: K.clip(t, 0, 0.26)),
    "clip_of_a_product": lambda x: head(clipped(product(x), 0.01)),
    "clip_of_what_is_made_of_a_product": lambda x: head(clipped(conv(product(x)), 0.01)),
    "clip_of_millions": lambda x: head(clipped(large(x, 1e7), 10.0)),
    "clip_to_a_thousandth": lambda x: head(clipped(large(conv(x, 64, activation="relu")), 1e-3)),
    "minimum_of_what_is_far_below": lambda x: head(lam(
        lambda t: tf.minimum(0.3 * t, 0.01), conv(large(large(x, 1e4))))),
    "layer_far_below_a_maximum": lambda x: L.Maximum()([small(x), three(x, 1e3)]),
    "layer_far_below_in_a_minimum": lambda x: L.Minimum()([small(x), L.ReLU()(three(x, 1e5))]),
    "difference_far_below_a_maximum": lambda x: L.Maximum()([
        L.Subtract()([three(x, 1e-4), three(x, 1e-4)]), three(x, 1e5)]),
    "leaky_difference_far_below_a_maximum": lambda x: L.Maximum()([leaky_difference(x), three(x, 33)]),
    "leaky_difference_far_below_a_minimum": lambda x: L.Minimum()([leaky_difference(x), three(x, 33)]),
}


GROUP = 6  # networks in one file: toco and the interpreter take most of a second to start


@functools.lru_cache(maxsize=None)
def faults(names):
    """The faults of networks that are converted together."""
    graph_def, network = frozen({name: NETWORKS[name] for name in names})
    return conversion.faults(conversion.convert(graph_def, network, [CODES]), graph_def, network, [CODES])


def is_right_beside_others(name):
    names = sorted(NETWORKS)
    start = names.index(name) // GROUP * GROUP
    try:
        return not faults(tuple(names[start:start + GROUP]))
    except Exception:  # lru_cache keeps no exception: each network of the group then fails alone, or does not
        return False


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_network_at_the_ends_of_the_integers_is_right(name):
    assert is_right_beside_others(name) or faults((name,)) == []


@pytest.mark.parametrize("low, high", [(0.0, 0.05), (-30.0, 0.0)])
def test_sigmoid_of_an_input_whatever_its_range_is_right(low, high):
    graph_def, network = frozen(lambda x: head(lam(tf.sigmoid, x)))
    end, = network["inputs"]
    scale = (high - low) / 255
    network = dict(network, inputs=[dict(end, scale=scale, zero_point=int(round(-low / scale)))])
    assert conversion.faults(conversion.convert(graph_def, network, [CODES]), graph_def, network, [CODES]) == []


@pytest.mark.parametrize("build", [
    lambda x: lam(lambda t: tf.minimum(tf.nn.relu(t), 0.01), large(x)),
    lambda x: lam(lambda t: tf.minimum(tf.nn.relu(t), 0.05), L.Add()([large(x), large(x)])),
    lambda x: lam(lambda t: tf.minimum(t, 0.1), L.MaxPooling2D()(positive(x, 1e3))),
], ids=["minimum_of_a_relu", "minimum_of_the_relu_of_a_sum", "minimum_of_what_is_positive"])
def test_a_clamp_leaves_no_wider_range_than_its_values_need(build):
    graph_def, network = frozen(build)
    converted = conversion.convert(graph_def, network, [CODES])
    assert conversion.faults(converted, graph_def, network, [CODES]) == []
    found, = converted.fake_quantized
    expected, = conversion.run(graph_def, network, [CODES])
    assert np.abs(found - expected).mean() < 0.01 * np.ptp(expected)


@pytest.mark.parametrize("build", [
    lambda x: head(lam(lambda t: t * tf.nn.relu6(t + 3) / 6, conv(x, 64))),
    lambda x: head(lam(lambda t: K.clip(t, 0, 6), conv(weighed(x), 64))),
    lambda x: head(L.ReLU(4)(norm(conv(lam(tf.nn.swish, conv(x, 64)), 64)))),
    lambda x: sigmoid(weighed(x)),
    lambda x: head(L.ReLU(1)(norm(conv(weighed(x, activation=lambda t: tf.nn.relu6(t + 3) * (1 / 6)), 64)))),
    lambda x: head(L.ReLU(1)(norm(conv(weighed(x, activation="hard_sigmoid"), 64)))),
    lambda x: sigmoid(L.Multiply()([lam(tf.nn.relu6, L.Multiply()([conv(x), conv(x)])), conv(x)])),
    lambda x: head(L.ReLU(1)(norm(conv(lam(lambda t: t * tf.nn.relu6(t + 3) / 6, conv(x, 64)), 64)))),
    lambda x: sigmoid(lam(lambda t: tf.nn.l2_normalize(t, -1), conv(x))),
], ids=["hard_swish", "relu6_by_clip", "relu_of_4", "sigmoid_of_a_weighed_tensor", "relu_of_1_of_hard_gates",
        "relu_of_1_of_hard_sigmoids",
        "sigmoid_of_a_product_with_a_gate", "relu_of_1_of_hard_swish", "sigmoid_of_l2_normalize"])
def test_an_ordinary_network_gets_no_operator_for_ends_that_it_does_not_reach(build):
    applied = quantized_graph.check_quantizable(*frozen(build)).rewrites
    assert applied and not _requantizing(build)


@pytest.mark.parametrize("build", [
    lambda x: head(L.ReLU(1.0)(L.MaxPooling2D()(conv(x)))),
    lambda x: head(lam(lambda t: tf.minimum(tf.nn.relu(t), 1.0), L.Concatenate()([conv(x), conv(x)]))),
], ids=["of_a_pool", "of_a_concatenation"])
def test_a_relu_of_1_that_stands_alone_is_one_operator(build):
    assert [op for op in _requantizing(build) if op not in ("Const", "BiasAdd")] == ["DepthwiseConv2dNative"]


def _requantizing(build):
    """The operations whose only effect is another range."""
    return [node.op for node in quantized_graph.apply_rewrites(*frozen(build)).node if "requantized" in node.name]
