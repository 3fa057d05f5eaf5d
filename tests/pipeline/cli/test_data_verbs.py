"""`octet new` and `octet data`, the real commands, on a user's data."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from tests.octet.datasets.samples import pictures
from tests.pipeline.checkout import Checkout
from tests.project import Project


@pytest.fixture
def project(tmp_path):
    pictures(tmp_path)
    return Project(tmp_path)


def test_a_recipe_is_written_for_pictures_and_is_fit_to_look_at(project):
    made = project.octet("new", "set", "mine.yaml", cwd=project.folder)
    assert made.returncode == 0, made.stderr
    sheet = project.folder / "sheet.png"
    seen = project.octet("data", str(project.folder / "mine.yaml"), "--sheet", str(sheet))
    assert seen.returncode == 0, seen.stderr
    assert "samples: 18 train, 2 validation, 6 test" in seen.stdout
    assert "note: held out of the training samples" in seen.stdout.replace("pictures", "samples")
    with Image.open(str(sheet)) as image:
        assert len(np.unique(np.asarray(image))) > 10


def test_the_data_is_prepared_once_for_descriptions_and_runs(project):
    project.recipe.write_text("data: {dataset: image_folder, args: {path: set, size: [8, 8]}}\nmodel: {build: lenet}\n")
    first = project.octet("data", str(project.recipe))
    assert first.returncode == 0, first.stderr
    assert len(project.manifests("PrepareData.*")) == 3 and len(project.manifests("SummarizeData")) == 1
    again = project.octet("data", str(project.recipe))
    assert (again.stdout, again.stderr) == (first.stdout, "")
    nothing = project.luigi("SummarizeData", "--local-scheduler", "--recipe", str(project.recipe))
    assert nothing.returncode == 0 and "started" not in nothing.stderr, nothing.stderr
    checked = project.octet("check", str(project.recipe))
    assert first.stdout.splitlines()[0] == "samples: 18 train, 2 validation, 6 test" in checked.stdout, checked.stderr
    assert "samples of each part were read" not in checked.stdout  # the description above is of all samples

    Image.new("RGB", (9, 7), (3, 50, 90)).save(str(project.folder / "set/train/cat/new.png"))
    assert project.octet("data", str(project.recipe)).returncode == 0
    newest = max(project.manifests("PrepareData.train"), key=lambda manifest: manifest["finished"])
    assert (newest["metrics"]["samples"], newest["metrics"]["decoded"]) == (19, 1)


def test_a_store_that_cannot_be_written_to_keeps_no_data_from_being_described(project):
    project.store.write_text("a file where the store's folder should be")
    seen = project.octet("data", str(project.recipe))
    assert seen.returncode == 0 and "samples: " in seen.stdout, seen.stderr
    assert "note: the prepared data is not kept, so the next run prepares it again: " in seen.stderr


def test_prepared_data_is_described_from_the_store(tmp_path):
    checkout = Checkout(tmp_path)  # its check `describe` reports nothing: all output comes from the store
    (checkout.mine / "photos/test/cat/1.png").write_bytes((checkout.mine / "photos/train/dog/3.png").read_bytes())
    (checkout.mine / "photos/train/cat/notes.txt").write_text("a note")
    made = checkout.luigi()
    assert made.code == 0, made.said
    said = "samples of the test part are in the train part as well"
    assert made.said.index(said) < made.said.index("TrainFloat: started")
    found = json.loads(checkout.octet("data", checkout.mine / "faces.yaml", "--json").stdout)
    assert found["parts"] == {"train": 8, "validation": 2, "test": 4} and found["targets"]["label"]["test"] == [2, 2]
    assert any(said in note for note in found["notes"]) and any("1 .txt" in note for note in found["notes"])
    printed = checkout.octet("data", checkout.mine / "faces.yaml")
    assert "samples: 8 train, 2 validation, 4 test" in printed.stdout and said in printed.stdout, printed.stderr


def test_what_would_be_left_out_is_reported_as_json_too(project):
    (project.folder / "set" / "train" / "cat" / "notes.txt").write_text("a note")
    project.recipe.write_text("data: {dataset: image_folder, args: {path: set, size: [8, 8]}}\nmodel: {build: lenet}\n")
    found = json.loads(project.octet("data", str(project.recipe), "--json").stdout)
    assert found["targets"]["label"]["train"] == [9, 9] and not found["sheet"]
    assert any("not read in train/: 1 .txt (train/cat/notes.txt)" in note for note in found["notes"])


def test_nothing_is_overwritten_and_bad_paths_are_reported(project):
    assert project.octet("new", "set", "recipe", cwd=project.folder).returncode == 2
    assert "exists already" in project.octet("new", "set", "recipe.yaml", cwd=project.folder).stderr
    assert "no data of a known kind" in project.octet("new", "nothing", cwd=project.folder).stderr
    for place in ("sheet.txt", ""):
        refused = project.octet("data", str(project.recipe), "--sheet", place)
        assert refused.returncode == 2 and "cannot be a PNG file" in refused.stderr
    place = project.folder / ("n" * 300 + ".png")
    refused = project.octet("data", str(project.recipe), "--sheet", str(place))
    assert refused.returncode == 11 and "contact sheet cannot be written: File name too long" in refused.stderr
    assert str(place) in refused.stderr


def test_a_network_is_written_beside_a_recipe_that_needs_one(project):
    arrays = {"{}_{}".format(name, part): np.random.RandomState(0).rand(20, 3).astype(np.float32)
              for name in ("x", "y") for part in ("train", "validation", "test")}
    np.savez(str(project.folder / "heat.npz"), **arrays)
    assert project.octet("new", "heat.npz", cwd=project.folder).returncode == 0
    assert os.path.exists(str(project.folder / "net.py"))
    checked = project.octet("check", str(project.folder / "heat.yaml"))
    assert checked.returncode == 0 and "fit to run" in checked.stdout, checked.stderr
