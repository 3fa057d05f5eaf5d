"""Validates a dataset: the checks that apply to every dataset."""

from itertools import chain
from typing import Dict, Optional, Sequence, Tuple

import numpy as np

from octet.data import classes
from octet.data.codes import ROWS
from octet.data.dataset import COUNT, EXTRA_KINDS, KINDS, PARTS, Dataset, Extra, Input, Part, Target, scale_of
from octet.errors import DatasetError


def check(dataset: Dataset, where: str, parts: Sequence[str] = PARTS) -> Dataset:
    """Returns `dataset` after these checks: it has all of `parts`, with at least two samples each. Inputs are [N,
    *shape] uint8 with a finite range. Labels are int32 class indices, one for each sample ('class') or pixel
    ('class_map'), or uint8 0 and 1 for each class ('labels'); every class has a training example. Values are [N,
    *shape] float32, all finite. Extras are as in `Extra`. If only some samples were read, only these are checked.

    where: names the data in messages. Raises DatasetError for the first violation.
    """
    _check_names(dataset, where)
    for spec in dataset.inputs.values():
        scale_of(spec.low, spec.high, where)
    train_counts: Dict[str, Optional[np.ndarray]] = {}
    for part_name in parts:
        if part_name not in dataset.parts:
            raise DatasetError("there is no {} part".format(part_name), where,
                               "A model is trained on one part, selected on another and measured on the third.",
                               "Provide the parts {}.".format(", ".join(PARTS)))
        part = dataset.parts[part_name]
        for name, spec in dataset.inputs.items():
            _check_input(part.inputs[name], spec, part_name + "." + name, where)
        for name, target in dataset.targets.items():
            counts = _check_target(part.targets[name], target, part_name + "." + name, where)
            if part_name == "train":
                train_counts[name] = counts
        _check_extras(dataset, part, part_name, where)
        _check_lengths(part, part_name, where)
    for name, target in dataset.targets.items():
        whole = dataset.samples is None or name in dataset.answers.get("train", {})
        if target.kind not in ("value", "raw") and "train" in parts and whole:
            labels = dataset.answers.get("train", {}).get(name)  # of all samples, if only some were read
            _check_every_class(train_counts[name] if labels is None else classes.counts(target, labels), name, target,
                               where)
    return dataset


def _check_names(dataset: Dataset, where: str) -> None:
    sides: Tuple[Tuple[str, Sequence[str]], ...] = (("input", list(dataset.inputs)), ("target", list(dataset.targets)))
    for kind, declared in sides:
        if not declared:
            raise DatasetError("there is no {}".format(kind), where,
                               "A network is trained from inputs to targets.", "Name at least one.")
        for part_name, part in dataset.parts.items():
            arrays = getattr(part, kind + "s")
            if set(arrays) != set(declared):
                raise DatasetError(
                    "the {} part has the {}s {}".format(part_name, kind, ", ".join(sorted(arrays))), where,
                    "The dataset declares: {}.".format(", ".join(sorted(declared))),
                    "Use the same names in every part.")
    for name, target in dataset.targets.items():
        if target.kind not in KINDS:
            raise DatasetError("the target '{}' is of kind {!r}".format(name, target.kind), where,
                               "The kind decides the loss and what is measured.",
                               "Use one of: {}.".format(", ".join(KINDS)))
        repeated = [each for place, each in enumerate(target.classes) if each in target.classes[:place]]
        if repeated:
            raise DatasetError("two classes of '{}' are called {!r}".format(name, repeated[0]), where,
                               "Predictions of them could not be distinguished.", "Give each class its own name.")
    for name, extra in dataset.extras.items():
        _check_extra(name, extra, dataset, where)


