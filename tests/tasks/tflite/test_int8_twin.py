import numpy as np
import pytest
import tensorflow as tf

from octet import model_identifier
from octet.errors import ConvertError
from tasks.tflite import int8_twin, model_file
from tasks.tflite.interpreter import processes
from tests.tasks.tflite import graphs, int8_operators
from tests.tasks.tflite.graphs import ranged, weights
from tests.tasks.tflite.parity import test_operators

IMAGE = test_operators.IMAGE


def _twins(build, *inputs):
    """(contents, codes of the outputs) of a uint8 file and of its int8 twin, for the same input codes."""
    content = graphs.converted(build, *inputs)
    random = np.random.RandomState(1)
    codes = [random.randint(0, 256, (8,) + tuple(shape)).astype(np.uint8) for shape, _, _ in inputs]
    shifted = [(each.astype(np.int16) - 128).astype(np.int8) for each in codes]
    found = []
    for file, fed in ((content, codes), (int8_twin.of(content), shifted)):
        contents = model_file.read(file)
        found.append((contents, processes.over(file, contents, fed, lambda done: None, runtime="tflite_runtime")))
    return found


@pytest.mark.parametrize("build, inputs, lsb", [
    (test_operators._layers, [IMAGE], 1),
    (test_operators._sums, [IMAGE, ((8, 8, 4), -2.0, 4.0)], 2),
    (test_operators._pools_and_reductions, [IMAGE], 1),
    (test_operators._curves, [((16,), -6.0, 6.0)], 3),
    (test_operators._moves, [IMAGE], 0),
], ids=["layers", "sums", "pools", "curves", "moves"])
def test_twin_computes_what_the_uint8_file_computes(build, inputs, lsb):
    (uint8, expected), (int8, made) = _twins(build, *inputs)
    assert {tensor.dtype for tensor in int8.tensors} <= {"int8", "int32"}
    assert [operator.options for operator in int8.operators if operator.kind != "QUANTIZE"] == [
        operator.options for operator in uint8.operators]
    for index, one, other in zip(uint8.outputs, expected, made):
        assert np.abs(one.astype(int) - 128 - other).max() <= lsb, uint8.tensors[index].name


@pytest.mark.parametrize("build, inputs", [
    (test_operators._layers, [IMAGE]), (test_operators._sums, [IMAGE, ((8, 8, 4), -2.0, 4.0)]),
    (test_operators._pools_and_reductions, [IMAGE]), (test_operators._curves, [((16,), -6.0, 6.0)]),
    (test_operators._moves, [IMAGE])], ids=["layers", "sums", "pools", "curves", "moves"])
def test_each_operator_of_the_twin_is_within_one_lsb_of_float_arithmetic_over_the_whole_range(build, inputs):
    uint8 = graphs.converted(build, *inputs)
    found = int8_operators.of(uint8)
    assert len(found) >= len(model_file.read(uint8).operators)
    assert not [each for each in found if each.died or each.lsb > 1]


def test_an_operator_that_forgets_to_rescale_is_found():
    found, = int8_operators.of(graphs.converted(
        lambda x: ranged(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), -2.0, 3.0), IMAGE))
    assert found.died or found.lsb > 10


def _convolution(x):
    """Channels whose weights differ by a factor of a thousand, with biases. The weights of the first are all zero."""
    values = np.random.RandomState(0).uniform(-1, 1, (3, 3, 4, 4)).astype(np.float32) * [0, 1, 1e-3, 1]
    made = tf.nn.bias_add(tf.nn.conv2d(x, ranged(tf.constant(values.astype(np.float32)), -1.0, 1.0, narrow=True),
                                       [1, 1, 1, 1], "SAME"), np.array([2, -2, 1, 0], np.float32))
    return ranged(made, -9.0, 9.0)


def test_weights_are_symmetric_by_channel_and_stand_for_the_same_reals():
    content = graphs.converted(_convolution, IMAGE)
    uint8, (layers, biases) = model_file.read(content), int8_twin._layers(model_file.read(content))
    (index, requantized), = layers.items()
    before = uint8.tensors[index]
    real = (before.value.astype(float) - before.zero_point) * before.scale
    assert requantized.axis == 0 and requantized.scales.shape == (4,) and requantized.codes.min() >= -127
    after = requantized.codes * requantized.scales.astype(float).reshape(-1, 1, 1, 1)
    assert (np.abs(after - real) <= requantized.scales.reshape(-1, 1, 1, 1) * 0.5001).all()
    (bias, (codes, scales)), = biases.items()
    old = uint8.tensors[bias]
    np.testing.assert_allclose(codes * scales.astype(float), old.value * old.scale, atol=float(scales.max()))


