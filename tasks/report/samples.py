"""The samples that the uint8 file gets wrong, as the network saw them."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from octet.data.dataset import COUNT, Dataset, Part
from tasks.evaluation import metrics
from tasks.graph import io_spec
from tasks.graph.io_spec import Network, OutputEnd
from tasks.report import number_words, pictures
from tasks.tflite.interpreter import processes
from tasks.tflite.model_file import Contents

MOST = 24
"""Samples of one output on the page."""
MOST_NUMBERS = 8
"""The most numbers of a value that the page writes out."""
MOST_UNJUDGED, MOST_CHANNELS = 12, 4
"""Samples of a raw output on the page, and drawn channels of each."""

Mistakes = Dict[str, Any]
"""The mistakes of one output, as returned by `Mistakes.to_json` in tasks/evaluation/mistakes.py."""


def chosen(mistakes: Dict[str, Mistakes]) -> Dict[str, List[Dict[str, Any]]]:
    """{output: the mistakes that the page shows}."""
    return {name: found["rows"][:MOST] for name, found in mistakes.items()}


def answers(content: bytes, contents: Contents, network: Network, part: Part,
            mistakes: Dict[str, Mistakes]) -> Dict[str, Dict[int, np.ndarray]]:
    """{output: {row: reals [...] of the uint8 file}} for the outputs whose answers the page shows: class maps and
    values on their worst samples, raw outputs on the first samples."""
    shown = {name: [one["row"] for one in rows] for name, rows in chosen(mistakes).items()}
    shown.update({end["name"]: list(range(min(MOST_UNJUDGED, len(part))))
                  for end in network["outputs"] if end["kind"] == "raw"})
    wanted = [end["name"] for end in network["outputs"] if end["kind"] in ("class_map", "value", "raw")]
    rows = sorted({row for name in wanted for row in shown[name]})
    if not rows:
        return {}
    fed = [np.asarray(part.inputs[end["name"]])[rows] for end in network["inputs"]]
    made = processes.over(content, contents, fed, lambda done: None)
    found: Dict[str, Dict[int, np.ndarray]] = {}
    for end, codes in zip(network["outputs"], made):
        if end["name"] in wanted:
            found[end["name"]] = {row: io_spec.real(end, codes[rows.index(row)]) for row in shown[end["name"]]}
    return found


def shown(end: OutputEnd, dataset: Dataset, part: Part, mistakes: Mistakes,
          answered: Optional[Dict[int, np.ndarray]], draw: bool) -> List[Dict[str, Any]]:
    """[{row, said: sentences, pictures, legend}] of one output, the most certain mistake first.

    answered: the output's reals by row, of class maps and values. draw: whether samples may be shown at all."""
    return [{"row": one["row"], "said": _said(end, part, one, answered),
             "pictures": _inputs(dataset, part, one["row"]) + _answers(
                 end, dataset, part, one["row"], answered) if draw else [],
             "legend": _legend(end, part, one["row"], answered) if draw else []}
            for one in mistakes["rows"][:MOST]]


def _inputs(dataset: Dataset, part: Part, row: int) -> List[pictures.Picture]:
    names = [name for name, spec in dataset.inputs.items() if pictures.is_picture(spec.shape)]
    found = []
    for name in names:
        codes, alt = np.asarray(part.inputs[name][row]), "{} of test sample {}".format(name, row)
        known, what = marks(dataset, part, row, codes.shape[:2])
        found.append(pictures.marked(codes, known, "{} with its {}".format(alt, what)) if what else
                     pictures.of_codes(codes, alt))
    return found


def marks(dataset: Dataset, part: Part, row: int, size: Sequence[int]) -> Tuple[pictures.Marks, str]:
    """(the boxes, keypoints and masks that the dataset has for one sample, their kinds in words). '' for none."""
    found: Dict[str, List[np.ndarray]] = {"boxes": [], "keypoints": [], "masks": []}
    for name, extra in dataset.extras.items():
        if extra.kind == "boxes":
            count = int(part.extras[name + COUNT][row])
            found["boxes"] += [box for box in np.asarray(part.extras[name][row])[:count]
                               if box[2] > box[0] and box[3] > box[1]]
        elif extra.kind == "keypoints":
            found["keypoints"] += list(np.asarray(part.extras[name][row]))
        elif extra.kind == "mask" and tuple(extra.shape) == tuple(size):
            found["masks"].append(np.asarray(part.extras[name][row]))
    return pictures.Marks(**found), " and ".join(kind for kind, marks in found.items() if marks)


