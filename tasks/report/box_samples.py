"""Samples with the boxes of the dataset and those that the uint8 file predicts."""

from typing import Any, Dict, List

import numpy as np

from octet.data.dataset import Dataset
from tasks.graph import io_spec
from tasks.graph.io_spec import Network
from tasks.report import pictures, samples
from tasks.report.predicted_boxes import Box, PredictedBoxes
from tasks.tflite.interpreter import processes
from tasks.tflite.model_file import Contents

MOST = 12
"""Samples on the page."""
MOST_WORDS = 8
"""Boxes of a sample that are written out."""


def shown(boxes: PredictedBoxes, content: bytes, contents: Contents, network: Network,
          dataset: Dataset) -> List[Dict[str, Any]]:
    """[{row, pictures, said, legend}] of the first test samples: the first input that is a picture, with the boxes of
    the dataset where it has any, and with those that the uint8 file predicts. Raises ModelError where the user's
    function fails."""
    part = dataset.parts["test"]
    rows = list(range(min(MOST, len(part))))
    made = processes.over(content, contents, [np.asarray(part.inputs[end["name"]][:MOST])
                                              for end in network["inputs"]], lambda done: None)
    name = next((name for name, spec in dataset.inputs.items() if pictures.is_picture(spec.shape)), None)
    found = []
    for row in rows:
        answered = boxes.of({end["name"]: io_spec.real(end, codes[row])
                             for end, codes in zip(network["outputs"], made)})
        drawn, legend = [], []
        if name is not None:
            codes = np.asarray(part.inputs[name][row])
            marks, what = samples.marks(dataset, part, row, codes.shape[:2])
            if what:
                drawn.append(pictures.marked(codes, marks, "test sample {} with its {}".format(row, what)))
                legend.append(pictures.entry("the data", pictures.BRIGHT))
            drawn.append(pictures.marked(
                codes, pictures.Marks(boxes=[np.array(each.corners) for each in answered]),
                "test sample {} with the boxes that the uint8 file predicts".format(row), pictures.ANSWERED))
            legend.append(pictures.entry("the uint8 file", pictures.ANSWERED))
        found.append({"row": row, "pictures": drawn, "legend": legend, "said": [_said(answered)]})
    return found


def _said(boxes: List[Box]) -> str:
    if not boxes:
        return "no box predicted"
    words = [each.words for each in boxes[:MOST_WORDS] if each.words]
    more = len(boxes) - MOST_WORDS
    return "predicted {}{}{}".format("1 box" if len(boxes) == 1 else "{} boxes".format(len(boxes)),
                                   ": " + ", ".join(words) if words else "",
                                   " and {} more".format(more) if words and more > 0 else "")
