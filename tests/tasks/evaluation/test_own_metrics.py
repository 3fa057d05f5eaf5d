"""Metrics of the user that get all rows at once."""

import errno

import numpy as np
import pytest

from octet.data.dataset import Part
from octet.errors import ModelError, StoreError
from tasks.evaluation import all_rows
from tasks.evaluation.own_metrics import OwnMetrics

METRIC = """
import numpy as np

class Median:
    def compute(self, answers, targets, extras):
        for arrays in (answers, targets, extras):
            assert all(isinstance(array, np.memmap) and not array.flags.writeable for array in arrays.values())
        assert answers["v"].shape == (20, 3) and extras["w"].shape == (20,)
        return np.median(np.abs(answers["v"] - targets["v"]).sum(axis=1) * extras["w"])

class Sum:
    total = 0.0
    def update(self, answers, targets, extras):
        self.total += float(answers["v"].sum())
    def result(self):
        return self.total

class Both(Sum):
    def compute(self, answers, targets, extras):
        return 1.0

class Wrong:
    def compute(self, answers):
        return 1.0

class Text:
    def compute(self, answers, targets, extras):
        return "a"
"""
RANDOM = np.random.RandomState(2)
PART = Part({"x": np.zeros((20, 2), np.uint8)}, {"v": RANDOM.random_sample((20, 3)).astype(np.float32)},
            {"w": np.arange(20, dtype=np.int32)})
ENDS = [{"name": "v"}]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "metrics.py").write_text(METRIC)
    return str(tmp_path)


def measured(folder, answers, **metrics):
    own = OwnMetrics({name: "./metrics.py:" + cls for name, cls in metrics.items()}, folder)
    for rows in (slice(0, 8), slice(8, 16), np.arange(16, 20)):
        own.add(ENDS, [answers[rows]], PART, rows)
    return own.figures()


def test_a_metric_with_compute_gets_all_rows_as_maps_beside_one_with_batches(folder):
    answers = RANDOM.random_sample((20, 3)).astype(np.float32)
    found = measured(folder, answers, median="Median", sum="Sum")
    expected = np.median(np.abs(answers - PART.targets["v"]).sum(axis=1) * np.arange(20))
    assert found == {"median": pytest.approx(expected), "sum": pytest.approx(float(answers.sum()), rel=1e-5)}


@pytest.mark.parametrize("cls, words", [
    ("Both", "compute\\(\\), and update\\(\\) or result\\(\\) as well"), ("Wrong", "cannot be called as compute"),
    ("Text", "compute\\(\\) returns 'a'")])
def test_a_class_that_is_no_such_metric_is_refused(folder, cls, words):
    with pytest.raises(ModelError, match=words):
        measured(folder, np.zeros((20, 3), np.float32), one=cls)


def test_an_empty_target_is_an_array_without_values():
    rows = all_rows.AllRows()
    rows.add({"grid": np.empty((4, 0), np.float32)})
    rows.add({"grid": np.empty((2, 0), np.float32)})
    assert rows.mapped()["grid"].shape == (6, 0)


def test_a_disk_that_cannot_be_written_is_said():
    rows = all_rows.AllRows()
    rows.add({"a": np.zeros(1)})
    rows._columns["a"].file.close()
    with open("/dev/full", "wb", buffering=0) as full:
        rows._columns["a"] = rows._columns["a"]._replace(file=full)
        with pytest.raises(StoreError, match="cannot be written") as raised:
            rows.add({"a": np.zeros(1)})
    assert raised.value.__context__.errno == errno.ENOSPC
