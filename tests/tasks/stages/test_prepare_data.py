"""The PrepareData stages, one after another, as in the pipeline."""

import json
import shutil

import numpy as np
import pytest

from octet.data import prepared
from octet.datasets import npz
from octet.errors import DatasetError
from tests.octet.datasets.samples import pictures
from tests.tasks import jobs

TRAIN, VALIDATION, TEST = ("PrepareData." + part for part in ("train", "validation", "test"))
PICTURES = "data: {dataset: image_folder, args: {path: set, size: [6, 6]}}\nmodel: {build: lenet}\n"
REALS = "data: {dataset: npz, args: {path: reals.npz, percentile: 90}}\nmodel: {build: lenet}\n"


def test_a_damaged_picture_is_named_by_the_stage_of_its_part(tmp_path):
    pictures(tmp_path)
    bad = tmp_path / "set" / "test" / "cat" / "1.png"
    bad.write_bytes(b"no picture")
    metrics, _ = jobs.run(tmp_path, PICTURES, VALIDATION)
    assert metrics[TRAIN]["samples"] == 18 and metrics[VALIDATION]["samples"] == 2
    made = {stage: tmp_path / stage for stage in (TRAIN, VALIDATION)}
    with pytest.raises(DatasetError) as caught:
        jobs.run(tmp_path, PICTURES, TEST, made)
    assert caught.value.where == str(bad)


def test_the_range_of_the_train_part_is_read_and_not_learnt_again(tmp_path):
    random = np.random.RandomState(0)
    arrays = {"{}_{}".format(name, part): array for part in ("train", "validation", "test") for name, array in (
        ("x", random.randn(40, 30)), ("y", np.arange(40) % 3))}
    np.savez(str(tmp_path / "reals.npz"), **arrays)
    whole = npz.load(str(tmp_path / "reals.npz"), percentile=90)
    jobs.run(tmp_path, REALS, TRAIN)
    content = bytearray((tmp_path / "reals.npz").read_bytes())
    content[content.index(arrays["x_train"].tobytes()) + 100] ^= 1  # its checksum is wrong from here on
    (tmp_path / "reals.npz").write_bytes(bytes(content))
    _, folders = jobs.run(tmp_path, REALS, TEST, {TRAIN: tmp_path / TRAIN})
    found = prepared.read({"test": folders[TEST]})
    assert found.inputs == whole.inputs
    assert np.array_equal(found.parts["test"].inputs["image"], whole.parts["test"].inputs["image"])
    assert json.loads((folders[TEST] / "spec.json").read_text()) == json.loads(
        (folders[TRAIN] / "spec.json").read_text())
    with pytest.raises(DatasetError, match="not a readable .npz file"):
        npz.load(str(tmp_path / "reals.npz"), percentile=90)


def test_the_notes_of_a_part_are_in_its_metrics(tmp_path):
    pictures(tmp_path)
    (tmp_path / "set" / "train" / "cat" / "notes.txt").write_text("a note")
    metrics, _ = jobs.run(tmp_path, PICTURES, TRAIN)
    assert any("not read in train/: 1 .txt (train/cat/notes.txt)" in note for note in metrics[TRAIN]["notes"])


OWN = """
from octet.datasets import image_folder

def load(path, *, parts=("train", "validation", "test"), samples=None):
    return image_folder.load(path, [6, 6], parts=parts, samples=samples)

def digest(part, path):
    return {digest}
"""


@pytest.mark.parametrize("mended", [False, True])
def test_a_digest_that_does_not_cover_the_classes_of_other_parts_is_named(tmp_path, mended):
    pictures(tmp_path)
    (tmp_path / "own.py").write_text(OWN.format(digest='"of the files of " + part'))
    recipe = PICTURES.replace("image_folder", "./own.py").replace(", size: [6, 6]", "")
    _, folders = jobs.run(tmp_path, recipe, TRAIN)
    for part in ("train", "test"):
        (tmp_path / "set" / part / "bird").mkdir()
        for index in range(3):
            (tmp_path / "set" / part / "bird" / "{}.png".format(index)).write_bytes(
                (tmp_path / "set" / part / "cat" / "{}.png".format(index)).read_bytes())
    if mended:  # as the error says: the train part is prepared again, for its digest is another
        shutil.rmtree(str(folders.pop(TRAIN)))
        (tmp_path / "own.py").write_text(OWN.format(digest="image_folder.digest(part, path, [6, 6])"))
        assert jobs.run(tmp_path, recipe, VALIDATION, folders)[0][VALIDATION]["samples"] == 3
        return
    with pytest.raises(DatasetError) as caught:
        jobs.run(tmp_path, recipe, VALIDATION, folders)
    assert "the validation part has other inputs, targets or classes than the train part" in caught.value.what
    assert "let digest('train', ...) depend on the classes of all parts" in caught.value.next_step
