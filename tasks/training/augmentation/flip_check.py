"""Tests on the training pictures whether a picture keeps its class when left and right are exchanged.

A mirrored cat is a cat; a mirrored b is a d. Some pictures are classified by their nearest neighbour among others, as
they are and mirrored. Where mirroring changes the class, far fewer of the mirrored pictures are classified correctly.
"""

from typing import List, Optional

import numpy as np

PICTURES, QUERIES = 5000, 1000
AT_ONCE = 256  # pictures in memory that the queries are compared with
SIDE = 16  # approximate side of the compared pictures, in pixels, after averaging
SIGNIFICANT = 2.6  # standard deviations; exceeded by chance once in 200 times


def keep_their_class(codes: np.ndarray, labels: np.ndarray) -> Optional[bool]:
    """Whether mirrored pictures look like pictures of their class. codes: [N, H, W, C] uint8; labels: [N].

    None where it cannot be decided: the nearest neighbours are not better than always guessing the most common class.
    """
    rows = np.random.RandomState(0).permutation(len(codes))[:PICTURES]
    queries, others = np.split(rows, [min(QUERIES, len(rows) // 5)])
    if not len(queries):
        return None
    right = [labels[nearest] == labels[queries] for nearest in _nearest(codes, queries, others)]
    common = np.bincount(labels[queries]).max() / len(queries)
    if right[0].sum() <= len(queries) * common + SIGNIFICANT * np.sqrt(len(queries) * common * (1 - common)):
        return None
    lost, won = (int(np.sum(first & ~second)) for first, second in (right, right[::-1]))
    return bool(lost - won <= SIGNIFICANT * np.sqrt(lost + won))


def _nearest(codes: np.ndarray, queries: np.ndarray, others: np.ndarray) -> List[np.ndarray]:
    """[the nearest row of `others` for each query, the same for each mirrored query]. AT_ONCE of the others are in
    memory at a time."""
    small = _small(codes, queries)
    views = [_unit(small), _unit(small[:, :, ::-1])]
    likeness = [np.full(len(queries), -np.inf, np.float32) for _ in views]
    nearest = [np.zeros(len(queries), np.int64) for _ in views]
    for start in range(0, len(others), AT_ONCE):
        rows = others[start:start + AT_ONCE]
        known = _unit(_small(codes, rows))
        for view, best, found in zip(views, likeness, nearest):
            alike = view @ known.T
            column = alike.argmax(1)
            value = alike[np.arange(len(alike)), column]
            better = value > best
            best[better], found[better] = value[better], rows[column[better]]
    return nearest


def _small(codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """[N, h, w, C] float32: the pictures of these rows, averaged over squares to about SIDE pixels a side."""
    step = max(1, min(codes.shape[1:3]) // SIDE)
    height, width = (side // step for side in codes.shape[1:3])
    small = np.empty((len(rows), height, width, codes.shape[3]), np.float32)
    for number, row in enumerate(rows):  # one at a time, to save memory
        picture = codes[row, :height * step, :width * step]
        small[number] = picture.reshape(height, step, width, step, -1).mean((1, 3))
    return small


def _unit(pictures: np.ndarray) -> np.ndarray:
    """[N, numbers]: each picture minus its mean, scaled to length 1, so that brightness and contrast do not matter."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(1, keepdims=True)
    flat /= np.maximum(np.sqrt(np.einsum("ij,ij->i", flat, flat))[:, None], 1e-6)
    return flat
