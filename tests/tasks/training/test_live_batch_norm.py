import pytest
import tensorflow as tf

from octet.datasets import digits
from octet.errors import QuantizeError, RecipeError
from tasks.evaluation import evaluate_graph
from tasks.graph import io_spec
from tests.tasks import jobs

MODEL = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes, use_bias):
    x = image = layers.Input(input_shape)
    for number in (1, 2):
        x = layers.Conv2D(16, 3, use_bias=use_bias, name="conv{}".format(number),
                          kernel_regularizer=tf.keras.regularizers.l2(1e-4))(x)
        x = layers.ReLU()(layers.BatchNormalization(name="norm{}".format(number))(x))
    return tf.keras.Model(image, layers.Dense(classes, name="scores")(layers.Flatten()(x)))
"""
RECIPE = """
data: {dataset: digits}
model: {build: ./net.py, args: {use_bias: %s}}
train: {epochs: 3, batch_size: 32}
quantize: {batch_norm: live, epochs: 2, batch_size: 32, delay: 40}
"""
STEPS = 2 * (len(digits.load().parts["train"]) // 32)


def test_batch_norm_trained_live_ends_as_a_fully_uint8_file(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    metrics, folders = jobs.run(tmp_path, RECIPE % "false", "Measure")
    trained = metrics["TrainQAT"]
    assert [epoch["epoch"] for epoch in trained["history"]] == [1, 2]
    label = metrics["Measure"]["outputs"]["label"]
    assert label["accuracy"]["float"] > 0.9
    assert abs(label["accuracy"]["uint8"] - label["accuracy"]["fake_quantized"]) <= 0.01
    assert label["accuracy"]["uint8"] > label["accuracy"]["float"] - 0.02
    before, after = (_last_kernel(folders[stage] / file) for stage, file in (
        ("TrainFloat", "float.pb"), ("TrainQAT", "network.pb")))
    assert (before != after).any()


def test_a_bias_before_batch_norm_is_reported_before_training(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    with pytest.raises(QuantizeError, match="leaves 4 tensors without a range") as caught:
        jobs.run(tmp_path, RECIPE % "true", "TrainQAT")
    assert "norm1/FusedBatchNorm" in str(caught.value) and "norm2/FusedBatchNorm" in str(caught.value)
    assert not (tmp_path / "TrainQAT" / "events").exists()


def test_a_delay_beyond_the_last_step_is_reported_before_training(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    _, made = jobs.run(tmp_path, RECIPE % "false", "TrainFloat")
    for number, delay in enumerate((STEPS, 10 ** 9)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "net.py").write_text(MODEL)
        with pytest.raises(RecipeError, match="after {} steps, and the phase has only {}".format(delay, STEPS)):
            jobs.run(tmp_path / str(number), RECIPE.replace("40", str(delay)) % "false", "TrainQAT", made)


def test_measured_default_ranges_hold_all_that_the_training_data_gives(tmp_path, caplog):
    (tmp_path / "net.py").write_text(MODEL)
    recipe = RECIPE.replace("live,", "live, default_ranges: measured,")
    metrics, folders = jobs.run(tmp_path, recipe % "true", "Measure")
    measured = {item["tensor"]: (item["low"], item["high"])
                for item in metrics["Measure"]["default_ranges"]}
    sources = {item["tensor"]: item["source"] for item in metrics["TrainQAT"]["ranges"]}
    assert "2 ranges were measured and not trained: " + ", ".join(measured) in caplog.text
    assert measured and set(measured) == {name for name, source in sources.items() if source == "measured"}
    part, network = digits.load().parts["train"], io_spec.read(folders["Freeze"])
    with evaluate_graph.session_of(io_spec.read_graph(folders["Freeze"] / "frozen.pb")) as session:
        tensors = [session.graph.get_tensor_by_name(name + ":0") for name in measured]
        inputs = io_spec.tensors(session.graph, network, "inputs")
        seen = [[(values.min(), values.max()) for values in found] for _, found in evaluate_graph.batches(
            session, network, inputs, tensors, part)]
    for (low, high), batches in zip(measured.values(), zip(*seen)):
        assert low == pytest.approx(min(0, min(batch[0] for batch in batches)), abs=1e-4)
        assert high == pytest.approx(max(0, max(batch[1] for batch in batches)), abs=1e-4)
    label = metrics["Measure"]["outputs"]["label"]
    assert abs(label["accuracy"]["uint8"] - label["accuracy"]["fake_quantized"]) <= 0.01


def _last_kernel(path):
    graph_def = tf.GraphDef.FromString(path.read_bytes())
    found, = [value for value in (tf.make_ndarray(node.attr["value"].tensor)
                                  for node in graph_def.node if node.op == "Const") if value.shape == (256, 10)]
    return found
