"""MNIST: 28x28 grey handwritten digits, embedded. 55,000 train, 5,000 validation, 10,000 test.

The embedded file is not in the original's order: see data/SOURCES.md.
"""

import os
from typing import Dict

from octet.data import content
from octet.data.dataset import Dataset, Input, Part, Target
from octet.errors import DatasetError

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "mnist.npz")


def load(validation: int = 5000) -> Dataset:
    """image [N, 28, 28, 1] uint8 in [0, 1], label [N] of ten classes. The last `validation` of
    the 60,000 training images are the validation part. Raises DatasetError."""
    from octet.data import archive
    from octet.data.answers import labels
    from octet.data.check import check
    arrays = archive.read(FILE, ("x_train", "y_train", "x_test", "y_test"))
    images, answers = arrays["x_train"][..., None], labels(arrays["y_train"], "y_train", FILE)
    if not 2 <= validation <= len(images) - 2:
        raise DatasetError("validation is {}".format(validation), "mnist",
                           "It is how many of the {} training images are held out.".format(len(images)),
                           "Use 5000 or so.")
    split = len(images) - validation
    return check(Dataset(
        inputs={"image": Input((28, 28, 1), 0.0, 1.0)},
        targets={"label": Target("class", [str(digit) for digit in range(10)])},
        parts={
            "train": Part({"image": images[:split]}, {"label": answers[:split]}),
            "validation": Part({"image": images[split:]}, {"label": answers[split:]}),
            "test": Part({"image": arrays["x_test"][..., None]},
                         {"label": labels(arrays["y_test"], "y_test", FILE)}),
        }), "mnist")


def digest(part: str, validation: int = 5000) -> str:
    """The sha256 of that part's content."""
    return content.in_file(part, FILE, "mnist {}".format(validation), lambda: load(validation))


def arrays(part: str, validation: int = 5000) -> Dict[str, str]:
    """{array of the file: sha256} of those that the part is in."""
    side = "test" if part == "test" else "train"
    return content.arrays(FILE, ("x_" + side, "y_" + side))
