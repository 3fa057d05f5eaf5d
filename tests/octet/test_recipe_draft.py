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
    assert "no pictures in train/" in refusal(recipe_draft.of, str(tmp_path / "empty"))


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
