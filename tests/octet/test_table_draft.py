"""What `octet new` proposes for tables whose columns can be mistaken for each other."""

import os

import numpy as np
import pytest
import yaml
from PIL import Image

from octet import recipe_draft
from octet.data.dataset import PARTS
from octet.datasets import table
from tests.octet.datasets.samples import refusal

LINES = 40


def written(folder, columns):
    """The path of a table with these columns."""
    rows = [",".join(columns)] + [",".join(str(cell) for cell in row) for row in zip(*columns.values())]
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    return str(folder / "table.csv")


def drafted(folder, columns):
    """(the arguments of the recipe without the path, the remarks as one text, the path)."""
    path = written(folder, columns)
    draft = recipe_draft.of(path)
    args = yaml.safe_load(recipe_draft.recipe(draft, path))["data"]["args"]
    assert args.pop("path") == path
    return args, "\n".join(draft.remarks), path


def fractions(seed=0):
    return np.random.RandomState(seed).rand(LINES).round(4)


def among(*values):
    return [values[index % len(values)] for index in range(LINES)]


def photos(folder, below=""):
    """The names of small pictures, one for each line, in a folder below `folder`."""
    (folder / below).mkdir(exist_ok=True, parents=True)
    for index in range(LINES):
        Image.new("RGB", (16, 16), (index, 0, 0)).save(str(folder / below / "{}.png".format(index)))
    return ["{}.png".format(index) for index in range(LINES)]


@pytest.mark.parametrize("columns, target, words", [
    ({"outdoor_temp": fractions(), "fan": fractions(1), "label": among("a", "b")},
     {"features": ["outdoor_temp", "fan"], "label": "label"}, []),
    ({"rpm": fractions(), "out_temp": fractions(1), "label": among("a", "b")},
     {"features": ["rpm"], "label": "label"}, ["could also be out_temp", "Not read: out_temp"]),
    ({"rpm": fractions(), "camera": among("left", "right"), "species": among("cat", "cow", "dog")},
     {"features": ["rpm"], "label": "camera"}, ["guessed: the label is camera; it could also be species"]),
    ({"rooms": fractions(), "target": np.arange(LINES) * 977},
     {"features": ["rooms"], "value": ["target"]}, ["guessed", "label: target"]),
    ({"rooms": fractions(), "target": among(*range(12))},
     {"features": ["rooms"], "label": "target"}, ["12 different whole numbers", "value: [target]"]),
    ({"rpm": fractions(), "target_x": fractions(1), "target_y": fractions(2)},
     {"features": ["rpm"], "value": ["target_x", "target_y"]}, ["guessed: the targets are target_x, target_y"]),
], ids=["a prefix", "a part of a name", "two of words", "prices", "ages", "two values"])
def test_the_target_is_chosen_by_its_whole_name_and_guesses_are_said(tmp_path, columns, target, words):
    args, remarks, path = drafted(tmp_path, columns)
    assert args == target
    assert all(word in remarks for word in words), remarks
    assert words or "guessed" not in remarks
    table.load(path, **args)


@pytest.mark.parametrize("name", ["part", "split", "usage"])
def test_a_column_of_parts_is_drafted_and_other_names_of_parts_are_corrected_by_the_user(tmp_path, name):
    args, remarks, path = drafted(tmp_path, {"a": fractions(), "label": among("x", "y"),
                                             name: among(*["train"] * 5, *["Validation"] * 2, *["test"] * 3)})
    assert args == {"features": ["a"], "label": "label", "part": name}
    assert "Validation" in remarks and "validation" in remarks
    assert "Write validation" in refusal(table.load, path, **args)
    with open(path) as file:
        text = file.read().replace("Validation", "validation")
    with open(path, "w") as file:
        file.write(text)
    assert [len(table.load(path, **args).parts[part]) for part in PARTS] == [20, 8, 12]


@pytest.mark.parametrize("values", [("train", "val", "test"), ("Train", "Test"), ("training", "dev")])
def test_the_usual_names_of_parts_are_known(tmp_path, values):
    assert drafted(tmp_path, {"a": fractions(), "label": among("x", "y"), "fold": among(*values)})[0]["part"] == "fold"


