"""The samples that the uint8 file gets wrong, as the network saw them."""

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from octet.data.dataset import Dataset, Part
from tasks.evaluation import metrics
from tasks.graph import io_spec
from tasks.graph.io_spec import Network, OutputEnd
from tasks.report import pictures, words
from tasks.tflite.interpreter import processes
from tasks.tflite.model_file import Contents

MOST = 24
"""Samples of one output in the page."""
MOST_NUMBERS = 8
"""Numbers of a value that are written out."""

Mistakes = Dict[str, Any]
"""Of one output, as `Mistakes.to_json` in tasks/evaluation/mistakes.py gives them."""


def chosen(mistakes: Dict[str, Mistakes]) -> Dict[str, List[Dict[str, Any]]]:
    """{output: the first rows of its mistakes, those that the page shows}."""
    return {name: found["rows"][:MOST] for name, found in mistakes.items()}


def answers(content: bytes, contents: Contents, network: Network, part: Part,
            mistakes: Dict[str, Mistakes]) -> Dict[str, Dict[int, np.ndarray]]:
    """{output: {row: what the uint8 file gives for it, reals [...]}} of the outputs whose answers are drawn or written
    out: class maps and values."""
    shown = {name: [one["row"] for one in rows] for name, rows in chosen(mistakes).items()}
    wanted = [end["name"] for end in network["outputs"] if end["kind"] in ("class_map", "value")]
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
             "pictures": _inputs(dataset, part, one["row"]) + _answers(end, part, one["row"], answered) if draw else [],
             "legend": _legend(end, part, one["row"], answered) if draw else []}
            for one in mistakes["rows"][:MOST]]


def _inputs(dataset: Dataset, part: Part, row: int) -> List[pictures.Picture]:
    names = [name for name, spec in dataset.inputs.items() if pictures.is_picture(spec.shape)]
    return [pictures.of_codes(np.asarray(part.inputs[name][row]), "{} of test sample {}".format(name, row))
            for name in names]


def _answers(end: OutputEnd, part: Part, row: int,
             answered: Optional[Dict[int, np.ndarray]]) -> List[pictures.Picture]:
    if answered is None or not (end["kind"] == "class_map" or pictures.is_picture(end["shape"])):
        return []
    truth, found = np.asarray(part.targets[end["name"]][row]), answered[row]
    if end["kind"] == "class_map":
        return [pictures.of_class_map(truth, end["ignore"], "what is right for test sample {}".format(row)),
                pictures.of_class_map(_decided(end, found, truth), end["ignore"],
                                      "what the uint8 file answers for test sample {}".format(row))]
    low, high = float(min(truth.min(), found.min())), float(max(truth.max(), found.max()))
    return [pictures.of_reals(truth, low, high, "what is wanted for test sample {}".format(row)),
            pictures.of_reals(found, low, high, "what the uint8 file gives for test sample {}".format(row))]


def _decided(end: OutputEnd, found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The class of each pixel; ignored ones stay ignored."""
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
        return ["answered {} (score {:.3g})".format(names[one["answer"]], one["score"]),
                "is {}".format(names[one["label"]])]
    if end["kind"] == "labels":
        return ["{}: {}".format(what, ", ".join(names[index] for index in one[key]))
                for what, key in (("wrongly answered", "too_many"), ("missed", "too_few")) if one[key]]
    if end["kind"] == "class_map":
        return ["{} of its pixels are wrong".format(words.percent(one["margin"]))]
    said = ["mean squared error {:.4g}".format(one["margin"])]
    truth = np.asarray(part.targets[end["name"]][one["row"]])
    if answered is not None and truth.size <= MOST_NUMBERS:
        said += ["gave {}".format(_listed(answered[one["row"]])), "wanted {}".format(_listed(truth))]
    return said


def _listed(values: Sequence[float]) -> str:
    return ", ".join("{:.4g}".format(float(value)).replace("-", words.MINUS) for value in np.ravel(values))
