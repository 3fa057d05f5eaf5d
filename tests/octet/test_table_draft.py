"""What `octet new` proposes for tables whose columns can be mistaken for each other."""

import numpy as np
import pytest
import yaml

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


@pytest.mark.parametrize("columns, target, words", [
    ({"outdoor_temp": fractions(), "fan": fractions(1), "label": among("a", "b")},
     {"features": ["outdoor_temp", "fan"], "label": "label"}, []),
    ({"rpm": fractions(), "out_temp": fractions(1), "label": among("a", "b")},
     {"features": ["rpm"], "label": "label"}, ["could also be out_temp", "Not read: out_temp"]),
    ({"rpm": fractions(), "camera": among("left", "right"), "species": among("cat", "cow", "dog")},
     {"features": ["rpm"], "label": "camera"}, ["guessed: the label is camera; it could also be species"]),
    ({"rooms": fractions(), "target": np.arange(LINES) * 977},
     {"features": ["rooms"], "value": ["target"]}, ["guessed", "label: target"]),
], ids=["a prefix", "a part of a name", "two of words", "prices"])
def test_the_target_is_chosen_by_its_whole_name_and_guesses_are_said(tmp_path, columns, target, words):
    args, remarks, path = drafted(tmp_path, columns)
    assert args == target
    assert all(word in remarks for word in words), remarks
    assert words or "guessed" not in remarks
    table.load(path, **args)


@pytest.mark.parametrize("name", ["part", "split", "usage"])
def test_a_column_of_parts_is_drafted_and_other_names_of_parts_are_corrected_by_the_user(tmp_path, name):
    args, _, path = drafted(tmp_path, {"a": fractions(), "label": among("x", "y"),
                                       name: among(*["train"] * 5, *["Validation"] * 2, *["test"] * 3)})
    assert args == {"features": ["a"], "label": "label", "part": name}
    assert "Write validation" in refusal(table.load, path, **args)
    with open(path) as file:
        text = file.read().replace("Validation", "validation")
    with open(path, "w") as file:
        file.write(text)
    assert [len(table.load(path, **args).parts[part]) for part in PARTS] == [20, 8, 12]


@pytest.mark.parametrize("values", [("train", "val", "test"), ("Train", "Test"), ("training", "dev")])
def test_the_usual_names_of_parts_are_known(tmp_path, values):
    assert drafted(tmp_path, {"a": fractions(), "label": among("x", "y"), "fold": among(*values)})[0]["part"] == "fold"


def test_a_feature_with_an_empty_cell_is_named(tmp_path):
    gap = list(fractions(1))
    gap[5] = ""
    args, remarks, path = drafted(tmp_path, {"a": fractions(), "b": gap, "label": among("x", "y")})
    assert args == {"features": ["a"], "label": "label"}
    assert "Not read: b. Features are numbers in every line" in remarks
    table.load(path, **args)
