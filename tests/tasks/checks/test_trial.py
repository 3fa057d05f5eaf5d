"""Networks that are converted before training, from the user's model to the interpreter."""

import pytest
import tensorflow as tf

from octet.data.dataset import PARTS
from octet.errors import ConvertError, InterpreterError
from octet.job import Job
from octet.recipe import loading
from tasks.checks import convertible
from tasks.quantize import quantized_graph
from tasks.quantize.kernels import uint8_kernels
from tasks.tflite import toco
from tests.tasks import jobs
from tests.tasks.tflite import graphs

HEAD = """
import tensorflow as tf
L = tf.keras.layers

def build(input_shape, classes):
    image = L.Input(input_shape)
    x = {}
    return tf.keras.Model(image, L.Dense(classes)(L.Flatten()(x)))
"""
RECIPE = "data: {dataset: digits}\nmodel: {build: ./net.py}\ntrain: {epochs: 1}\nquantize: {epochs: 0}\n"
CAUSAL = 'L.Conv1D(4, 3, padding="causal", dilation_rate=2)(L.Reshape((16, 4))(image))'


def checked(folder, layers):
    """The report of `octet check` for a network on digits."""
    (folder / "net.py").write_text(HEAD.format(layers))
    (folder / "recipe.yaml").write_text(RECIPE)
    job = Job("check", loading.load(folder / "recipe.yaml").sections(), {}, str(folder), str(folder), PARTS)
    return convertible.run(job, lambda *_: None)


def test_a_network_that_converts_has_no_warning(tmp_path):
    assert checked(tmp_path, 'L.Conv2D(4, 3, activation="relu")(image)')["warnings"] == []


def test_a_float_file_that_toco_refuses_is_a_gap_in_the_measurement_and_reported_before(tmp_path):
    """Biases that are initially zero would hide it: toco removes their addition, and then takes the convolution for
    another one."""
    (warning,) = checked(tmp_path, CAUSAL)["warnings"]
    assert warning.startswith("the size of the float model's file will not be measured: toco refused the graph: F ")
    metrics, _ = jobs.run(tmp_path, RECIPE, "Measure")
    measured = metrics["Measure"]
    assert measured["size_bytes"]["float"] is None and measured["size_bytes"]["uint8"] > 0
    assert [gap.split(":")[0] for gap in measured["gaps"]] == ["the size of the float model's file was not measured"]


def test_a_refusal_that_hangs_on_a_range_is_a_warning(tmp_path):
    huge = 'L.Conv2D(4, 3, kernel_initializer=tf.constant_initializer(3e38))(image)'
    warnings = checked(tmp_path, huge)["warnings"]
    assert len(warnings) == 1 and "range(s) in the frozen graph are invalid" in warnings[0]


@pytest.mark.parametrize("missing, layers", [
    ("replace moves of data", 'L.Lambda(lambda t: tf.pad(t, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT"))(image)'),
    ("expand arithmetic", "L.Lambda(tf.square)(L.Conv2D(4, 3)(image))"),
])
def test_what_toco_refuses_with_any_ranges_is_an_error_of_the_model(tmp_path, monkeypatch, missing, layers):
    """A network that the table of kernels allows but toco refuses, here because a pass is missing."""
    monkeypatch.setattr(
        quantized_graph, "PASSES", tuple(each for each in quantized_graph.PASSES if each.name != missing))
    monkeypatch.setitem(uint8_kernels.TABLE, "MirrorPad", uint8_kernels.Kernel(uint8_kernels.FOLLOWS))
    monkeypatch.setitem(uint8_kernels.TABLE, "Square", uint8_kernels.Kernel(uint8_kernels.OWN))
    with pytest.raises(ConvertError, match="the network cannot be converted: ") as refused:
        checked(tmp_path, layers)
    assert refused.value.where == "model.build" and refused.value.why and refused.value.next_step


def test_what_the_interpreter_refuses_with_any_ranges_is_an_error_of_the_model(monkeypatch, tmp_path):
    """toco fuses the ReLU with the pool, but the pool's kernel supports no output range except that of its input."""
    monkeypatch.setattr(quantized_graph, "PASSES", tuple(
        each for each in quantized_graph.PASSES if each.name != "requantize before a ReLU"))
    monkeypatch.setitem(uint8_kernels.TABLE, "Relu", uint8_kernels.Kernel(uint8_kernels.OWN))
    with pytest.raises(InterpreterError, match="the network cannot be converted: the interpreter cannot run 1 of"):
        checked(tmp_path, "L.ReLU()(L.MaxPooling2D()(image - 0.5))")


def test_toco_in_a_process_of_its_own_makes_what_tensorflows_converter_makes(monkeypatch, tmp_path):
    def build(x):
        return graphs.ranged(tf.concat([x, graphs.ranged(tf.tanh(x) * x, -1.0, 3.0)], 3), -1.0, 3.0)

    graph_def, network = graphs.frozen(build, ((8, 8, 4), -1.0, 3.0))
    (tmp_path / "frozen.pb").write_bytes(graph_def.SerializeToString())
    converter = tf.lite.TFLiteConverter.from_frozen_graph(
        str(tmp_path / "frozen.pb"), ["input0"], [network["outputs"][0]["node"]])
    converter.inference_type = tf.uint8
    (end,) = network["inputs"]
    converter.quantized_input_stats = {"input0": (float(end["zero_point"]), 1 / end["scale"])}
    monkeypatch.setenv("PATH", graphs.toco_path())
    assert toco.convert(graph_def, network, uint8=True) == converter.convert()
