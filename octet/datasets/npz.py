"""Your own arrays, in one .npz file or in a folder of .npy files, with an array for each part: x_train, x_validation,
x_test. Missing parts are split off the training arrays. If there are only x and y, `split: {validation: 0.1, test:
0.1}` splits them.

In the simple form, images are in x and labels in y:

    data: {dataset: npz, args: {path: pets.npz, low: 0, high: 1, classes: [cat, dog]}}

The general form names the inputs and targets, and the array of each:

    data:
      dataset: npz
      args:
        path: street.npz
        inputs:
          image: {array: photo, low: 0, high: 1}      # photo_train, photo_validation, photo_test
        targets:
          mask: {array: mask, kind: class_map, classes: [road, car], ignore: 255}
          tags: {array: tags, kind: labels, classes: [day, rain]}   # [N, 2] of 0 and 1
          pose: {array: pose, kind: value, scale: columns}          # each column from 0 to 1
          copy: {input: image}                        # the input itself, for an autoencoder
          grid: {kind: raw, shape: [7, 7, 5]}         # an output that only a loss and a metric of your own interpret
        extras:                                       # for a loss and a metric of your own
          boxes: {array: boxes, kind: boxes}          # [N, n, 4], NaN where a sample has fewer than n boxes;
                                                      # or count: n_boxes, the array with the number of each sample
          eyes: {array: eyes, kind: keypoints}        # [N, n, 2]

`array: photo` is short for `array: "photo_{part}"`; write the pattern where your names have another form. This also
applies to the arrays of `split: {by: group, group: patient}` and `split: {by: time, time: taken}`, which have one text
or number for each sample.
"""

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from octet.data import content_digests, named_arrays
from octet.data import split as splits
from octet.data.dataset import PARTS, Dataset, Input, Part, spread
from octet.data.listing import MEANT
from octet.data.named_arrays import ExtraArray, InputArray, TargetArray, in_part, inputs_of, targets_of
from octet.errors import DatasetError

Arrays = Dict[str, Any]
"""{pattern: array}."""


class Asked(NamedTuple):
    """The arguments, parsed."""

    inputs: Dict[str, InputArray]
    targets: Dict[str, TargetArray]
    split: splits.Split
    extras: Dict[str, ExtraArray]

    @property
    def patterns(self) -> List[str]:
        arrays: List[Union[InputArray, TargetArray]] = [*self.inputs.values(), *self.targets.values()]
        named = [array.pattern for array in arrays] + [
            pattern for extra in self.extras.values() for pattern in (extra.pattern, extra.counts)]
        return [pattern for pattern in named if pattern]


