"""Files that real converters make of a tiny graph and that do not match the trained uint8 graph."""

import struct

import numpy as np
import pytest
import tensorflow as tf

from octet.errors import AuditError
from tasks.tflite import audit, model_file
from tests.tasks.tflite import graphs

IMAGE = ((6, 6, 8), 0.0, 1.0)


def network(image, high=6.0):
    """Convolution, bias and ReLU, then a dense layer. high: the end of the first activation's range."""
    made = tf.nn.bias_add(tf.nn.conv2d(image, graphs.weights((3, 3, 8, 16)), strides=1, padding="SAME"),
                          tf.constant(np.linspace(-0.5, 0.5, 16, dtype=np.float32)))
    flat = tf.reshape(graphs.ranged(tf.nn.relu(made), 0.0, high), [1, -1])
    return graphs.ranged(tf.matmul(flat, graphs.weights((6 * 6 * 16, 4), seed=1)), -20.0, 20.0)


def wider(image):
    return network(image, high=9.0)


def problems(content, build=network, **ends):
    """The lines of the audit of a file, compared with the graph of `build`. ends: replace those of its network."""
    graph_def, described = graphs.frozen(build, IMAGE)
    with pytest.raises(AuditError) as caught:
        audit.fully_uint8(model_file.read(content), dict(described, **ends), graph_def)
    return caught.value.why.splitlines()


def from_graph(tmp_path, **settings):
    """The file that TensorFlow's converter makes of the graph with settings other than Octet's."""
    graph_def, described = graphs.frozen(network, IMAGE)
    (tmp_path / "frozen.pb").write_bytes(graph_def.SerializeToString())
    converter = tf.lite.TFLiteConverter.from_frozen_graph(
        str(tmp_path / "frozen.pb"), ["input0"], [described["outputs"][0]["node"]])
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


@pytest.fixture(autouse=True)
def toco_is_found(monkeypatch):
    monkeypatch.setenv("PATH", graphs.toco_path())


def test_a_file_as_it_should_be_is_counted():
    graph_def, described = graphs.frozen(network, IMAGE)
    counts = audit.fully_uint8(model_file.read(graphs.converted(network, IMAGE)), described, graph_def)
    assert counts["uint8"] >= 5 and set(counts) == {"uint8", "int32"}


def test_a_float_file_is_reported_tensor_by_tensor(tmp_path):
    assert "input0 is float32" in problems(from_graph(tmp_path))


def test_eight_bit_weights_alone_are_not_enough(tmp_path):
    found = problems(from_graph(tmp_path, optimizations=[tf.lite.Optimize.DEFAULT]))
    assert any(line.endswith(" is int8") for line in found) and "input0 is float32" in found


def test_a_float_network_behind_a_uint8_input_is_reported_with_the_operators_between(tmp_path):
    found = problems(from_graph(tmp_path, inference_input_type=tf.uint8,
                                quantized_input_stats={"input0": (0.0, 255.0)}))
    assert any(line.endswith("is computed by DEQUANTIZE") for line in found)


def test_an_untrained_range_is_reported_with_the_trained_one():
    (line,) = problems(graphs.converted(wider, IMAGE))
    assert "Relu has scale {:.8g} and zero point 0, training used {:.8g} and 0".format(
        np.float32(9 / 255), 6 / 255) in line


def one_wide(image):
    return graphs.ranged(tf.matmul(tf.reshape(image, [1, -1]), graphs.weights((6 * 6 * 8, 1))), -20.0, 20.0)


def test_weights_that_toco_requantized_are_reported():
    (line,) = problems(graphs.converted(one_wide, IMAGE), one_wide)
    assert line.startswith("FakeQuantWithMinMaxVars/transpose has scale {:.8g} ".format(np.float32(2 / 255)))


def test_an_input_scale_that_differs_from_the_datasets_is_reported():
    _, described = graphs.frozen(network, IMAGE)
    (line,) = problems(graphs.converted(network, IMAGE), inputs=[dict(described["inputs"][0], scale=2 / 255)])
    assert line.startswith("input0 has scale 0.0039")


def test_a_missing_output_is_reported():
    _, described = graphs.frozen(network, IMAGE)
    assert problems(graphs.converted(network, IMAGE), outputs=described["outputs"] * 2) == [
        "it has 1 outputs, the network has 2"]


def test_a_bias_with_another_scale_than_its_sum_is_reported():
    content = graphs.converted(network, IMAGE)
    contents = model_file.read(content)
    layer = next(operator for operator in contents.operators if operator.kind == "CONV_2D")
    bias = contents.tensors[layer.inputs[2]]
    before, after = struct.pack("<f", bias.scale), struct.pack("<f", bias.scale * 1.5)
    assert content.count(before) == 1
    (line,) = problems(content.replace(before, after))
    assert line.startswith(bias.name + " has scale ")
