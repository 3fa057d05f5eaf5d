"""TFRecord files of tf.train.Example messages, with pictures or numbers in named features.

    data: {dataset: tfrecord, args: {path: flowers, image: image/encoded, size: [96, 96], label: image/class/label}}
    data: {dataset: tfrecord, args: {path: gauges.tfrecord, numbers: x, low: -1, high: 1, value: y}}
    data: {dataset: tfrecord, args: {path: digits.tfrecord, numbers: image_raw, shape: [28, 28, 1], label: label}}

`path` is a file, or a folder of files whose names contain their part (train-00000-of-00004, flowers_test.tfrecord).
`image` names the feature of encoded pictures, which are decoded as in image_folder. `numbers` names a feature of floats
or integers, real values in [low, high]; or of bytes, which are uint8 codes. `label` names a feature with one integer or
text, `labels` one with a 0 or 1 for each class, `value` one with numbers. A part without files is held out of the
training records (octet/data/split.py); `by: group` and `by: time` name a feature. The files are read
without TensorFlow.
"""

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from octet import digest as digests
from octet.data import content_digests, record_index, record_parts
from octet.data import split as splits
from octet.data.dataset import PARTS, Dataset, Input, Part, Read, Target, scale_of, spread
from octet.errors import DatasetError
from octet.suggestions import some


class Arguments(NamedTuple):
    """The arguments of `load`."""

    path: str
    image: Optional[str] = None
    numbers: Optional[str] = None
    label: Optional[str] = None
    labels: Optional[str] = None
    value: Optional[str] = None
    classes: Optional[Sequence[Any]] = None
    size: Optional[Sequence[int]] = None
    shape: Optional[Sequence[int]] = None
    channels: int = 3
    alpha: Optional[str] = None
    bits: int = 16
    resize: Optional[Dict[str, Any]] = None
    skip_unreadable: bool = False
    low: float = 0.0
    high: float = 1.0
    clip: bool = False
    split: Optional[Dict[str, Any]] = None

    @property
    def input(self) -> str:
        """The feature that holds the input."""
        return self.image or self.numbers or ""

    @property
    def target(self) -> Tuple[str, str]:
        """(kind of the target, the feature that holds it)."""
        return next((kind, feature) for kind, feature in (
            ("class", self.label), ("labels", self.labels), ("value", self.value)) if feature)


