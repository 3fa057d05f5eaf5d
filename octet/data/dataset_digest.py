"""Identifies a recipe's data by its content: the digest of each part, and of its files."""

import importlib
from pathlib import Path
from typing import Any, Callable, Dict, Optional

from octet import lookup
from octet.data.dataset import arguments
from octet.errors import DatasetError
from octet.recipe.signatures import expect
from octet.user_code import translated_errors


def is_ours(name: str) -> bool:
    """Whether the name is a dataset of the catalogue, and not a file or module of the user."""
    return lookup.is_member(name, lookup.DATASETS)


def digest(section: Dict[str, Any], folder: Path, part: str) -> str:
    """The digest of one part of the dataset that the section `data` names, by the dataset's own `digest`.

    Raises DatasetError for wrong arguments, for data that cannot be read, and for a digest that is no text."""
    function = _function(section, folder, "digest")
    args = arguments(section, folder)
    expect(function, args, "data.args", DatasetError, positional=1)
    source = lookup.source_file(section["dataset"], lookup.DATASETS, folder)
    with translated_errors("the {} part of '{}' has no digest".format(part, section["dataset"]), source, DatasetError,
                           where="data.dataset", next_step="correct the function or data.args"):
        found = _answer(function, section["dataset"], part, args)
    if not isinstance(found, str):
        raise DatasetError(
            "digest('{}') of '{}' is {!r}, not a text".format(part, section["dataset"], found),
            where=section["dataset"], why="it tells this content of the part from any other.",
            next_step="return a sha256 in hex digits.")
    return found


def _answer(function: Callable[..., Any], dataset: str, part: str, args: Dict[str, Any]) -> Any:
    try:
        return function(part, **args)
    except OSError as error:
        raise DatasetError(
            "cannot read the {} part of '{}': {}".format(part, dataset, error.strerror or error),
            where=str(error.filename or dataset),
            why="the content of the data is part of what an artifact is made of.",
            next_step="fetch the data, or correct data.args in the recipe.") from error


def unit(dataset: str) -> Optional[str]:
    """'file' or 'array', where a dataset of the catalogue consists of them and has the function `files` or `arrays`;
    None for any other."""
    if not is_ours(dataset):
        return None
    module = importlib.import_module("{}.{}".format(lookup.DATASETS, dataset))
    return next((one for one in ("file", "array") if hasattr(module, one + "s")), None)


def left_out(section: Dict[str, Any], folder: Path) -> int:
    """How many files of the data are of no part and are not read; 0 for a dataset that does not count them."""
    if not is_ours(section["dataset"]):
        return 0
    module = importlib.import_module("{}.{}".format(lookup.DATASETS, section["dataset"]))
    return int(module.left_out(**arguments(section, folder))) if hasattr(module, "left_out") else 0


def listing(section: Dict[str, Any], folder: Path, part: str) -> Optional[Dict[str, str]]:
    """{file or array: sha256} of one part; None where the dataset does not list them."""
    made_of = unit(section["dataset"])
    if made_of is None:
        return None
    found: Dict[str, str] = _function(section, folder, made_of + "s")(part, **arguments(section, folder))
    return found


def _function(section: Dict[str, Any], folder: Path, attribute: str) -> Any:
    name, colon, _ = section["dataset"].partition(":")  # `./faces.py:load` has its digest beside it
    return lookup.load_attribute(name + (":" + attribute if colon else ""), lookup.DATASETS, attribute,
                                  folder)
