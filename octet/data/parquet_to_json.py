"""A script that prints a Parquet file as text.

    python -I parquet_to_json.py FILE

Prints {"columns": names, "cells": [those of each column], "unreadable": {column: its type}} or {"error": words}.
pyarrow is imported here alone: it starts threads, which a process must not have that forks, and a damaged file can end
the process that reads it.
"""

import datetime
import json
import os
import sys
from typing import Any, Dict, List

MISSING = "pyarrow is not installed"


def text(path: str) -> Dict[str, Any]:
    """What is printed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return {"error": MISSING}
    types = pyarrow.types
    try:
        table = parquet.ParquetFile(path).read(use_threads=False)
    except (pyarrow.ArrowException, OSError) as error:
        return {"error": str(error).split("\n")[0]}
    cells: List[List[str]] = []
    unreadable = {}
    for name, column in zip(table.column_names, table.columns):
        kind = column.type.value_type if types.is_dictionary(column.type) else column.type
        if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(
                kind):
            unreadable[name] = str(kind)
            cells.append([""] * table.num_rows)
            continue
        if types.is_timestamp(kind):  # nanoseconds cannot be Python's times
            column = column.cast(pyarrow.timestamp("us", kind.tz), safe=False)
        cells.append([_cell(value) for value in column.to_pylist()])
    return {"columns": table.column_names, "cells": cells, "unreadable": unreadable}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return str(value)


if __name__ == "__main__":
    json.dump(text(sys.argv[1]), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # threads of pyarrow may never end
