"""Decodes masks, which are pictures whose pixels are indices of classes, to labels."""

import io
import os
from typing import Any, Dict, Optional, Sequence, Set, Tuple, Union

import numpy as np
from PIL import Image

from octet import digest as digests
from octet.data import decoded_rows, pictures
from octet.data.pictures import Decoded
from octet.data.resize import Resize, resized
from octet.errors import DatasetError

INDEXED = ("P", "L", "1")  # Pillow's modes with one integer for each pixel


def decode_all(path: str, pairs: Sequence[Tuple[str, str]], size: Sequence[int], classes: int,
               ignore: Optional[int], what: str = "masks", fit: str = "stretch",
               pictures_sha256: Sequence[bytes] = ()) -> Decoded:
    """The labels [N, H, W] int32 of masks, which are 8-bit palette or grey pictures, resized to `size` [H, W] by the
    nearest pixel.

    pairs: (picture, its mask), below `path`. fit: that of the pictures; with `pad`, the padding has the label `ignore`.
    pictures_sha256: of each picture when it was decoded, because it is read again here. Raises DatasetError, which
    names the file."""
    height, width = size
    decoding = {"as": "mask", "height": height, "width": width, "classes": classes, "ignore": ignore, "fit": fit}
    rows = decoded_rows.begin(path, [mask for _, mask in pairs], (height, width), np.int32, decoding, what,
                              "{} masks of {}x{}".format(len(pairs), height, width), pictures_sha256)

    def put(index: int) -> Union[Set[str], DatasetError]:
        try:
            content, labels, of_picture = _checked(path, *pairs[index], decoding)
            same = not len(pictures_sha256) or pictures_sha256[index] == of_picture.encode()
            rows.was_read(index, digests.of_bytes(content) if same else "")
            rows.put(index, labels, set(), content)
            return set()
        except DatasetError as error:
            return error

    for _, outcome in rows.filled(put, pictures.on_all_cores):
        if isinstance(outcome, DatasetError):
            raise outcome
    return Decoded(rows.of(range(len(pairs))), range(len(pairs)), [], rows.sha256)


def decode(content: bytes, decoding: Dict[str, Any]) -> np.ndarray:
    """The labels [H, W] int32 of one mask. decoding: has height, width, ignore and fit. Raises an error of
    pictures.BROKEN for content that is no mask."""
    return _resized(_indices(content), decoding)


def _indices(content: bytes) -> np.ndarray:
    """The index in each pixel of a mask, [H, W] uint8, with its EXIF orientation applied."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        if image.mode not in INDEXED:
            raise ValueError("{} pixels, not indices".format(image.mode))
        turned = pictures.upright(image, set())
    return np.asarray(turned).astype(np.uint8)  # Pillow gives the ones of mode "1" as True


def _resized(indices: np.ndarray, decoding: Dict[str, Any]) -> np.ndarray:
    return resized(indices[..., None], decoding["height"], decoding["width"], Resize("nearest", fit=decoding["fit"]),
                   decoding["ignore"] or 0)[..., 0].astype(np.int32)


def _checked(path: str, picture: str, mask: str, decoding: Dict[str, Any]) -> Tuple[bytes, np.ndarray, str]:
    """(the bytes of a mask's file, its labels, the sha256 of its picture). Raises DatasetError."""
    with pictures.expect_readable(path, mask, "Save it as an 8-bit PNG, palette or grey, of the indices of classes."):
        content = pictures.content_of(path, mask)
        indices = _indices(content)
        labels = _resized(indices, decoding)
    of_picture = _expect_same_aspect(path, picture, mask, indices.shape[::-1])
    classes, ignore = decoding["classes"], decoding["ignore"]
    whole = indices.astype(np.int32)
    bad = (whole >= classes) & (whole != (-1 if ignore is None else ignore))
    if bad.any():
        row, column = np.unravel_index(int(bad.argmax()), bad.shape)
        raise DatasetError("the mask has the index {} at row {}, column {}, outside 0..{}".format(
            whole[row, column], row, column, classes - 1), os.path.join(path, mask),
            "There are {} classes.".format(classes), _advice(whole, classes, int(whole[row, column])))
    return content, labels, of_picture


def _advice(indices: np.ndarray, classes: int, wrong: int) -> str:
    """The next step for a mask with the index `wrong`, which is no class."""
    used = set(np.unique(indices).tolist())
    if classes == 2 and used <= {0, wrong}:
        return "Save masks with 1 in place of {}.".format(wrong)
    if used == set(range(1, classes + 1)):
        return "The indices start at 1: save the indices minus 1."
    return "Correct that mask, name its class, or, if it marks pixels of no known class, write ignore: {}.".format(
        wrong)


def _expect_same_aspect(path: str, picture: str, mask: str, mask_size: Sequence[int]) -> str:
    """The sha256 of the picture. Raises DatasetError unless the mask has the aspect ratio of the picture."""
    with pictures.expect_readable(path, picture, "Save it again as PNG or JPEG, or remove it."):
        content = pictures.content_of(path, picture)
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            if image.format == "TIFF":
                image.load()
                width, height = image.size
            elif _is_turned_by_exif(image):
                width, height = height, width
    if abs(width * mask_size[1] - height * mask_size[0]) > max(width, height, *mask_size):
        raise DatasetError(
            "the mask is {}x{} pixels, its picture {}x{}".format(*mask_size, width, height),
            os.path.join(path, mask), "A mask gives the class of each pixel of its picture, whose EXIF "
            "orientation is applied.", "Save the mask in the orientation in which the picture is displayed.")
    return digests.of_bytes(content)


def _is_turned_by_exif(image: Image.Image) -> bool:
    """Whether its EXIF orientation turns the picture by a quarter, so that width and height are exchanged."""
    try:
        return image.getexif().get(pictures.ORIENTATION) in (5, 6, 7, 8)
    except Exception:
        return False