def load(path: str, image: Optional[str] = None, numbers: Optional[str] = None, label: Optional[str] = None,
         labels: Optional[str] = None, value: Optional[str] = None, classes: Optional[Sequence[Any]] = None,
         size: Optional[Sequence[int]] = None, shape: Optional[Sequence[int]] = None, channels: int = 3,
         alpha: Optional[str] = None, bits: int = 16, resize: Optional[Dict[str, Any]] = None,
         skip_unreadable: bool = False, low: float = 0.0, high: float = 1.0, clip: bool = False,
         split: Optional[Dict[str, Any]] = None, *,
         parts: Sequence[str] = PARTS, samples: Optional[int] = None, learnt: Optional[Dataset] = None) -> Dataset:
    """The input image [N, H, W, channels] or numbers [N, *shape], uint8 codes of [low, high]; the target label, labels
    or value.

    shape: the shape of the numbers of a record; by default one axis. classes: the names of the classes; by default the
    texts of the training labels, or 0 to the largest training label. skip_unreadable: skip pictures that cannot be
    decoded, and note it. parts, samples, learnt: the requested parts and number of samples, and the known description
    of the train part (octet/data/dataset.py). Raises DatasetError."""
    from octet.data import class_names, codes, far_values, target_arrays
    from octet.data.check import check
    from octet.data.named_arrays import TargetArray

    arguments = Arguments(path, image, numbers, label, labels, value, classes, size, shape, channels, alpha, bits,
                          resize, skip_unreadable, low, high, clip, split)
    _expect(arguments)
    records = record_parts.find(path, splits.settings(split))
    kind, feature = arguments.target
    name = {"class": "label"}.get(kind, kind)
    needed = {part: "train" if part in records.held_out else part for part in parts}
    sources = sorted({*needed.values(), *(() if learnt else ("train",))})
    indexed = {part: record_index.make(records.files[part], _indexed_features(arguments, bool(records.held_out)),
                                       samples is None) for part in sources}
    if learnt:
        names = learnt.targets[name].classes
    else:
        names = class_names.of(TargetArray(feature, kind, [str(one) for one in classes] if classes else None),
                               {feature: indexed["train"].targets}, path)
    read_as = {"labels": target_arrays.several, "value": target_arrays.values}
    targets = {part: target_arrays.labels(of_part.targets, feature, path, names) if kind == "class"
               else read_as[kind](of_part.targets, feature, path) for part, of_part in indexed.items()}
    rows, held_out_notes = _rows(records, indexed.get("train"), targets, arguments, needed)
    made, unread, notes = {}, {}, [*records.notes, *_unread_features(indexed[sources[0]], arguments), *held_out_notes]
    for part in parts:
        of_part = rows[part]
        if samples is not None:
            labels_of_part = targets[needed[part]][of_part].tolist() if kind == "class" else [0] * len(of_part)
            of_part = [of_part[index] for index in spread(labels_of_part, samples)]
        source = indexed[needed[part]]
        if image:
            form = picture_form(**arguments._asdict())
            decoded = record_index.pictures(source, of_part, image, form, skip_unreadable, part)
            inputs, places, input_notes = decoded.images, decoded.places, decoded.notes
        else:
            reals = record_index.numbers(source, of_part, numbers or "", shape, part, path)
            inputs, input_notes = codes.encode(reals, codes.Range(low, high, clip), "{}.{}".format(part, numbers), path)
            input_notes += far_values.of_features(reals, str(numbers)) if part == "train" else []
            places = list(range(len(of_part)))
        made[part] = Part({"image" if image else "numbers": inputs},
                          {name: targets[needed[part]][[of_part[place] for place in places]]})
        unread[part] = len(of_part) - len(places)
        notes.extend("{}: {}".format(part, sentence) for sentence in input_notes)
    any_inputs = next(iter(made.values())).inputs
    spec = Input(next(iter(any_inputs.values())).shape[1:], float(low), float(high))
    read = {} if samples is not None else {
        part: Read(_digest(arguments, records, part, indexed[needed[part]].sha256), indexed[needed[part]].sha256.copy)
        for part in parts}
    target = Target(kind, names, targets[sources[0]].shape[1:] if kind == "value" else ())
    return check(Dataset(
        {name_of_input: spec for name_of_input in any_inputs}, {name: target}, made, tuple(notes), samples,
        {} if samples is None else {part: {name: targets[needed[part]][rows[part]]} for part in parts}, {}, read,
        unread), path, parts)


def picture_form(image: Optional[str] = None, size: Optional[Sequence[int]] = None, channels: int = 3,
                 alpha: Optional[str] = None, bits: int = 16, resize: Optional[Dict[str, Any]] = None,
                 **others: Any) -> Any:
    """The form (pictures.Form) to which pictures are decoded with these arguments of `load`, or None if no pictures
    are read."""
    from octet.datasets import image_folder

    return image_folder.picture_form(size, channels, alpha, bits, resize) if image and size else None


def digest(part: str, path: str, image: Optional[str] = None, numbers: Optional[str] = None,
           label: Optional[str] = None, labels: Optional[str] = None, value: Optional[str] = None,
           classes: Optional[Sequence[Any]] = None, size: Optional[Sequence[int]] = None,
           shape: Optional[Sequence[int]] = None, channels: int = 3, alpha: Optional[str] = None, bits: int = 16,
           resize: Optional[Dict[str, Any]] = None, skip_unreadable: bool = False, low: float = 0.0,
           high: float = 1.0, clip: bool = False, split: Optional[Dict[str, Any]] = None) -> str:
    """The sha256 of the files that contain the part, and of the settings for reading them."""
    content_digests.known_part(part)
    arguments = Arguments(path, image, numbers, label, labels, value, classes, size, shape, channels, alpha, bits,
                          resize, skip_unreadable, low, high, clip, split)
    _expect(arguments)
    records = record_parts.find(path, splits.settings(split))
    return _digest(arguments, records, part, _hashes(records, part))


def files(part: str, path: str, split: Optional[Dict[str, Any]] = None, **others: Any) -> Dict[str, str]:
    """{file: sha256} of the files that contain the part."""
    records = record_parts.find(path, splits.settings(split))
    return {os.path.basename(file): one for file, one in _hashes(records, part).items()}