def load(path: str, low: Optional[float] = None, high: Optional[float] = None,
         classes: Optional[Sequence[Any]] = None, split: Optional[Dict[str, Any]] = None, clip: Optional[bool] = None,
         percentile: Optional[float] = None, inputs: Optional[Dict[str, Any]] = None,
         targets: Optional[Dict[str, Any]] = None, extras: Optional[Dict[str, Any]] = None, *,
         parts: Sequence[str] = PARTS, samples: Optional[int] = None, learnt: Optional[Dataset] = None) -> Dataset:
    """The inputs [N, ...], uint8 codes with the shapes of the arrays, and the targets in the form of their kinds;
    `image` and `label` where the arguments name none.

    uint8 inputs are codes. bool, other integers and floats are real values in [low, high], by default [0, 1]. clip:
    values outside this range are clipped to it, not an error. percentile: the range is that of so many percent of the
    training values; others are clipped. Labels are indices or names of classes. Without `classes`, the classes are
    those of the training labels. Parts without arrays are taken from the training samples as `split` says
    (octet/data/split.py). parts, samples, learnt: the requested parts and number of samples, and the known description
    of the train part (octet/data/dataset.py). Raises DatasetError.
    """
    from octet.data import class_names, extra_arrays, target_arrays
    from octet.data.check import check

    asked = _asked(low, high, classes, split, clip, percentile, inputs, targets, extras)
    loaded, held_out, notes = _read(path, asked, parts, learnt is None)
    train = loaded.get("train", {})
    classes_of = {name: learnt.targets[name].classes if learnt else class_names.of(answer, train, path)
                  for name, answer in asked.targets.items()}
    ranges = {name: _range(source, train, learnt.inputs[name] if learnt else None, path)
              for name, source in asked.inputs.items()}
    answers = {part: _answers(part, loaded[part], asked, classes_of, path) for part in loaded}
    known = {part: extra_arrays.of_part(asked.extras, loaded[part], part, path) for part in loaded}
    kept: Dict[str, Optional[List[int]]]
    if samples is not None and not held_out:  # only these rows are encoded
        kept = {part: _some(answers[part], len(next(iter(loaded[part].values()))), asked, samples) for part in loaded}
    else:
        kept = dict.fromkeys(loaded)
    needed = [part for part in loaded if part in parts or part == "train" and held_out]
    codes = {part: _inputs(part, loaded[part], asked, ranges, kept[part], path) for part in needed}
    whole = {part: Part(codes[part][0], answers[part], known[part]) for part in needed}
    rows, row_notes = _rows(whole["train"], held_out, asked, path) if held_out else ({}, [])
    every = {part: _taken(answers["train" if part in held_out else part], rows.get(part))
             for part in (*loaded, *held_out)}
    columns = {name: learnt.targets[name].columns if learnt else target_arrays.columns(every["train"][name], name, path)
               for name, answer in asked.targets.items() if answer.scale}
    made = {}
    for part in parts:
        images = _taken(whole["train" if part in held_out else part].inputs, rows.get(part))
        of_part = _taken(known["train" if part in held_out else part], rows.get(part))
        few = kept.get(part)
        if samples is not None and few is None:
            few = _some(every[part], len(next(iter(images.values()))), asked, samples)
            images = _taken(images, few)
        made[part] = Part(images, _copied(_taken(every[part], few), images, asked, ranges, columns),
                          _taken(of_part, few))
    return check(Dataset(
        inputs=learnt.inputs if learnt else {
            name: Input(train[source.pattern].shape[1:], ranges[name].low, ranges[name].high)
            for name, source in asked.inputs.items()},
        targets=learnt.targets if learnt else {
            name: named_arrays.described(
                answer, train[asked.inputs[answer.input].pattern] if answer.input else answers["train"][name],
                classes_of[name], columns.get(name, ())) for name, answer in asked.targets.items()},
        parts=made, notes=tuple(notes + row_notes + [words for part in codes for words in codes[part][1]]),
        samples=samples, answers={} if samples is None else {part: every[part] for part in parts},
        extras=learnt.extras if learnt else extra_arrays.declared(asked.extras, known["train"])), path, parts)


def digest(part: str, path: str, low: Optional[float] = None, high: Optional[float] = None,
           classes: Optional[Sequence[Any]] = None, split: Optional[Dict[str, Any]] = None, clip: Optional[bool] = None,
           percentile: Optional[float] = None, inputs: Optional[Dict[str, Any]] = None,
           targets: Optional[Dict[str, Any]] = None, extras: Optional[Dict[str, Any]] = None) -> str:
    """The sha256 of the part's content; it does not depend on the file's name and compression."""
    args: List[Any] = [low, high, classes, split, clip, percentile, inputs, targets, extras]
    if not os.path.exists(path):
        load(path, *args)  # raises the error
    return content_digests.in_arrays(part, path, "npz-2 " + json.dumps(args), lambda: load(path, *args))


def arrays(part: str, path: str, low: Optional[float] = None, high: Optional[float] = None,
           classes: Optional[Sequence[Any]] = None, split: Optional[Dict[str, Any]] = None, clip: Optional[bool] = None,
           percentile: Optional[float] = None, inputs: Optional[Dict[str, Any]] = None,
           targets: Optional[Dict[str, Any]] = None, extras: Optional[Dict[str, Any]] = None) -> Dict[str, str]:
    """{array of the file: sha256} of the arrays that contain the part; the training arrays, where it is held out of
    them."""
    asked = _asked(low, high, classes, split, clip, percentile, inputs, targets, extras)
    names = {of: [in_part(pattern, of) for pattern in asked.patterns] for of in PARTS}
    plain = [pattern.replace("_{part}", "") for pattern in asked.patterns]
    every = [name for of in PARTS for name in names[of]]
    sha256 = content_digests.arrays(path, (), every + plain)
    mine = names[part] if set(names[part]) <= set(sha256) else names["train"]
    return {name: sha256[name] for name in (mine if set(mine) <= set(sha256) else plain)}


