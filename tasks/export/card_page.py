"""card.md: the facts of card.json, as a page for an app developer, a firmware engineer and a manager."""

from typing import Any, Dict, List, Optional

from octet import main_metric
from octet.data import crop
from octet.target_runtimes import supported_operators
from tasks.evaluation.metric_names import NAMES
from tasks.tflite import int8_run

SIDES = {"float": "float model", "uint8": "uint8 file", "int8": "int8 file"}
"""{side of a measurement: the head of its column}."""
UINT8_FILE = "model.tflite"
FILES = {"uint8": UINT8_FILE, "int8": int8_run.FILE}
MOST_CLASSES = 20
"""Names of classes in a sentence; labels.txt has all of them."""


def markdown(card: Dict[str, Any]) -> str:
    """The page. card: see card.facts and card.with_files."""
    has_int8 = card["int8"]["made"]
    lines = ["# {}".format(card["title"]), "", _what(card), "", *_summary(card), "", "## What is here", ""]
    lines += ["- `{}`: the network in uint8, {:,} bytes; for phones, computers and the Edge TPU".format(
        UINT8_FILE, card["files"][UINT8_FILE]["bytes"])]
    if has_int8:
        lines += ["- `{}`: the same network in int8, {:,} bytes; for runtimes that support int8 only, such as "
                  "TensorFlow Lite for Microcontrollers".format(int8_run.FILE, card["files"][int8_run.FILE]["bytes"])]
    lines += ["- `{}`: the class names of {}, one in a line".format(each["labels"], each["name"])
              for each in card["outputs"] if each["labels"]]
    lines += ["- `card.json`: this page for programs",
              "- `samples/`: inputs from the test part, and the outputs of model.tflite for them, as uint8 codes; "
              "numpy arrays, one row for each sample",
              "- `examples/run.py`: runs model.tflite on the samples and compares the outputs (needs Python, numpy and "
              "a TensorFlow Lite interpreter)",
              "- `examples/MainActivity.kt`, `examples/main.cc`: how to call the model from Android and from C++",
              *(["- `examples/main_micro.cc`: the same for TensorFlow Lite for Microcontrollers"] if has_int8 else []),
              "- `c/`: the files as C++ arrays, with sizes, scales, zero points and some samples with expected outputs",
              ""]
    lines += ["## How to feed it", "", *_feeding(card), "", "## How to read its outputs", ""]
    lines += ["- **{}**{}: {}".format(each["name"], " ({})".format(each["labels"]) if each["labels"] else "",
                                      each["answer"]) for each in card["outputs"]]
    if has_int8:
        lines += ["", "For the int8 file, first add 128 to each code of an output."]
    lines += ["", "## How good it is", "", *_measured(card), "## The int8 file", "",
              *_int8(card["int8"], card["measured_on"]["samples"]), ""]
    lines += ["- " + words for words in card["int8"]["kernel_faults"]] + [""] * bool(card["int8"]["kernel_faults"])
    lines += ["## What an inference costs", "", *_cost(card["cost"]), ""]
    lines += ["## Where it runs", ""] + (_targets(card["targets"]) if card["targets"] else [
        "The recipe names no targets (`export: {targets: [...]}`). `octet targets model.tflite` says which runtimes "
        "and accelerators support the files."])
    lines += ["", "LiteRT uses the XNNPACK kernels by default. They round differently from the kernels of TensorFlow "
              "1.14, so outputs may differ from those in samples/ by a few codes.", "",
              "## Which model it is", ""]
    lines += _table(("file", "identifier"), [
        (name, each["identifier"] or "") for name, each in card["files"].items()])
    lines += ["", "The identifier is at the end of the file. `octet trace FILE` finds the origin of the file by its "
              "content or by this identifier. The network in model.tflite is that of the measured file, whose "
              "identifier is {}. The files also contain TFLite metadata: names, ranges, normalization, and the class "
              "names, which `unzip model.tflite` extracts. The copy of this page that `octet export` makes ends with "
              "the dataset, the recipe and the commit.".format(card["measured_identifier"]), ""]
    return "\n".join(lines)


