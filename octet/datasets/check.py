"""What holds for every dataset, whatever file it came from."""

import numpy as np

from octet.datasets.codes import scale_of
from octet.datasets.dataset import PARTS, Dataset, Input, Part, Target
from octet.errors import DatasetError


def check(dataset: Dataset, where: str = "") -> Dataset:
    """`dataset`, sound: all parts with two samples or more, inputs [N, *shape] uint8 with a finite
    range, labels [N] int32 inside the classes, and a training sample for every class.

    `where` names the data in messages. Raises DatasetError for the first thing that is not so.
    """
    for spec in dataset.inputs.values():
        scale_of(spec.low, spec.high, where)
    for part_name in PARTS:
        if part_name not in dataset.parts:
            raise DatasetError("there is no {} part".format(part_name), where,
                               "A model is trained, chosen and measured on three parts.",
                               "Give all of: {}.".format(", ".join(PARTS)))
        part = dataset.parts[part_name]
        for name, spec in dataset.inputs.items():
            _check_input(part.inputs[name], spec, part_name + "." + name, where)
        for name, target in dataset.targets.items():
            _check_labels(part.targets[name], target, part_name + "." + name, where)
        _check_lengths(part, part_name, where)
    for name, target in dataset.targets.items():
        _check_every_class(dataset.parts["train"].targets[name], target, where)
    return dataset


def _check_input(codes: np.ndarray, spec: Input, name: str, where: str) -> None:
    if codes.dtype != np.uint8 or codes.shape[1:] != tuple(spec.shape):
        raise DatasetError(
            "{} is {} of shape {}, not uint8 of shape {}".format(
                name, codes.dtype, list(codes.shape), ["N"] + list(spec.shape)), where,
            "Every part feeds the same network.", "Save all parts alike.")


def _check_labels(labels: np.ndarray, target: Target, name: str, where: str) -> None:
    if labels.dtype != np.int32 or labels.ndim != 1:
        raise DatasetError("{} is {} of shape {}, not int32 of shape [N]".format(
            name, labels.dtype, list(labels.shape)), where,
            "A label is the index of a class.", "Save one label a sample.")
    bad = (labels < 0) | (labels >= len(target.classes))
    if bad.any():
        index = int(bad.argmax())
        raise DatasetError(
            "{}[{}] is {}, outside 0..{}".format(name, index, labels[index], len(target.classes) - 1),
            where, "There are {} classes.".format(len(target.classes)),
            "Mend that label, or name the class it stands for.")


def _check_lengths(part: Part, part_name: str, where: str) -> None:
    lengths = {name: len(array) for arrays in (part.inputs, part.targets)
               for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DatasetError(
            "the {} part has {}".format(part_name, ", ".join(
                "{} {}".format(count, name) for name, count in lengths.items())), where,
            "Each sample needs its own label.", "Save as many of one as of the other.")
    if len(part) < 2:
        raise DatasetError(
            "the {} part has {} sample{}".format(part_name, len(part), "" if len(part) == 1 else "s"),
            where, "Nothing can be learnt or measured on fewer than two.", "Add samples to that part.")


def _check_every_class(labels: np.ndarray, target: Target, where: str) -> None:
    counts = np.bincount(labels, minlength=len(target.classes))
    if not counts.all():
        index = int((counts == 0).argmax())
        raise DatasetError(
            "class {} ({!r}) has no training sample".format(index, target.classes[index]), where,
            "The network could never learn to answer it.", "Add samples of it, or remove the class.")
