import numpy as np
import tensorflow as tf

from tasks.tflite import model_file
from tasks.tflite.interpreter import patch, processes
from tests.tasks.tflite import graphs

IMAGE = ((6, 6, 4), -1.0, 3.0)


def _network(x):
    x = graphs.ranged(tf.nn.relu(tf.nn.bias_add(
        tf.nn.conv2d(x, graphs.weights((3, 3, 4, 8)), [1, 1, 1, 1], "SAME"), np.ones(8, np.float32))), 0.0, 9.0)
    x = tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    x = graphs.ranged(x + graphs.constant(0.5, 0.0, 1.0), 0.0, 10.0)
    return tf.nn.softmax(tf.reshape(x, [1, -1]))


def _codes(shape, samples=3):
    return np.random.RandomState(0).randint(0, 256, (samples,) + shape).astype(np.uint8)


def test_contents_are_the_tensors_and_operators_in_order():
    found = model_file.read(graphs.converted(_network, IMAGE))
    assert [operator.kind for operator in found.operators] == [
        "CONV_2D", "MAX_POOL_2D", "ADD", "RESHAPE", "SOFTMAX"]
    conv = found.operators[0]
    image, weights, bias = (found.tensors[index] for index in conv.inputs)
    assert (image.name, image.shape, image.dtype, image.zero_point) == ("input0", (1, 6, 6, 4), "uint8", 64)
    assert image.value is None and abs(image.scale - 4 / 255) < 1e-8
    assert (weights.dtype, weights.value.shape, bias.dtype) == ("uint8", (8, 3, 3, 4), "int32")
    np.testing.assert_array_equal(bias.value, np.rint(np.ones(8) / (image.scale * weights.scale)))
    assert conv.options["stride_w"] == 1 and conv.options["dilation_w_factor"] == 1
    assert found.operators[3].options == {"new_shape": (1, -1)}
    assert [tensor.index for tensor in found.computed()] == [index for operator in found.operators
                                                             for index in operator.outputs]


def test_tensors_inside_a_copy_with_all_outputs_equal_those_of_single_operators():
    content = graphs.converted(_network, IMAGE)
    found = model_file.read(content)
    codes = _codes((1, 6, 6, 4))
    everything, = processes.run(content, [processes.Pass(
        3, {found.inputs[0]: codes}, found.computed(), patch.every_tensor_out(content, found))])
    known = dict(everything)
    known[found.inputs[0]] = codes
    for operator in found.operators:
        entering = {tensor.index: known[tensor.index] for tensor in found.variable_inputs(operator)}
        outcome, = processes.run(content, [processes.Pass(
            3, entering, [found.tensors[index] for index in operator.outputs],
            patch.alone(content, found, operator.number))])
        for index in operator.outputs:
            np.testing.assert_array_equal(outcome[index], known[index])
            assert np.ptp(known[index].astype(int)) > 0
    np.testing.assert_array_equal(
        processes.over(content, found, [codes[:, 0]], lambda done: None)[0],
        known[found.outputs[0]][:, 0])


def test_patched_copy_keeps_everything_but_its_ends():
    content = graphs.converted(_network, IMAGE)
    found = model_file.read(content)
    copy = model_file.read(patch.every_tensor_out(content, found).applied(content))
    assert copy.outputs == tuple(tensor.index for tensor in found.computed()) != found.outputs
    assert (copy.operators, copy.inputs) == (found.operators, found.inputs)
    pool = model_file.read(patch.alone(content, found, 1).applied(content))
    assert pool.operators == [found.operators[1]._replace(number=0)]
    assert (pool.inputs, pool.outputs) == (found.operators[1].inputs, found.operators[1].outputs)
