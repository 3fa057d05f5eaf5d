"""A path in a recipe that leads to another kind of file than the dataset reads: the kind is named."""

import os

import pytest

from octet.datasets import image_folder, npz, table, tfrecord
from octet.errors import DatasetError


def _file(path):
    path.write_text("text")


def _folder(path):
    path.mkdir()


def _fifo(path):
    os.mkfifo(str(path))


@pytest.mark.parametrize("make, source, said", [
    (_fifo, "tfrecord", "it is a fifo, not a file or folder"), (_fifo, "table", "it is a fifo, not a file"),
    (_fifo, "npz", "it is a fifo, not a file"), (_fifo, "image_folder", "it is a fifo, not a folder"),
    (_folder, "table", "it is a folder, not a file"), (_file, "image_folder", "it is a file, not a folder"),
    (None, "tfrecord", "no such file or folder"), (None, "table", "no such file"), (None, "npz", "no such file"),
    (None, "image_folder", "no such folder")])
def test_the_kind_of_the_path_is_said(make, source, said, tmp_path):
    path = tmp_path / "data"
    if make:
        make(path)
    load, args = {"tfrecord": (tfrecord.load, {"numbers": "x", "label": "y"}),
                  "table": (table.load, {"features": ["x", "z"], "label": "y"}), "npz": (npz.load, {}),
                  "image_folder": (image_folder.load, {"size": [4, 4]})}[source]
    with pytest.raises(DatasetError) as error:
        load(str(path), **args)
    assert (error.value.what, error.value.where) == (said, str(path))
    assert error.value.next_step == "Check data.args.path in the recipe."


def test_the_kind_of_a_picture_that_a_table_names_is_said(tmp_path):
    (tmp_path / "t.csv").write_text("photo,kind\na.png,x\nb.png,y\n")
    os.mkfifo(str(tmp_path / "a.png"))
    with pytest.raises(DatasetError) as error:
        table.load(str(tmp_path / "t.csv"), file="photo", label="kind", size=[4, 4])
    assert error.value.what == "a.png is a fifo, not a file"