def _asked(low: Any, high: Any, classes: Any, split: Any, clip: Any, percentile: Any, inputs: Any,
           targets: Any, extras: Any) -> Asked:
    sources = inputs_of(inputs, {"low": low, "high": high, "clip": clip, "percentile": percentile})
    return Asked(sources, targets_of(targets, classes, sources), splits.settings(split),
                 named_arrays.extras_of(extras))


def _read(path: str, asked: Asked, parts: Sequence[str], learn: bool
          ) -> Tuple[Dict[str, Arrays], List[str], List[str]]:
    """({part: {pattern: array}}, the parts that are held out of the training arrays, notes). The first has those of
    `parts` that the file has; and the train part, where others are taken from it or `learn` is True."""
    from octet.data import archive

    there = archive.names(path)
    names = {part: [in_part(pattern, part) for pattern in asked.patterns] for part in PARTS}
    plain = [pattern.replace("_{part}", "") for pattern in asked.patterns]
    if asked.split.test is not None and set(plain) <= set(there) and not set(names["train"]) & set(there):
        names["train"] = plain  # x and y, which are split
    _expect_meant(path, asked, there, names)
    if asked.split.test is None and not set(names["test"]) & set(there) and (
            set(names["train"]) <= set(there) or set(plain) <= set(there)):
        whole = names["train"] if set(names["train"]) <= set(there) else plain
        raise DatasetError("there is no test part: no array named {}".format(" or ".join(names["test"])), path,
                           "It has: {}.".format(", ".join(there)),
                           "Save such arrays, or write split: {{validation: 0.1, test: 0.1}} in data.args, which takes "
                           "both parts from {}.".format(" and ".join(whole)))
    optional = [part for part in splits.HELD_OUT if getattr(asked.split, part) is not None]
    required = [name for part in PARTS for name in names[part]
                if part not in optional or set(names[part]) & set(there)]
    if not set(required) <= set(there):
        archive.read(path, required)  # raises the error
    unread = sorted(set(there) - set(required) - set(named_arrays.key_names(asked.split)))
    available = [part for part in PARTS if set(names[part]) <= set(there)]
    held_out = [part for part in splits.HELD_OUT if part not in available]
    notes = ["arrays that are not read: {}".format(", ".join(unread))] if unread else []
    notes += [] if held_out else splits.unused(asked.split)
    # To know the rows of any part, all parts that are held out must be drawn.
    needed = [part for part in available
              if part in parts or part == "train" and (learn or held_out and set(held_out) & set(parts))]
    loaded = archive.read(path, [name for part in needed for name in names[part]])
    return ({part: {pattern: loaded[name] for pattern, name in zip(asked.patterns, names[part])} for part in needed},
            held_out if "train" in needed else [], notes)


def _expect_meant(path: str, asked: Asked, there: Sequence[str], names: Dict[str, List[str]]) -> None:
    """Raises DatasetError where a part is missing and an array has nearly the name of one of its arrays."""
    for alias, part in MEANT.items():
        for pattern in asked.patterns:
            name = in_part(pattern, alias)
            if name in there and not set(names[part]) & set(there):
                raise DatasetError("the array {} is not read: did you mean {}?".format(name, in_part(pattern, part)),
                                   path, "The names of the parts are {}.".format(", ".join(PARTS)),
                                   "Save it under that name, or leave it out of the file.")


