"""Reads a Parquet file as the text that a .csv file of the same table would hold."""

import json
import subprocess
import sys
from typing import Dict, List, NamedTuple

from octet.data import parquet_to_json
from octet.errors import DatasetError


class Cells(NamedTuple):
    """columns: their names. rows: the cells of each row. unreadable: {column: its type} of the columns whose cells are
    no text, number or time; their cells are ''."""

    columns: List[str]
    rows: List[List[str]]
    unreadable: Dict[str, str]


def read(path: str) -> Cells:
    """The cells of a Parquet file. Where a row has no value, its cell is ''. True is 1, and false is 0. Times are
    written as 2024-01-31 12:30:00, in UTC where they have a time zone. Raises DatasetError where pyarrow is not
    installed, or the file is no Parquet file."""
    done = subprocess.run([sys.executable, "-I", parquet_to_json.__file__, path], stdin=subprocess.DEVNULL,
                          capture_output=True)
    found = json.loads(done.stdout.decode("utf-8")) if done.returncode == 0 else {
        "error": "the process that read it ended with {}: {}".format(
            done.returncode, done.stderr.decode("utf-8", "replace")[-500:])}
    if found.get("error") == parquet_to_json.MISSING:
        raise DatasetError("a Parquet table needs pyarrow, which is not installed", path, "It is no text.",
                           "Install it with `pip install 'pyarrow >= 12, < 13'`, or save the table as CSV.")
    if "error" in found:
        raise DatasetError("not a readable Parquet file: {}".format(found["error"]), path,
                           "Its name ends in .parquet.", "Write it anew, or save the table as CSV.")
    return Cells(found["columns"], [list(row) for row in zip(*found["cells"])], found["unreadable"])
