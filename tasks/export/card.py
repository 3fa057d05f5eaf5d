"""The facts of card.json: what a model is, how good it is, how to feed it, how to read its answers.

They follow from the stage's key: the same model always has the same card. What depends on history (the commit, the
recipe's name, the day) is added by `octet export`, in origin.json. `card_page.py` writes card.md from them.
"""

from typing import Any, Dict, List

from octet import model_identifier
from tasks.evaluation.confidence_intervals import wilson
from tasks.graph.io_spec import Network, OutputEnd

FIGURES = ("accuracy", "exact_match", "balanced_accuracy", "macro_f1", "mean_iou", "mse", "mae", "agreement")


def facts(network: Network, ranges: Dict[str, Dict], measurement: Dict, measured: bytes, kernel_faults: List[str],
          labels: Dict[str, str], cost: Dict[str, Any], targets: Dict[str, Any]) -> Dict[str, Any]:
    """The card as a dict for JSON, but for `files`: see `with_files`.

    network: that of ConvertUint8. ranges: {input: {low, high}}, reals; also prepared_size, if pictures
    are resized to it and then cropped. measured: the uint8 file.
    kernel_faults: see runtime_faults.found. labels: {output: file of its class names}. cost: see tflite.cost.of.
    targets: see tflite.targets.fit.both; those that the recipe names."""
    card = {
        "format": 1,
        "measured_identifier": model_identifier.find(measured),
        "inputs": [{"name": end["name"], "shape": [1] + list(end["shape"]), "dtype": "uint8", "scale": end["scale"],
                    "zero_point": end["zero_point"], **ranges[end["name"]]} for end in network["inputs"]],
        "outputs": [{"name": end["name"], "kind": end["kind"], "classes": list(end["classes"]), "dtype": "uint8",
                     "scale": end["scale"], "zero_point": end["zero_point"], "threshold": end["threshold"],
                     "columns": end["columns"], "labels": labels.get(end["name"]), "answer": answer(end)}
                    for end in network["outputs"]],
        "measured_on": {"part": "test", "samples": measurement["samples"]},
        "measured": {name: {figure: figures[figure] for figure in FIGURES + ("recall", "precision")
                            if figure in figures} for name, figures in measurement["outputs"].items()},
        "metrics": measurement["metrics"],
        "test_samples": {name: _by_class(figures) for name, figures in measurement["outputs"].items()
                         if figures["kind"] == "class"},
        "accuracy_interval_95": {name: wilson(figures["accuracy"]["uint8"], sum(_by_class(figures).values()))
                                 for name, figures in measurement["outputs"].items() if figures["kind"] == "class"},
        "int8": {**measurement["int8"], "kernel_faults": kernel_faults, "outputs": {
            name: figures["int8"] for name, figures in measurement["outputs"].items() if "int8" in figures}},
        "cost": cost,
        "targets": targets,
    }
    return {"title": _title(card), **card}


def _by_class(figures: Dict[str, Any]) -> Dict[str, int]:
    """{class: the samples of the test part that are of it}."""
    return {name: int(sum(row)) for name, row in zip(figures["classes"], figures["confusion"])}


def with_files(card: Dict[str, Any], files: Dict[str, bytes]) -> Dict[str, Any]:
    """The card that also says what the .tflite files are: {name: bytes}."""
    return {**card, "files": {name: {"bytes": len(content), "identifier": model_identifier.find(content)}
                              for name, content in files.items()}}


def answer(end: OutputEnd) -> str:
    """How an output's codes become an answer, in words."""
    real = "real = (code - {}) * {:.9g}".format(end["zero_point"], end["scale"])
    if end["threshold"] is not None:
        predicted = "each class whose real is greater than {:g}" if end["kind"] == "labels" else \
            "the second class if real is greater than {:g}, otherwise the first"
        return "{}; the prediction is {}".format(real, predicted.format(end["threshold"]))
    if end["kind"] == "class":
        return "the prediction is the class with the largest code; its score is " + real
    if end["kind"] == "class_map":
        return "the prediction for a pixel is the class with the largest code along the last axis; its score is " + real
    if end["columns"]:
        return real + "; column i in its own unit = low + real * (high - low), with (low, high) = columns[i]"
    return "the prediction is " + real


def _title(card: Dict[str, Any]) -> str:
    return ", ".join("{} ({})".format(each["name"], "{} classes".format(len(each["classes"])) if each["classes"]
                                      else "values") for each in card["outputs"]) + " from " + ", ".join(
        each["name"] for each in card["inputs"])
