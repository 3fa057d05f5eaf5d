"""The meanings of a .tflite file's outputs: kind, classes, threshold and columns, in the form of network.json."""

from typing import Dict, List, Optional, Sequence

import numpy as np

from octet.data.dataset import Dataset, Target
from octet.errors import InterpreterError
from tasks.graph.io_spec import OutputEnd, OutputMeaning
from tasks.tflite import any_model
from tasks.tflite.any_model import AnyModel
from tasks.tflite.model_file import Tensor

EVEN = 0.5


def of(model: AnyModel, dataset: Dataset, known: Sequence[OutputEnd]) -> List[OutputMeaning]:
    """The meaning of each of the file's outputs, in the file's order.

    known: the outputs of network.json where Octet made the file, else empty. Thresholds are taken from it. For other
    files, the threshold of labels, and of a single score for two classes, is 0.5.
    Raises InterpreterError where an output does not have the shape that the target needs."""
    targets = dataset.targets
    shapes = {name: tuple(target.shape) + ((len(target.classes),) if target.classes else ())
              for name, target in targets.items()}
    names = any_model.matched(model.outputs, shapes, [end["name"] for end in known], "output", model.path)
    thresholds = {end["name"]: end["threshold"] for end in known}
    return [_end(tensor, name, targets[name], thresholds, model.path) for tensor, name in zip(model.outputs, names)]


def _end(tensor: Tensor, name: str, target: Target, thresholds: Dict[str, Optional[float]],
         path: str) -> OutputMeaning:
    classes = list(target.classes)
    shape, one_score = tensor.shape[1:], False
    if not classes:
        fits, wanted = int(np.prod(shape)) == int(np.prod(target.shape)), list(target.shape)
    else:
        wanted = list(target.shape) + [len(classes)]
        one_score = len(classes) == 2 and target.kind != "labels" and list(shape) == list(target.shape) + [1]
        fits = list(shape) == wanted or one_score
    if not fits:
        raise InterpreterError(
            "the file's output '{}' has the shape {}, but '{}' needs {}".format(
                tensor.name, list(shape), name, wanted), where=path,
            why="'{}' is of kind {}{}".format(name, target.kind, " with {} classes: {}".format(
                len(classes), ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")) if classes else ""),
            next_step="use the recipe whose classes the file was trained on, or another file")
    needs_threshold = target.kind == "labels" or one_score
    return {"name": name, "kind": target.kind, "classes": classes, "ignore": target.ignore,
            "columns": [list(ends) for ends in target.columns],
            "threshold": thresholds.get(name, EVEN) if needs_threshold else None}