def _answers(part: str, found: Arrays, asked: Asked, classes_of: Dict[str, Any], path: str) -> Dict[str, Any]:
    """{target: its values} of the part, without targets that are copies of an input."""
    import numpy as np

    from octet.data import target_arrays

    read_as = {"labels": target_arrays.several, "class_map": target_arrays.class_map,
               "value": target_arrays.values}
    made = {}
    for name, answer in asked.targets.items():
        where = in_part(answer.pattern, part), path
        if answer.kind == "class":
            made[name] = target_arrays.labels(found[answer.pattern], *where, classes=classes_of[name])
        elif answer.kind == "raw":
            made[name] = np.zeros((len(found[next(iter(asked.inputs.values())).pattern]), 0), np.float32)
        elif not answer.input:
            made[name] = read_as[answer.kind](found[answer.pattern], *where)
    return made


def _rows(train: Part, held_out: Sequence[str], asked: Asked, path: str) -> Tuple[Dict[str, Any], List[str]]:
    """({part: its rows in the training arrays}, notes) of the train part and the parts that are held out of it; ({},
    []) where the arrays do not allow this."""
    import numpy as np

    every = (*train.inputs.values(), *(train.targets[name] for name, answer in asked.targets.items() if answer.pattern),
             *train.extras.values())
    lengths = {len(array) for array in every}
    if len(lengths) > 1 or min(lengths) < 2 or not all(array.size for array in every):
        return {}, []  # `check` raises the error
    count = lengths.pop()
    by = next((train.targets[name] for name, answer in asked.targets.items() if answer.kind == "class"), None)
    place = np.array(splits.parts(
        asked.split, held_out, content_digests.of_samples([train.inputs[name] for name in sorted(train.inputs)]),
        [0] * count if by is None else by.tolist(), path, named_arrays.keys(asked.split, count, path)))
    return {part: np.flatnonzero(place == part) for part in ("train", *held_out)}, [
        "held out of the training samples by {}: {}".format(asked.split.by, ", ".join(
            "{} of {} for {}".format(int((place == part).sum()), count, part) for part in held_out))]


def _taken(arrays: Arrays, rows: Any) -> Arrays:
    """The rows of the arrays; all rows where `rows` is None."""
    from octet.data import reading
    return arrays if rows is None else {name: reading.taken(array, rows) for name, array in arrays.items()}


def _some(answers: Arrays, count: int, asked: Asked, samples: int) -> List[int]:
    """The rows of at most `samples` samples, spread over the classes of the first target of kind class."""
    by = next((answers[name] for name, answer in asked.targets.items()
               if answer.kind == "class" and len(answers[name]) == count), None)
    return spread([0] * count if by is None else by.tolist(), samples)


def _range(source: InputArray, train: Arrays, learnt: Optional[Input], path: str) -> Any:
    from octet.data import codes
    if source.percentile is None:
        return codes.Range(float(source.low), float(source.high), source.clip)
    if learnt is not None:
        return codes.Range(learnt.low, learnt.high, clip=True)
    return codes.percentiles(train[source.pattern], source.percentile, in_part(source.pattern, "train"), path)


def _inputs(part: str, found: Arrays, asked: Asked, ranges: Dict[str, Any], rows: Optional[List[int]], path: str
            ) -> Tuple[Dict[str, Any], List[str]]:
    """({input: codes of the rows}, notes). rows: None for all."""
    from octet.data import codes, far_values

    made, notes = {}, []
    for name, source in asked.inputs.items():
        values = found[source.pattern]
        made[name], noticed = codes.encode(values if rows is None else values[rows], ranges[name],
                                        in_part(source.pattern, part), path)
        notes.extend(noticed)
        if part == "train":
            notes.extend(far_values.of_features(values, in_part(source.pattern, part)))
    return made, notes


def _copied(answers: Dict[str, Any], images: Dict[str, Any], asked: Asked, ranges: Dict[str, Any],
            columns: Dict[str, Any]) -> Dict[str, Any]:
    """{target: values} of a part, with copies of inputs, and with scaled columns."""
    from octet.data import codes
    from octet.data.target_arrays import by_column

    made = {}
    for name, answer in asked.targets.items():
        if answer.input:
            made[name] = codes.reals(images[answer.input], ranges[answer.input].low, ranges[answer.input].high)
        else:
            made[name] = by_column(answers[name], columns[name]) if name in columns else answers[name]
    return made
