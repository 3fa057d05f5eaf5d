"""Imports the private copy of the source without writing its bytecode.

The copy is removed when the process ends, so nobody would read the bytecode, and to write it costs a tenth of an
import. Installed modules keep their bytecode caches."""

import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from typing import Any


class _Loader(SourceFileLoader):
    """Loads a module from its source. Python's loader calls `set_data` only to write bytecode."""

    def set_data(self, path: Any, data: Any, *, _mode: int = 0o666) -> None:
        pass


_new_finder = FileFinder.path_hook((ExtensionFileLoader, EXTENSION_SUFFIXES), (_Loader, SOURCE_SUFFIXES),
                                   (SourcelessFileLoader, BYTECODE_SUFFIXES))


def install(folder: str) -> None:
    """Writes no bytecode for modules below `folder` that are imported later."""
    def hook(path: str) -> Any:
        if not os.path.join(path, "").startswith(os.path.join(folder, "")):
            raise ImportError(path)  # the next hook takes it
        return _new_finder(path)
    sys.path_hooks.insert(0, hook)
    for path in [path for path in sys.path_importer_cache if path.startswith(folder)]:
        del sys.path_importer_cache[path]
