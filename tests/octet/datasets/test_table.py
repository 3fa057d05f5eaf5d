import os

import numpy as np
import pytest
from PIL import Image

from octet.data import summary
from octet.data.dataset import PARTS
from octet.datasets import table
from tests.octet.datasets.samples import refusal

HEAD = "rpm,volts,state,part"
FEATURES = {"features": ["rpm", "volts"], "label": "state", "part": "part"}


def lines(*more, head=HEAD, count=12, separator=","):
    """A table of features: each part has both states."""
    rows = ["{},{},{},{}".format(1000 + 100 * index, index / 7, ("idle", "load")[index % 2], PARTS[index // 2 % 3])
            for index in range(count)]
    return "\n".join([head] + rows + list(more)).replace(",", separator) + "\n"


def written(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return str(path)


def test_columns_of_unlike_scales_each_reach_over_all_codes(tmp_path):
    data = table.load(written(tmp_path, lines()), **FEATURES)
    assert data.inputs["features"].shape == (2,) and list(data.targets["label"].classes) == ["idle", "load"]
    assert [len(data.parts[part]) for part in PARTS] == [4, 4, 4]
    train = data.parts["train"].inputs["features"]
    assert train.min(0).tolist() == [0, 0] and train.max(0).tolist() == [255, 255]
    notes = summary.notes(data)
    assert any("rpm from [1000, 1700]" in note for note in notes)  # rows 0, 1, 6 and 7
    assert any("of test.features lie outside [0, 1] and are clipped" in note for note in notes)


@pytest.mark.parametrize("text, name", [
    (lines(separator="\t"), "table.tsv"), ("\ufeff" + lines(), "table.csv"),
    (lines().replace("\n", "\r\n"), "table.csv"),
    (lines() + "\n , , ,\n", "table.csv"), (lines().replace("idle", '"idle"'), "table.csv")],
    ids=["tabs", "byte order mark", "Windows", "empty lines", "quotes"])
def test_tables_as_other_programs_write_them_are_the_same(tmp_path, text, name):
    plain = table.load(written(tmp_path, lines(), "plain.csv"), **FEATURES)
    data = table.load(written(tmp_path, text, name), **FEATURES)
    for part in PARTS:
        assert np.array_equal(data.parts[part].inputs["features"], plain.parts[part].inputs["features"])
        assert np.array_equal(data.parts[part].targets["label"], plain.parts[part].targets["label"])


@pytest.mark.parametrize("text, args, words", [
    (lines(separator=";"), {}, "its first line has 1 column: 'rpm;volts;state;part'"),
    (lines("1,5;2,idle,train"), {}, "table.csv:14  the column 'volts' holds '5;2', which is no finite number"),
    (lines("1,0,2,idle,train"), {}, "table.csv:14  the line has 5 cells, but there are 4 columns"),
    (lines("1,,idle,train"), {}, "table.csv:14  the column 'volts' holds ''"),
    (lines("NaN,1,idle,train"), {}, "table.csv:14  the column 'rpm' holds 'NaN'"),
    (lines("inf,1,idle,train"), {}, "the column 'rpm' holds 'inf', which is no finite number"),
    (lines("1,1,idle,val"), {}, "the column 'part' has 'val'"),
    (lines("1,1,idle,Train"), {}, "the column 'part' has 'Train'"),
    (lines(head="rpm,rpm,state,part"), {}, "two columns have the name 'rpm'"),
    (lines(), {"label": "status"}, "there is no column 'status'"),
    (lines(), {"features": ["rpm", "part"]}, "the column 'part' holds 'train', which is no finite number"),
    (lines(), {"label": None}, "none of label, labels or value is named"),
    (lines(), {"file": "rpm"}, "file and features of file or features is named"),
    (lines(count=0), {}, "the table has no training samples"),
    (lines(count=4), {}, "no training sample"),
    (lines().encode("utf-16"), {}, "not a readable table"),
    (lines().replace("idle", "leer\xfc").encode("latin-1"), {}, "Save it again as CSV in UTF-8"),
    (lines("1,1,\"idle,train"), {}, "not a readable table"),
    (lines(), {"features": ["rpm"], "labels": ["volts"], "label": None},
     "Correct that label; for real numbers, use kind: value"),
], ids=lambda value: value if isinstance(value, str) and "\n" not in value else "")
def test_what_is_wrong_with_a_table_is_named_with_its_line(tmp_path, text, args, words):
    if words == "no training sample":  # of a class, where only the test part has it
        text = text + "1,2,broken,test\n2,3,broken,test\n" + lines().split("\n", 1)[1]
    assert words in refusal(table.load, written(tmp_path, text), **dict(FEATURES, **args))


def test_unread_columns_are_reported(tmp_path):
    data = table.load(written(tmp_path, lines()), features=["rpm"], label="state", part="part")
    assert "columns that are not read: volts" in data.notes


def test_a_table_without_parts_is_split_of_each_class(tmp_path):
    data = table.load(written(tmp_path, lines(count=40)), features=["rpm", "volts"], label="state")
    assert [len(data.parts[part]) for part in PARTS] == [32, 4, 4]
    assert sorted(data.parts["test"].targets["label"]) == [0, 0, 1, 1]


def test_values_are_scaled_by_column_and_keep_their_ends(tmp_path):
    data = table.load(written(tmp_path, lines()), features=["rpm", "volts"], value=["rpm", "volts"],
                      part="part")
    assert data.targets["value"].columns[0] == (1000.0, 1700.0)
    assert data.parts["train"].targets["value"].max(0).tolist() == [1, 1]


def photos(tmp_path, count=12):
    (tmp_path / "photos").mkdir()
    rows = ["file,breed,part"]
    for index in range(count):
        Image.new("RGB", (6, 8), (20 * index, 0, 0)).save(str(tmp_path / "photos" / "{}.png".format(index)))
        rows.append("{}.png,{},{}".format(index, ("pug", "boxer")[index % 2], PARTS[index // 2 % 3]))
    return written(tmp_path, "\n".join(rows)), {"file": "file", "label": "breed", "part": "part", "size": [8, 6],
                                                "folder": "photos"}


def test_pictures_are_those_that_the_table_names(tmp_path):
    path, args = photos(tmp_path)
    data = table.load(path, **args)
    assert data.parts["test"].inputs["image"][:, 0, 0, 0].tolist() == [80, 100, 200, 220]
    classes = data.targets["label"].classes
    assert [classes[label] for label in data.parts["test"].targets["label"]] == ["pug", "boxer"] * 2
    before = [table.digest(part, path, **args) for part in PARTS]
    Image.new("RGB", (6, 8)).save(str(tmp_path / "photos" / "4.png"))
    assert [table.digest(part, path, **args) == old for part, old in zip(PARTS, before)] == [True, True, False]


def test_one_changed_test_label_changes_only_the_test_digest(tmp_path):
    path = written(tmp_path, lines())
    before = [table.digest(part, path, **FEATURES) for part in PARTS]
    written(tmp_path, lines().replace("0.5714285714285714,idle", "0.5714285714285714,load"))
    assert [table.digest(part, path, **FEATURES) == old for part, old in zip(PARTS, before)] == [True, True, False]
    written(tmp_path, lines().replace("1000,0.0", "900,0.0"))  # the columns' scale is the train part's
    assert not any(table.digest(part, path, **FEATURES) == old for part, old in zip(PARTS, before))


def test_a_picture_that_is_not_there_or_broken_is_named_with_its_line(tmp_path):
    path, args = photos(tmp_path)
    os.remove(str(tmp_path / "photos" / "3.png"))
    for call in (table.load, lambda path, **args: table.digest("validation", path, **args)):
        assert "table.csv:5  there is no file 3.png" in refusal(call, path, **args)
    (tmp_path / "photos" / "3.png").write_bytes(b"text")
    assert "photos/3.png  not a readable picture" in refusal(table.load, path, **args)
    data = table.load(path, skip_unreadable=True, **args)
    assert len(data.parts["validation"]) == len(data.parts["validation"].targets["label"]) == 3
    assert any("skipped: 3.png" in note for note in data.notes)
