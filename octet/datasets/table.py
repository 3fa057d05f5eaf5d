"""A table with a row for each sample: picture files, or columns of features. It is a .csv or .tsv file with a line of
column names, or a .parquet file.

    data: {dataset: table, args: {path: dogs.csv, file: photo, size: [96, 96], label: breed, part: split}}
    data: {dataset: table, args: {path: sensors.tsv, features: [rpm, volts], label: state}}
    data: {dataset: table, args: {path: scenes.csv, file: photo, size: [96, 96], labels: [day, rain]}}
    data: {dataset: table, args: {path: poses.csv, file: photo, size: [96, 96], value: [x, y]}}

Files are relative to the table's folder, or to `folder`. `part` is a column with the values train, validation and test.
Parts that it does not name, or all without `part`, are held out as `split` says (octet/data/split.py), by default
{validation: 0.1, test: 0.1}; {by: group, group: dog} and {by: time, time: taken} name columns. Each column of features,
and of a value, is scaled so that its training values span 0 to 1.
"""

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from octet import digest as digests
from octet import regular_file
from octet.data import content_digests, listing
from octet.data import split as splits
from octet.data.dataset import PARTS, Dataset, Extra, Input, Part, Read, Target, spread
from octet.data.table_file import Table, read
from octet.errors import DatasetError

COLUMNS = ("file", "features", "label", "labels", "value", "part", "weight")
"""The arguments that name columns."""


class Asked(NamedTuple):
    """The arguments of `load`."""

    path: str
    file: Optional[str] = None
    features: Optional[Sequence[str]] = None
    label: Optional[str] = None
    labels: Optional[Sequence[str]] = None
    value: Optional[Sequence[str]] = None
    size: Optional[Sequence[int]] = None
    channels: int = 3
    alpha: Optional[str] = None
    bits: int = 16
    folder: Optional[str] = None
    part: Optional[str] = None
    split: Optional[Dict[str, Any]] = None
    skip_unreadable: bool = False
    resize: Optional[Dict[str, Any]] = None
    weight: Optional[str] = None


def load(path: str, file: Optional[str] = None, features: Optional[Sequence[str]] = None, label: Optional[str] = None,
         labels: Optional[Sequence[str]] = None, value: Optional[Sequence[str]] = None,
         size: Optional[Sequence[int]] = None, channels: int = 3, alpha: Optional[str] = None, bits: int = 16,
         folder: Optional[str] = None, part: Optional[str] = None, split: Optional[Dict[str, Any]] = None,
         skip_unreadable: bool = False, resize: Optional[Dict[str, Any]] = None, weight: Optional[str] = None, *,
         parts: Sequence[str] = PARTS, samples: Optional[int] = None) -> Dataset:
    """The input image [N, H, W, channels] or features [N, columns], uint8 codes of [0, 1]; the target label, labels or
    value. Pictures are decoded as in image_folder. weight: a column with a weight for each sample, which becomes the
    extra `weight`; `loss: {sample_weights: weight}` reads it. parts, samples: the requested parts and number of samples
    (octet/data/dataset.py). Raises DatasetError."""
    from octet.data.check import check

    asked = Asked(path, file, features, label, labels, value, size, channels, alpha, bits, folder, part, split,
                  skip_unreadable, resize, weight)
    _expect(asked)
    table = read(path)
    rows, notes = _rows(table, asked)
    target, answers = _answers(table, asked, rows["train"])
    name = "label" if label else "labels" if labels else "value"
    selected = {one: rows[one] for one in parts}
    if samples is not None:
        selected = {one: [of_part[place] for place in spread(
            answers[of_part].tolist() if label else [0] * len(of_part), samples)] for one, of_part in selected.items()}
    inputs, kept, input_notes, sha256 = _inputs(table, selected, asked, rows["train"])
    weights = _weights(table, weight)
    made = {one: Part({"image" if file else "features": inputs[one]}, {name: answers[selected[one]][kept[one]]},
                      {extra: array[selected[one]][kept[one]] for extra, array in weights.items()}) for one in parts}
    unread = [column for column in table.columns if column not in (*_used(asked), splits.settings(split).key)]
    notes += ["columns that are not read: {}".format(
        ", ".join(one or "one without a name" for one in unread))] if unread else []
    shape = (len(features),) if features else picture_form(**asked._asdict()).shape
    hashed = {one: _named_hashes(table, asked, rows[one], sha256[one]) for one in parts if samples is None}
    return check(Dataset({"image" if file else "features": Input(shape, 0.0, 1.0)}, {name: target}, made,
                         tuple(notes + input_notes), samples,
                         {} if samples is None else {one: {name: answers[rows[one]]} for one in parts},
                         {extra: Extra("array", (), placeless=True) for extra in weights},
                         {one: Read(_digest(table, asked, rows, one, sha256[one]), of_files.copy)
                          for one, of_files in hashed.items()},
                         {one: len(selected[one]) - len(made[one]) for one in parts}), path, parts)


