"""A part with the same digest is published with the same bytes, whatever was edited in the other parts."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from octet.data import prepared
from octet.data.dataset import PARTS
from octet.datasets import image_folder, npz, table
from octet.errors import DatasetError
from tests.octet.datasets.samples import arrays, save, save_folder

ROWS = [(a, "xy"[a % 2], part) for part, count in (("train", 20), ("validation", 6), ("test", 6)) for a in range(count)]


def folders(tmp_path):
    rng = np.random.RandomState(1)
    for part in PARTS:
        for name in ("cat", "dog"):
            (tmp_path / "set" / part / name).mkdir(parents=True)
            for index in range(4):
                _picture(tmp_path / "set" / part / name / "{}.png".format(index), rng)
    return image_folder, {"path": str(tmp_path / "set"), "size": [4, 4]}


def _picture(path, rng=np.random):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(rng.randint(0, 256, (4, 4, 3)).astype(np.uint8)).save(str(path))


def lines(tmp_path, rows=ROWS):
    (tmp_path / "t.csv").write_text("a,kind,part\n" + "".join("{},{},{}\n".format(*row) for row in rows))
    return table, {"path": str(tmp_path / "t.csv"), "features": ["a"], "label": "kind", "part": "part"}


def named(kind="cat"):
    """Arrays of three parts with texts as labels. kind: the last label of the validation part."""
    found = arrays()
    found = {**found, "x_validation": found["x_test"], "y_validation": found["y_test"]}
    found = {name: np.array(["cat", "dog"])[array] if name[0] == "y" else array for name, array in found.items()}
    found["y_validation"] = np.append(found["y_validation"][:-1], kind)
    return found


def in_file(tmp_path, content=None):
    return npz, {"path": save(tmp_path, content or named())}


def in_files(tmp_path, content=None):
    return npz, {"path": save_folder(tmp_path, content or named())}


EDITS = {
    "a class in validation/ alone": (folders, lambda folder: _picture(folder / "set/validation/bird/0.png")),
    "a class in test/ alone": (folders, lambda folder: _picture(folder / "set/test/zebra/0.png")),
    "a class renamed in validation/ alone": (folders, lambda folder: os.rename(
        str(folder / "set/validation/cat"), str(folder / "set/validation/bird"))),
    "a class gone from test/": (folders, lambda folder: shutil.rmtree(str(folder / "set/test/dog"))),
    "a picture of test/ edited": (folders, lambda folder: _picture(folder / "set/test/dog/0.png")),
    "a class in the lines of one part alone": (lines, lambda folder: lines(
        folder, ROWS + [(3, "bird", "validation")])),
    "a class in an array of one part alone": (in_file, lambda folder: in_file(folder, named("bird"))),
    "a class in an .npy file of one part alone": (in_files, lambda folder: in_files(folder, named("bird"))),
}


def published(dataset, args, part, out):
    """{file: bytes} of the part as PrepareData publishes it; if it is refused, the first line of the error."""
    try:
        data = dataset.load(parts=(part,), **args)
    except DatasetError as error:
        return error.what
    out.mkdir(parents=True)
    prepared.write(out, data, part)
    return {file.name: file.read_bytes() for file in out.iterdir()}


@pytest.mark.parametrize("name", EDITS)
def test_a_part_with_the_same_digest_has_the_same_bytes(tmp_path, name):
    make, edit = EDITS[name]
    dataset, args = make(tmp_path)
    before = {part: dataset.digest(part, **args) for part in PARTS}
    bytes_before = {part: published(dataset, args, part, tmp_path / "before" / part) for part in PARTS}
    edit(tmp_path)
    for part in PARTS:
        try:
            after = dataset.digest(part, **args)
        except DatasetError:
            continue  # nothing is prepared of it
        if after == before[part]:
            assert published(dataset, args, part, tmp_path / "after" / part) == bytes_before[part]


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_class_that_one_other_part_has_is_refused_in_the_training_part(tmp_path, part):
    dataset, args = folders(tmp_path)
    before = dataset.digest("train", **args)
    _picture(tmp_path / "set" / part / "bird" / "0.png")
    assert dataset.digest("train", **args) != before
    with pytest.raises(DatasetError, match=r"class 0 \('bird'\) has no training sample"):
        dataset.load(parts=("train",), **args)
