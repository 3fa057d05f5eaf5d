"""Targets other than one class of many, through all stages: one sigmoid for two classes, several labels at once, masks
with unknown pixels."""

import numpy as np
import pytest

from octet.data.dataset import PARTS
from octet.errors import ModelError, RecipeError
from octet.gates import judgement
from octet.job import Job
from octet.recipe import loading
from tasks.checks import convertible
from tests.tasks import jobs

MODEL = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes):
    image = layers.Input(input_shape, name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    flat = layers.Dense(24, activation="relu")(layers.Flatten()(x))
    return tf.keras.Model(image, [
        layers.Dense(1, activation="sigmoid", name="bright")(flat),
        layers.Dense(3, activation="sigmoid", name="tags")(flat),
        layers.Conv2D(2, 1, activation="softmax", name="mask")(x),
        layers.Conv2D(1, 1, name="logit")(x)])

def alone(input_shape, classes, units, activation=None, loss=None):
    model = tf.keras.Sequential([layers.Flatten(input_shape=input_shape), layers.Dense(units, activation=activation)])
    if loss:
        model.compile("sgd", loss)
    return model
"""
RECIPE = """
data:
  dataset: npz
  args:
    path: data.npz
    inputs: {image: {array: x}}
    targets:
      bright: {array: bright, kind: class, classes: ["no", "yes"]}
      tags: {array: tags, kind: labels, classes: [left, top, never]}
      mask: {array: mask, kind: class_map, classes: [dark, light], ignore: 255}
      logit: {array: mask, kind: class_map, classes: [dark, light], ignore: 255}
model: {build: ./net.py}
train: {epochs: 12, batch_size: 20, learning_rate: 0.01}
loss: {class_weights: balanced}
quantize: {epochs: 1, batch_size: 20}
"""
ONE = """
data: {dataset: npz, args: {path: data.npz, inputs: {image: {array: x}}, targets: {answer: {array: %s, kind: %s}}}}
model: {build: "./net.py:alone", args: {units: %d, activation: %s, loss: %s}}
%s
"""


@pytest.fixture
def folder(tmp_path):
    """Pictures of 6x6, some bright as a whole, some with a bright left or top; a mask of the bright pixels, unknown in
    the last row. One picture in forty has the third tag."""
    rng, arrays = np.random.RandomState(0), {}
    for part, count in (("train", 200), ("validation", 40), ("test", 60)):
        light = rng.rand(count, 6, 6) < 0.5
        tags = np.stack([rng.rand(count) < 0.5, rng.rand(count) < 0.5, np.arange(count) % 40 == 0], 1)
        light[:, :, 0], light[:, 0, 1:] = tags[:, 0, None], tags[:, 1, None]
        bright = rng.rand(count) < 0.5
        values = 40 + 100 * light + 100 * bright[:, None, None] + rng.randint(0, 15, (count, 6, 6))
        mask = light.astype(int)
        mask[:, -1] = 255
        arrays.update({"x_" + part: values[..., None].astype(np.uint8), "bright_" + part: bright.astype(int),
                       "tags_" + part: tags, "mask_" + part: mask, "value_" + part: bright * 1.0})
    np.savez(str(tmp_path / "data.npz"), **arrays)
    (tmp_path / "net.py").write_text(MODEL)
    return tmp_path


def test_each_target_is_learnt_measured_and_survives_quantization(folder):
    metrics, _ = jobs.run(folder, RECIPE, "Measure")
    measured = metrics["Measure"]["outputs"]
    for name in ("bright", "mask", "logit"):
        assert measured[name]["accuracy"]["float"] > 0.8, name
        assert measured[name]["agreement"] > 0.9
    assert measured["bright"]["roc_auc"]["uint8"] > 0.9
    assert measured["tags"]["recall"]["left"]["uint8"] > 0.8 and measured["tags"]["recall"]["top"]["uint8"] > 0.8
    for name in ("mask", "logit"):
        assert measured[name]["mean_iou"]["uint8"] > 0.6
        assert sum(map(sum, measured[name]["confusion"])) == 60 * 5 * 6  # the last row does not count
    assert sorted(measured["bright"]["recall"]) == measured["bright"]["classes"] == ["no", "yes"]
    assert [len(table) for table in measured["tags"]["confusion"]] == [2, 2, 2]
    judged = judgement.judged({"outputs": measured, "parity": {"wrong": []}}, {
        "min_class_recall": 1.01, "min_roc_auc": 0.4, "min_mean_iou": 0.5})
    missed = [each.gate for each in judged if not each.passed]
    assert missed == ["min_class_recall"] * 4


def checked(folder, *filled):
    path = folder / "recipe.yaml"
    path.write_text(ONE % filled)
    job = Job("check", loading.load(path).sections(), {}, str(folder), str(folder), PARTS)
    return convertible.run(job, lambda *_: None)


@pytest.mark.parametrize("array, kind, units, activation, words", [
    ("bright", "class", 1, "softmax", "'answer' ends in Softmax, not in a sigmoid"),
    ("bright", "class", 1, "relu", "ends in Relu, not in a sigmoid"),
    ("bright", "class", 1, "tanh", "ends in Tanh, not in a sigmoid"),
    ("bright", "class", 1, "hard_sigmoid", "not in a sigmoid"),
    ("tags", "labels", 3, "softmax", "ends in Softmax, not in a sigmoid"),
    ("tags", "labels", 1, "sigmoid", r"\(None, 1\), the dataset has \(None, 3\)"),
    ("bright", "class", 3, "softmax", r"\(None, 3\), the dataset has \(None, 2\) or \(None, 1\)"),
])
def test_a_head_without_probabilities_is_reported_before_training(folder, array, kind, units, activation, words):
    with pytest.raises(ModelError, match=words) as refused:
        checked(folder, array, kind, units, activation, "null", "")
    assert refused.value.where == "model.build" and refused.value.next_step


def test_a_loss_for_another_kind_of_target_is_reported_before_training(folder):
    with pytest.raises(RecipeError, match="mse fits no target"):
        checked(folder, "bright", "class", 1, "sigmoid", "null", "loss: {kind: mse}")
    with pytest.raises(RecipeError, match="min_roc_auc fits no output"):
        checked(folder, "value", "value", 1, "null", "null", "validate: {min_roc_auc: 0.5}")


def test_remarks_about_the_targets_are_in_the_report(folder):
    found = checked(folder, "tags", "labels", 3, "sigmoid", "hinge", "")
    assert any("'2' of 'answer' has 5 of 200 training samples" in note for note in found["data_notes"])
    assert any("hinge, is not used: it is trained with cross_entropy" in note for note in found["notes"])
