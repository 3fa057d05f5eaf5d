"""Every kind of target with its usual heads, through all stages."""

import functools

import pytest

from octet.gates import judgement
from tests.tasks import jobs

MODEL = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes, head, activation=None):
    image = layers.Input(input_shape, name="image")
    x = layers.Conv2D(16, 5, padding="same")(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(24, 5, padding="same", activation="relu")(x)
    heads = {
        "label": lambda: layers.Dense(10, activation=activation, name="label")(layers.Flatten()(x)),
        "mask": lambda: layers.Conv2D(11, 1, activation=activation, name="mask")(x),
        "reconstruction": lambda: layers.Conv2D(1, 3, padding="same", activation=activation,
                                                name="reconstruction")(x),
    }
    return tf.keras.Model(image, [heads[name]() for name in head])
"""
RECIPE = """
data: {dataset: digits, args: {targets: [%s]}}
model: {build: ./net.py, args: {head: [%s], activation: %s}}
train: {epochs: 6, batch_size: 32, optimizer: adam, learning_rate: 0.003, loss_weights: {%s}}
quantize: {epochs: 1, batch_size: 32}
"""


WITH_MASK, WITH_VALUE = ("label", "mask"), ("label", "reconstruction")
"""The targets of one network with several outputs."""
WEIGHTS = {"label": 0.5, "mask": 1, "reconstruction": 20}
"""A squared error is much smaller than a cross entropy."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A function that returns Measure's figures for each output of a network with these heads. Each network is made
    once."""
    @functools.lru_cache(maxsize=None)
    def run(targets, activation):
        folder = tmp_path_factory.mktemp("kinds")
        (folder / "net.py").write_text(MODEL)
        names, weights = ", ".join(targets), ", ".join("{}: {}".format(name, WEIGHTS[name]) for name in targets)
        metrics, _ = jobs.run(folder, RECIPE % (names, names, activation, weights), "Measure")
        for name, epochs in (("TrainFloat", 6), ("TrainQAT", 1)):
            assert [epoch["epoch"] for epoch in metrics[name]["history"]] == list(range(1, epochs + 1))
        return metrics["Measure"]["outputs"]
    return run


@pytest.mark.parametrize("targets, activation", [
    (WITH_MASK, "null"), (WITH_MASK, "softmax"), (WITH_VALUE, "sigmoid")])
def test_a_class_is_learnt_and_survives_quantization(measured, targets, activation):
    label = measured(targets, activation)["label"]
    assert label["accuracy"]["float"] > 0.9
    assert abs(label["accuracy"]["uint8"] - label["accuracy"]["fake_quantized"]) <= 0.01
    assert label["agreement"] > 0.95


@pytest.mark.parametrize("activation", ["null", "softmax"])
def test_a_class_map_is_learnt_and_survives_quantization(measured, activation):
    mask = measured(WITH_MASK, activation)["mask"]
    assert mask["accuracy"]["float"] > 0.7 and mask["mean_iou"]["float"] > 0.2
    assert abs(mask["accuracy"]["uint8"] - mask["accuracy"]["fake_quantized"]) <= 0.01
    assert sum(map(sum, mask["confusion"])) == 400 * 64


@pytest.mark.parametrize("activation", ["null", "sigmoid"])
def test_a_value_is_learnt_and_survives_quantization(measured, activation):
    values = measured(WITH_VALUE, activation)["reconstruction"]
    assert values["snr_db"]["float"] > 15
    assert values["snr_db"]["uint8"] > 12
    judged = judgement.judged({"outputs": {"reconstruction": values}}, {"max_error": 0.02, "max_accuracy_drop": 0.01})
    assert [each.gate for each in judged if each.passed] == ["max_error"]


def test_outputs_of_different_kinds_are_each_measured_in_their_own_way(measured):
    outputs = measured(WITH_VALUE, "null")
    assert {name: figures["kind"] for name, figures in outputs.items()} == {
        "label": "class", "reconstruction": "value"}
    assert "mse" in outputs["reconstruction"] and "accuracy" in outputs["label"]
