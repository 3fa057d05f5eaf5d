"""The arguments of the dataset `table`, and the check of the columns that they name."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet.data.table_file import Table
from octet.errors import DatasetError

COLUMNS = ("file", "features", "label", "labels", "value", "part", "weight")
"""The arguments that name columns."""


class Arguments(NamedTuple):
    """The arguments of `octet.datasets.table.load`."""

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
    ending: str = ""


def used_columns(arguments: Arguments) -> List[str]:
    """The names of the columns that are read, without those of `split`."""
    return [name for name in (arguments.file, arguments.label, arguments.part, arguments.weight,
                              *(arguments.features or ()), *(arguments.labels or ()), *(arguments.value or ())) if name]


def expect_columns(table: Table, arguments: Arguments) -> None:
    """Raises DatasetError for a column that does not exist, is named twice, or is both an input and a target."""
    named = {argument: [getattr(arguments, argument)] if argument in ("file", "label", "part", "weight") else list(
        getattr(arguments, argument)) for argument in COLUMNS if getattr(arguments, argument)}
    for argument, columns in named.items():
        for name in columns:
            table.place(name, argument)
            if columns.count(name) > 1:
                raise DatasetError("the column '{}' is named twice".format(name), "data.args." + argument,
                                   "Each column is read once.", "Name it once.")
    inputs = named.get("file", []) + named.get("features", [])
    targets = [(name, argument) for argument in ("label", "labels", "value") for name in named.get(argument, [])]
    if inputs == [name for name, _ in targets]:  # an autoencoder
        return
    for name, argument in targets:
        if name in inputs:
            raise DatasetError("the column '{}' is an input as well".format(name), "data.args." + argument,
                               "A network that gets the target as an input learns nothing.",
                               "Leave it out of the inputs.")