def test_columns_that_are_not_used_are_named_with_their_reason(tmp_path):
    gap = list(fractions(1))
    gap[5] = ""
    words = list(fractions(2))
    words[6] = "off"
    args, remarks, path = drafted(tmp_path, {
        "id": range(LINES), "a": fractions(), "b": gap, "c": words, "d": [5] * LINES, "city": among("Rome"),
        "label": among("x", "y")})
    assert args == {"features": ["a"], "label": "label"}
    for said in ("b has an empty cell in line 7", "c has 'off' in line 8", "d is 5 in every line",
                 "id numbers the lines", "city"):
        assert said in remarks, remarks
    table.load(path, **args)


@pytest.mark.parametrize("below", ["images", os.path.join("images", "all")])
def test_pictures_in_a_folder_beside_the_table_are_found(tmp_path, below):
    args, _, path = drafted(tmp_path, {"id": photos(tmp_path, below), "label": among("x", "y")})
    assert args["file"] == "id" and args["folder"] == below and args["size"] == [16, 16]
    assert len(table.load(path, **args).parts["train"]) == 32


def test_a_missing_picture_is_named_and_the_others_are_used(tmp_path):
    columns = {"photo": photos(tmp_path), "label": among("x", "y")}
    os.remove(str(tmp_path / "3.png"))
    args, remarks, path = drafted(tmp_path, columns)
    assert args["file"] == "photo" and "there is no file 3.png (line 5)" in remarks
    assert "there is no file 3.png" in refusal(table.load, path, **args)
    for name in columns["photo"]:
        if os.path.exists(str(tmp_path / name)):
            os.remove(str(tmp_path / name))
    assert "there is no file 0.png" in refusal(recipe_draft.of, path)


def test_names_of_pictures_without_their_ending_get_it(tmp_path):
    names = [name[:-len(".png")] for name in photos(tmp_path, "images")]
    args, _, path = drafted(tmp_path, {"id": names, "breed": among("x", "y")})
    assert (args["file"], args["folder"], args["ending"], args["label"]) == ("id", "images", ".png", "breed")
    assert len(table.load(path, **args).parts["train"]) == 32
    (tmp_path / "images" / "7.png").rename(tmp_path / "images" / "7.jpg")
    assert "there is no file 7.png" in refusal(table.load, path, **args)
    assert "Write ending: .jpg" in refusal(table.load, path, **dict(args, ending=3))


def test_columns_of_0_and_1_beside_pictures_are_labels(tmp_path):
    columns = {"photo": photos(tmp_path), "day": among(0, 1), "rain": among(0, 0, 1)}
    args, remarks, path = drafted(tmp_path, columns)
    assert args["labels"] == ["day", "rain"] and "guessed" in remarks
    assert table.load(path, **args).targets["labels"].kind == "labels"
    columns.update(day=among(0, 1), rain=among(1, 0))
    assert "one-hot" in refusal(recipe_draft.of, written(tmp_path, columns))


def test_coordinates_beside_pictures_are_values(tmp_path):
    args, remarks, path = drafted(tmp_path, {"photo": photos(tmp_path), "x": fractions(), "y": fractions(1)})
    assert args["value"] == ["x", "y"] and "guessed" in remarks
    assert table.load(path, **args).targets["value"].shape == (2,)


def test_a_table_without_a_target_is_refused_with_what_its_columns_are(tmp_path):
    said = refusal(recipe_draft.of, written(tmp_path, {"a": fractions(), "day": among(0, 1), "rain": among(0, 0, 1)}))
    assert "day, rain" in said and "labels" in said
    assert "no input" in refusal(recipe_draft.of, written(tmp_path, {"name": among("u", "v"), "label": among(0, 1)}))


def test_a_text_with_an_underscore_is_no_number(tmp_path):
    args, remarks, path = drafted(tmp_path, {
        "a": fractions(), "b": ["2024_{:02d}".format(index) for index in range(LINES)], "label": among("x", "y")})
    assert args["features"] == ["a"] and "Not read: b" in remarks
    assert "'2024_00', which is no finite number" in refusal(table.load, path, **dict(args, features=["a", "b"]))


def test_a_first_line_of_numbers_is_not_read_as_names(tmp_path):
    rows = ["{},{},{}".format(index / 7, index, "ab"[index % 2]) for index in range(LINES)]
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    assert "the first line holds numbers" in refusal(recipe_draft.of, str(tmp_path / "table.csv"))
    (tmp_path / "table.csv").write_text("\n".join(["a,b,label"] + rows) + "\n")  # as the error says
    assert recipe_draft.of(str(tmp_path / "table.csv")).args["label"] == "label"
