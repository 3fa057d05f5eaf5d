"""Finds the class names of a target: those in the recipe, else those in the training labels."""

from typing import Any, Dict, List

import numpy as np

from octet.data import target_arrays
from octet.data.named_arrays import TargetArray, in_part
from octet.errors import DatasetError


def of(answer: TargetArray, train: Dict[str, Any], path: str) -> List[str]:
    """The names of a target's classes: those in the recipe, else the distinct text labels, else the numbers from 0 to
    the largest training label. A value has none. train: {pattern: array}. Raises DatasetError."""
    if answer.classes is not None or answer.kind == "value":
        return answer.classes or []
    labels, name = train[answer.pattern], in_part(answer.pattern, "train")
    if answer.kind == "labels":
        return [str(index) for index in range(target_arrays.several(labels, name, path).shape[1])]
    words = target_arrays.vocabulary(labels) if answer.kind == "class" else None
    if words is not None:
        return words
    if answer.kind == "class":
        labels = target_arrays.labels(labels, name, path)
    else:
        labels = target_arrays.class_map(labels, name, path)
    return [str(index) for index in range(
        _count(labels if answer.ignore is None else labels[labels != answer.ignore], name, path))]


def _count(labels: np.ndarray, name: str, path: str) -> int:
    """The number of classes in the training labels. Raises DatasetError if a number is missing."""
    labels = labels[labels >= 0]  # `check` reports negative ones
    largest = labels.max(initial=0)
    present = np.zeros(min(largest, labels.size) + 1, bool)  # one of so many is skipped if any is
    present[labels[labels < len(present)]] = True
    if labels.size and not present.all():
        missing = int(present.argmin())
        from_one = missing == 0 and np.bincount(np.minimum(labels.reshape(-1), labels.size))[1:].all()
        raise DatasetError("{} has the label {}, but no {}".format(name, largest, missing), path,
                           "There are as many classes as the largest label says, and each needs a training example.",
                           "They count from 1: save {} - 1.".format(name) if from_one else
                           "Mend that label, or name the classes." + (
                               " Where {} means that nobody knows, write ignore: {}.".format(largest, largest)
                               if largest == 255 else ""))
    return int(largest) + 1