def _check_extra(name: str, extra: Extra, dataset: Dataset, where: str) -> None:
    """Raises DatasetError for a wrong declaration of an extra."""
    if extra.kind not in EXTRA_KINDS:
        raise DatasetError("the extra '{}' is of kind {!r}".format(name, extra.kind), where,
                           "The kind decides how it is transformed with the picture.",
                           "Use one of: {}.".format(", ".join(EXTRA_KINDS)))
    last = {"boxes": 4, "keypoints": 2}.get(extra.kind)
    if last is not None and (len(extra.shape) != 2 or extra.shape[1] != last):
        raise DatasetError("the extra '{}' is of shape {}".format(name, list(extra.shape)), where,
                           "{} are [n, {}] for each sample.".format(extra.kind.capitalize(), last),
                           "Declare Extra({!r}, (n, {})), n the most that a sample has.".format(extra.kind, last))
    pictures = [spec.shape[:2] for spec in dataset.inputs.values() if len(spec.shape) == 3]
    if extra.kind != "array" and not pictures:
        raise DatasetError("the extra '{}' is of kind {}, and no input is a picture".format(name, extra.kind), where,
                           "It lies in the pixels of a picture of shape [height, width, channels].",
                           "Declare it with kind 'array'.")
    if extra.kind == "mask" and tuple(extra.shape) not in [tuple(size) for size in pictures]:
        raise DatasetError("the extra '{}' is of shape {}, the picture of {}".format(
            name, list(extra.shape), " and ".join(str(list(size)) for size in pictures)), where,
            "A mask has a value for each pixel.", "Save the masks at the size of the pictures.")
    if extra.dtype not in ("float32", "int32"):
        raise DatasetError("the extra '{}' is of dtype {!r}".format(name, extra.dtype), where,
                           "It is fed to TensorFlow.", "Use 'float32' or 'int32'.")
    taken = [array for other, each in dataset.extras.items() if other != name for array in each.arrays(other)]
    repeated = sorted(set(extra.arrays(name)) & set(taken))
    if repeated:
        raise DatasetError("two extras have an array '{}'".format(repeated[0]), where,
                           "The numbers of boxes are in the array with the name of the boxes and {!r}.".format(COUNT),
                           "Rename one of them.")


def _check_extras(dataset: Dataset, part: Part, part_name: str, where: str) -> None:
    declared = {array: form for name, extra in dataset.extras.items() for array, form in extra.arrays(name).items()}
    if set(part.extras) != set(declared):
        raise DatasetError(
            "the {} part has the extras {}".format(part_name, ", ".join(sorted(part.extras)) or "none"), where,
            "The dataset declares the arrays: {}.".format(", ".join(sorted(declared)) or "none"),
            "Use the same names in every part.")
    for array, (dtype, shape) in declared.items():
        _check_form(part.extras[array], np.dtype(dtype).type, shape, part_name + "." + array, where,
                    "It is passed to losses and metrics.", "Save all parts with the same type and shape.")
        if dtype == "float32":
            _check_finite(part.extras[array], part_name + "." + array, where)
    for name, extra in dataset.extras.items():
        if extra.kind != "boxes":
            continue
        counts, most = part.extras[name + COUNT], extra.shape[0]
        bad = (counts < 0) | (counts > most)
        if bad.any():
            row = int(bad.argmax())
            raise DatasetError("{}.{}[{}] is {}, outside 0..{}".format(part_name, name + COUNT, row, counts[row], most),
                               where, "It is the number of boxes, of at most {}.".format(most),
                               "Correct that number, or declare more boxes.")
        _check_boxes(part.extras[name], counts, part_name + "." + name, where)


def _check_boxes(boxes: np.ndarray, counts: np.ndarray, name: str, where: str) -> None:
    inverted = (boxes[..., 2:] < boxes[..., :2]).any(-1) & (np.arange(boxes.shape[1]) < counts[:, None])
    if inverted.any():
        row, box = np.unravel_index(int(inverted.argmax()), inverted.shape)
        raise DatasetError("{}{} is {}".format(name, _at((row, box)), boxes[row, box].tolist()), where,
                           "A box is y0, x0, y1, x1, with y0 <= y1 and x0 <= x1.",
                           "Save the upper left corner first, y before x.")


def _check_input(codes: np.ndarray, spec: Input, name: str, where: str) -> None:
    _check_form(codes, np.uint8, spec.shape, name, where, "Every part is an input of the same network.",
                "Save all parts with the same type and shape.")


