"""Picture files as arrays: photographs as codes, masks as labels."""

from contextlib import contextmanager
from typing import Sequence, Tuple

import numpy as np
from PIL import Image

from octet import regular_file
from octet.errors import DatasetError

MODES = {1: "L", 3: "RGB"}  # channels: what Pillow calls it
INDEXED = ("P", "L", "1")  # Pillow's modes of one whole number a pixel


def decode(files: Sequence[str], shape: Tuple[int, int, int]) -> np.ndarray:
    """The pictures, resized bilinearly to `shape`: [N, H, W, C] uint8. Raises DatasetError that names
    the file."""
    height, width, channels = shape
    images = np.empty((len(files),) + tuple(shape), np.uint8)
    for index, file in enumerate(files):
        with _opened(file, "Save it anew as an 8-bit PNG or JPEG, or remove it.") as image:
            if image.mode[0] in "IF":  # convert() would clip 16 bits at 255, not scale them
                raise ValueError("more than 8 bits a channel")
            small = image.convert(MODES[channels]).resize((width, height), Image.BILINEAR)
        images[index] = np.asarray(small).reshape(shape)
    return images


def decode_masks(files: Sequence[str], size: Sequence[int], classes: int) -> np.ndarray:
    """The masks, resized to `size` [H, W] without mixing neighbours: [N, H, W] int32, the index that
    each pixel of an 8-bit palette or grey picture holds. Raises DatasetError that names the file."""
    height, width = size
    masks = np.empty((len(files), height, width), np.int32)
    for index, file in enumerate(files):
        with _opened(file, "Save it as an 8-bit PNG, palette or grey, of the classes' indices.") as image:
            if image.mode not in INDEXED:
                raise ValueError("{} pixels, not one index each".format(image.mode))
            whole = np.asarray(image, np.int32)
            small = image.resize((width, height), Image.NEAREST)
        bad = whole >= classes
        if bad.any():
            row, column = np.unravel_index(int(bad.argmax()), bad.shape)
            raise DatasetError("the mask holds {} at row {}, column {}, outside 0..{}".format(
                whole[row, column], row, column, classes - 1), file,
                "There are {} classes.".format(classes), "Mend that mask, or name the class it stands for.")
        masks[index] = np.asarray(small)
    return masks


@contextmanager
def _opened(file: str, next_step: str):
    try:
        with regular_file.opened(file) as opened, Image.open(opened) as image:
            image.load()  # np.asarray would hide what it raises
            yield image
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError("not a readable picture: {}".format(error), file,
                           "Every picture of a part is trained or measured on.", next_step) from None
