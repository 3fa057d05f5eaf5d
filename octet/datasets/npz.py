"""Your own arrays: one .npz file with x_train, y_train, x_test, y_test (x_validation, y_validation)."""

import json
from typing import List, Optional

from octet import digest as digests
from octet.datasets import archive, content
from octet.datasets.check import check
from octet.datasets.codes import encode, labels
from octet.datasets.dataset import PARTS, Dataset, Input, Part, Target
from octet.errors import DatasetError

REQUIRED = ("x_train", "y_train", "x_test", "y_test")
OPTIONAL = ("x_validation", "y_validation")


def load(path: str, low: float = 0.0, high: float = 1.0, classes: Optional[List[str]] = None,
         validation: float = 0.1) -> Dataset:
    """image [N, ...] uint8 in [low, high] as shaped in the file, label [N].

    Uint8 x are the codes themselves; float x are reals in [low, high]. Without `classes` there are
    as many as the training labels name. Without x_validation, the last `validation` (a fraction)
    of the training samples are the validation part. Raises DatasetError.
    """
    arrays = archive.read(path, REQUIRED, OPTIONAL)
    if len(set(OPTIONAL) & set(arrays)) == 1:
        archive.read(path, REQUIRED + OPTIONAL)  # says which of the two is missing
    parts = {}
    for name in PARTS:
        if "x_" + name in arrays:
            parts[name] = Part(
                {"image": encode(arrays.pop("x_" + name), low, high, "x_" + name, path)},
                {"label": labels(arrays.pop("y_" + name), "y_" + name, path)})
    if "validation" not in parts:
        parts["train"], parts["validation"] = _hold_out(parts["train"], validation, path)
    if classes is None:
        answers = parts["train"].targets["label"]
        classes = [str(index) for index in range(max(answers.max(initial=0), 0) + 1)]
    return check(Dataset(
        inputs={"image": Input(parts["train"].inputs["image"].shape[1:], low, high)},
        targets={"label": Target("class", list(classes))},
        parts=parts), path)


def digest(part: str, path: str, low: float = 0.0, high: float = 1.0,
           classes: Optional[List[str]] = None, validation: float = 0.1) -> str:
    """The sha256 of that part's content, whatever the file's name and compression."""
    args = [low, high, classes, validation]
    archive.read(path, ())  # a missing file in words
    return digests.cached(path, "npz {} {}".format(part, json.dumps(args)),
                          lambda _: content.of_part(load(path, *args), part))


def _hold_out(train: Part, validation: float, path: str):
    """(train, validation): the last samples go to the second."""
    if not 0 < validation < 1:
        raise DatasetError("validation is {}".format(validation), path,
                           "It is the fraction of the training samples that is held out.",
                           "Use 0.1 or so, or save x_validation and y_validation.")
    images, answers = train.inputs["image"], train.targets["label"]
    if len(images) != len(answers):
        return train, train  # `check` has the words for it
    split = len(images) - int(round(len(images) * validation))
    return (Part({"image": images[:split]}, {"label": answers[:split]}),
            Part({"image": images[split:]}, {"label": answers[split:]}))
