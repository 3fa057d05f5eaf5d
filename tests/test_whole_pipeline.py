"""The whole pipeline on the small digits, with the real `luigi`, toco and interpreter."""

import json

import pytest

from octet import digest
from pipeline.stage_specs import upward
from tests.project import Project
from tests.tasks import jobs

RECIPE = """\
data: {dataset: digits}
model: {build: lenet, args: {filters: [8, 16, 16], dense: 32}}
train: {epochs: 6, batch_size: 32}
quantize: {epochs: 2, batch_size: 32}
validate: {max_accuracy_drop: 0.05, min_accuracy: 0.8}
"""
SUBCLASSED = """\
import tensorflow as tf


class Scores(tf.keras.layers.Layer):
    def __init__(self, classes, **more):
        super().__init__(**more)
        self.dense = tf.keras.layers.Dense(classes)

    @tf.function
    def call(self, features):
        return self.dense(features)


class Net(tf.keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.conv = tf.keras.layers.Conv2D(8, 3, activation="relu")
        self.scores = Scores(classes)

    def call(self, image):
        found = self.conv(image)
        return self.scores(tf.reshape(found, [-1, 6 * 6 * 8]))


def build(input_shape, classes):
    return Net(classes)
"""
STRANGERS = ("tasks", "models", "octet", "pipeline", "luigi", "yaml", "numpy", "tensorflow", "six")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A working folder in which everything has the name of one of Octet's modules."""
    folder = tmp_path_factory.mktemp("hostile")
    for name in STRANGERS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('not ours')\n")
        (folder / (name + ".py")).write_text("raise SystemExit('not ours')\n")
    (folder / "luigi.cfg").write_text("[core]\ndefault-scheduler-host = no.such.host.invalid\n"
                                      "[worker]\ntask_process_context = no.such.Thing\n")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory, hostile):
    project = Project(tmp_path_factory.mktemp("line"), recipe=RECIPE)
    done = project.luigi("ValidateInterpreter", "--local-scheduler", cwd=hostile)
    assert done.returncode == 0, done.stderr
    return project


def test_uint8_file_is_as_good_as_the_fake_quantized_graph(built):
    (path,) = (built.store / "artifacts" / "Measure").glob("*/measurement.json")
    measured = json.loads(path.read_text())
    assert measured["samples"] == 400
    label = measured["outputs"]["label"]
    assert label["accuracy"]["uint8"] > 0.8
    assert abs(label["accuracy"]["uint8"] - label["accuracy"]["fake_quantized"]) <= 0.01
    assert sum(map(sum, label["confusion"])) == 400


def test_second_run_makes_nothing(built):
    before = {path: path.stat().st_mtime_ns for path in (built.store / "artifacts").rglob("*")}
    done = built.luigi("ValidateInterpreter", "--local-scheduler")
    assert done.returncode == 0
    assert "started" not in done.stdout + done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in (built.store / "artifacts").rglob("*")}


def test_last_lines_of_a_run_are_figures_size_verdict_and_path_of_the_file(built):
    (path,) = (built.store / "artifacts" / "Measure").glob("*/measurement.json")
    (model,) = (built.store / "artifacts" / "ConvertUint8").glob("*/model.tflite")
    accuracy = json.loads(path.read_text())["outputs"]["label"]["accuracy"]
    done = built.luigi("ValidateInterpreter", "--local-scheduler")
    lines = done.stdout.splitlines()
    assert lines[0] == "ValidateInterpreter is complete"
    assert lines[1].split() == ["accuracy", "float", "{:.4g},".format(accuracy["float"]), "fake-quantized",
                                "{:.4g},".format(accuracy["fake_quantized"]), "uint8",
                                "{:.4g},".format(accuracy["uint8"]), "int8", "{:.4g}".format(accuracy["int8"]),
                                "(test)"]
    assert lines[2].split() == ["size", "{:.1f}".format(model.stat().st_size / 1e3), "kB"]
    assert lines[3].startswith("  verdict    passes its gates (max_accuracy_drop 0.05")
    assert lines[4] == "  file       {}".format(model)
    (page,) = (built.store / "artifacts" / "Report").glob("*/report.html")
    assert lines[5] == "  report     {}".format(page)
    assert lines[6:] == ["not exported yet: luigi --module pipeline Export --recipe {}".format(built.recipe)]
    listed = built.octet("ls").stdout.splitlines()
    assert all(len(line) <= 100 for line in listed) and listed[1].startswith("recipe ")
    assert "accuracy {:.4g} uint8, {:.4g} float".format(accuracy["uint8"], accuracy["float"]) in listed[1]