def _check_target(answers: np.ndarray, target: Target, name: str, where: str) -> Optional[np.ndarray]:
    """The number of samples, or of pixels, of each class [C]; None for a target without classes. Each array is read
    once, because masks that are kept encoded are decoded when they are read."""
    if target.kind == "raw":
        if answers.dtype != np.float32 or answers.shape[1:] != (0,):
            raise DatasetError("{} is {} of shape {}, not float32 of shape [N, 0]".format(
                name, answers.dtype, list(answers.shape)), where, "A raw target has no values.",
                "Use numpy.zeros((N, 0), numpy.float32), and put what is known about a sample into an extra.")
        return None
    if target.kind == "value":
        _check_form(answers, np.float32, target.shape, name, where,
                    "A value has the same shape in every sample.", "Save all parts with the same shape.")
        _check_finite(answers, name, where)
        return None
    if target.kind == "labels":
        _check_form(answers, np.uint8, (len(target.classes),), name, where,
                    "Each sample has a 1 for each of its classes, and 0 for the others.",
                    "Save one column for each class.")
        if (answers > 1).any():
            index = np.unravel_index(int((answers > 1).argmax()), answers.shape)
            raise DatasetError("{}{} is {}, not 0 or 1".format(name, _at(index), answers[index]), where,
                               "It says whether the sample belongs to the class.", "Correct that label.")
        return classes.counts(target, answers)
    shape, each = (target.shape, "pixel") if target.kind == "class_map" else ((), "sample")
    _check_form(answers, np.int32, shape, name, where, "A label is the index of a class.",
                "Save one label for each {}.".format(each))
    counts = np.zeros(len(target.classes), np.int64)
    for start in range(0, len(answers), ROWS):
        rows = answers[start:start + ROWS]
        _check_labels(rows, start, target, name, where)
        counts += classes.counts(target, rows)
    if len(answers) and not counts.any():
        raise DatasetError("every pixel of {} is {}, which is ignored".format(name, target.ignore), where,
                           "There is nothing to learn or measure.", "Label some pixels, or correct `ignore`.")
    return counts


def _check_labels(rows: np.ndarray, start: int, target: Target, name: str, where: str) -> None:
    """Raises DatasetError for a label outside the classes. start: the number of samples before these rows."""
    bad = (rows < 0) | (rows >= len(target.classes))
    if target.ignore is not None:
        bad &= rows != target.ignore
    if bad.any():
        first = np.unravel_index(int(bad.argmax()), bad.shape)
        raise DatasetError(
            "{}{} is {}, outside 0..{}".format(name, _at((first[0] + start,) + first[1:]), rows[first],
                                               len(target.classes) - 1),
            where, "There are {} classes.".format(len(target.classes)),
            "Correct that label, or name its class{}.".format(
                "; if it marks pixels of no known class, write ignore: {}".format(rows[first])
                if target.kind == "class_map" and target.ignore is None else ""))


def _check_form(array: np.ndarray, dtype: type, shape: Sequence[int], name: str, where: str, why: str,
                step: str) -> None:
    if array.dtype != dtype or array.ndim != 1 + len(shape) or array.shape[1:] != tuple(shape):
        raise DatasetError("{} is {} of shape {}, not {} of shape [{}]".format(
            name, array.dtype, list(array.shape), np.dtype(dtype).name,
            ", ".join(map(str, chain(["N"], shape)))), where, why, step)
    if 0 in shape:
        raise DatasetError("{} is of shape {}: it is empty".format(name, list(array.shape)), where,
                           "Each sample needs a number.", "Save at least one number for each sample.")


def _check_finite(values: np.ndarray, name: str, where: str) -> None:
    for start in range(0, len(values), ROWS):
        bad = ~np.isfinite(values[start:start + ROWS])
        if bad.any():
            first = np.unravel_index(int(bad.argmax()), bad.shape)
            index = (first[0] + start,) + first[1:]
            raise DatasetError("{}{} is {}".format(name, _at(index), values[index]), where,
                               "The loss would not be finite.", "Correct or remove that sample.")


def _check_lengths(part: Part, part_name: str, where: str) -> None:
    lengths = {name: len(array) for arrays in (part.inputs, part.targets, part.extras)
               for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DatasetError(
            "the {} part has {}".format(part_name, ", ".join(
                "{} {}".format(count, name) for name, count in lengths.items())), where,
            "All arrays of a part have an entry for each sample.",
            "Save the same number of entries in all of them.")
    if len(part) < 2:
        raise DatasetError(
            "the {} part has {} sample{}".format(part_name, len(part), "" if len(part) == 1 else "s"),
            where, "A part needs at least two samples.", "Add samples to that part.")


def _check_every_class(counts: Optional[np.ndarray], name: str, target: Target, where: str) -> None:
    """Raises DatasetError unless there are two classes, and each has a training sample. counts: of each class."""
    if len(target.classes) < (1 if target.kind == "labels" else 2):
        raise DatasetError("the target '{}' has {} class{}".format(
            name, len(target.classes), "" if len(target.classes) == 1 else "es"), where,
            "A network learns to distinguish classes.", "Name two classes or more.")
    if counts is not None and not counts.all():
        index = int((counts == 0).argmax())
        each = "pixel" if target.kind == "class_map" else "sample"
        raise DatasetError(
            "class {} ({!r}) has no training {}".format(index, target.classes[index], each), where,
            "The network could not learn to predict it for the target '{}'.".format(name),
            "Add {}s of it, or remove the class.".format(each))


def _at(index: Sequence[int]) -> str:
    return str([int(number) for number in index])
