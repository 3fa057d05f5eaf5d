"""Two inputs and two outputs, through every stage."""

import pytest

from octet.errors import ModelError
from tasks.graph import io_spec
from tests.tasks import jobs

DATASET = """
import numpy as np
from octet.datasets import digits
from octet.data.dataset import Dataset, Input, Part, Target

def load():
    whole = digits.load()
    return Dataset(
        inputs={"top": Input((4, 8, 1), 0.0, 1.0), "bottom": Input((4, 8, 1), -1.0, 1.0)},
        targets={"digit": whole.targets["label"], "parity": Target("class", ["even", "odd"])},
        parts={name: Part({"top": part.inputs["image"][:, :4], "bottom": part.inputs["image"][:, 4:]},
                          {"digit": part.targets["label"],
                           "parity": (part.targets["label"] % 2).astype(np.int32)})
               for name, part in whole.parts.items()})
"""
MODEL = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes, head="parity"):
    bottom, top = (layers.Input(input_shape[name], name=name) for name in ("bottom", "top"))
    halves = [layers.Conv2D(8, 3, padding="same")(half) for half in (top, bottom)]
    halves = [layers.ReLU()(layers.BatchNormalization()(half)) for half in halves]
    x = layers.Flatten()(layers.Add()(halves))
    x = layers.Dense(48)(x)
    x = layers.ReLU()(x)
    digit = layers.Dense(classes["digit"], activation="softmax", name="digit")(x)
    parity = layers.Dense(classes["parity"], name=head)(x)
    return tf.keras.Model([bottom, top], [parity, digit])
"""
SUBCLASS = """
import tensorflow as tf
layers = tf.keras.layers

class Digit(tf.keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.flat, self.dense = layers.Flatten(), layers.Dense(48, activation="relu")
        self.digit, self.parity = layers.Dense(classes["digit"]), layers.Dense(classes["parity"])

    def call(self, inputs):
        x = self.dense(tf.concat([self.flat(inputs.get("top")), self.flat(inputs.get("bottom"))], -1))
        return {"parity": self.parity(x), "digit": self.digit(x)}

def build(input_shape, classes, head):
    return Digit(classes)
"""
RECIPE = """
data: {dataset: ./halves.py}
model: {build: ./net.py, args: {head: %s}}
train: {epochs: 15, batch_size: 32}
quantize: {epochs: 1, batch_size: 32}
"""


def put(folder):
    (folder / "halves.py").write_text(DATASET)
    (folder / "net.py").write_text(MODEL)
    return folder


def test_each_end_is_trained_and_measured_by_its_name(tmp_path):
    metrics, folders = jobs.run(put(tmp_path), RECIPE % "parity", "Measure")
    network = io_spec.read(folders["ConvertUint8"])
    assert [end["name"] for end in network["inputs"]] == ["bottom", "top"]
    assert [end["zero_point"] for end in network["inputs"]] == [128, 0]
    assert [len(end["classes"]) for end in network["outputs"]] == [2, 10]
    for name, figures in metrics["Measure"]["outputs"].items():
        assert min(figures["accuracy"].values()) > 0.8, (name, figures["accuracy"])
    assert set(metrics["Measure"]["outputs"]) == {"digit", "parity"}


def test_a_subclassed_model_may_ask_for_its_inputs_by_name_and_name_its_outputs(tmp_path):
    put(tmp_path)
    (tmp_path / "net.py").write_text(SUBCLASS)
    metrics, folders = jobs.run(tmp_path, RECIPE % "parity", "TrainFloat")
    network = io_spec.read(folders["TrainFloat"])
    assert {end["name"]: end["zero_point"] for end in network["inputs"]} == {"top": 0, "bottom": 128}
    assert {end["name"]: len(end["classes"]) for end in network["outputs"]} == {"digit": 10, "parity": 2}
    for name, figures in metrics["TrainFloat"]["validation"].items():
        assert figures["accuracy"] > 0.8, (name, figures)
    assert "digit/dense/kernel" in {node.name for node in io_spec.read_graph(folders["TrainFloat"] / "float.pb").node}


@pytest.mark.parametrize("wrong, said", [
    ("self.flat(inputs.get('top')) + 'a'", "inputs.get('top')) + 'a'"),
    ("self.flat(inputs[0]) + 'b'", "inputs[0]) + 'b'"),
    ("inputs.left", "'list' object has no attribute 'left'")])
def test_an_error_in_a_subclassed_models_call_explains_how_to_read_its_inputs(tmp_path, wrong, said):
    put(tmp_path)
    (tmp_path / "net.py").write_text(SUBCLASS.replace("        x = ", "        {}\n        x = ".format(wrong)))
    with pytest.raises(ModelError) as caught:
        jobs.run(tmp_path, RECIPE % "parity", "TrainFloat")
    assert said in str(caught.value)


def test_a_head_with_another_name_is_reported_with_both_names(tmp_path):
    with pytest.raises(ModelError, match="the model's outputs") as caught:
        jobs.run(put(tmp_path), RECIPE % "odd", "TrainFloat")
    assert "odd, digit" in str(caught.value) and "digit, parity" in str(caught.value)
