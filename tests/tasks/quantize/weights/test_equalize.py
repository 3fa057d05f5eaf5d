import numpy as np
import pytest
import tensorflow as tf

from tasks.graph import io_spec
from tasks.quantize import quantized_graph
from tasks.quantize.weights import channel_spread, equalize
from tests.tasks.networks import LAYERS, frozen, outputs

IMAGES = np.random.RandomState(0).rand(5, 8, 8, 3).astype(np.float32)


def _uneven(layer, x):
    """A layer and a batch norm that makes the ranges of its channels differ by up to 1 to 1000. frozen() gives it
    another gamma."""
    x = layer(x)
    gains = 10 ** np.linspace(-2, 1, int(x.shape[-1]))
    return LAYERS.Lambda(lambda t: t * gains.astype(np.float32) + 0.05)(LAYERS.BatchNormalization()(x))


def _conv(x, filters=6, size=3, **more):
    return _uneven(LAYERS.Conv2D(filters, size, padding="same", bias_initializer="random_normal", **more), x)


def _depthwise(x, **more):
    return _uneven(LAYERS.DepthwiseConv2D(3, padding="same", bias_initializer="random_normal", **more), x)


def _relu(x):
    return LAYERS.ReLU()(x)


def _head(x):
    return LAYERS.Dense(4)(LAYERS.Flatten()(x))


NETWORKS = {
    "pair": (lambda x: LAYERS.Conv2D(4, 3)(_relu(_conv(x))), 1),
    "linear": (lambda x: LAYERS.Conv2D(4, 3)(_conv(x)), 1),
    "depthwise_between": (lambda x: LAYERS.Conv2D(4, 1)(_relu(_depthwise(_relu(_conv(x))))), 2),
    "depthwise_of_two": (lambda x: LAYERS.Conv2D(4, 1)(_relu(_depthwise(_relu(_conv(x)), depth_multiplier=2))), 2),
    "pools_and_padding": (lambda x: LAYERS.Conv2D(4, 3)(LAYERS.ZeroPadding2D()(
        LAYERS.AveragePooling2D()(LAYERS.MaxPooling2D()(_relu(_conv(x)))))), 1),
    "dilated": (lambda x: _head(_conv(_relu(_conv(x)), dilation_rate=2)), 2),
    "transposed": (lambda x: LAYERS.Conv2DTranspose(3, 2, strides=2)(_relu(_conv(x))), 1),
    "flattened": (lambda x: _head(_relu(_conv(x))), 1),
    "mean": (lambda x: LAYERS.Dense(4)(LAYERS.GlobalAveragePooling2D()(_relu(_conv(x)))), 1),
    "relu_after_pool": (lambda x: _head(_relu(LAYERS.MaxPooling2D()(_conv(x)))), 1),
    "dense": (lambda x: LAYERS.Dense(4)(_relu(_uneven(LAYERS.Dense(6), LAYERS.Flatten()(x)))), 1),
    "relu6": (lambda x: _head(LAYERS.ReLU(6.0)(_conv(x))), 0),
    "sigmoid": (lambda x: _head(LAYERS.Activation("sigmoid")(_conv(x))), 0),
    "limited_relu": (lambda x: _head(LAYERS.ReLU(0.5)(_conv(x))), 0),
    "filled_padding": (lambda x: _head(LAYERS.Lambda(
        lambda t: tf.pad(t, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=0.3))(_conv(x))), 0),
}


@pytest.mark.parametrize("build, pairs", NETWORKS.values(), ids=list(NETWORKS))
def test_the_function_is_the_same_and_pairs_have_like_channels(build, pairs):
    graph_def, network = frozen(build)
    folded = quantized_graph.apply_rewrites(graph_def, network)
    made, found = equalize.equalized(folded, io_spec.nodes(network, "outputs"))
    assert len(found) == pairs
    expected = outputs(folded, network, IMAGES)
    np.testing.assert_allclose(outputs(made, network, IMAGES), expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    before, after = ({each.node: each.to_smallest for each in channel_spread.worst_first(graph)}
                     for graph in (folded, made))
    if pairs:
        assert max(before.values()) > 100
        assert sorted(after.values())[0] < max(before.values()) / 10
    else:
        assert after == before


def test_a_tensor_that_is_read_twice_is_left_alone():
    def build(x):
        x = _relu(_conv(x))
        return LAYERS.Add()([LAYERS.Conv2D(6, 3, padding="same")(x), x])

    graph_def, network = frozen(build)
    rewritten = quantized_graph.apply_rewrites(graph_def, network)
    assert equalize.equalized(rewritten, io_spec.nodes(network, "outputs"))[1] == []


def test_a_tensor_that_is_an_output_is_left_alone():
    inner = []

    def middle(x):
        inner.append(_conv(x))
        return inner[0]

    graph_def, network = frozen({"middle": middle, "label": lambda x: _head(_relu(inner[0]))})
    rewritten = quantized_graph.apply_rewrites(graph_def, network)
    assert equalize.equalized(rewritten, io_spec.nodes(network, "outputs"))[1] == []


def test_weights_that_two_layers_share_are_left_alone():
    graph_def, network = frozen(lambda x: LAYERS.Conv2D(3, 3)(_relu(_conv(x, filters=3))))
    folded = quantized_graph.apply_rewrites(graph_def, network)
    assert len(equalize.equalized(folded, io_spec.nodes(network, "outputs"))[1]) == 1
    first, second = (node for node in folded.node if node.op == "Conv2D")
    second.input[1] = first.input[1]
    assert equalize.equalized(folded, io_spec.nodes(network, "outputs"))[1] == []


def test_the_middle_of_three_ends_with_the_ranges_of_both_sides():
    graph_def, network = frozen(NETWORKS["depthwise_between"][0])
    made, _ = equalize.equalized(quantized_graph.apply_rewrites(graph_def, network), io_spec.nodes(network, "outputs"))
    weights = {node.op: tf.make_ndarray(next(each for each in made.node if each.name == node.input[1]).attr[
        "value"].tensor) for node in made.node if node.op == "DepthwiseConv2dNative"}
    convs = [tf.make_ndarray(next(each for each in made.node if each.name == node.input[1]).attr["value"].tensor)
             for node in made.node if node.op == "Conv2D"]
    first, last = sorted(convs, key=lambda value: value.shape[2])
    middle = np.abs(weights["DepthwiseConv2dNative"]).max(axis=(0, 1, 3))
    np.testing.assert_allclose(np.abs(first).max(axis=(0, 1, 2)), middle, rtol=1e-3)
    np.testing.assert_allclose(np.abs(last).max(axis=(0, 1, 3)), middle, rtol=1e-3)


def test_the_layer_whose_channels_are_most_unlike_comes_first():
    graph_def, network = frozen(lambda x: LAYERS.Conv2D(4, 3, name="even", kernel_initializer="ones")(
        LAYERS.ReLU(6.0)(_conv(x, name="uneven"))))
    first, last = channel_spread.worst_first(quantized_graph.apply_rewrites(graph_def, network))
    assert first.layer != "even" and first.to_smallest > 100 and first.channels == 6
    assert (last.layer, last.largest, last.median, last.smallest, last.to_median) == ("even", 1, 1, 1, 1)
    assert first.zero == last.zero == 0
