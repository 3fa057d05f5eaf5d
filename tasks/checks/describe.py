"""Describe: what a recipe's data is, as the network is given it.

In:  the recipe's data section; the setting `sheet`, the path of a PNG to write, or null.
Out: the contact sheet; as metrics, inputs, targets, extras, counts by class and part, and notes.
Fails with DatasetError when the data is not sound.
"""

from typing import Any, Dict

from octet.data import classes, reading, sheet, summary
from octet.data.dataset import Dataset
from octet.job import Job, Progress
from tasks import data_source


def run(job: Job, progress: Progress) -> dict:
    progress(0.0, "reading the data")
    with reading.into(str(job.out), progress):
        return _described(job, data_source.load(job), progress)


def _described(job: Job, dataset: Dataset, progress: Progress) -> dict:
    progress(0.99, "comparing the parts")
    drawn = sheet.draw(dataset) if job.settings["sheet"] else None
    if drawn is not None:
        drawn.save(job.settings["sheet"], "PNG")
    return {"parts": {part: len(one) for part, one in dataset.parts.items()}, "inputs": _inputs(dataset),
            "targets": _targets(dataset), "extras": _extras(dataset), "notes": summary.notes(dataset),
            "sheet": drawn is not None}


def _inputs(dataset: Dataset) -> dict:
    return {name: {"shape": list(spec.shape), "low": spec.low, "high": spec.high,
                   "codes": summary.used_codes(dataset.parts["train"].inputs[name])}
            for name, spec in dataset.inputs.items()}


def _targets(dataset: Dataset) -> dict:
    found = {}
    for name, target in dataset.targets.items():
        found[name] = {"kind": target.kind, "shape": list(target.shape), "classes": list(target.classes)}
        for part, one in dataset.parts.items():
            answers = one.targets[name]
            if target.kind == "raw":
                found[name][part] = []
            else:
                found[name][part] = [float(answers.min()), float(answers.max())] if target.kind == "value" else \
                    classes.counts(target, answers).tolist()
    return found


def _extras(dataset: Dataset) -> dict:
    """Of boxes, how many each part has; of others, their least and largest number."""
    found: Dict[str, Dict[str, Any]] = {}
    for name, extra in dataset.extras.items():
        found[name] = {"kind": extra.kind, "shape": list(extra.shape)}
        for part, one in dataset.parts.items():
            values = one.extras[name]
            found[name][part] = len(summary.places(dataset, name, part)) if extra.kind == "boxes" else [
                float(values.min()), float(values.max())] if values.size else []
    return found
