"""Tensors stacked along a new first axis, and transposes of more axes than the kernel supports."""

import numpy as np
import pytest
import tensorflow as tf

from octet.errors import QuantizeError
from tasks.quantize import quantized_graph
from tests.tasks import conversion
from tests.tasks.networks import LAYERS, frozen, head

CODES = np.random.RandomState(0).randint(0, 256, (6, 8, 8, 3)).astype(np.uint8)


def _pair(function, name=None):
    def build(x):
        left, right = LAYERS.Conv2D(8, 3, activation="relu")(x), LAYERS.Conv2D(8, 3)(x)
        return LAYERS.Lambda(function, name=name)([left, right])
    return build


def _turned(shape, order, name=None):
    """A transpose of an image of [8, 8, 8], reshaped to this shape."""
    def build(x):
        return LAYERS.Lambda(lambda t: tf.transpose(tf.reshape(t, [-1] + shape), order), name=name)(
            LAYERS.Conv2D(8, 3, padding="same")(x))
    return build


CONVERTED = {
    "sum": _pair(lambda pair: tf.reduce_sum(pair, axis=0)),
    "mean": _pair(lambda pair: tf.reduce_mean(tf.stack(pair), [0])),
    "max": _pair(lambda pair: tf.reduce_max(pair, axis=0)),
    "prod": _pair(lambda pair: tf.reduce_prod(pair, axis=0)),
    "unstack": _pair(lambda pair: tf.subtract(*tf.unstack(tf.stack(pair)))),
    "channel_shuffle": _turned([8, 8, 2, 4], [0, 1, 2, 4, 3]),
    "pixels_to_depth": _turned([4, 2, 4, 2, 8], [0, 1, 3, 2, 4, 5]),
    "axis_of_one": _turned([8, 1, 8, 8], [0, 3, 2, 4, 1]),
}


@pytest.mark.parametrize("names", [sorted(CONVERTED)[::2], sorted(CONVERTED)[1::2]])
def test_file_computes_what_the_float_network_does(names):
    graph_def, network = frozen({name: lambda x, name=name: head(CONVERTED[name](x)) for name in names})
    converted = conversion.convert(graph_def, network, [CODES])
    assert conversion.faults(converted, graph_def, network, [CODES]) == []
    assert max(converted.lsb) <= 2.01


@pytest.mark.parametrize("build, op, way_out", [
    (_pair(lambda pair: tf.reduce_sum(tf.stack(pair), 1), "culprit"), "Sum", "replace it"),
    (_turned([4, 2, 2, 4, 8], [0, 5, 2, 4, 1, 3], "culprit"), "Transpose", "depth_to_space"),
    (lambda x: LAYERS.Lambda(lambda t: tf.cast(tf.argmax(t, -1), tf.float32), name="culprit")(LAYERS.Conv2D(3, 1)(x)),
     "ArgMax", "let the network end before it"),
    (lambda x: LAYERS.ReLU(threshold=0.5, name="culprit")(x), "Greater", "relu(x - threshold)"),
])
def test_transposes_that_cannot_be_rewritten_are_refused_with_advice(build, op, way_out):
    with pytest.raises(QuantizeError) as refused:
        quantized_graph.check_quantizable(*frozen(lambda x: head(build(x))))
    assert "layer culprit: culprit" in refused.value.why and "({})".format(op) in refused.value.why
    assert way_out in refused.value.next_step


def test_branches_that_do_not_meet_are_reported_with_the_layer():
    def build(x):
        sides = [LAYERS.Conv2D(8, 3, padding=padding)(x) for padding in ("valid", "same")]
        return LAYERS.Concatenate(name="culprit")(sides)

    with pytest.raises(QuantizeError, match="the network fails on a sample of shape 8x8x3") as refused:
        quantized_graph.check_quantizable(*_open(build))
    assert "at culprit/concat: " in refused.value.why and "padding" in refused.value.next_step


def _open(build):
    """The network for images of any size, to be quantized for 8x8."""
    graph_def, network = frozen(lambda x: LAYERS.GlobalAveragePooling2D()(build(x)), (None, None, 3))
    network["inputs"][0]["shape"] = [8, 8, 3]
    return graph_def, network
