"""Proposes the arguments of the dataset `table` for a table: which columns are inputs, targets and parts."""

import os
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from octet.data import listing, table_file, target_names
from octet.data.dataset import PARTS
from octet.errors import DatasetError
from octet.suggestions import some

SOME = 200  # rows are examined for picture files
MOST_ROWS = 20000  # are examined for numbers
MOST_FOLDERS, DEPTH = 100, 2  # below the table's folder, in which pictures are looked for
PicturesOf = Callable[[Sequence[str], str], Tuple[Dict[str, Any], List[str]]]


class Files(NamedTuple):
    """A column of picture files. folder, ending: the arguments of the dataset. found: the paths of some that exist.
    missing: (cell, line) of those among them that do not."""

    column: str
    folder: str
    ending: str
    found: List[str]
    missing: List[Tuple[str, int]]


class Columns:
    """The columns of a table that can be read. cells: {column: its texts}. numbers: the columns that hold numbers only.
    gaps: {column: why it is not one of them}, for columns of which most cells are numbers. binary: the columns of 0 and
    1. fixed: {column: why it says nothing about a sample}."""

    def __init__(self, table: table_file.Table) -> None:
        places = {name: place for place, name in enumerate(table.columns) if name and name not in table.unreadable}
        self.cells = {name: [row[place].strip() for row in table.rows[:MOST_ROWS]] for name, place in places.items()}
        self.numbers: List[str] = []
        self.gaps: Dict[str, str] = {}
        self.fixed: Dict[str, str] = {}
        for name, cells in self.cells.items():
            wrong = [index for index, cell in enumerate(cells) if not _is_number(cell)]
            if not wrong:
                self.numbers.append(name)
            elif 2 * len(wrong) < len(cells):
                cell, line = cells[wrong[0]], table.lines[wrong[0]]
                self.gaps[name] = "{} has {} in line {}".format(name, repr(cell) if cell else "an empty cell", line)
            if len(cells) > 1 and len(set(cells)) == 1:
                self.fixed[name] = "{} is {} in every line".format(name, cells[0] or "empty")
            elif name in self.numbers and len(cells) > 2 and _counts_up(cells):
                self.fixed[name] = "{} numbers the lines".format(name)
        self.binary = [name for name in self.numbers if {float(cell) for cell in self.cells[name]} == {0.0, 1.0}]

    def are_whole(self, name: str) -> bool:
        """Whether the numbers of a column are whole."""
        return all(float(cell).is_integer() for cell in self.cells[name])

    def differ(self, name: str) -> bool:
        """Whether most cells of a column differ from each other."""
        distinct = len(set(self.cells[name]))
        return distinct > 2 and 2 * distinct > len(self.cells[name])


def of(path: str, pictures_of: PicturesOf) -> Tuple[Dict[str, Any], List[str], List[str], Tuple[int, ...]]:
    """(arguments, [kind of the target], remarks, shape of the input). pictures_of: returns the arguments for pictures,
    and remarks. Raises DatasetError if no column is recognized as the input, or none as the target."""
    table = table_file.read(path)
    if any("." in name and _is_number(name) for name in table.columns):
        raise DatasetError("the first line holds numbers: {}".format(some(table.columns)), path,
                           "It is read as the names of the columns.", "Write a line of names above it.")
    columns = Columns(table)
    files = _files(table, columns)
    part = next((name for name, cells in columns.cells.items() if _are_parts(cells)), None)
    used = {name for name in (files and files.column, part) if name}
    target, guesses = _target(columns, used, files is not None, path)
    chosen = [name for value in target.values() for name in ([value] if isinstance(value, str) else value)]
    features = [name for name in columns.numbers if name not in (*used, *chosen, *columns.fixed)
                and target_names.rank(name) is None]
    if not files and not features:
        _expect_no_names_of_pictures(table, columns)
        raise DatasetError("no input is recognized among the columns {}".format(", ".join(table.columns)), path,
                           "Inputs are a column of picture files, or columns of numbers that are no targets.",
                           "Give the table columns of numbers, or the names of pictures that exist.")
    remarks = ["{} samples, columns: {}.".format(len(table.rows), ", ".join(table.columns))] + guesses
    args: Dict[str, Any] = {"file": files.column} if files else {"features": features}
    args.update(target)
    args.update({"part": part} if part else {})
    unread = [name for name in columns.cells if name not in (*used, *chosen, *(() if files else features))]
    if unread:
        remarks.append("Not read: {}.".format("; ".join(columns.fixed.get(name, columns.gaps.get(name, name))
                                                         for name in unread)))
    remarks += ["Not read: {}, which holds {}.".format(*item) for item in table.unreadable.items()]
    if part:
        remarks += _odd_parts(columns.cells[part])
    kind = {"label": "class", "labels": "labels", "value": "value"}[next(iter(target))]
    if not files:
        return args, [kind], remarks, (len(features),)
    args.update({name: value for name, value in (("folder", files.folder), ("ending", files.ending)) if value})
    if files.missing:
        remarks.append("there is no file {} (line {}): add it, or remove the line.".format(*files.missing[0]))
    form, picture_remarks = pictures_of(files.found, os.path.dirname(path))
    return dict(args, **form), [kind], remarks + picture_remarks, (*form["size"], form["channels"])


