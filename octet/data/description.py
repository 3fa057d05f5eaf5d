"""Describes a dataset in figures: its inputs and targets, and the number of samples of each class in each part."""

from typing import Any, Dict

from octet.data import classes, summary
from octet.data.dataset import Dataset


def of(dataset: Dataset) -> Dict[str, Any]:
    """A description that can be written as JSON:

    parts    {part: number of samples}
    inputs   {name: {shape, low, high, codes}}. codes: [number of codes that the bulk of the training values uses, the
             smallest of these codes, the largest]
    targets  {name: {kind, shape, classes, PART}}. PART: the number of samples (or pixels) of each class; for a value
             [minimum, maximum]; for a raw target []
    extras   {name: {kind, shape, PART}}. PART: for boxes their number, for other extras [minimum, maximum]
    figures  the figures that `data.limits` limits: {samples, classes, codes, shared, contradictions} (`_figures`)
    notes    sentences for the user
    """
    repeated = summary.repeated_samples(dataset)
    sections = {"parts": {part: len(arrays) for part, arrays in dataset.parts.items()}, "inputs": _inputs(dataset),
                "targets": _targets(dataset), "extras": _extras(dataset), "notes": summary.notes(dataset, repeated)}
    return {**sections, "figures": _figures(sections, repeated)}


def _figures(sections: Dict[str, Any], repeated: summary.RepeatedSamples) -> Dict[str, Any]:
    """A few numbers for the manifest, whatever the size of the data.

    samples  {part: number of samples}
    classes  {target of kind class or labels: {part: {least, most: [number of samples, class]}}}
    codes    {input: number of codes that the bulk of its training values uses}
    shared, contradictions: as in summary.RepeatedSamples
    """
    classes_of = {
        name: {part: {"least": list(min(zip(target[part], target["classes"]))),
                      "most": list(max(zip(target[part], target["classes"])))} for part in sections["parts"]}
        for name, target in sections["targets"].items() if target["kind"] in ("class", "labels")}
    return {"samples": sections["parts"], "classes": classes_of,
            "codes": {name: each["codes"][0] for name, each in sections["inputs"].items()},
            "shared": [list(each) for each in repeated.shared], "contradictions": repeated.contradictions}


def _inputs(dataset: Dataset) -> Dict[str, Any]:
    return {name: {"shape": list(spec.shape), "low": spec.low, "high": spec.high,
                   "codes": list(summary.used_codes(dataset.parts["train"].inputs[name]))}
            for name, spec in dataset.inputs.items()}


def _targets(dataset: Dataset) -> Dict[str, Any]:
    targets: Dict[str, Any] = {}
    for name, target in dataset.targets.items():
        targets[name] = {"kind": target.kind, "shape": list(target.shape), "classes": list(target.classes)}
        for part, arrays in dataset.parts.items():
            values = arrays.targets[name]
            if target.kind == "raw":
                targets[name][part] = []
            else:
                targets[name][part] = [float(values.min()), float(values.max())] if target.kind == "value" else \
                    classes.counts(target, values).tolist()
    return targets


def _extras(dataset: Dataset) -> Dict[str, Any]:
    extras: Dict[str, Any] = {}
    for name, extra in dataset.extras.items():
        extras[name] = {"kind": extra.kind, "shape": list(extra.shape)}
        for part, arrays in dataset.parts.items():
            values = arrays.extras[name]
            extras[name][part] = len(summary.places(dataset, name, part)) if extra.kind == "boxes" else [
                float(values.min()), float(values.max())] if values.size else []
    return extras
