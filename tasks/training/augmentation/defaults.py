"""The augmentation of the training samples: the recipe's settings, and defaults that depend on the data."""

from types import SimpleNamespace
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from octet.data.dataset import Dataset, Part
from octet.errors import RecipeError
from tasks.training.augmentation import flip_check

GEOMETRY = ("flip", "crop", "shift", "rotate", "shear", "zoom")
COLOURS = ("brightness", "contrast", "saturation", "hue", "noise", "cutout")
MIXTURES = ("mixup", "cutmix")
UNITS = {"crop": "of the side", "shift": "of the side", "rotate": "degrees", "shear": "degrees", "hue": "degrees",
         "cutout": "of the side"}

PLACELESS = ("class", "labels")  # kinds of targets that do not depend on where things are in the picture
LEAST_SIDE = 16  # in pixels; smaller pictures are not augmented by default
CROP = 0.125  # 4 pixels of 32, as He et al. 2015, section 4.2
LARGE, CUTOUT = 1000000, 0.25  # a network of so many weights overfits without cutout (arXiv:1708.04552)


class Choice(NamedTuple):
    """on: {key of the section `augment`: value} of the augmentation that is on. why: the reason why default
    augmentation is off, for users; else ''. prepared: [height, width] of the pictures of which random crops are taken;
    None if they are not cropped."""

    on: Dict[str, Any]
    why: str = ""
    prepared: Optional[Tuple[int, int]] = None

    @property
    def varies(self) -> bool:
        """Whether training samples differ from one epoch to the next."""
        return bool(self.on) or self.prepared is not None

    @property
    def words(self) -> str:
        """The augmentation that is on, as text."""
        crops = "" if self.prepared is None else "random crops of pictures of {}x{}; ".format(*self.prepared)
        if not self.on:
            return crops + ("no other augmentation" if crops else "no augmentation") + (
                ": " + self.why if self.why else "")
        each = ["{} {}".format(key, " ".join(str(part) for part in (
            "{:g}".format(value) if isinstance(value, float) else value, UNITS.get(key)) if part is not None))
            for key, value in self.on.items()]
        return crops + "augmented: {}{}".format(", ".join(each), "; " + self.why if self.why else "")


def chosen(section: SimpleNamespace, dataset: Dataset, part: Part, weights: int) -> Choice:
    """The augmentation of the part. weights: the size of the network's kernels (`size_of`).

    Raises RecipeError for augmentation that the dataset does not allow.
    """
    preset, why = section.preset, ""
    if preset == "auto":
        why = _why_no_photographs(dataset)
        preset = "none" if why else "standard"
    on: Dict[str, Any] = {}
    if preset == "standard":
        _expect_pictures(dataset, "preset")
        _expect_movable(dataset, "preset")
        on, why = _standard(section, dataset, part, weights)
    of_recipe = {key: getattr(section, key) for key in GEOMETRY + COLOURS + MIXTURES
                 if getattr(section, key) is not None}
    on = {key: value for key, value in {**on, **of_recipe}.items() if value and value != "none"}
    for key in on:
        _expect_possible(dataset, key)
    if "mixup" in on and "cutmix" in on:
        raise RecipeError("mixup and cutmix are both on", where="augment.cutmix",
                          why="a sample can be mixed in only one way", next_step="set one of them to 0")
    return Choice(on, why, next((spec.prepared for spec in dataset.inputs.values()), None))


def pictures(dataset: Dataset) -> List[str]:
    """The names of the inputs that are pictures: [height, width, channels]."""
    return [name for name, spec in dataset.inputs.items() if len(spec.shape) == 3]


def size_of(weights: Iterable[np.ndarray]) -> int:
    """The number of elements in the kernels among the weights."""
    return sum(weight.size for weight in weights if weight.ndim >= 2)


