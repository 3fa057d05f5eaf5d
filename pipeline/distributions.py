"""Which installed distributions a set of imported names comes from, and their versions.

Read from the folders' own records (`*.dist-info`, `*.egg-info`), without importing anything; the
table of one folder is remembered until something is installed into it or removed.
"""

import functools
import json
import os
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Dict, Iterable, List, Optional

from octet import digest

INSTALLED = ("site-packages", "dist-packages")
ABSENT = "absent"

_PURPOSE = "distributions-1"


def versions(modules: Iterable[str], path: Optional[List[str]] = None) -> Dict[str, str]:
    """{distribution: version} of the top-level modules named. What no folder has is 'absent' under
    the module's own name: an import that is tried and fails is a fact about the artifact too. The
    standard library is left out: Python's version stands for it."""
    table: Dict[str, List[List[str]]] = {}
    for folder in folders(path):
        table = {**_table(folder), **table}
    found = {}
    for module in modules:
        if module in table:
            found.update({name: version for name, version in table[module]})
        elif not is_standard(module):
            found[module] = ABSENT
    return found


def folders(path: Optional[List[str]] = None) -> List[str]:
    """The folders of `path` (sys.path) that hold installed distributions, first one first."""
    return [entry for entry in (sys.path if path is None else path)
            if os.path.basename(entry.rstrip(os.sep)) in INSTALLED and os.path.isdir(entry)]


@functools.lru_cache(maxsize=None)
def is_standard(module: str) -> bool:
    """Whether a top-level module belongs to Python itself. Imports nothing."""
    if module in sys.builtin_module_names:
        return True
    names = [module + ".py", os.path.join(module, "__init__.py")]
    names += [module + suffix for suffix in EXTENSION_SUFFIXES]
    return any(os.path.isfile(os.path.join(place, name)) for place in _standard_folders() for name in names)


@functools.lru_cache(maxsize=None)
def _standard_folders() -> List[str]:
    folders = dict.fromkeys(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))
    return [place for folder in folders for place in (folder, os.path.join(folder, "lib-dynload"))]


def _table(folder: str) -> Dict[str, List[List[str]]]:
    return json.loads(digest.cached(folder, _PURPOSE, lambda path: json.dumps(_read(Path(path)))))


def _read(folder: Path) -> Dict[str, List[List[str]]]:
    """{top-level module: [[distribution, version], ...]} of one folder."""
    table: Dict[str, List[List[str]]] = {}
    for record in sorted(folder.glob("*.dist-info")) + sorted(folder.glob("*.egg-info")):
        name, _, version = record.name.rpartition(".")[0].partition("-")
        # An egg's name goes on with the Python version: name-1.0-py3.7.egg-info
        owner = [name.replace("_", "-").lower(), version.split("-")[0]]
        for module in _top_level(record):
            table.setdefault(module, []).append(owner)
    return table


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
