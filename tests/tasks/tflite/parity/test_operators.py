import numpy as np
import pytest
import tensorflow as tf

from tasks.tflite import model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.parity import operators
from tasks.tflite.parity.reference import kernels
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import constant, ranged, weights

IMAGE = ((8, 8, 4), -1.0, 3.0)


def _layers(x):
    conv = ranged(tf.nn.relu6(tf.nn.bias_add(tf.nn.conv2d(
        x, weights((3, 3, 4, 8)), [1, 2, 2, 1], "SAME"), np.linspace(-1, 1, 8, dtype=np.float32))), 0.0, 6.0)
    dilated = ranged(tf.nn.conv2d(x, weights((3, 3, 4, 5)), [1, 1, 1, 1], "VALID", dilations=[1, 2, 2, 1]), -9.0, 12.0)
    depthwise = ranged(tf.nn.depthwise_conv2d(x, weights((3, 3, 4, 2)), [1, 1, 1, 1], "SAME"), -8.0, 9.0)
    upwards = ranged(tf.nn.conv2d_transpose(
        conv, weights((3, 3, 6, 8)), [1, 8, 8, 6], [1, 2, 2, 1], "SAME"), -20.0, 20.0)
    valid = ranged(tf.nn.conv2d_transpose(
        conv, weights((3, 3, 2, 8)), [1, 9, 9, 2], [1, 2, 2, 1], "VALID"), -20.0, 20.0)
    dense = ranged(tf.nn.relu(tf.matmul(tf.reshape(conv, [1, -1]), weights((128, 3)))), 0.0, 30.0)
    in_batches = ranged(tf.space_to_batch_nd(x, [2, 2], [[0, 0], [0, 0]]), -1.0, 3.0)
    batches = ranged(tf.nn.conv2d(in_batches, weights((3, 3, 4, 5)), [1, 1, 1, 1], "VALID"), -9.0, 12.0)
    return dilated, depthwise, upwards, valid, dense, batches


def _sums(x, y):
    total = ranged(tf.nn.relu(x + y), 0.0, 6.0)
    rest = ranged(x - tf.slice(y, [0, 0, 0, 0], [1, 1, 1, 4]), -4.0, 6.0)
    product = ranged(rest * tf.sigmoid(total), -4.0, 6.0)
    joined = ranged(tf.concat([total, product], 3), -4.0, 6.0)
    greatest = ranged(tf.maximum(x, ranged(tf.minimum(x, ranged(x * constant(0.1, 0.0, 0.1), -1.0, 3.0)), -1.0, 3.0)),
                      -1.0, 3.0)
    return joined, greatest, ranged(tf.nn.relu6(rest), -4.0, 6.0)


def _pools_and_reductions(x):
    return (tf.nn.avg_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"),
            tf.nn.relu(tf.nn.max_pool(x, [1, 2, 2, 1], [1, 1, 1, 1], "SAME")),
            tf.reduce_mean(x, [1, 2]), ranged(tf.reduce_sum(x, [3]), -4.2, 12.4),
            tf.reduce_max(x, [1, 2], keepdims=True), tf.reduce_min(x, [3]),
            tf.image.resize_bilinear(x, (13, 5)), tf.image.resize_bilinear(x, (15, 15), align_corners=True),
            tf.image.resize_nearest_neighbor(x, (16, 12)))


def _curves(x):
    return (tf.nn.softmax(x), tf.sigmoid(x), tf.tanh(x), tf.nn.l2_normalize(x, -1),
            ranged(tf.nn.log_softmax(x), -16.0, 0.0))


def _moves(x):
    return (tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]]),
            tf.transpose(x, [0, 2, 3, 1]), x[:, ::-1, 1:-1:2, :], x[:, 1], tf.reshape(x, [1, -1]),
            tf.gather(x, [3, 1], axis=3), tf.split(x, 2, 3)[1], ranged(tf.stack([x, x], 1), -1.0, 3.0),
            *[ranged(piece, -1.0, 3.0) for piece in tf.unstack(x, axis=3)], ranged(tf.space_to_depth(x, 2), -1.0, 3.0),
            ranged(tf.batch_to_space_nd(ranged(tf.space_to_batch_nd(x, [2, 2], [[1, 1], [0, 2]]), -1.0, 3.0),
                                        [2, 2], [[1, 0], [0, 1]]), -1.0, 3.0))


def _found(build, *inputs):
    content = graphs.converted(build, *inputs)
    found = model_file.read(content)
    random = np.random.RandomState(0)
    codes = [random.randint(0, 256, (3,) + tuple(shape)).astype(np.uint8) for shape, _, _ in inputs]
    return operators.local(content, found, operators.inside(content, found, codes), lambda done: None)


