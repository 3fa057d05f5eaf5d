"""Finds the files that an import statement runs."""

import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Dict, FrozenSet, List, Optional, Sequence


class Modules:
    """The modules below some folders at one moment. Results are cached."""

    def __init__(self) -> None:
        self.links: Dict[str, str] = {}  # {path as an import writes it: real path}, where they differ
        self._packages: Dict[str, Optional[Path]] = {}
        self._modules: Dict[str, Optional[Path]] = {}
        self._listings: Dict[str, FrozenSet[str]] = {}

    def files(self, bases: Sequence[Path], parts: Sequence[str], names: Sequence[str]) -> List[Path]:
        """The files that `from <parts> import <names>` runs, with each `__init__.py` on the way; for `from . import x`,
        also that of the folder itself. They are taken from the first of the folders `bases` that has any. Symbolic
        links are followed."""
        for base in bases:
            files = self._on_the_way(str(base), parts)
            for name in names:
                files += self._on_the_way(str(base), [*parts, name])
            if files:
                return files
        return []

    def _on_the_way(self, base: str, parts: Sequence[str]) -> List[Path]:
        """The files of the package, subpackages and module that the dotted path `parts` names, below the folder `base`;
        for an empty path, the `__init__.py` of `base`."""
        if not parts:
            files = [self._package(base)]
        else:
            files, path = [], base
            for part in parts:
                path = path + "/" + part
                files.append(self._module(path))
        return [file for file in files if file is not None]

    def _module(self, path: str) -> Optional[Path]:
        """The file of the package, compiled module or plain module at `path`, in Python's order of precedence."""
        if path not in self._modules:
            self._modules[path] = self._package(path) or next(
                (file for file in (self._file(path + suffix) for suffix in (*EXTENSION_SUFFIXES, ".py")) if file), None)
        return self._modules[path]

    def _package(self, path: str) -> Optional[Path]:
        if path not in self._packages:
            self._packages[path] = self._file(path + "/__init__.py") if self._is_listed(path) else None
        return self._packages[path]

    def _file(self, path: str) -> Optional[Path]:
        if not self._is_listed(path) or not os.path.isfile(path):
            return None
        real = os.path.realpath(path)
        if real != path:
            self.links[path] = real
        return Path(real)

    def _is_listed(self, path: str) -> bool:
        """Whether its folder has an entry of that name. Each folder is listed only once, since most names do not
        exist."""
        folder, name = os.path.split(path)
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(os.listdir(folder or "/"))
            except OSError:
                self._listings[folder] = frozenset()
        return name in self._listings[folder]