def left_out(path: str, split: Optional[Dict[str, Any]] = None, **others: Any) -> int:
    """The number of files in the folder that are not read. Hidden files do not count."""
    return record_parts.find(path, splits.settings(split)).left_out


def _hashes(records: record_parts.RecordFiles, part: str) -> Dict[str, str]:
    of_part = records.files["train" if part in records.held_out else part]
    return dict(zip(of_part, digests.cached_all(of_part, "file", digests.of_file)))


def _digest(arguments: Arguments, records: record_parts.RecordFiles, part: str, sha256: Dict[str, str]) -> str:
    """sha256: {file: sha256} of the files that contain the part, in order. The random split depends on them only."""
    held_out = [*records.held_out, arguments.split] if records.held_out else []
    return digests.of_bytes(json.dumps([part if records.held_out else "", list(arguments[1:-1]), held_out,
                                        list(sha256.values())]).encode())


def _indexed_features(arguments: Arguments, is_split: bool) -> record_index.IndexedFeatures:
    """The features that are read to index the records. is_split: whether a part is held out of the training records."""
    kind, feature = arguments.target
    return record_index.IndexedFeatures(arguments.input, feature, kind, is_split,
                                        splits.settings(arguments.split).key if is_split else None)


def _unread_features(index: record_index.Index, arguments: Arguments) -> List[str]:
    """A note about the features of the first record that are not read."""
    read = {arguments.input, arguments.target[1], splits.settings(arguments.split).key}
    others = sorted(set(index.features(0)) - read)
    return ["features that are not read: {}".format(some(others))] if others else []


def _rows(records: record_parts.RecordFiles, train: Optional[record_index.Index], targets: Dict[str, Any],
          arguments: Arguments, needed: Dict[str, str]) -> Tuple[Dict[str, List[int]], List[str]]:
    """({part: its rows among the records of its files}, notes about held-out parts). needed: {part: the part whose
    files contain it}."""
    split = splits.settings(arguments.split)
    if not records.held_out:
        return {part: list(range(len(targets[part]))) for part in needed}, splits.unused(split)
    rows = {part: list(range(len(targets[part]))) for part, source in needed.items() if part == source != "train"}
    if train is None:
        return rows, []
    count = len(targets["train"])
    if count < 2:  # `check` raises the error
        return {part: rows.get(part, list(range(count))) for part in needed}, []
    place = splits.parts(split, records.held_out, train.hashes,
                         targets["train"].tolist() if arguments.label else [0] * count, arguments.path,
                         train.keys or None)
    drawn = {part: [row for row, of in enumerate(place) if of == part] for part in ("train", *records.held_out)}
    return {**drawn, **rows}, ["held out of the training records by {}: {}".format(split.by, ", ".join(
        "{} of {} for {}".format(len(drawn[part]), count, part) for part in records.held_out))]


def _expect(arguments: Arguments) -> None:
    """Raises DatasetError for arguments that are missing, or cannot be combined."""
    from octet.datasets import image_folder

    for named, known, what in (
            ([arguments.image, arguments.numbers], "image or numbers", "input"),
            ([arguments.label, arguments.labels, arguments.value], "label, labels or value", "target")):
        features = [one for one in named if one]
        if len(features) != 1 or not isinstance(features[0], str):
            raise DatasetError("{} of {} is named".format(" and ".join(map(str, features)) or "none", known),
                               "data.args", "One of them names the feature of the {}.".format(what),
                               "Name the feature of one of them.")
    if arguments.image:
        image_folder.expect_form(arguments.path, arguments.size or [], arguments.channels, arguments.alpha,
                                 arguments.bits)
        image_folder.expect_resize(arguments.resize, False, None)
    elif arguments.size or arguments.resize:
        raise DatasetError("size and resize are for pictures, but there are none", "data.args",
                           "They describe how encoded pictures are resized.",
                           "Leave them out; `shape` is the shape of numbers.")
    if arguments.shape is not None and (arguments.image or not isinstance(arguments.shape, (list, tuple)) or not all(
            isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in arguments.shape)):
        raise DatasetError("shape is {!r}".format(arguments.shape), "data.args.shape",
                           "It is the shape of the numbers of a record.",
                           "Write sizes above 0, beside `numbers`, such as shape: [28, 28, 1].")
    scale_of(arguments.low, arguments.high, arguments.path)