def digest(part_name: str, path: str, file: Optional[str] = None, features: Optional[Sequence[str]] = None,
           label: Optional[str] = None, labels: Optional[Sequence[str]] = None, value: Optional[Sequence[str]] = None,
           size: Optional[Sequence[int]] = None, channels: int = 3, alpha: Optional[str] = None, bits: int = 16,
           folder: Optional[str] = None, part: Optional[str] = None, split: Optional[Dict[str, Any]] = None,
           skip_unreadable: bool = False, resize: Optional[Dict[str, Any]] = None, weight: Optional[str] = None
           ) -> str:
    """The sha256 of the part's lines and pictures, and of the settings for reading them."""
    content_digests.known_part(part_name)
    asked = Asked(path, file, features, label, labels, value, size, channels, alpha, bits, folder, part, split,
                  skip_unreadable, resize, weight)
    _expect(asked)
    table = read(path)
    rows, _ = _rows(table, asked)
    return _digest(table, asked, rows, part_name, _hashes(table, asked, rows[part_name]) if file else [])


def _digest(table: Table, asked: Asked, rows: Dict[str, List[int]], part: str, hashes: Sequence[str]) -> str:
    """hashes: the sha256 of the picture of each row of the part."""
    used = [table.columns.index(name) for name in _used(asked) if name in table.columns]
    lines = [[table.rows[row][place] for place in used] for row in rows[part]]
    # The scales of columns depend on the training lines, and the classes on the labels of all lines.
    by_train = rows["train"] if asked.features or asked.value else []
    scaled = [[table.rows[row][place] for place in used] for row in by_train]
    names = sorted({row[table.columns.index(asked.label)] for row in table.rows}) if asked.label else []
    return digests.of_bytes(json.dumps([
        list(asked[1:10]) + [asked.resize, asked.weight], lines, digests.of_bytes(json.dumps(scaled).encode()), names,
        list(hashes)]).encode())


def _expect(asked: Asked) -> None:
    inputs = [name for name in ("file", "features") if getattr(asked, name)]
    targets = [name for name in ("label", "labels", "value") if getattr(asked, name)]
    for found, known, what in ((inputs, "file or features", "input"),
                               (targets, "label, labels or value", "target")):
        if len(found) != 1:
            raise DatasetError("{} of {} is named".format(" and ".join(found) if found else "none", known), "data.args",
                               "One of them names the {}.".format(what), "Name the column or columns of one of them.")
    for name in ("features", "labels", "value"):
        columns = getattr(asked, name)
        if columns and (isinstance(columns, str) or not isinstance(columns, (list, tuple))):
            raise DatasetError("{} is {!r}".format(name, columns), "data.args." + name, "It is a list of columns.",
                               "Write {}: [{}].".format(name, columns))
    if asked.file:
        from octet.datasets import image_folder
        image_folder.expect_form(asked.path, asked.size or [], asked.channels, asked.alpha, asked.bits)
        image_folder.expect_resize(asked.resize, False, None)
    elif asked.resize:
        raise DatasetError("resize is {!r}, but there are no pictures".format(asked.resize), "data.args.resize",
                           "It describes how pictures are resized.",
                           "Leave it out, or name the column of picture files in `file`.")


def _weights(table: Table, column: Optional[str]) -> Dict[str, Any]:
    """{"weight": the weight of each row, float32}; empty where `column` is None. Raises DatasetError."""
    if column is None:
        return {}
    weights = table.numbers([column], "weight")[:, 0]
    if (weights < 0).any():
        row = int((weights < 0).argmax())
        raise DatasetError("the weight is {:g}".format(weights[row]), "{}:{}".format(table.path, table.lines[row]),
                           "The loss of the sample is multiplied by it.", "Write a number of at least 0.")
    return {"weight": weights.astype("float32")}


