import numpy as np

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
