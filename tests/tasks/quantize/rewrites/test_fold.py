import numpy as np
import pytest

from tasks.quantize import quantized_graph
from tests.tasks.networks import LAYERS, frozen, outputs


def _conv(use_bias):
    return lambda x: LAYERS.BatchNormalization(name="norm")(
        LAYERS.Conv2D(4, 3, use_bias=use_bias, bias_initializer="random_normal")(x))


def _depthwise(x):
    return LAYERS.BatchNormalization(name="norm")(
        LAYERS.DepthwiseConv2D(3, depth_multiplier=2, bias_initializer="random_normal")(x))


def _separable(x):
    return LAYERS.BatchNormalization(name="norm")(LAYERS.SeparableConv2D(5, 3)(x))


def _dense(x):
    return LAYERS.BatchNormalization(name="norm")(
        LAYERS.Dense(6, bias_initializer="random_normal")(LAYERS.Flatten()(x)))


def _without_scale(x):
    return LAYERS.BatchNormalization(name="norm", scale=False)(LAYERS.Conv2D(4, 3)(x))


def _unfused(x):
    return LAYERS.BatchNormalization(name="norm", fused=False)(LAYERS.Conv2D(4, 3)(x))


@pytest.mark.parametrize("build", [
    _conv(True), _conv(False), _depthwise, _separable, _dense, _without_scale, _unfused,
], ids=["bias", "no_bias", "depthwise", "separable", "dense", "without_scale", "unfused"])
def test_batch_norm_is_folded_and_the_function_is_unchanged(build):
    graph_def, network = frozen(build)
    images = np.random.RandomState(0).rand(5, 8, 8, 3).astype(np.float32)
    expected = outputs(graph_def, network, images)

    folded = quantized_graph.apply_rewrites(graph_def, network)
    kinds = {node.op for node in folded.node}
    assert not kinds & {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "Mul", "Add",
                        "Rsqrt"}
    np.testing.assert_allclose(outputs(folded, network, images), expected, rtol=1e-4, atol=1e-5)


def _sequence(x):
    return LAYERS.Reshape((16, 12))(x)


MATRIX = {
    "conv": lambda x, **bias: LAYERS.Conv2D(4, 3, **bias)(x),
    "conv_dilated": lambda x, **bias: LAYERS.Conv2D(4, 3, dilation_rate=2, padding="same", **bias)(x),
    "conv_dilated_valid": lambda x, **bias: LAYERS.Conv2D(4, 3, dilation_rate=2, **bias)(x),
    "depthwise": lambda x, **bias: LAYERS.DepthwiseConv2D(3, depth_multiplier=2, **bias)(x),
    "separable": lambda x, **bias: LAYERS.SeparableConv2D(5, 3, **bias)(x),
    "separable_dilated": lambda x, **bias: LAYERS.SeparableConv2D(5, 3, dilation_rate=2, padding="same", **bias)(x),
    "transposed": lambda x, **bias: LAYERS.Conv2DTranspose(3, 3, strides=2, padding="same", **bias)(x),
    "conv1d": lambda x, **bias: LAYERS.Conv1D(5, 3, **bias)(_sequence(x)),
    "conv1d_dilated": lambda x, **bias: LAYERS.Conv1D(5, 3, padding="causal", dilation_rate=2, **bias)(_sequence(x)),
    "dense": lambda x, **bias: LAYERS.Dense(6, **bias)(LAYERS.Flatten()(x)),
    "dense_on_image": lambda x, **bias: LAYERS.Dense(6, **bias)(x),
}


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "unfused"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("layer", sorted(MATRIX))
def test_batch_norm_goes_after_any_layer_in_any_spelling(layer, bias, fused):
    """A layer with a batch norm behind it computes the same after folding, and no arithmetic of the batch norm is
    left."""
    options = {"use_bias": bias, **({"bias_initializer": "random_normal"} if bias else {})}

    def build(x):
        x = MATRIX[layer](x, **options)
        return LAYERS.BatchNormalization(name="norm", fused=fused and x.shape.ndims == 4)(x)

    graph_def, network = frozen(build)
    images = np.random.RandomState(0).rand(5, 8, 8, 3).astype(np.float32)
    folded = quantized_graph.apply_rewrites(graph_def, network)
    assert not {node.op for node in folded.node} & {"FusedBatchNorm", "FusedBatchNormV3", "Mul", "Add", "Sub", "Rsqrt"}
    np.testing.assert_allclose(outputs(folded, network, images), outputs(graph_def, network, images),
                               rtol=1e-3, atol=1e-5)


def test_batch_norm_without_a_layer_before_it_becomes_a_layer():
    graph_def, network = frozen(
        lambda x: LAYERS.ReLU()(LAYERS.BatchNormalization(name="norm")(x)))
    images = np.random.RandomState(0).rand(5, 8, 8, 3).astype(np.float32)
    expected = outputs(graph_def, network, images)

    folded = quantized_graph.apply_rewrites(graph_def, network)

    assert [node.op for node in folded.node if node.op not in ("Const", "Placeholder")] == [
        "DepthwiseConv2dNative", "BiasAdd", "Relu"]
    np.testing.assert_allclose(outputs(folded, network, images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("with_norm", [True, False])
def test_layer_used_twice_stays_one_layer(with_norm):
    def build(x):
        layer = LAYERS.Conv2D(3, 3, padding="same")
        norm = LAYERS.BatchNormalization(name="norm") if with_norm else LAYERS.Dropout(0.5)
        return norm(layer(LAYERS.ReLU()(norm(layer(x)))))

    graph_def, network = frozen(build)
    folded = quantized_graph.apply_rewrites(graph_def, network)
    layers = [node for node in folded.node if node.op == "Conv2D"]
    assert len(layers) == 2 and layers[0].input[1] == layers[1].input[1]
    assert len({node.input[1] for node in folded.node if node.op == "BiasAdd"}) == 1
