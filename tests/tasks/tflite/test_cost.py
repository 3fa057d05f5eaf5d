"""The cost of one inference, compared with numbers that follow from the shapes of the layers."""

import numpy as np
import tensorflow as tf

from tasks.export import runtime_faults
from tasks.tflite import activation_memory, cost, int8_twin, model_file
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import ranged, weights

IMAGE = ((8, 8, 3), -1.0, 1.0)


def _layers(image):
    wide = ranged(tf.nn.conv2d(image, weights((3, 3, 3, 4)), [1, 2, 2, 1], "SAME"), -4.0, 4.0)
    each = ranged(tf.nn.depthwise_conv2d(wide, weights((3, 3, 4, 1), 1), [1, 1, 1, 1], "SAME"), -4.0, 4.0)
    sums = ranged(tf.add(wide, each), -8.0, 8.0)
    return ranged(tf.matmul(tf.reshape(sums, [1, 64]), weights((64, 10), 2)), -8.0, 8.0)


def test_multiply_accumulates_and_weights_are_those_of_the_shapes():
    found = cost.of(model_file.read(graphs.converted(_layers, IMAGE)))
    of_kind = {layer["kind"]: layer for layer in found["layers"]}
    convolution, depthwise, dense = 4 * 4 * 4 * 3 * 3 * 3, 4 * 4 * 4 * 3 * 3, 64 * 10
    counted = {kind: layer["multiply_accumulates"] for kind, layer in of_kind.items()}
    assert {kind: count for kind, count in counted.items() if count} == {
        "CONV_2D": convolution, "DEPTHWISE_CONV_2D": depthwise, "FULLY_CONNECTED": dense}
    assert found["multiply_accumulates"] == convolution + depthwise + dense
    assert of_kind["CONV_2D"]["weight_bytes"] == 3 * 3 * 3 * 4 + 4 * 4  # codes, and a bias in int32
    assert of_kind["FULLY_CONNECTED"]["weight_bytes"] == 640 + 4 * 10
    assert of_kind["CONV_2D"]["activation_bytes"] == 8 * 8 * 3 + 4 * 4 * 4
    assert of_kind["ADD"]["activation_bytes"] == 3 * 64
    assert found["activation_bytes"] == max(layer["activation_bytes"] for layer in found["layers"]) == 256


def test_no_two_live_activations_share_a_byte_of_the_arena():
    contents = model_file.read(graphs.converted(_layers, IMAGE))
    peak, arena = cost.of(contents)["activation_bytes"], activation_memory.arena_bytes(contents)
    assert peak <= arena <= sum(each.size_bytes for each in activation_memory.lifetimes(contents).values())
    places = activation_memory.placed(contents)
    for one, (life, start) in places.items():
        assert start + life.size_bytes <= arena
        for other, (others, at) in places.items():
            if one != other and life.first <= others.last and others.first <= life.last:
                assert start + life.size_bytes <= at or at + others.size_bytes <= start


def test_known_faults_are_named_where_the_file_meets_them_and_only_there():
    (summed,) = runtime_faults.found(_twin(lambda image: ranged(tf.reduce_sum(image, 3), -3.0, 3.0)))
    assert summed.startswith("the reference kernels of LiteRT") and " SUM " in summed
    (padded,) = runtime_faults.found(_twin(_padded(1), -1.0, 3.0))
    assert padded.startswith("TensorFlow Lite for Microcontrollers")
    assert runtime_faults.found(_twin(_padded(1), -1.0, 1.0)) == []  # 0 is the code 0, in int8
    assert runtime_faults.found(_twin(_padded(0), -1.0, 3.0)) == []
    assert runtime_faults.found(_twin(_layers)) == []


def _padded(count):
    return lambda image: ranged(tf.space_to_batch_nd(image, [2, 2], np.full((2, 2), count)), -1.0, 3.0)


def _twin(build, low=-1.0, high=1.0):
    return model_file.read(int8_twin.of(graphs.converted(build, (IMAGE[0], low, high))))
