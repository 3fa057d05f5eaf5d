"""Crops pictures that were prepared larger than the network's input (`data.prepared_size`).

A crop of h x w of a picture of H x W begins at a row from 0 to H - h and a column from 0 to W - w. Training takes
random crops. Everything else takes the centre, which begins at row (H - h) // 2 and column (W - w) // 2 (whole numbers,
rounded down). Class maps, masks, boxes and keypoints move with their picture.
"""

import dataclasses
from typing import Any, Dict, Sequence, Tuple

import numpy as np

from octet.data.dataset import Dataset, Extra, Input, Part
from octet.data.shards import Sharded
from octet.errors import DatasetError

Size = Tuple[int, int]
"""(height, width)."""
FIXED = ("value",)  # kinds of targets that may depend on the places of things, and cannot be moved


def centre(prepared: Sequence[int], size: Sequence[int]) -> Tuple[int, int]:
    """The first row and the first column of the centre crop."""
    return (prepared[0] - size[0]) // 2, (prepared[1] - size[1]) // 2


def cropped(dataset: Dataset, prepared: Size, size: Size) -> Dataset:
    """The dataset with the centre crop of each picture. dataset: its pictures are of the size `prepared`. The samples
    as they were prepared are in `Part.uncropped`.

    Raises DatasetError where no input is a picture of that size, and for targets and extras that cannot be moved."""
    if prepared == size:
        return dataset
    _expect_croppable(dataset, prepared)
    inputs = {name: dataclasses.replace(spec, shape=size + tuple(spec.shape[2:]), prepared=prepared)
              for name, spec in dataset.inputs.items()}
    targets = {name: dataclasses.replace(target, shape=size) if target.kind == "class_map" else target
               for name, target in dataset.targets.items()}
    extras = {name: dataclasses.replace(extra, shape=size) if extra.kind == "mask" else extra
              for name, extra in dataset.extras.items()}
    start = centre(prepared, size)

    def of_part(part: Part) -> Part:
        return Part({name: _window(array, start, size) for name, array in part.inputs.items()},
                    {name: _window(array, start, size) if targets[name].kind == "class_map" else array
                     for name, array in part.targets.items()},
                    {name: _moved(array, extras.get(name), start, size) for name, array in part.extras.items()}, part)
    return dataclasses.replace(dataset, inputs=inputs, targets=targets, extras=extras, parts={
        name: of_part(part) for name, part in dataset.parts.items()})


def uncropped(dataset: Dataset) -> Dataset:
    """The description of a dataset without parts, as it was before `cropped`."""
    prepared = next((spec.prepared for spec in dataset.inputs.values() if spec.prepared is not None), None)
    if prepared is None:
        return dataset
    return dataclasses.replace(
        dataset, inputs={name: Input(prepared + tuple(spec.shape[2:]), spec.low, spec.high)
                         for name, spec in dataset.inputs.items()},
        targets={name: dataclasses.replace(target, shape=prepared) if target.kind == "class_map" else target
                 for name, target in dataset.targets.items()},
        extras={name: dataclasses.replace(extra, shape=prepared) if extra.kind == "mask" else extra
                for name, extra in dataset.extras.items()})


def random_crops(part: Part, rows: np.ndarray, uniform: np.ndarray, extras: Dict[str, Extra]) -> Part:
    """The samples `rows`, each at a random place. uniform: [rows, 2] from [0, 1), for the row and the column of each
    crop. extras: of the dataset. A part that is not cropped is returned at its only place."""
    whole = part.uncropped
    if whole is None:
        inputs, targets, known = ({name: array[rows] for name, array in arrays.items()}
                                  for arrays in (part.inputs, part.targets, part.extras))
        return Part(inputs, targets, known)
    name = next(iter(part.inputs))
    prepared, size = whole.inputs[name].shape[1:3], part.inputs[name].shape[1:3]
    most = np.subtract(prepared, size)
    starts = np.minimum((uniform * (most + 1)).astype(np.int64), most)

    def cut(array: Any, like: Any) -> np.ndarray:
        values = array[rows]
        if array.shape == like.shape:
            return values
        return np.stack([_inside(each[None], start, size)[0] for each, start in zip(values, starts)])
    return Part({name: cut(whole.inputs[name], like) for name, like in part.inputs.items()},
                {name: cut(whole.targets[name], like) for name, like in part.targets.items()},
                {name: _placed(whole.extras[name][rows], extras[name], starts[:, None], size)
                 if name in extras and extras[name].kind in ("boxes", "keypoints") else cut(whole.extras[name], like)
                 for name, like in part.extras.items()})


