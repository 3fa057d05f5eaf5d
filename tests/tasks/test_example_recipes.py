"""The recipes in recipes/tasks: data and network of each fit together, and its loss, metric and features are
correct."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from octet import lookup
from octet.data import check
from octet.data.dataset import PARTS
from octet.recipe import loading
from tests.project import Project

FOLDER = Path(__file__).resolve().parents[2] / "recipes" / "tasks"
RECIPES = sorted(FOLDER.glob("*.yaml"))


def of_file(spec):
    """The function or class in a file of the folder, as a recipe names it."""
    return lookup.load_attribute("./" + spec, lookup.METRICS, "", FOLDER, "metrics")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_an_example_opens_with_its_command_and_builds_its_model_for_its_data(path):
    assert "--recipe recipes/tasks/{}\n".format(path.name) in path.read_text()
    settings = loading.load(path).sections()
    data = lookup.load_attribute(settings["data"]["dataset"], lookup.DATASETS, "load", FOLDER)(
        samples=8, **settings["data"]["args"])
    check.check(data, str(path), PARTS)
    (shape,), (target,) = [spec.shape for spec in data.inputs.values()], data.targets.values()
    build = lookup.load_attribute(settings["model"]["build"], lookup.MODELS, "build", FOLDER)
    with tf.Graph().as_default():
        model = build(input_shape=shape, classes=target.extent, **settings["model"]["args"])
    answer = target.shape + (() if target.kind in ("value", "raw") else (target.extent,))
    assert model.output_shape == (None,) + tuple(answer)


def test_every_example_is_run_by_make_and_is_on_the_page():
    root = FOLDER.parents[1]
    (made,) = [line for line in (root / "Makefile").read_text().splitlines() if line.startswith("\tfor task in")]
    assert sorted(made.split(" in ")[1].split(";")[0].split()) == [path.stem for path in RECIPES]
    page = (root / "docs" / "tasks.md").read_text()
    assert all("| `{}` | ".format(path.stem) in page for path in RECIPES)


BOXES = np.array([[[4, 6, 14, 18], [20, 24, 36, 40], [0, 0, 0, 0]],
                  [[30, 3, 41, 12], [2, 30, 12, 44], [21, 20, 32, 31]]], np.float32)
SHAPES = np.array([[0, 2, 0], [1, 1, 2]], np.int32)
EXTRAS = {"box": BOXES, "box_count": np.array([2, 3], np.int32), "shape": SHAPES}


def grid_of(boxes, counts, shapes):
    """The grid that predicts these boxes, written down number by number."""
    answers = np.zeros((len(boxes), 6, 6, 2, 8), np.float32)
    answers[..., 0] = -8
    for sample, (of_sample, count, of_shapes) in enumerate(zip(boxes, counts, shapes)):
        for (y0, x0, y1, x1), shape in zip(of_sample[:count], of_shapes):
            centre, size = np.array([(y0 + y1) / 2, (x0 + x1) / 2]) / 8, np.array([y1 - y0, x1 - x0])
            anchor = int(np.sqrt(size.prod()) > np.sqrt(11 * 16))
            inside = np.clip(centre % 1, 1e-4, 1 - 1e-4)
            answers[(sample,) + tuple(centre.astype(int)) + (anchor,)] = np.concatenate([
                [8], np.log(inside / (1 - inside)), np.log(size / (11, 16)[anchor]), 8 * np.eye(3)[shape]])
    return answers.reshape(len(boxes), 6, 6, 16)


def loss_of(answers):
    with tf.Graph().as_default(), tf.Session() as session:
        extras = {name: tf.constant(array) for name, array in EXTRAS.items()}
        return float(session.run(of_file("detector_loss.py:yolo")({"grid": tf.constant(answers)}, {}, extras)))


def test_the_detector_finds_the_boxes_that_its_grid_was_made_of():
    answers = grid_of(BOXES, EXTRAS["box_count"], SHAPES)
    decode, metric = of_file("boxes.py:decode"), of_file("mean_average_precision.py:MeanAveragePrecision")
    for sample in range(2):
        boxes, scores, shapes = decode(answers[sample])
        count = EXTRAS["box_count"][sample]
        order = np.lexsort(boxes.T)
        wanted = np.lexsort(BOXES[sample, :count].T)
        np.testing.assert_allclose(boxes[order], BOXES[sample, :count][wanted], atol=0.01)
        assert shapes[order].tolist() == SHAPES[sample, :count][wanted].tolist() and scores.min() > 0.99
    right = metric()
    right.update({"grid": answers}, {}, EXTRAS)
    assert right.result() == 1
    moved, other = metric(), metric()
    moved.update({"grid": grid_of(BOXES + 7, EXTRAS["box_count"], SHAPES)}, {}, EXTRAS)
    assert moved.result() == 0
    other.update({"grid": grid_of(BOXES, [1, 3], SHAPES)}, {}, EXTRAS)  # one of the two triangles is missed
    assert other.result() == pytest.approx((1 + 1 + 0.5) / 3)


def test_the_loss_of_the_detector_is_least_for_the_right_grid():
    right = loss_of(grid_of(BOXES, EXTRAS["box_count"], SHAPES))
    for wrong in (grid_of(BOXES + 2, EXTRAS["box_count"], SHAPES), grid_of(BOXES, [1, 3], SHAPES),
                  grid_of(BOXES, EXTRAS["box_count"], 2 - SHAPES), grid_of(BOXES * 1.1, EXTRAS["box_count"], SHAPES)):
        assert loss_of(wrong) > right + 0.05


def test_a_tone_is_loudest_in_the_band_of_its_pitch_and_codes_are_decibels():
    codes = of_file("log_mel.py:codes")
    time = np.arange(8000) / 8000.0
    for hertz in (300, 1000, 3000):
        tone = 0.02 * np.sin(2 * np.pi * hertz * time)
        quiet, loud = (codes((32767 * factor * tone).astype(np.int16), 10).astype(int) for factor in (1, 10))
        assert quiet.shape == (49, 10)
        mel = 2595 * np.log10(1 + hertz / 700) / (2595 * np.log10(1 + 4000 / 700)) * 11 - 1
        assert (loud.argmax(1) == int(round(mel))).all()
        assert (abs(loud.max(1) - quiet.max(1) - 255 * 20 / 100) <= 2).all()  # ten times as loud: 20 of 100 decibels


def test_the_area_under_roc_is_the_share_of_pairs_in_order():
    metric = of_file("anomaly_score.py:AreaUnderROC")()
    zeros, errors = np.zeros((5, 2, 2, 1)), np.array([0.1, 0.5, 0.3, 0.3, 0.9])
    metric.update({"reconstruction": zeros + errors[:, None, None, None]}, {"reconstruction": zeros},
                  {"damaged": np.array([0, 0, 0, 1, 1])})
    assert metric.result() == pytest.approx((1 + 0 + 0.5 + 3) / 6)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_an_example_passes_its_gates(path, tmp_path):
    project = Project(tmp_path, recipe="extends: {}\n".format(path))
    done = project.luigi("ValidateInterpreter", "--recipe", str(path), "--local-scheduler")
    assert done.returncode == 0 and "passes its gates" in done.stdout, done.stderr