def unjudged(end: OutputEnd, dataset: Dataset, answered: Optional[Dict[int, np.ndarray]]) -> List[Dict[str, Any]]:
    """[{row, said, pictures, legend}] of the first test samples of a raw output: the inputs with the marks of the
    dataset, and channels of the answer as grey maps, the lowest number of each in black and the highest in white."""
    part, found = dataset.parts["test"], []
    for row in sorted(answered or {}):
        answer = (answered or {})[row]
        drawn = _inputs(dataset, part, row)
        if len(answer.shape) == 3:
            drawn += [pictures.of_reals(
                answer[..., channel:channel + 1], float(answer[..., channel].min()), float(answer[..., channel].max()),
                "channel {} of {} for test sample {}".format(channel, end["name"], row))
                for channel in range(min(MOST_CHANNELS, answer.shape[2]))]
        found.append({"row": row, "pictures": drawn, "legend": [], "said": [
            "output {}".format(_listed(answer))] if answer.size <= MOST_NUMBERS else []})
    return found


def _answers(end: OutputEnd, dataset: Dataset, part: Part, row: int,
             answered: Optional[Dict[int, np.ndarray]]) -> List[pictures.Picture]:
    if answered is None or not (end["kind"] == "class_map" or pictures.is_picture(end["shape"])):
        return []
    truth, found = np.asarray(part.targets[end["name"]][row]), answered[row]
    if end["kind"] == "class_map":
        return _maps(end, dataset, part, row, truth, _decided(end, found, truth))
    low, high = float(min(truth.min(), found.min())), float(max(truth.max(), found.max()))
    return [pictures.of_reals(truth, low, high, "the target for test sample {}".format(row)),
            pictures.of_reals(found, low, high, "the output of the uint8 file for test sample {}".format(row))]


def _maps(end: OutputEnd, dataset: Dataset, part: Part, row: int, truth: np.ndarray,
          answer: np.ndarray) -> List[pictures.Picture]:
    """Pictures of the label map, the answered map and the wrong pixels. The maps lie over the first input of their
    size; without such an input, they stand alone and the wrong pixels are left out."""
    right, given, wrong = ("{} for test sample {}".format(what, row) for what in (
        "the label", "the prediction of the uint8 file", "the wrong pixels"))
    name = next((name for name, spec in dataset.inputs.items()
                 if pictures.is_picture(spec.shape) and tuple(spec.shape[:2]) == truth.shape), None)
    if name is None:
        return [pictures.of_class_map(truth, end["ignore"], right), pictures.of_class_map(answer, end["ignore"], given)]
    codes = np.asarray(part.inputs[name][row])
    return [pictures.over(codes, truth, end["ignore"], right), pictures.over(codes, answer, end["ignore"], given),
            pictures.wrong_pixels(codes, truth != answer, wrong)]


def _decided(end: OutputEnd, found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The answered class of each pixel. Pixels whose label is ignored keep that label."""
    answer = metrics.decided(end, found)
    return answer if end["ignore"] is None else np.where(truth == end["ignore"], end["ignore"], answer)


def _legend(end: OutputEnd, part: Part, row: int,
            answered: Optional[Dict[int, np.ndarray]]) -> List[Dict[str, Any]]:
    if end["kind"] != "class_map" or answered is None:
        return []
    truth = np.asarray(part.targets[end["name"]][row])
    seen = np.union1d(truth, _decided(end, answered[row], truth))
    return pictures.legend(end["classes"], [int(one) for one in seen if one != end["ignore"]])


def _said(end: OutputEnd, part: Part, one: Dict[str, Any],
          answered: Optional[Dict[int, np.ndarray]]) -> List[str]:
    names = end["classes"]
    if end["kind"] == "class":
        return ["predicted {} (score {:.3g})".format(names[one["answer"]], one["score"]),
                "label {}".format(names[one["label"]])]
    if end["kind"] == "labels":
        return ["{}: {}".format(what, ", ".join(names[index] for index in one[key]))
                for what, key in (("wrongly predicted", "too_many"), ("missed", "too_few")) if one[key]]
    if end["kind"] == "class_map":
        return ["{} of its pixels are wrong".format(number_words.percent(one["margin"]))]
    said = ["mean squared error {:.4g}".format(one["margin"])]
    truth = np.asarray(part.targets[end["name"]][one["row"]])
    if answered is not None and truth.size <= MOST_NUMBERS:
        said += ["output {}".format(_listed(answered[one["row"]])), "target {}".format(_listed(truth))]
    return said


def _listed(values: Sequence[float]) -> str:
    return ", ".join("{:.4g}".format(float(value)).replace("-", number_words.MINUS) for value in np.ravel(values))
