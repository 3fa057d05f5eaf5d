"""A user's own loss and metric through all stages."""

import json

import pytest

from octet.gates import judgement
from tests.tasks import detector, jobs

RECIPE = """
data: {dataset: ./boxes.py}
model: {build: ./net.py}
train: {epochs: 12, batch_size: 32, learning_rate: 0.01%s}
augment: {preset: none%s}
loss: ./losses.py:quarter
metrics: {hits: ./metrics.py:Hits}
quantize: {epochs: 1, batch_size: 32%s}
"""


@pytest.mark.parametrize("train, augment, quantize", [
    ("", "", ", distill: 0.5"), ("", ", flip: both, crop: 0.1", ""), ("", ", mixup: 0.2", ", batch_norm: live")])
def test_a_loss_trains_both_phases_and_a_metric_measures_every_side(tmp_path, train, augment, quantize):
    detector.put(tmp_path)
    metrics, folders = jobs.run(tmp_path, RECIPE % (train, augment, quantize), "Report")
    first, *_, last = [epoch["validation"]["grid"]["loss"] for epoch in metrics["TrainFloat"]["history"]]
    assert last < 0.5 * first
    hits = metrics["Measure"]["metrics"]["hits"]
    assert set(hits) == {"float", "fake_quantized", "uint8", "int8"} and min(hits.values()) > 0.9
    assert metrics["EvalGraph"]["metrics"]["hits"] == hits["fake_quantized"]
    assert metrics["TrainQAT"]["validation"]["grid"]["loss"] < 0.5 * first
    page = (folders["Report"] / "report.html").read_text("utf-8")
    assert "Metrics of the recipe" in page and "{:.4g}".format(hits["uint8"]) in page and "Raw numbers" in page
    json.dumps(metrics)
    measurement = metrics["Measure"]
    reached = judgement.judged(measurement, {"metrics": {"hits": {"min": 0.9, "max_drop": 0.1, "max": None}}})
    assert [(each.gate, each.limit, each.passed) for each in reached] == [
        ("metrics.hits.max_drop", 0.1, True), ("metrics.hits.min", 0.9, True)]
    missed, = judgement.judged(measurement, {"metrics": {"hits": {"max": 0.5}}})
    assert not missed.passed and "hits is " in str(missed) and str(missed).endswith("metrics.hits.max is 0.5")
