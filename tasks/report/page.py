"""The page as one HTML file: everything that the template page.html shows."""

import hashlib
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import jinja2
import numpy as np
from markupsafe import Markup

from octet import main_metric, model_identifier
from octet.data import classes, contact_sheet
from octet.data.dataset import Dataset
from octet.gates.judgement import Judgement
from tasks.evaluation.confidence_intervals import wilson
from tasks.evaluation.gaps import stated
from tasks.graph.io_spec import Network, OutputEnd
from tasks.report import box_samples, charts, layers, number_words, output_figures, pictures, ranges, samples
from tasks.report.predicted_boxes import PredictedBoxes
from tasks.tflite import activation_memory, input_output_names, model_file

HERE = Path(__file__).parent
KINDS = {"class": "one of {} classes", "labels": "any of {} labels", "class_map": "one of {} classes for each pixel"}


class Known(NamedTuple):
    """What the page is made from. All of it follows from the key of the stage.

    dataset:     its parts train, validation and test, as they were published.
    network:     network.json of ConvertUint8. content: its model.tflite.
    measurement, mistakes: what the measurement found.
    float_phase, quantized_phase: training.json of both phases of training.
    judgements:  of the gates, by this measurement.
    draw:        whether samples may be shown.
    boxes:       the user's function that turns outputs into boxes; None where the recipe names none.
    """

    dataset: Dataset
    network: Network
    content: bytes
    measurement: Dict[str, Any]
    mistakes: Dict[str, Any]
    float_phase: Dict[str, Any]
    quantized_phase: Dict[str, Any]
    judgements: List[Judgement]
    draw: bool
    boxes: Optional[PredictedBoxes] = None


