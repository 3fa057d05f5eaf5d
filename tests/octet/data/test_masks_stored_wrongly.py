"""Ways in which people store masks that a loader does not expect: each is refused, reported, or read as intended.

A row is (name, mask, how it is saved, arguments, outcome), as in test_pictures_stored_wrongly.py. The pictures are 8
pixels wide and 6 high, and the correct mask is INDICES. Add a row for each new way."""

import numpy as np
import pytest
from PIL import Image

from octet.data.dataset import PARTS
from octet.datasets import image_folder
from tests.octet.data.outcomes import read, refused, said

INDICES = np.arange(48).reshape(6, 8) % 2
as_it_is = read(lambda data: all((data.parts[part].targets["mask"] == INDICES).all() for part in PARTS))


def mask(indices, mode="L"):
    return Image.fromarray(np.asarray(indices).astype(np.uint8)).convert(mode)


def of_palette():
    image = mask(INDICES)
    image.putpalette([0, 0, 0, 255, 0, 0] + [7] * 762)
    return image


MASKS = [
    ("indices", mask(INDICES), {}, {}, as_it_is),
    ("a palette", of_palette(), {}, {}, as_it_is),
    ("one bit", mask(255 * INDICES, "1"), {}, {}, as_it_is),
    ("0 and 255", mask(255 * INDICES), {}, {}, refused("Save masks with 1 in place of 255.")),
    ("unknown pixels", mask(np.where(INDICES * np.arange(8) > 5, 255, INDICES)), {}, {}, refused("write ignore: 255")),
    ("unknown pixels, ignored", mask(np.where(INDICES * np.arange(8) > 5, 255, INDICES)), {}, {"ignore": 255},
     read(lambda data: set(np.unique(data.parts["train"].targets["mask"])) == {0, 1, 255})),
    ("0 and 255, one of them ignored", mask(255 * INDICES), {}, {"ignore": 255}, refused("has no training pixel")),
    ("RGB", mask(INDICES, "RGB"), {}, {}, refused("RGB pixels, not indices")),
    ("transparency", mask(INDICES, "LA"), {}, {}, refused("LA pixels, not indices")),
    ("16 bits", Image.fromarray(INDICES.astype(np.uint16)), {}, {}, refused("pixels, not indices")),
    ("a lossy form", mask(INDICES), {"name": "{}.jpg"}, {}, refused("is a mask in a lossy form")),
    ("another name", mask(INDICES), {"name": "{}_mask.png"}, {}, refused("has no file with its name in train/masks/")),
    ("twice as large", mask(np.kron(INDICES, np.ones((2, 2)))), {}, {}, as_it_is),
    ("turned", mask(INDICES.T), {}, {}, refused("the mask is 6x8 pixels, its picture 8x6")),
    ("as the sensor saw it", mask(INDICES), {"orientation": 6}, {}, refused("the mask is 8x6 pixels, its picture 6x8")),
    ("as the picture is looked at", mask(INDICES.T), {"orientation": 6}, {}, said("turned by their EXIF")),
    ("counted from 1", mask(INDICES + 1), {}, {}, refused("The indices start at 1: save the indices minus 1.")),
    ("an index without a class", mask(2 * INDICES), {}, {}, refused("the mask has the index 2 at row 0, column 1")),
    ("a class without an index", mask(INDICES), {}, {"masks": ["a", "b", "c"]}, refused("('c') has no training pixel")),
    ("one class alone", mask(0 * INDICES), {}, {}, refused("('b') has no training pixel")),
    ("all unknown", mask(0 * INDICES + 255), {}, {"ignore": 255}, refused("every pixel of train.mask is 255")),
    ("two classes of one name", mask(INDICES), {}, {"masks": ["a", "a"]}, refused("are called 'a'")),
    ("names as a text", mask(INDICES), {}, {"masks": "a,b"}, refused("masks is 'a,b'")),
    ("classes that are written alike", mask(INDICES), {}, {"masks": ["a", "A"]}, said("'A' and 'a' are different")),
]


@pytest.mark.parametrize("name, saved, how, args, outcome", MASKS, ids=[row[0] for row in MASKS])
def test_a_mask_stored_wrongly_is_refused_or_reported(tmp_path, name, saved, how, args, outcome):
    random, exif = np.random.RandomState(0), Image.Exif()
    exif[0x112] = how.get("orientation", 1)
    for part in PARTS:
        for folder in ("images", "masks"):
            (tmp_path / part / folder).mkdir(parents=True)
        for index in range(2):
            picture = Image.fromarray(random.randint(0, 256, (6, 8, 3)).astype(np.uint8))
            picture.save(str(tmp_path / part / "images" / "{}.jpg".format(index)), exif=exif.tobytes())
            saved.save(str(tmp_path / part / "masks" / how.get("name", "{}.png").format(index)))
    outcome(lambda: image_folder.load(str(tmp_path), **dict({"size": [6, 8], "masks": ["a", "b"]}, **args)))
