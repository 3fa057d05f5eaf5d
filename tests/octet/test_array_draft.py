"""What `octet new` proposes for arrays that are stored in unusual ways."""

import numpy as np
import pytest
import yaml

from octet import recipe_draft
from octet.datasets import npz
from tests.octet.datasets.samples import refusal, save

COUNT = 40
LABELS = np.arange(COUNT) % 4
IMAGES = np.random.RandomState(0).randint(0, 256, (COUNT, 4, 4, 1)).astype(np.uint8)


def drafted(tmp_path, **content):
    """(the arguments of the recipe without the path, the remarks as one text, the path)."""
    path = save(tmp_path, dict({"x": IMAGES}, **content))
    draft = recipe_draft.of(path)
    args = yaml.safe_load(recipe_draft.recipe(draft, path))["data"]["args"]
    assert args.pop("path") == path
    return args, "\n".join(draft.remarks), path


@pytest.mark.parametrize("labels, advice, corrected", [
    (np.eye(4, dtype=np.float32)[LABELS], "It is one-hot: save y.argmax(1)", LABELS),
    (np.eye(4, dtype=int)[LABELS], "It is one-hot: save y.argmax(1)", LABELS),
    (LABELS.astype(np.float32), "They are integers: save y.astype('int32')", LABELS),
    (LABELS.astype(np.float32)[:, None], "They are integers: save y.astype('int32')", LABELS),
], ids=["one-hot", "one-hot integers", "floats", "a column of floats"])
def test_labels_stored_as_floats_or_one_hot_are_reported_and_the_advice_helps(tmp_path, labels, advice, corrected):
    args, remarks, path = drafted(tmp_path, y=labels)
    assert args["targets"]["y"] == {"array": "y", "kind": "class"} and advice in remarks
    assert "integers of shape [N]" in refusal(npz.load, path, **args)
    args, remarks, path = drafted(tmp_path, y=corrected)
    assert len(npz.load(path, **args).targets["y"].classes) == 4 and "save" not in remarks


def test_one_hot_masks_are_reported(tmp_path):
    maps = np.eye(4)[np.tile(LABELS[:, None, None], (1, 4, 4))]
    args, remarks, path = drafted(tmp_path, mask=maps)
    assert args["targets"]["mask"]["kind"] == "class_map" and "save mask.argmax(3)" in remarks
    refusal(npz.load, path, **args)


@pytest.mark.parametrize("values, kind", [
    (np.random.RandomState(1).rand(COUNT), "value"), (np.arange(COUNT) * 977, "value"),
    (np.arange(COUNT) * 977.0, "value"), (LABELS > 1, "class"), (LABELS, "class"),
    (np.random.RandomState(0).randint(0, 2, (COUNT, 3)).astype(np.float32), "labels")],
    ids=["fractions", "whole numbers that differ", "whole floats that differ", "bool", "integers", "several"])
def test_numbers_are_drafted_by_how_much_they_repeat(tmp_path, values, kind):
    args, _, path = drafted(tmp_path, y=values)
    assert args["targets"]["y"]["kind"] == kind
    assert npz.load(path, **args).targets["y"].kind == kind


def test_arrays_without_the_name_of_a_target_are_named(tmp_path):
    args, remarks, path = drafted(tmp_path, y=LABELS, group=np.arange(COUNT) // 4, when=np.arange(COUNT) * 1.5,
                                  class_names=np.array(list("abcd")), version=np.array(3))
    assert list(args["targets"]) == ["y"] and list(args["inputs"]) == ["x"]
    assert "Not read: group, when" in remarks and "by: group, group: group" in remarks and "by: time" in remarks
    assert "Not read: class_names, version" in remarks
    npz.load(path, **args)
    args["split"].update({"by": "group", "group": "group"})  # as the remark says
    assert "held out of the training samples by group" in "\n".join(npz.load(path, **args).notes)


def test_an_only_candidate_is_the_target_and_of_several_the_others_are_named(tmp_path):
    args, remarks, _ = drafted(tmp_path, breed=LABELS)
    assert list(args["targets"]) == ["breed"] and "guessed: the target is breed." in remarks
    args, remarks, _ = drafted(tmp_path, breed=LABELS, camera=LABELS // 2)
    assert list(args["targets"]) == ["breed"]
    assert "guessed: the target is breed; it could also be camera" in remarks
    args, remarks, _ = drafted(tmp_path, out_temp=LABELS / 7, label=LABELS)
    assert list(args["targets"]) == ["label"] and "Not read: out_temp" in remarks


def test_masks_of_0_and_255_are_two_classes_and_the_advice_helps(tmp_path):
    masks = np.zeros((COUNT, 4, 4), np.uint8)
    masks[:, 1:3] = 255
    args, remarks, path = drafted(tmp_path, mask=masks)
    assert "ignore" not in args["targets"]["mask"] and "save masks with 1 in place of 255" in remarks
    refusal(npz.load, path, **args)
    args, remarks, path = drafted(tmp_path, mask=masks // 255)
    assert len(npz.load(path, **args).targets["mask"].classes) == 2 and "255" not in remarks
    masks[:, 2] = 1
    args, remarks, path = drafted(tmp_path, mask=masks)
    assert args["targets"]["mask"]["ignore"] == 255
    npz.load(path, **args)


@pytest.mark.parametrize("x", [np.full((COUNT, 3), np.nan), np.ones((COUNT, 3), np.complex64)], ids=["nan", "complex"])
def test_an_input_without_real_numbers_is_refused(x, tmp_path):
    said = refusal(recipe_draft.of, save(tmp_path, {"x": x, "y": LABELS}))
    assert "Save it as finite real numbers" in said
    assert recipe_draft.of(save(tmp_path, {"x": np.nan_to_num(x.real) + np.eye(COUNT, 3), "y": LABELS})).kinds == [
        "class"]
