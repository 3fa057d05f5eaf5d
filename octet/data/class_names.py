"""Finds the class names of a target: those in the recipe, else those in the training labels."""

from typing import Any, Dict, List

import numpy as np

from octet.data import target_arrays
from octet.data.named_arrays import TargetArray, in_part
from octet.errors import DatasetError


def of(target: TargetArray, train: Dict[str, Any], path: str) -> List[str]:
    """The names of a target's classes: those in the recipe, else the distinct text labels, else the numbers from 0 to
    the largest training label. A value and a raw target have none. train: {pattern: array}. Raises DatasetError."""
    if target.classes is not None or target.kind in ("value", "raw"):
        return target.classes or []
    labels, name = train[target.pattern], in_part(target.pattern, "train")
    if target.kind == "labels":
        return [str(index) for index in range(target_arrays.several(labels, name, path).shape[1])]
    words = target_arrays.vocabulary(labels) if target.kind == "class" else None
    if words is not None:
        return words
    if target.kind == "class":
        labels = target_arrays.labels(labels, name, path)
    else:
        labels = target_arrays.class_map(labels, name, path)
    return [str(index) for index in range(
        _count(labels if target.ignore is None else labels[labels != target.ignore], name, path))]


def _count(labels: np.ndarray, name: str, path: str) -> int:
    """The number of classes in the training labels. Raises DatasetError if one is negative, or a number is
    missing."""
    if labels.size and labels.min() < 0:
        found = np.unique(labels)
        steps = np.unique(np.diff(found))
        shifted = "{} + {}".format(name, -int(found[0]))
        raise DatasetError("{} has the label {}".format(name, found[0]), path,
                           "A label is the index of a class, and the first class is 0.",
                           "Save {} in all parts.".format(
                               shifted if steps[0] == 1 else "({}) // {}".format(shifted, steps[0]))
                           if len(steps) == 1 and labels.ndim == 1 else "Number the classes from 0." + (
                               "" if labels.ndim == 1 else " If {} marks pixels of no known class, write ignore: "
                               "{}.".format(found[0], found[0])))
    largest = labels.max(initial=0)
    # If there are more classes than labels, a class below this size has no label.
    present = np.zeros(min(largest, labels.size) + 1, bool)
    present[labels[labels < len(present)]] = True
    if labels.size and not present.all():
        missing = int(present.argmin())
        from_one = missing == 0 and np.bincount(np.minimum(labels.reshape(-1), labels.size))[1:].all()
        raise DatasetError("{} has the label {}, but no {}".format(name, largest, missing), path,
                           "The largest label gives the number of classes, and each class needs a training example.",
                           "The labels start at 1: save {} - 1.".format(name) if from_one else
                           "Correct that label, or name the classes." + (
                               " If {} marks pixels of no known class, write ignore: {}.".format(largest, largest)
                               if largest == 255 else ""))
    return int(largest) + 1
