"""The rules of toco give the same answer for nodes that are being rewritten and for a tf.Graph."""

import numpy as np
import pytest
import tensorflow as tf

from tasks.graph.view import TensorView, written_softmax
from tasks.quantize.ir.editable_graph import EditableGraph, tensor_of
from tasks.quantize.ir.kernel_groups import KernelGroups
from tasks.quantize.ir.toco_rules import dilated_layer, is_read_alone, leaky_input

KERNEL = np.random.RandomState(0).randn(3, 3, 3, 4).astype(np.float32)


def both(build, shape=(8, 8, 3)):
    """(nodes to be rewritten, the KernelGroups of a tf.Graph, the tf.Graph's output) of one network."""
    with tf.Graph().as_default() as graph:
        output = build(tf.placeholder(tf.float32, (None,) + shape, "image"))
        return (EditableGraph(graph.as_graph_def(), ["image"], [output.op.name]),
                KernelGroups(graph, ["image"], [output.op.name]), output)


def dilated(blocks, crops, padding=((2, 2), (2, 2)), between=lambda x: tf.nn.conv2d(x, KERNEL, 1, "VALID")):
    def build(x):
        return tf.batch_to_space_nd(between(tf.space_to_batch_nd(x, blocks, padding)), blocks, crops)
    return build


@pytest.mark.parametrize("build, is_one_kernel", [
    (dilated([2, 2], [[0, 0], [0, 0]]), True),
    (dilated([2, 2], [[0, 0], [0, 0]], ((0, 0), (0, 0))), False),  # VALID: the result is smaller
    (dilated([2, 4], [[0, 0], [0, 0]], ((2, 2), (4, 4))), False),  # other along the width than along the height
    (dilated([2, 2], [[2, 2], [2, 2]], between=tf.nn.relu), False),
    (lambda x: tf.batch_to_space_nd(tf.tile(x, [4, 1, 1, 1]), [2, 2], [[0, 0], [0, 0]]), False),
    (lambda x: tf.batch_to_space_nd(x, [2, 2], [[0, 0], [0, 0]]), False),
    (lambda x: tf.nn.conv2d(x, KERNEL, 1, "SAME"), False),
], ids=["same", "valid", "uneven", "relu", "no_space_to_batch", "of_the_input", "not_dilated"])
def test_a_dilated_convolution_is_one_kernel_in_both_graphs(build, is_one_kernel):
    nodes, groups, output = both(build)
    found = dilated_layer(nodes, tensor_of(output.name)), dilated_layer(groups, output)
    assert [each is not None for each in found] == [is_one_kernel, is_one_kernel]
    if is_one_kernel:
        assert found[0] == tensor_of(found[1].name) and nodes.op_of(found[0]) == "Conv2D"


@pytest.mark.parametrize("move, alone", [
    (tf.nn.relu, True),
    (lambda x: tf.reshape(x, [-1, 64, 4]), True),
    (lambda x: tf.nn.avg_pool(x, 2, 2, "SAME"), False),  # a cut would change the average
    (lambda x: tf.split(x, 2, 3)[0], False),
    (lambda x: tf.concat([tf.reshape(x, [-1, 8, 8, 4]), x], 3), True),
], ids=["relu", "reshape", "average", "split", "concatenation"])
def test_a_range_may_be_cut_where_one_operation_reads_it_in_both_graphs(move, alone):
    nodes, groups, output = both(lambda x: tf.tanh(move(tf.nn.conv2d(x, KERNEL, 1, "SAME"))))
    read = output.op.inputs[0]
    assert [is_read_alone(nodes, tensor_of(read.name)), is_read_alone(groups, read)] == [alone, alone]


def test_the_range_of_an_input_may_not_be_cut():
    nodes, groups, output = both(lambda x: tf.tanh(tf.reshape(x, [-1, 64, 3])))
    read = output.op.inputs[0]
    assert not is_read_alone(nodes, tensor_of(read.name)) and not is_read_alone(groups, read)


def softmax(axis, kept=True):
    def build(x):
        e = tf.exp(x - tf.reduce_max(x, axis, keepdims=True))
        total = tf.reduce_sum(e, axis, keepdims=kept)
        return e / (total if kept else total[..., tf.newaxis])
    return build


@pytest.mark.parametrize("build, recognized", [
    (softmax(-1), True), (softmax(3), True), (softmax(2), False), (softmax([2, 3]), False), (softmax(-1, False), False),
    (lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x), -1, keepdims=True), False),
    (tf.tanh, False),
], ids=["last", "last_from_the_front", "other_axis", "two_axes", "axis_put_back", "no_maximum", "tanh"])
def test_a_softmax_that_is_written_out_is_recognized_in_both_graphs(build, recognized):
    nodes, _, output = both(build)
    found = written_softmax(nodes, tensor_of(output.name)), written_softmax(TensorView(), output)
    assert [each is not None for each in found] == [recognized, recognized]
    if recognized:
        assert found[0] == tensor_of(found[1].name) == "image"


def scaled(x):
    return tf.nn.bias_add(tf.nn.depthwise_conv2d(x, np.full([1, 1, 4, 1], 0.1, np.float32), [1, 1, 1, 1], "SAME"),
                          np.zeros(4))


@pytest.mark.parametrize("build, leaky", [
    (lambda x: tf.maximum(x, scaled(x)), True),
    (lambda x: tf.maximum(scaled(x), x), True),
    (lambda x: tf.maximum(x, tf.tanh(x)), False),
    (lambda x: tf.maximum(scaled(x), scaled(x)), False),
    (lambda x: tf.maximum(x, x), False),
], ids=["x_first", "x_last", "tanh", "of_two_products", "of_itself"])
def test_a_leaky_relu_is_recognized_in_both_graphs(build, leaky):
    nodes, groups, output = both(lambda x: build(tf.nn.conv2d(x, KERNEL, 1, "SAME", name="layer")))
    found = leaky_input(nodes, tensor_of(output.name)), leaky_input(groups, output)
    assert found == ("layer", groups.outputs[0].graph.get_tensor_by_name("layer:0")) if leaky else found == (None, None)