@pytest.mark.parametrize("build, inputs, kinds", [
    (_layers, [IMAGE], {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"}),
    (_sums, [IMAGE, ((8, 8, 4), -2.0, 4.0)],
     {"ADD", "SUB", "MUL", "LOGISTIC", "CONCATENATION", "MAXIMUM", "MINIMUM", "RELU6", "SLICE"}),
    (_pools_and_reductions, [IMAGE], {"AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN",
                                      "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"}),
    (_curves, [((16,), -6.0, 6.0)], {"SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION", "LOG_SOFTMAX"}),
    (_moves, [IMAGE], {"PAD", "TRANSPOSE", "RESHAPE", "STRIDED_SLICE", "GATHER", "SPLIT", "PACK", "UNPACK",
                       "SPACE_TO_DEPTH", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"}),
], ids=["layers", "sums", "pools", "curves", "moves"])
def test_kernel_is_within_one_lsb_of_float_arithmetic_over_the_whole_range(build, inputs, kinds):
    findings = _found(build, *inputs)
    assert kinds <= {finding.kind for finding in findings}
    assert not [finding for finding in findings if finding.wrong]
    assert all(finding.on_data is not None and finding.driven is not None for finding in findings)


def test_kernel_that_wraps_is_found_by_codes_over_the_whole_range_not_by_the_data():
    content = graphs.converted(lambda x: ranged(tf.reduce_mean(x, [1, 2]), -0.5, 1.5), IMAGE)
    found = model_file.read(content)
    finding, = operators.local(content, found, operators.inside(content, found, [np.full((2, 8, 8, 4), 100, np.uint8)]),
                            lambda done: None)
    assert finding.kind == "MEAN" and finding.on_data.lsb <= 1
    assert finding.driven.lsb > 100 and finding.wrong


def test_kernel_that_forgets_to_rescale_is_found_by_the_data():
    finding, = _found(lambda x: ranged(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), -2.0, 3.0), IMAGE)
    assert finding.kind == "PAD" and finding.on_data.lsb > 10 and finding.wrong


def test_driven_codes_saturate_the_output_of_a_layer():
    finding, = _found(lambda x: ranged(tf.nn.conv2d(x, weights((3, 3, 4, 8)), [1, 1, 1, 1], "SAME"), -6.0, 6.0), IMAGE)
    assert finding.driven.codes == (0, 255)


def _measured(build, *inputs):
    """(the result of `parity.measure`, its gaps)."""
    content, gaps = graphs.converted(build, *inputs), []
    frozen, network = graphs.frozen(build, *inputs)
    codes = [np.zeros((3,) + tuple(shape), np.uint8) for shape, _, _ in inputs]
    measured = operators.measure(content, model_file.read(content), network, frozen, frozen, codes,
                                 lambda done: None, gaps)
    return measured, gaps


def test_operator_without_float_arithmetic_is_a_stated_gap(monkeypatch):
    monkeypatch.delitem(kernels.KERNELS, "TANH")
    measured, gaps = _measured(_curves, ((16,), -6.0, 6.0))
    assert measured["not_measured"] == ["Tanh"] and "TANH" not in {row["kind"] for row in measured["local"]}
    assert len(measured["local"]) == 4 and len(measured["end_to_end"]) == 5
    assert gaps == ["the parity of Tanh (TANH) was not measured: its float arithmetic is not known here"]


def test_a_file_that_runs_but_not_with_its_tensors_to_be_seen_is_a_stated_gap(monkeypatch):
    monkeypatch.setattr(processes, "WORKER", ("/bin/false",))
    measured, gaps = _measured(_curves, ((16,), -6.0, 6.0))
    assert measured["local"] == measured["end_to_end"] == [] and len(measured["not_measured"]) == 5
    assert len(gaps) == 1 and gaps[0].startswith("the parity of the operators was not measured: the interpreter's")


@pytest.mark.parametrize("of_memory, of_file", [(1, 1), (1, 3 * 2000), (2 * 2000, 1 << 28)])
def test_samples_in_pieces_have_the_codes_that_they_have_together(monkeypatch, of_memory, of_file):
    content = graphs.converted(_curves, IMAGE)
    found = model_file.read(content)
    codes = np.random.RandomState(0).randint(0, 256, (7, 8, 8, 4)).astype(np.uint8)
    together = operators.inside(content, found, [codes])
    monkeypatch.setattr(operators, "INSIDE_BYTES", of_memory)
    monkeypatch.setattr(operators, "FILE_BYTES", of_file)
    pieces = list(operators._inside_in_pieces(content, found, [list(codes)]))
    assert len(pieces) > 1
    for index, values in together.items():
        np.testing.assert_array_equal(np.concatenate([piece[index] for piece in pieces]), values)
