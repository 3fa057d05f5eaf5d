"""Resizes pictures to the network's input size, by exactly defined integer arithmetic.

    resize: {method: bilinear | area | bicubic | nearest, antialias: false | true, fit: stretch | crop | pad}

Along an axis on which m pixels become n, pixel k of the picture covers [k, k + 1) and pixel i of the result
[i * m / n, (i + 1) * m / n). The centre of i is c = (i + 1/2) * m / n. The weight of pixel k for i is

    nearest    1 for the pixel that contains c (the later one if c is between two), 0 for the others
    bilinear   max(0, 1 - d), where d = |k + 1/2 - c|
    bicubic    1.5 d^3 - 2.5 d^2 + 1 for d <= 1, -0.5 d^3 + 2.5 d^2 - 4 d + 2 for d <= 2, else 0 (Keys 1981)
    area       the part of [k, k + 1) that the pixel of the result covers

With `antialias`, if m > n, d is divided by m / n, so that all covered pixels count. The weights of i are scaled to
integers that sum to 2048, rounded half up. If the rounded weights have another sum, the difference is added to the
first of the largest weights. A pixel of the result is

    clip((sum over y, x of weight_y * weight_x * code + 2^21) >> 22, 0, 255)

fit: `stretch` changes the aspect ratio if necessary; `crop` first crops the largest centred part with the aspect ratio
of the result; `pad` centres the whole picture on black.
"""

import functools
from typing import Any, Dict, NamedTuple, Optional, Tuple

from octet.errors import DatasetError
from octet.suggestions import suggest

METHODS, FITS = ("bilinear", "area", "bicubic", "nearest"), ("stretch", "crop", "pad")
BITS = 11  # of a weight, as in OpenCV: the sum of products of two weights and a code fits 32 bits
ONE = 1 << BITS


class Resize(NamedTuple):
    """The settings in the argument `resize`."""

    method: str = "bilinear"
    antialias: bool = False
    fit: str = "stretch"


def settings(section: Optional[Dict[str, Any]]) -> Resize:
    """The settings in `data.args.resize`. Raises DatasetError."""
    where = "data.args.resize"
    if section is None:
        return Resize()
    if not isinstance(section, dict):
        raise DatasetError("expected a mapping, found {!r}".format(section), where,
                           "It describes how pictures are resized.", "Write resize: {method: bilinear}.")
    for key in section:
        if key not in Resize._fields:
            raise DatasetError("no key named {!r}".format(key), where, "It has no meaning here.",
                               suggest(str(key), Resize._fields))
    resize = Resize(**section)
    for key, value, known in (("method", resize.method, METHODS), ("fit", resize.fit, FITS)):
        if value not in known:
            raise DatasetError("{} is {!r}".format(key, value), where + "." + key,
                               "It describes how pictures are resized.", suggest(str(value), known))
    if not isinstance(resize.antialias, bool):
        raise DatasetError("antialias is {!r}".format(resize.antialias), where + ".antialias",
                           "It says whether all pixels of a larger picture are used.", "Write true or false.")
    if resize.antialias and resize.method not in ("bilinear", "bicubic"):
        raise DatasetError("antialias is for bilinear and bicubic, but the method is {}".format(resize.method),
                           where + ".antialias", "area always uses all pixels, and nearest uses one.",
                           "Leave it out, or write method: bilinear.")
    return resize


def resized(codes: Any, height: int, width: int, how: Resize, fill: int = 0) -> Any:
    """Resizes the picture [H, W, C] uint8 to [height, width, C] uint8. fill: the code of the padding of `fit: pad`."""
    import numpy as np

    if how.fit == "crop":
        codes = _middle(codes, height, width)
    if how.fit != "pad":
        return _stretched(codes, height, width, how)
    inner_height, inner_width = _inside(codes.shape[:2], height, width)
    made = np.full((height, width) + codes.shape[2:], fill, np.uint8)
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    made[top:top + inner_height, left:left + inner_width] = _stretched(codes, inner_height, inner_width, how)
    return made


