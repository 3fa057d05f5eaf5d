"""An interrupted training resumes from its checkpoint, and gives the same bytes."""

import hashlib
import importlib
import textwrap

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.summary.summary_iterator import summary_iterator

from octet.checkpoint_files import newest_first
from octet.job import Job
from octet.recipe import loading
from pipeline.stage_specs import STAGES
from tasks.training import loop
from tasks.training.checkpoint import Checkpoint, Checkpoints
from tasks.training.random_numbers import RandomNumbers
from tests.tasks import jobs

NET = textwrap.dedent("""\
    import tensorflow as tf
    L = tf.keras.layers


    def build(input_shape, classes):
        return tf.keras.Sequential([
            L.Conv2D(6, 3, use_bias=False, input_shape=input_shape), L.BatchNormalization(), L.ReLU(),
            L.GaussianNoise(0.1), L.Flatten(), L.Dropout(0.3), L.Dense(classes, "softmax")])
    """)
RECIPE = """
data: {dataset: ./few.py}
model: {build: ./net.py}
train: {epochs: 4, batch_size: 32, weight_average: 0.9, batch_norm_batches: 3}
augment: {shift: 0.1, noise: 0.02, rotate: 10}
quantize: {epochs: 3, batch_size: 32, calibration_batches: 2, early_stopping: 2, %s}
"""
FEW = textwrap.dedent("""\
    from octet.datasets import digits
    from octet.data.dataset import Dataset, Part


    def load():
        whole = digits.load()
        return Dataset(whole.inputs, whole.targets, {name: Part(
            {"image": part.inputs["image"][:200]}, {"label": part.targets["label"][:200]})
            for name, part in whole.parts.items()})


    def digest(part):
        return part
    """)


class Interrupted(BaseException):
    pass


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "net.py").write_text(NET)
    (folder / "few.py").write_text(FEW)
    _, folders = jobs.run(folder, RECIPE % "distill: 0.5", "PrepareData.validation")
    return folder, folders


def trained(prepared, name, stage, inputs, interrupt_after=(), more="weight_average: 0.9"):
    """(metrics, {product: sha256}, folder, folder of checkpoints) of the stage, interrupted at these fractions."""
    folder, spec = prepared[0], STAGES[stage]
    (folder / "recipe.yaml").write_text(RECIPE % more)
    sections = loading.load(folder / "recipe.yaml").sections()
    checkpoints = folder / (name + "_checkpoints")
    checkpoints.mkdir()
    for number, fraction in enumerate([*interrupt_after, None]):
        out = folder / "{}_{}".format(name, number)
        out.mkdir()

        def progress(done, message, fraction=fraction):
            if fraction is not None and done >= fraction:
                raise Interrupted()

        job = Job(spec.module, {section: sections[section] for section in spec.reads},
                  {need: str(inputs[need]) for need in spec.needs}, str(out), str(folder), spec.parts,
                  checkpoints=str(checkpoints))
        try:
            metrics = importlib.import_module("tasks." + spec.module).run(job, progress)
        except Interrupted:
            assert fraction is not None
    return metrics, {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()
                     if path.is_file()}, out, checkpoints


def without_rates(history):
    return [{name: value for name, value in epoch.items() if name != "images_per_s"} for epoch in history]


def steps_of(out):
    return [event.step for file in (out / "events").iterdir() for event in summary_iterator(str(file))
            for value in event.summary.value if value.tag == "loss"]


@pytest.fixture(scope="module")
def undisturbed(prepared):
    return trained(prepared, "undisturbed", "TrainFloat", prepared[1])


def test_float_training_goes_on_to_the_same_bytes(prepared, undisturbed):
    metrics, products, out, checkpoints = trained(prepared, "interrupted", "TrainFloat", prepared[1], (0.3, 0.8))
    assert products == undisturbed[1] and "float.pb" in products
    assert without_rates(metrics["history"]) == without_rates(undisturbed[0]["history"])
    assert metrics["kept_epoch"] == undisturbed[0]["kept_epoch"] and steps_of(out) == [1, 2, 3, 4]
    assert [file.epoch for file in newest_first(path.name for path in checkpoints.iterdir())] == [4, 3]


