import numpy as np
import pytest
import yaml
from PIL import Image

from octet import recipe_draft
from octet.data.dataset import PARTS
from octet.datasets import image_folder, npz, table
from tests.octet.datasets.samples import arrays, floats, pictures, refusal, save


def loaded(path, module):
    """The dataset of the recipe drafted for `path`, and the recipe."""
    sections = yaml.safe_load(recipe_draft.recipe(recipe_draft.of(path), path))
    return module.load(**sections["data"]["args"]), sections


def test_a_folder_of_pictures_is_drafted_with_its_size_and_what_it_lacks(tmp_path):
    data, recipe = loaded(pictures(tmp_path), image_folder)
    assert data.inputs["image"].shape == (8, 8, 3) and len(data.parts["validation"]) == 2
    assert recipe["data"]["args"]["split"] == {"validation": 0.1} and recipe["model"]["build"] == "lenet"


def test_masks_are_drafted_with_as_many_classes_and_what_is_unknown(tmp_path):
    for part in PARTS:
        for folder in ("images", "masks"):
            (tmp_path / part / folder).mkdir(parents=True)
        for index in range(2):
            mask = np.arange(256).reshape(16, 16) % 3
            mask[0] = 255
            Image.fromarray(mask.astype(np.uint8)).save(str(tmp_path / part / "masks" / "{}.png".format(index)))
            Image.new("L", (16, 16), index).save(str(tmp_path / part / "images" / "{}.png".format(index)))
    data, recipe = loaded(str(tmp_path), image_folder)
    assert len(data.targets["mask"].classes) == 3 and data.targets["mask"].ignore == 255
    assert data.inputs["image"].shape == (16, 16, 1) and recipe["model"]["build"] == "unet"


def segmented(folder, high, names=("images", "masks"), mode="L"):
    """Pictures with masks of 0 and `high`."""
    for name in names:
        (folder / name).mkdir(parents=True)
    for index in range(20):
        mask = np.zeros((16, 16), np.uint8)
        mask[index % 10:, 8:] = high
        Image.fromarray(mask).convert(mode).save(str(folder / names[1] / "{}.png".format(index)))
        Image.new("L", (16, 16), index).save(str(folder / names[0] / "{}.png".format(index)))


def test_masks_of_0_and_255_are_drafted_with_two_classes_and_the_advice_helps(tmp_path):
    segmented(tmp_path / "a" / "train", 255)
    draft = recipe_draft.of(str(tmp_path / "a"))
    assert draft.args["masks"] == ["class0", "class1"] and "ignore" not in draft.args
    assert any("Save masks with 1 in place of 255" in remark for remark in draft.remarks)
    assert "Save masks with 1 in place of 255" in refusal(image_folder.load, str(tmp_path / "a"), **draft.args)
    segmented(tmp_path / "b" / "train", 1)
    data, _ = loaded(str(tmp_path / "b"), image_folder)
    assert len(data.targets["mask"].classes) == 2 and data.parts["train"].targets["mask"].max() == 1


def test_masks_that_are_no_indices_are_reported(tmp_path):
    segmented(tmp_path / "a" / "train", 255, mode="RGB")
    draft = recipe_draft.of(str(tmp_path / "a"))
    assert any("RGB" in remark for remark in draft.remarks) and "in place of" not in "".join(draft.remarks)
    refusal(image_folder.load, str(tmp_path / "a"), **draft.args)


@pytest.mark.parametrize("names", [("images", "masks"), ("Images", "labels"), ("img", "annotations")])
@pytest.mark.parametrize("part", ["", "train"])
def test_pictures_and_masks_in_other_folders_are_no_classes(tmp_path, names, part):
    if part and names == ("images", "masks"):
        pytest.skip("these are the right names")
    segmented(tmp_path / "a" / part, 1, names)
    said = refusal(recipe_draft.of, str(tmp_path / "a"))
    assert "train/images/" in said and "train/masks/" in said
    (tmp_path / "b" / "train").mkdir(parents=True)
    for name, right in zip(names, ("images", "masks")):
        (tmp_path / "a" / part / name).rename(tmp_path / "b" / "train" / right)
    data, _ = loaded(str(tmp_path / "b"), image_folder)
    assert data.targets["mask"].kind == "class_map"


@pytest.mark.parametrize("content, kind", [
    (arrays(), "class"), (floats(), "class"),
    (dict(floats(), x_train=floats()["x_train"] * 1000, x_test=floats()["x_test"] * 1000), "class"),
    (dict(arrays(), y_train=np.array(["a", "b"])[arrays()["y_train"]], y_test=np.array(["a", "b"] * 3)), "class"),
    (dict(arrays(), y_train=np.random.RandomState(0).randint(0, 2, (20, 3)), y_test=np.ones((6, 3), int)), "labels"),
    (dict(arrays(), y_train=np.random.rand(20, 2), y_test=np.random.rand(6, 2)), "value"),
    ({name[0]: array for name, array in arrays().items() if "train" in name}, "class")])
def test_arrays_are_drafted_by_what_they_hold(tmp_path, content, kind):
    data, recipe = loaded(save(tmp_path, content), npz)
    assert data.targets["y"].kind == kind and list(data.inputs) == ["x"]


def test_a_network_is_drafted_where_none_of_ours_is_for_the_target(tmp_path):
    assert recipe_draft.network(recipe_draft.of(save(tmp_path, arrays()))) is None
    text = recipe_draft.network(recipe_draft.of(save(tmp_path, dict(arrays(), y_train=np.random.rand(20, 2),
                                                      y_test=np.random.rand(6, 2)))))
    assert "layers.Dense(classes[-1])" in text
    compile(text, "net.py", "exec")


def test_a_path_without_data_is_reported(tmp_path):
    assert "no data of a known kind" in refusal(recipe_draft.of, str(tmp_path / "none"))
    assert "cannot tell inputs from targets" in refusal(recipe_draft.of, save(tmp_path, {"a": np.zeros((3, 2))}))
    (tmp_path / "empty").mkdir()
    assert "the folder is empty" in refusal(recipe_draft.of, str(tmp_path / "empty"))


def test_a_table_is_drafted_by_what_its_columns_hold(tmp_path):
    rows = ["rpm,volts,state"] + ["{},{},{}".format(100 + index, index / 7, ("idle", "load")[index % 2])
                                  for index in range(30)]
    (tmp_path / "engine.csv").write_text("\n".join(rows))
    data, recipe = loaded(str(tmp_path / "engine.csv"), table)
    assert recipe["data"]["args"]["features"] == ["rpm", "volts"] and list(data.targets) == ["label"]
    rows = ["file,breed,part"] + ["{}.png,{},{}".format(index, ("pug", "boxer")[index % 2], PARTS[index // 2 % 3])
                                  for index in range(12)]
    (tmp_path / "dogs.csv").write_text("\n".join(rows))
    for index in range(12):
        Image.new("RGB", (16, 24), (index, 0, 0)).save(str(tmp_path / "{}.png".format(index)))
    data, recipe = loaded(str(tmp_path / "dogs.csv"), table)
    assert recipe["data"]["args"]["label"] == "breed" and data.inputs["image"].shape == (16, 16, 3)
    assert [len(data.parts[part]) for part in PARTS] == [4, 4, 4]
