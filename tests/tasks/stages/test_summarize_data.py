"""SummarizeData gives the same summary of prepared data as `octet data` of its source."""

import json

import pytest

from octet.data import description
from octet.datasets import digits, image_folder
from tests.octet.datasets.samples import pictures
from tests.tasks import jobs

RECIPES = {
    "digits": ("data: {dataset: digits, args: {targets: [label, mask, reconstruction]}}\nmodel: {build: lenet}\n",
               lambda folder: digits.load(["label", "mask", "reconstruction"])),
    "pictures": ("data: {dataset: image_folder, args: {path: set, size: [6, 6]}}\nmodel: {build: lenet}\n",
                 lambda folder: image_folder.load(pictures(folder), [6, 6]))}


@pytest.mark.parametrize("name", RECIPES)
def test_the_summary_is_that_of_the_source(name, tmp_path):
    text, load = RECIPES[name]
    dataset = load(tmp_path)
    metrics, folders = jobs.run(tmp_path, text, "SummarizeData")
    found = json.loads((folders["SummarizeData"] / "summary.json").read_text())
    whole = json.loads(json.dumps(description.of(dataset)))
    assert found["notes"] == [note for note in whole["notes"] if note not in dataset.notes]
    assert {**found, "notes": []} == {**whole, "notes": []}
    of_parts = [note for stage in folders if stage != "SummarizeData" for note in metrics[stage]["of_dataset"]]
    assert set(of_parts) == set(dataset.notes)