def render(known: Known) -> str:
    """The page as text. The same facts always give the same text."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(str(HERE)), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined, auto_reload=False)
    environment.filters.update(size=number_words.size, shape=number_words.shape, share=number_words.percent,
                               real=number_words.real)
    style = Markup((HERE / "page.css").read_text(encoding="utf-8"))
    return environment.get_template("page.html").render(style=style, **facts(known))


def facts(known: Known) -> Dict[str, Any]:
    """The variables of the template."""
    contents = input_output_names.with_graph_names(model_file.read(known.content), known.network)
    measured, missed = known.measurement, [one for one in known.judgements if not one.passed]
    part = known.dataset.parts["test"]
    answered = samples.answers(known.content, contents, known.network, part, known.mistakes)
    gaps, codes = list(measured["gaps"]), {}  # type: List[str], Dict[str, Dict[str, Any]]
    with stated(gaps, "how the tensors use their codes"):
        codes = ranges.of_tensors(known.content, contents,
                                  [part.inputs[end["name"]] for end in known.network["inputs"]])
    sizes, operators = measured["size_bytes"], layers.operators(contents)
    outputs = [_output(known, end, answered.get(end["name"])) for end in known.network["outputs"]]
    boxed: List[Dict[str, Any]] = []
    if known.boxes is not None and known.draw:
        with stated(gaps, "the gallery of boxes", "drawn"):
            boxed = box_samples.shown(known.boxes, known.content, contents, known.network, known.dataset)
    return {
        "title": "{} → {}".format(", ".join(end["name"] for end in known.network["inputs"]),
                                  ", ".join(end["name"] for end in known.network["outputs"])),
        "inputs": [dict(end, low=known.dataset.inputs[end["name"]].low, high=known.dataset.inputs[end["name"]].high)
                   for end in known.network["inputs"]],
        "outputs": outputs, "boxed": boxed,
        "shows_samples": bool(boxed) or any(one["kind"] != "raw" or one["unjudged"] for one in outputs),
        "samples_title": "Samples and answers" if all(one["kind"] == "raw" for one in outputs) else
        "What it gets wrong",
        "may_have_boxes": known.boxes is None and any(
            extra.kind == "boxes" for extra in known.dataset.extras.values()),
        "own_metrics": output_figures.own_metrics(measured["metrics"], measured["int8"].get("metrics", {})),
        "samples": measured["samples"], "judgements": known.judgements, "missed": missed, "draw": known.draw,
        "sides": output_figures.measured_sides(measured["outputs"]), "int8": {"metrics": {}, **measured["int8"]},
        "sizes": sizes, "smaller": sizes["float"] and "{:.1f}".format(sizes["float"] / sizes["uint8"]),
        "peak": activation_memory.peak_bytes(contents), "macs": sum(row["macs"] for row in operators),
        "operators": operators, "damage": layers.damage(contents, measured["parity"], codes),
        "weights": ranges.of_weights(contents),
        "most_layers": layers.MOST, "most_classes": output_figures.MOST_CLASSES, "parity": measured["parity"],
        "gaps": gaps, "default_ranges": measured["default_ranges"],
        "health": [finding["words"] for finding in known.quantized_phase["health"]],
        "phases": _phases(known), "curves": _curves(known), "data": _data(known),
        "sheet": _sheet(known) if known.draw else None,
        "identifier": model_identifier.find(known.content), "sha256": hashlib.sha256(known.content).hexdigest(),
        "settings": _settings(known),
    }


def _output(known: Known, end: OutputEnd, answered: Optional[Dict[int, np.ndarray]]) -> Dict[str, Any]:
    name, measured = end["name"], known.measurement["outputs"][end["name"]]
    count, mistakes = output_figures.counted(measured, known.measurement["samples"]), known.mistakes[end["name"]]
    return {
        "name": name, "kind": end["kind"], "classes": end["classes"], "shape": end["shape"],
        "what": KINDS[end["kind"]].format(len(end["classes"])) if end["kind"] in KINDS else
        "{} numbers ({})".format(int(np.prod(end["shape"])), number_words.shape(end["shape"])),
        "headline": _headline(measured, count), "count": count,
        "sides": output_figures.sides(measured, count),
        "agreement": number_words.percent(measured["agreement"]) if "agreement" in measured else "",
        "agreement_interval": number_words.interval(wilson(measured["agreement"], count))
        if measured["kind"] == "class" else "",
        "int8_agreement": number_words.percent(measured["int8"]["agreement"])
        if "agreement" in measured.get("int8", ()) else "",
        "on_int8_samples": output_figures.on_int8_samples(measured),
        "confusion": output_figures.confusion(measured), "confusions": output_figures.confusions(measured),
        "by_class": output_figures.by_class(measured), "by_column": output_figures.by_column(measured, end["columns"]),
        "differences": output_figures.differences(measured), "never_correct": measured.get("never_correct", []),
        "wrong": mistakes["wrong"], "mistakes": samples.shown(
            end, known.dataset, known.dataset.parts["test"], mistakes, answered, known.draw),
        "unjudged": samples.unjudged(end, known.dataset, answered) if known.draw and end["kind"] == "raw" else [],
    }


def _headline(measured: Dict[str, Any], count: int) -> Optional[Dict[str, Any]]:
    """The metric to look at first: {name, uint8, float, change, interval; int8: None where int8 was not measured on all
    samples; on_int8_samples: its row in output_figures.on_int8_samples, or None}. None for a raw output, which has no
    metric."""
    metric = main_metric.of(measured)
    row, pair = (next((row for row in rows if row["metric"] == metric), None) for rows in (
        output_figures.sides(measured, count), output_figures.on_int8_samples(measured)))
    return row and {"name": row["name"], "uint8": row["values"]["uint8"], "float": row["values"]["float"],
                    "int8": row["values"].get("int8"), "change": row["change"], "interval": row["intervals"]["uint8"],
                    "on_int8_samples": pair}


def _phases(known: Known) -> List[Dict[str, Any]]:
    """[{name, epochs, kept}] of the float and the quantized phase."""
    return [{"name": name, "epochs": len(phase["epochs"]), "kept": phase["kept_epoch"]}
            for name, phase in (("float", known.float_phase), ("quantized", known.quantized_phase))]


def _curves(known: Known) -> List[Dict[str, Any]]:
    """[{title, svg}]: the loss of both phases, and the main metric of each output on the validation part. The first
    epoch of the quantized phase follows the last one of the float phase; its epoch 0 is the calibrated network."""
    phases = [("float", known.float_phase, 0), ("quantized", known.quantized_phase, len(known.float_phase["epochs"]))]
    lines, found = [], []
    for style, phase, start in phases:
        lines.append(charts.Line("{} phase".format(style), [
            (start + epoch["epoch"], epoch["loss"]) for epoch in phase["epochs"]], style))
    found.append({"title": "Loss on the training part", "svg": charts.chart("Loss on the training part", lines)})
    for end in known.network["outputs"]:
        name = end["name"]
        metric = main_metric.of(known.quantized_phase["calibrated"][name]) or "loss"
        title = "{} of {} on the validation part".format(number_words.NAMES.get(metric, metric), name)
        lines, marked = [], []
        for style, phase, start in phases:
            points = [(start + epoch["epoch"], epoch["validation"][name][metric]) for epoch in phase["epochs"]]
            if style == "quantized":
                points.insert(0, (start, phase["calibrated"][name][metric]))
            points = [(x, 100 * y if metric in number_words.SHARES else y) for x, y in points if y is not None]
            lines.append(charts.Line("{} phase".format(style), points, style))
            marked += [point for point in points if phase["kept_epoch"] and point[0] == start + phase["kept_epoch"]]
        found.append({"title": title[0].upper() + title[1:] + (", %" if metric in number_words.SHARES else ""),
                      "svg": charts.chart(title, lines, marked)})
    return [curve for curve in found if curve["svg"] is not None]


def _data(known: Known) -> Dict[str, Any]:
    """{parts: {part: samples}, targets: [{name, kind, rows: [{name, counts}], ends: {part: (low, high)}}]}."""
    parts = known.dataset.parts
    found: List[Dict[str, Any]] = []
    for name, target in known.dataset.targets.items():
        if target.kind == "raw":
            continue  # it has no answers
        arrays = {part: one.targets[name] for part, one in parts.items()}
        if target.kind == "value":
            ends = {part: ("{:.4g}".format(float(np.min(array))), "{:.4g}".format(float(np.max(array))))
                    for part, array in arrays.items()}
            found.append({"name": name, "kind": target.kind, "rows": [], "ends": ends})
        else:
            counts = {part: classes.counts(target, array) for part, array in arrays.items()}
            found.append({"name": name, "kind": target.kind, "ends": {},
                          "rows": output_figures.data_counts(target, counts)})
    return {"parts": {part: len(one) for part, one in parts.items()}, "targets": found}


def _sheet(known: Known) -> Optional[pictures.Picture]:
    drawn = contact_sheet.draw(known.dataset)
    return drawn and pictures.of_image(drawn, "Samples of the training part as the network sees them")


def _settings(known: Known) -> List[Dict[str, Any]]:
    """[{name, rows: [(key, value)]}] of the sections of the recipe that both phases of training read."""
    sections = {**known.quantized_phase["settings"], **known.float_phase["settings"]}
    found = [{"name": name, "rows": [(key, _plain(value)) for key, value in (
        section.items() if isinstance(section, dict) else [("", section)]) if value not in (None, [], {})]}
        for name, section in sorted(sections.items())]
    return [section for section in found if section["rows"]]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join("{}: {}".format(key, _plain(inner)) for key, inner in value.items())
    return "[{}]".format(", ".join(map(_plain, value))) if isinstance(value, list) else str(value)
