"""Resizing, compared with its definition in exact fractions, and with Pillow."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from octet.data.resize import Resize, resized, settings
from octet.errors import DatasetError

RANDOM = np.random.RandomState(0)
HALF = Fraction(1, 2)


def kernel(method, d):
    if method == "bilinear":
        return max(0, 1 - d)
    return Fraction(3, 2) * d ** 3 - Fraction(5, 2) * d ** 2 + 1 if d <= 1 else \
        -HALF * d ** 3 + Fraction(5, 2) * d ** 2 - 4 * d + 2 if d <= 2 else 0


def weights(m, n, i, method, antialias):
    """The weights of all m pixels for pixel i of n, as the docstring of the module defines them."""
    centre, wide = (i + HALF) * m / n, Fraction(max(m, n), n) if antialias else 1
    if method == "nearest":
        exact = [Fraction(k <= centre < k + 1) for k in range(m)]
    elif method == "area":
        exact = [max(0, min(Fraction(k + 1), Fraction((i + 1) * m, n)) - max(k, Fraction(i * m, n))) for k in range(m)]
    else:
        exact = [kernel(method, abs(k + HALF - centre) / wide) for k in range(m)]
    whole = [int((2048 * weight / sum(exact) + HALF) // 1) for weight in exact]
    whole[whole.index(max(whole))] += 2048 - sum(whole)
    return whole


def repeated(codes, height, width, method, antialias):
    (rows, columns), found = codes.shape[:2], np.zeros((height, width) + codes.shape[2:], np.int64)
    across = np.array([weights(columns, width, x, method, antialias) for x in range(width)])
    for y in range(height):
        down = np.array(weights(rows, height, y, method, antialias))
        for x in range(width):
            found[y, x] = np.einsum("y,x,yxc->c", down, across[x], codes.astype(np.int64))
    return np.clip((found + 2 ** 21) >> 22, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("method, antialias", [
    ("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True), ("area", False),
    ("nearest", False)])
@pytest.mark.parametrize("sizes", [(7, 5, 3, 4), (4, 6, 9, 11), (12, 8, 4, 4), (5, 5, 5, 2), (1, 3, 2, 2)])
def test_every_method_is_what_its_definition_says_bit_by_bit(method, antialias, sizes):
    rows, columns, height, width = sizes
    codes = RANDOM.choice([0, 255, 17, 130], (rows, columns, 3)).astype(np.uint8)
    np.testing.assert_array_equal(resized(codes, height, width, Resize(method, antialias)),
                                  repeated(codes, height, width, method, antialias))


@pytest.mark.parametrize("how, filter_", [
    (Resize("bilinear", True), Image.BILINEAR), (Resize("bicubic", True), Image.BICUBIC), (Resize("area"), Image.BOX)])
def test_an_antialiased_picture_is_pillows_within_two_codes(how, filter_):
    codes = RANDOM.randint(0, 256, (90, 120, 3)).astype(np.uint8)
    theirs = np.asarray(Image.fromarray(codes).resize((40, 30), filter_))
    assert np.abs(resized(codes, 30, 40, how).astype(int) - theirs).max() <= 2


def test_a_picture_of_the_right_size_is_as_it_was():
    codes = RANDOM.randint(0, 256, (9, 9, 3)).astype(np.uint8)
    for method in ("bilinear", "area", "bicubic", "nearest"):
        np.testing.assert_array_equal(resized(codes, 9, 9, Resize(method)), codes)


def test_crop_takes_the_middle_and_pad_keeps_all():
    codes = np.zeros((4, 12, 1), np.uint8)
    codes[:, 4:8] = 200
    assert (resized(codes, 2, 2, Resize(fit="crop")) == 200).all()
    padded = resized(codes, 12, 12, Resize(fit="pad"))[..., 0]
    assert (padded[4:8] == codes[..., 0]).all() and not padded[:4].any() and not padded[8:].any()
    tall = np.full((10, 5, 1), 90, np.uint8)
    padded = resized(tall, 4, 8, Resize("area", fit="pad"), fill=7)[..., 0]
    assert (padded[:, 3:5] == 90).all() and (padded[:, :3] == 7).all() and (padded[:, 5:] == 7).all()
    assert resized(tall, 4, 8, Resize(fit="crop")).shape == (4, 8, 1)


def test_an_image_of_many_pixels_keeps_its_mean():
    codes = np.full((5000, 3, 1), 201, np.uint8)
    for method, antialias in (("area", False), ("bilinear", True), ("bicubic", True)):
        assert (resized(codes, 2, 2, Resize(method, antialias)) == 201).all()


@pytest.mark.parametrize("said, where", [
    ("bilinear", "data.args.resize"), ({"methd": "area"}, "data.args.resize"),
    ({"method": "linear"}, "data.args.resize.method"), ({"fit": "cover"}, "data.args.resize.fit"),
    ({"antialias": 1}, "data.args.resize.antialias"),
    ({"method": "area", "antialias": True}, "data.args.resize.antialias")])
def test_settings_without_meaning_are_refused(said, where):
    with pytest.raises(DatasetError) as refused:
        settings(said)
    assert refused.value.where == where and refused.value.why and refused.value.next_step