def _expect_columns(table: Table, asked: Asked) -> None:
    """Raises DatasetError for a column that does not exist, is named twice, or is both an input and a target."""
    named = {argument: [getattr(asked, argument)] if argument in ("file", "label", "part", "weight") else list(
        getattr(asked, argument)) for argument in COLUMNS if getattr(asked, argument)}
    for argument, columns in named.items():
        for name in columns:
            table.place(name, argument)
            if columns.count(name) > 1:
                raise DatasetError("the column '{}' is named twice".format(name), "data.args." + argument,
                                   "Each column is read once.", "Name it once.")
    inputs = named.get("file", []) + named.get("features", [])
    answers = [(name, argument) for argument in ("label", "labels", "value") for name in named.get(argument, [])]
    if inputs == [name for name, _ in answers]:  # an autoencoder
        return
    for name, argument in answers:
        if name in inputs:
            raise DatasetError("the column '{}' is an input as well".format(name), "data.args." + argument,
                               "A network that gets the target as an input learns nothing.",
                               "Leave it out of the inputs.")


def _used(asked: Asked) -> List[str]:
    return [name for name in (asked.file, asked.label, asked.part, asked.weight, *(asked.features or ()),
                              *(asked.labels or ()), *(asked.value or ())) if name]


def _rows(table: Table, asked: Asked) -> Tuple[Dict[str, List[int]], List[str]]:
    """({part: its rows}, notes about what was held out)."""
    _expect_columns(table, asked)
    every = list(range(len(table.rows)))
    rows_of = {"train": every}  # type: Dict[str, List[int]]
    if asked.part:
        cells = table.column(asked.part, "part")
        for cell, line in zip(cells, table.lines):
            if cell not in PARTS:
                raise DatasetError("the column '{}' has {!r}".format(asked.part, cell),
                                   "{}:{}".format(table.path, line), "The parts are {}.".format(", ".join(PARTS)),
                                   "Write {}.".format(listing.MEANT.get(cell.lower(), "one of them")))
        rows_of = {part: [row for row in every if cells[row] == part] for part in PARTS if part in cells}
    if not rows_of.get("train"):
        raise DatasetError("the table has no training samples", table.path,
                           "Each line after the first{} is a training sample.".format(
                               " with train in the column '{}'".format(asked.part) if asked.part else ""),
                           "Add training samples.")
    missing = [part for part in PARTS if part not in rows_of]
    settings = splits.settings({"validation": 0.1, "test": 0.1} if asked.split is None else asked.split)
    if not missing or len(rows_of["train"]) < 2:  # where there are too few, `check` raises the error
        return {part: rows_of.get(part, []) for part in PARTS}, [] if missing else splits.unused(settings)
    held_out = [part for part in missing if getattr(settings, part) is not None]
    train = rows_of["train"]
    used = [table.columns.index(name) for name in asked.features or ()]
    hashes = _hashes(table, asked, train) if asked.file else [
        digests.of_bytes(json.dumps([table.rows[row][place] for place in used]).encode()) for row in train]
    classes = table.column(asked.label, "label") if asked.label else [""] * len(every)
    keys = table.column(settings.key, settings.key_where) if settings.key else None
    place = splits.parts(settings, held_out, hashes, [classes[row] for row in train], table.path,
                         keys and [keys[row] for row in train])
    for part in (*held_out, "train"):
        rows_of[part] = [row for row, of in zip(train, place) if of == part]
    return {part: rows_of.get(part, []) for part in PARTS}, ["held out of the training samples by {}: {}".format(
        settings.by, ", ".join("{} of {} for {}".format(len(rows_of[part]), len(train), part) for part in held_out))]


