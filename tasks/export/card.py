"""The card of an exported model: what it is, how good it is, how to feed it, how to read its answers.

Everything on it follows from the stage's key: the same model always has the same card. What depends on history (the
commit, the recipe's name, the day) is added by `octet export`, in origin.json.
"""

from typing import Any, Dict, List, Optional

from octet import model_identifier
from octet.target_runtimes import supported_operators
from tasks.evaluation.confidence_intervals import wilson
from tasks.graph.io_spec import Network, OutputEnd

SIDES = ("float", "fake_quantized", "uint8")
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "mean_iou", "mse", "mae", "agreement")


def facts(network: Network, ranges: Dict[str, Dict], measurement: Dict, measured: bytes, int8: Dict[str, Any],
          labels: Dict[str, str], cost: Dict[str, Any], targets: Dict[str, Any]) -> Dict[str, Any]:
    """The card as a dict for JSON, but for `files`: see `with_files`.

    network: that of ConvertUint8. ranges: {input: {low, high}}, reals. measured: the file that was measured.
    int8: what is known of the twin. labels: {output: file of its class names}. cost: see tflite.cost.of. targets: see
    tflite.targets.fit.both; those that the recipe names."""
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
        "int8": int8,
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
        of_what = "each class whose score" if end["kind"] == "labels" else "the second class where the score"
        return "{}; the answer is {} is greater than {:g}".format(real, of_what, end["threshold"])
    if end["kind"] == "class":
        return "the answer is the class of the largest code; {}".format(real)
    if end["kind"] == "class_map":
        return "the answer for each pixel is the class of the largest code along the last axis; {}".format(real)
    if end["columns"]:
        return real + "; column i in its own unit = low + real * (high - low), with (low, high) = columns[i]"
    return "the answer is the reals; " + real


def markdown(card: Dict[str, Any]) -> str:
    """The card as a page."""
    lines = ["# {}".format(card["title"]), "", "A neural network for TensorFlow Lite in 8-bit integers.", "",
             "## Files", ""]
    lines += _table(("file", "bytes", "identifier"), [
        (name, str(each["bytes"]), each["identifier"] or "") for name, each in card["files"].items()])
    lines += ["", "Buffers, operators and quantization of model.tflite are those of the file that was measured, whose "
              "identifier is {}. The .tflite files also hold TFLite metadata: names, ranges, normalization, and class "
              "names, which `unzip model.tflite` takes out.".format(card["measured_identifier"]), "",
              "`octet trace FILE` says what a file came from, by its content or by this identifier.",
              "`octet export` adds recipe, commit and data, at the end of this page and in `origin.json`.", "",
              "## How well", "", "On {} samples of the test part, which training has not seen.".format(
                  card["measured_on"]["samples"]), ""]
    if card["metrics"]:
        lines += _table(("metric of the recipe", "float model", "uint8 file"), [
            (name, *(_number(sides[side]) for side in ("float", "uint8")))
            for name, sides in card["metrics"].items()]) + [""]
    for name, figures in card["measured"].items():
        lines += ["**{}**".format(name), ""] + _table(("", "float model", "uint8 file"), [
            (figure.replace("_", " "), *(_number(values.get(side)) for side in ("float", "uint8")))
            for figure, values in figures.items() if isinstance(values, dict) and set(values) >= {"float", "uint8"}])
        if "agreement" in figures:
            lines += ["", "The uint8 file and the float model give the same answer on {} % of the samples.".format(
                _number(100 * figures["agreement"]))]
        interval, counts = card["accuracy_interval_95"].get(name), card["test_samples"].get(name, {})
        if interval:
            lines += ["", "The accuracy of the uint8 file on other data like this lies between {} and {} % (95 % "
                      "confidence interval, Wilson).".format(*(_number(100 * end) for end in interval))]
        if figures.get("recall"):
            lines += [""] + _table(("class", "recall", "precision") + (("test samples",) if counts else ()), [
                (label, _number(sides["uint8"]), _number(figures["precision"][label]["uint8"]),
                 *([str(counts[label])] if counts else [])) for label, sides in figures["recall"].items()])
        lines.append("")
    lines += ["## The int8 file", "", _int8(card), ""]
    lines += ["- " + words for words in card["int8"].get("kernel_faults", ())] + [""]
    lines += ["XNNPACK's kernels, which LiteRT uses unless it is told otherwise, round in another way than TensorFlow "
              "1.14's: an output may be some codes away from samples/.", "", "## How to feed it", ""]
    lines += _table(("input", "shape", "reals", "scale", "zero point"), [
        (each["name"], " x ".join(map(str, each["shape"])), "{:g} to {:g}".format(each["low"], each["high"]),
         "{:.9g}".format(each["scale"]), str(each["zero_point"])) for each in card["inputs"]])
    lines += ["", "code = round(real / scale) + zero point, at least 0 and at most 255. Pictures of the training data "
              "went in with their 8-bit pixels as codes, after they were resized to the shape.",
              "For the int8 file, subtract 128 from each input code, and add 128 to each output code.", "",
              "## How to read its answers", ""]
    lines += ["- **{}**{}: {}".format(each["name"], " ({})".format(each["labels"]) if each["labels"] else "",
                                      each["answer"]) for each in card["outputs"]]
    lines += ["", "## What is here", "",
              "- `samples/`: inputs from the test part, as codes, and the outputs that must come out of model.tflite",
              "- `examples/run.py`: runs them (Python, numpy and an interpreter)",
              "- `examples/main.cc`, `examples/main_micro.cc`: TensorFlow Lite, and its runtime for microcontrollers",
              "- `examples/MainActivity.kt`: TensorFlow Lite on Android",
              "- `c/`: the models as C arrays, without the metadata, with sizes, scales and expected answers", "",
              "## What one inference costs", ""] + _cost(card["cost"]) + [""]
    if card["targets"]:
        lines += ["## Where it runs", "", "By the lists of what each target takes; `octet targets` says more.", ""]
        lines += _targets(card["targets"]) + [""]
    return "\n".join(lines)