def test_octet_runs_in_a_hostile_folder(built, hostile):
    checked = built.octet("check", str(built.recipe), cwd=hostile)
    assert checked.returncode == 0, checked.stderr
    listed = built.octet("ls", "--artifacts", cwd=hostile)
    assert listed.stdout.count("intact") == len(upward("ValidateInterpreter"))
    rows = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert "samples in 3 parts, 0 notes" in rows["SummarizeData"] and "passes 3 gates" in rows["ValidateInterpreter"]
    assert "=" not in listed.stdout, "a figure without words"


def test_subclassed_models_and_layers_are_trained_whose_call_keras_writes_anew(tmp_path):
    (tmp_path / "net.py").write_text(SUBCLASSED)
    project = Project(tmp_path, recipe="data: {dataset: digits}\nmodel: {build: ./net.py}\ntrain: {epochs: 1}\n")
    done = project.luigi("TrainFloat", "--local-scheduler")  # and before it the check, up to a file of toco's
    assert done.returncode == 0, done.stderr


def test_layers_of_a_model_are_listed_worst_first(built):
    model, = (built.store / "artifacts" / "ConvertUint8").glob("*/model.tflite")
    told = built.octet("layers", str(model), "--json")
    assert told.returncode == 0, told.stderr
    parity = json.loads(told.stdout)
    assert parity["wrong"] == [] and all(row["lsb"] <= 1 for row in parity["local"])
    lost = [row["lost_db"] for row in parity["end_to_end"]]
    assert len(lost) == len(parity["local"]) and lost == sorted(lost, reverse=True)
    lines = built.octet("layers", str(model)).stdout.splitlines()
    assert lines[0].startswith("tensor") and lines[1].split()[0] == parity["end_to_end"][0]["name"]


def test_layers_of_an_edited_model_are_reported_as_those_of_another(built, tmp_path):
    model, = (built.store / "artifacts" / "ConvertUint8").glob("*/model.tflite")
    edited = bytearray(model.read_bytes())
    edited[len(edited) // 2] ^= 1
    (tmp_path / "edited.tflite").write_bytes(edited)
    told = built.octet("layers", str(tmp_path / "edited.tflite"))
    assert told.returncode == 0 and "its content has changed since" in told.stderr
    assert told.stdout == built.octet("layers", str(model)).stdout


def test_missed_gate_fails_with_figures_and_measures_nothing_again(built):
    before = built.products()
    built.recipe.write_text(RECIPE.replace("min_accuracy: 0.8", "min_accuracy: 1.0"))
    try:
        done = built.luigi("ValidateInterpreter", "--local-scheduler")
    finally:
        built.recipe.write_text(RECIPE)
    assert done.returncode == 10
    assert "min_accuracy" in done.stderr and "Traceback" not in done.stderr
    after = built.products()
    for products in (before, after):
        products.pop("Report/report.html")  # the refused model has a page of its own
    assert after == before


def test_stages_elsewhere_make_the_same_bytes(built, tmp_path):
    """All stages again, in another folder, and all in the process of the test."""
    _, folders = jobs.run(tmp_path, RECIPE, "Measure")
    expected = {name: sha256 for name, sha256 in built.products().items() if name.split("/")[0] in folders}
    assert {name.split("/")[0] for name in expected} == set(folders)
    assert {name: digest.of_file(str(folders[name.split("/")[0]] / name.split("/", 1)[1]))
            for name in expected} == expected