def _target(columns: Columns, used: Set[str], has_files: bool, path: str) -> Tuple[Dict[str, Any], List[str]]:
    """(the argument label, labels or value with its columns, remarks about guesses)."""
    left = [name for name in columns.cells if name not in used and name not in columns.fixed]
    ranks = {name: target_names.rank(name) for name in left}
    named = [name for name in left if ranks[name] == 0] or [name for name in left if ranks[name] == 1]
    words = [name for name in left if name not in columns.numbers and name not in columns.gaps
             and len(set(columns.cells[name])) < len(columns.cells[name])]
    if has_files and [name.lower() for name in named] == ["y"]:  # beside x, it is a coordinate
        named = [name for name in columns.numbers if name in left and name.lower() in ("x", "y")]
    also = [name for name in left if ranks[name] is not None and name not in named]
    if len(named) > 1 and all(name in columns.numbers for name in named):
        return _several(named, columns, path), ["guessed: the targets are {}.".format(", ".join(named))]
    if named or words:
        chosen = (named or words)[0]
        others = list(dict.fromkeys(named[1:] + also + ([] if named else words[1:])))
        return _one(chosen, others, columns)
    binary = [name for name in columns.binary if name in left]
    numbers = [name for name in columns.numbers if name in left]
    if has_files and numbers:
        chosen_columns = binary if len(binary) == len(numbers) else numbers
        if len(chosen_columns) == 1:
            return _one(chosen_columns[0], [], columns, guessed=True)
        argument = _several(chosen_columns, columns, path)
        return argument, ["guessed: {} are the {} of a picture.".format(
            ", ".join(chosen_columns), "labels" if "labels" in argument else "values")]
    raise DatasetError("no target is recognized among the columns {}".format(", ".join(columns.cells)), path,
                       "A target has a name such as label, class or target, or holds repeated words.{}".format(
                           " {} may be labels: columns of 0 and 1.".format(", ".join(binary)) if binary else ""),
                       "Rename the target's column to label, or write the recipe by hand, as described in "
                       "octet/datasets/table.py.")


def _one(name: str, others: Sequence[str], columns: Columns, guessed: bool = False) -> Tuple[Dict[str, Any], List[str]]:
    """(the argument with its column, remarks) for one column. others: columns that could be the target too."""
    is_number = name in columns.numbers
    is_class = not is_number or columns.are_whole(name) and not columns.differ(name)
    what = "label" if is_class else "value"
    remarks = []
    if others or guessed:
        remarks.append("guessed: the {} is {}{}.".format(
            what, name, "; it could also be {}".format(", ".join(others)) if others else ""))
    if is_number and not is_class and columns.are_whole(name):
        remarks.append("guessed: {0} is a value, because its whole numbers mostly differ. For classes, write "
                       "label: {0}.".format(name))
    distinct = len(set(columns.cells[name]))
    if is_number and is_class and distinct > 10:
        remarks.append("guessed: the {1} different whole numbers of {0} are classes. For a value, write "
                       "value: [{0}].".format(name, distinct))
    return {"label": name} if is_class else {"value": [name]}, remarks


