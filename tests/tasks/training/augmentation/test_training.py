"""Both phases with all augmentations, on small colour pictures."""

import hashlib
import textwrap

import pytest

from pipeline.inputs import snapshot
from tests.pipeline.checkout import ROOT
from tests.tasks import jobs

DATASET = textwrap.dedent("""\
    import numpy as np
    from octet.datasets import digits
    from octet.data.dataset import Dataset, Input, Part, Target


    def load():
        whole = digits.load()

        def part(name):
            images = whole.parts[name].inputs["image"][:400]
            colours = np.random.RandomState(0).uniform(0.5, 1, (len(images), 1, 1, 3))
            large = np.kron(images[..., 0], np.ones((1, 2, 2)))[..., None]
            return Part({"image": (large * colours).astype(np.uint8)},
                        {"label": whole.parts[name].targets["label"][:400]})

        return Dataset({"image": Input((16, 16, 3), 0.0, 1.0)}, whole.targets,
                       {name: part(name) for name in whole.parts})


    def digest(part):
        return part
    """)
RECIPE = """
data: {dataset: ./colours.py}
model: {build: lenet, args: {filters: [8, 16], dense: 24}}
train: {epochs: %d, batch_size: 40, weight_average: 0.9, clip_norm: 5, batch_norm_batches: 4%s}
augment: {%s}
quantize: {epochs: 2, batch_size: 40, calibration_batches: 2, weight_average: 0.9}
"""


def trained(folder, train="", augment="", last="TrainQAT", epochs=3):
    """(metrics of both phases, sha256 of each of their products)."""
    folder.mkdir()
    (folder / "colours.py").write_text(DATASET)
    metrics, folders = jobs.run(folder, RECIPE % (epochs, train, augment), last)
    return metrics, {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for stage in folders.values()
                     for path in stage.iterdir() if path.is_file()}


@pytest.mark.parametrize("augment", [
    "mixup: 0.4, rotate: 10, noise: 0.02, hue: 20, cutout: 0.25", "cutmix: 1"])
def test_a_repeat_has_the_same_bytes(tmp_path, augment):
    first, products = trained(tmp_path / "first", augment=augment)
    second, repeated = trained(tmp_path / "second", augment=augment)
    assert products == repeated and {"float.pb", "variables.index", "network.pb"} <= set(products)
    for stage in ("TrainFloat", "TrainQAT"):
        assert first[stage]["augment"] == second[stage]["augment"] and first[stage]["augment"]["crop"] == 0.125
        assert [epoch["loss"] for epoch in first[stage]["history"]] == [
            epoch["loss"] for epoch in second[stage]["history"]]


def test_what_is_varied_is_trained_on_and_not_measured(tmp_path):
    plain, without = trained(tmp_path / "plain", augment="preset: none", last="TrainFloat")
    varied, with_it = trained(tmp_path / "varied", last="TrainFloat")
    assert without["float.pb"] != with_it["float.pb"] and without["training.meta"] == with_it["training.meta"]
    losses = [each["TrainFloat"]["history"][-1]["loss"] for each in (plain, varied)]
    assert losses[1] > losses[0]  # of pictures that are harder


def test_batch_norm_fits_the_weights_that_are_kept(tmp_path):
    """An average over nearly all steps is far from the current weights; with their statistics, its accuracy would be
    that of chance."""
    metrics, _ = trained(tmp_path / "run", ", optimizer: adam, learning_rate: 0.01", "preset: none", last="TrainFloat",
                         epochs=8)
    assert metrics["TrainFloat"]["validation"]["label"]["accuracy"] > 0.8


def test_variation_is_in_the_source_of_the_two_phases_alone():
    source = snapshot.take(ROOT / "recipes/digits.yaml").source
    reached = [stage for stage, files in source.items()
               if any(name.startswith("tasks/training/augmentation/") for name in files)]
    assert reached == ["TrainFloat", "TrainQAT"]
