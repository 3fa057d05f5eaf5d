"""What `octet new` says about data that are stored in a way that it does not read, and whether its advice helps."""

import os
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from octet import recipe_draft
from octet.datasets import image_folder
from tests.octet.datasets.samples import refusal


def pictures(folder, names):
    """Writes a small picture for each name, and returns the folder."""
    for index, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (index, 0, 0)).save(str(folder / name))
    return str(folder)


def files(folder, names):
    """Writes a file without a usable content for each name, and returns the folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"0 0.5 0.5 0.2 0.2")
    return str(folder)


def loads(folder):
    """The classes of the data in a folder, as drafted."""
    return image_folder.load(folder, **recipe_draft.of(folder).args).targets["label"].classes


@pytest.mark.parametrize("name", ["{}.{}.png", "{}_{}.png", "{}-{}.png", "{}{}.png"])
def test_pictures_with_the_class_in_their_name_are_moved_into_folders(tmp_path, name):
    names = [name.format(("cat", "dog")[index % 2], index) for index in range(24)]
    path = pictures(tmp_path / "a", names)
    said = refusal(recipe_draft.of, path)
    assert "24 pictures" in said and "cat, dog" in said and "cat/{}".format(names[0]) in said
    for one in names:
        os.makedirs(os.path.join(path, one[:3]), exist_ok=True)
        shutil.move(os.path.join(path, one), os.path.join(path, one[:3], one))
    assert loads(path) == ["cat", "dog"]


def test_pictures_without_classes_are_reported(tmp_path):
    said = refusal(recipe_draft.of, pictures(tmp_path / "a", ["IMG_{}.png".format(index) for index in range(20)]))
    assert "20 pictures" in said and "a folder for each class" in said and "IMG/" not in said


def test_a_single_class_is_reported(tmp_path):
    for place in ("", "train/"):
        folder = tmp_path / ("a" + place[:1])
        path = pictures(folder, ["{}cat/{}.png".format(place, index) for index in range(24)])
        assert "one class" in refusal(recipe_draft.of, path)
        pictures(folder, ["{}dog/{}.png".format(place, index) for index in range(100, 124)])
        assert loads(path) == ["cat", "dog"]


@pytest.mark.parametrize("below", ["images", "train"])
def test_a_table_beside_a_folder_of_pictures_is_the_data(tmp_path, below):
    path = pictures(tmp_path / "a", ["{}/{}.png".format(below, index) for index in range(24)])
    (tmp_path / "a" / "labels.csv").write_text("\n".join(
        ["id,label"] + ["{}.png,{}".format(index, "ab"[index % 2]) for index in range(24)]))
    table = os.path.join(path, "labels.csv")
    assert "octet new {}".format(table) in refusal(recipe_draft.of, path)
    assert recipe_draft.of(table).args["folder"] == below


def test_the_folder_inside_is_named(tmp_path):
    path = pictures(tmp_path / "a", ["flowers/{}/{}.png".format(("rose", "tulip")[index % 2], index)
                                     for index in range(24)])
    inside = os.path.join(path, "flowers")
    assert "octet new {}".format(inside) in refusal(recipe_draft.of, path)
    assert loads(inside) == ["rose", "tulip"]


def test_parts_with_other_names_are_renamed(tmp_path):
    path = pictures(tmp_path / "a", ["{}/{}/{}.png".format(part, name, index * 7 + len(part)) for index in range(6)
                                     for name in ("ant", "bee") for part in ("train", "val")])
    assert "Rename it to validation" in refusal(recipe_draft.of, path)
    os.rename(os.path.join(path, "val"), os.path.join(path, "validation"))
    assert recipe_draft.of(path).args["split"] == {"test": 0.1}


@pytest.mark.parametrize("images, boxes", [
    ("images/{}.png", "labels/{}.txt"), ("images/train/{}.png", "labels/train/{}.txt"),
    ("train/images/{}.png", "train/labels/{}.txt"), ("JPEGImages/{}.png", "Annotations/{}.xml"),
    ("train2017/{}.png", "annotations/{}.json")])
def test_boxes_are_no_masks_and_no_classes(tmp_path, images, boxes):
    pictures(tmp_path / "a", [images.format(index) for index in range(20)])
    said = refusal(recipe_draft.of, files(tmp_path / "a", [boxes.format(index) for index in range(20)]))
    assert "boxes" in said and "dataset of your own" in said and "masks/" not in said


def test_masks_in_a_folder_below_are_named(tmp_path):
    path = pictures(tmp_path / "a", ["{}/{}.png".format(folder, index) for index in range(20)
                                     for folder in ("images", "annotations/trimaps")])
    said = refusal(recipe_draft.of, path)
    assert "annotations/trimaps" in said and "train/masks/" in said


def test_sounds_and_pickles_in_a_folder_are_named(tmp_path):
    said = refusal(recipe_draft.of, files(tmp_path / "a", ["yes/{}.wav".format(index) for index in range(4)]))
    assert "4 .wav" in said and "spectrogram" in said and "numpy.savez" in said
    said = refusal(recipe_draft.of, files(tmp_path / "b", ["data_batch_1", "batches.meta"]))
    assert "data_batch_1" in said and "numpy.savez" in said
    (tmp_path / "c").mkdir()
    assert "the folder is empty" in refusal(recipe_draft.of, str(tmp_path / "c"))


@pytest.mark.parametrize("name, advice", [
    ("a.zip", "Unpack it"), ("a.tar.gz", "Unpack it"), ("a.h5", "h5py"), ("a.pkl", "numpy.load"), ("a.xlsx", "as CSV"),
    ("a.json", "Write the labels into a .csv"), ("a.jpg", "the folder"), ("a.npy", "the folder"), ("a.mat", "scipy.io"),
    ("a.wav", "spectrogram"), ("a.txt", "as CSV")])
def test_files_of_other_kinds_are_reported_with_what_to_save(tmp_path, name, advice):
    assert advice in refusal(recipe_draft.of, os.path.join(files(tmp_path, [name]), name))


def test_the_advice_for_pickles_helps(tmp_path):
    content = {"x": np.random.RandomState(0).randint(0, 256, (40, 8, 8, 3)).astype(np.uint8), "y": np.arange(40) % 2}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    assert "numpy.savez" in refusal(recipe_draft.of, str(tmp_path / "a.pkl"))
    np.savez(str(tmp_path / "a.npz"), **np.load(str(tmp_path / "a.pkl"), allow_pickle=True))  # as the advice says
    assert recipe_draft.of(str(tmp_path / "a.npz")).kinds == ["class"]
