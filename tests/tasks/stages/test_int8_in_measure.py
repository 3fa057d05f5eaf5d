"""The stage Measure makes the int8 twin and measures it, too. A failure there affects nothing else."""

import json

import numpy as np
import pytest

from octet.data import prepared
from pipeline.execution import headline_metrics
from tasks.tflite import int8_run, int8_twin, model_file
from tasks.tflite.interpreter import processes
from tests.project import SMALL
from tests.tasks import jobs

RECIPE = SMALL + "metrics: {hits: ./hits.py:Hits}\n"
METRIC = """
class Hits:
    def __init__(self):
        self.hits = []

    def update(self, answers, targets, extras):
        self.hits.extend(answers["label"].argmax(-1) == targets["label"])

    def result(self):
        return float(sum(self.hits))
"""


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The folders of all stages up to ConvertUint8."""
    folder = tmp_path_factory.mktemp("converted")
    (folder / "hits.py").write_text(METRIC)
    _, folders = jobs.run(folder, RECIPE, "ConvertUint8")
    return folders


def _measured(converted, folder):
    (folder / "hits.py").write_text(METRIC)
    _, folders = jobs.run(folder, RECIPE, "Measure", made=converted)
    return folders["Measure"], json.loads((folders["Measure"] / "measurement.json").read_text())


def test_int8_is_measured_on_all_samples_with_every_metric_of_the_other_sides(converted, tmp_path):
    folder, measurement = _measured(converted, tmp_path)
    twin = (folder / "model_int8.tflite").read_bytes()
    uint8 = (converted["ConvertUint8"] / "model.tflite").read_bytes()
    assert twin == int8_twin.of(uint8) and measurement["size_bytes"]["int8"] == len(twin)
    part = prepared.read({"test": converted["PrepareData.test"]}).parts["test"]
    codes, labels = np.asarray(part.inputs["image"]), np.asarray(part.targets["label"])
    # Counted here once more, in int8 from end to end.
    lowered = (codes.astype(int) - 128).astype(np.int8)
    made, = processes.over(twin, model_file.read(twin), [lowered], lambda done: None, "tflite_runtime")
    before, = processes.over(uint8, model_file.read(uint8), [codes], lambda done: None)
    label = measurement["outputs"]["label"]
    assert label["accuracy"]["int8"] == pytest.approx(float(np.mean(made.argmax(-1) == labels)))
    beside = label["int8"]
    assert beside["agreement"] == pytest.approx(float(np.mean(made.argmax(-1) == before.argmax(-1))))
    assert beside["largest_difference_lsb"] == int(np.abs(made.astype(int) + 128 - before).max())
    assert beside["samples"] == len(codes)
    assert set(beside) == {"samples", "largest_difference_lsb", "agreement"}, "its metrics are beside the other sides"
    assert measurement["metrics"]["hits"]["int8"] == np.sum(made.argmax(-1) == labels)
    of_eight = np.mean(made.argmax(-1)[labels == 8] == 8)
    assert label["recall"]["8"]["int8"] == pytest.approx(float(of_eight))
    assert all(set(sides) == {"float", "fake_quantized", "uint8", "int8"}
               for name, sides in label.items() if name in ("accuracy", "balanced_accuracy", "macro_f1"))
    assert measurement["int8"] == {"made": True, "measured": True, "why": "", "runtime": int8_run.runtime(),
                                   "samples": len(codes)}
    assert not measurement["gaps"]


def test_a_twin_that_cannot_be_made_is_a_gap_and_everything_else_is_measured(converted, tmp_path, monkeypatch):
    monkeypatch.delitem(int8_twin.VERSIONS, "CONV_2D")
    folder, measurement = _measured(converted, tmp_path)
    assert not (folder / "model_int8.tflite").exists() and measurement["size_bytes"]["int8"] is None
    assert measurement["outputs"]["label"]["accuracy"].keys() == {"float", "fake_quantized", "uint8"}
    assert "int8" not in measurement["outputs"]["label"]
    gap, = measurement["gaps"]
    assert gap == measurement["int8"]["why"] and "no int8 form of CONV_2D is known" in gap
    assert not measurement["int8"]["made"] and measurement["parity"]["local"]


def test_a_twin_that_no_kernel_runs_is_kept_and_its_accuracy_is_a_gap(converted, tmp_path, monkeypatch):
    monkeypatch.setitem(int8_twin.VERSIONS, "CONV_2D", 99)  # tflite-runtime refuses such a file
    folder, measurement = _measured(converted, tmp_path)
    assert (folder / "model_int8.tflite").exists()
    assert measurement["int8"]["made"] and not measurement["int8"]["measured"]
    gap, = measurement["gaps"]
    assert gap == measurement["int8"]["why"] and "the accuracy of the int8 file was not measured" in gap
    assert "int8" not in measurement["outputs"]["label"]["accuracy"]


def test_a_large_network_is_measured_on_a_tenth_of_the_samples_at_least(converted, tmp_path, monkeypatch):
    monkeypatch.setattr(int8_run, "MOST_MACS", 1)
    folder, measurement = _measured(converted, tmp_path)
    label, rows = measurement["outputs"]["label"], np.linspace(0, 399, 40).round().astype(int)
    twin = (folder / "model_int8.tflite").read_bytes()
    part = prepared.read({"test": converted["PrepareData.test"]}).parts["test"]
    codes, labels = np.asarray(part.inputs["image"])[rows], np.asarray(part.targets["label"])[rows]
    made, = processes.over(twin, model_file.read(twin), [(codes.astype(int) - 128).astype(np.int8)],
                           lambda done: None, "tflite_runtime")
    uint8 = (converted["ConvertUint8"] / "model.tflite").read_bytes()
    before, = processes.over(uint8, model_file.read(uint8), [codes], lambda done: None)
    assert measurement["int8"]["samples"] == label["int8"]["samples"] == 40 and measurement["samples"] == 400
    right = {"int8": made.argmax(-1) == labels, "uint8": before.argmax(-1) == labels}
    assert label["int8"]["accuracy"] == pytest.approx({side: float(np.mean(each)) for side, each in right.items()})
    assert label["int8"]["recall"]["8"] == pytest.approx({
        side: float(np.mean(each[labels == 8])) for side, each in right.items()})
    assert measurement["int8"]["metrics"] == {"hits": {side: float(each.sum()) for side, each in right.items()}}
    assert set(label["accuracy"]) == set(measurement["metrics"]["hits"]) == {"float", "fake_quantized", "uint8"}
    assert label["accuracy"]["uint8"] == _of_all(label)
    headlines = headline_metrics.of({"Measure": measurement})
    shown = {(each.metric, each.measured_on()): each.figures() for each in headlines}
    assert shown["accuracy", "40 samples of test"] == "uint8 {:.4g}, int8 {:.4g}".format(
        *(np.mean(right[side]) for side in ("uint8", "int8")))
    assert "int8 " not in shown["accuracy", "test"].replace("uint8 ", "")
    assert set(shown) == {(metric, on) for metric in ("hits", "accuracy") for on in ("test", "40 samples of test")}


def _of_all(label):
    """The accuracy over all samples, by the confusion matrix of the uint8 file."""
    table = np.array(label["confusion"])
    return pytest.approx(np.trace(table) / table.sum())


def test_int8_and_uint8_codes_stand_for_the_same_reals():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(int8_run.to_int8(every), np.arange(-128, 128))
    np.testing.assert_array_equal(int8_run.to_uint8(int8_run.to_int8(every)), every)
