"""Your own arrays, in one .npz file; each is there for every part: x_train, x_validation, x_test.

The simple form is images in x and labels in y:

    data: {dataset: npz, args: {path: pets.npz, low: 0, high: 1, classes: [cat, dog]}}

The general form names the inputs and targets, and for each the array that it is in:

    data:
      dataset: npz
      args:
        path: street.npz
        inputs:
          image: {array: photo, low: 0, high: 1}      # photo_train, photo_validation, photo_test
        targets:
          mask: {array: mask, kind: class_map, classes: [road, car]}
          speed: {array: speed, kind: value}
          copy: {input: image}                        # the input itself, for an autoencoder

`array: photo` is short for `array: "photo_{part}"`: write the pattern where your names are others.
"""

import json
import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

from octet.datasets import content
from octet.datasets.dataset import PARTS, Dataset, Input, Part, Target
from octet.datasets.named_arrays import InputArray, TargetArray, in_part, inputs_of, targets_of
from octet.errors import DatasetError

Arrays = Dict[str, Any]
"""{pattern: array}."""


def load(path: str, low: Optional[float] = None, high: Optional[float] = None,
         classes: Optional[Sequence] = None, validation: float = 0.1,
         inputs: Optional[dict] = None, targets: Optional[dict] = None) -> Dataset:
    """Inputs [N, ...] uint8 as shaped in the file, targets as their kinds say; `image` and `label`
    where the arguments name none.

    Uint8 inputs are the codes themselves; floats are reals in [low, high], [0, 1] unless said.
    Without `classes` there are as many as the training labels name. Without validation arrays, the
    last `validation` (a fraction) of the training samples are the validation part. Raises DatasetError.
    """
    from octet.datasets.check import check

    sources = inputs_of(inputs, low, high)
    answers = targets_of(targets, classes, sources)
    found_in = _read(path, _patterns(sources, answers))
    parts = {part: _part(part, found, sources, answers, path) for part, found in found_in.items()}
    if "validation" not in parts:
        parts["train"], parts["validation"] = _hold_out(parts["train"], validation, path)
    train = parts["train"]
    return check(Dataset(
        inputs={name: Input(train.inputs[name].shape[1:], source.low, source.high)
                for name, source in sources.items()},
        targets={name: _target(answer, train.targets[name], path) for name, answer in answers.items()},
        parts=parts), path)


def digest(part: str, path: str, low: Optional[float] = None, high: Optional[float] = None,
           classes: Optional[Sequence] = None, validation: float = 0.1,
           inputs: Optional[dict] = None, targets: Optional[dict] = None) -> str:
    """The sha256 of that part's content, whatever the file's name and compression."""
    args = [low, high, classes, validation, inputs, targets]
    if not os.path.isfile(path):
        load(path, *args)  # has the words for it
    return content.in_file(part, path, "npz " + json.dumps(args), lambda: load(path, *args))


def arrays(part: str, path: str, low: Optional[float] = None, high: Optional[float] = None,
           classes: Optional[Sequence] = None, validation: float = 0.1,
           inputs: Optional[dict] = None, targets: Optional[dict] = None) -> Dict[str, str]:
    """{array of the file: sha256} of those that the part is in: the training arrays, where the validation
    part is held out of them."""
    patterns = _patterns(inputs_of(inputs, low, high), targets_of(targets, classes, inputs_of(inputs, low, high)))
    names = {of: [in_part(pattern, of) for pattern in patterns] for of in PARTS}
    found = content.arrays(path, names["train"] + names["test"], names["validation"])
    held_out = part == "validation" and not set(names["validation"]) <= set(found)
    return {name: found[name] for name in names["train" if held_out else part]}


def _patterns(sources: Dict[str, InputArray], answers: Dict[str, TargetArray]) -> List[str]:
    return [array.pattern for array in (*sources.values(), *answers.values()) if array.pattern]


def _read(path: str, patterns: List[str]) -> Dict[str, Arrays]:
    """{part: {pattern: array}}; without validation where the file has none of its arrays."""
    from octet.datasets import archive

    names = {part: [in_part(pattern, part) for pattern in patterns] for part in PARTS}
    required = names["train"] + names["test"]
    found = archive.read(path, required, names["validation"])
    if 0 < len(set(names["validation"]) & set(found)) < len(set(names["validation"])):
        archive.read(path, required + names["validation"])  # says which of them is missing
    return {part: {pattern: found[name] for pattern, name in zip(patterns, names[part])}
            for part in PARTS if set(names[part]) <= set(found)}


def _part(part: str, found: Arrays, sources: Dict[str, InputArray], answers: Dict[str, TargetArray],
          path: str) -> Part:
    from octet.datasets import codes

    read_as = {"class": codes.labels, "class_map": codes.class_map, "value": codes.values}
    inputs = {name: codes.encode(found[source.pattern], source.low, source.high,
                                 in_part(source.pattern, part), path) for name, source in sources.items()}
    targets = {}
    for name, answer in answers.items():
        if answer.input:
            source = sources[answer.input]
            targets[name] = codes.reals(inputs[answer.input], source.low, source.high)
        else:
            targets[name] = read_as[answer.kind](found[answer.pattern], in_part(answer.pattern, part), path)
    return Part(inputs, targets)


def _target(answer: TargetArray, train: Any, path: str) -> Target:
    if answer.kind == "value":
        return Target("value", shape=train.shape[1:])
    classes = answer.classes
    if classes is None:
        classes = [str(index) for index in range(_count(train, in_part(answer.pattern, "train"), path))]
    return Target(answer.kind, classes, train.shape[1:])


def _count(labels: Any, name: str, path: str) -> int:
    """How many classes the training labels name. Raises DatasetError where one is skipped."""
    import numpy as np

    labels = labels[labels >= 0]  # `check` has the words for others
    largest = labels.max(initial=0)
    present = np.zeros(min(largest, labels.size) + 1, bool)  # one of so many is skipped if any is
    present[labels[labels < len(present)]] = True
    if labels.size and not present.all():
        raise DatasetError("{} has the label {}, but no {}".format(name, largest, present.argmin()), path,
                           "There are as many classes as the largest label says, and each needs a training example.",
                           "Mend that label, or name the classes.")
    return int(largest) + 1


def _hold_out(train: Part, validation: float, path: str) -> Tuple[Part, Part]:
    """(train, validation): the last samples go to the second."""
    if not 0 < validation < 1:
        raise DatasetError("validation is {}".format(validation), path,
                           "It is the fraction of the training samples that is held out.",
                           "Use 0.1 or so, or save arrays for the validation part.")
    if len({len(array) for array in (*train.inputs.values(), *train.targets.values())}) > 1:
        return train, train  # `check` has the words for it
    split = len(train) - int(round(len(train) * validation))
    return tuple(Part({name: array[rows] for name, array in train.inputs.items()},
                      {name: array[rows] for name, array in train.targets.items()})
                 for rows in (slice(None, split), slice(split, None)))