def _several(names: List[str], columns: Columns, path: str) -> Dict[str, Any]:
    """The argument for several columns of numbers. Raises DatasetError for one-hot columns."""
    if not all(name in columns.binary for name in names):
        return {"value": names}
    sums = {sum(float(cell) for cell in row) for row in zip(*(columns.cells[name] for name in names))}
    if sums == {1.0}:
        raise DatasetError("the columns {} are one-hot: exactly one is 1 in each line".format(some(names)), path,
                           "A class is one column of names or numbers.",
                           "Write one column `label` with the name of the column that is 1.")
    return {"labels": names}


def _files(table: table_file.Table, columns: Columns) -> Optional[Files]:
    """The column of which most cells are picture files; None if there is none."""
    top = os.path.dirname(table.path)
    best: Optional[Files] = None
    for name, cells in columns.cells.items():
        few = cells[:SOME]
        if 2 * len(set(few)) <= len(few):
            continue  # one picture for several samples is no column of files
        for folder in _folders(top):
            for ending in _endings(few, os.path.join(top, folder)):
                paths = [os.path.join(top, folder, cell + ending) for cell in few]
                found = [path for path, cell in zip(paths, few) if cell and os.path.isfile(path)]
                if 2 * len(found) > len(few) and (best is None or len(found) > len(best.found)):
                    missing = [(cell + ending, line) for cell, line, path in zip(few, table.lines, paths)
                               if path not in found]
                    best = Files(name, folder, ending, found, missing)
    return best


def _expect_no_names_of_pictures(table: table_file.Table, columns: Columns) -> None:
    """Raises DatasetError for a column of names of pictures that do not exist."""
    for name, cells in columns.cells.items():
        for cell, line in zip(cells, table.lines):
            if cell.lower().endswith(listing.ENDINGS):
                raise DatasetError("there is no file {}".format(cell), "{}:{}".format(table.path, line),
                                   "The column '{}' names pictures.".format(name),
                                   "Put them beside the table, or into a folder there.")


def _folders(top: str) -> Iterator[str]:
    """'' for the folder itself, and the first folders below it, relative to it."""
    count = 0
    for folder, names, _ in os.walk(top or "."):
        below = os.path.relpath(folder, top or ".")
        depth = 0 if below == "." else below.count(os.sep) + 1
        names[:] = [] if depth == DEPTH else sorted(name for name in names if not name.startswith("."))
        yield "" if below == "." else below
        count += 1
        if count == MOST_FOLDERS:
            return


def _endings(cells: Sequence[str], folder: str) -> List[str]:
    """The endings that the cells may lack: '' and, where the first cell has none, those of pictures in the folder that
    begin with it."""
    first = next((cell for cell in cells if cell), "")
    if not first or first.lower().endswith(listing.ENDINGS):
        return [""]
    return [""] + [ending for ending in listing.ENDINGS if os.path.isfile(os.path.join(folder, first + ending))]


def _are_parts(cells: Sequence[str]) -> bool:
    """Whether all cells are usual names of parts, one of them of the training part."""
    parts = {listing.meant(cell) for cell in set(cells)}
    return "train" in parts and parts <= set(PARTS)


def _odd_parts(cells: Sequence[str]) -> List[str]:
    """A remark about names of parts that the dataset refuses."""
    odd = {cell: listing.meant(cell) for cell in sorted(set(cells)) if cell not in PARTS}
    return ["Correct the names of the parts in the table: {}.".format(
        ", ".join("write {} in place of {}".format(part, cell) for cell, part in odd.items()))] if odd else []


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether the numbers are 0, 1, 2, ... or 1, 2, 3, ..."""
    numbers = [float(cell) for cell in cells]
    return numbers[0] in (0, 1) and all(after == before + 1 for before, after in zip(numbers, numbers[1:]))


def _is_number(cell: str) -> bool:
    try:
        table_file.number(cell)
    except ValueError:
        return False
    return cell.lower() not in table_file.MISSING
