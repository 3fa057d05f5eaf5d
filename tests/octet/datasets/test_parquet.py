"""A Parquet file is the table that the .csv file with the same cells is."""

import datetime
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from octet import recipe_draft
from octet.data import parquet_to_json, table_file
from octet.data.dataset import PARTS
from octet.datasets import table
from tests.octet.datasets.samples import refusal

FEATURES = {"features": ["rpm", "volts"], "label": "state", "part": "part"}


def rows(count=12):
    return {"rpm": [1000 + 100 * index for index in range(count)], "volts": [index / 8 for index in range(count)],
            "state": [("idle", "load")[index % 2] for index in range(count)],
            "part": [PARTS[index // 2 % 3] for index in range(count)]}


def written(folder, columns, name="table.parquet", **options):
    parquet.write_table(pyarrow.table(columns), str(folder / name), **options)
    return str(folder / name)


def as_csv(folder, columns):
    lines = [",".join(columns)] + [",".join(map(str, row)) for row in zip(*columns.values())]
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "table.csv")


@pytest.mark.parametrize("options", [{}, {"compression": "zstd"}, {"row_group_size": 5}, {"use_dictionary": False}])
def test_it_gives_what_the_csv_file_gives(tmp_path, options):
    plain = table.load(as_csv(tmp_path, rows()), **FEATURES)
    data = table.load(written(tmp_path, rows(), **options), **FEATURES)
    for part in PARTS:
        assert np.array_equal(data.parts[part].inputs["features"], plain.parts[part].inputs["features"])
        assert np.array_equal(data.parts[part].targets["label"], plain.parts[part].targets["label"])
        assert (table.digest(part, str(tmp_path / "table.parquet"), **FEATURES)
                == table.digest(part, str(tmp_path / "table.csv"), **FEATURES))


def test_cells_of_each_type_are_text(tmp_path):
    noon = datetime.datetime(2024, 1, 31, 12, 30)
    path = written(tmp_path, {
        "whole": pyarrow.array([3, None], pyarrow.int16()), "real": pyarrow.array([0.5, float("nan")]),
        "flag": [True, False], "word": pyarrow.array(["a", "b"]).dictionary_encode(), "day": [noon.date(), None],
        "nanoseconds": pyarrow.array([noon, None], pyarrow.timestamp("ns")),
        "zone": pyarrow.array([noon, noon], pyarrow.timestamp("ms", "Europe/Berlin"))})
    read = table_file.read(path)
    assert read.rows == [["3", "0.5", "1", "a", "2024-01-31", "2024-01-31 12:30:00", "2024-01-31 12:30:00"],
                         ["", "nan", "0", "b", "", "", "2024-01-31 12:30:00"]]
    assert read.lines == [1, 2]


def test_a_missing_value_is_named_by_its_row(tmp_path):
    columns = dict(rows(), volts=pyarrow.array([1.0] * 11 + [None]))
    said = refusal(table.load, written(tmp_path, columns), **FEATURES)
    assert "table.parquet:12  the column 'volts' holds ''" in said


def test_pictures_in_a_column_are_refused_and_as_files_they_are_read(tmp_path):
    for index in range(12):
        Image.fromarray(np.full((8, 8, 3), 20 * index, np.uint8)).save(str(tmp_path / "{}.png".format(index)))
    columns = dict(rows(), image=[{"bytes": b"\x89PNG", "path": "0.png"}] * 12)
    path = written(tmp_path, columns)
    said = refusal(table.load, path, file="image", size=[8, 8], label="state", part="part")
    assert "the column 'image' holds struct<bytes: binary, path: string>" in said
    path = written(tmp_path, dict(columns, photo=["{}.png".format(index) for index in range(12)]))
    data = table.load(path, file="photo", size=[8, 8], label="state", part="part")
    assert data.parts["train"].inputs["image"][0].max() == 0
    assert any("columns that are not read: rpm, volts, image" in note for note in data.notes)
    draft = recipe_draft.of(path)
    assert draft.args["file"] == "photo" and draft.args["label"] == "state"
    assert any(remark.startswith("Not read: image") for remark in draft.remarks)


def test_what_is_no_parquet_file_is_refused(tmp_path):
    (tmp_path / "table.parquet").write_text("rpm,volts\n1,2\n")
    assert "not a readable Parquet file" in refusal(table_file.read, str(tmp_path / "table.parquet"))


def test_a_file_that_was_cut_is_refused(tmp_path):
    path = tmp_path / "table.parquet"
    content = (written(tmp_path, rows(2000)) and path.read_bytes())
    for length in (0, 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert "not a readable Parquet file" in refusal(table_file.read, str(path))


def test_without_pyarrow_the_package_is_named(tmp_path, monkeypatch):
    script = tmp_path / "without.py"
    script.write_text("import sys; sys.modules['pyarrow'] = None\n" + Path(parquet_to_json.__file__).read_text())
    monkeypatch.setattr(parquet_to_json, "__file__", str(script))
    assert "pip install 'pyarrow >= 12, < 13'" in refusal(table_file.read, written(tmp_path, rows()))


def test_a_process_that_forks_never_has_the_threads_of_pyarrow(tmp_path):
    """`octet new` once did not end: a thread of pyarrow waited for the interpreter, which ended."""
    code = ("import os, sys; from octet.data import table_file; table_file.read(sys.argv[1]);"
            "print(len(os.listdir('/proc/self/task')), 'pyarrow' in sys.modules)")
    path = written(tmp_path, rows())
    said = subprocess.run([sys.executable, "-c", code, path], check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    assert said.stdout == "1 False\n"
    for _ in range(3):
        assert subprocess.run([str(Path(sys.executable).parent / "octet"), "new", path, str(tmp_path / "new.yaml")],
                              cwd=str(tmp_path), timeout=60, stdout=subprocess.DEVNULL).returncode == 0
        (tmp_path / "new.yaml").unlink()
