import numpy as np
import pytest

from octet.errors import DatasetError
from octet.job import Job
from tasks import data_source


def test_a_path_means_the_same_file_to_a_stage_as_to_the_snapshot(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    numbers = np.arange(6)
    images = np.zeros((6, 2, 2, 1), np.uint8)
    np.savez(str(tmp_path / "mine.npz"), x_train=images, y_train=numbers % 2,
             x_validation=images, y_validation=numbers % 2, x_test=images, y_test=numbers % 2)
    for folder, path in ((tmp_path / "recipes", "~/mine.npz"), (tmp_path, "mine.npz")):
        section = {"dataset": "npz", "args": {"path": path}}
        job = Job("check", {"data": section}, {}, str(tmp_path / "out"), str(folder), ("train",))
        assert len(data_source.load(job).parts["train"]) == 6


def test_a_stage_is_given_the_parts_that_its_job_names_and_no_others(tmp_path):
    for parts in ((), ("test",), ("train", "validation")):
        job = Job("check", {"data": {"dataset": "digits", "args": {}}}, {}, str(tmp_path), str(tmp_path), parts)
        assert tuple(data_source.load(job).parts) == parts


def test_a_load_is_given_parts_and_samples_where_it_takes_both_and_the_recipe_gives_neither(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from octet.datasets import digits\n"
        "def load(parts=(), samples=None):\n    print(parts)\n    return digits.load(parts=parts, samples=samples)\n"
        "def own(parts='abc', samples=None):\n    assert parts == 'mine' and samples is None\n"
        "    return digits.load()\n"
        "def half(parts=None):\n    assert parts is None\n    return digits.load()\n"
        "def silent(parts=(), samples=None):\n    return digits.load(parts=parts)\n")

    def load(name, samples=None, **args):
        section = {"dataset": "./mine.py:" + name, "args": args}
        job = Job("check", {"data": section}, {}, str(tmp_path), str(tmp_path), ("test",))
        return data_source.load(job, samples)

    assert len(load("load", 10).parts["test"]) == 10
    assert len(load("load").parts["test"]) == 400
    assert len(load("own", 10, parts="mine").parts["test"]) == 400
    assert len(load("half", 10).parts["test"]) == 400
    with pytest.raises(DatasetError) as caught:
        load("silent", 10)
    assert "return Dataset(..., samples=samples)" in str(caught.value)
