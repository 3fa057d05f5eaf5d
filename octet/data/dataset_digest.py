"""Identifies a recipe's data by its content: the digests of its parts, and of their files."""

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
    """The digest of one part, computed by the function `digest` of the dataset that the section `data` names.

    Raises DatasetError for wrong arguments, for data that cannot be read, and for a digest that is no text."""
    function = _function(section, folder, "digest")
    args = arguments(section, folder)
    expect(function, args, "data.args", DatasetError, positional=1)
    source = lookup.source_file(section["dataset"], lookup.DATASETS, folder)
    with translated_errors("the {} part of '{}' has no digest".format(part, section["dataset"]), source, DatasetError,
                           where="data.dataset", next_step="correct the function or data.args"):
        sha256 = _call(function, section["dataset"], part, args)
    if not isinstance(sha256, str):
        raise DatasetError(
            "digest('{}') of '{}' is {!r}, not a text".format(part, section["dataset"], sha256),
            where=section["dataset"], why="it identifies the content of the part.",
            next_step="return a sha256 in hex digits.")
    return sha256


def _call(function: Callable[..., Any], dataset: str, part: str, args: Dict[str, Any]) -> Any:
    try:
        return function(part, **args)
    except OSError as error:
        raise DatasetError(
            "cannot read the {} part of '{}': {}".format(part, dataset, error.strerror or error),
            where=str(error.filename or dataset),
            why="its digest is part of the key of the artifacts.",
            next_step="fetch the data, or correct data.args in the recipe.") from error


def unit(dataset: str) -> Optional[str]:
    """'file' or 'array' for a dataset of the catalogue that has the function `files` or `arrays`; None for any
    other."""
    if not is_ours(dataset):
        return None
    module = importlib.import_module("{}.{}".format(lookup.DATASETS, dataset))
    return next((one for one in ("file", "array") if hasattr(module, one + "s")), None)


def expect_kept_as_said(section: Dict[str, Any]) -> None:
    """Raises DatasetError if `data.keep` is 'encoded' but a sample is not decoded from its own file."""
    if section.get("keep", "decoded") == "decoded":
        return
    name = section["dataset"]
    module: Any = importlib.import_module("{}.{}".format(lookup.DATASETS, name)) if is_ours(name) else None
    if not hasattr(module, "decodes_files") or not module.decodes_files(**(section.get("args") or {})):
        raise DatasetError(
            "keep is encoded, but the samples of '{}' are not separate files".format(name), "data.keep",
            "Only files can be kept encoded: the pictures of image_folder, and those of a table with `file`.",
            "Write keep: decoded, or leave it out.")


def left_out(section: Dict[str, Any], folder: Path) -> int:
    """The number of files that belong to no part and are not read; 0 for a dataset that does not count them."""
    if not is_ours(section["dataset"]):
        return 0
    module = importlib.import_module("{}.{}".format(lookup.DATASETS, section["dataset"]))
    return int(module.left_out(**arguments(section, folder))) if hasattr(module, "left_out") else 0


def listing(section: Dict[str, Any], folder: Path, part: str) -> Optional[Dict[str, str]]:
    """{file or array: sha256} of one part; None if the dataset does not list them."""
    kind = unit(section["dataset"])
    if kind is None:
        return None
    sha256_of: Dict[str, str] = _function(section, folder, kind + "s")(part, **arguments(section, folder))
    return sha256_of


def _function(section: Dict[str, Any], folder: Path, attribute: str) -> Any:
    name, colon, _ = section["dataset"].partition(":")  # the digest for `./faces.py:load` is in the same file
    return lookup.load_attribute(name + (":" + attribute if colon else ""), lookup.DATASETS, attribute,
                                  folder)
