"""Your own pictures: path/{train,validation,test}/<class>/*.png, *.jpg or *.jpeg."""

import json
import os
from typing import Dict, List, Sequence, Tuple

import numpy as np
from PIL import Image

from octet import digest as digests
from octet.datasets import content
from octet.datasets.check import check
from octet.datasets.dataset import PARTS, Dataset, Input, Part, Target
from octet.errors import DatasetError

ENDINGS = (".png", ".jpg", ".jpeg")
MODES = {1: "L", 3: "RGB"}

Files = List[Tuple[str, str]]  # (class, path below the dataset's folder), sorted


def load(path: str, size: Sequence[int], channels: int = 3, low: float = 0.0, high: float = 1.0,
         validation: float = 0.1) -> Dataset:
    """image [N, H, W, channels] uint8 in [low, high], resized bilinearly to `size` [H, W]; label [N],
    the class folders in sorted order.

    Without a validation folder, the last `validation` (a fraction) of each class's training
    pictures are the validation part. Raises DatasetError.
    """
    _check_args(path, size, channels, validation)
    files = _files(path, validation)
    classes = sorted({name for part in files.values() for name, _ in part})
    shape = (size[0], size[1], channels)
    return check(Dataset(
        inputs={"image": Input(shape, low, high)},
        targets={"label": Target("class", classes)},
        parts={name: Part({"image": _decode(path, part, shape)},
                          {"label": np.array([classes.index(c) for c, _ in part], np.int32)})
               for name, part in files.items()}), path)


def digest(part: str, path: str, size: Sequence[int], channels: int = 3, low: float = 0.0,
           high: float = 1.0, validation: float = 0.1) -> str:
    """The sha256 of that part's file names and contents, and of how they are decoded."""
    content.known_part(part)
    _check_args(path, size, channels, validation)
    names = [name for _, name in _files(path, validation)[part]]
    hashes = digests.cached_all([os.path.join(path, name) for name in names], "file", digests.of_file)
    in_part = [name.split(os.sep, 1)[1] for name in names]  # held out of train/ or in validation/: alike
    return digests.of_bytes(json.dumps(
        [list(zip(in_part, hashes)), list(size), channels, float(low), float(high)]).encode())


def _files(path: str, validation: float) -> Dict[str, Files]:
    """The pictures of each part."""
    if not os.path.isdir(path):
        raise DatasetError("no such folder", path, "The dataset is read from it.",
                           "Check data.args.path in the recipe.")
    files = {part: _files_of(path, part) for part in PARTS if os.path.isdir(os.path.join(path, part))}
    if "validation" not in files and "train" in files:
        files["train"], files["validation"] = _hold_out(files["train"], validation)
    for part in PARTS:
        if not files.get(part):
            raise DatasetError("no pictures in {}/".format(part), path,
                               "Pictures are looked for in {}/<class>/*{}.".format(part, ", *".join(ENDINGS)),
                               "Put the {} pictures there, one folder a class.".format(part))
    return files


def _files_of(path: str, part: str) -> Files:
    found = []
    for name in sorted(os.listdir(os.path.join(path, part))):
        folder = os.path.join(path, part, name)
        if os.path.isdir(folder) and not name.startswith("."):
            found.extend((name, os.path.join(part, name, file)) for file in sorted(os.listdir(folder))
                         if file.lower().endswith(ENDINGS) and not file.startswith("."))
    return found


def _hold_out(files: Files, validation: float) -> Tuple[Files, Files]:
    """(train, validation): of each class the last go to the second, one at least and never all."""
    kept, held_out = [], []
    for name in sorted({name for name, _ in files}):
        of_class = [file for file in files if file[0] == name]
        count = min(len(of_class) - 1, max(1, int(round(len(of_class) * validation))))
        kept.extend(of_class[:len(of_class) - count])
        held_out.extend(of_class[len(of_class) - count:])
    return kept, held_out


def _decode(path: str, files: Files, shape: Tuple[int, int, int]) -> np.ndarray:
    """The pictures, [N, H, W, C] uint8."""
    height, width, channels = shape
    images = np.empty((len(files),) + shape, np.uint8)
    for index, (_, name) in enumerate(files):
        file = os.path.join(path, name)
        try:
            with Image.open(file) as image:
                if image.mode[0] in "IF":  # convert() would clip 16 bits at 255, not scale them
                    raise ValueError("more than 8 bits a channel")
                small = image.convert(MODES[channels]).resize((width, height), Image.BILINEAR)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DatasetError("not a readable picture: {}".format(error), file,
                               "Every picture of a part is trained or measured on.",
                               "Save it anew as an 8-bit PNG or JPEG, or remove it.") from None
        images[index] = np.asarray(small).reshape(shape)
    return images


def _check_args(path: str, size: Sequence[int], channels: int, validation: float) -> None:
    for wrong, what, step in (
            (len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size),
             "size is {}".format(size), "Use [height, width] in pixels."),
            (channels not in MODES, "channels is {}".format(channels), "Use 1 (grey) or 3 (RGB)."),
            (not 0 < validation < 1, "validation is {}".format(validation), "Use a fraction, 0.1 or so.")):
        if wrong:
            raise DatasetError(what, path, "Pictures are decoded and split by it.", step)