def _middle(codes: Any, height: int, width: int) -> Any:
    """The largest centred part with the aspect ratio of the result. Its sides are rounded half up."""
    rows, columns = codes.shape[:2]
    if columns * height > rows * width:
        kept = max(1, (2 * rows * width + height) // (2 * height))
        left = (columns - kept) // 2
        return codes[:, left:left + kept]
    kept = max(1, (2 * columns * height + width) // (2 * width))
    top = (rows - kept) // 2
    return codes[top:top + kept]


def _inside(size: Tuple[int, int], height: int, width: int) -> Tuple[int, int]:
    """The largest size inside the result with the aspect ratio of the picture. Its sides are rounded half up."""
    rows, columns = size
    if columns * height > rows * width:
        return max(1, (2 * rows * width + columns) // (2 * columns)), width
    return height, max(1, (2 * columns * height + rows) // (2 * rows))


def _stretched(codes: Any, height: int, width: int, how: Resize) -> Any:
    import numpy as np

    if codes.shape[:2] == (height, width):
        return codes
    places, weights = _taps(codes.shape[0], height, how.method, how.antialias)
    rows = np.zeros((height,) + codes.shape[1:], np.int32)
    for tap in range(places.shape[1]):
        rows += np.multiply(codes[places[:, tap]], weights[:, tap, None, None], dtype=np.int32)
    places, weights = _taps(codes.shape[1], width, how.method, how.antialias)
    sums = np.full((height, width) + codes.shape[2:], 1 << (2 * BITS - 1), np.int32)
    for tap in range(places.shape[1]):
        sums += rows[:, places[:, tap]] * weights[None, :, tap, None]
    return np.clip(sums >> (2 * BITS), 0, 255).astype(np.uint8)


@functools.lru_cache(maxsize=256)
def _taps(m: int, n: int, method: str, antialias: bool) -> Tuple[Any, Any]:
    """(the indices of the pixels that contribute to each pixel of the result, their weights), both [n, taps] int32. The
    arithmetic is exact until the weights are rounded."""
    import numpy as np

    centre = (2 * np.arange(n, dtype=np.int64) + 1) * m  # times 2 * n
    reach = {"nearest": 0, "area": 0, "bilinear": 1, "bicubic": 2}[method]
    stretch = max(m, n) if antialias else n  # distances are divided by stretch / n
    first = (centre - 2 * stretch * reach) // (2 * n) - 1
    if method == "area":
        first = np.arange(n, dtype=np.int64) * m // n
    count = 2 * reach * stretch // n + 3 if method != "area" else m // n + 2
    places = first[:, None] + np.arange(count)
    if method == "nearest":
        exact = (places == (centre // (2 * n))[:, None]).astype(np.int64)
    elif method == "area":
        start = np.arange(n, dtype=np.int64)[:, None] * m
        exact = np.clip(np.minimum((places + 1) * n, start + m) - np.maximum(places * n, start), 0, None)
    else:
        exact = _kernel(method, np.abs((2 * places + 1) * n - centre[:, None]), 2 * stretch)
    exact[(places < 0) | (places >= m)] = 0
    weights = _whole(exact)
    used = weights.any(0)
    return np.clip(places[:, used], 0, m - 1).astype(np.int32), weights[:, used].astype(np.int32)


def _kernel(method: str, distance: Any, one: int) -> Any:
    """The kernel at distance / one, times a common factor. The cubes fit int64 for sides of up to 60,000 pixels."""
    import numpy as np

    if method == "bilinear":
        return np.maximum(one - distance, 0)
    inner = 3 * distance ** 3 - 5 * distance ** 2 * one + 2 * one ** 3
    outer = -distance ** 3 + 5 * distance ** 2 * one - 8 * distance * one ** 2 + 4 * one ** 3
    return np.where(distance <= one, inner, np.where(distance <= 2 * one, outer, 0))


def _whole(exact: Any) -> Any:
    """Rows of weights as integers that sum to ONE."""
    import numpy as np

    total = exact.sum(1, keepdims=True)
    if exact.max() > 1 << 50:  # times 2 * ONE, it would overflow 64 bits; the shift is precise enough for 11 bits
        exact, total = exact >> 14, (exact >> 14).sum(1, keepdims=True)
    weights = (2 * ONE * exact + total) // (2 * total)
    rows = np.arange(len(weights))
    weights[rows, weights.argmax(1)] += ONE - weights.sum(1)
    return weights
