"""Reads a table: a .csv or .tsv file with a line of column names and one line for each sample, or a .parquet file."""

import csv
import os
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from octet import regular_file
from octet.errors import DatasetError
from octet.suggestions import suggest

ENDINGS = (".csv", ".tsv", ".parquet")
MISSING = ("", "na", "n/a", "nan", "null", "none", "?")


class Table(NamedTuple):
    """columns: their names. rows: the cells of each sample, as texts. lines: the line number of each sample; in a
    .parquet file, the number of its row. unreadable: {column: its type} of columns that cannot be read."""

    path: str
    columns: List[str]
    rows: List[List[str]]
    lines: List[int]
    unreadable: Dict[str, str]

    def column(self, name: str, argument: str) -> List[str]:
        """The cells of one column. Raises DatasetError for an unknown column or an empty cell."""
        place = self.place(name, argument)
        cells = [row[place].strip() for row in self.rows]
        for cell, line in zip(cells, self.lines):
            if cell.lower() in MISSING:
                raise DatasetError("the column '{}' holds {!r}".format(name, cell), "{}:{}".format(self.path, line),
                                   "Every sample needs a value.", "Add the value, or remove the line.")
        return cells

    def place(self, name: str, argument: str) -> int:
        """The index of the column. Raises DatasetError for an unknown column, or one that cannot be read."""
        if name not in self.columns:
            raise DatasetError("there is no column {!r}".format(name), "data.args." + argument,
                               "{} has the columns {}.".format(self.path, ", ".join(self.columns)),
                               suggest(str(name), self.columns))
        if name in self.unreadable:
            raise DatasetError("the column {!r} holds {}".format(name, self.unreadable[name]), "data.args." + argument,
                               "Of {}, columns of numbers, words and times are read.".format(self.path),
                               "Write pictures or arrays into files of their own, with a column of their names.")
        return self.columns.index(name)

    def numbers(self, names: Sequence[str], argument: str) -> Any:
        """The cells of some columns, float64 [N, columns]. Raises DatasetError for a cell that is no finite number."""
        import numpy as np

        numbers = np.empty((len(self.rows), len(names)))
        for place, name in enumerate(names):
            for row, cell in enumerate(self.column(name, argument)):
                try:
                    numbers[row, place] = number(cell)
                except ValueError:
                    numbers[row, place] = np.nan
                if not np.isfinite(numbers[row, place]):
                    raise DatasetError(
                        "the column '{}' holds {!r}, which is no finite number".format(name, cell),
                        "{}:{}".format(self.path, self.lines[row]), "This column is read as numbers.",
                        "Write numbers with a decimal point, such as 0.5. A column of texts can be a label.")
        return numbers


def number(cell: str) -> float:
    """The number that a cell holds. Raises ValueError for a text, such as 1_000: Python would read it as 1000."""
    if "_" in cell:
        raise ValueError("{!r} has an underscore".format(cell))
    return float(cell)


def read(path: str) -> Table:
    """The table in a file. Raises DatasetError for a malformed table."""
    if not os.path.isfile(path):
        kind = regular_file.kind(path)
        raise DatasetError("it is {}, not a file".format(kind) if kind else "no such file", path,
                           "The dataset is read from it.",
                           "Check data.args.path in the recipe.")
    unreadable: Dict[str, str] = {}
    if path.lower().endswith(".parquet"):
        from octet.data import parquet_table

        columns, rows, unreadable = parquet_table.read(path)
        lines = list(range(1, len(rows) + 1))
    else:
        columns, rows, lines = _text(path)
    repeated = [name for name in columns if columns.count(name) > 1]
    if repeated:
        raise DatasetError("two columns have the name {!r}".format(repeated[0]), path + ":1",
                           "A name must identify a column.", "Give each column its own name.")
    return Table(path, columns, rows, lines, unreadable)


def _text(path: str) -> Tuple[List[str], List[List[str]], List[int]]:
    """(the names of the columns, the cells of each line, the number of each line) of a .csv or .tsv file."""
    rows, lines = [], []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
            columns = [name.strip() for name in next(reader, [])]
            for row in reader:
                if row and any(cell.strip() for cell in row):
                    rows.append(row)
                    lines.append(reader.line_num)
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError("not a readable table: {}".format(error), path, "It is read as UTF-8 text.",
                           "Save it again as CSV in UTF-8.") from None
    if "".join(columns).startswith("PK\x03\x04"):
        raise DatasetError("it is a zip file, such as a spreadsheet", path, "It is read as text.",
                           "Save the sheet as CSV in UTF-8.")
    if len(columns) < 2:
        raise DatasetError("its first line has {} column: {!r}".format(len(columns), "".join(columns)[:200]), path,
                           "It must contain the names of the columns, separated by commas, or by tabs in a .tsv file.",
                           "Save it with commas, or with tabs and a name that ends in .tsv.")
    for row, line in zip(rows, lines):
        if len(row) != len(columns):
            raise DatasetError("the line has {} cells, but there are {} columns".format(len(row), len(columns)),
                               "{}:{}".format(path, line), "Its cells may belong to other columns.",
                               "Put a cell that contains the separator into quotes.")
    return columns, rows, lines
