"""A table with a row for each sample: picture files, or columns of features. It is a .csv or .tsv file with a line of
column names, or a .parquet file.

    data: {dataset: table, args: {path: dogs.csv, file: photo, size: [96, 96], label: breed, part: split}}
    data: {dataset: table, args: {path: sensors.tsv, features: [rpm, volts], label: state}}
    data: {dataset: table, args: {path: scenes.csv, file: photo, size: [96, 96], labels: [day, rain]}}
    data: {dataset: table, args: {path: poses.csv, file: photo, size: [96, 96], value: [x, y]}}

Files are relative to the table's folder, or to `folder`. If the column has their names without an ending, write
`ending: .jpg`. `part` is a column with the values train, validation and test. Parts that it does not name, or all
without `part`, are held out as `split` says (octet/data/split.py), by default {validation: 0.1, test: 0.1};
{by: group, group: dog} and {by: time, time: taken} name columns. Each column of features, and of a value, is scaled so
that its training values span 0 to 1.
"""

import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

from octet import digest as digests
from octet.data import content_digests, table_rows
from octet.data import split as splits
from octet.data.dataset import PARTS, Dataset, Extra, Input, Part, Read, Target, spread
from octet.data.table_arguments import Arguments, used_columns
from octet.data.table_file import Table, read
from octet.errors import DatasetError


def load(path: str, file: Optional[str] = None, features: Optional[Sequence[str]] = None, label: Optional[str] = None,
         labels: Optional[Sequence[str]] = None, value: Optional[Sequence[str]] = None,
         size: Optional[Sequence[int]] = None, channels: int = 3, alpha: Optional[str] = None, bits: int = 16,
         folder: Optional[str] = None, part: Optional[str] = None, split: Optional[Dict[str, Any]] = None,
         skip_unreadable: bool = False, resize: Optional[Dict[str, Any]] = None, weight: Optional[str] = None,
         ending: str = "", *,
         parts: Sequence[str] = PARTS, samples: Optional[int] = None) -> Dataset:
    """The input image [N, H, W, channels] or features [N, columns], uint8 codes of [0, 1]; the target label, labels or
    value. Pictures are decoded as in image_folder. weight: a column with a weight for each sample, which becomes the
    extra `weight`; `loss: {sample_weights: weight}` reads it. ending: added to each cell of `file`. parts, samples: the
    requested parts and number of samples (octet/data/dataset.py). Raises DatasetError."""
    from octet.data.check import check

    arguments = Arguments(path, file, features, label, labels, value, size, channels, alpha, bits, folder, part, split,
                          skip_unreadable, resize, weight, ending)
    _expect(arguments)
    table = read(path)
    rows, notes = table_rows.of_parts(table, arguments)
    target, targets = _targets(table, arguments, rows["train"])
    name = "label" if label else "labels" if labels else "value"
    selected = {subset: rows[subset] for subset in parts}
    if samples is not None:
        for subset, all_rows in selected.items():
            labels_of_rows = targets[all_rows].tolist() if label else [0] * len(all_rows)
            selected[subset] = [all_rows[index] for index in spread(labels_of_rows, samples)]
    name_of_input = "image" if file else "features"
    inputs, kept, input_notes, sha256 = _inputs(table, selected, arguments, rows["train"])
    weights = _weights(table, weight)
    made = {subset: Part({name_of_input: inputs[subset]}, {name: targets[of_subset][kept[subset]]},
                         {extra: array[of_subset][kept[subset]] for extra, array in weights.items()})
            for subset, of_subset in selected.items()}
    used = (*used_columns(arguments), splits.settings(split).key)
    unread = [column for column in table.columns if column not in used]
    notes += ["columns that are not read: {}".format(
        ", ".join(column or "one without a name" for column in unread))] if unread else []
    shape = (len(features),) if features else picture_form(**arguments._asdict()).shape
    read_files = {subset: table_rows.named_hashes(table, arguments, rows[subset], sha256[subset])
                  for subset in parts if samples is None}
    return check(Dataset({name_of_input: Input(shape, 0.0, 1.0)}, {name: target}, made, tuple(notes + input_notes),
                         samples,
                         {} if samples is None else {subset: {name: targets[rows[subset]]} for subset in parts},
                         {extra: Extra("array", (), placeless=True) for extra in weights},
                         {subset: Read(_digest(table, arguments, rows, subset, sha256[subset]), of_files.copy)
                          for subset, of_files in read_files.items()},
                         {subset: len(selected[subset]) - len(made[subset]) for subset in parts}), path, parts)