def _what(card: Dict[str, Any]) -> str:
    """One paragraph: what goes in and what comes out."""
    return "A neural network for TensorFlow Lite in 8-bit integers. From {} it predicts {}.".format(
        _listed(["**{}** ({}, reals from {:g} to {:g})".format(
            each["name"], _shape(each["shape"][1:]), each["low"], each["high"]) for each in card["inputs"]]),
        _listed(["**{}**: {}".format(each["name"], _answer(each)) for each in card["outputs"]]))


def _answer(output: Dict[str, Any]) -> str:
    names, count = output["classes"], len(output["classes"])
    of_classes = "{} classes ({}{})".format(count, ", ".join(names[:MOST_CLASSES]),
                                            ", ..." if count > MOST_CLASSES else "")
    return {"class": "one of " + of_classes, "labels": "any of " + of_classes,
            "class_map": "for each pixel one of " + of_classes, "value": "real numbers",
            "raw": "raw numbers, which the application has to decode"}[output["kind"]]


def _summary(card: Dict[str, Any]) -> List[str]:
    """The figures that a reader asks for first."""
    lines, int8 = [], card["int8"]
    on_fewer = " on {:,} of the samples: ".format(int8["samples"])
    for name, sides in card["metrics"].items():
        lines.append("- {}: {}".format(name, _sides(sides)))
        if name in int8.get("metrics", {}):
            lines.append("- {}{}{}".format(name, on_fewer, _sides(int8["metrics"][name])))
    for name, figures in card["measured"].items():
        metric = main_metric.of(figures)
        if metric is None:
            continue
        interval = card["accuracy_interval_95"].get(name)
        lines.append("- {} of {}: {}{}".format(
            NAMES[metric], name, _sides(figures[metric]),
            "; 95 % confidence interval of the uint8 file {} to {}".format(*map(_number, interval))
            if interval else ""))
        if metric in int8["outputs"].get(name, {}):
            lines.append("- {} of {}{}{}".format(NAMES[metric], name, on_fewer, _sides(int8["outputs"][name][metric])))
    lines.append("- measured on {:,} samples of the test part, which were not used in training".format(
        card["measured_on"]["samples"]))
    return lines


def _sides(values: Dict[str, Any]) -> str:
    return ", ".join("{} ({})".format(_number(values[side]), SIDES[side])
                     for side in ("uint8", "int8", "float") if side in values)


def _feeding(card: Dict[str, Any]) -> List[str]:
    lines = _table(("input", "shape", "reals", "scale", "zero point"), [
        (each["name"], " x ".join(map(str, each["shape"])), "{:g} to {:g}".format(each["low"], each["high"]),
         "{:.9g}".format(each["scale"]), str(each["zero_point"])) for each in card["inputs"]])
    lines += ["", "code = round(real / scale) + zero point, at least 0 and at most 255."]
    if any(len(each["shape"]) == 4 and each["shape"][3] in (1, 3) for each in card["inputs"]):
        lines += ["If the input is a picture, its 8-bit pixels are the codes, without a conversion. Its shape is batch "
                  "x height x width x channels, row by row; three channels are red, green, blue. Resize a picture in "
                  "the same way as the training data: `octet predict` does this, and `samples/` has such pictures."]
    for each in card["inputs"]:
        if "prepared_size" in each:
            (height, width), (whole_height, whole_width) = each["shape"][1:3], each["prepared_size"]
            top, left = crop.centre((whole_height, whole_width), (height, width))
            lines += ["Resize a picture for {} to {} x {} (height x width), then take the centre: {} rows from row {} "
                      "on and {} columns from column {} on, counted from 0.".format(
                          each["name"], whole_height, whole_width, height, top, width, left)]
    if card["int8"]["made"]:
        lines += ["For the int8 file, subtract 128 from each input code."]
    return lines