def _uneven(x):
    """Weights whose zero point is far from the middle of their range; only the last channel uses codes above 212."""
    values = np.random.RandomState(0).uniform(-1, 1, (3, 3, 4, 4)).astype(np.float32)
    values[0, 0, 0, 3] = 1.9
    return ranged(tf.nn.conv2d(x, ranged(tf.constant(values), -1.0, 2.0, narrow=True), [1, 1, 1, 1], "SAME"), -9.0, 9.0)


def test_channels_within_127_codes_of_the_zero_point_have_exactly_the_reals_of_the_uint8_weights():
    uint8 = model_file.read(graphs.converted(_uneven, IMAGE))
    (index, requantized), = int8_twin._layers(uint8)[0].items()
    before = uint8.tensors[index]
    codes = before.value.astype(int) - before.zero_point
    assert (np.abs(codes).max(axis=(1, 2, 3)) <= 127).tolist() == [True, True, True, False]
    np.testing.assert_array_equal(requantized.codes[:3], codes[:3])
    np.testing.assert_array_equal(requantized.scales[:3], np.float32(before.scale))
    assert requantized.codes[3].max() == 127


def _dense(x):
    """Weights whose zero point is far from the middle of their range, so that no row of the int8 file is exact."""
    values = np.random.RandomState(3).uniform(-1, 1.9, (16, 5)).astype(np.float32)
    return ranged(tf.matmul(x, ranged(tf.constant(values), -1.0, 2.0, narrow=True)), -9.0, 9.0)


def _depthwise(x):
    values = np.random.RandomState(4).uniform(-1, 1.9, (3, 3, 4, 1)).astype(np.float32)
    kernel = ranged(tf.constant(values), -1.0, 2.0, narrow=True)
    return ranged(tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "SAME"), -9.0, 9.0)


@pytest.mark.parametrize("build, inputs, channels", [
    (_uneven, IMAGE, 0), (_depthwise, IMAGE, 3), (_dense, ((16,), 0.0, 1.0), 0)], ids=["conv", "depthwise", "dense"])
def test_rounding_errors_of_weights_sum_to_zero_in_each_output_channel(build, inputs, channels):
    uint8 = model_file.read(graphs.converted(build, inputs))
    (index, made), = int8_twin._layers(uint8)[0].items()
    before = uint8.tensors[index]
    scales = made.scales.astype(float).reshape([-1 if axis == channels else 1 for axis in range(made.codes.ndim)]
                                               if len(made.scales) > 1 else [1])
    errors = made.codes - (before.value.astype(float) - before.zero_point) * before.scale / scales
    assert 0 < np.abs(errors).max() <= 1
    assert np.abs(errors.sum(axis=tuple(axis for axis in range(errors.ndim) if axis != channels))).max() <= 0.5001
    assert np.abs(made.codes.astype(int)).max() <= 127


def test_twin_has_an_identifier_of_its_own_and_always_the_same_bytes():
    content = model_identifier.with_identifier(graphs.converted(_convolution, IMAGE))
    twin = int8_twin.of(content)
    assert twin == int8_twin.of(content) == int8_twin.of(graphs.converted(_convolution, IMAGE))
    assert model_identifier.find(twin) not in (None, model_identifier.find(content))
    assert twin.count(b"octet-model-1") == 1


def test_weights_that_are_data_too_are_refused_with_their_name():
    content = graphs.converted(lambda x: ranged(tf.matmul(x, weights((4, 4))), -9.0, 9.0), ((4,), -1.0, 1.0))
    contents = model_file.read(content)
    layer, = [operator for operator in contents.operators if operator.kind == "FULLY_CONNECTED"]
    twice = contents._replace(operators=[*contents.operators, layer._replace(kind="ADD")])
    with pytest.raises(ConvertError, match="is used as weights of one form and also in another way"):
        int8_twin._layers(twice)


def test_an_operator_without_an_int8_form_is_refused_by_name(monkeypatch):
    monkeypatch.delitem(int8_twin.VERSIONS, "CONV_2D")
    with pytest.raises(ConvertError, match="no int8 form of CONV_2D is known"):
        int8_twin.of(graphs.converted(_convolution, IMAGE))
