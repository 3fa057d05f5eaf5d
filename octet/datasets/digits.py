"""UCI optical digits: 8x8 grey pictures, embedded; 1,197 for training, 200 for validation, 400 for testing."""

import json
import os
from typing import Any, Dict, List, Optional, Sequence

from octet.data import content_digests
from octet.data.dataset import PARTS, Dataset, Input, Part, Target, spread
from octet.errors import DatasetError

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "digits.npz")
VALIDATION, TEST = 200, 400
DIGITS = [str(digit) for digit in range(10)]
INK = 128  # a pixel of at least this code belongs to the digit
TARGETS = {
    "label": Target("class", DIGITS),
    "mask": Target("class_map", ["background"] + DIGITS, (8, 8)),
    "reconstruction": Target("value", shape=(8, 8, 1)),
}


def load(targets: Sequence[str] = ("label",), *, parts: Sequence[str] = PARTS,
         samples: Optional[int] = None) -> Dataset:
    """The input image [N, 8, 8, 1], uint8 codes of [0, 1], and the targets that are named, in that order:

    label           [N]: the digit, one of ten classes
    mask            [N, 8, 8]: the digit where there is ink, else the class background, for segmentation
    reconstruction  [N, 8, 8, 1]: the image itself, for an autoencoder

    parts, samples: the requested parts and number of samples (octet/data/dataset.py). Raises DatasetError.
    """
    import numpy as np

    from octet.data import archive
    from octet.data.check import check
    from octet.data.codes import reals
    from octet.data.target_arrays import labels

    names = _known(targets)
    arrays = archive.read(FILE, ("x", "y"))
    images, digits = arrays["x"][..., None], labels(arrays["y"], "y", FILE)
    answers = {"label": digits,
               "mask": np.where(images[..., 0] >= INK, digits[:, None, None] + 1, 0).astype(np.int32),
               "reconstruction": reals(images, 0.0, 1.0)}
    rows_of = _split(len(images))
    some = {part: rows_of[part] if samples is None else rows_of[part][spread(digits[rows_of[part]].tolist(), samples)]
            for part in parts}
    return check(Dataset(
        inputs={"image": Input((8, 8, 1), 0.0, 1.0)},
        targets={name: TARGETS[name] for name in names},
        parts={part: Part({"image": images[rows]}, {name: answers[name][rows] for name in names})
               for part, rows in some.items()},
        samples=samples, answers={} if samples is None else {
            part: {name: answers[name][rows_of[part]] for name in names} for part in parts}), "digits", parts)


def digest(part: str, targets: Sequence[str] = ("label",)) -> str:
    """The sha256 of the part's content."""
    return content_digests.in_file(part, FILE, "digits " + json.dumps(_known(targets)), lambda: load(targets))


def arrays(part: str, targets: Sequence[str] = ("label",)) -> Dict[str, str]:
    """{array of the file: sha256} of the arrays that contain the part."""
    return content_digests.arrays(FILE, ("x", "y"))


def _known(targets: Sequence[str]) -> List[str]:
    names = [targets] if isinstance(targets, str) else targets
    if (not isinstance(names, (list, tuple)) or not names
            or not all(name in list(TARGETS) for name in names) or len(set(names)) < len(names)):
        raise DatasetError("targets is {}".format(targets), "digits", "They are the targets of the network.",
                           "Name one or more of: {}; each once.".format(", ".join(TARGETS)))
    return list(names)


def _split(count: int) -> Dict[str, Any]:
    """{part: its rows}. The rows are spread evenly over the file, which is ordered by writer."""
    import numpy as np

    held_out = np.arange(VALIDATION + TEST) * count // (VALIDATION + TEST)
    return {"train": np.setdiff1d(np.arange(count), held_out),
            "validation": held_out[::3],
            "test": np.delete(held_out, np.s_[::3])}
