"""Mistakes of users, through the real commands: reported in seconds, before anything is trained."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.project import Project

NPZ = """\
data: {dataset: npz, args: {path: data.npz, classes: [ant, bee, cat, dog]}}
model: {build: lenet}
"""
PICTURES = """\
data: {dataset: image_folder, args: {path: pictures, size: [8, 8], channels: 1}}
model: {build: lenet}
"""
DATASET, MODEL, RECIPE = 4, 5, 3


def save(folder, **changes):
    """data.npz: 40 training and 12 test images of 8x8 in four classes, with these changes."""
    random = np.random.RandomState(0)
    arrays = {"x_train": random.rand(40, 8, 8, 1), "y_train": np.arange(40) % 4,
              "x_test": random.rand(12, 8, 8, 1), "y_test": np.arange(12) % 4}
    np.savez(str(folder / "data.npz"), **dict(arrays, **changes))


def typo(folder):
    (folder / "recipe.yaml").write_text("data: {dataset: digits}\nmodel: {build: lenet}\ntrian: {epochs: 1}\n")
    return RECIPE, ["recipe.yaml:3:1", "did you mean 'train'?"]


def missing_file(folder):
    return DATASET, ["data.npz", "no such file", "data.args.path"]


def damaged_file(folder):
    save(folder)
    (folder / "data.npz").write_bytes((folder / "data.npz").read_bytes()[:5000])
    return DATASET, ["data.npz", "damaged"]


def corrupt_image(folder):
    for part in ("train", "validation", "test"):
        for name in ("ant", "bee"):
            (folder / "pictures" / part / name).mkdir(parents=True)
            for number in range(4):
                pixels = np.random.RandomState(number).randint(0, 256, (8, 8)).astype(np.uint8)
                Image.fromarray(pixels).save(str(folder / "pictures" / part / name / "{}.png".format(number)))
    (folder / "pictures/test/bee/2.png").write_bytes((folder / "pictures/test/bee/2.png").read_bytes()[:40])
    (folder / "recipe.yaml").write_text(PICTURES)
    return DATASET, ["pictures/test/bee/2.png", "not a readable picture"]


def label_outside_the_classes(folder):
    save(folder, y_test=np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2]))
    return DATASET, ["data.npz", "[4]", "0..3"]


def empty_class(folder):
    save(folder, y_train=np.array([0, 1, 3, 3] * 10))
    return DATASET, ["data.npz", "'cat'", "no training sample"]


def not_a_number(folder):
    images = np.zeros((40, 8, 8, 1))
    images[7, 3, 2] = np.nan
    save(folder, x_train=images)
    return DATASET, ["data.npz", "x_train[7, 3, 2, 0]", "nan"]


def one_sample(folder):
    save(folder, x_train=np.zeros((1, 8, 8, 1)), y_train=np.array([0]))
    return DATASET, ["data.npz", "1 sample"]


def shape_that_the_model_cannot_take(folder):
    save(folder, x_train=np.zeros((40, 9)), x_test=np.zeros((12, 9)))
    return MODEL, ["recipe.yaml:2:", "model.build", "(9,)"]


def build_that_fails(folder):
    save(folder)
    (folder / "net.py").write_text("def build(input_shape, classes):\n    return {}['gone']\n")
    (folder / "recipe.yaml").write_text(NPZ.replace("lenet", "./net.py"))
    return MODEL, ["recipe.yaml:2:", "model.build", "./net.py could not be built", "KeyError: 'gone'", "net.py:2"]


def build_that_gives_no_model(folder):
    save(folder)
    (folder / "net.py").write_text("def build(input_shape, classes):\n    pass\n")
    (folder / "recipe.yaml").write_text(NPZ.replace("lenet", "./net.py"))
    return MODEL, ["recipe.yaml:2:", "model.build", "returns None, which is not a tf.keras.Model"]


def dataset_that_fails(folder):
    (folder / "faces.py").write_text(
        "def digest(part):\n    return part\n\n\ndef load():\n    return [0][1]\n")
    (folder / "recipe.yaml").write_text("data: {dataset: ./faces.py}\nmodel: {build: lenet}\n")
    return DATASET, ["recipe.yaml:1:", "data.dataset", "could not be loaded: IndexError", "faces.py:6"]


def dataset_without_a_digest(folder):
    (folder / "faces.py").write_text("def digest(part):\n    return 1 / 0\n\n\ndef load():\n    pass\n")
    (folder / "recipe.yaml").write_text("data: {dataset: ./faces.py}\nmodel: {build: lenet}\n")
    return DATASET, ["recipe.yaml:1:", "data.dataset", "has no digest: ZeroDivisionError", "faces.py:2"]


def dataset_that_gives_none(folder):
    (folder / "faces.py").write_text("def digest(part):\n    return part\n\n\ndef load():\n    pass\n")
    (folder / "recipe.yaml").write_text("data: {dataset: ./faces.py}\nmodel: {build: lenet}\n")
    return DATASET, ["recipe.yaml:1:", "data.dataset", "returns 'NoneType', which is no Dataset"]


def path_that_is_a_number(folder):
    (folder / "recipe.yaml").write_text(NPZ.replace("data.npz", "0"))
    return RECIPE, ["recipe.yaml:1:29  data.args.path: expected text, found 0"]


def size_that_is_one_number(folder):
    corrupt_image(folder)
    (folder / "recipe.yaml").write_text(PICTURES.replace("[8, 8]", "8").replace("channels: 1", "bits: some"))
    return RECIPE, ["recipe.yaml:1:54  data.args.size: expected a list, each a whole number, found 8",
                    "data.args.bits: expected a whole number, found \"some\""]


def misspelt_arguments(folder):
    (folder / "recipe.yaml").write_text(NPZ.replace("classes:", "clases:").replace("lenet}", "lenet, args: {dens: 1}}"))
    return RECIPE, ["recipe.yaml:1:45  data.args.clases: no argument of this name; did you mean 'classes'?",
                    "recipe.yaml:2:30  model.args.dens: no argument of this name; did you mean 'dense'?"]


def argument_of_a_partial(folder):
    build_of_no_name(folder)
    (folder / "recipe.yaml").write_text(NPZ.replace("lenet}", "./net.py, args: {dept: 1}}"))
    return MODEL, ["recipe.yaml:2:", "model.args: dept: no argument of this name; There are: none"]


def build_of_no_name(folder):
    save(folder)
    (folder / "net.py").write_text("import functools\n\n\ndef make(depth, input_shape, classes):\n"
                                   "    return depth / 0\n\n\nbuild = functools.partial(make, 3)\n")
    (folder / "recipe.yaml").write_text(NPZ.replace("lenet", "./net.py"))
    return MODEL, ["recipe.yaml:2:", "model.build", "ZeroDivisionError", "net.py:5"]


CHECKED = (typo, damaged_file, dataset_that_gives_none, build_that_fails)
"""One mistake for each place where mistakes are found: the recipe, the data, the process of a check. `octet check` and
a run report it in the same words, since both run the same preflight."""


@pytest.mark.parametrize("mistake", [
    misspelt_arguments, argument_of_a_partial,
    size_that_is_one_number, path_that_is_a_number, build_of_no_name, build_that_fails, build_that_gives_no_model,
    dataset_that_fails, dataset_without_a_digest, dataset_that_gives_none, typo, missing_file, damaged_file,
    corrupt_image,
    label_outside_the_classes, empty_class, not_a_number, one_sample, shape_that_the_model_cannot_take],
    ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_reported_before_training_and_nothing_is_made(tmp_path, mistake):
    project = Project(tmp_path, recipe=NPZ)
    code, words = mistake(tmp_path)
    done = project.luigi("ValidateInterpreter", "--local-scheduler")
    told = what_is_told(done, code, words)
    record, = [path for path in project.store.rglob("*") if path.is_file()]
    record = json.loads(record.read_text())  # that it was refused, and nothing else
    assert (record["exit"], record["error"]) == (code, told[0])
    if mistake in CHECKED:
        assert what_is_told(project.octet("check", str(project.recipe)), code, words) == told


def what_is_told(done, code, words):
    """The lines on stderr of a command that ended with this code and printed these words, without lines that say that a
    process is slow."""
    assert done.returncode == code, done.stderr
    assert [word for word in words if word not in done.stderr] == []
    assert "Traceback" not in done.stderr and "epoch" not in done.stderr + done.stdout
    return [line for line in done.stderr.splitlines()
            if not line.startswith("TrainFloat: ") and "no report for" not in line
            and not line.startswith("note: the store ")]


def test_the_same_data_without_a_mistake_is_fit_to_run(tmp_path):
    project = Project(tmp_path, recipe=NPZ)
    save(tmp_path)
    assert project.octet("check", str(project.recipe)).returncode == 0
