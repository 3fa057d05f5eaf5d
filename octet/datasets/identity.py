"""What a recipe's data is, by content: the digest of each part, and the files in it."""

import importlib
import inspect
import typing
from pathlib import Path
from typing import Dict, Optional

from octet import resolve
from octet.datasets.dataset import arguments
from octet.errors import DatasetError

CATALOGUE = "octet.datasets"


def is_ours(name: str) -> bool:
    """Whether the name is one of the catalogue's, not a file or module of the user's."""
    return resolve.is_member(name, CATALOGUE)


def digest(section: dict, folder: Path, part: str, where: str = "") -> str:
    """The digest of one part of the `data` section's dataset, as its own `digest` says.

    Raises DatasetError for arguments that do not fit, data that cannot be read, an answer that is
    no text."""
    function = _function(section, folder, "digest", where)
    args = arguments(section, folder)
    try:
        inspect.signature(function).bind(part, **args)
    except TypeError as error:
        raise DatasetError(
            "they do not fit the dataset '{}': {}".format(section["dataset"], error),
            where="data.args", why="digest(part, **args) and load(**args) take them.",
            next_step="its digest takes {}".format(inspect.signature(function))) from error
    source = resolve.source_file(section["dataset"], CATALOGUE, folder)
    with resolve.told("the {} part of '{}' has no digest".format(part, section["dataset"]), source, DatasetError,
                      where="data.dataset", next_step="mend the function or data.args"):
        try:
            found = _answer(function, section["dataset"], part, args)
        except (TypeError, ValueError, AttributeError) as error:
            _expect_types(function, args, error)
            raise
    if not isinstance(found, str):
        raise DatasetError(
            "digest('{}') of '{}' is {!r}, not a text".format(part, section["dataset"], found),
            where=section["dataset"], why="it tells this content of the part from any other.",
            next_step="return a sha256 in hex digits.")
    return found


def _answer(function, dataset: str, part: str, args: dict):
    try:
        return function(part, **args)
    except OSError as error:
        raise DatasetError(
            "cannot read the {} part of '{}': {}".format(part, dataset, error.strerror or error),
            where=str(error.filename or dataset),
            why="the content of the data is part of what an artifact is made of.",
            next_step="fetch the data, or correct data.args in the recipe.") from error


def unit(dataset: str) -> Optional[str]:
    """'file' or 'array': what a dataset of ours is made of, and has the function `files` or `arrays` for.
    None for any other."""
    if not is_ours(dataset):
        return None
    module = importlib.import_module("{}.{}".format(CATALOGUE, dataset))
    return next((one for one in ("file", "array") if hasattr(module, one + "s")), None)


def _expect_types(function, args: dict, error: Exception) -> None:
    """Raises DatasetError naming each argument that is not of the type that the function's signature says."""
    import pydantic  # here, where something is wrong already: a run with nothing to do has no need of it
    wrong = []
    for name, hint in typing.get_type_hints(function).items():
        try:
            pydantic.TypeAdapter(hint).validate_python(args.get(name), strict=True)
        except pydantic.ValidationError as problem:
            if name in args:
                wrong.append((name, "{!r}: {}".format(args[name], problem.errors()[0]["msg"])))
    if wrong:
        raise DatasetError("; ".join("{} is {}".format(*each) for each in wrong), where="data.args." + wrong[0][0],
                           why="the dataset takes {}".format(inspect.signature(function)),
                           next_step="correct data.args in the recipe") from error


def listing(section: dict, folder: Path, part: str) -> Optional[Dict[str, str]]:
    """{file or array: sha256} of one part; None where the dataset says none."""
    made_of = unit(section["dataset"])
    if made_of is None:
        return None
    return _function(section, folder, made_of + "s", "")(part, **arguments(section, folder))


def _function(section: dict, folder: Path, attribute: str, where: str):
    name, colon, _ = section["dataset"].partition(":")  # `./faces.py:load` has its digest beside it
    return resolve.load_attribute(name + (":" + attribute if colon else ""), CATALOGUE, attribute,
                                  folder, where)
