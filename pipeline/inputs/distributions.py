"""Finds the installed distributions of imported modules, and their versions.

They are read from the metadata folders (`*.dist-info`, `*.egg-info`), without importing anything. The table of a folder
is cached until something is installed into it or removed from it.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, List, Optional, Tuple

from octet import digest
from octet.installed_files import FOLDERS as INSTALLED

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    class _Table(TypedDict):
        """owners: {top-level module: its distributions}. installed: {distribution: (version, requirements)}."""

        owners: Dict[str, List[str]]
        installed: Dict[str, _Installed]

ABSENT = "absent"

_PURPOSE = "distributions-2"

_Installed = Tuple[str, List[str]]
"""(version, the names of the distributions that it requires)."""

INERT = {
    "tensorboard": "it only displays events, which are by-products",
    "setuptools": "it only installs distributions, each of which has a version of its own",
    "wheel": "likewise",
}
"""{distribution: reason} of distributions that enter no key if they are only required and not imported."""


def versions(modules: Iterable[str], path: Optional[List[str]] = None) -> Dict[str, str]:
    """{distribution: version} of the named top-level modules and of the installed distributions that those require,
    directly or not. (For example, TensorFlow requires protobuf, which writes the graphs.)

    A module that is not found is 'absent' under its own name, because a failing import may affect the artifact. The
    standard library is left out; Python's version covers it."""
    owners: Dict[str, List[str]] = {}
    installed: Dict[str, _Installed] = {}
    for folder in folders(path):
        table = _table(folder)
        owners = {**table["owners"], **owners}
        installed = {**table["installed"], **installed}
    version_of: Dict[str, str] = {}
    todo: List[str] = []
    for module in modules:
        if module in owners:
            todo += owners[module]
        elif not is_standard(module):
            version_of[module] = ABSENT
    while todo:
        name = todo.pop()
        if name not in version_of:
            version_of[name], required = installed[name]
            todo += [other for other in required if other in installed and other not in INERT]
    return version_of


def folders(path: Optional[List[str]] = None) -> List[str]:
    """The folders of `path` (by default sys.path) that contain installed distributions, in that order."""
    return [entry for entry in (sys.path if path is None else path)
            if os.path.basename(entry.rstrip(os.sep)) in INSTALLED and os.path.isdir(entry)]


@functools.lru_cache(maxsize=None)
def is_standard(module: str) -> bool:
    """Whether a top-level module belongs to the standard library. Imports nothing."""
    if module in sys.builtin_module_names:
        return True
    names = [module + ".py", os.path.join(module, "__init__.py")]
    names += [module + suffix for suffix in EXTENSION_SUFFIXES]
    return any(os.path.isfile(os.path.join(place, name)) for place in _standard_folders() for name in names)


@functools.lru_cache(maxsize=None)
def _standard_folders() -> List[str]:
    folders = dict.fromkeys(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))
    return [place for folder in folders for place in (folder, os.path.join(folder, "lib-dynload"))]


def _table(folder: str) -> _Table:
    table: _Table = json.loads(digest.cached(folder, _PURPOSE, lambda path: json.dumps(_read(Path(path)))))
    return table


def _read(folder: Path) -> _Table:
    owners: Dict[str, List[str]] = {}
    installed: Dict[str, _Installed] = {}
    for record in sorted(folder.glob("*.dist-info")) + sorted(folder.glob("*.egg-info")):
        name, _, version = record.name.rpartition(".")[0].partition("-")
        # An egg's name continues with the Python version: name-1.0-py3.7.egg-info
        installed[_normal(name)] = version.split("-")[0], _required(record)
        for module in _top_level(record):
            owners.setdefault(module, []).append(_normal(name))
    return {"owners": owners, "installed": installed}


def _required(record: Path) -> List[str]:
    """The distributions that a distribution requires, without those of its extras. Other markers are ignored: a
    distribution that they exclude is rarely installed, and its version in the key does no harm."""
    try:
        head = (record / "METADATA").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return []  # an egg, a format that is no longer made
    lines = [line.partition(":")[2] for line in head.splitlines() if line.startswith("Requires-Dist:")]
    names = [re.match(r"[\w.-]*", line.strip()) for line in lines if not re.search(r";.*\bextra\b", line)]
    return sorted({_normal(name.group()) for name in names if name})


def _normal(name: str) -> str:
    """The normal form of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _top_level(record: Path) -> List[str]:
    listed = record / "top_level.txt"
    if listed.is_file():
        names = listed.read_text(encoding="utf-8", errors="replace").split()
        return sorted({name.replace("\\", "/").split("/")[0] for name in names})
    try:
        lines = (record / "RECORD").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    paths = [line.split(",")[0] for line in lines]
    return sorted({_module(path) for path in paths if _module(path).isidentifier()})


def _module(path: str) -> str:
    first, slash, _ = path.partition("/")
    return first if slash else first.split(".")[0]
