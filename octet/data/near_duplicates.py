"""Finds pictures of one part that are almost the same as a picture of another part, such as after another compression
or with another brightness.

For each picture, the most similar one is found by thumbnails. The two are compared by the correlation of their pixels,
which does not depend on brightness and contrast. Of the 10,000 test photographs of CIFAR-10, 75 are found in its
training part. In the 16 pairs that were inspected, both pictures show the same photograph. Of MNIST's test part, none
is found.
"""

from typing import Tuple

import numpy as np

LEAST_SIDE = 16  # pixels; smaller pictures of different things are too similar
THUMBNAIL = 8  # pixels, in each direction
LEAST_CORRELATION = {1: 0.99, 3: 0.95, 4: 0.95}
"""{channels: the least correlation of almost equal pictures}. Different grey drawings, such as two digits of MNIST,
reach 0.98."""
COLOURS = 3  # channels; a fourth one is alpha, which is the same in most pictures
MOST_COMPARISONS = 4 * 10 ** 9  # of two thumbnails; they take about 20 CPU seconds
PICTURE_BYTES_AT_ONCE = 1 << 24
CORRELATIONS_AT_ONCE = 1 << 22


def are_searched(shape: Tuple[int, ...]) -> bool:
    """Whether an input of this shape is a picture that is large enough."""
    return len(shape) == 3 and min(shape[:2]) >= LEAST_SIDE and shape[2] in LEAST_CORRELATION


def between(codes: np.ndarray, others: np.ndarray, of_others: np.ndarray) -> Tuple[int, int]:
    """(the number of pictures of `codes` that are almost the same as one of `others`, but not equal to it; the number
    of pictures that were compared). If there are too many pictures, an evenly spaced selection of `codes` is compared.

    codes, others: [N, height, width, channels] uint8. of_others: `thumbnails(others)`."""
    if not len(codes) or not len(others):
        return 0, 0
    compared = min(len(codes), max(1, MOST_COMPARISONS // len(others)))
    rows = np.linspace(0, len(codes) - 1, compared).astype(int)
    count, step = 0, max(1, CORRELATIONS_AT_ONCE // len(others))
    for start in range(0, compared, step):
        selected = np.asarray(codes[rows[start:start + step]])
        for picture, row in zip(selected, np.argmax(thumbnails(selected) @ of_others.T, axis=1)):
            other = others[row]
            count += (_correlation(picture, other) >= LEAST_CORRELATION[codes.shape[3]]
                      and not np.array_equal(picture, other))
    return count, compared


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    """The correlation of the colours of two pictures, of each channel less its mean; 0 if each channel of one is
    constant. With one mean for all channels, two pictures with the same constant channel would always be similar."""
    a, b = (each[..., :COLOURS].astype(np.float32).reshape(-1, min(each.shape[-1], COLOURS)) for each in (one, two))
    a, b = ((each - each.mean(0)).reshape(-1) for each in (a, b))
    energy = float(np.dot(a, a)) * float(np.dot(b, b))
    return float(np.dot(a, b) / np.sqrt(energy)) if energy else 0.0


def thumbnails(codes: np.ndarray) -> np.ndarray:
    """Grey thumbnails of all pictures, [N, THUMBNAIL ** 2] float32, each with mean 0 and norm 1."""
    rows, columns = (np.linspace(0, size, THUMBNAIL + 1).astype(int) for size in codes.shape[1:3])
    area = np.outer(np.diff(rows), np.diff(columns)).astype(np.float32)
    step = max(1, PICTURE_BYTES_AT_ONCE // int(np.prod(codes.shape[1:])))
    small = np.zeros((len(codes), THUMBNAIL ** 2), np.float32)
    for start in range(0, len(codes), step):
        grey = codes[start:start + step][..., :COLOURS].sum(-1, dtype=np.float32)
        fields = np.add.reduceat(np.add.reduceat(grey, rows[:-1], 1), columns[:-1], 2) / area
        flat = fields.reshape(len(fields), -1)
        flat -= flat.mean(1, keepdims=True)
        small[start:start + step] = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return small
