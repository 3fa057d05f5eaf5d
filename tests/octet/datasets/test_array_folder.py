"""A folder of .npy files gives the same dataset as an .npz file with the same arrays."""

import os

import numpy as np
import pytest

from octet import recipe_draft
from octet.data import dataset_digest, reading
from octet.data.dataset import PARTS
from octet.datasets import npz
from tests.octet.datasets.samples import arrays, refusal, save, save_folder


def digests(path):
    return [npz.digest(part, path) for part in PARTS]


def test_it_is_what_the_same_arrays_in_one_file_are(tmp_path):
    folder, file = save_folder(tmp_path, arrays()), save(tmp_path, arrays())
    (tmp_path / "arrays" / "notes.txt").write_text("not read")
    found, wanted = npz.load(folder), npz.load(file)
    for part in PARTS:
        assert np.array_equal(found.parts[part].inputs["image"], wanted.parts[part].inputs["image"])
        assert np.array_equal(found.parts[part].targets["label"], wanted.parts[part].targets["label"])
    assert digests(folder) == digests(file)


def test_a_pair_of_arrays_is_split(tmp_path):
    folder = save_folder(tmp_path, {"x": arrays()["x_train"], "y": arrays()["y_train"]})
    data = npz.load(folder, split={"validation": 0.2, "test": 0.2})
    assert [len(data.parts[part]) for part in PARTS] == [12, 4, 4]


def test_a_changed_file_changes_the_digests_of_its_part_and_is_named(tmp_path):
    folder = save_folder(tmp_path, arrays())
    before, files = digests(folder), npz.arrays("test", folder)
    assert sorted(files) == ["x_test", "y_test"]
    save_folder(tmp_path, {"y_test": 1 - arrays()["y_test"]})
    assert [old == new for old, new in zip(before, digests(folder))] == [True, True, False]
    after = npz.arrays("test", folder)
    assert [name for name in files if files[name] != after[name]] == ["y_test"]


def test_large_arrays_are_read_into_files_of_their_own(tmp_path):
    folder = save_folder(tmp_path, arrays())
    (tmp_path / "out").mkdir()
    with reading.into(str(tmp_path / "out"), lambda fraction, message: None):
        found = npz.load(folder).parts["test"].inputs["image"]
        assert reading.file_of(found) and np.array_equal(found, arrays()["x_test"])


@pytest.mark.parametrize("spoil, words", [
    (lambda folder: os.remove(os.path.join(folder, "y_test.npy")), "there is no y_test.npy"),
    (lambda folder: os.truncate(os.path.join(folder, "x_train.npy"), 200), "its size differs from its header"),
    (lambda folder: open(os.path.join(folder, "x_train.npy"), "ab").write(b"more"), "its size differs from its header"),
    (lambda folder: open(os.path.join(folder, "x_train.npy"), "wb").write(b"text"), "not a readable .npy file"),
    (lambda folder: np.save(os.path.join(folder, "x_train.npy"), np.array([{}] * 20)), "not a readable .npy file"),
    (lambda folder: [os.remove(os.path.join(folder, name)) for name in os.listdir(folder)],
     "it is a folder without .npy files"),
    (lambda folder: os.rename(os.path.join(folder, "x_test.npy"), os.path.join(folder, "x_Test.npy")),
     "there is no x_test.npy"),
    (lambda folder: (os.remove(os.path.join(folder, "x_test.npy")), os.mkfifo(os.path.join(folder, "x_test.npy"))),
     "not a readable .npy file")],
    ids=["missing", "cut short", "too long", "text", "objects", "empty folder", "other case", "named pipe"])
def test_missing_and_damaged_arrays_are_reported(tmp_path, spoil, words):
    folder = save_folder(tmp_path, arrays())
    spoil(folder)
    assert words in refusal(npz.load, folder)
    refusal(dataset_digest.digest, {"dataset": "npz", "args": {"path": folder}}, tmp_path, "train")


def test_one_npy_file_is_no_dataset_and_a_folder_of_them_is_drafted(tmp_path):
    folder = save_folder(tmp_path, arrays())
    error = refusal(npz.load, os.path.join(folder, "x_train.npy"))
    assert "Write the path of the folder with their .npy files" in error
    found = recipe_draft.of(folder)
    assert found.dataset == "npz" and found.kinds == ["class"] and sorted(found.args["inputs"]) == ["x"]


def test_fortran_order_and_empty_arrays_are_read(tmp_path):
    content = dict(arrays(), x_train=np.asfortranarray(arrays()["x_train"]))
    assert np.array_equal(npz.load(save_folder(tmp_path, content)).parts["test"].inputs["image"], content["x_test"])
    content["x_test"] = content["x_test"][:0]
    assert "the test part has 0 image" in refusal(npz.load, save_folder(tmp_path, content))
