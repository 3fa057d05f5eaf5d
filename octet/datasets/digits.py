"""UCI optical digits: 8x8 grey, embedded, small enough for tests. 1,197 train, 200 validation, 400 test."""

import os

import numpy as np

from octet import digest as digests
from octet.datasets import archive, content
from octet.datasets.check import check
from octet.datasets.codes import labels
from octet.datasets.dataset import Dataset, Input, Part, Target

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "digits.npz")
VALIDATION, TEST = 200, 400


def load() -> Dataset:
    """image [N, 8, 8, 1] uint8 in [0, 1], label [N] of ten classes. Raises DatasetError."""
    arrays = archive.read(FILE, ("x", "y"))
    images, answers = arrays["x"][..., None], labels(arrays["y"], "y", FILE)
    return check(Dataset(
        inputs={"image": Input((8, 8, 1), 0.0, 1.0)},
        targets={"label": Target("class", [str(digit) for digit in range(10)])},
        parts={name: Part({"image": images[rows]}, {"label": answers[rows]})
               for name, rows in _split(len(images)).items()}), "digits")


def digest(part: str) -> str:
    """The sha256 of that part's content."""
    return digests.cached(FILE, "digits " + part, lambda _: content.of_part(load(), part))


def _split(count: int) -> dict:
    """Row numbers of each part, spread evenly over the file: its writers follow one another."""
    held_out = np.arange(VALIDATION + TEST) * count // (VALIDATION + TEST)
    return {"train": np.setdiff1d(np.arange(count), held_out),
            "validation": held_out[::3],
            "test": np.delete(held_out, np.s_[::3])}
