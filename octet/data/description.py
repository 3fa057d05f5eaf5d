"""What a dataset is, in figures: its inputs, its targets, how many samples of each class each part has."""

from typing import Any, Dict

from octet.data import classes, summary
from octet.data.dataset import Dataset


def of(dataset: Dataset) -> Dict[str, Any]:
    """What can be written as JSON:

    parts    {part: how many samples}
    inputs   {name: {shape, low, high, codes}}. codes: [how many codes the bulk of the training values lies on, the
             least of them, the largest]
    targets  {name: {kind, shape, classes, PART}}. PART, of each: how many samples (or pixels) of each class; of a
             value [the least, the largest]; of a raw target []
    extras   {name: {kind, shape, PART}}. PART: of boxes how many there are, of others [the least, the largest number]
    figures  what `data.limits` are judged by: {samples, classes, codes, shared, contradictions} (`_figures`)
    notes    a sentence for each thing that a person should know
    """
    twice = summary.occurring_twice(dataset)
    found = {"parts": {part: len(one) for part, one in dataset.parts.items()}, "inputs": _inputs(dataset),
             "targets": _targets(dataset), "extras": _extras(dataset), "notes": summary.notes(dataset, twice)}
    return {**found, "figures": _figures(found, twice)}


def _figures(found: Dict[str, Any], twice: summary.Twice) -> Dict[str, Any]:
    """A few numbers, whatever the size of the data: they are in the manifest.

    samples  {part: how many}
    classes  {target of kind class or labels: {part: {least, most: [how many samples, the class]}}}
    codes    {input: on how many codes the bulk of its training values lies}
    shared, contradictions: as summary.Twice says
    """
    classes_of = {
        name: {part: {"least": list(min(zip(target[part], target["classes"]))),
                      "most": list(max(zip(target[part], target["classes"])))} for part in found["parts"]}
        for name, target in found["targets"].items() if target["kind"] in ("class", "labels")}
    return {"samples": found["parts"], "classes": classes_of,
            "codes": {name: each["codes"][0] for name, each in found["inputs"].items()},
            "shared": [list(each) for each in twice.shared], "contradictions": twice.contradictions}


def _inputs(dataset: Dataset) -> Dict[str, Any]:
    return {name: {"shape": list(spec.shape), "low": spec.low, "high": spec.high,
                   "codes": list(summary.used_codes(dataset.parts["train"].inputs[name]))}
            for name, spec in dataset.inputs.items()}


def _targets(dataset: Dataset) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
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


def _extras(dataset: Dataset) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for name, extra in dataset.extras.items():
        found[name] = {"kind": extra.kind, "shape": list(extra.shape)}
        for part, one in dataset.parts.items():
            values = one.extras[name]
            found[name][part] = len(summary.places(dataset, name, part)) if extra.kind == "boxes" else [
                float(values.min()), float(values.max())] if values.size else []
    return found