def _cost(cost: Dict[str, Any]) -> List[str]:
    return ["{:,} multiply-accumulates; {:,} bytes of weights; activations take {:,} bytes at once at most, and an "
            "arena of {:,} bytes holds them. A runtime needs some more.".format(
                cost["multiply_accumulates"], cost["weight_bytes"], cost["activation_bytes"], cost["arena_bytes"]),
            ""] + _table(("layer", "operator", "multiply-accumulates", "bytes of weights", "bytes of activations"), [
                (layer["name"], layer["kind"], *("{:,}".format(layer[figure]) for figure in (
                    "multiply_accumulates", "weight_bytes", "activation_bytes"))) for layer in cost["layers"]])


def _targets(targets: Dict[str, Any]) -> List[str]:
    files = {"uint8": "model.tflite", "int8": "model_int8.tflite"}
    lines = _table(("target", *files.values(), "use", "list of"), [
        (target["title"], *(_verdict(target["files"].get(dtype)) for dtype in files),
         files.get(target["use"], "none"), target["date"]) for target in targets.values()])
    for target in targets.values():
        left = target["files"].get(target["use"] or "uint8", {}).get("outside", [])
        said: List[tuple] = [(each["operator"], each["layer"], "; ".join(filter(None, (each["why"], each["instead"]))))
                             for each in left]
        if said:
            lines += ["", "{}: {}.".format(target["title"], target["outside_words"]), ""]
            lines += _table(("operator", "layer", "why, and what to do"), said)
    return lines


def _verdict(fit: Optional[Dict[str, Any]]) -> str:
    if fit is None:
        return "-"
    return supported_operators(fit) + (": " + fit["why"] if fit["why"] else "")


def _title(card: Dict[str, Any]) -> str:
    return ", ".join("{} ({})".format(each["name"], "{} classes".format(len(each["classes"])) if each["classes"]
                                      else "values") for each in card["outputs"]) + " from " + ", ".join(
        each["name"] for each in card["inputs"])


def _int8(card: Dict[str, Any]) -> str:
    int8 = card["int8"]
    if not int8["made"]:
        return "There is none: {}.".format(int8["why"])
    said = ("`model_int8.tflite` is the same network with its weights quantized again, for runtimes that take int8 "
            "only (TensorFlow Lite for Microcontrollers).")
    if int8["measured"] is None:
        return said + " Its answers were not measured: {}.".format(int8["why"])
    return said + " On {} samples of the test part, in {}: {}.".format(
        int8["samples"], int8["runtime"], "; ".join("{} {}".format(name, ", ".join(
            "{} {}".format(figure.replace("_", " "), _number(value)) for figure, value in figures.items()))
            for name, figures in int8["measured"].items()))


def _number(value: Any) -> str:
    return "-" if value is None else "{:.4g}".format(value)


def _table(head: tuple, rows: List[tuple]) -> List[str]:
    return ["| {} |".format(" | ".join(cells)) for cells in [head, ["---"] * len(head), *rows]]
