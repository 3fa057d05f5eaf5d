"""Your own pictures, *.png, *.jpg or *.jpeg: a folder for each class

    path/{train,validation,test}/<class>/*.png

or, where the classes of `masks` are named, a mask for each picture, an 8-bit PNG of its name whose pixels,
palette or grey, are the classes' indices:

    path/{train,validation,test}/images/street.jpg
    path/{train,validation,test}/masks/street.png
"""

import json
import os
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from octet import digest as digests
from octet.datasets import content
from octet.datasets.dataset import PARTS, Dataset, Input, Part, Target, scale_of
from octet.errors import DatasetError

ENDINGS = (".png", ".jpg", ".jpeg")


class Picture(NamedTuple):
    """One sample's files, below the dataset's folder; it has a class or a mask."""

    file: str
    name: str = ""
    mask: str = ""


def load(path: str, size: Sequence[int], channels: int = 3, low: float = 0.0, high: float = 1.0,
         validation: float = 0.1, masks: Optional[Sequence] = None) -> Dataset:
    """image [N, H, W, channels] uint8 in [low, high], resized bilinearly to `size` [H, W]; label [N],
    the class folders in sorted order, or mask [N, H, W], resized to the nearest pixel.

    Without a validation folder, the last `validation` (a fraction) of the training pictures, of each
    class where they have one, are the validation part. Raises DatasetError.
    """
    import numpy as np

    from octet.datasets import pictures
    from octet.datasets.check import check

    _check_args(path, size, channels, validation, masks)
    found = _pictures(path, validation, masks is not None)
    shape = (size[0], size[1], channels)
    if masks is None:
        classes = sorted({picture.name for part in found.values() for picture in part})
        targets = {"label": Target("class", classes)}
        answers = {part: {"label": np.array([classes.index(picture.name) for picture in of_part], np.int32)}
                   for part, of_part in found.items()}
    else:
        targets = {"mask": Target("class_map", [str(name) for name in masks], (size[0], size[1]))}
        answers = {part: {"mask": pictures.decode_masks(
            [os.path.join(path, picture.mask) for picture in of_part], size, len(masks))}
            for part, of_part in found.items()}
    return check(Dataset(
        inputs={"image": Input(shape, low, high)}, targets=targets,
        parts={part: Part({"image": pictures.decode([os.path.join(path, picture.file) for picture in of_part],
                                                    shape)}, answers[part])
               for part, of_part in found.items()}), path)


def digest(part: str, path: str, size: Sequence[int], channels: int = 3, low: float = 0.0, high: float = 1.0,
           validation: float = 0.1, masks: Optional[Sequence] = None) -> str:
    """The sha256 of that part's file names and contents, and of how they are decoded."""
    content.known_part(part)
    _check_args(path, size, channels, validation, masks)
    scale_of(low, high, path)
    return digests.of_bytes(json.dumps([_hashes(part, path, validation, masks is not None), list(size), channels,
                                        float(low), float(high)]).encode())


def files(part: str, path: str, size: Sequence[int], channels: int = 3, low: float = 0.0, high: float = 1.0,
          validation: float = 0.1, masks: Optional[Sequence] = None) -> Dict[str, str]:
    """{file: sha256} of that part, pictures and masks."""
    return dict(_hashes(part, path, validation, masks is not None))


def _hashes(part: str, path: str, validation: float, masked: bool) -> List[Tuple[str, str]]:
    found = [file for picture in _pictures(path, validation, masked)[part]
             for file in (picture.file, picture.mask) if file]
    hashes = digests.cached_all([os.path.join(path, file) for file in found], "file", digests.of_file)
    in_part = [file.split(os.sep, 1)[1] for file in found]  # held out of train/ or in validation/: alike
    return list(zip(in_part, hashes))


def _pictures(path: str, validation: float, masked: bool) -> Dict[str, List[Picture]]:
    """The pictures of each part."""
    if not os.path.isdir(path):
        raise DatasetError("no such folder", path, "The dataset is read from it.",
                           "Check data.args.path in the recipe.")
    find = _with_masks if masked else _in_classes
    found = {part: find(path, part) for part in PARTS if os.path.isdir(os.path.join(path, part))}
    if "validation" not in found and "train" in found:
        found["train"], found["validation"] = _hold_out(found["train"], validation)
    for part in PARTS:
        if not found.get(part):
            raise DatasetError("no pictures in {}/".format(part), path,
                               "Pictures are looked for in {}/{}/*{}.".format(
                                   part, "images" if masked else "<class>", ", *".join(ENDINGS)),
                               "Put the {} pictures there{}.".format(
                                   part, "" if masked else ", one folder a class"))
    return found


def _in_classes(path: str, part: str) -> List[Picture]:
    found = []
    for name in sorted(os.listdir(os.path.join(path, part))):
        folder = os.path.join(path, part, name)
        if os.path.isdir(folder) and not name.startswith("."):
            found.extend(Picture(os.path.join(part, name, file), name=name) for file in _listed(folder))
    return found


def _with_masks(path: str, part: str) -> List[Picture]:
    folders = {name: os.path.join(part, name) for name in ("images", "masks")}
    names = {name: _listed(os.path.join(path, folder), (".png",) if name == "masks" else ENDINGS)
             if os.path.isdir(os.path.join(path, folder)) else [] for name, folder in folders.items()}
    stems = {name: {os.path.splitext(file)[0]: file for file in files} for name, files in names.items()}
    for mine, other in (("images", "masks"), ("masks", "images")):
        alone = [file for file in names[mine] if os.path.splitext(file)[0] not in stems[other]]
        if alone:
            raise DatasetError(
                "{} has nothing of its name in {}/".format(os.path.join(folders[mine], alone[0]), folders[other]),
                path, "A picture and its mask have one name: street.jpg and street.png.",
                "Add the other, or remove this one{}.".format(
                    "" if len(alone) == 1 else "; {} more are alone".format(len(alone) - 1)))
    return [Picture(os.path.join(folders["images"], file),
                    mask=os.path.join(folders["masks"], stems["masks"][os.path.splitext(file)[0]]))
            for file in names["images"]]


def _listed(folder: str, endings: Sequence[str] = ENDINGS) -> List[str]:
    """The names of the pictures in a folder, sorted; hidden files are none. Raises OSError."""
    return [name for name in sorted(os.listdir(folder))
            if name.lower().endswith(tuple(endings)) and not name.startswith(".")]


def _hold_out(found: List[Picture], validation: float) -> Tuple[List[Picture], List[Picture]]:
    """(train, validation): of each class the last go to the second, one at least and never all."""
    kept, held_out = [], []
    for name in sorted({picture.name for picture in found}):
        of_class = [picture for picture in found if picture.name == name]
        count = min(len(of_class) - 1, max(1, int(round(len(of_class) * validation))))
        kept.extend(of_class[:len(of_class) - count])
        held_out.extend(of_class[len(of_class) - count:])
    return kept, held_out


def _check_args(path: str, size: Sequence[int], channels: int, validation: float,
                masks: Optional[Sequence]) -> None:
    for wrong, what, step in (
            (len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size),
             "size is {}".format(size), "Use [height, width] in pixels."),
            (channels not in (1, 3), "channels is {}".format(channels), "Use 1 (grey) or 3 (RGB)."),
            (not 0 < validation < 1, "validation is {}".format(validation), "Use a fraction, 0.1 or so."),
            (masks is not None and not isinstance(masks, (list, tuple)), "masks is {!r}".format(masks),
             "Name the classes of the masks' indices: [background, road].")):
        if wrong:
            raise DatasetError(what, path, "Pictures are decoded and split by it.", step)
