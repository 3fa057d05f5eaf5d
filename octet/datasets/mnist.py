"""MNIST: 28x28 grey handwritten digits, embedded; 55,000 for training, 5,000 for validation, 10,000 for testing.

The order of the embedded file differs from the original's: see data/SOURCES.md.
"""

import os
from typing import Dict, Optional, Sequence

from octet.data import content_digests
from octet.data.dataset import PARTS, Dataset, Input, Part, Target, spread
from octet.errors import DatasetError

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "mnist.npz")
TRAINING = 60000


def load(validation: int = 5000, *, parts: Sequence[str] = PARTS, samples: Optional[int] = None) -> Dataset:
    """The input image [N, 28, 28, 1], uint8 codes of [0, 1], and the target label [N], one of ten classes. The last
    `validation` of the 60,000 training images are the validation part. parts, samples: the requested parts and number
    of samples (octet/data/dataset.py). Raises DatasetError."""
    from octet.data import archive
    from octet.data.check import check
    from octet.data.target_arrays import labels

    sides = {part: "test" if part == "test" else "train" for part in parts}
    arrays = archive.read(FILE, [name + side for side in sorted(set(sides.values())) for name in ("x_", "y_")])
    if not 2 <= validation <= TRAINING - 2:
        raise DatasetError("validation is {}".format(validation), "mnist",
                           "It is the number of the {} training images that are held out for validation.".format(
                               TRAINING), "Use a number from 2 to {}; 5000 is usual.".format(TRAINING - 2))
    rows_of = {"train": slice(TRAINING - validation), "validation": slice(TRAINING - validation, None),
               "test": slice(None)}
    found, answers = {}, {}
    for part, side in sides.items():
        images = arrays["x_" + side][rows_of[part]][..., None]
        answers[part] = {"label": labels(arrays["y_" + side][rows_of[part]], "y_" + side, FILE)}
        some = slice(None) if samples is None else spread(answers[part]["label"].tolist(), samples)
        found[part] = Part({"image": images[some]}, {"label": answers[part]["label"][some]})
    return check(Dataset(
        inputs={"image": Input((28, 28, 1), 0.0, 1.0)},
        targets={"label": Target("class", [str(digit) for digit in range(10)])},
        parts=found, samples=samples, answers={} if samples is None else answers), "mnist", parts)


def digest(part: str, validation: int = 5000) -> str:
    """The sha256 of the part's content."""
    return content_digests.in_file(part, FILE, "mnist {}".format(validation), lambda: load(validation))


def arrays(part: str, validation: int = 5000) -> Dict[str, str]:
    """{array of the file: sha256} of the arrays that contain the part."""
    side = "test" if part == "test" else "train"
    return content_digests.arrays(FILE, ("x_" + side, "y_" + side))
