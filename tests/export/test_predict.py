"""`octet predict` and `octet evaluate`: the predictions of a .tflite file for pictures, and its metrics on data."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octet import model_identifier
from octet.data import prepared
from tests.export.foreign import PIXELS
from tests.project import BIN


@pytest.fixture(scope="module")
def test_part(project):
    (folder,) = (project.store / "artifacts" / "PrepareData.test").iterdir()
    return prepared.read({"test": folder}).parts["test"]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    folder = tmp_path_factory.mktemp("foreign")
    done = subprocess.run([sys.executable, "-m", "tests.export.foreign", str(folder)], capture_output=True, text=True,
                          cwd=str(Path(__file__).resolve().parents[2]), timeout=120,
                          env=dict(os.environ, PATH="{}:{}".format(BIN, os.environ["PATH"])))  # where toco is
    assert done.returncode == 0, done.stderr
    return folder


def answered(project, *words):
    done = project.octet("predict", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def top(answer, output="label"):
    return [picture["outputs"][output]["answers"][0]["class"] for picture in answer["pictures"]]


def test_pictures_are_decoded_like_the_prepared_ones(project, exported, test_part):
    # The pictures of `samples/`, whose outputs are known, in the order of PrepareData.
    files = [os.path.join(folder, name) for folder, _, names in sorted(os.walk(str(project.folder / "photos" / "test")))
             for name in sorted(names)]
    codes = np.load(str(exported / "samples" / "input_0.npy"))
    outputs = np.load(str(exported / "samples" / "output_0.npy"))
    rows = [int(np.flatnonzero((np.asarray(test_part.inputs["image"]) == one).all((1, 2, 3)))[0]) for one in codes]
    said = answered(project, str(exported / "model.tflite"), *(files[row] for row in rows))
    scale = json.loads((exported / "card.json").read_text())["outputs"][0]["scale"]
    for picture, codes_out in zip(said["pictures"], outputs):
        answers = picture["outputs"]["label"]["answers"]
        assert {each["class"]: round(each["probability"] / scale) for each in answers} == dict(zip(
            "0123456789", codes_out.tolist()))
        shown = [each["probability"] for each in answers]
        assert shown == sorted(shown, reverse=True)
    assert said["notes"] == []


@pytest.fixture(scope="module")
def three(project):
    """(a picture of a 3, the prediction of the converted file)."""
    folder = project.folder / "photos" / "test" / "3"
    picture = str(folder / sorted(os.listdir(str(folder)))[0])
    (converted,) = (project.store / "artifacts" / "ConvertUint8").glob("*/model.tflite")
    return picture, top(answered(project, str(converted), picture))


@pytest.mark.parametrize("name", ["recipe", "recipe:Export", "key", "artifact", "copy", "edited", "int8"])
def test_every_reference_to_the_model_is_accepted(project, exported, three, tmp_path, name):
    picture, wanted = three
    (converted,) = (project.store / "artifacts" / "ConvertUint8").iterdir()
    copy = tmp_path / "renamed.bin"
    shutil.copy(str(converted / "model.tflite"), str(copy))
    edited = tmp_path / "edited.tflite"
    content = (converted / "model.tflite").read_bytes()
    flatbuffer = model_identifier.without_identifier(content)
    edited.write_bytes(flatbuffer + b"\0" * 8 + content[len(flatbuffer):])
    meant = {"key": converted.name[:8], "artifact": str(converted), "copy": str(copy), "edited": str(edited),
             "int8": str(exported / "model_int8.tflite")}.get(name, name)
    said = answered(project, meant, picture)
    assert top(said) == wanted
    if name == "edited":
        assert said["known_by"] == "the identifier that it carries"
        done = project.octet("predict", meant, picture)
        assert "its content has changed since it was measured" in done.stdout and done.returncode == 0


@pytest.mark.parametrize("name", ["recipe", "recipe:1", "recipe:Export", "copy"])
def test_the_layers_of_an_exported_model_are_those_of_its_measurement(project, exported, tmp_path, name):
    if name == "copy":
        name = str(tmp_path / "copy.tflite")
        shutil.copy(str(exported / "model.tflite"), name)
    done = project.octet("layers", name, "--json")
    assert done.returncode == 0, done.stderr
    (path,) = (project.store / "artifacts" / "Measure").glob("*/measurement.json")
    assert json.loads(done.stdout) == json.loads(path.read_text())["parity"]


def test_terminal_shows_five_classes_and_their_probabilities(project, tmp_path):
    Image.new("L", (30, 30), 80).save(str(tmp_path / "grey.png"))
    done = project.octet("predict", "recipe", "grey.png", cwd=tmp_path)
    (line,) = done.stdout.splitlines()
    name, _, said = line.partition(": ")
    assert name == "grey.png" and len(said.split(", ")) == 5


@pytest.mark.parametrize("words, code, said", [
    (["recipe", "nowhere.png"], 4, "there is no such file"),
    (["recipe", "."], 4, "name the picture files"),
    (["recipe", "/dev/zero"], 4, "it is a character device"),
    (["recipe", "text.txt"], 4, "format is unknown"),
    (["text.txt", "white.png"], 11, "no artifact holds this file"),
    (["text.tflite", "white.png", "--recipe", "recipe"], 9, "not a .tflite file"),
    (["foreign.tflite", "white.png"], 2, "--recipe RECIPE"),
    (["recipe:PrepareData.test", "white.png"], 2, "it has no .tflite file")])
def test_mistakes_are_errors_in_words(project, foreign, tmp_path, words, code, said):
    (tmp_path / "text.txt").write_text("words")
    (tmp_path / "text.tflite").write_text("words of some length")
    Image.new("L", (8, 8), 255).save(str(tmp_path / "white.png"))
    shutil.copy(str(foreign / "float.tflite"), str(tmp_path / "foreign.tflite"))
    done = project.octet("predict", *words, cwd=tmp_path)
    assert done.returncode == code and said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("file, dtype, step", [("float.tflite", "float32", 0.0), ("uint8.tflite", "uint8", 3.5 / 255)])
def test_a_foreign_file_gets_inputs_of_its_own_type(project, foreign, test_part, file, dtype, step):
    done = project.octet("evaluate", str(foreign / file), "--recipe", "recipe", "--json")
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    pixels = np.asarray(test_part.inputs["image"]).reshape(-1, 64)[:, PIXELS] / 255.0
    # In codes of [-1, 2.5], with the scale `step`, pixels with similar values are equal.
    seen = pixels if not step else np.round(pixels / step)
    assert measured["figures"]["label"]["accuracy"] == np.mean(seen.argmax(1) == test_part.targets["label"])
    assert [end["dtype"] for end in measured["inputs"] + measured["outputs"]] == [dtype, dtype]
    assert measured["samples"] == 400 and measured["known_by"] is None
    white = answered(project, str(foreign / file), str(project.folder / "photos/test/0" / sorted(
        os.listdir(str(project.folder / "photos/test/0")))[0]), "--recipe", "recipe")
    assert len(white["pictures"][0]["outputs"]["label"]["answers"]) == 10


def test_evaluate_gives_the_same_figures_as_the_stages(project, exported):
    (path,) = (project.store / "artifacts" / "Measure").glob("*/measurement.json")
    before = json.loads(path.read_text())["outputs"]["label"]
    for name in ("recipe", str(exported / "model.tflite")):
        done = project.octet("evaluate", name, "--recipe", "recipe", "--json")
        figures = json.loads(done.stdout)["figures"]["label"]
        assert figures["accuracy"] == before["accuracy"]["uint8"]
        assert json.loads(done.stdout)["metrics"] == {"hits": pytest.approx(100 * figures["accuracy"])}
        assert figures["recall"] == {one: shares["uint8"] for one, shares in before["recall"].items()}
    card = json.loads((exported / "card.json").read_text())["measured"]["label"]
    done = project.octet("evaluate", str(exported / "model_int8.tflite"), "--recipe", "recipe", "--json")
    assert json.loads(done.stdout)["figures"]["label"]["accuracy"] == card["accuracy"]["int8"]


def test_a_file_that_does_not_fit_the_data_is_refused(project, tmp_path):
    other = project.folder / "larger.yaml"
    other.write_text("extends: recipe.yaml\ndata: {args: {size: [9, 8]}}\n")
    done = project.octet("evaluate", "recipe", "--recipe", str(other))
    assert done.returncode == 11 and "PrepareData.test --recipe {}".format(other) in done.stderr
    assert project.luigi("PrepareData.test", "--recipe", str(other), "--local-scheduler").returncode == 0
    done = project.octet("evaluate", "recipe", "--recipe", str(other))
    assert done.returncode == 9 and "has the shape [8, 8, 1]" in done.stderr and "[9, 8, 1]" in done.stderr
    done = project.octet("evaluate", "recipe", "--recipe", "recipe", "--part", "holidays")
    assert done.returncode == 2
