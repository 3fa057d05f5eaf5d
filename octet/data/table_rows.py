"""Which rows of a table belong to which part, and the picture files of rows."""

import json
import os
from typing import Dict, List, Sequence, Tuple

from octet import digest as digests
from octet import regular_file
from octet.data import listing, table_arguments
from octet.data import split as splits
from octet.data.dataset import PARTS
from octet.data.table_arguments import Arguments
from octet.data.table_file import Table
from octet.errors import DatasetError


def of_parts(table: Table, arguments: Arguments) -> Tuple[Dict[str, List[int]], List[str]]:
    """({part: its rows}, notes about held-out parts). Raises DatasetError for wrong columns, an unknown part or a table
    without training samples."""
    table_arguments.expect_columns(table, arguments)
    every = list(range(len(table.rows)))
    rows_of = {"train": every}  # type: Dict[str, List[int]]
    if arguments.part:
        cells = table.column(arguments.part, "part")
        for cell, line in zip(cells, table.lines):
            if cell not in PARTS:
                raise DatasetError("the column '{}' has {!r}".format(arguments.part, cell),
                                   "{}:{}".format(table.path, line), "The parts are {}.".format(", ".join(PARTS)),
                                   "Write {}.".format(
                                       listing.meant(cell) if listing.meant(cell) in PARTS else "one of them"))
        rows_of = {part: [row for row in every if cells[row] == part] for part in PARTS if part in cells}
    if not rows_of.get("train"):
        raise DatasetError("the table has no training samples", table.path,
                           "Each line after the first{} is a training sample.".format(
                               " with train in the column '{}'".format(arguments.part) if arguments.part else ""),
                           "Add training samples.")
    missing = [part for part in PARTS if part not in rows_of]
    settings = splits.settings({"validation": 0.1, "test": 0.1} if arguments.split is None else arguments.split)
    if not missing or len(rows_of["train"]) < 2:  # `check` raises the error about too few samples
        return {part: rows_of.get(part, []) for part in PARTS}, [] if missing else splits.unused(settings)
    held_out = [part for part in missing if getattr(settings, part) is not None]
    train = rows_of["train"]
    used = [table.columns.index(name) for name in arguments.features or ()]
    identities = hashes(table, arguments, train) if arguments.file else [
        digests.of_bytes(json.dumps([table.rows[row][place] for place in used]).encode()) for row in train]
    classes = table.column(arguments.label, "label") if arguments.label else [""] * len(every)
    keys = table.column(settings.key, settings.key_where) if settings.key else None
    part_of = splits.parts(settings, held_out, identities, [classes[row] for row in train], table.path,
                           keys and [keys[row] for row in train])
    for part in (*held_out, "train"):
        rows_of[part] = [row for row, of in zip(train, part_of) if of == part]
    return {part: rows_of.get(part, []) for part in PARTS}, ["held out of the training samples by {}: {}".format(
        settings.by, ", ".join("{} of {} for {}".format(len(rows_of[part]), len(train), part) for part in held_out))]


def files(table: Table, arguments: Arguments, rows: Sequence[int]) -> Tuple[str, List[str]]:
    """(the folder, the picture files of these rows, relative to it). Raises DatasetError for a file that does not
    exist."""
    folder = os.path.join(os.path.dirname(table.path), arguments.folder or "")
    cells = [cell + arguments.ending for cell in table.column(arguments.file or "", "file")]
    for row in rows:
        if not os.path.isfile(os.path.join(folder, cells[row])):
            kind = regular_file.kind(os.path.join(folder, cells[row]))
            raise DatasetError("{} is {}, not a file".format(cells[row], kind) if kind else
                               "there is no file {}".format(cells[row]), "{}:{}".format(table.path, table.lines[row]),
                               "It is relative to {}.".format(folder or "."),
                               "Correct the name, or set `folder` in data.args.{}".format(
                                   " skip_unreadable skips damaged pictures, not missing files: to leave this sample "
                                   "out, remove the line." if arguments.skip_unreadable else ""))
    return folder, [cells[row] for row in rows]


def hashes(table: Table, arguments: Arguments, rows: Sequence[int]) -> List[str]:
    """The sha256 of the picture file of each row."""
    folder, names = files(table, arguments, rows)
    return digests.cached_all([os.path.join(folder, name) for name in names], "file", digests.of_file)


def named_hashes(table: Table, arguments: Arguments, rows: Sequence[int], sha256: Sequence[str]) -> Dict[str, str]:
    """{path: sha256} of the picture files of these rows; {} without pictures. sha256: of the picture of each row."""
    if not arguments.file:
        return {}
    folder, names = files(table, arguments, rows)
    return {os.path.join(folder, name): of_file for name, of_file in zip(names, sha256)}
