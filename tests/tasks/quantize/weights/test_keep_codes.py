"""Weights that toco transposes, from the frozen graph to the file."""

import numpy as np
import pytest
import tensorflow as tf

from tasks.quantize.weights import keep_codes
from tasks.tflite import model_file
from tests.tasks.tflite import graphs

# Whether zero is on a code, or near one, or half way between two.
RANGES = [(-1.0, 1.0), (-0.6, 1.0), (-125.5, 128.5), (-126.5, 127.5), (0.0, 2.54), (-2.54, 0.0), (-1e-3, 5.0)]


def values(low, high, shape):
    found = np.random.RandomState(0).uniform(low, high, shape).astype(np.float32).reshape(-1)
    found[:3] = low, low, high  # two of the smallest side by side
    return found.reshape(shape)


def dense(low, high):
    return lambda x: graphs.ranged(tf.matmul(x, graphs.ranged(
        tf.constant(values(low, high, (8, 1))), low, high, narrow=True)), -2000.0, 2000.0)


def transposed(low, high):
    return lambda x: graphs.ranged(tf.nn.conv2d_transpose(tf.reshape(x, [1, 2, 2, 2]), graphs.ranged(
        tf.constant(values(low, high, (3, 3, 1, 2))), low, high, narrow=True), [1, 2, 2, 1], 1), -2000.0, 2000.0)


def outputs(graph_def, network):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        return session.run(network["outputs"][0]["node"] + ":0", {"input0:0": np.linspace(-1, 1, 8)[np.newaxis]})


@pytest.mark.parametrize("layer", [dense, transposed])
@pytest.mark.parametrize("low, high", RANGES)
def test_the_file_has_the_weights_of_the_frozen_graph(layer, low, high):
    graph_def, network = graphs.frozen(layer(low, high), ((8,), -1.0, 1.0))
    kept = keep_codes.keep_codes(graph_def)
    np.testing.assert_array_equal(outputs(kept, network), outputs(graph_def, network))
    contents = model_file.read(graphs.of_toco(kept, network))
    (found,) = [tensor for tensor in contents.tensors if tensor.value is not None and tensor.dtype == "uint8"]
    with tf.Session(graph=tf.Graph()) as session:
        trained = session.run(tf.fake_quant_with_min_max_vars(
            values(low, high, found.value.size), low, high, narrow_range=True))
    assert found.value.min() >= 1
    np.testing.assert_allclose(np.sort((found.value.reshape(-1) - float(found.zero_point)) * found.scale),
                               np.sort(trained), rtol=1e-5, atol=1e-5 * (high - low))
