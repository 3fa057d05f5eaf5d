"""Mistakes in a user's own loss or metric, as `octet check` reports them."""

import pytest

from octet.data.dataset import PARTS
from octet.errors import DatasetError, ModelError, RecipeError
from octet.job import Job
from octet.recipe import loading
from tasks.checks import convertible
from tests.tasks import detector

RECIPE = """
data: {dataset: ./boxes.py}
model: {build: ./net.py}
loss: ./own.py:%s
metrics: {hits: ./metrics.py:%s}
"""
LOSS = "import tensorflow as tf\n\ndef own(outputs, targets, extras):\n    %s\n"
METRIC = """
class Own:
    def update(self, answers, targets, extras):
        %s

    def result(self):
        return %s
"""


def checked(folder, loss="return tf.reduce_mean(tf.square(outputs['grid']))", metric=METRIC % ("pass", "1.0"),
            data=detector.DATA):
    detector.put(folder)
    (folder / "boxes.py").write_text(data)
    (folder / "own.py").write_text(LOSS % loss)
    (folder / "metrics.py").write_text(metric)
    path = folder / "recipe.yaml"
    path.write_text(RECIPE % ("own", "Own"))
    job = Job("check", loading.load(path).sections(), {}, str(folder), str(folder), PARTS)
    return convertible.run(job, lambda *_: None)


@pytest.mark.parametrize("loss, said, advice", [
    ("return outputs['grid']", "returns float32 of shape", "tf.reduce_mean"),
    ("return tf.reduce_mean(tf.cast(outputs['grid'], tf.float64))", "returns float64 of shape ()", "tf.float32"),
    ("return None", "returns 'NoneType', which is not a number", "scalar tensor"),
    ("return outputs['gird']", "KeyError: 'gird'", "correct the function"),
    ("return tf.reduce_mean(tf.log(outputs['grid'] * 0))", "is -inf", "divisions by 0"),
    ("return tf.reduce_mean(tf.sqrt(tf.abs(outputs['grid'] * 0)))", "has a gradient that is not finite", "sqrt"),
    ("return tf.reduce_mean(tf.cast(tf.argmax(outputs['grid'], -1), tf.float32))",
     "is not differentiable with respect to the output 'grid'", "differentiable operations"),
    ("return tf.constant(1.0)", "is not differentiable with respect to the output 'grid'", "remove it from"),
    ("return tf.reduce_mean(tf.get_variable('v', []) * outputs['grid'])", "creates variables: v", "constants"),
    ("return tf.reduce_mean(tf.check_numerics(outputs['grid'] / 0, 'zero'))", "fails on the first 32 samples",
     "correct the function")])
def test_a_loss_that_cannot_be_trained_with_is_reported(tmp_path, loss, said, advice):
    with pytest.raises(ModelError) as refused:
        checked(tmp_path, loss=loss)
    assert said in refused.value.what and refused.value.where == "loss.function"
    assert refused.value.why and advice in refused.value.next_step


@pytest.mark.parametrize("metric, said", [
    (("answers['gird']", "1.0"), "update() of the metric failed: KeyError: 'gird'"),
    (("pass", "float('nan')"), "result() returns nan"), (("pass", "{'a': 1}"), "which is no finite number"),
    (("extras['box'][0] = 0", "1.0"), None), (("pass", "None"), None)])
def test_a_metric_that_cannot_measure_is_reported(tmp_path, metric, said):
    if said is None:
        checked(tmp_path, metric=METRIC % metric)
        return
    with pytest.raises(ModelError) as refused:
        checked(tmp_path, metric=METRIC % metric)
    assert said in refused.value.what and refused.value.where == "metrics.hits"
    assert refused.value.why and refused.value.next_step


@pytest.mark.parametrize("source, said", [
    ("class Own:\n    def result(self):\n        return 1\n", "has no method update(answers, targets, extras)"),
    ("class Own:\n    def update(self, answers):\n        pass\n    def result(self):\n        return 1\n",
     "cannot be called as update(answers, targets, extras)"),
    ("class Own:\n    def __init__(self, size):\n        pass\n", "could not be made: TypeError")])
def test_a_class_that_is_no_metric_is_reported(tmp_path, source, said):
    with pytest.raises(ModelError) as refused:
        checked(tmp_path, metric=source)
    assert said in refused.value.what and refused.value.why and refused.value.next_step


def test_a_raw_output_needs_a_loss_that_is_named(tmp_path):
    detector.put(tmp_path)
    (tmp_path / "recipe.yaml").write_text("data: {dataset: ./boxes.py}\nmodel: {build: ./net.py}\n")
    job = Job("check", loading.load(tmp_path / "recipe.yaml").sections(), {}, str(tmp_path), str(tmp_path), PARTS)
    with pytest.raises(RecipeError, match="the output 'grid' is raw, and has no loss") as refused:
        convertible.run(job, lambda *_: None)
    assert "loss: ./losses.py:FUNCTION" in refused.value.next_step


@pytest.mark.parametrize("old, new, said", [
    ('"boxes", (2, 4)', '"boxes", (2, 3)', "the extra 'box' is of shape [2, 3]"),
    ('"boxes", (2, 4)', '"box", (2, 4)', "the extra 'box' is of kind 'box'"),
    ("np.ones(count, np.int32)", "np.full(count, 3, np.int32)", "train.box_count[0] is 3, outside 0..2"),
    ("[y, x, y + 3, x + 3]", "[y + 3, x, y, x + 3]", "train.box[0, 0] is ["),
    ('"box_count": np.ones(count, np.int32), ', "", "the train part has the extras box, weight"),
    ("np.zeros((count, 0), np.float32)", "np.zeros((count, 4), np.float32)", "not float32 of shape [N, 0]"),
    ('"weight": np.ones(count, np.float32)', '"weight": np.ones(count)', "train.weight is float64")])
def test_extras_that_differ_from_their_declaration_are_reported(tmp_path, old, new, said):
    assert old in detector.DATA
    with pytest.raises(DatasetError) as refused:
        checked(tmp_path, data=detector.DATA.replace(old, new))
    assert said in refused.value.what and refused.value.why and refused.value.next_step


def test_weights_of_samples_are_those_of_an_extra(tmp_path):
    (tmp_path / "recipe.yaml").write_text("data: {dataset: digits}\nmodel: {build: lenet, args: {filters: [4], "
                                          "dense: 8}}\nloss: {sample_weights: weight}\n")
    job = Job("check", loading.load(tmp_path / "recipe.yaml").sections(), {}, str(tmp_path), str(tmp_path), PARTS)
    with pytest.raises(RecipeError, match="no extra 'weight' holds a weight for each sample"):
        convertible.run(job, lambda *_: None)
