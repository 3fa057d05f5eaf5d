"""Imports a module by its dotted path. Its top-level package is looked up in a given folder, then as an installed
one."""

import importlib
import inspect
import sys
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Iterator, List, Optional

from octet.errors import RecipeError
from octet.suggestions import suggest


def import_dotted(dotted: str, folder: Path, where: str) -> ModuleType:
    """Imports and returns the module. A part of the path may also be a module that is an attribute of its parent.

    where: the recipe's key, for errors. Raises RecipeError for an unknown module, and any error of the module's
    code."""
    with _importable(dotted.split(".")[0], folder):
        return _walked(dotted, where)


def public_names(module: ModuleType, is_listed: Callable[[Any], bool]) -> List[str]:
    """The public names in a module for whose values `is_listed` is true. Names that the module computes on access, as
    TensorFlow's modules do, are all included: to compute them would load modules and print deprecation warnings."""
    known = vars(module)
    return [name for name in dir(module) if not name.startswith("_")
            and (name not in known or is_listed(known[name]))]


def _walked(dotted: str, where: str) -> ModuleType:
    done, *rest = dotted.split(".")
    module = importlib.import_module(done)
    for part in rest:
        before, done = done, done + "." + part
        try:
            module = importlib.import_module(done)
        except ModuleNotFoundError as error:
            attribute = getattr(module, part, None)
            if error.name != done:
                raise  # the module exists, and imports a missing one
            if attribute is None:
                raise RecipeError("no module '{}' in {}".format(part, before), where=where,
                                  why="the recipe names it",
                                  next_step=suggest(part, public_names(module, inspect.ismodule))) from None
            if not inspect.ismodule(attribute):
                raise RecipeError("'{}' in {} is not a module".format(part, before), where=where,
                                  why="the part before the colon must be a module",
                                  next_step="write the function after a colon: {}:{}".format(
                                      before, part)) from None
            module = attribute
    return module


@contextmanager
def _importable(top: str, folder: Path) -> Iterator[None]:
    """Inside the block, `import top` searches the folder first. Other imports are not affected."""
    class Finder:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
            return PathFinder.find_spec(name, [str(folder)]) if name == top else None

    importlib.invalidate_caches()
    sys.meta_path.insert(0, Finder)
    try:
        yield
    finally:
        sys.meta_path.remove(Finder)