def _standard(section: SimpleNamespace, dataset: Dataset, part: Part, weights: int) -> Tuple[Dict[str, Any], str]:
    """({key: value} of the preset `standard`, the reason why flip is off, or '')."""
    on: Dict[str, Any] = {"crop": CROP} if part.uncropped is None else {}  # else the crops shift the picture
    if weights >= LARGE:
        on["cutout"] = CUTOUT
    if section.flip is not None:
        return on, ""
    why = _why_no_flip(dataset, part)
    return ({**on, "flip": "none"} if why else {"flip": "horizontal", **on}), why


def _why_no_photographs(dataset: Dataset) -> str:
    """The reason why the dataset is not augmented by default; '' where it classifies colour pictures."""
    shapes = [tuple(spec.shape) for spec in dataset.inputs.values()]
    if len(shapes) != 1 or len(shapes[0]) != 3:
        return "the input is no picture" if len(shapes) == 1 else "the network has several inputs"
    if shapes[0][2] != 3:
        return "the pictures are not in colour; `augment: standard` turns it on"
    if min(shapes[0][:2]) < LEAST_SIDE:
        return "the pictures are smaller than {} pixels; `augment: standard` turns it on".format(LEAST_SIDE)
    if any(target.kind not in PLACELESS for target in dataset.targets.values()) or _placed_extras(dataset):
        return "the task is not classification only; set what is right for it in the section `augment`"
    return ""


def _why_no_flip(dataset: Dataset, part: Part) -> str:
    """The reason why pictures are not flipped by default; '' where they are."""
    (name, *_) = pictures(dataset)
    for target, spec in dataset.targets.items():
        if spec.kind != "class":
            return "not flipped: the data does not show whether a flip keeps {} (augment.flip)".format(target)
        keep = flip_check.keep_their_class(part.inputs[name], part.targets[target])
        if keep is None:
            return "not flipped: the pictures do not show whether a flip keeps their {} (augment.flip)".format(target)
        if not keep:
            return "not flipped: mirrored pictures look like pictures of another {}".format(target)
    return ""


def _expect_possible(dataset: Dataset, key: str) -> None:
    """Raises RecipeError where the dataset does not allow the augmentation `key`."""
    if key in GEOMETRY + COLOURS:
        _expect_pictures(dataset, key)
    if key in GEOMETRY:
        _expect_movable(dataset, key)
    if key in ("saturation", "hue") and any(dataset.inputs[name].shape[2] != 3 for name in pictures(dataset)):
        _refuse(key, "the pictures are not in colour", "{} needs red, green and blue".format(key))
    if key == "cutmix" and (len(dataset.inputs) > 1 or not pictures(dataset)
                            or any(target.kind not in PLACELESS for target in dataset.targets.values())
                            or _placed_extras(dataset)):
        _refuse(key, "cutmix is for the classification of one picture",
                "it weights the two classes by the areas that their pictures have")


def _placed_extras(dataset: Dataset) -> List[str]:
    """The extras whose values depend on where things are in the picture."""
    return [name for name, extra in dataset.extras.items() if not extra.placeless]


def _expect_pictures(dataset: Dataset, key: str) -> None:
    if not pictures(dataset):
        _refuse(key, "no input of the dataset is a picture", "a picture has the shape [height, width, channels]; the "
                "inputs are " + ", ".join("{} {}".format(name, list(spec.shape))
                                          for name, spec in dataset.inputs.items()))


def _expect_movable(dataset: Dataset, key: str) -> None:
    fixed = [name for name, target in dataset.targets.items() if target.kind not in PLACELESS + ("class_map", "raw")]
    for name, extra in dataset.extras.items():
        if extra.kind == "array" and not extra.placeless:
            _refuse(key, "the extra {} may depend on where things are in the picture".format(name),
                    "masks, boxes and keypoints are moved with the picture; an extra of kind array is not",
                    "leave {} out of the section augment; or declare the extra with placeless=True, if it does not "
                    "depend on where things are".format(key))
    if fixed:
        _refuse(key, "the target {} may depend on where things are in the picture".format(fixed[0]),
                "a moved picture would have the target of the original one")


def _refuse(key: str, what: str, why: str, next_step: Optional[str] = None) -> None:
    raise RecipeError(what, where="augment." + key, why=why,
                      next_step=next_step or "leave {} out of the section augment".format(key))