def digest(part_name: str, path: str, file: Optional[str] = None, features: Optional[Sequence[str]] = None,
           label: Optional[str] = None, labels: Optional[Sequence[str]] = None, value: Optional[Sequence[str]] = None,
           size: Optional[Sequence[int]] = None, channels: int = 3, alpha: Optional[str] = None, bits: int = 16,
           folder: Optional[str] = None, part: Optional[str] = None, split: Optional[Dict[str, Any]] = None,
           skip_unreadable: bool = False, resize: Optional[Dict[str, Any]] = None, weight: Optional[str] = None,
           ending: str = "") -> str:
    """The sha256 of the part's lines and pictures, and of the settings for reading them."""
    content_digests.known_part(part_name)
    arguments = Arguments(path, file, features, label, labels, value, size, channels, alpha, bits, folder, part, split,
                          skip_unreadable, resize, weight, ending)
    _expect(arguments)
    table = read(path)
    rows, _ = table_rows.of_parts(table, arguments)
    return _digest(table, arguments, rows, part_name,
                   table_rows.hashes(table, arguments, rows[part_name]) if file else [])


def _digest(table: Table, arguments: Arguments, rows: Dict[str, List[int]], part: str, hashes: Sequence[str]) -> str:
    """The digest of a part. hashes: the sha256 of the picture of each row of the part."""
    used = [table.columns.index(name) for name in used_columns(arguments) if name in table.columns]
    lines = [[table.rows[row][place] for place in used] for row in rows[part]]
    # The scales of columns depend on the training lines, and the classes on the labels of all lines.
    by_train = rows["train"] if arguments.features or arguments.value else []
    scaled = [[table.rows[row][place] for place in used] for row in by_train]
    names = sorted({row[table.columns.index(arguments.label)] for row in table.rows}) if arguments.label else []
    return digests.of_bytes(json.dumps([
        list(arguments[1:10]) + [arguments.resize, arguments.weight], lines,
        digests.of_bytes(json.dumps(scaled).encode()), names, list(hashes)]).encode())


