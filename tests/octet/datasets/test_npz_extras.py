"""Boxes, keypoints and other extras in arrays."""

import numpy as np
import pytest

from octet.data.dataset import PARTS
from octet.datasets import npz
from octet.errors import DatasetError

NAN = np.nan
BOXES = np.array([[[0, 0, 4, 4], [1, 1, 2, 3]], [[2, 2, 3, 3], [NAN] * 4], [[NAN] * 4, [NAN] * 4]] * 10, np.float32)
EXTRAS = {"box": {"array": "boxes", "kind": "boxes"}, "eyes": {"array": "eyes", "kind": "keypoints"},
          "kind": {"array": "kind", "kind": "array", "placeless": True}, "depth": {"array": "depth", "kind": "mask"}}
ARGS = {"inputs": {"image": {"array": "x"}}, "targets": {"grid": {"kind": "raw", "shape": [2, 5]}}}


def content(**changes):
    random = np.random.RandomState(1)
    found = {"x": random.randint(0, 256, (30, 6, 6, 3)).astype(np.uint8), "boxes": BOXES,
             "eyes": random.random_sample((30, 2, 2)), "kind": np.arange(30).reshape(30, 1),
             "depth": random.randint(0, 9, (30, 6, 6))}
    return {**found, **changes}


def save(tmp_path, arrays):
    path = str(tmp_path / "d.npz")
    np.savez(path, **{name + "_" + part: array for name, array in arrays.items() for part in PARTS})
    return path


def load(tmp_path, changes=(), extras=EXTRAS, **others):
    return npz.load(save(tmp_path, content(**dict(changes))), extras=extras, **ARGS, **others)


def test_nan_is_padding_and_the_number_of_boxes_is_counted(tmp_path):
    found = load(tmp_path)
    part = found.parts["test"]
    assert found.targets["grid"].kind == "raw" and part.targets["grid"].shape == (30, 0)
    assert part.extras["box_count"][:3].tolist() == [2, 1, 0]
    np.testing.assert_array_equal(part.extras["box"], np.nan_to_num(BOXES))
    assert {name: (extra.kind, extra.shape, extra.dtype) for name, extra in found.extras.items()} == {
        "box": ("boxes", (2, 4), "float32"), "eyes": ("keypoints", (2, 2), "float32"),
        "kind": ("array", (1,), "int32"), "depth": ("mask", (6, 6), "float32")}
    np.testing.assert_array_equal(part.extras["depth"], content()["depth"])


def test_an_array_of_counts_says_how_many_boxes_there_are(tmp_path):
    counted = {"box": {"array": "boxes", "kind": "boxes", "count": "n"}}
    boxes = np.nan_to_num(BOXES)
    part = load(tmp_path, {"boxes": boxes, "n": np.array([2, 1, 0] * 10)}, counted).parts["train"]
    assert part.extras["box_count"].tolist() == [2, 1, 0] * 10
    np.testing.assert_array_equal(part.extras["box"], boxes)
    for wrong in (np.full(30, 3), np.full(29, 1), np.full(30, 1.0)):
        with pytest.raises(DatasetError, match="n_.* is .*of shape"):
            load(tmp_path, {"boxes": boxes, "n": wrong}, counted)


def test_extras_follow_their_samples_into_parts_that_are_held_out_and_into_subsets(tmp_path):
    path = str(tmp_path / "one.npz")
    marked = content()
    marked["x"][:, 0, 0, 0] = np.arange(30)
    np.savez(path, **marked)
    found = npz.load(path, split={"validation": 0.2, "test": 0.2}, extras=EXTRAS, **ARGS)
    few = npz.load(path, split={"validation": 0.2, "test": 0.2}, extras=EXTRAS, samples=2, **ARGS)
    for dataset in (found, few):
        for part in dataset.parts.values():
            rows = part.inputs["image"][:, 0, 0, 0]
            np.testing.assert_array_equal(part.extras["kind"][:, 0], rows)
            np.testing.assert_array_equal(part.extras["box"], np.nan_to_num(BOXES)[rows])
    assert sum(map(len, found.parts.values())) == 30 and len(few.parts["train"]) == 2


def test_a_changed_box_changes_the_digest(tmp_path):
    before = npz.digest("test", save(tmp_path, content()), extras=EXTRAS, **ARGS)
    boxes = BOXES.copy()
    boxes[0, 0, 3] = 5
    assert npz.digest("test", save(tmp_path, content(boxes=boxes)), extras=EXTRAS, **ARGS) != before


def changed(place, value):
    boxes = BOXES.copy()
    boxes[place] = value
    return {"boxes": boxes}


@pytest.mark.parametrize("changes, words", [
    (changed((0, 0), NAN), "box behind padding"),
    (changed((0, 1, 2), NAN), "has NaN"), (changed((0, 0), [4, 4, 1, 1]), "y0 <= y1|is \\[4"),
    ({"boxes": BOXES[..., :2]}, "not numbers of shape \\[N, n, 4\\]"),
    ({"eyes": np.zeros((30, 4))}, "not numbers of shape \\[N, n, 2\\]"),
    ({"eyes": np.full((30, 2, 2), NAN)}, "nan"), ({"eyes": np.zeros((29, 2, 2))}, "29"),
    ({"kind": np.array(["a"] * 30)}, "not numbers"), ({"kind": np.full((30, 1), 2 ** 40)}, "outside of int32"),
    ({"depth": np.zeros((30, 5, 6), int)}, "depth")])
def test_wrong_arrays_are_refused(tmp_path, changes, words):
    with pytest.raises(DatasetError, match=words):
        load(tmp_path, changes)


@pytest.mark.parametrize("extras, words", [
    ({"box": {"array": "boxes", "kind": "box"}}, "expected one of mask, boxes"),
    ({"eyes": {"array": "eyes", "kind": "keypoints", "count": "n"}}, "count is for kind boxes"),
    ({"kind": {"array": "kind", "kind": "array", "placeless": 1}}, "expected true or false"),
    ({"box": {"kind": "boxes"}}, "expected the name of an array"), ({"box": {"array": "bxs", "kind": "boxes"}}, "bxs")])
def test_wrong_settings_are_refused(tmp_path, extras, words):
    with pytest.raises(DatasetError, match=words):
        load(tmp_path, extras=extras)


def test_a_raw_target_needs_its_shape(tmp_path):
    with pytest.raises(DatasetError, match="shape is None"):
        npz.load(save(tmp_path, content()), inputs=ARGS["inputs"], targets={"grid": {"kind": "raw"}})
