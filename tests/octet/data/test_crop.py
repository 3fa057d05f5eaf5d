"""Pictures that are prepared larger than the network's input, compared with plain slices of the whole pictures."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from octet.data import crop, prepared, reading
from octet.data.dataset import Dataset, Extra, Input, Part, Target, arguments
from octet.data.shard_writer import ShardWriter
from octet.data.shards import Sharded
from octet.datasets import image_folder
from octet.errors import DatasetError

RANDOM = np.random.RandomState(1)
WHOLE, SIZE = (9, 12), (6, 7)
TOP, LEFT = 1, 2  # (9 - 6) // 2, (12 - 7) // 2


def dataset(count=40):
    """Every picture, mask and extra names its own pixels: the value of a pixel is its place."""
    place = np.arange(WHOLE[0] * WHOLE[1]).reshape(WHOLE)
    boxes = np.array([[[2, 3, 5, 6], [0, 0, 9, 12], [0, 0, 1, 2]]] * count, np.float32)
    part = Part({"image": np.array([place[..., None]] * count, np.uint8)}, {"map": np.array([place] * count, np.int32)},
                {"box": boxes, "box_count": np.full(count, 3, np.int32), "depth": np.array([place] * count, np.int32),
                 "eye": np.array([[[2.5, 3.5]]] * count, np.float32)})
    return Dataset({"image": Input(WHOLE + (1,), 0.0, 1.0)},
                   {"map": Target("class_map", list(map(str, range(108))), WHOLE)}, {"train": part},
                   extras={"box": Extra("boxes", (3, 4)), "depth": Extra("mask", WHOLE),
                           "eye": Extra("keypoints", (1, 2))})


def test_the_centre_moves_everything_with_the_picture():
    found = crop.cropped(dataset(), WHOLE, SIZE)
    part = found.parts["train"]
    expected = np.arange(108).reshape(WHOLE)[TOP:TOP + 6, LEFT:LEFT + 7]
    assert found.inputs["image"].shape == (6, 7, 1) and found.inputs["image"].prepared == WHOLE
    assert found.targets["map"].shape == found.extras["depth"].shape == SIZE
    np.testing.assert_array_equal(part.inputs["image"][3][..., 0], expected)
    np.testing.assert_array_equal(part.targets["map"][3], expected)
    np.testing.assert_array_equal(part.extras["depth"][3], expected)
    np.testing.assert_array_equal(part.extras["box"][3], [[1, 1, 4, 4], [0, 0, 6, 7], [0, 0, 0, 0]])
    np.testing.assert_array_equal(part.extras["eye"][3], [[1.5, 1.5]])
    whole = crop.uncropped(dataclasses.replace(found, parts={}))
    assert whole.inputs == dataset().inputs and whole.targets == dataset().targets and whole.extras == dataset().extras


def test_random_crops_reach_every_place_and_move_everything_with_the_picture():
    found = crop.cropped(dataset(400), WHOLE, SIZE)
    rows = np.arange(399, -1, -1)
    taken = crop.random_crops(found.parts["train"], rows, RANDOM.random_sample((400, 2)), found.extras)
    seen = set()
    for row in range(400):
        first = int(taken.inputs["image"][row, 0, 0, 0])
        top, left = divmod(first, WHOLE[1])
        seen.add((top, left))
        expected = np.arange(108).reshape(WHOLE)[top:top + 6, left:left + 7]
        np.testing.assert_array_equal(taken.inputs["image"][row][..., 0], expected)
        np.testing.assert_array_equal(taken.targets["map"][row], expected)
        np.testing.assert_array_equal(taken.extras["depth"][row], expected)
        np.testing.assert_array_equal(taken.extras["eye"][row], [[2.5 - top, 3.5 - left]])
        np.testing.assert_array_equal(taken.extras["box"][row][0], np.clip(
            np.array([2, 3, 5, 6]) - [top, left, top, left], 0, [6, 7, 6, 7]))
    assert seen == {(top, left) for top in range(4) for left in range(6)}


@pytest.mark.parametrize("changed, words", [
    (dict(targets={"map": Target("value", (), (2,))}), "may depend on where things are"),
    (dict(extras={"box": Extra("array", (3,))}), "may depend on where things are"),
    (dict(inputs={"image": Input((9, 11, 1), 0.0, 1.0)}), "is no picture of prepared_size"),
    (dict(inputs={"image": Input((108,), 0.0, 1.0)}), "is no picture of prepared_size")])
def test_what_cannot_be_cropped_is_refused(changed, words):
    with pytest.raises(DatasetError, match=words):
        crop.cropped(dataclasses.replace(dataset(), **changed), WHOLE, SIZE)


@pytest.mark.parametrize("section, words", [
    ({"dataset": "image_folder", "args": {"path": "p", "size": [4, 9]}}, "smaller than size"),
    ({"dataset": "image_folder", "args": {"path": "p", "size": 4}}, "size is 4"),
    ({"dataset": "npz", "args": {"path": "p"}}, "no size")])
def test_a_prepared_size_that_does_not_fit_is_refused(section, words, tmp_path):
    with pytest.raises(DatasetError, match=words):
        arguments({**section, "prepared_size": [8, 8]}, tmp_path)
    fits = arguments({"dataset": "image_folder", "args": {"size": [8, 8]}, "prepared_size": [8, 8]}, tmp_path)
    assert fits["size"] == [8, 8]


@pytest.mark.parametrize("encoded", [False, True])
def test_pictures_and_masks_in_shards_are_published_whole_and_read_cropped(tmp_path, encoded):
    for part in ("train", "validation", "test"):
        for folder in ("images", "masks"):
            (tmp_path / "p" / part / folder).mkdir(parents=True)
        for index in range(4):
            Image.fromarray(RANDOM.randint(0, 256, WHOLE + (3,)).astype(np.uint8)).save(
                str(tmp_path / "p" / part / "images" / "{}.png".format(index)))
            Image.fromarray(RANDOM.randint(0, 2, WHOLE).astype(np.uint8)).save(
                str(tmp_path / "p" / part / "masks" / "{}.png".format(index)))
    out = tmp_path / "out"
    out.mkdir()
    with reading.into(str(out), lambda *_: None, ShardWriter(out, "decoder", [], encoded)):
        loaded = image_folder.load(str(tmp_path / "p"), WHOLE, masks=["no", "yes"], parts=("train",))
        prepared.write(out, crop.cropped(loaded, WHOLE, SIZE), "train")
    plain = image_folder.load(str(tmp_path / "p"), WHOLE, masks=["no", "yes"], parts=("train",)).parts["train"]
    part = prepared.read({"train": out}).parts["train"]
    assert isinstance(part.inputs["image"], Sharded) and part.inputs["image"].shape == (4, 6, 7, 3)
    ys, xs = slice(TOP, TOP + 6), slice(LEFT, LEFT + 7)
    for rows in (2, [3, 0], slice(1, 4), slice(None)):
        np.testing.assert_array_equal(part.inputs["image"][rows], plain.inputs["image"][rows][..., ys, xs, :])
        np.testing.assert_array_equal(part.targets["mask"][rows], plain.targets["mask"][rows][..., ys, xs])
    np.testing.assert_array_equal(np.asarray(part.inputs["image"]), plain.inputs["image"][:, ys, xs])
    np.testing.assert_array_equal(part.uncropped.inputs["image"][:], plain.inputs["image"])