def test_a_training_goes_on_in_the_middle_of_an_epoch_to_the_same_bytes(prepared, undisturbed, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    metrics, products, out, _ = trained(prepared, "in_epoch", "TrainFloat", prepared[1], (0.2, 0.25, 0.75))
    assert products == undisturbed[1] and steps_of(out) == [1, 2, 3, 4]
    assert without_rates(metrics["history"]) == without_rates(undisturbed[0]["history"])
    assert [line for line in caplog.messages if line.startswith("resumes")] == [
        "resumes after epoch 1 of 4", "resumes after epoch 1 of 4 and 1 batches", "resumes after epoch 3 of 4"]


@pytest.mark.parametrize("more", [
    "weight_average: 0.9, distill: 0.5, regularization: all, schedule: reduce_on_plateau, plateau_epochs: 1",
    "batch_norm: live, delay: 3, default_ranges: measured"])
def test_quantized_training_goes_on_to_the_same_bytes(prepared, undisturbed, more):
    inputs = {**prepared[1], "TrainFloat": undisturbed[2]}
    name = "live" if "live" in more else "folded"
    whole = trained(prepared, name, "TrainQAT", inputs, more=more)
    metrics, products, out, _ = trained(prepared, name + "_interrupted", "TrainQAT", inputs, (0.6,), more)
    assert products == whole[1] and {"variables.index", "network.pb", "network.json"} <= set(products)
    assert without_rates(metrics["history"]) == without_rates(whole[0]["history"])
    assert steps_of(out) == steps_of(whole[2]) == list(range(1, 1 + len(whole[0]["history"])))


def test_what_was_not_written_whole_is_not_used(tmp_path, caplog):
    checkpoints = Checkpoints(tmp_path)
    for epoch in (1, 2, 3):
        weights = {"w": np.full(3, epoch, np.float32)}
        checkpoints.keep(Checkpoint(epoch, 0, weights, [np.zeros(2)], {"score": float("-inf")}))
    newest, before = newest_first(path.name for path in tmp_path.iterdir())
    found = checkpoints.newest(["w"])
    assert found.epoch == 3 and found.variables["w"].tolist() == [3, 3, 3] and found.facts["score"] == float("-inf")
    content = bytearray((tmp_path / newest.name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / newest.name).write_bytes(content)
    (tmp_path / ".epoch.part").write_bytes(b"half")
    assert checkpoints.newest(["w"]).epoch == before.epoch == 2 and "epoch 3 is not used" in caplog.text
    assert checkpoints.newest(["another"]) is None


def test_what_cannot_be_written_ends_no_training(tmp_path, caplog):
    folder = tmp_path / "gone"
    folder.mkdir()
    checkpoints = Checkpoints(folder)
    folder.rmdir()
    for epoch in (1, 2):
        checkpoints.keep(Checkpoint(epoch, 0, {"w": np.zeros(3, np.float32)}, None, {}))
    assert caplog.text.count("cannot be written: No such file or directory") == 1 and "after epoch 1" in caplog.text


def test_random_numbers_follow_from_seed_and_step():
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(3)
        x = tf.ones([1000])
        dropped, noisy = tf.nn.dropout(x, rate=0.25), tf.random.normal([1000])
        both = tf.stack([dropped, noisy])
        random = RandomNumbers([both])
        assert random.left == []
        first, again, other = (session.run(both, random.fed(step)) for step in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first[0], other[0])
    assert 0.7 < np.mean(first[0] > 0) < 0.8 and abs(np.std(first[1]) - 1) < 0.1
    assert not np.array_equal(first[1], other[1])


def test_what_no_checkpoint_holds_is_found():
    with tf.Graph().as_default():
        inside = tf.function(lambda x: x + tf.random.uniform([]))(tf.constant(1.0))
        outside = tf.py_func(lambda x: x, [tf.constant(1.0)], tf.float32)
        plain = tf.function(lambda x: 2 * x)(tf.Variable(1.0, use_resource=True))
        assert len(RandomNumbers([inside]).left) == 1 and len(RandomNumbers([outside]).left) == 1
        assert RandomNumbers([plain]).left == []
