"""The exported folder, used by somebody who has nothing else of Octet."""

import json
import os
import subprocess
import sys
import sysconfig

import numpy as np
import pytest


@pytest.mark.parametrize("file, lsb", [("model.tflite", 0), ("model_int8.tflite", 20)])
def test_samples_are_reproduced_with_numpy_and_an_interpreter_alone(exported, tmp_path, file, lsb):
    # No site-packages: of this environment, numpy and the interpreter are all that the program can import.
    for name in ("numpy", "numpy.libs", "tflite_runtime"):
        place = os.path.join(sysconfig.get_path("purelib"), name)
        if os.path.exists(place):
            (tmp_path / name).symlink_to(place)
    done = subprocess.run([sys.executable, "-S", str(exported / "examples" / "run.py"), file], cwd=str(tmp_path),
                          env={"PYTHONPATH": str(tmp_path)}, timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(np.load(str(exported / "samples" / "output_0.npy"))) == 8
    assert all(int(line.rpartition("by ")[2].rstrip(")")) <= lsb for line in lines), lines


def test_twin_answers_as_the_uint8_file_on_digits(exported):
    card = json.loads((exported / "card.json").read_text())
    assert card["int8"]["measured"] and card["int8"]["outputs"]["label"]["agreement"] >= 0.99
    accuracy = card["measured"]["label"]["accuracy"]
    assert abs(accuracy["int8"] - accuracy["uint8"]) <= 0.01


def test_files_are_no_links_into_the_store(project, exported):
    assert all(path.stat().st_nlink == 1 for path in exported.rglob("*") if path.is_file())
    traced = json.loads(project.octet("trace", str(exported / "model_int8.tflite"), "--json").stdout)
    assert traced["lineage"][-1]["stage"] == "Export"


def test_the_card_has_the_measurement_and_the_origin(project, exported):
    (path,) = (project.store / "artifacts" / "Measure").glob("*/measurement.json")
    accuracy = json.loads(path.read_text())["outputs"]["label"]["accuracy"]
    card = (exported / "card.md").read_text()
    sides = [accuracy[side] for side in ("float", "uint8", "int8")]
    assert "| accuracy | {:.4g} | {:.4g} | {:.4g} |".format(*sides) in card
    assert "| hits | {:.4g} | {:.4g} | {:.4g} |".format(*(100 * share for share in sides)) in card
    assert "| image | 1 x 8 x 8 x 1 | 0 to 1 | 0.00392156863 | 0 |" in card
    assert (exported / "labels.txt").read_text().split() == list("0123456789")
    origin = json.loads((exported / "origin.json").read_text())
    assert origin["recipe"]["name"] == "recipe" and origin["recipe"]["sections"]["model"]["build"] == "lenet"
    assert "- samples: {:,} in the train part".format(origin["samples"]["train"]) in card
    assert "- dataset: {}".format(origin["recipe"]["sections"]["data"]["dataset"]) in card
    assert "- commit of the code: {}".format(origin["stages"]["ConvertUint8"]["commit"]) in card
    assert all("sha256 {}".format(sha256) in card for sha256 in origin["data"].values())
    assert origin["stages"]["ConvertUint8"]["commit"] == project.manifests("ConvertUint8")[0]["git"]["commit"]


def test_a_model_that_misses_its_gates_is_not_exported(project, tmp_path):
    made = project.recipe.read_text()
    project.recipe.write_text(made.replace("validate: {", "validate: {min_accuracy: 1.0, "))
    try:
        done = project.luigi("Export", "--local-scheduler")
        assert done.returncode == 10 and "Measure: started" not in done.stderr, done.stderr
        assert "min_accuracy is 1" in done.stderr
        done = project.octet("export", str(project.recipe), str(tmp_path / "refused"))
        assert done.returncode == 11 and "there is no verdict on it by the present gates" in done.stderr
        assert not (tmp_path / "refused").exists()
    finally:
        project.recipe.write_text(made)


def test_a_folder_that_is_there_is_left_alone(project, tmp_path):
    (tmp_path / "canary").write_text("mine")
    done = project.octet("export", str(project.recipe), str(tmp_path))
    assert done.returncode == 2 and "exists already" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]


def test_a_missing_export_names_the_command_that_makes_it(project, tmp_path):
    other = project.folder / "other.yaml"
    other.write_text("extends: recipe.yaml\nconvert: {}\nseed: 7\n")
    done = project.octet("export", str(other), str(tmp_path / "out"))
    assert done.returncode == 11
    assert "luigi --module pipeline Export --recipe {}".format(other) in done.stderr
    assert not (tmp_path / "out").exists()