def _expect(arguments: Arguments) -> None:
    inputs = [name for name in ("file", "features") if getattr(arguments, name)]
    targets = [name for name in ("label", "labels", "value") if getattr(arguments, name)]
    for found, known, what in ((inputs, "file or features", "input"),
                               (targets, "label, labels or value", "target")):
        if len(found) != 1:
            raise DatasetError("{} of {} is named".format(" and ".join(found) if found else "none", known), "data.args",
                               "One of them names the {}.".format(what), "Name the column or columns of one of them.")
    for name in ("features", "labels", "value"):
        columns = getattr(arguments, name)
        if columns and (isinstance(columns, str) or not isinstance(columns, (list, tuple))):
            raise DatasetError("{} is {!r}".format(name, columns), "data.args." + name, "It is a list of columns.",
                               "Write {}: [{}].".format(name, columns))
    if not isinstance(arguments.ending, str) or arguments.ending and not arguments.file:
        raise DatasetError("ending is {!r}".format(arguments.ending), "data.args.ending",
                           "It is added to the names of picture files.",
                           "Write ending: .jpg beside file, or leave it out.")
    if arguments.file:
        from octet.datasets import image_folder
        image_folder.expect_form(arguments.path, arguments.size or [], arguments.channels, arguments.alpha,
                                 arguments.bits)
        image_folder.expect_resize(arguments.resize, False, None)
    elif arguments.resize:
        raise DatasetError("resize is {!r}, but there are no pictures".format(arguments.resize), "data.args.resize",
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


def decodes_files(file: Optional[str] = None, **others: Any) -> bool:
    """Whether each sample is decoded from a file of its own, with these arguments of `load`."""
    return file is not None


def picture_form(file: Optional[str] = None, size: Optional[Sequence[int]] = None, channels: int = 3,
                 alpha: Optional[str] = None, bits: int = 16, resize: Optional[Dict[str, Any]] = None,
                 **others: Any) -> Any:
    """The form (pictures.Form) to which pictures are decoded with these arguments of `load`, or None if no pictures
    are read."""
    from octet.datasets import image_folder

    return image_folder.picture_form(size, channels, alpha, bits, resize) if file and size else None


def _inputs(table: Table, wanted: Dict[str, List[int]], arguments: Arguments, train: Sequence[int]
            ) -> Tuple[Dict[str, Any], Dict[str, Any], List[str], Dict[str, List[str]]]:
    """({part: codes}, {part: the indices of its rows that could be read}, notes, {part: sha256 of each picture that was
    read}). train: the rows from which the scales of features are computed."""
    from octet.data import codes, far_values, pictures, target_arrays

    made, kept, notes = {}, {}, []  # type: Dict[str, Any], Dict[str, Any], List[str]
    sha256: Dict[str, List[str]] = {part: [] for part in wanted}
    if arguments.features:
        numbers = table.numbers(arguments.features, "features")
        ends = target_arrays.columns(numbers[train], "features", table.path, _named(arguments.features))
        notes.append("features are scaled from their training values to 0..1: {}".format(", ".join(
            "{} from [{:g}, {:g}]".format(name, *of) for name, of in zip(arguments.features, ends))))
        notes.extend(far_values.notes(numbers[train], _named(arguments.features)))
        for part, of_part in wanted.items():
            scaled = target_arrays.by_column(numbers[of_part], ends)
            made[part], noticed = codes.encode(scaled, codes.Range(0.0, 1.0, True),
                                            part + ".features", table.path)
            kept[part] = slice(None)
            notes.extend(noticed)
        return made, kept, notes, sha256
    for part, of_part in wanted.items():
        folder, files = table_rows.files(table, arguments, of_part)
        made[part], kept[part], words, as_read = pictures.decode_all(
            folder or ".", files, picture_form(**arguments._asdict()), arguments.skip_unreadable,
            "the {} pictures".format(part))
        sha256[part] = [one.decode() for one in as_read]
        notes.extend("{}: {}".format(part, sentence) for sentence in words)
    return made, kept, notes, sha256


def _named(columns: Sequence[str]) -> List[str]:
    """The columns as they are called in errors and notes."""
    return ["the column '{}'".format(name) for name in columns]


def _targets(table: Table, arguments: Arguments, train: Sequence[int]) -> Tuple[Target, Any]:
    """(the target, its values for all rows). train: the rows from which the scales of values are computed."""
    import numpy as np

    from octet.data import target_arrays

    if arguments.label:
        cells = np.array(table.column(arguments.label, "label"))
        classes = target_arrays.vocabulary(cells) or []
        return Target("class", classes), target_arrays.labels(cells, arguments.label, table.path, classes)
    if arguments.labels:
        return Target("labels", list(arguments.labels)), target_arrays.several(
            table.numbers(arguments.labels, "labels"), "labels", table.path)
    numbers = table.numbers(arguments.value or (), "value")
    ends = target_arrays.columns(numbers[train], "value", table.path, _named(arguments.value or ()))
    return Target("value", shape=(numbers.shape[1],), columns=tuple(ends)), target_arrays.by_column(numbers, ends)