def _measured(card: Dict[str, Any]) -> List[str]:
    """The figures of all outputs, as tables."""
    on_all = card["int8"]["samples"] == card["measured_on"]["samples"]
    sides = {side: head for side, head in SIDES.items() if side != "int8" or on_all}
    lines: List[str] = []
    if card["metrics"]:
        lines += _table(("metric of the recipe", *sides.values()), [
            (name, *(_number(values.get(side)) for side in sides)) for name, values in card["metrics"].items()]) + [""]
    for name, figures in card["measured"].items():
        rows = [(NAMES[figure], *(_number(values.get(side)) for side in sides))
                for figure, values in figures.items() if isinstance(values, dict) and set(values) >= {"float", "uint8"}]
        if not rows:
            continue
        lines += ["**{}**".format(name), ""] + _table(("", *sides.values()), rows)
        if "agreement" in figures:
            lines += ["", "The uint8 file and the float model predict the same in {} % of the cases.".format(
                _number(100 * figures["agreement"]))]
        counts = card["test_samples"].get(name, {})
        if figures.get("recall"):
            lines += ["", "Classes, for the uint8 file. Recall: the share of the class that is predicted as such. "
                      "Precision: the share of the predictions of the class that are right.", ""]
            lines += _table(("class", "recall", "precision") + (("test samples",) if counts else ()), [
                (label, _number(recall["uint8"]), _number(figures["precision"][label]["uint8"]),
                 *([str(counts[label])] if counts else [])) for label, recall in figures["recall"].items()])
        lines.append("")
    return lines


def _int8(int8: Dict[str, Any], total: int) -> List[str]:
    """The int8 file beside the uint8 file, on the same samples. total: the samples of the test part."""
    if not int8["made"]:
        return ["There is none: {}.".format(int8["why"])]
    if not int8["measured"]:
        return ["It was made, but could not be measured: {}.".format(int8["why"])]
    words = []
    for name, figures in int8["outputs"].items():
        same = "the predictions are those of the uint8 file in {} % of the cases, and ".format(
            _number(100 * figures["agreement"])) if figures.get("agreement") is not None else ""
        words.append("**{}**: {}the outputs differ from those of the uint8 file by at most {} codes".format(
            name, same, figures["largest_difference_lsb"]))
    lines = ["Its weights have the values of those of the uint8 file, or values next to them that int8 can represent. "
             "On {:,}{} samples of the test part, in {}: {}.".format(
                 int8["samples"], "" if int8["samples"] == total else " of the {:,}".format(total), int8["runtime"],
                 "; ".join(words))]
    rows = [(name, values) for name, values in int8.get("metrics", {}).items()]
    rows += [("{} of {}".format(NAMES[metric], name), figures[metric]) for name, figures in int8["outputs"].items()
             for metric in NAMES if metric in figures]
    if rows:
        lines += ["", "Both files on these {:,} samples:".format(int8["samples"]), ""] + _table(
            ("", SIDES["uint8"], SIDES["int8"]),
            [(words, _number(values["uint8"]), _number(values["int8"])) for words, values in rows])
    return lines


def _cost(cost: Dict[str, Any]) -> List[str]:
    rows = [(layer["name"], layer["kind"], *("{:,}".format(layer[figure]) for figure in (
        "multiply_accumulates", "weight_bytes", "activation_bytes"))) for layer in cost["layers"]]
    return ["{:,} multiply-accumulates for one sample. {:,} bytes of weights, which can stay in flash. {:,} bytes of "
            "RAM for activations (`kActivationBytes` in c/); the runtime needs some more RAM.".format(
                cost["multiply_accumulates"], cost["weight_bytes"], cost["arena_bytes"]), "",
            *_table(("layer", "operator", "multiply-accumulates", "bytes of weights", "bytes of activations"), rows)]


def _targets(targets: Dict[str, Any]) -> List[str]:
    lines = ["According to a list of the operators that each target supports; `octet targets model.tflite` prints the "
             "details.", ""]
    lines += _table(("target", *FILES.values(), "file to use", "date of the list"), [
        (target["title"], *(_verdict(target["files"].get(dtype)) for dtype in FILES),
         FILES.get(target["use"], "none"), target["date"]) for target in targets.values()])
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


def _shape(numbers: List[int]) -> str:
    return " x ".join(map(str, numbers)) or "one number"


def _listed(words: List[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _number(value: Any) -> str:
    return "-" if value is None else "{:.4g}".format(value)


def _table(head: tuple, rows: List[tuple]) -> List[str]:
    return ["| {} |".format(" | ".join(cells)) for cells in [head, ["---"] * len(head), *rows]]
