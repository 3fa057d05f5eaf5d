"""Converts arrays of a file to arrays of targets: labels, class maps and values."""

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from octet.data.codes import refuse
from octet.errors import DatasetError
from octet.suggestions import suggest


def labels(values: np.ndarray, name: str, where: str, classes: Optional[Sequence[str]] = None) -> np.ndarray:
    """Labels [N] int32, from indices [N] or [N, 1], bool, or names of `classes`. Raises DatasetError for anything
    else."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1 and values.dtype.kind in "US" and classes is not None:
        return _named(values, name, where, classes)
    if values.dtype == bool:
        values = values.astype(np.uint8)
    _expect(values.dtype.kind in "iu" and values.ndim == 1, values, "integers of shape [N]", name, where,
            "A label is the index of a class.", _advice(values, name))
    return _int32(values, name, where)


def vocabulary(values: np.ndarray) -> Optional[List[str]]:
    """The sorted class names in labels that are text; None for other labels."""
    return sorted({_text(value) for value in values.reshape(-1)}) if values.dtype.kind in "US" else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _named(values: np.ndarray, name: str, where: str, classes: Sequence[str]) -> np.ndarray:
    index = {one: number for number, one in enumerate(classes)}
    texts = [_text(value) for value in values]
    for row, text in enumerate(texts):
        if text not in index:
            raise DatasetError("{}[{}] is {!r}, which is no class".format(name, row, text), where,
                               "The classes are those in `classes`, or those of the training labels.",
                               suggest(text, list(classes)))
    return np.array([index[text] for text in texts], np.int32)


def _advice(values: np.ndarray, name: str) -> str:
    """The next step for an array that does not contain labels [N]. Following it loses no information."""
    if values.dtype.kind in "biuf" and values.ndim == 2 and np.isin(values, (0, 1)).all():
        if (values.sum(1) == 1).all():
            return "It is one-hot: save {}.argmax(1).".format(name)
        return "It has several 0 or 1 for each sample: declare it in data.args.targets with kind: labels."
    if values.dtype.kind == "f" and values.ndim == 1:
        if np.isfinite(values).all() and (values == np.rint(values)).all():
            return "They are integers: save {}.astype('int32').".format(name)
        return "They are no integers: declare it in data.args.targets with kind: value."
    if values.dtype.kind in "biuf" and values.ndim in (3, 4):
        return "It has a number for each pixel: declare it in data.args.targets with kind: class_map, or value."
    return "Save one integer for each sample."


def several(values: np.ndarray, name: str, where: str) -> np.ndarray:
    """Labels [N, C] uint8, 0 or 1 each. Raises DatasetError for other values."""
    _expect(values.dtype.kind in "biuf" and values.ndim == 2, values, "0 or 1 of shape [N, classes]", name, where,
            "Each sample has a 1 for each of its classes, and 0 for the others.",
            "Save one column for each class; for one label a sample, use kind: class.")
    refuse(~np.isin(values, (0, 1)), values, 0, name, where,
            "Each sample has a 1 for each of its classes, and 0 for the others.",
            "Correct that label; for real numbers, use kind: value.")
    return values.astype(np.uint8)


def class_map(values: np.ndarray, name: str, where: str) -> np.ndarray:
    """Labels [N, H, W] int32. Raises DatasetError unless there is one integer for each pixel."""
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.dtype == bool:
        values = values.astype(np.uint8)
    whole = values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all()
    _expect(values.dtype.kind in "iu" and values.ndim == 3, values, "integers of shape [N, H, W]",
            name, where, "A label is the index of a class, one for each pixel.",
            "It is one-hot: save {}.argmax(3).".format(name) if values.ndim == 4 and values.dtype.kind in "biuf"
            and np.isin(values, (0, 1)).all() and (values.sum(3) == 1).all()
            else "They are integers: save {}.astype('int32').".format(name) if whole and values.ndim == 3
            else "Save one integer for each pixel; for real numbers, use kind: value.")
    return _int32(values, name, where)


def values(numbers: np.ndarray, name: str, where: str) -> np.ndarray:
    """Values [N, ...] float32; [N] becomes [N, 1]. Raises DatasetError for anything but numbers that are finite in
    float32."""
    _expect(numbers.dtype.kind in "fiub" and numbers.ndim >= 1, numbers, "numbers of shape [N, ...]",
            name, where, "A value is one or more real numbers for each sample.",
            "Save numbers; for names of classes, use kind: class.")
    if numbers.ndim == 1:
        numbers = numbers[:, None]
    largest = np.finfo(np.float32).max
    refuse(~(np.abs(numbers.astype(np.float64)) <= largest), numbers, 0, name, where,
            "It is no finite float32: the loss would not be finite.", "Correct or remove that sample.")
    return numbers.astype(np.float32)


def columns(train: np.ndarray, name: str, where: str, names: Optional[Sequence[str]] = None
            ) -> List[Tuple[float, float]]:
    """(low, high) of each column of values [N, columns]. names: what the columns are called in errors; by default
    "column 0 of NAME". Raises DatasetError for another shape, and for a column with only one value."""
    _expect(train.ndim == 2, train, "values of shape [N, columns]", name, where,
            "Each column is scaled separately.", "Leave out `scale`.")
    ends = [(float(low), float(high)) for low, high in zip(train.min(0), train.max(0))]
    for index, (low, high) in enumerate(ends):
        if low == high:
            column = names[index] if names else "column {} of {}".format(index, name)
            raise DatasetError("{} is {:g} in every training sample".format(column, low), where,
                               "A column with one value has no range, and there is nothing to learn.",
                               "Leave out that column.")
    return ends


def by_column(numbers: np.ndarray, ends: Sequence[Tuple[float, float]]) -> np.ndarray:
    """Values [N, columns] float32, scaled so that (low, high) of each column become 0 and 1."""
    low, high = np.array(ends, np.float64).T
    return ((numbers - low) / (high - low)).astype(np.float32)


def _int32(values: np.ndarray, name: str, where: str) -> np.ndarray:
    limits = np.iinfo(np.int32)
    refuse((values < limits.min) | (values > limits.max), values, 0, name, where,
            "A label is the index of a class, and must fit int32.", "Correct that label.")
    return values.astype(np.int32)


def _expect(holds: bool, values: np.ndarray, form: str, name: str, where: str, why: str, step: str) -> None:
    if not holds:
        raise DatasetError("{} is {} of shape {}, not {}".format(
            name, values.dtype, list(values.shape), form), where, why, step)
