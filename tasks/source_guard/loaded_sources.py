"""Finds modules that a stage's process imported from outside the private copy of its source."""

import os
import sys
import tempfile
from types import ModuleType
from typing import List

from octet.errors import SourceError
from octet.installed_files import is_installed


def check() -> None:
    """Raises SourceError, which names the import, for a module that no key covers: its code could change, and the
    artifact would still count as fresh.

    Every other module belongs to Python, is installed, or lies in the process's own temporary folder. That folder holds
    the copy of the source, and the files that AutoGraph writes for the `call` of a subclassed Keras model."""
    strangers = [module for module in list(sys.modules.values()) if _is_source(module)]
    if not strangers:
        return
    raise SourceError(
        "the import of {} is not visible in the stage's source".format(
            _listed([module.__name__ for module in strangers])),
        where=", ".join(sorted(str(module.__file__) for module in strangers)),
        why="\n".join("{} is imported by {}".format(
            module.__name__, _listed(_importers(module)) or "a name computed at run time")
            for module in strangers) +
        "\na stage's key must cover all source that it runs, and this module is not in it",
        next_step="import it by a plain statement where it is used: import {}".format(
            strangers[0].__name__))


def _is_source(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if not file or not os.path.isabs(file):
        return False
    if _is_below(file, tempfile.gettempdir()):
        return False
    if is_installed(file):
        return False
    library = os.path.join("lib", "python{}.{}".format(*sys.version_info[:2]))
    return not any(_is_below(file, os.path.join(prefix, library)) for prefix in (sys.prefix, sys.base_prefix))


def _is_below(file: str, folder: str) -> bool:
    return os.path.realpath(file).startswith(os.path.realpath(folder) + os.sep)


def _importers(stranger: ModuleType) -> List[str]:
    """The modules of Octet's or the user's source that hold the stranger, or an object that it defines."""
    return sorted(
        module.__name__ for module in list(sys.modules.values())
        if module is not stranger and _is_copy(module) and any(
            value is stranger or getattr(value, "__module__", None) == stranger.__name__
            for value in list(vars(module).values())))


def _is_copy(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and file != "" and _is_below(file, tempfile.gettempdir())


def _listed(names: List[str]) -> str:
    return ", ".join(repr(name) for name in names)
