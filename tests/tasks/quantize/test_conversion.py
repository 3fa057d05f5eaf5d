"""Each network of the catalogue through toco and the interpreter, without default ranges."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from octet.errors import QuantizeError
from tasks.quantize import quantized_graph
from tasks.quantize.ranges import coverage
from tests.tasks import conversion
from tests.tasks.catalogue import CONVERTED, FARTHER, REFUSED, sine
from tests.tasks.networks import LAYERS, all_outputs, frozen

CODES = np.random.RandomState(0).randint(0, 256, (12, 8, 8, 3)).astype(np.uint8)


NETWORKS = {**CONVERTED, **FARTHER}
WORDS = {"MaxPool": "channels_last", "AvgPool": "slices", "RandomUniform": "random numbers", "Mean": "first axis",
         "Slice": "first axis", "StridedSlice": "first axis", "Roll": "first axis", "SplitV": "first axis",
         "PyFunc": "Python",
         "MatMul": "samples of a batch", "RealDiv": "division"}  # of the way out, where it is not to use something else
GROUP = 12  # networks in one file: toco takes two seconds to start


@functools.lru_cache(maxsize=None)
def measured(names):
    """{name: the largest difference in LSB} of networks that are converted together; None if that failed."""
    graph_def, network = frozen({name: NETWORKS[name] for name in names})
    converted = conversion.convert(graph_def, network, [CODES])
    for found, expected in zip(converted.unrounded, all_outputs(graph_def, network, CODES / np.float32(255))):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    for codes in converted.codes:
        assert len(np.unique(codes)) > 3  # an output stuck at one code agrees with anything
    return dict(zip(names, converted.lsb))


def lsb(name):
    names = sorted(NETWORKS)
    start = names.index(name) // GROUP * GROUP
    try:
        return measured(tuple(names[start:start + GROUP]))[name]
    except Exception:  # which of them it was is said by each on its own
        return measured((name,))[name]


@pytest.mark.parametrize("name", sorted(CONVERTED))
def test_file_computes_what_the_fake_quantized_graph_does(name):
    assert lsb(name) <= 2.01


@pytest.mark.parametrize("name", sorted(FARTHER))
def test_file_is_near_the_fake_quantized_graph_where_the_kernel_rounds_otherwise(name):
    assert lsb(name) <= 4.01


@pytest.mark.parametrize("op", sorted(REFUSED))
def test_an_operation_without_a_kernel_is_refused_by_layer_with_advice(op):
    with pytest.raises(QuantizeError) as refused:
        quantized_graph.check_quantizable(*frozen(REFUSED[op]))
    assert "layer culprit: culprit" in refused.value.why
    assert "({})".format(op) in refused.value.why
    assert refused.value.next_step.startswith(op + ": ")
    assert WORDS.get(op, "use") in refused.value.next_step


@pytest.mark.parametrize("around", [lambda t: tf.maximum(t, t + t), lambda t: tf.clip_by_value(t, -0.1, 0.1)])
def test_an_unknown_shape_is_refused_by_layer(around):
    culprit = LAYERS.Lambda(lambda t: tf.reshape(around(sine(t, known=False)), [-1, 8, 8, 3]), name="culprit")
    with pytest.raises(QuantizeError, match="1 operation cannot be uint8") as refused:
        quantized_graph.check_quantizable(*frozen(culprit))
    assert "layer culprit: culprit/PyFunc" in refused.value.why


def test_every_float_tensor_is_accounted_for():
    graph_def, network = frozen(CONVERTED["squeeze_and_excitation"])
    rewritten = quantized_graph.apply_rewrites(graph_def, network)
    quantized = quantized_graph.insert_fake_quants(rewritten, network, training=True)
    said = {item.tensor for item in quantized.ranges}
    path = [op for op in quantized.graph.get_operations() if op.name.startswith(("conv2d", "dense", "multiply"))
            and op.type in ("Conv2D", "BiasAdd", "Relu", "MatMul", "Sigmoid", "Mul") and "_quant/" not in op.name]
    assert len(path) == 12 and {op.name for op in path} <= said
    assert {item.source for item in quantized.ranges} == {
        coverage.INPUT, coverage.FUSED, coverage.CONTRIB, coverage.COMPLETED, coverage.FOLLOWS, coverage.FIXED}


@pytest.mark.parametrize("why, layer", [
    ("computes in float64", lambda x: tf.cast(LAYERS.Conv2D(4, 3, dtype="float64", name="culprit")(
        tf.cast(x, tf.float64)), tf.float32)),
    ("holds NaN or infinity", LAYERS.Lambda(lambda t: t * np.float32([1, np.nan, 1]), name="culprit")),
    ("holds NaN or infinity", LAYERS.BatchNormalization(
        moving_variance_initializer=tf.constant_initializer(-1.0), name="culprit")),
], ids=["float64", "constant", "variance_below_0"])
def test_what_a_network_cannot_compute_with_is_refused_by_layer(why, layer):
    with pytest.raises(QuantizeError, match=why) as refused:
        quantized_graph.check_quantizable(*frozen(layer))
    assert "layer culprit: culprit" in refused.value.why and refused.value.next_step


def test_a_clamp_to_a_single_value_is_refused_by_layer():
    with pytest.raises(QuantizeError, match="layer culprit has a constant output"):
        quantized_graph.check_quantizable(
            *frozen(LAYERS.Lambda(lambda t: tf.clip_by_value(t, 0.5, 0.1), name="culprit")))


def test_a_dilated_transposed_convolution_is_refused_by_layer():
    with pytest.raises(QuantizeError, match="culprit/.* cannot be uint8") as refused:
        quantized_graph.check_quantizable(
            *frozen(LAYERS.Conv2DTranspose(4, 3, dilation_rate=2, padding="same", name="culprit")))
    assert "layer culprit: it works on more images than the batch has" in refused.value.why and refused.value.next_step


def test_a_network_of_moves_alone_is_refused():
    with pytest.raises(QuantizeError, match="the network has neither weights nor a range to train"):
        quantized_graph.check_quantizable(*frozen(lambda x: LAYERS.Flatten()(LAYERS.Cropping2D(2)(x))))