def _files(table: Table, asked: Asked, rows: Sequence[int]) -> Tuple[str, List[str]]:
    """(the folder, the files of these rows, relative to it). Raises DatasetError for a file that does not exist."""
    folder = os.path.join(os.path.dirname(table.path), asked.folder or "")
    cells = table.column(asked.file or "", "file")
    for row in rows:
        if not os.path.isfile(os.path.join(folder, cells[row])):
            kind = regular_file.kind(os.path.join(folder, cells[row]))
            raise DatasetError("{} is {}, not a file".format(cells[row], kind) if kind else
                               "there is no file {}".format(cells[row]), "{}:{}".format(table.path, table.lines[row]),
                               "It is relative to {}.".format(folder or "."),
                               "Correct the name, or set `folder` in data.args.")
    return folder, [cells[row] for row in rows]


def _hashes(table: Table, asked: Asked, rows: Sequence[int]) -> List[str]:
    folder, files = _files(table, asked, rows)
    return digests.cached_all([os.path.join(folder, file) for file in files], "file", digests.of_file)


def _named_hashes(table: Table, asked: Asked, rows: Sequence[int], sha256: Sequence[str]) -> Dict[str, str]:
    """{path: sha256} of the pictures of these rows."""
    if not asked.file:
        return {}
    folder, files = _files(table, asked, rows)
    return {os.path.join(folder, file): one for file, one in zip(files, sha256)}


def decodes_files(file: Optional[str] = None, **others: Any) -> bool:
    """Whether each sample is decoded from a file of its own, with these arguments of `load`."""
    return file is not None


def picture_form(file: Optional[str] = None, size: Optional[Sequence[int]] = None, channels: int = 3,
                 alpha: Optional[str] = None, bits: int = 16, resize: Optional[Dict[str, Any]] = None,
                 **others: Any) -> Any:
    """The form (pictures.Form) to which pictures are decoded with these arguments of `load`; None where no pictures are
    read."""
    from octet.datasets import image_folder

    return image_folder.picture_form(size, channels, alpha, bits, resize) if file and size else None


def _inputs(table: Table, wanted: Dict[str, List[int]], asked: Asked, train: Sequence[int]
            ) -> Tuple[Dict[str, Any], Dict[str, Any], List[str], Dict[str, List[str]]]:
    """({part: codes}, {part: the indices of its rows that could be read}, notes, {part: sha256 of each picture that was
    read}). train: the rows from which the scales of features are computed."""
    from octet.data import codes, pictures, target_arrays

    made, kept, notes = {}, {}, []  # type: Dict[str, Any], Dict[str, Any], List[str]
    sha256: Dict[str, List[str]] = {part: [] for part in wanted}
    if asked.features:
        numbers = table.numbers(asked.features, "features")
        ends = target_arrays.columns(numbers[train], "features", table.path)
        notes.append("features are scaled from their training values to 0..1: {}".format(", ".join(
            "{} from [{:g}, {:g}]".format(name, *of) for name, of in zip(asked.features, ends))))
        for part, of_part in wanted.items():
            scaled = target_arrays.by_column(numbers[of_part], ends)
            made[part], noticed = codes.encode(scaled, codes.Range(0.0, 1.0, True),
                                            part + ".features", table.path)
            kept[part] = slice(None)
            notes.extend(noticed)
        return made, kept, notes, sha256
    for part, of_part in wanted.items():
        folder, files = _files(table, asked, of_part)
        made[part], kept[part], words, as_read = pictures.decode_all(
            folder or ".", files, picture_form(**asked._asdict()), asked.skip_unreadable,
            "the {} pictures".format(part))
        sha256[part] = [one.decode() for one in as_read]
        notes.extend("{}: {}".format(part, sentence) for sentence in words)
    return made, kept, notes, sha256


def _answers(table: Table, asked: Asked, train: Sequence[int]) -> Tuple[Target, Any]:
    """(the target, its values for all rows). train: the rows from which the scales of values are computed."""
    import numpy as np

    from octet.data import target_arrays

    if asked.label:
        cells = np.array(table.column(asked.label, "label"))
        classes = target_arrays.vocabulary(cells) or []
        return Target("class", classes), target_arrays.labels(cells, asked.label, table.path, classes)
    if asked.labels:
        answers = target_arrays.several(table.numbers(asked.labels, "labels"), "labels", table.path)
        return Target("labels", list(asked.labels)), answers
    numbers = table.numbers(asked.value or (), "value")
    ends = target_arrays.columns(numbers[train], "value", table.path)
    return Target("value", shape=(numbers.shape[1],), columns=tuple(ends)), target_arrays.by_column(numbers, ends)
