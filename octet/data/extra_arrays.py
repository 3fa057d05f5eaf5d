"""Converts arrays of a file to the extras of a dataset: masks, boxes, keypoints and other arrays."""

from typing import Any, Dict, Tuple

import numpy as np

from octet.data import target_arrays
from octet.data.dataset import COUNT, Extra
from octet.data.named_arrays import ExtraArray, in_part
from octet.errors import DatasetError

LAST = {"boxes": 4, "keypoints": 2}  # length of the last axis


def of_part(extras: Dict[str, ExtraArray], found: Dict[str, Any], part: str, path: str) -> Dict[str, Any]:
    """{array of the part's extras: its values}. found: {pattern: array of the file}. Raises DatasetError."""
    made: Dict[str, Any] = {}
    for name, extra in extras.items():
        values, label = found[extra.pattern], in_part(extra.pattern, part)
        if extra.kind == "mask":
            made[name] = target_arrays.class_map(values, label, path)
            continue
        _expect_numbers(values, extra.kind, label, path)
        if extra.kind == "boxes":
            count = found[extra.counts] if extra.counts else None
            made[name], made[name + COUNT] = _boxes(values, count, label, in_part(extra.counts, part), path)
        else:
            is_real = values.dtype.kind == "f" or extra.kind == "keypoints"
            made[name] = values.astype(np.float32 if is_real else np.int32)
    return made


def declared(extras: Dict[str, ExtraArray], train: Dict[str, Any]) -> Dict[str, Extra]:
    """The declarations of the extras. train: the result of `of_part` for the train part."""
    return {name: Extra(extra.kind, train[name].shape[1:], extra.placeless,
                        train[name].dtype.name if extra.kind == "array" else "float32")
            for name, extra in extras.items()}


def _expect_numbers(values: np.ndarray, kind: str, name: str, path: str) -> None:
    last = LAST.get(kind)
    if values.dtype.kind not in "biuf" or last and (values.ndim != 3 or values.shape[2] != last):
        raise DatasetError(
            "{} is {} of shape {}, not numbers of shape {}".format(
                name, values.dtype, list(values.shape), "[N, n, {}]".format(last) if last else "[N, ...]"), path,
            {"boxes": "A box is y0, x0, y1, x1 in pixels of the picture.",
             "keypoints": "A keypoint is y, x in pixels of the picture."}.get(
                 kind, "It is passed to losses and metrics."),
            "Save an array of that shape; n is the most that a sample has." if last else "Save numbers.")
    limits = np.iinfo(np.int32)
    if values.dtype.kind in "iu" and values.size and (values.min() < limits.min or values.max() > limits.max):
        raise DatasetError("{} has values outside of int32".format(name), path, "It is fed to TensorFlow as int32.",
                           "Save {}.astype('float32').".format(name))


def _boxes(values: np.ndarray, count: Any, name: str, name_of_count: str,
           path: str) -> Tuple[np.ndarray, np.ndarray]:
    """(boxes [N, n, 4] float32 with 0 as padding, the number of boxes [N] int32). count: None, or [N]. Without it, a
    box of NaN is padding."""
    boxes = values.astype(np.float32)
    if count is None:
        padding = np.isnan(boxes).all(axis=2)
        numbers = (~padding).sum(axis=1)
    else:
        numbers = np.asarray(count)
        if numbers.dtype.kind not in "iu" or numbers.shape != boxes.shape[:1] or numbers.size and (
                numbers.min() < 0 or numbers.max() > boxes.shape[1]):
            raise DatasetError(
                "{} is {} of shape {}{}".format(
                    name_of_count, numbers.dtype, list(numbers.shape), ", from {} to {}".format(
                        numbers.min(), numbers.max()) if numbers.size and numbers.dtype.kind in "iuf" else ""), path,
                "It is the number of boxes of each of the {} samples, at most {}.".format(*boxes.shape[:2]),
                "Save integers of shape [{}] from 0 to {}.".format(*boxes.shape[:2]))
        padding = np.arange(boxes.shape[1]) >= numbers[:, None]
    misplaced = padding[:, :-1] & ~padding[:, 1:]
    if misplaced.any():
        raise DatasetError("{}[{}] has a box behind padding".format(name, int(np.argmax(misplaced.any(axis=1)))), path,
                           "The boxes of a sample come first, and then the padding of NaN.",
                           "Move the boxes of the sample to the front.")
    incomplete = np.isnan(boxes).any(axis=2) & ~padding
    if incomplete.any():
        sample, box = np.argwhere(incomplete)[0]
        raise DatasetError("{}[{}, {}] has NaN".format(name, sample, box), path,
                           "A box has four numbers. Only padding is NaN, in all four.", "Correct or remove that box.")
    boxes[padding] = 0
    return boxes, numbers.astype(np.int32)