def _inside(pictures: np.ndarray, start: Sequence[int], size: Size) -> np.ndarray:
    return pictures[:, start[0]:start[0] + size[0], start[1]:start[1] + size[1]]


def _moved(array: Any, extra: Any, start: Tuple[int, int], size: Size) -> Any:
    """An array of extras in the crop. extra: its declaration; None for the numbers of boxes."""
    if extra is None or extra.kind == "array":
        return array
    if extra.kind == "mask":
        return _window(array, start, size)
    return _placed(np.asarray(array), extra, np.array(start), size)


def _placed(places: np.ndarray, extra: Extra, start: np.ndarray, size: Size) -> np.ndarray:
    """Boxes or keypoints [N, n, 4 or 2] in pixels of the crop. Boxes are clipped to it; a box outside has no area. A
    keypoint may lie outside. start: [2] or [N, 1, 2]."""
    if extra.kind == "keypoints":
        return (places - start).astype(np.float32)
    moved = places - np.concatenate([start, start], axis=-1)
    return np.clip(moved, 0, np.array(tuple(size) * 2)).astype(np.float32)


def _window(array: Any, start: Tuple[int, int], size: Size) -> Any:
    """The crop at `start` of each row, read when it is used."""
    return Window(array, start, size) if isinstance(array, Sharded) else _inside(array, start, size)


class Window(Sharded):
    """A window of the rows [H, W, ...] of an array in shards. It is indexed like the array."""

    def __init__(self, whole: Sharded, start: Tuple[int, int], size: Size) -> None:
        super().__init__((), whole.rows, tuple(size) + whole.shape[3:], whole.dtype)
        self._whole, self._start, self._size = whole, start, size

    def _row(self, place: np.ndarray) -> np.ndarray:
        return _inside(self._whole._row(place)[None], self._start, self._size)[0]

    def _copy(self, rows: np.ndarray) -> np.ndarray:
        return _inside(self._whole._copy(rows), self._start, self._size)


def _expect_croppable(dataset: Dataset, prepared: Size) -> None:
    for name, spec in dataset.inputs.items():
        if len(spec.shape) != 3 or tuple(spec.shape[:2]) != prepared:
            raise DatasetError(
                "the input '{}' of shape {} is no picture of prepared_size {}".format(
                    name, list(spec.shape), list(prepared)), "data.prepared_size",
                "Training crops each input, so each is a picture [height, width, channels] of that size.",
                "Leave prepared_size out, or let the dataset prepare all inputs at the size that it is given.")
    for name, target in dataset.targets.items():
        if target.kind in FIXED:
            _refuse("the target '{}'".format(name), "A cropped picture would have the target of the whole one.",
                    "Leave prepared_size out.")
    for name, extra in dataset.extras.items():
        if extra.kind == "array" and not extra.placeless:
            _refuse("the extra '{}'".format(name),
                    "Masks, boxes and keypoints move with the picture; an extra of kind array does not.",
                    "Leave prepared_size out, or declare the extra with placeless=True, if it does not depend on "
                    "places.")


def _refuse(what: str, why: str, next_step: str) -> None:
    raise DatasetError("{} may depend on where things are in the picture".format(what), "data.prepared_size", why,
                       next_step)
